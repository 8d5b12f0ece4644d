//! gnet's own exports through the command line: `bench` and `verify` of every example and every preset, in tract and in
//! ONNX Runtime, at two sizes of each open axis.
//!
//! ONNX Runtime is that of `GNET_TEST_ORT_LIB`; without it tract runs alone.

use std::path::PathBuf;
use std::process::Command;

use burn::tensor::Device;
use gnet::export::{self, export, googlenet_options};
use gnet::nets::{GoogLeNetConfig, Preset};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common;
use crate::common::stirred;
use crate::programs::{lstm, resnet, transformer_encoder, unet};

/// A folder with one exported file, and the engines to run it in.
struct Exported {
    folder: TempDir,
    providers: Vec<&'static str>,
    ort: Option<PathBuf>,
}

impl Exported {
    fn new(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("model.onnx"), bytes).unwrap();
        let ort = std::env::var_os("GNET_TEST_ORT_LIB").map(PathBuf::from);
        if ort.is_none() {
            eprintln!("not tested in ONNX Runtime: GNET_TEST_ORT_LIB names no library");
        }
        let providers = if ort.is_some() { vec!["tract", "cpu"] } else { vec!["tract", "tract"] };
        Self { folder, providers, ort }
    }

    /// Returns the JSON output of a command.
    fn json(&self, command: &str, flags: &str) -> Value {
        let mut gnet = Command::new(env!("CARGO_BIN_EXE_gnet"));
        gnet.current_dir(self.folder.path()).arg(command).arg("model.onnx").args(flags.split_whitespace());
        gnet.args(["--provider", &self.providers.join(","), "--format", "json"]);
        if let Some(library) = &self.ort {
            gnet.arg("--ort-lib").arg(library);
        }
        let ran = gnet.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        assert!(ran.status.success(), "{command} {flags}: {err}{out}");
        serde_json::from_str(&out).unwrap()
    }

    /// Measures and verifies at the sizes of the flags.
    fn runs(&self, flags: &str, batch: usize, shapes: &[&[usize]]) {
        for run in self.measured(flags, batch, shapes) {
            assert!(run["gmacs_per_s"].is_number(), "what is measured is counted at the same sizes: {flags}: {run}");
        }
        self.agrees(flags, shapes);
    }

    /// The rows at the sizes of the flags: the inputs must be fed in these shapes, `batch` items of them.
    fn measured(&self, flags: &str, batch: usize, shapes: &[&[usize]]) -> Vec<Value> {
        let bench = self.json("bench", &format!("{flags} --samples 2 --min-time 0 --warmup 1"));
        let runs = bench["runs"].as_array().unwrap().clone();
        assert_eq!(runs.len(), self.providers.len());
        for run in &runs {
            let fed: Vec<_> = run["inputs"].as_array().unwrap().iter().map(|input| input["shape"].clone()).collect();
            assert_eq!((json!(fed), &run["batch"]), (json!(shapes), &json!(batch)), "{flags}");
        }
        runs
    }

    fn agrees(&self, flags: &str, shapes: &[&[usize]]) {
        let verified = self.json("verify", &format!("{flags} --samples 4"));
        assert_eq!(verified["passed"], true, "{flags}");
        for (input, shape) in verified["inputs"].as_array().unwrap().iter().zip(shapes) {
            let stated: Vec<_> = input["shape"].as_array().unwrap()[1..].to_vec();
            assert_eq!(json!(stated), json!(shape[1..]), "{flags}");
        }
    }
}

#[test]
fn an_encoder_runs_at_any_length() {
    use transformer_encoder::{TextClassifier, forward, options};
    let network = stirred(TextClassifier::new(&Device::flex()));
    let exported = Exported::new(&export(&network, &options(), forward).unwrap().bytes);
    exported.runs("--dim T=9", 1, &[&[1, 9], &[1, 9]]);
    exported.runs("--dim T=4 --dim N=3", 3, &[&[3, 4], &[3, 4]]);
    exported.runs("--input tokens=Nx9", 1, &[&[1, 9], &[1, 9]]);
}

#[test]
fn a_recurrent_network_runs_at_any_length() {
    use lstm::{Forecast, forward, options};
    let network = stirred(Forecast::new(&Device::flex()));
    let exported = Exported::new(&export(&network, &options(), forward).unwrap().bytes);
    for (flags, batch, shape) in
        [("--dim T=9", 1, [1, 9, 6]), ("--dim T=2 --dim N=3", 3, [3, 2, 6]), ("--input 3,9,6", 3, [3, 9, 6])]
    {
        exported.measured(flags, batch, &[&shape]);
        exported.agrees(flags, &[&shape]);
    }
}

#[test]
fn a_residual_network_runs_on_images_of_any_size() {
    use resnet::{ResNet, forward, options};
    let network = stirred(ResNet::new(&Device::flex()));
    let exported = Exported::new(&export(&network, &options(), forward).unwrap().bytes);
    exported.runs("--dim H=32 --dim W=64", 1, &[&[1, 3, 32, 64]]);
    exported.runs("--input images=3x3x64x32", 3, &[&[3, 3, 64, 32]]);
}

#[test]
fn a_segmenter_runs_on_images_of_any_size() {
    use unet::{UNet, forward, options};
    let network = stirred(UNet::new(&Device::flex()));
    let exported = Exported::new(&export(&network, &options(), forward).unwrap().bytes);
    exported.runs("--dim H=64 --dim W=64", 1, &[&[1, 3, 64, 64]]);
    exported.runs("--input images=3x3x16x32", 3, &[&[3, 3, 16, 32]]);
}

#[test]
fn every_preset_runs_at_any_batch() {
    for preset in Preset::ALL {
        for all in [false, true] {
            let config = GoogLeNetConfig { lrn: all, ..common::config(preset, 32) };
            let metadata = common::fresh(preset, config.clone()).metadata();
            let options = googlenet_options(&config, &metadata, all && config.aux_heads);
            let exported = export::googlenet(&common::network(&config), &options).unwrap();
            let exported = Exported::new(&exported.bytes);
            let [channels, height, width] = common::item_shape(&config);
            exported.runs("", 1, &[&[1, channels, height, width]]);
            exported.runs("--dim N=3", 3, &[&[3, channels, height, width]]);
        }
    }
}
