//! Table 1 of Szegedy et al., *Going Deeper with Convolutions* (2014), beside the exact counts.
//!
//! The paper's own figures do not follow from its widths: its parameter column differs from the exact count in every
//! Inception row, and its operations agree within rounding except for the stem, 4a and 5a. Both columns are shown,
//! neither in place of the other.

use schemars::JsonSchema;
use serde::Serialize;

use crate::export::Fresh;
use crate::nets::{GoogLeNetConfig, Preset};
use gnet_core::report::{Cell, Column, Report, Table};
use gnet_core::{Error, Result, cost};

/// Rows of the paper: name, modules covered, parameters and operations as printed.
const PRINTED: [(&str, &[&str], &str, &str); 12] = [
    ("conv1", &["conv1"], "2.7K", "34M"),
    ("conv2", &["conv2", "conv3"], "112K", "360M"),
    ("3a", &["inception3a"], "159K", "128M"),
    ("3b", &["inception3b"], "380K", "304M"),
    ("4a", &["inception4a"], "364K", "73M"),
    ("4b", &["inception4b"], "437K", "88M"),
    ("4c", &["inception4c"], "463K", "100M"),
    ("4d", &["inception4d"], "580K", "119M"),
    ("4e", &["inception4e"], "840K", "170M"),
    ("5a", &["inception5a"], "1072K", "54M"),
    ("5b", &["inception5b"], "1388K", "71M"),
    ("linear", &["fc"], "1000K", "1M"),
];

/// One row, printed and exact.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct PaperRow {
    /// Name of the row: `conv1`, `3a`, ..
    pub name: &'static str,
    /// Parameters as the paper prints them.
    pub paper_params: &'static str,
    /// Weights of kernels and matrices, exact.
    pub weights: u64,
    /// Operations as the paper prints them.
    pub paper_ops: &'static str,
    /// Multiply-accumulates for one image, exact.
    pub macs: u64,
}

/// Table 1 for 3 channels, 224 pixels and 1000 classes.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct PaperTable {
    /// The rows in the paper's order.
    pub rows: Vec<PaperRow>,
    /// Sum of the weights.
    pub weights: u64,
    /// Sum of the MACs.
    pub macs: u64,
}

impl PaperTable {
    /// Traces the network of the paper and counts it row by row.
    ///
    /// # Errors
    /// Those of [`Fresh::cost`].
    pub fn count() -> Result<Self> {
        let config = GoogLeNetConfig { image_size: 224, channels: 3, classes: 1000, ..Preset::D2l.config() };
        let cost = Fresh { preset: Preset::D2l, config, seed: 0 }.cost()?.whole;
        let layers = cost::group(&cost.layers, 1);
        let rows = PRINTED.into_iter().map(|(name, modules, paper_params, paper_ops)| {
            let (mut weights, mut macs) = (0, 0);
            for module in modules {
                let layer = layers.iter().find(|layer| layer.name == *module);
                let layer = layer.ok_or_else(|| Error::check("paper table", format!("the graph has no {module}")))?;
                weights += layer.weights;
                macs += layer.macs;
            }
            Ok(PaperRow { name, paper_params, weights, paper_ops, macs })
        });
        Ok(Self { rows: rows.collect::<Result<_>>()?, weights: cost.weights, macs: cost.macs })
    }
}

impl Report for PaperTable {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("row"),
            Column::number("paper's params"),
            Column::number("exact weights"),
            Column::number("paper's ops"),
            Column::number("exact MACs"),
        ];
        let mut table = Table::new("Table 1 of Szegedy et al. (2014): 3 channels, 224 x 224, 1000 classes", columns);
        for row in &self.rows {
            table.row([
                row.name.into(),
                row.paper_params.into(),
                row.weights.into(),
                row.paper_ops.into(),
                row.macs.into(),
            ]);
        }
        table.row(["sum".into(), Cell::Missing, self.weights.into(), Cell::Missing, self.macs.into()]);
        table
            .note("the paper's columns are as printed there; they are not arithmetic and differ from the exact counts");
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exact_columns_are_the_known_ones() {
        let table = PaperTable::count().unwrap();
        let row = |name: &str| table.rows.iter().find(|row| row.name == name).map(|row| (row.weights, row.macs));
        assert_eq!(row("conv1"), Some((9_408, 118_013_952)));
        assert_eq!(row("3a"), Some((163_328, 128_049_152)));
        assert_eq!(row("4e"), Some((867_328, 169_996_288)));
        assert_eq!(row("5b"), Some((1_442_816, 70_697_984)));
        assert_eq!(row("linear"), Some((1_024_000, 1_024_000)));
        assert_eq!(table.rows.iter().map(|row| row.macs).sum::<u64>(), table.macs, "the rows are the whole network");
    }
}
