//! Seeded random numbers that are the same on every machine, whatever else the process draws.
//!
//! The generator is ChaCha with 8 rounds, whose output is specified. Its key holds the seed and a purpose, its stream a
//! counter (the epoch, the step), so that any point of a run can be reached without replaying the draws before it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Purpose of random numbers. Two purposes never share a sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Weights = 1,
    Dropout = 2,
    Shuffle = 3,
}

/// Creates the generator for a seed, a purpose and a counter: key = seed and purpose as little-endian 64-bit words,
/// then zeros.
pub(crate) fn generator(seed: u64, purpose: Purpose, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// Draws a number in `0..1`: the upper 24 bits of a word, which an `f32` holds exactly.
pub(crate) fn unit(generator: &mut ChaCha8Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1 << 24) as f32
}

/// Draws a number in `0..bound`, each equally likely: words beyond the last multiple of `bound` are drawn again.
pub(crate) fn below(generator: &mut ChaCha8Rng, bound: u64) -> u64 {
    let limit = u64::MAX - u64::MAX % bound;
    loop {
        let word = generator.next_u64();
        if word < limit {
            return word % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_differ_by_seed_purpose_and_stream() {
        let draw = |seed, purpose, stream| generator(seed, purpose, stream).next_u64();
        let first = draw(1, Purpose::Weights, 0);
        assert_eq!(first, draw(1, Purpose::Weights, 0));
        for other in [draw(2, Purpose::Weights, 0), draw(1, Purpose::Shuffle, 0), draw(1, Purpose::Weights, 1)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn numbers_stay_in_their_range_and_reach_all_of_it() {
        let mut generator = generator(7, Purpose::Shuffle, 0);
        let mut seen = [0_u32; 5];
        for _ in 0..5000 {
            seen[below(&mut generator, 5) as usize] += 1;
            assert!((0.0..1.0).contains(&unit(&mut generator)));
        }
        assert!(seen.iter().all(|n| (850..1150).contains(n)), "{seen:?}");
    }
}
