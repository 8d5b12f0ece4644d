//! The reader, and what is done with every file that it accepts: the check, the count, writing it back.
#![no_main]

#[path = "../../../tests/hostile/exercise.rs"]
#[allow(dead_code, reason = "each target uses a part of it")]
mod exercise;

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    // Input that is not protobuf at all is kept as well: the reader has to cope with it.
    if let Ok(model) = gnet_core::onnx::read(data.to_vec().into()) {
        exercise::counted(&model);
        exercise::written_back(&model);
    }
    Corpus::Keep
});
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    gnet_fuzz::mutate(data, size, max_size, seed)
});
fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| { gnet_fuzz::cross(one, other, out, seed) });
