//! The shape arithmetic that exporters leave in a graph, with a symbolic batch.

use gnet_core::graph::{Attribute, DType, ValueId};

use super::build::{Builder, list};

fn axis(axis: i64) -> Vec<(&'static str, Attribute)> {
    vec![("axis", Attribute::Int(axis))]
}

fn cast(to: i64) -> Vec<(&'static str, Attribute)> {
    vec![("to", Attribute::Int(to))]
}

/// One dimension of `x`, as a vector: `Shape`, `Gather`, `Unsqueeze`.
fn dimension(b: &mut Builder, x: ValueId, place: i64) -> ValueId {
    let (shape, place, zero) = (b.node("Shape", &[x], &[]), b.int(place), b.ints(&[0]));
    let picked = b.node("Gather", &[shape, place], &axis(0));
    b.node("Unsqueeze", &[picked, zero], &[])
}

#[test]
fn a_flatten_by_reshape_keeps_the_batch() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,256,6,6");
    let (batch, rest) = (dimension(&mut b, x, 0), b.ints(&[-1]));
    let target = b.node("Concat", &[batch, rest], &axis(0));
    let y = b.node("Reshape", &[x, target], &[]);
    assert_eq!(b.shape(y), "N x 9216");
}

#[test]
fn heads_are_split_and_joined_with_two_symbols() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,S,768");
    let (batch, length) = (dimension(&mut b, x, 0), dimension(&mut b, x, 1));
    let (heads, width, all) = (b.ints(&[12]), b.ints(&[-1]), b.ints(&[768]));
    let split = b.node("Concat", &[batch, length, heads, width], &axis(0));
    let x4 = b.node("Reshape", &[x, split], &[]);
    let q = b.node("Transpose", &[x4], &[("perm", list(&[0, 2, 1, 3]))]);
    let k = b.node("Transpose", &[x4], &[("perm", list(&[0, 2, 3, 1]))]);
    let scores = b.node("MatMul", &[q, k], &[]);
    let weights = b.node("Softmax", &[scores], &axis(-1));
    let mixed = b.node("MatMul", &[weights, q], &[]);
    let back = b.node("Transpose", &[mixed], &[("perm", list(&[0, 2, 1, 3]))]);
    let joined = b.node("Concat", &[batch, length, all], &axis(0));
    let y = b.node("Reshape", &[back, joined], &[]);
    assert_eq!(b.shape(y), "N x S x 768");
    assert_eq!((b.shape_now(x4).as_str(), b.shape_now(scores).as_str()), ("N x S x 12 x 64", "N x 12 x S x S"));
}

#[test]
fn zeros_and_open_sizes_of_a_reshape_keep_symbols() {
    for (input, target, made) in [
        ("N,12,S,64", &[0, 0, -1][..], "N x 12 x 64*S"),
        ("N,3,4", &[-1, 4], "3*N x 4"),
        ("2*N,3", &[-1, 6], "N x 6"),
        ("N,S,8", &[-1, 8], "? x 8"),
        ("N,S,8", &[0, -1, 2], "N x 4*S x 2"),
        ("?,8", &[-1, 4], "? x 4"),
        ("N,S", &[1, -1, 0], "no shape"),
    ] {
        let mut b = Builder::new(17);
        let (x, t) = (b.input("x", input), b.ints(target));
        let y = b.node("Reshape", &[x, t], &[]);
        if made == "no shape" {
            assert_eq!(b.error(), "node Reshape0 (Reshape): the new shape keeps dimension 2, which the input has not");
        } else {
            assert_eq!(b.shape(y), made, "{input} to {target:?}");
        }
    }
}

#[test]
fn an_upsampling_computes_its_sizes_in_floats() {
    let mut b = Builder::new(11);
    let x = b.input("x", "N,16,H,20");
    let (shape, two, four) = (b.node("Shape", &[x], &[]), b.ints(&[2]), b.ints(&[4]));
    let spatial = b.node("Slice", &[shape, two, four], &[]);
    let real = b.node("Cast", &[spatial], &cast(1));
    let factor = b.floats(&[2.0, 1.5]);
    let wide = b.node("Mul", &[real, factor], &[]);
    let floor = b.node("Floor", &[wide], &[]);
    let whole = b.node("Cast", &[floor], &cast(7));
    let (zero, first) = (b.ints(&[0]), b.ints(&[2]));
    let front = b.node("Slice", &[shape, zero, first], &[]);
    let sizes = b.node("Concat", &[front, whole], &axis(0));
    let none = b.floats(&[]);
    let y = b.node("Resize", &[x, none, none, sizes], &[]);
    assert_eq!(b.shape(y), "N x 16 x 2*H x 30");
}

#[test]
fn scales_are_multiplied_as_runtimes_do() {
    // In 64 bits, 10 times the float 0.7 would be 6.9999998.
    for (scale, made) in [(0.7, "1 x 1 x 7"), (2.0, "1 x 1 x 20"), (0.25, "1 x 1 x 2")] {
        let mut b = Builder::new(13);
        let (x, none, scales) = (b.input("x", "1,1,10"), b.floats(&[]), b.floats(&[1.0, 1.0, scale]));
        let y = b.node("Resize", &[x, none, scales], &[]);
        assert_eq!(b.shape(y), made);
    }
}

/// PyTorch's form of `x.expand(-1, 4, -1)`.
#[test]
fn an_expand_with_open_sizes_is_resolved() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,1,S");
    let (batch, length) = (dimension(&mut b, x, 0), dimension(&mut b, x, 2));
    let four = b.ints(&[4]);
    let wanted = b.node("Concat", &[batch, four, length], &axis(0));
    let (open, three) = (b.ints(&[-1]), b.ints(&[3]));
    let ones =
        b.node("ConstantOfShape", &[three], &[("value", Attribute::Tensor(gnet_core::graph::Tensor::from_i64(&[1])))]);
    let is_open = b.node("Equal", &[wanted, open], &[]);
    let target = b.node("Where", &[is_open, ones, wanted], &[]);
    let y = b.node("Expand", &[x, target], &[]);
    assert_eq!(b.shape(y), "N x 4 x S");
}

/// PyTorch's form of `F.pad(x, (1, 2, 3, 4))`: the pairs are reversed as a matrix.
#[test]
fn pads_are_turned_round_in_a_matrix() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,3,H,8");
    let (given, missing) = (b.ints(&[1, 2, 3, 4]), b.ints(&[4]));
    let zeros = b.node(
        "ConstantOfShape",
        &[missing],
        &[("value", Attribute::Tensor(gnet_core::graph::Tensor::from_i64(&[0])))],
    );
    let all = b.node("Concat", &[given, zeros], &axis(0));
    let (pairs, flat) = (b.ints(&[-1, 2]), b.ints(&[-1]));
    let matrix = b.node("Reshape", &[all, pairs], &[]);
    let [start, end, first, back] = [-1, i64::MIN, 0, -1].map(|value| b.ints(&[value]));
    let turned = b.node("Slice", &[matrix, start, end, first, back], &[]);
    let columns = b.node("Transpose", &[turned], &[("perm", list(&[1, 0]))]);
    let row = b.node("Reshape", &[columns, flat], &[]);
    let pads = b.node("Cast", &[row], &cast(7));
    let y = b.node("Pad", &[x, pads], &[]);
    assert_eq!(b.shape(y), "N x 3 x H+7 x 11");
}

#[test]
fn matrices_of_whole_numbers_are_followed() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,2");
    let (row, two) = (b.ints(&[1, 2, 3, 4, 5, 6]), b.ints(&[2, 3]));
    let matrix = b.node("Reshape", &[row, two], &[]);
    let wide = b.node("Concat", &[matrix, matrix], &axis(1));
    let columns = b.ints(&[5, 0]);
    let picked = b.node("Gather", &[wide, columns], &axis(1));
    // [[3, 1], [6, 4]], of which the last row is taken.
    let last = b.int(-1);
    let sizes = b.node("Gather", &[picked, last], &axis(0));
    let y = b.node("Tile", &[x, sizes], &[]);
    assert_eq!(b.shape(y), "6*N x 8");
}

#[test]
fn arithmetic_with_a_symbol_stays_exact_or_open() {
    let made = |op: &str, by: i64| {
        let mut b = Builder::new(17);
        let x = b.input("x", "4*N+8,3");
        let (size, by) = (dimension(&mut b, x, 0), b.ints(&[by]));
        let target = b.node(op, &[size, by], &[]);
        let y = b.node("ConstantOfShape", &[target], &[]);
        b.shape(y)
    };
    for (op, by, want) in [
        ("Add", -3, "4*N+5"),
        ("Sub", 8, "4*N"),
        ("Mul", 2, "8*N+16"),
        ("Div", 4, "N+2"),
        ("Div", 3, "?"),
        ("Mod", 4, "0"),
        ("Mod", 3, "?"),
        ("Max", 5, "4*N+8"),
        ("Min", 8, "8"),
        ("Min", 9, "?"),
    ] {
        assert_eq!(made(op, by), want, "{op} {by}");
    }
}

#[test]
fn a_split_shape_a_product_and_a_range_are_followed() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,6,5");
    let shape = b.node("Shape", &[x], &[]);
    let parts = b.outputs("Split", &[shape], &[], 3);
    let rest = b.node("Shape", &[x], &[("start", Attribute::Int(1))]);
    let all = b.node("ReduceProd", &[rest], &[("keepdims", Attribute::Int(1))]);
    let target = b.node("Concat", &[parts[0], all], &axis(0));
    let y = b.node("Reshape", &[x, target], &[]);
    let (zero, one) = (b.int(0), b.int(1));
    let none = b.ints(&[0]);
    let count = b.node("Squeeze", &[parts[0], none], &[]);
    let steps = b.node("Range", &[zero, count, one], &[]);
    assert_eq!((b.shape(y).as_str(), b.shape_now(steps).as_str()), ("N x 30", "N"));
}

#[test]
fn what_depends_on_data_says_so() {
    let mut b = Builder::new(17);
    let x = b.input("x", "N,4");
    let k = b.typed_input("k", DType::I64, "1");
    let (places, top) = (b.node("NonZero", &[x], &[]), b.node("TopK", &[x, k], &[]));
    let known = b.node("Relu", &[top], &[]);
    let target = b.typed_input("target", DType::I64, "3");
    let shaped = b.node("Reshape", &[x, target], &[]);
    assert_eq!((b.shape(places).as_str(), b.shape_now(shaped).as_str()), ("2 x ?", "? x ? x ?"));
    assert_eq!(b.shape_now(top), "N x ?");
    assert_eq!(b.reason(places), "a dimension depends on data or is no line in one symbol");
    assert_eq!(b.reason(known), "the shape of input TopK1.0 is not fully known");
    let strange = b.node("Strange", &[x], &[]);
    assert_eq!(b.reason(strange), "operation Strange is not known");
    b.model.graph.nodes.last_mut().unwrap().domain = "com.example".into();
    let after = b.node("Relu", &[strange], &[]);
    assert_eq!(b.reason(strange), "operation Strange of domain com.example is not known");
    assert_eq!(b.reason(after), "the shape of input Strange4.0 is not known");
}
