//! The record of `gnet summary`.

use schemars::JsonSchema;
use serde::Serialize;

use super::tree::{last_part, modules, tree};
use super::{Analysis, BatchAxis, Compute, Cost, Quantity, Row, Show, Sort, Uncounted};
use crate::graph::shape_text;
use crate::report::{Cell, Column, Report, Table, number};
use crate::words::counted;

/// Convention of all counts; printed with them.
pub const CONVENTION: &str = "MACs of convolutions and matrix products for one item of the batch; 1 MAC = 2 FLOPs";

/// Maximum number of uncounted entries shown to people; programs get all.
const SHOWN: usize = 10;

/// Cost of a part of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Share {
    /// Number of learned parameters.
    pub params: u64,
    /// Number of weights of convolutions and linear layers.
    pub weights: u64,
    /// Multiply-accumulates for one item.
    pub macs: u64,
}

/// Selection of a summary's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum View {
    /// Every node.
    Layers,
    /// Modules at this depth of the module tree.
    Modules(usize),
    /// The module tree, to this depth or completely.
    Tree(Option<usize>),
}

/// Memory of a run, by the rules of [`Analysis`].
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Memory {
    /// Peak of activation memory in use at once, in bytes.
    pub peak_bytes: u64,
    /// Node that runs at the peak; `None` if there is none.
    pub peak_at: Option<String>,
    /// Size of the constants in bytes.
    pub constant_bytes: u64,
}

/// A network, layer by layer.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// File or preset that was counted.
    pub subject: String,
    /// Convention of the counts.
    pub convention: &'static str,
    /// Batch size for memory and bytes moved.
    pub batch: u64,
    /// Axis that was taken as the batch.
    pub batch_axis: BatchAxis,
    /// Number of learned parameters.
    pub params: u64,
    /// Number of those that are weights.
    pub weights: u64,
    /// Multiply-accumulates for one item.
    pub macs: u64,
    /// Floating-point operations for one item.
    pub flops: u64,
    /// Memory, at the batch.
    pub memory: Memory,
    /// Bytes read, at the batch.
    pub read_bytes: u64,
    /// Bytes written, at the batch.
    pub written_bytes: u64,
    /// FLOPs per byte read or written; `None` if either could not be counted completely.
    pub intensity: Option<f64>,
    /// Rows that are shown.
    pub layers: Vec<Row>,
    /// Auxiliary heads, which are included in the totals and omitted from an export. `None` if there are none.
    pub heads: Option<Share>,
    /// Counts that could not be made; the totals exclude them and are then lower bounds.
    pub uncounted: Vec<Uncounted>,
    /// Appearance of the table.
    #[serde(skip)]
    pub show: Show,
    /// Batch size that the file fixes.
    #[serde(skip)]
    pub fixed_batch: Option<u64>,
}

impl Summary {
    /// Summarises an analysis. Nodes that only prepare constants are not shown.
    pub fn new(subject: impl Into<String>, analysis: Analysis, view: View) -> Self {
        let mut rows = analysis.rows;
        rows.retain(|row| !row.constant);
        let layers = match view {
            View::Layers => rows,
            View::Modules(depth) => modules(&rows, depth),
            View::Tree(depth) => tree(&rows, depth),
        };
        Self {
            subject: subject.into(),
            convention: CONVENTION,
            batch: analysis.batch,
            batch_axis: analysis.batch_axis,
            params: analysis.params,
            weights: analysis.weights,
            macs: analysis.macs,
            flops: analysis.flops,
            memory: Memory {
                peak_bytes: analysis.peak_bytes,
                peak_at: analysis.peak_at,
                constant_bytes: analysis.constant_bytes,
            },
            read_bytes: analysis.read_bytes,
            written_bytes: analysis.written_bytes,
            intensity: analysis.intensity,
            layers,
            heads: None,
            uncounted: analysis.uncounted,
            show: Show::default(),
            fixed_batch: analysis.fixed_batch,
        }
    }

    /// Changes the appearance of the table.
    pub fn shown(self, show: Show) -> Self {
        Self { show, ..self }
    }

    fn total(&self) -> u64 {
        match self.show.shared() {
            Sort::Params => self.params,
            Sort::Moved => self.read_bytes.saturating_add(self.written_bytes),
            _ => self.macs,
        }
    }

    /// Adds the cost of the network without its auxiliary heads.
    pub fn without_heads(mut self, main: &Cost) -> Self {
        let heads = Share {
            params: self.params.saturating_sub(main.params),
            weights: self.weights.saturating_sub(main.weights),
            macs: self.macs.saturating_sub(main.macs),
        };
        self.heads = (heads.params > 0).then_some(heads);
        self
    }

    /// Returns the prefix of a total of a kind that could not be counted completely.
    fn bound(&self, what: Quantity) -> &'static str {
        let open: Vec<_> = self.uncounted.iter().filter(|entry| entry.what == what).collect();
        // Which branch an If takes is unknown: one run of each may be too much.
        match open.iter().any(|entry| entry.op == "If") {
            _ if open.is_empty() => "",
            true => "about ",
            false => "at least ",
        }
    }

    fn totals(&self) -> Vec<String> {
        let count = |value: u64| number::thousands(value.into());
        let (params, macs, moved) =
            (self.bound(Quantity::Params), self.bound(Quantity::Macs), self.bound(Quantity::Bytes));
        let mut lines = vec![format!(
            "total: {params}{} ({}), {macs}{}, {}",
            counted(count(self.params), "parameter"),
            counted(count(self.weights), "weight"),
            counted(count(self.macs), "MAC"),
            counted(count(self.flops), "FLOP")
        )];
        lines.push(self.batch_axis.to_string());
        if self.fixed_batch.is_some_and(|items| items > 1) {
            lines.push(format!("the file is fixed to a batch of {}", self.batch));
        }
        let at = self.memory.peak_at.as_ref().map_or(String::new(), |name| format!(" (at {name})"));
        lines.push(format!(
            "memory at batch {}: {moved}{} of activations at the peak{at}, {} of constants",
            self.batch,
            number::bytes(self.memory.peak_bytes),
            number::bytes(self.memory.constant_bytes)
        ));
        let intensity =
            self.intensity.map_or(String::new(), |flops| format!("; {} FLOPs a byte", number::decimal(flops, 2)));
        lines.push(format!(
            "moved at batch {}: {moved}{} read, {} written{intensity}",
            self.batch,
            number::bytes(self.read_bytes),
            number::bytes(self.written_bytes)
        ));
        lines
    }

    fn not_counted(&self) -> Vec<String> {
        let line = |entry: &Uncounted| {
            let Uncounted { name, op, what, reason } = entry;
            format!("not counted: {} of {name} ({op}): {reason}", what.name())
        };
        let mut lines: Vec<_> = self.uncounted.iter().take(SHOWN).map(line).collect();
        if self.uncounted.len() > SHOWN {
            lines.push(format!("not counted: {} more; --format json names all", self.uncounted.len() - SHOWN));
        }
        lines
    }
}

impl Report for Summary {
    fn tables(&self) -> Vec<Table> {
        // The sorted column stays even on the narrowest terminal.
        let sorted =
            |column: Column, key: Sort, rank: u8| column.rank(if self.show.key() == Some(key) { 0 } else { rank });
        let columns = [
            Column::path("layer"),
            Column::text("op").rank(4),
            Column::whole("output shape").rank(3),
            sorted(Column::number("params"), Sort::Params, 1),
            self.show.compute.column(),
            Column::number("share").unit("%").rank(2),
            sorted(Column::number("live bytes"), Sort::Memory, 6),
            sorted(Column::number("bytes moved"), Sort::Moved, 5),
            sorted(Column::number("FLOPs/byte"), Sort::Intensity, 7),
        ];
        let mut table = Table::new(&self.subject, columns);
        let rows = self.show.rows(&self.layers);
        for row in &rows {
            table.row(self.cells(row));
        }
        let mut lines = self.selection(&rows).into_iter().collect::<Vec<_>>();
        lines.extend(self.totals());
        if let Some(heads) = self.heads {
            let count = |value: u64| number::thousands(value.into());
            let (main_params, main_macs) = (count(self.params - heads.params), count(self.macs - heads.macs));
            lines.push(format!(
                "auxiliary heads: {}, {}",
                counted(count(heads.params), "parameter"),
                counted(count(heads.macs), "MAC")
            ));
            lines.push(format!("without them: {}, {}", counted(main_params, "parameter"), counted(main_macs, "MAC")));
        }
        lines.extend(self.not_counted());
        lines.push(self.convention.to_owned());
        for line in lines {
            table.note(line);
        }
        vec![table]
    }
}

impl Summary {
    /// Describes which rows are shown, if not all are or if their order is not the network's.
    fn selection(&self, rows: &[&Row]) -> Option<String> {
        let (key, all) = (self.show.key()?, self.layers.len());
        let shared = self.show.shared();
        let sum: f64 = rows.iter().filter_map(|row| self.show.share(row, self.total())).sum();
        let of_all = format!(", with {} % of all {}", number::decimal(100.0 * sum, 1), shared.heading());
        let part =
            if rows.len() < all { format!("{} of {}", rows.len(), counted(all, "row")) } else { counted(all, "row") };
        Some(format!("{part}, by {}{}", key.heading(), if rows.len() < all { &of_all } else { "" }))
    }

    fn cells(&self, row: &Row) -> [Cell; 9] {
        let name = match row.depth {
            Some(depth) => format!("{}{}", "  ".repeat(depth), last_part(&row.name)),
            None => row.inside.iter().map(|node| format!("{node} > ")).chain([row.name.clone()]).collect(),
        };
        let compute = match self.show.compute {
            Compute::Macs => row.macs,
            Compute::Flops => row.flops,
        };
        [
            name.into(),
            row.op.as_str().into(),
            row.output_shape.as_ref().map_or(Cell::Missing, |shape| shape_text(shape).into()),
            row.params.into(),
            compute.into(),
            Cell::float(self.show.share(row, self.total()).map(|share| 100.0 * share), 1),
            row.live_bytes.into(),
            row.read_bytes.zip(row.written_bytes).map(|(read, written)| read.saturating_add(written)).into(),
            Cell::float(row.intensity, 2),
        ]
    }
}
