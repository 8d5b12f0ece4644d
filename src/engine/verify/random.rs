//! Sources of the numbers of a draw: the same on every machine.

use crate::runtime::Array;

/// Returns a seed that depends on both.
pub(super) fn mixed(seed: u64, number: u64) -> u64 {
    seed.wrapping_mul(0xA24B_AED4_963E_E407).wrapping_add(number.wrapping_add(1).wrapping_mul(0x9FB2_1C65_1E98_DF25))
}

/// Returns fractions of a unit, uniform within -1..1.
pub(super) fn shifts(count: usize, seed: u64) -> impl Iterator<Item = f32> {
    Array::uniform(vec![count], seed).data.into_iter().map(|place| 2.0 * place - 1.0)
}
