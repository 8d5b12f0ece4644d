//! One Inception block (3a: 192 to 256 channels on a 28x28 map) and its two plain rivals, in tract on one thread.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use burn::tensor::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gnet::OnnxFile;
use gnet::compare::SIDE;
use gnet::export::{ExportOptions, export};
use gnet::nets::{Block, BlockModule};
use gnet::runtime::{self, Array, Provider, RunOptions};

fn blocks(c: &mut Criterion) {
    let mut group = c.benchmark_group("block in tract");
    for block in Block::ALL {
        let module = block.init_seeded(0, &Device::flex());
        let options = ExportOptions::new([Block::INPUT, SIDE, SIDE]);
        let exported = export(&module, &options, BlockModule::forward).expect("the block exports");
        let mut session =
            runtime::load(Provider::Tract, &OnnxFile::of_bytes(exported.bytes.clone()), &RunOptions::default())
                .expect("tract loads it");
        session.bind(&[Array::noise(vec![1, Block::INPUT, SIDE, SIDE], 1)]).expect("the shape is the block's");
        group.throughput(Throughput::Elements(1));
        group.bench_function(block.name(), |b| b.iter(|| session.run().expect("it runs")));
    }
    group.finish();
}

criterion_group!(benches, blocks);
criterion_main!(benches);
