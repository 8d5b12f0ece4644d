//! Seeded numbers that are the same on every machine and whatever else the process draws.
//!
//! The generator is ChaCha with 8 rounds, whose output is specified. Its key holds the seed and a purpose, its stream a
//! counter (the epoch, the step), so that any point of a run can be reached without replaying what came before.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What numbers are drawn for. Two purposes never share a sequence.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Weights = 1,
    Dropout = 2,
}

/// The generator for a seed, a purpose and a counter: key = seed and purpose as little-endian 64-bit words, then zeros.
pub(crate) fn generator(seed: u64, purpose: Purpose, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8..16].copy_from_slice(&(purpose as u64).to_le_bytes());
    let mut generator = ChaCha8Rng::from_seed(key);
    generator.set_stream(stream);
    generator
}

/// A number in `0..1`: the upper 24 bits of a word, which an `f32` holds exactly.
pub(crate) fn unit(generator: &mut ChaCha8Rng) -> f32 {
    (generator.next_u32() >> 8) as f32 / (1 << 24) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequences_differ_by_seed_purpose_and_stream() {
        let draw = |seed, purpose, stream| generator(seed, purpose, stream).next_u64();
        let first = draw(1, Purpose::Weights, 0);
        assert_eq!(first, draw(1, Purpose::Weights, 0));
        for other in [draw(2, Purpose::Weights, 0), draw(1, Purpose::Dropout, 0), draw(1, Purpose::Weights, 1)] {
            assert_ne!(first, other);
        }
    }

    #[test]
    fn units_fill_their_range() {
        let mut generator = generator(7, Purpose::Weights, 0);
        let draws: Vec<f32> = (0..5000).map(|_| unit(&mut generator)).collect();
        assert!(draws.iter().all(|d| (0.0..1.0).contains(d)));
        assert!((draws.iter().sum::<f32>() / 5000.0 - 0.5).abs() < 0.02);
    }
}
