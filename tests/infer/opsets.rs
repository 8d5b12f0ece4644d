//! One operation at different opsets: where axes stand, what is broadcast, which type comes out.

use gnet_core::graph::{Attribute, DType};

use super::build::{Builder, list, one_node, text};

#[test]
fn axes_move_from_attribute_to_input() {
    for (op, since, made) in
        [("Squeeze", 13, "2 x 3"), ("Unsqueeze", 13, "1 x 2 x 1 x 1 x 3"), ("ReduceSum", 13, "1 x 1 x 3")]
    {
        let axes: &[i64] = if op == "Unsqueeze" {
            &[0, 2]
        } else if op == "Squeeze" {
            &[1]
        } else {
            &[0, 1]
        };
        let mut old = Builder::new(since - 1);
        let x = old.input("x", "2,1,3");
        let y = old.node(op, &[x], &[("axes", list(axes))]);
        assert_eq!(old.shape(y), made, "{op} before {since}");
        let mut new = Builder::new(since);
        let (x, a) = (new.input("x", "2,1,3"), new.ints(axes));
        let y = new.node(op, &[x, a], &[]);
        assert_eq!(new.shape(y), made, "{op} from {since}");
    }
}

#[test]
fn an_attribute_that_became_an_input_is_refused() {
    let error = one_node(13, "Squeeze", &[vec![2, 1]], &[("axes", list(&[1]))]).unwrap_err();
    assert_eq!(error, "node Squeeze0 (Squeeze): attribute axes is an input from opset 13 on");
}

#[test]
fn empty_sizes_of_a_resize_are_none() {
    let mut b = Builder::new(11);
    let (x, none, scales, sizes) = (b.input("x", "N,4"), b.floats(&[]), b.floats(&[1.0, 2.0]), b.ints(&[]));
    let y = b.node("Resize", &[x, none, scales, sizes], &[]);
    assert_eq!(b.shape(y), "N x 8");
}

#[test]
fn a_reduction_over_nothing_is_over_all_unless_it_says_so() {
    let noop = ("noop_with_empty_axes", Attribute::Int(1));
    let drop = ("keepdims", Attribute::Int(0));
    assert_eq!(one_node(18, "ReduceMax", &[vec![2, 3]], &[]), Ok(vec![1, 1]));
    assert_eq!(one_node(18, "ReduceMax", &[vec![2, 3]], &[drop]), Ok(vec![]));
    assert_eq!(one_node(18, "ReduceMax", &[vec![2, 3]], &[noop]), Ok(vec![2, 3]));
}

#[test]
fn a_mask_is_boolean_from_opset_10() {
    for (opset, want) in [(7, DType::F32), (9, DType::F32), (10, DType::Bool), (13, DType::Bool)] {
        let mut b = Builder::new(opset);
        let x = b.input("x", "2");
        let made = b.outputs("Dropout", &[x], &[], 2);
        b.run();
        assert_eq!(b.model.graph.value(made[1]).dtype, Some(want), "opset {opset}");
    }
}

#[test]
fn before_opset_7_the_first_operand_has_the_shape() {
    assert_eq!(one_node(6, "Add", &[vec![2, 3, 4], vec![3]], &[]), Ok(vec![2, 3, 4]));
    assert!(one_node(7, "Add", &[vec![2, 3, 4], vec![3]], &[]).unwrap_err().contains("do not broadcast"));
}

#[test]
fn slices_pads_and_scales_come_in_every_form() {
    let mut b = Builder::new(9);
    let x = b.input("x", "N,8,8");
    let sliced = b.node("Slice", &[x], &[("starts", list(&[1])), ("ends", list(&[-1])), ("axes", list(&[2]))]);
    let padded = b.node("Pad", &[sliced], &[("pads", list(&[0, 0, 1, 0, 2, 1]))]);
    let scales = b.floats(&[1.0, 2.0, 2.0]);
    let wide = b.node("Upsample", &[padded, scales], &[]);
    assert_eq!(b.shape(wide), "N x 20 x 16");
    assert_eq!((b.shape_now(sliced).as_str(), b.shape_now(padded).as_str()), ("N x 8 x 6", "N x 10 x 8"));
    let mut b = Builder::new(18);
    let x = b.input("x", "N,8,8");
    let (pads, none, axes) = (b.ints(&[1, 1]), b.floats(&[0.0]), b.ints(&[-1]));
    let padded = b.node("Pad", &[x, pads, none, axes], &[]);
    assert_eq!(b.shape(padded), "N x 8 x 10");
}

#[test]
fn statistics_of_a_batch_norm_are_vectors() {
    let mut b = Builder::new(14);
    let x = b.input("x", "N,5,8");
    let parameters: Vec<_> = (0..4).map(|_| b.floats(&[1.0; 5])).collect();
    let inputs = [&[x][..], &parameters].concat();
    let made = b.outputs("BatchNormalization", &inputs, &[("training_mode", Attribute::Int(1))], 3);
    assert_eq!((b.shape(made[0]).as_str(), b.shape_now(made[1]).as_str()), ("N x 5 x 8", "5"));
    let wrong = b.floats(&[1.0; 4]);
    b.node("BatchNormalization", &[x, wrong, wrong, wrong, wrong], &[]);
    assert_eq!(b.error(), "node BatchNormalization1 (BatchNormalization): the channels of input and scale are 5 and 4");
}

#[test]
fn recurrent_layers_have_a_layout_and_directions() {
    for (layout, shapes) in [(0, ["S x 2 x N x 7", "2 x N x 7"]), (1, ["N x S x 2 x 7", "N x 2 x 7"])] {
        let mut b = Builder::new(14);
        let x = b.input("x", if layout == 0 { "S,N,3" } else { "N,S,3" });
        let (w, r) = (b.input("w", "2,28,3"), b.input("r", "2,28,7"));
        let attributes = [
            ("layout", Attribute::Int(layout)),
            ("direction", text("bidirectional")),
            ("hidden_size", Attribute::Int(7)),
        ];
        let made = b.outputs("LSTM", &[x, w, r], &attributes, 3);
        b.run();
        assert_eq!([b.shape_now(made[0]), b.shape_now(made[2])], shapes);
    }
}

#[test]
fn quantised_types_follow_zero_points_and_opsets() {
    let dtype = |opset, op: &str, attributes: &[(&str, Attribute)]| {
        let mut b = Builder::new(opset);
        let (x, scale) = (b.input("x", "2"), b.typed_input("scale", DType::F16, ""));
        let y = b.node(op, &[x, scale], attributes);
        b.run();
        b.model.graph.value(y).dtype
    };
    let to = |number| [("output_dtype", Attribute::Int(number))];
    assert_eq!(dtype(10, "QuantizeLinear", &[]), Some(DType::U8));
    assert_eq!(dtype(21, "QuantizeLinear", &to(22)), Some(DType::I4));
    assert_eq!(dtype(13, "DequantizeLinear", &[]), Some(DType::F32));
    assert_eq!(dtype(19, "DequantizeLinear", &[]), Some(DType::F16));
    assert_eq!(dtype(23, "DequantizeLinear", &to(16)), Some(DType::BF16));
}

#[test]
fn einsum_takes_equations_apart() {
    let made = |equation, shapes: &[Vec<usize>]| one_node(12, "Einsum", shapes, &[("equation", text(equation))]);
    assert_eq!(made("bij,bjk->bik", &[vec![5, 2, 3], vec![5, 3, 4]]), Ok(vec![5, 2, 4]));
    assert_eq!(made("...ii->...i", &[vec![5, 2, 3, 3]]), Ok(vec![5, 2, 3]));
    assert_eq!(made("ba", &[vec![2, 3]]), Ok(vec![3, 2]));
    assert_eq!(made("ij , jk", &[vec![2, 3], vec![3, 4]]), Ok(vec![2, 4]));
    assert!(made("ij,jk->ik", &[vec![2, 3], vec![4, 4]]).unwrap_err().contains("is both 3 and 4"));
    assert!(made("ij->iq", &[vec![2, 3]]).unwrap_err().contains("q of ij->iq is in no operand"));
    assert!(made("ij", &[vec![2]]).unwrap_err().contains("does not fit 2"));
}

#[test]
fn what_cannot_be_right_is_an_error_that_names_the_node() {
    let error = |op, shapes: &[Vec<usize>], attributes: &[(&str, Attribute)]| {
        one_node(22, op, shapes, attributes).unwrap_err().replace(&format!("node {op}0 ({op}): "), "")
    };
    let conv = |attributes: &[(&str, Attribute)]| error("Conv", &[vec![1, 4, 5, 5], vec![8, 2, 3, 3]], attributes);
    assert_eq!(conv(&[]), "the input has 4 channels, the weight takes 2");
    let half = ("group", Attribute::Int(2));
    assert_eq!(conv(&[half.clone(), ("strides", list(&[0, 1]))]), "attribute strides has a 0");
    assert_eq!(conv(&[half.clone(), ("pads", list(&[1]))]), "attribute pads has 1 number for 2 spatial dimensions");
    assert_eq!(conv(&[half, ("dilations", list(&[9, 1]))]), "a window of 19 does not fit into 5 with 0 of padding");
    assert_eq!(conv(&[("group", Attribute::Int(0))]), "attribute group is 0");
    assert_eq!(conv(&[("group", text("2"))]), "attribute group is no whole number");
    assert_eq!(
        error("Concat", &[vec![2, 3], vec![2, 4]], &[("axis", Attribute::Int(0))]),
        "joins 2 x 3 with 2 x 4 along axis 0"
    );
    assert_eq!(error("Transpose", &[vec![2, 3]], &[("perm", list(&[0, 0]))]), "axis 0 is given twice");
    assert_eq!(error("Flatten", &[vec![2, 3]], &[("axis", Attribute::Int(4))]), "axis 4 is not within 2 dimensions");
    assert_eq!(error("MatMul", &[vec![2, 3], vec![4, 5]], &[]), "2 x 3 cannot be multiplied by 4 x 5");
}
