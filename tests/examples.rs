//! The examples: each is exported with every axis open that can be, and agrees with Burn in tract and in ONNX Runtime at
//! several batches and lengths.

use std::path::Path;
use std::process::Command;

use burn::tensor::{Bool, Device, Int, Tensor, TensorData};
use gnet::OnnxFile;
use gnet::export::{ExportOptions, Exported, export, verify};
use gnet::graph::{Sizes, shape_text};
use gnet::runtime::{self, Array, Provider, RunOptions};
use serde_json::{Value, json};

use crate::common::{array, stirred};
use crate::programs::{lstm, resnet, transformer_encoder, unet};
use crate::{common, python};

/// An exported example and what Burn makes of inputs of several sizes.
struct Example {
    name: &'static str,
    exported: Exported,
    runs: Vec<Run>,
}

struct Run {
    sizes: Vec<(&'static str, usize)>,
    inputs: Vec<Array>,
    outputs: Vec<Array>,
}

/// Sizes of the open axes that were not traced; 1 among them.
fn run(sizes: &[(&'static str, usize)], inputs: Vec<Array>, burn: impl Fn(&[Array]) -> Vec<Array>) -> Run {
    let outputs = burn(&inputs);
    Run { sizes: sizes.to_vec(), inputs, outputs }
}

fn data(array: &Array) -> TensorData {
    TensorData::new(array.data.clone(), array.shape.clone())
}

fn floats<const D: usize>(array: &Array) -> Tensor<D> {
    Tensor::from_data(data(array), &Device::flex())
}

fn encoder() -> Example {
    use transformer_encoder::{TextClassifier, forward, options};
    let network = stirred(TextClassifier::new(&Device::flex()));
    let exported = export(&network, &options(), forward).unwrap();
    let burn = |inputs: &[Array]| {
        let tokens = Tensor::<2, Int>::from_data(data(&inputs[0]).convert::<i32>(), &Device::flex());
        let padding = Tensor::<2, Bool>::from_data(data(&inputs[1]).convert::<bool>(), &Device::flex());
        let (features, logits) = network.forward(tokens, padding);
        vec![array(&features), array(&logits)]
    };
    let runs = [(1, 1), (1, 9), (4, 6), (3, 50)].map(|(batch, length)| {
        let mut tokens = Array::uniform(vec![batch, length], 3);
        tokens.data.iter_mut().for_each(|value| *value = (*value * 1000.0).floor());
        // Texts of different lengths: padding at their ends.
        let mut padding = Array::uniform(vec![batch, length], 4);
        let pads = |i: usize| i % length > (length - 1) / (1 + i / length);
        padding.data.iter_mut().enumerate().for_each(|(i, value)| *value = f32::from(u8::from(pads(i))));
        run(&[("N", batch), ("T", length)], vec![tokens, padding], burn)
    });
    Example { name: "transformer_encoder", exported, runs: runs.into() }
}

fn residual() -> Example {
    use resnet::{ResNet, forward, options};
    let network = stirred(ResNet::new(&Device::flex()));
    let exported = export(&network, &options(), forward).unwrap();
    let burn = |inputs: &[Array]| vec![array(&network.forward(floats(&inputs[0])))];
    let runs = [(1, 32, 96), (3, 128, 64)].map(|(batch, height, width)| {
        let images = common::images(1, batch, [3, height, width]);
        run(&[("N", batch), ("H", height), ("W", width)], vec![images], burn)
    });
    Example { name: "resnet", exported, runs: runs.into() }
}

fn segmenter() -> Example {
    use unet::{UNet, forward, options};
    let network = stirred(UNet::new(&Device::flex()));
    let exported = export(&network, &options(), forward).unwrap();
    let burn = |inputs: &[Array]| vec![array(&network.forward(floats(&inputs[0])))];
    let runs = [(1, 4, 8), (1, 36, 20), (3, 16, 32)].map(|(batch, height, width)| {
        let images = common::images(1, batch, [3, height, width]);
        run(&[("N", batch), ("H", height), ("W", width)], vec![images], burn)
    });
    Example { name: "unet", exported, runs: runs.into() }
}

fn recurrent() -> Example {
    use lstm::{Forecast, forward, options};
    let network = stirred(Forecast::new(&Device::flex()));
    let exported = export(&network, &options(), forward).unwrap();
    let burn = |inputs: &[Array]| {
        let (next, state) = network.forward(floats(&inputs[0]));
        vec![array(&next), array(&state)]
    };
    let runs = [(1, 1), (1, 6), (4, 2), (3, 25)].map(|(batch, length)| {
        run(&[("N", batch), ("T", length)], vec![Array::noise(vec![batch, length, 6], 5)], burn)
    });
    Example { name: "lstm", exported, runs: runs.into() }
}

fn all() -> [Example; 4] {
    [encoder(), residual(), segmenter(), recurrent()]
}

fn ports(exported: &Exported) -> Vec<String> {
    let graph = &exported.model.graph;
    let port = |id| {
        let value = graph.value(id);
        format!("{} {}", value.name, shape_text(value.shape.as_deref().unwrap()))
    };
    graph.inputs.iter().chain(&graph.outputs).map(|id| port(*id)).collect()
}

#[test]
fn every_open_axis_is_in_the_file() {
    assert_eq!(ports(&encoder().exported), ["tokens N x T", "padding N x T", "features N x T x 64", "logits N x 5"]);
    assert_eq!(ports(&residual().exported), ["images N x 3 x H x W", "logits N x 10"]);
    assert_eq!(ports(&segmenter().exported), ["images N x 3 x H x W", "mask N x 1 x H x W"]);
    assert_eq!(ports(&recurrent().exported), ["series N x T x 6", "next N x T x 6", "state N x 16"]);
}

#[test]
fn tract_agrees_with_burn_at_every_size() {
    for Example { name, exported, runs } in all() {
        for Run { sizes, inputs, outputs } in runs {
            let options = RunOptions { sizes: Sizes::of_dims(&sizes), ..RunOptions::new(1, inputs[0].batch()) };
            let mut session = runtime::load(Provider::Tract, &OnnxFile::of_bytes(exported.bytes.clone()), &options)
                .unwrap_or_else(|e| panic!("{name} at {sizes:?}: {e}"));
            session.bind(&inputs).unwrap();
            session.run().unwrap();
            for (expected, found) in outputs.iter().zip(session.outputs().unwrap()) {
                let agreement = runtime::agreement::Agreement::of(expected, &found).unwrap();
                assert!(agreement.within(2e-5), "{name} at {sizes:?}: {agreement:?}");
            }
        }
    }
}

#[test]
fn onnx_runtime_agrees_with_burn_at_every_size() {
    let Some(python) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let wrong = ask(&python, folder.path(), &all());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_oracle_notices_a_fault() {
    let Some(python) = python::interpreter() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut example = segmenter();
    // Another answer of Burn's, as if a pixel of the file's were wrong.
    example.runs[1].outputs[0].data[17] += 1e-3;
    let wrong = ask(&python, folder.path(), &[example]);
    assert!(wrong.starts_with("unet.onnx: {'H': 36, 'N': 1, 'W': 20}: output mask is off by 0.00"), "{wrong}");
}

/// Returns the faults that Python finds.
fn ask(python: &Path, folder: &Path, examples: &[Example]) -> String {
    let list: Vec<Value> = examples.iter().map(|example| described(folder, example)).collect();
    std::fs::write(folder.join("manifest.json"), Value::from(list).to_string()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples/oracle.py");
    let output = Command::new(python).arg(script).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Writes an example's file and arrays; the entry of the manifest.
fn described(folder: &Path, example: &Example) -> Value {
    let (name, graph) = (example.name, &example.exported.model.graph);
    std::fs::write(folder.join(format!("{name}.onnx")), &example.exported.bytes).unwrap();
    let arrays = |run: usize, ids: &[gnet::graph::ValueId], arrays: &[Array]| -> Value {
        let entry = |(id, array): (&gnet::graph::ValueId, &Array)| {
            let port = &graph.value(*id).name;
            let file = format!("{name}-{run}-{port}");
            let bytes: Vec<u8> = array.data.iter().flat_map(|value| value.to_le_bytes()).collect();
            std::fs::write(folder.join(&file), bytes).unwrap();
            (port.clone(), json!({ "shape": array.shape, "file": file }))
        };
        ids.iter().zip(arrays).map(entry).collect::<serde_json::Map<_, _>>().into()
    };
    let run = |(number, run): (usize, &Run)| {
        let sizes: serde_json::Map<_, _> =
            run.sizes.iter().map(|(name, size)| ((*name).to_owned(), json!(size))).collect();
        json!({
            "sizes": sizes,
            "inputs": arrays(number, &graph.inputs, &run.inputs),
            "outputs": arrays(number, &graph.outputs, &run.outputs),
        })
    };
    json!({ "file": format!("{name}.onnx"), "runs": example.runs.iter().enumerate().map(run).collect::<Vec<_>>() })
}

#[test]
fn the_exporters_own_verification_passes() {
    fn verified<M: burn::module::Module, I: gnet::trace::Inputs, O: gnet::trace::NamedOutputs>(
        network: M,
        options: &ExportOptions,
        forward: impl Fn(&M, I) -> O,
    ) {
        let network = stirred(network);
        let exported = export(&network, options, &forward).unwrap();
        let verified = verify(&network, options, &exported, forward).unwrap();
        assert!(verified.max_abs_diff <= verified.tolerance);
    }
    let device = Device::flex();
    verified(
        transformer_encoder::TextClassifier::new(&device),
        &transformer_encoder::options(),
        transformer_encoder::forward,
    );
    verified(resnet::ResNet::new(&device), &resnet::options(), resnet::forward);
    verified(unet::UNet::new(&device), &unet::options(), unet::forward);
    verified(lstm::Forecast::new(&device), &lstm::options(), lstm::forward);
}
