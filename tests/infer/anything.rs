//! Any operation with any inputs and attributes: an answer, a gap or an error, in bounded time and memory.

use gnet_core::graph::{Attribute, DType, Dim, Sizes, Tensor};
use gnet_core::infer::infer;
use proptest::prelude::*;

use super::build::Builder;

/// Every operation of the table, taken from its source so that none is forgotten.
fn operations() -> Vec<&'static str> {
    let source = include_str!("../../src/core/infer/table.rs");
    source.split('"').skip(1).step_by(2).chain(["If", "Loop", "Scan", "Nonsense"]).collect()
}

fn size() -> impl Strategy<Value = Dim> {
    prop_oneof![
        6 => (0usize..5).prop_map(Dim::Known),
        1 => prop_oneof![Just(usize::MAX), Just(i64::MAX as usize), Just(1 << 40)].prop_map(Dim::Known),
        2 => Just(Dim::symbol("N")),
        1 => (any::<i64>().prop_filter("a scale", |scale| *scale != 0), any::<i64>())
            .prop_map(|(scale, offset)| Dim::Symbolic { symbol: "N".into(), scale, offset }),
        1 => Just(Dim::symbol("s".repeat(5000))),
        1 => Just(Dim::Unknown),
    ]
}

fn number() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => -3i64..6,
        1 => prop_oneof![Just(i64::MIN), Just(i64::MAX), Just(-1), Just(0), Just(i64::from(i32::MAX))],
        1 => any::<i64>(),
    ]
}

#[derive(Debug, Clone)]
enum Input {
    Missing,
    Shaped(Option<DType>, Option<Vec<Dim>>),
    Ints(Vec<i64>, bool),
    Floats(Vec<f32>),
}

fn dtype() -> impl Strategy<Value = Option<DType>> {
    prop_oneof![
        Just(None),
        Just(Some(DType::F32)),
        Just(Some(DType::I64)),
        Just(Some(DType::Bool)),
        Just(Some(DType::I4))
    ]
}

fn input() -> impl Strategy<Value = Input> {
    prop_oneof![
        1 => Just(Input::Missing),
        6 => (dtype(), proptest::option::weighted(0.9, proptest::collection::vec(size(), 0..6)))
            .prop_map(|(dtype, shape)| Input::Shaped(dtype, shape)),
        3 => (proptest::collection::vec(number(), 0..6), any::<bool>()).prop_map(|(v, scalar)| Input::Ints(v, scalar)),
        1 => proptest::collection::vec(prop_oneof![Just(f32::NAN), Just(1e30), -2.0f32..4.0], 0..5).prop_map(Input::Floats),
    ]
}

fn attribute() -> impl Strategy<Value = (String, Attribute)> {
    let names = [
        "allowzero",
        "auto_pad",
        "axes",
        "axis",
        "batch_dims",
        "blocksize",
        "body",
        "ceil_mode",
        "dilations",
        "direction",
        "dtype",
        "else_branch",
        "end",
        "ends",
        "equation",
        "group",
        "height_scale",
        "hidden_size",
        "inverse",
        "k",
        "keepdims",
        "kernel_shape",
        "kv_num_heads",
        "layout",
        "ngram_indexes",
        "noop_with_empty_axes",
        "num_outputs",
        "num_scan_inputs",
        "onesided",
        "output_height",
        "output_padding",
        "output_shape",
        "pads",
        "perm",
        "pooled_shape",
        "q_num_heads",
        "reduction",
        "sample_size",
        "scales",
        "shape",
        "split",
        "start",
        "starts",
        "stash_type",
        "strides",
        "then_branch",
        "to",
        "transA",
        "value",
        "value_ints",
        "width_scale",
        "keep_aspect_ratio_policy",
        "coordinate_transformation_mode",
    ];
    let texts = [
        "SAME_UPPER",
        "VALID",
        "NOTSET",
        "ij,jk->ik",
        "...ij,...jk",
        "i...i->",
        "->",
        ",",
        "bidirectional",
        "none",
        "tf_crop_and_resize",
        "not_larger",
        "not_smaller",
        "",
    ];
    let value = prop_oneof![
        4 => number().prop_map(Attribute::Int),
        4 => proptest::collection::vec(number(), 0..7).prop_map(Attribute::Ints),
        1 => any::<f32>().prop_map(Attribute::Float),
        1 => proptest::collection::vec(any::<f32>(), 0..5).prop_map(Attribute::Floats),
        2 => proptest::sample::select(texts.to_vec()).prop_map(|text| Attribute::String(text.into())),
        1 => proptest::collection::vec(number(), 0..3).prop_map(|v| Attribute::Tensor(Tensor::from_i64(&v))),
        1 => Just(Attribute::Graph(Box::default())),
    ];
    (proptest::sample::select(names.to_vec()), value).prop_map(|(name, value)| (name.to_owned(), value))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(20_000).count() as u32, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn anything_is_answered(
        nodes in proptest::collection::vec(
            (
                proptest::sample::select(operations()),
                proptest::collection::vec((0usize..9, any::<bool>()), 0..5),
                proptest::collection::vec(attribute(), 0..5),
                0usize..5,
            ),
            1..4,
        ),
        inputs in proptest::collection::vec(input(), 1..6),
        opset in prop_oneof![1i64..29, Just(i64::MIN), Just(i64::MAX)],
    ) {
        let mut b = Builder::new(opset);
        let mut values = Vec::new();
        for (place, input) in inputs.iter().enumerate() {
            let name = format!("x{place}");
            values.push(match input {
                Input::Missing => None,
                Input::Shaped(dtype, shape) => {
                    let id = b.model.graph.add_value(name, *dtype, shape.clone());
                    b.model.graph.inputs.push(id);
                    Some(id)
                }
                Input::Ints(v, false) => Some(b.ints(v)),
                Input::Ints(v, true) => Some(b.int(v.first().copied().unwrap_or(0))),
                Input::Floats(v) => Some(b.floats(v)),
            });
        }
        for (op, wires, attributes, outputs) in &nodes {
            let made = b.outputs(op, &[], &[], *outputs);
            let node = b.model.graph.nodes.last_mut().unwrap();
            node.inputs = wires.iter().map(|(from, _)| values[from % values.len()]).collect();
            node.attributes = attributes.iter().cloned().collect();
            values.extend(made.into_iter().map(Some));
        }
        if let Ok(found) = infer(&mut b.model, &Sizes::none()) {
            // What was found holds when it is looked at again.
            let model = b.model.clone();
            let again = infer(&mut b.model, &Sizes::none());
            prop_assert_eq!(again.map_err(|e| e.to_string()), Ok(found));
            prop_assert_eq!(format!("{:?}", b.model), format!("{model:?}"));
        }
    }
}
