//! The coin that decides which arm goes first: seeded, and the same on every machine.

use std::hash::{BuildHasher, RandomState};

use super::arm::Arm;

/// Returns another seed each time, short enough to be a number in every reader of JSON.
pub fn fresh_seed() -> u64 {
    RandomState::new().hash_one(0) >> 32
}

/// A fair coin: the highest bit of the numbers of SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub struct Coin(u64);

impl Coin {
    /// Creates the coin of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the side that it shows next.
    pub fn toss(&mut self) -> Arm {
        if self.next() >> 63 == 0 { Arm::A } else { Arm::B }
    }

    /// Returns the coin of the next pair: however often that is tossed, the one after it is the same.
    pub(super) fn of_next_pair(&mut self) -> Self {
        Self(self.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_those_of_the_reference() {
        // The first outputs of Vigna's splitmix64.c for the seed 1234567.
        let mut coin = Coin::new(1_234_567);
        assert_eq!([(); 3].map(|()| coin.next()), [6457827717110365317, 3203168211198807973, 9817491932198370423]);
    }

    #[test]
    fn the_coin_is_fair_and_its_seed_decides() {
        let tosses = |seed| {
            let mut coin = Coin::new(seed);
            (0..1000).map(|_| coin.toss()).collect::<Vec<_>>()
        };
        let a = |seed| tosses(seed).iter().filter(|arm| **arm == Arm::A).count();
        assert!((440..560).contains(&a(1)) && (440..560).contains(&a(2)), "{} {}", a(1), a(2));
        assert_eq!(tosses(5), tosses(5));
        assert_ne!(tosses(5)[..40], tosses(6)[..40]);
    }
}
