//! Files that others made, with the shapes that ONNX Runtime's results have.

use std::path::PathBuf;

use gnet_core::graph::{DType, Dim, Model, Sizes, Tensor, shape_text};
use gnet_core::infer::infer;
use gnet_core::{onnx, reference};

fn file(name: &str) -> PathBuf {
    crate::tests().join(format!("fixtures/foreign/{name}.onnx"))
}

fn inferred(name: &str) -> Model {
    let mut model = onnx::read_file(&file(name)).unwrap();
    infer(&mut model, &Sizes::none()).unwrap();
    model
}

#[test]
fn inference_and_reference_make_what_onnx_runtime_makes() {
    for (name, input, shape) in [
        ("slice_back_below", [5, 4].as_slice(), "1 x 4"),
        ("slice_empty_open", &[6, 4], "0 x 4"),
        ("convT_same_small_kernel", &[1, 2, 4, 4], "1 x 3 x 11 x 11"),
        ("minus1_input", &[2, 3], "? x 4"),
    ] {
        let model = inferred(name);
        let made = model.graph.value(model.graph.outputs[0]).shape.clone().unwrap();
        let unnamed = made.iter().map(|dim| if dim.known().is_some() { dim.clone() } else { Dim::Unknown });
        assert_eq!(shape_text(&unnamed.collect::<Vec<_>>()), shape, "{name}");
        let x = Tensor::from_f32(input.to_vec(), &vec![0.5; input.iter().product()]).unwrap();
        let computed = &reference::run(&model, &[x]).unwrap()[0];
        let sizes: Vec<_> = computed.shape().iter().map(|size| Dim::Known(*size)).collect();
        assert_eq!(shape_text(&sizes), shape.replace('?', "2"), "{name}");
    }
}

/// The checker and ONNX Runtime read a size below 0 as one that is not known: of inputs, inner values and outputs.
#[test]
fn a_size_below_nothing_is_not_known_and_told() {
    let model = onnx::read_file(&file("minus1_input")).unwrap();
    assert_eq!(model.graph.value(model.graph.inputs[0]).shape, Some(vec![Dim::Unknown, Dim::Known(3)]));
    assert_eq!(model.notes(), ["value x states a size of -1, which is taken as one that is not known"]);
    let back = onnx::read(onnx::write(&model).unwrap().into()).unwrap();
    assert_eq!(
        (back.notes().len(), &back.graph.value(back.graph.inputs[0]).shape),
        (0, &Some(vec![Dim::Unknown, Dim::Known(3)]))
    );
    assert_eq!(model.graph.value(model.graph.inputs[0]).dtype, Some(DType::F32));
}
