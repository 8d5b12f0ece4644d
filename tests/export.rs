//! The exported file against the network it comes from, and the network after its export.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Command, Output};

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::{GradientsParams, SgdConfig};
use burn::tensor::{Device, Tensor};
use gnet::export::{self, ExportOptions, ExportRecord, Exported, googlenet_options, verify_googlenet};
use gnet::graph::{Dim, Graph};
use gnet::nets::{GoogLeNet, GoogLeNetConfig, Preset};
use gnet::{ErrorKind, files, onnx};

use crate::common;
use crate::common::{bits, config, fresh, images, item_shape, network, stirred, tensor};

/// Difference of an export's options from the usual ones.
type Change = fn(ExportOptions) -> ExportOptions;

/// Folded.
fn plain(options: ExportOptions) -> ExportOptions {
    options
}

/// Every operation of the network.
fn whole(options: ExportOptions) -> ExportOptions {
    options.folding(false)
}

fn options(config: &GoogLeNetConfig, keep_aux: bool) -> ExportOptions {
    let preset = if config.aux_heads { Preset::BnAux } else { Preset::D2l };
    googlenet_options(config, &fresh(preset, config.clone()).metadata(), keep_aux)
}

fn exported(network: &GoogLeNet, config: &GoogLeNetConfig, keep_aux: bool, change: Change) -> Exported {
    export::googlenet(network, &change(options(config, keep_aux))).unwrap()
}

fn bn_aux() -> (GoogLeNet, GoogLeNetConfig) {
    let config = config(Preset::BnAux, 28);
    (network(&config), config)
}

fn gnet(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gnet")).args(arguments).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn files_in(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

mod bytes {
    use super::*;

    #[test]
    fn two_exports_of_one_network_are_the_same_bytes() {
        let (network, config) = bn_aux();
        for change in
            [plain, whole, |options: ExportOptions| ExportOptions { opset: 21, ..options }.fix(export::BATCH, 3)]
                as [Change; 3]
        {
            let first = exported(&network, &config, true, change).bytes;
            assert_eq!(first, exported(&network, &config, true, change).bytes);
        }
    }

    #[test]
    fn two_processes_write_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, seed: &str| {
            let path = folder.path().join(name);
            let network = ["--preset", "bn-aux", "--image-size", "28", "--lrn", "--seed", seed];
            let output = [&["export", "-o", path.to_str().unwrap(), "--no-verify"], &network[..]].concat();
            let output = gnet(&output);
            assert!(output.status.success(), "{}", stderr(&output));
            std::fs::read(path).unwrap()
        };
        let first = write("a.onnx", "7");
        assert_eq!(first, write("b.onnx", "7"));
        assert_ne!(first, write("c.onnx", "8"));
        let config = GoogLeNetConfig { lrn: true, ..config(Preset::BnAux, 28) };
        let fresh = export::Fresh { seed: 7, ..fresh(Preset::BnAux, config) };
        let network = fresh.network().unwrap();
        let here = export::googlenet(&network, &googlenet_options(&fresh.config, &fresh.metadata(), false)).unwrap();
        assert_eq!(here.bytes, first, "the program writes what the library makes");
    }

    #[test]
    fn reading_and_writing_changes_nothing() {
        let (network, config) = bn_aux();
        for change in [plain as Change, whole] {
            let bytes = exported(&network, &config, true, change).bytes;
            assert_eq!(onnx::write(&onnx::read(bytes.clone()).unwrap()).unwrap(), bytes);
        }
    }
}

mod contents {
    use super::*;

    /// Every parameter of a module by its path, running statistics among them.
    #[derive(Default)]
    struct Parameters {
        path: Vec<String>,
        found: BTreeMap<String, (Vec<usize>, Vec<u32>)>,
    }

    impl ModuleVisitor for Parameters {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let tensor = param.val();
            self.found.insert(self.path.join("."), (tensor.dims().to_vec(), bits(&tensor)));
        }
    }

    fn initializers(graph: &Graph) -> BTreeMap<String, (Vec<usize>, Vec<u32>)> {
        let floats = graph.initializers().filter_map(|(id, tensor)| {
            let values = tensor.to_f32()?.into_iter().map(f32::to_bits).collect();
            Some((graph.value(id).name.clone(), (tensor.shape().to_vec(), values)))
        });
        floats.collect()
    }

    #[test]
    fn an_unfolded_file_holds_every_parameter_under_its_path_bit_for_bit() {
        let (network, config) = bn_aux();
        let mut parameters = Parameters::default();
        network.visit(&mut parameters);
        let model = onnx::read(exported(&network, &config, true, whole).bytes).unwrap();
        let held = initializers(&model.graph);
        assert_eq!(held.keys().collect::<Vec<_>>(), parameters.found.keys().collect::<Vec<_>>());
        for (path, parameter) in &parameters.found {
            assert!(held[path] == *parameter, "{path} is another in the file");
        }
    }

    #[test]
    fn folding_touches_kernels_and_biases_of_convolutions_alone() {
        let (network, config) = bn_aux();
        let before = initializers(&exported(&network, &config, true, whole).model.graph);
        let after = initializers(&exported(&network, &config, true, plain).model.graph);
        let changed = |name: &str| before.get(name) != after.get(name);
        let convolution = |name: &str| [".conv.weight", ".conv.bias"].iter().any(|end| name.ends_with(end));
        let normalisation = |name: &str| name.contains(".bn.");
        for name in after.keys() {
            assert_eq!(changed(name), convolution(name), "{name}");
        }
        assert!(before.keys().all(|name| after.contains_key(name) || normalisation(name)));
    }

    #[test]
    fn nothing_in_a_file_is_unused() {
        let (network, config) = bn_aux();
        for (keep_aux, change) in [(false, plain as Change), (true, plain), (false, whole), (true, whole)] {
            let graph = onnx::read(exported(&network, &config, keep_aux, change).bytes).unwrap().graph;
            let uses = graph.uses();
            for (id, _) in graph.initializers() {
                assert!(uses.contains_key(&id), "nothing reads {}", graph.value(id).name);
            }
            for node in &graph.nodes {
                assert!(node.makes().any(|id| uses.contains_key(&id)), "nothing reads {}", node.name);
            }
        }
    }
}

mod names {
    use super::*;

    fn nodes(graph: &Graph) -> BTreeSet<String> {
        let names: BTreeSet<_> = graph.nodes.iter().map(|node| node.name.clone()).collect();
        assert_eq!(names.len(), graph.nodes.len(), "names are unique");
        names
    }

    #[test]
    fn tensors_are_named_after_their_module() {
        let (network, config) = bn_aux();
        let graph = exported(&network, &config, true, whole).model.graph;
        let nodes = nodes(&graph);
        for node in [
            "conv1.conv/Conv",
            "conv1.bn/BatchNormalization",
            "conv1/Relu",
            "inception3a.b3x3.conv/Conv",
            "inception3a.b3x3.bn/BatchNormalization",
            "inception3a.b3x3/Relu",
            "inception3a.pool_proj/MaxPool",
            "inception3a/Concat",
            "aux1.conv.conv/Conv",
            "aux1.fc1/Gemm",
            "aux1/Relu",
            "aux2.fc2/Gemm",
            "fc/Gemm",
        ] {
            assert!(nodes.contains(node), "{node} is not in {nodes:#?}");
        }
        for initializer in [
            "inception3a.b3x3.conv.weight",
            "inception5b.pool_proj.bn.running_var",
            "aux1.fc1.bias",
            "aux2.conv.bn.gamma",
            "fc.weight",
        ] {
            let id = graph.find(initializer).unwrap_or_else(|| panic!("there is no {initializer}"));
            assert!(graph.initializer(id).is_some(), "{initializer} is a constant");
        }
    }

    #[test]
    fn a_node_and_its_value_share_a_name_that_ends_in_the_operation() {
        let (network, config) = bn_aux();
        for change in [plain as Change, whole] {
            let graph = exported(&network, &config, true, change).model.graph;
            for node in &graph.nodes {
                let (path, operation) = node.name.rsplit_once('/').expect("a path and an operation");
                assert_eq!(operation, node.op_type, "{}: no counter, no other operation", node.name);
                assert!(!path.is_empty(), "{} has a module", node.name);
                let output = node.output().unwrap();
                let value = &graph.value(output).name;
                assert!(*value == node.name || graph.outputs.contains(&output), "{} makes {value}", node.name);
            }
        }
    }

    #[test]
    fn a_name_depends_on_its_own_module_alone() {
        let (bn_aux, d2l) = (config(Preset::BnAux, 28), config(Preset::D2l, 28));
        let of = |config: &GoogLeNetConfig, keep_aux, options| {
            nodes(&exported(&network(config), config, keep_aux, options).model.graph)
        };
        let pruned = of(&bn_aux, false, plain);
        let with_heads = of(&bn_aux, true, plain);
        let heads: BTreeSet<_> = with_heads.iter().filter(|name| name.starts_with("aux")).cloned().collect();
        assert_eq!(with_heads, &pruned | &heads, "the heads change no name but add their own");
        assert_eq!(of(&d2l, false, plain), pruned, "the plain network has the names of the folded one");
        let unfolded = of(&bn_aux, false, whole);
        let normalisations: BTreeSet<_> =
            unfolded.iter().filter(|name| name.ends_with("/BatchNormalization")).cloned().collect();
        assert_eq!(&unfolded - &normalisations, pruned);
        assert_eq!(of(&GoogLeNetConfig { image_size: 96, ..d2l }, false, plain), pruned);
    }
}

mod counts {
    use super::*;

    #[test]
    fn pruning_and_folding_leave_exactly_what_is_known() {
        let (network, config) = bn_aux();
        let exported = exported(&network, &config, false, plain);
        let record = ExportRecord::new(Path::new("x.onnx"), &exported, None).unwrap();
        let steps: Vec<_> = record.steps.iter().map(|step| (step.step.as_str(), step.params)).collect();
        assert_eq!(steps, [("forward", 6_403_134), ("prune", 5_984_810), ("passes", 5_977_530)]);
        assert_eq!((record.pruned_params, record.params), (418_324, 5_977_530));
        assert_eq!(record.pruned_outputs, ["aux1", "aux2"]);
        assert!(record.refused.is_empty(), "{:?}", record.refused);
        let folded: Vec<_> = exported.passes.iter().filter(|pass| pass.pass == "fold-batch-norm").collect();
        assert_eq!(folded[0].applied.len(), 57, "3 in the stem and 6 in each of 9 blocks");
        assert_eq!(record.nodes, exported.model.graph.nodes.len());
        assert_eq!(record.bytes, exported.bytes.len() as u64);
        let initializers = exported.model.graph.initializer_bytes();
        assert!(record.bytes > initializers && record.bytes < initializers + 50_000, "{} bytes", record.bytes);
    }

    #[test]
    fn without_folding_or_pruning_nothing_is_lost() {
        let (network, config) = bn_aux();
        let params = |keep_aux, change: Change| {
            let exported = exported(&network, &config, keep_aux, change);
            let record = ExportRecord::new(Path::new("x.onnx"), &exported, None).unwrap();
            (record.pruned_params, record.params)
        };
        assert_eq!(params(false, whole), (418_324, 5_984_810));
        assert_eq!(params(true, whole), (0, 5_984_810 + 418_324));
        // Each head has one convolution with 128 scales and shifts.
        assert_eq!(params(true, plain), (0, 5_977_530 + 418_324 - 2 * 128));
    }
}

mod shape {
    use super::*;

    fn outputs(graph: &Graph) -> Vec<(&str, Vec<Dim>)> {
        let output = |id| (graph.value(id).name.as_str(), graph.value(id).shape.clone().unwrap());
        graph.outputs.iter().map(|id| output(*id)).collect()
    }

    #[test]
    fn kept_heads_are_outputs_after_the_logits() {
        let (network, config) = bn_aux();
        let row = || vec![Dim::symbol("N"), Dim::Known(10)];
        let kept = exported(&network, &config, true, plain);
        assert_eq!(outputs(&kept.model.graph), [("logits", row()), ("aux1", row()), ("aux2", row())]);
        let pruned = exported(&network, &config, false, plain);
        assert_eq!(outputs(&pruned.model.graph), [("logits", row())]);
        let config = common::config(Preset::D2l, 28);
        let none = exported(&common::network(&config), &config, true, plain);
        assert_eq!(outputs(&none.model.graph), [("logits", row())]);
    }

    #[test]
    fn a_fixed_batch_is_in_every_shape() {
        let (network, config) = bn_aux();
        let fixed = |options: ExportOptions| options.fix(export::BATCH, 4);
        let exported = exported(&network, &config, true, fixed);
        let graph = &exported.model.graph;
        let shapes = graph.nodes.iter().flat_map(|node| node.makes()).chain(graph.inputs.clone());
        for id in shapes {
            let value = graph.value(id);
            let shape = value.shape.as_ref().unwrap();
            assert!(shape.iter().all(|dim| dim.known().is_some()), "{}", value.name);
            assert_eq!(shape[0], Dim::Known(4), "{}", value.name);
        }
        let verified = verify_googlenet(&network, &fixed(options(&config, true)), &exported).unwrap();
        assert_eq!((verified.images, verified.batches), (4, vec![4]));
    }

    #[test]
    fn a_dynamic_batch_is_verified_at_two_sizes() {
        let (network, config) = bn_aux();
        let exported = exported(&network, &config, true, plain);
        let verified = verify_googlenet(&network, &options(&config, true), &exported).unwrap();
        assert_eq!(verified.batches.len(), 2);
        assert!(verified.batches[0] != verified.batches[1] && verified.max_abs_diff <= verified.tolerance);
        assert!(verified.spread > 100.0 * verified.tolerance);
    }

    #[test]
    fn a_number_of_outputs_that_is_not_the_modules_is_caught() {
        let (network, config) = bn_aux();
        let exported = exported(&network, &config, false, plain);
        let error = verify_googlenet(&network, &options(&config, true), &exported).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Check);
        assert!(error.to_string().contains("another number of outputs"), "{error}");
    }
}

mod refusals {
    use super::*;

    #[test]
    fn an_operator_set_out_of_range_is_refused() {
        let (network, config) = bn_aux();
        let metadata = fresh(Preset::BnAux, config.clone()).metadata();
        for opset in [i64::MIN, 0, 16, 24, i64::MAX] {
            let options = ExportOptions { opset, ..googlenet_options(&config, &metadata, false) };
            let error = export::googlenet(&network, &options).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Input);
            assert_eq!(error.to_string(), format!("opset {opset}: gnet writes opsets 17 to 23"));
        }
        let options = googlenet_options(&config, &metadata, false).fix(export::BATCH, 0);
        let error = export::googlenet(&network, &options).unwrap_err();
        assert_eq!(error.to_string(), "input 'input': axis 0 is empty: it holds at least one");
    }

    #[test]
    fn a_refused_export_leaves_an_existing_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        std::fs::write(&path, b"what was there").unwrap();
        let export = |more: &[&str]| {
            let always = ["export", "--preset", "d2l", "--image-size", "28", "-o", path.to_str().unwrap()];
            gnet(&[&always[..], more].concat())
        };
        // Among so many images with one logit each, two lie too close for a comparison to prove anything.
        let too_close = ["--classes", "1", "--batch", "128"];
        for (more, code, says) in [
            (&too_close[..], 1, "different images give outputs only"),
            (&["--opset", "99"], 2, "opset 99"),
            (&["--batch", "0"], 2, "batch 0"),
            (&["--channels", "0"], 2, "channels 0"),
        ] {
            let output = export(more);
            assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
            assert!(stderr(&output).contains(says) && output.stdout.is_empty(), "{}", stderr(&output));
            assert_eq!(files::read(&path).unwrap(), b"what was there", "{more:?}");
            assert_eq!(files_in(folder.path()), 1, "no temporary file is left by {more:?}");
        }
        // The same export without the comparison is written: it was the comparison that kept it back.
        let output = export(&[&too_close[..], &["--no-verify"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        onnx::read_file(&path).unwrap();
        assert_eq!(files_in(folder.path()), 1);
    }
}

mod module {
    use super::*;

    /// Outputs and parameters of a network, bit for bit.
    #[derive(PartialEq)]
    struct State {
        logits: Vec<Vec<u32>>,
        statistics: Vec<u32>,
        devices: Vec<Device>,
    }

    fn state(network: &GoogLeNet, config: &GoogLeNetConfig) -> State {
        let valid = network.valid();
        let logits = valid.forward(tensor(&images(0, 3, item_shape(config))));
        let logits = [Some(logits.main), logits.aux1, logits.aux2];
        let norms = [&network.conv1, &network.inception4c.b3x3, &network.inception5b.pool_proj].map(|unit| &unit.bn);
        let statistics = |norm: &burn::nn::BatchNorm| {
            [bits(&norm.running_mean.value_sync()), bits(&norm.running_var.value_sync())].concat()
        };
        State {
            logits: logits.iter().flatten().map(bits).collect(),
            statistics: norms.into_iter().flatten().flat_map(statistics).collect(),
            devices: network.devices(),
        }
    }

    #[test]
    fn an_export_leaves_the_network_as_it_was() {
        let (network, config) = bn_aux();
        let before = state(&network, &config);
        assert_eq!(before.devices, [Device::flex()]);
        for change in [plain as Change, whole] {
            let _ = exported(&network, &config, true, change);
            assert!(state(&network, &config) == before);
        }
    }

    /// A small batch of training images on the device of the network.
    fn step(network: GoogLeNet, config: &GoogLeNetConfig, number: u64) -> GoogLeNet {
        let device = Device::flex().autodiff();
        let input = images(10 * number as usize, 4, item_shape(config));
        network.seed_dropout(3, number);
        let logits = network.forward(tensor(&input).to_device(&device));
        let heads = [logits.aux1, logits.aux2].into_iter().flatten().map(|head| head.powf_scalar(2.0).mean());
        let loss = heads.fold(logits.main.powf_scalar(2.0).mean(), |loss, head| loss + head * 0.3);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        SgdConfig::new().init().step(0.01, network, gradients)
    }

    #[test]
    fn an_export_amid_training_ships_the_settled_statistics_and_disturbs_nothing() {
        let config = config(Preset::BnAux, 28);
        let device = Device::flex().autodiff();
        let trained = || step(stirred(config.init_seeded(1, &device).unwrap()), &config, 1);
        // Two networks with the same past; one of them is exported between two steps.
        let (undisturbed, network) = (trained(), trained());
        let norm = |network: &GoogLeNet| network.conv1.bn.clone().unwrap();
        let stale = bits(&norm(&network).running_mean.value());
        let settled = bits(&norm(&undisturbed).running_mean.value_sync());
        assert_ne!(stale, settled, "an update of the statistics is pending");

        let file = exported(&network, &config, true, whole).model.graph;
        let shipped = file.initializer(file.find("conv1.bn.running_mean").unwrap()).unwrap().to_f32().unwrap();
        assert_eq!(shipped.into_iter().map(f32::to_bits).collect::<Vec<_>>(), settled);
        assert_eq!(network.devices(), [device]);

        assert!(state(&network, &config) == state(&undisturbed, &config));
        let (undisturbed, network) = (step(undisturbed, &config, 2), step(network, &config, 2));
        assert!(state(&network, &config) == state(&undisturbed, &config), "training goes on as if nothing had been");
    }

    #[test]
    fn a_network_on_an_autodiff_device_is_verified() {
        let config = config(Preset::BnAux, 28);
        let network = step(stirred(config.init_seeded(1, &Device::flex().autodiff()).unwrap()), &config, 1);
        let exported = exported(&network, &config, true, plain);
        verify_googlenet(&network, &options(&config, true), &exported).unwrap();
    }
}
