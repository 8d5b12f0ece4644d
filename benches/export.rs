//! From a network in memory to the bytes of its ONNX file: trace, prune, restore, fold, write. Nothing is verified.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use gnet::export::{Fresh, Options, googlenet};
use gnet::nets::Preset;
use gnet::trace::Batch;

fn trace_to_bytes(c: &mut Criterion) {
    let fresh = Fresh { preset: Preset::BnAux, config: Preset::BnAux.config(), seed: 0 };
    let (network, metadata) = (fresh.network().expect("a preset"), fresh.metadata());
    let mut group = c.benchmark_group("export");
    group.sample_size(20);
    for (name, batch) in
        [("dynamic batch (three traces)", Batch::Dynamic), ("fixed batch (one trace)", Batch::Fixed(1))]
    {
        group.bench_function(name, |b| {
            b.iter(|| {
                let options = Options { batch, ..Options::new([]) };
                let exported = googlenet(black_box(&network), &fresh.config, &metadata, false, options);
                exported.expect("the preset exports").bytes.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, trace_to_bytes);
criterion_main!(benches);
