//! Tensors whose numbers do not add up.

use super::samples::{
    FLOAT, INT64, Parts, Size, attribute, batch_of, changed, floats, graph, integers, kind, model_of, node, node_of,
    tensor, tensor_of, tensor_type, value, with_tensor,
};
use super::trial::{Refused, each_is_refused, try_bytes};
use super::wire::Message;

fn refused(name: &'static str, says: &'static [&'static str], tensor: Message) -> Refused {
    Refused { name, says, bytes: with_tensor(&tensor, "odd") }
}

#[test]
fn data_that_disagrees_with_its_dimensions_is_refused() {
    let raw = |dims: &[i64], bytes: usize| tensor_of("odd", FLOAT, dims).bytes(tensor::RAW, &vec![0; bytes]);
    let typed = |dims: &[i64], count: usize| {
        tensor_of("odd", FLOAT, dims).bytes(tensor::FLOATS, &0.5f32.to_le_bytes().repeat(count))
    };
    let both = raw(&[2], 8).bytes(tensor::FLOATS, &[0; 8]);
    let elsewhere = tensor_of("odd", FLOAT, &[2]).bytes(tensor::INT64S, &[1, 2]);
    each_is_refused(vec![
        refused("too few bytes", &["odd"], raw(&[2, 3], 20)),
        refused("too many bytes", &["odd"], raw(&[2, 3], 28)),
        refused("a torn element", &["odd"], raw(&[2, 3], 23)),
        refused("no bytes", &["odd"], tensor_of("odd", FLOAT, &[2, 3])),
        refused("bytes of no element", &["odd"], raw(&[2, 0], 8)),
        refused("too few numbers", &["odd"], typed(&[2, 3], 5)),
        refused("too many numbers", &["odd"], typed(&[2, 3], 7)),
        refused("bytes and numbers", &["odd"], both),
        refused("numbers of another type", &["odd"], elsewhere),
        refused("half a float", &["no ONNX model"], tensor_of("odd", FLOAT, &[1]).bytes(tensor::FLOATS, &[0; 3])),
        refused("texts in bytes", &["odd"], tensor_of("odd", 8, &[1]).bytes(tensor::RAW, b"text")),
        refused("element type 0", &["odd"], tensor_of("odd", 0, &[1]).bytes(tensor::RAW, &[0; 4])),
        refused("element type 99", &["odd", "99"], tensor_of("odd", 99, &[1]).bytes(tensor::RAW, &[0; 4])),
        refused("element type -1", &["odd", "-1"], tensor_of("odd", -1, &[1]).bytes(tensor::RAW, &[0; 4])),
    ]);
}

#[test]
fn gigantic_and_negative_dimensions_are_refused() {
    let claims = |dims: &[i64]| tensor_of("odd", FLOAT, dims).bytes(tensor::RAW, &[0; 16]);
    each_is_refused(vec![
        refused("a negative dimension", &["odd"], claims(&[-4])),
        refused("two negative dimensions", &["odd"], claims(&[-2, -2])),
        refused("the least number", &["odd"], claims(&[i64::MIN])),
        refused("the greatest number", &["odd"], claims(&[i64::MAX])),
        refused("a product that wraps to 4", &["odd"], claims(&[1 << 62, 4, 1, 4])),
        refused("a product that wraps to 0", &["odd"], claims(&[1 << 32, 1 << 32])),
        refused("bytes that wrap", &["odd"], claims(&[1 << 62])),
        refused("a terabyte", &["odd"], claims(&[1 << 38])),
        refused("a million dimensions", &["odd"], claims(&vec![2; 1_000_000])),
        refused("a long message", &["odd"], claims(&vec![-1; 1_000_000])),
    ]);
}

/// Sizes that a file may state and nobody can compute: the file is read, and counting does not overflow.
#[test]
fn gigantic_shapes_of_values_do_no_harm() {
    let sizes = [Size::Number(i64::MAX), Size::Number(i64::MAX), Size::Number(2)];
    let huge = |name: &str| value(name, &tensor_type(FLOAT, &sizes));
    let shapes = changed(|p| {
        (p.inputs, p.outputs, p.infos) = (vec![huge("x")], vec![huge("y")], vec![huge("h")]);
    });
    let _ = try_bytes("gigantic values", shapes);
    let ranks = changed(|p| {
        p.infos = vec![value("h", &tensor_type(FLOAT, &[Size::Number(1); 50_000]))];
    });
    let _ = try_bytes("fifty thousand dimensions", ranks);
    let symbols: Vec<String> = (0..2000).map(|i| format!("{i}*symbol_{i}+{i}")).collect();
    let sizes: Vec<_> = symbols.iter().map(|s| Size::Symbol(s)).collect();
    let _ = try_bytes("two thousand symbols", changed(|p| p.infos = vec![value("h", &tensor_type(FLOAT, &sizes))]));
    for text in
        ["9223372036854775807*N+9223372036854775807", "-9223372036854775808*N-9223372036854775808", "0*N", "N+0"]
    {
        let kind = tensor_type(FLOAT, &[Size::Symbol(text), Size::Number(3)]);
        let bytes = changed(|p| (p.inputs, p.infos) = (vec![value("x", &kind)], vec![value("h", &kind)]));
        let _ = try_bytes(&format!("the dimension {text}"), bytes);
    }
}

/// An operation that would make a gigantic constant out of a few bytes, and shape arithmetic with absurd numbers.
#[test]
fn operations_on_gigantic_shapes_do_no_harm() {
    let numbers = [0, 1, -1, 2, 1 << 20, 1 << 40, i64::MAX, i64::MIN];
    let constant = |op: &str, attributes: &[Message], sizes: &[i64]| {
        let node = node_of("make", op, &["sizes"], &["made"]).messages(node::ATTRIBUTE, attributes);
        let reader = node_of("read", "Add", &["h", "made"], &["z"]);
        changed(|p| {
            p.initializers.push(integers("sizes", sizes));
            p.nodes.extend([node, reader]);
            p.outputs.push(Message::new().text(1, "z"));
        })
    };
    let fill = attribute("value", kind::TENSOR, |m, field| m.message(field, &floats("", &[1])));
    for a in numbers {
        for b in numbers {
            let bytes = constant("ConstantOfShape", std::slice::from_ref(&fill), &[a, b, 3]);
            let _ = try_bytes(&format!("ConstantOfShape {a} {b}"), bytes);
        }
    }
    for a in numbers {
        for b in numbers {
            let _ = try_bytes(&format!("windows of {a}, {b}"), windows(a, b));
            let _ = try_bytes(&format!("shape arithmetic with {a}, {b}"), arithmetic(a, b));
        }
    }
}

/// Operations whose attributes are `a` and `b` wherever a number is expected.
fn windows(a: i64, b: i64) -> Vec<u8> {
    let ints = |name: &str, values: &[i64]| {
        attribute(name, kind::INTS, |m, field| values.iter().fold(m, |m, value| m.int(field, *value)))
    };
    let int = |name: &str, value: i64| attribute(name, kind::INT, |m, field| m.int(field, value));
    let sizes: Vec<_> = [1, 3, 8, 8].map(Size::Number).to_vec();
    let image = |name: &str| value(name, &tensor_type(FLOAT, &sizes));
    let window = [
        ints("kernel_shape", &[a, b]),
        ints("strides", &[b, a]),
        ints("pads", &[a, b, a, b]),
        ints("dilations", &[a, b]),
        int("group", a),
        int("ceil_mode", b),
        ints("output_padding", &[a, b]),
        ints("output_shape", &[b, a]),
    ];
    let axes = [int("axis", a), ints("axes", &[a, b]), int("keepdims", b), int("num_outputs", b), int("blocksize", a)];
    let one = |op: &str, number: usize, inputs: &[&str]| {
        let out = format!("{op}{number}");
        node_of(&out, op, inputs, &[&out]).messages(node::ATTRIBUTE, if number == 0 { &window } else { &axes })
    };
    let nodes = [
        one("Conv", 0, &["image", "kernel"]),
        one("ConvTranspose", 0, &["image", "kernel"]),
        one("MaxPool", 0, &["image"]),
        one("AveragePool", 0, &["image"]),
        one("LpPool", 0, &["image"]),
        one("Concat", 1, &["image", "image"]),
        one("Split", 1, &["image"]),
        one("Flatten", 1, &["image"]),
        one("Softmax", 1, &["image"]),
        one("Gather", 1, &["image", "index"]),
        one("ReduceMean", 1, &["image", "index"]),
        one("Squeeze", 1, &["image", "index"]),
        one("Unsqueeze", 1, &["image", "index"]),
        one("ArgMax", 1, &["image"]),
        one("DepthToSpace", 1, &["image"]),
        one("SpaceToDepth", 1, &["image"]),
        one("TopK", 1, &["image", "index"]),
        one("OneHot", 1, &["index", "index", "index"]),
        one("BatchNormalization", 1, &["image", "index", "index", "index", "index"]),
        one("LRN", 1, &["image"]),
        one("Gemm", 1, &["image", "index", "kernel"]),
        one("LSTM", 1, &["image", "kernel", "kernel"]),
    ];
    let graph = Message::new()
        .messages(graph::NODE, &nodes)
        .message(graph::INITIALIZER, &floats("kernel", &[3, 3, 3, 3]))
        .message(graph::INITIALIZER, &integers("index", &[a, b]))
        .message(graph::INPUT, &image("image"))
        .message(graph::OUTPUT, &Message::new().text(1, "Conv0"));
    model_of(&graph).0
}

/// Operations that read numbers from constants: `a` and `b` are those numbers.
fn arithmetic(a: i64, b: i64) -> Vec<u8> {
    let one = |op: &str, inputs: &[&str]| node_of(op, op, inputs, &[&format!("of{op}")]);
    let nodes = [
        one("Reshape", &["x", "pair"]),
        one("Expand", &["x", "pair"]),
        one("Tile", &["x", "pair"]),
        one("Pad", &["x", "four"]),
        one("Slice", &["x", "pair", "pair", "axes", "pair"]),
        one("Range", &["first", "second", "first"]),
        one("Resize", &["x", "", "", "pair"]),
        one("Add", &["pair", "pair"]),
        one("Mul", &["pair", "pair"]),
        one("Div", &["pair", "swapped"]),
        one("Mod", &["pair", "swapped"]),
        one("Sub", &["swapped", "pair"]),
        one("Neg", &["pair"]),
        one("Abs", &["pair"]),
        one("ReduceProd", &["pair"]),
        one("Gather", &["pair", "swapped"]),
        one("EyeLike", &["pair"]),
        one("Equal", &["pair", "swapped"]),
        one("Where", &["ofEqual", "pair", "swapped"]),
        one("Concat", &["ofMul", "ofAdd"]),
        one("ConstantOfShape", &["ofMul"]),
    ];
    let scalar = |name: &str, value: i64| tensor_of(name, INT64, &[]).bytes(tensor::RAW, &value.to_le_bytes());
    let mut parts = Parts::small();
    parts.nodes.extend(nodes);
    parts.initializers.extend([
        integers("pair", &[a, b]),
        integers("swapped", &[b, a]),
        integers("four", &[a, b, a, b]),
        integers("axes", &[0, 1]),
        scalar("first", a),
        scalar("second", b),
    ]);
    parts.outputs.push(batch_of("ofReshape", 1));
    parts.bytes()
}
