//! Forwards that loop over a sequence: exported with batch and length open, they become ONNX's `Scan`, and agree with Burn in
//! tract and, by the oracle, in ONNX Runtime at sizes that were not traced.

mod judge;
mod networks;

use burn::tensor::{Device, Tensor, TensorData};
use gnet::OnnxFile;
use gnet::axes;
use gnet::export::{ExportOptions, export, verify};
use gnet::graph::{Model, Sizes};
use gnet::runtime::{self, Array, Provider, RunOptions};
use gnet::trace::Input;

use networks::Network;

use crate::python;

/// Batches and lengths, none of which was traced together; a length of 1 is a loop of one turn.
const SIZES: [[usize; 2]; 5] = [[1, 1], [3, 1], [1, 6], [4, 5], [2, 17]];

fn options() -> ExportOptions {
    ExportOptions::for_inputs([Input::new("x", axes!["N", "T", networks::WIDTH])])
}

fn input([batch, length]: [usize; 2]) -> Array {
    Array::noise(vec![batch, length, networks::WIDTH], (31 * batch + length) as u64)
}

fn in_burn(network: &Network, x: &Array) -> Vec<Array> {
    let data = TensorData::new(x.data.clone(), x.shape.clone());
    network.run(Tensor::from_data(data, &Device::flex()))
}

fn in_tract(model: &Model, [batch, length]: [usize; 2], x: &Array) -> Vec<Array> {
    let file = OnnxFile::of_model(model.clone());
    let options = RunOptions { sizes: Sizes::dim("T", length), ..RunOptions::new(1, batch) };
    let mut session = runtime::load(Provider::Tract, &file, &options).unwrap();
    runtime::run(session.as_mut(), x).unwrap()
}

fn operations(model: &Model) -> Vec<&str> {
    model.graph.nodes.iter().map(|node| node.op_type.as_str()).collect()
}

#[test]
fn every_length_agrees_with_burn() {
    for (name, network) in networks::all() {
        let exported = export(&network, &options(), Network::forward).unwrap_or_else(|e| panic!("{name}: {e}"));
        let loops = operations(&exported.model).iter().filter(|op| **op == "Scan").count();
        assert_eq!(loops, network.loops(), "{name}: {:?}", operations(&exported.model));
        for sizes in SIZES {
            let x = input(sizes);
            let (expected, found) = (in_burn(&network, &x), in_tract(&exported.model, sizes, &x));
            assert_eq!(expected.len(), found.len());
            for (expected, found) in expected.iter().zip(&found) {
                let agreement = runtime::agreement::Agreement::of(expected, found).unwrap();
                assert!(agreement.within(2e-5), "{name} at {sizes:?}: {agreement:?}");
            }
        }
    }
}

#[test]
fn onnx_runtime_and_the_checker_agree() {
    let Some(python) = python::interpreter() else { return };
    for (name, network) in networks::all() {
        let exported = export(&network, &options(), Network::forward).unwrap();
        let cases = SIZES.map(|sizes| {
            let x = input(sizes);
            let expected = in_burn(&network, &x);
            (x, expected)
        });
        judge::judge(&python, &exported.bytes, &cases).unwrap_or_else(|e| panic!("{name}: {e}"));
    }
}

#[test]
fn an_older_operator_set_and_the_same_bytes_each_time() {
    let (_, network) = networks::all().remove(5);
    let options = ExportOptions { opset: 17, ..options() };
    let exported = export(&network, &options, Network::forward).unwrap();
    assert_eq!(exported.bytes, export(&network, &options, Network::forward).unwrap().bytes);
    let verified = verify(&network, &options, &exported, Network::forward).unwrap();
    assert!(verified.max_abs_diff <= verified.tolerance, "{verified:?}");
}

#[test]
fn parameters_keep_their_names_and_stand_outside_of_the_loop() {
    let (name, network) = networks::all().remove(0);
    let graph = export(&network, &options(), Network::forward).unwrap().model.graph;
    let constants = graph.constants();
    let names: Vec<&str> = constants.keys().map(|id| graph.value(*id).name.as_str()).collect();
    assert!(names.iter().any(|name| name.ends_with("input_gate.hidden_transform.weight")), "{name}: {names:?}");
    let scan = graph.nodes.iter().find(|node| node.op_type == "Scan").unwrap();
    let body = scan.subgraphs().next().unwrap();
    // Eight matrices are read of the graph around, and what is added to each product.
    assert_eq!(body.captures.len(), 16);
    assert_eq!(body.graph.nodes.iter().filter(|node| node.op_type == "MatMul").count(), 8);
}

#[test]
fn two_lengths_that_have_nothing_to_do_with_each_other() {
    let lstms = networks::pair();
    let inputs = [Input::new("question", axes!["N", "Q", 3]), Input::new("answer", axes!["N", "A", 3])];
    let options = ExportOptions::for_inputs(inputs);
    let exported = export(&lstms, &options, networks::both).unwrap();
    assert_eq!(operations(&exported.model).iter().filter(|op| **op == "Scan").count(), 2);
    verify(&lstms, &options, &exported, networks::both).unwrap();
}

#[test]
fn a_loop_that_no_scan_does_is_refused() {
    let network = networks::all().remove(7).1;
    let uneven = |network: &Network, x: Tensor<3>| {
        let (out, states) = network.forward(x);
        let half = out.dims()[1] / 2;
        (0..half).fold(states[0].clone(), |sum, t| {
            sum + out.clone().slice([0..out.dims()[0], 2 * t..2 * t + 1]).squeeze_dim(1)
        })
    };
    let error = export(&network, &options(), uneven).unwrap_err();
    assert_eq!(error.kind(), gnet::ErrorKind::Input);
    assert!(error.to_string().contains("depends on T in more than its shapes"), "{error}");
    export(&network, &options().fix("T", 6), uneven).unwrap();
}
