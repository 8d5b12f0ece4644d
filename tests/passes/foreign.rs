//! Small files of others on which a pass was once wrong, at two sizes of what they leave open.

use gnet_core::graph::{DType, Dim, Model, Tensor};
use gnet_core::onnx;
use gnet_core::passes::{self, ALL, DEFAULT, FREEZE_DEFAULTS, PRUNE, Pass, PassOptions};

use super::generate::Random;
use super::judge::{difference, rewritten};

/// One tensor for each input, every open size being `size`.
fn inputs(model: &Model, size: usize) -> Vec<Tensor> {
    let mut random = Random(size as u64);
    let mut input = |id| {
        let value = model.graph.value(id);
        let shape: Vec<usize> = value.shape.iter().flatten().map(|dim| dim.known().unwrap_or(size)).collect();
        match value.dtype {
            Some(DType::Bool) => Tensor::new(DType::Bool, shape.clone(), vec![1; shape.iter().product()]).unwrap(),
            _ => random.tensor(&shape),
        }
    };
    model.graph.inputs.iter().map(|id| input(*id)).collect()
}

fn computes_the_same(name: &str, passes: &[Pass]) -> Model {
    let path = crate::tests().join("fixtures/foreign").join(name);
    let before = onnx::read_file(&path).unwrap();
    let mut after = before.clone();
    passes::run(&mut after, passes, &PassOptions::default()).unwrap_or_else(|e| panic!("{name}: {e}"));
    for size in [1, 2, 3] {
        let fed = inputs(&before, size);
        let expected = gnet_core::reference::run(&before, &fed).unwrap();
        let found = rewritten(&after, &fed).unwrap_or_else(|e| panic!("{name} at {size}: {e}"));
        assert_eq!(difference(&expected, &found, false), None, "{name} at {size} after {passes:?}");
    }
    after
}

const FILES: [&str; 5] = [
    "gat_pairwise.onnx",
    "dead_reader_split.onnx",
    "dead_reader_if.onnx",
    "stale_value_info.onnx",
    "stale_reshape_row.onnx",
];

#[test]
fn every_pass_is_right_on_them_alone_and_all_together() {
    for name in FILES {
        for pass in ALL.into_iter().filter(|pass| ![PRUNE.name, FREEZE_DEFAULTS.name].contains(&pass.name)) {
            computes_the_same(name, &[pass]);
        }
        computes_the_same(name, &DEFAULT);
    }
}

#[test]
fn what_they_state_of_another_batch_is_gone() {
    let left = computes_the_same("stale_value_info.onnx", &DEFAULT);
    let output = left.graph.value(left.graph.outputs[0]);
    assert_eq!(output.shape, Some(vec![Dim::symbol("N"), Dim::Known(36)]));
}
