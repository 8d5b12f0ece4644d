//! Times of the blocks: how much of what is saved in MACs is saved in milliseconds.

use schemars::JsonSchema;
use serde::Serialize;

use super::BlockCost;
use gnet_core::Result;
use gnet_core::report::{Cell, Column, Table};
use gnet_engine::ab::{self, Statistic};
use gnet_engine::runtime::Provider;

/// Times of the blocks in one provider, for one feature map on one thread.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Measured {
    /// Provider that ran the blocks.
    pub provider: Provider,
    /// Time that stands for a process where two blocks are compared.
    pub statistic: Statistic,
    /// The blocks in the order of [`Comparison::blocks`](super::Comparison::blocks).
    pub times: Vec<BlockTime>,
    /// Savings of the first block over each of the others.
    pub savings: Vec<Saving>,
}

/// Times of one block: medians over its processes.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct BlockTime {
    /// `inception`, `conv3x3` or `conv5x5`.
    pub name: String,
    /// Median run, in milliseconds.
    pub p50_ms: Option<f64>,
    /// Fastest run, in milliseconds.
    pub min_ms: Option<f64>,
    /// Billions of multiply-accumulates per second in the median run.
    pub gmacs_per_s: Option<f64>,
}

/// Saving of the Inception block over a plain convolution. Ratios are the convolution's figure over the block's.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Saving {
    /// The convolution: `conv3x3` or `conv5x5`.
    pub over: String,
    /// Ratio of the MACs.
    pub in_macs: f64,
    /// Ratio of the times: the Hodges-Lehmann estimate over the clean pairs; `None` without one.
    pub in_time: Option<f64>,
    /// Interval of this ratio; `None` for fewer than 5 pairs.
    pub interval: Option<[f64; 2]>,
    /// Confidence of the interval.
    pub confidence: f64,
    /// Number of clean pairs of processes.
    pub pairs: usize,
    /// Number of pairs that other work disturbed, which do not count.
    pub disturbed: usize,
}

/// A provider that was not asked for by name and cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Absent {
    /// The provider.
    pub provider: Provider,
    /// Why it cannot be used.
    pub reason: String,
}

impl Measured {
    /// Compares the first block with each of the others. `compare` measures two blocks in pairs, the first one as A.
    pub(super) fn of(
        provider: Provider,
        blocks: &[BlockCost],
        compare: &mut dyn FnMut(&BlockCost, &BlockCost) -> Result<ab::Comparison>,
    ) -> Result<Self> {
        let statistic = Statistic::default();
        let mut measured = Self { provider, statistic, times: Vec::new(), savings: Vec::new() };
        let Some((first, others)) = blocks.split_first() else { return Ok(measured) };
        for other in others {
            let found = compare(first, other)?;
            if measured.times.is_empty() {
                measured.times.push(BlockTime::of(first, &found.a));
            }
            measured.statistic = found.statistic;
            measured.times.push(BlockTime::of(other, &found.b));
            measured.savings.push(Saving::of(first, other, &found));
        }
        Ok(measured)
    }

    /// Returns the times of each block, with what the first one saves over it.
    fn rows(&self) -> impl Iterator<Item = (&BlockTime, Option<&Saving>)> {
        self.times.iter().map(|time| (time, self.savings.iter().find(|saving| saving.over == time.name)))
    }
}

impl BlockTime {
    fn of(block: &BlockCost, arm: &ab::ArmRecord) -> Self {
        let (p50_ms, min_ms) = (arm.p50_ms, arm.min_ms);
        let gmacs_per_s = p50_ms.filter(|ms| *ms > 0.0).map(|ms| block.macs as f64 / ms / 1e6);
        Self { name: block.name.clone(), p50_ms, min_ms, gmacs_per_s }
    }
}

impl Saving {
    fn of(first: &BlockCost, other: &BlockCost, found: &ab::Comparison) -> Self {
        Self {
            over: other.name.clone(),
            in_macs: other.macs as f64 / first.macs as f64,
            in_time: found.estimate.map(|slower| 1.0 + slower),
            interval: found.interval.map(|ends| ends.map(|slower| 1.0 + slower)),
            confidence: found.confidence,
            pairs: found.pairs,
            disturbed: found.disturbed,
        }
    }
}

/// Returns the times as a table, a row for each block in each provider.
pub(super) fn table(measured: &[Measured], absent: &[Absent]) -> Table {
    let columns = [
        Column::text("provider"),
        Column::text("block"),
        Column::number("p50").unit("ms"),
        Column::number("min").unit("ms").rank(4),
        Column::number("GMAC/s").rank(3),
        Column::number("MACs saved").unit("times").rank(2),
        Column::number("time saved").unit("times"),
        Column::number("from").rank(1),
        Column::number("to").rank(1),
        Column::number("pairs").rank(5),
    ];
    let mut table = Table::new("One feature map on one thread", columns);
    for its in measured {
        for (time, saving) in its.rows() {
            let end = |which: usize| saving.and_then(|saving| saving.interval).map(|ends| ends[which]);
            table.row([
                its.provider.name().into(),
                time.name.as_str().into(),
                Cell::float(time.p50_ms, 2),
                Cell::float(time.min_ms, 2),
                Cell::float(time.gmacs_per_s, 1),
                Cell::float(saving.map(|saving| saving.in_macs), 2),
                Cell::float(saving.and_then(|saving| saving.in_time), 2),
                Cell::float(end(0), 2),
                Cell::float(end(1), 2),
                saving.map_or(Cell::Missing, |saving| saving.pairs.into()),
            ]);
        }
    }
    for note in notes(measured, absent) {
        table.note(note);
    }
    table
}

fn notes(measured: &[Measured], absent: &[Absent]) -> Vec<String> {
    let confidence = measured.iter().flat_map(|its| &its.savings).map(|saving| 100.0 * saving.confidence).next();
    let mut notes = vec![format!(
        "saved: the figure of the plain convolution over that of the Inception block; from and to: the {:.0} % interval, \
         by pairs of fresh processes in random order",
        confidence.unwrap_or_default()
    )];
    for its in measured {
        let dropped: usize = its.savings.iter().map(|saving| saving.disturbed).sum();
        let dropped = match dropped {
            0 => String::new(),
            pairs => format!("; {} that other work disturbed do not count", gnet_core::words::counted(pairs, "pair")),
        };
        notes.push(format!("{}: by {}{dropped}", its.provider, its.statistic.words()));
    }
    if !absent.is_empty() {
        let names: Vec<_> = absent.iter().map(|absent| absent.provider.name()).collect();
        notes.push(format!("not there: {}; `gnet doctor` says why", names.join(", ")));
    }
    notes
}
