//! Shape inference on every file that the reader accepts.
#![no_main]

#[path = "../../../tests/hostile/exercise.rs"]
#[allow(dead_code, reason = "each target uses a part of it")]
mod exercise;

use libfuzzer_sys::{Corpus, fuzz_crossover, fuzz_mutator, fuzz_target};

fuzz_target!(|data: &[u8]| -> Corpus {
    let Ok(model) = gnet_core::onnx::read(data.to_vec().into()) else { return Corpus::Reject };
    exercise::inferred(&model);
    Corpus::Keep
});
fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    gnet_fuzz::mutate(data, size, max_size, seed)
});
fuzz_crossover!(|one: &[u8], other: &[u8], out: &mut [u8], seed: u32| { gnet_fuzz::cross(one, other, out, seed) });
