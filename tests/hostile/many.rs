//! Files damaged at random, and files that are long: what takes the most time of what is made to break the reader.

use super::samples::{Parts, batch_of, model, model_of, node, node_of, rich};
use super::trial::{Random, try_bytes};
use super::wire::Message;

#[test]
fn flipped_bits_are_an_error_or_a_model() {
    let originals = [Parts::small().bytes(), rich()];
    for round in crate::cases(6_000) {
        let mut random = Random(round);
        let mut bytes = originals[(round % 2) as usize].clone();
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        let _ = try_bytes(&format!("flips, round {round}"), bytes);
    }
}

#[test]
fn bytes_out_of_place_are_an_error_or_a_model() {
    let original = rich();
    for round in crate::cases(4_000) {
        let mut random = Random(!round);
        let mut bytes = original.clone();
        let (from, to) = (random.below(bytes.len()), random.below(bytes.len()));
        let length = 1 + random.below(40).min(bytes.len() - from.max(to) - 1);
        match random.below(4) {
            0 => drop(bytes.drain(from..from + length)),
            1 => bytes.copy_within(from..from + length, to),
            2 => (0..length).for_each(|i| bytes[from + i] = random.next() as u8),
            _ => {
                let piece = bytes[from..from + length].to_vec();
                drop(bytes.splice(to..to, piece));
            }
        }
        let _ = try_bytes(&format!("out of place, round {round}"), bytes);
    }
}

#[test]
fn a_file_of_nothing_but_empty_messages_takes_memory_in_proportion() {
    let many = |field: u32| Message::new().raw(&Message::new().claim(field, 0).0.repeat(crate::length(200_000)));
    let in_graph = |field: u32| model_of(&Parts::small().graph().raw(&many(field).0)).0;
    let in_node = |field: u32| {
        let mut parts = Parts::small();
        parts.nodes[1] = parts.nodes[1].clone().raw(&many(field).0);
        parts.bytes()
    };
    for field in (1..=16).filter(|f| ![3, 4, 6, 7, 8, 9].contains(f)) {
        let _ = try_bytes(&format!("empty messages in field {field} of the graph"), in_graph(field));
    }
    for field in [node::INPUT, node::OUTPUT, node::ATTRIBUTE, 9, 10] {
        let _ = try_bytes(&format!("empty messages in field {field} of a node"), in_node(field));
    }
    for field in [model::OPSET, model::METADATA, model::FUNCTION, 20, 26] {
        let bytes = model_of(&Parts::small().graph()).raw(&many(field).0).0;
        let _ = try_bytes(&format!("empty messages in field {field} of the model"), bytes);
    }
}

/// A chain is depth as well, for whoever walks from node to node by recursion.
#[test]
fn a_long_chain_does_no_harm() {
    let length = crate::length(20_000);
    let name = |i: usize| if i == 0 { "x".to_owned() } else { format!("v{i}") };
    let ops = ["Relu", "Identity", "Neg"];
    let nodes = (0..length).map(|i| node_of("", ops[i % 3], &[&name(i)], &[&name(i + 1)])).collect();
    let mut parts = Parts::small();
    (parts.nodes, parts.initializers, parts.infos) = (nodes, Vec::new(), Vec::new());
    parts.outputs = vec![batch_of(&name(length), 3)];
    assert_eq!(try_bytes("a chain", parts.bytes()), Ok(()));
}
