//! Orders to a process that measures a row, and its answers.

use serde::{Deserialize, Serialize};

use super::{Run, Spec};
use gnet_core::process::Blocks;

/// Order to a process that takes turns.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum TurnOrder {
    /// Load the network and warm up.
    Ready(Box<Spec>),
    /// Measure for a turn.
    Turn,
    /// Make the record of the row.
    Finish,
}

/// Answer to it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum TurnAnswer {
    Ready,
    Turned(Progress),
    Finished(Box<Run>),
}

/// State of a row after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Whether the turns so far are as long as the limits ask, with as many samples.
    pub enough: bool,
    /// Whether they have taken the maximum time, or as many samples as there is room for.
    pub over: bool,
}

/// Returns the block that carries a row's samples beside it: 8 bytes each, little-endian.
pub(crate) fn packed(run: &Run) -> Blocks {
    vec![run.samples_ns.iter().flat_map(|sample| sample.to_le_bytes()).collect()]
}

/// Returns the samples that [`packed`] has made a block of.
pub(super) fn unpacked(blocks: &[Vec<u8>]) -> Vec<u64> {
    let samples = blocks.iter().flat_map(|block| block.as_chunks().0);
    samples.map(|sample| u64::from_le_bytes(*sample)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_cross_the_channel_as_they_are() {
        for samples in [vec![], vec![1, u64::MAX, 0, 3_000_000_000]] {
            let run = Run { samples_ns: samples.clone(), ..crate::bench::record::sample().runs.remove(0) };
            assert_eq!(unpacked(&packed(&run)), samples);
        }
    }
}
