//! Files damaged in transit: truncated, with a broken wire format, and files that are not ONNX at all.

use super::allocator::peak_of;
use super::samples::{Parts, graph, model, model_of, node, rich};
use super::trial::{Refused, each_is_refused, try_bytes};
use super::wire::{FIXED_32, FIXED_64, GROUP_END, GROUP_START, LENGTH, Message, VARINT};

#[test]
fn the_samples_themselves_are_accepted() {
    assert_eq!(try_bytes("small", Parts::small().bytes()), Ok(()));
    assert_eq!(try_bytes("rich", rich()), Ok(()));
}

#[test]
fn a_file_cut_short_anywhere_is_an_error_or_a_model() {
    for bytes in [Parts::small().bytes(), rich()] {
        let mut accepted = 0;
        for keep in 0..bytes.len() {
            let answer = try_bytes(&format!("cut at {keep}"), bytes[..keep].to_vec());
            accepted += usize::from(answer.is_ok());
        }
        // Only a cut between two fields of the model itself can leave a model.
        assert!(accepted < 8, "{accepted} of {} cuts were taken for whole", bytes.len());
    }
}

#[test]
fn what_is_no_onnx_is_refused() {
    let no_model = |name, bytes: &[u8]| Refused { name, bytes: bytes.to_vec(), says: &["no ONNX model"] };
    each_is_refused(vec![
        no_model("nothing", b""),
        no_model("a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        no_model("a text", b"Once upon a time there was a model."),
        no_model("zeros", &[0; 64]),
        no_model("ones", &[0xff; 64]),
        no_model("a pickle", b"\x80\x02}q\0."),
        no_model("a zip archive", b"PK\x03\x04\x14\0\0\0\x08\0"),
        no_model("only a version", &Message::new().int(1, 8).0),
    ]);
}

#[test]
fn broken_wire_format_is_refused() {
    let small = || Parts::small().graph();
    let refused = |name, message: Message| Refused { name, bytes: message.0, says: &["no ONNX model"] };
    let in_graph = |extra: Message| model_of(&small().raw(&extra.0));
    each_is_refused(vec![
        refused("a graph that is a number", Message::new().int(model::GRAPH, 3)),
        refused("a node that is a number", in_graph(Message::new().int(graph::NODE, 3))),
        refused("a name that is a number", in_graph(Message::new().int(graph::NAME, 3))),
        refused("a name of four bytes", in_graph(Message::new().tag(graph::NAME, FIXED_32).raw(&[0; 4]))),
        refused("a version of eight bytes", model_of(&small()).tag(1, FIXED_64).raw(&[0; 8])),
        refused("a version that is a text", model_of(&small()).text(1, "8")),
        refused("a number without an end", model_of(&small()).tag(1, VARINT).raw(&[0xff; 10])),
        refused("a number of eleven bytes", model_of(&small()).tag(1, VARINT).raw(&[0x80; 10]).raw(&[1])),
        refused("field 0", model_of(&small()).tag(0, VARINT).number(1)),
        refused("wire type 6", model_of(&small()).tag(1, 6)),
        refused("wire type 7", model_of(&small()).tag(9, 7)),
        refused("a group that ends without a start", model_of(&small()).tag(9, GROUP_END)),
        refused("a group without an end", model_of(&small()).tag(9, GROUP_START)),
        refused("a group that ends as another", model_of(&small()).tag(9, GROUP_START).tag(10, GROUP_END)),
        refused("a length beyond the file", model_of(&small()).claim(model::METADATA, 1000)),
        refused("a length of 2^62", model_of(&small()).claim(model::GRAPH, 1 << 62)),
        refused("a length of 2^64 - 1", model_of(&small()).claim(99, u64::MAX)),
        refused("a length beyond its message", in_graph(Message::new().claim(graph::NODE, 1000))),
        refused("an unknown field without its bytes", model_of(&small()).tag(99, LENGTH)),
    ]);
}

#[test]
fn names_that_are_no_text_are_refused() {
    let bad = b"na\xffme";
    let in_node = |field: u32| {
        let mut parts = Parts::small();
        parts.nodes[0] = parts.nodes[0].clone().bytes(field, bad);
        parts.bytes()
    };
    let refused = |name, bytes| Refused { name, bytes, says: &["no ONNX model"] };
    each_is_refused(vec![
        refused("a node's name", in_node(node::NAME)),
        refused("an operation", in_node(node::OP_TYPE)),
        refused("a domain", in_node(node::DOMAIN)),
        refused("an input", in_node(node::INPUT)),
        refused("an output", in_node(node::OUTPUT)),
        refused("a graph's name", model_of(&Parts::small().graph().bytes(graph::NAME, bad)).0),
        refused("a producer", model_of(&Parts::small().graph()).bytes(2, bad).0),
    ]);
}

#[test]
fn the_counter_counts() {
    let (kept, peak) = peak_of(|| {
        drop(vec![1u8; 3_000_000]);
        vec![1u8; 1_000_000]
    });
    assert!((3_000_000..3_100_000).contains(&peak), "{peak}");
    assert_eq!(peak_of(|| kept.len()), (1_000_000, 0));
}
