//! From a network in memory to the bytes of its ONNX file: trace, prune, restore, fold, write. Nothing is verified.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gnet::export::{BATCH, Fresh, googlenet, googlenet_options};
use gnet::nets::Preset;

fn trace_to_bytes(c: &mut Criterion) {
    let fresh = Fresh { preset: Preset::BnAux, config: Preset::BnAux.config(), seed: 0 };
    let (network, metadata) = (fresh.network().expect("a preset"), fresh.metadata());
    let mut group = c.benchmark_group("export");
    group.sample_size(20);
    let dynamic = googlenet_options(&fresh.config, &metadata, false);
    let fixed = dynamic.clone().fix(BATCH, 1);
    for (name, options) in [("dynamic batch (three traces)", dynamic), ("fixed batch (one trace)", fixed)] {
        group.bench_function(name, |b| {
            b.iter(|| googlenet(black_box(&network), &options).expect("the preset exports").bytes.len());
        });
    }
    group.finish();
}

criterion_group!(benches, trace_to_bytes);
criterion_main!(benches);
