//! A process decodes a file once, whatever it does with it: measure a row, profile it, hold it against itself in several
//! engines and look for the layer.
//!
//! ONNX Runtime takes part where its library is found (`GNET_TEST_ORT_LIB` names one), else these tests say so and pass with
//! tract alone.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gnet::OnnxFile;
use gnet::bench::{self, Feed, Limits, Spec};
use gnet::graph::Sizes;
use gnet::onnx::decodes;
use gnet::runtime::{EngineOptions, Provider, RunOptions, library};
use gnet::verify::{self, Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, Verdict, VerifyOptions};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// The engines at hand.
fn engines() -> Vec<(Provider, EngineOptions)> {
    let options =
        EngineOptions { ort_lib: std::env::var_os("GNET_TEST_ORT_LIB").map(Into::into), ..Default::default() };
    let mut engines = vec![(Provider::Tract, EngineOptions::default())];
    match library(&options) {
        Ok(_) => engines.push((Provider::Cpu, options)),
        Err(error) => eprintln!("not tested with ONNX Runtime: {error}"),
    }
    engines
}

#[test]
fn a_row_of_a_benchmark_decodes_its_file_once() {
    let dir = tempfile::tempdir().unwrap();
    // The second takes whole numbers, whose range is looked up in the file.
    for (name, sizes) in [("dynamic.onnx", Sizes::none()), ("tokens.onnx", Sizes::dim("T", 3))] {
        for (provider, engine) in engines() {
            let trace = (provider == Provider::Cpu).then(|| dir.path().join("trace.json"));
            let limits = Limits { min_time: Duration::ZERO, min_samples: 1, max_warmup: 0, ..Limits::default() };
            let (path, batch) = (fixture(name), 2);
            let feed = Feed { sizes: sizes.clone(), ..Feed::default() };
            let spec = Spec { path, provider, batch, threads: 1, limits, macs_per_image: None, engine, feed, trace };
            let before = decodes();
            let run = bench::measure(&spec).unwrap();
            assert_eq!(decodes() - before, 1, "{name} in {provider}");
            assert_eq!(run.profile.is_some(), provider == Provider::Cpu);
            assert_eq!(run.placement.is_some(), provider == Provider::Cpu, "it was weighed");
        }
    }
}

#[test]
fn a_file_that_is_held_against_itself_is_decoded_once() {
    let before = decodes();
    let file = Arc::new(OnnxFile::open_whole(&fixture("dynamic.onnx")).unwrap());
    let side = |(provider, engine): (Provider, EngineOptions)| {
        FileSide::of_file(&file, provider, &RunOptions { engine, ..RunOptions::new(1, 1) }).unwrap()
    };
    let mut sides: Vec<FileSide> = engines().into_iter().chain(engines()).map(side).collect();
    let mut reference = sides.remove(0);
    let plan = Plan::new(6, &[reference.signature()]).unwrap();
    let sets = [InputSet::random(Distribution::Pattern, reference.signature(), &plan, 0).unwrap()];
    let options = VerifyOptions { tolerance: Precision::F32.tolerance(), bisect: Bisect::Always, seed: 0 };
    let record = verify::verify(&mut reference, &mut sides, &sets, &options, &mut |_| ()).unwrap();
    assert!(record.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Agree), "{record:?}");
    assert_eq!(decodes() - before, 1);
}
