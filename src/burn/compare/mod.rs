//! The comparison table of the literature: an Inception block against plain 3x3 and 5x5 convolutions, 192 to 256
//! channels on a 28x28 feature map.
//!
//! Each block is a real Burn module, traced by the same exporter as any network and counted on the resulting graph.

mod paper;

use std::path::Path;

use burn::tensor::Device;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use crate::export::{ExportOptions, export};
use crate::nets::{Block, BlockModule};
use gnet_core::report::{Cell, Column, Report, Table, number};
use gnet_core::{Error, Result, cost, files};
use gnet_engine::bench::{self, Latency, Limits, Spec};
use gnet_engine::runtime::Provider;

pub use paper::{PaperRow, PaperTable};

/// Side of the feature map that the literature counts on.
pub const SIDE: usize = 28;

/// Expected counts of each block: weights, parameters, MACs. Exact values computed from the widths; the printed form is
/// that of the lecture notes on GoogLeNet (the d2l course).
const EXPECTED: [(&str, [u64; 3]); 3] = [
    ("inception", [163_328, 163_696, 128_049_152]),
    ("conv3x3", [442_368, 442_624, 346_816_512]),
    ("conv5x5", [1_228_800, 1_229_056, 963_379_200]),
];

/// One block.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct BlockCost {
    /// `inception`, `conv3x3` or `conv5x5`.
    pub name: String,
    /// Number of elements of the kernels.
    pub weights: u64,
    /// Number of learned parameters: weights and biases.
    pub params: u64,
    /// Multiply-accumulates for one feature map.
    pub macs: u64,
    /// Floating-point operations: twice the MACs.
    pub flops: u64,
    /// Parameters as papers print them: millions, truncated to two decimals.
    pub printed_params: String,
    /// MACs as papers print them, under the heading "FLOPS": millions, truncated.
    pub printed_flops: String,
    /// Measured time for one feature map in tract on one thread, in milliseconds; `null` unless asked for.
    pub latency_ms: Option<Latency>,
    /// The exported block.
    #[serde(skip)]
    pub file: Bytes,
}

/// The three blocks side by side.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The blocks, smallest first.
    pub blocks: Vec<BlockCost>,
}

impl Comparison {
    /// Traces and counts the blocks.
    ///
    /// # Errors
    /// Those of [`export`] and [`cost::count`].
    pub fn count() -> Result<Self> {
        Ok(Self { blocks: Block::ALL.into_iter().map(count).collect::<Result<_>>()? })
    }

    /// Checks every count against the expected one.
    ///
    /// # Errors
    /// Lists all counts that are off ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)).
    pub fn check(&self) -> Result<()> {
        let mut wrong = Vec::new();
        for (block, (name, expected)) in self.blocks.iter().zip(EXPECTED) {
            let found = [block.weights, block.params, block.macs];
            for ((what, found), expected) in ["weights", "params", "macs"].iter().zip(found).zip(expected) {
                if found != expected || block.name != name {
                    wrong.push(format!("{} has {found} {what}, expected {expected}", block.name));
                }
            }
        }
        match wrong.is_empty() && self.blocks.len() == EXPECTED.len() {
            true => Ok(()),
            false => Err(Error::check("compare", wrong.join("; "))),
        }
    }

    /// Returns parameters and MACs of each block as papers print them.
    pub fn printed(&self) -> String {
        printed(self.blocks.iter().map(|block| (block.params, block.macs)))
    }

    /// Returns the expected ones as papers print them.
    pub fn expected() -> String {
        printed(EXPECTED.iter().map(|(_, [_, params, macs])| (*params, *macs)))
    }

    /// Measures each block in tract at batch 1 on one thread, in a separate process started from `exe`.
    ///
    /// # Errors
    /// Those of [`bench::run_in_worker`].
    pub fn measure(&mut self, exe: &Path, limits: Limits) -> Result<()> {
        let dir = files::temporary_folder()?;
        for block in &mut self.blocks {
            let path = dir.made.path().join(format!("{}.onnx", block.name));
            files::write(&path, &block.file)?;
            let mut spec = Spec::new(path, Provider::Tract);
            (spec.limits, spec.macs_per_image) = (limits, Some(block.macs));
            block.latency_ms = Some(bench::run_in_worker(exe, &spec)?.latency_ms);
        }
        Ok(())
    }
}

fn printed(counts: impl Iterator<Item = (u64, u64)>) -> String {
    let printed = |(params, macs)| format!("{}/{}", number::printed_params(params), number::printed_macs(macs));
    counts.map(printed).collect::<Vec<_>>().join(", ")
}

fn count(block: Block) -> Result<BlockCost> {
    // The counts do not depend on the weights.
    let module = block.init_seeded(0, &Device::flex());
    let exported = export(&module, &ExportOptions::new([Block::INPUT, SIDE, SIDE]), BlockModule::forward)?;
    let cost = cost::count(&exported.model.graph)?;
    Ok(BlockCost {
        name: block.name().to_owned(),
        weights: cost.weights,
        params: cost.params,
        macs: cost.macs,
        flops: cost.flops,
        printed_params: number::printed_params(cost.params),
        printed_flops: number::printed_macs(cost.macs),
        latency_ms: None,
        file: exported.bytes,
    })
}

impl Report for Comparison {
    fn tables(&self) -> Vec<Table> {
        let measured = self.blocks.iter().any(|block| block.latency_ms.is_some());
        let mut columns = vec![
            Column::text("block"),
            Column::number("weights"),
            Column::number("params").rank(1),
            Column::number("MACs"),
            Column::number("printed params").rank(3),
            Column::number("printed \"FLOPS\"").rank(2),
        ];
        if measured {
            columns.extend([Column::number("p50").unit("ms"), Column::number("GMAC/s")]);
        }
        let title = format!("{} to {} channels on {SIDE} x {SIDE}", Block::INPUT, Block::OUTPUT);
        let mut table = Table::new(title, columns);
        for block in &self.blocks {
            let mut cells: Vec<Cell> = vec![
                block.name.as_str().into(),
                block.weights.into(),
                block.params.into(),
                block.macs.into(),
                block.printed_params.as_str().into(),
                block.printed_flops.as_str().into(),
            ];
            if measured {
                let p50 = block.latency_ms.map(|latency| latency.p50);
                cells.push(Cell::float(p50, 2));
                cells.push(Cell::float(p50.map(|ms| block.macs as f64 / ms / 1e6), 1));
            }
            table.row(cells);
        }
        table.note("printed as in the field: truncated, and what is called \"FLOPS\" is MACs (1 MAC = 2 FLOPs)");
        if measured {
            table.note("measured in tract, batch 1, one thread");
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_count_to_the_known_table() {
        let comparison = Comparison::count().unwrap();
        comparison.check().unwrap();
        assert_eq!(comparison.printed(), "0.16M/128M, 0.44M/346M, 1.22M/963M");
        assert_eq!(Comparison::expected(), comparison.printed());
    }

    #[test]
    fn a_count_that_is_off_by_one_is_named() {
        let mut comparison = Comparison::count().unwrap();
        comparison.blocks[1].macs -= 1;
        let error = comparison.check().unwrap_err();
        assert_eq!(error.kind(), gnet_core::ErrorKind::Check);
        assert_eq!(error.to_string(), "compare: conv3x3 has 346816511 macs, expected 346816512");
    }
}
