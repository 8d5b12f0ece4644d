//! Selection and order of the rows in a summary's table.

use super::Row;
use crate::report::Column;

/// Unit of the compute column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compute {
    /// Multiply-accumulates.
    #[default]
    Macs,
    /// Floating-point operations, two per MAC.
    Flops,
}

impl Compute {
    pub(super) fn column(self) -> Column {
        Column::number(match self {
            Self::Macs => "MACs",
            Self::Flops => "FLOPs",
        })
    }
}

crate::named!(Compute, "count", [Macs = "macs", Flops = "flops"]);

/// Key that the rows of a table are sorted by, in descending order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// Learned parameters.
    Params,
    /// MACs, and therefore FLOPs.
    Macs,
    /// Activation memory in use while a layer runs, in bytes.
    Memory,
    /// Bytes read and written.
    Moved,
    /// FLOPs per byte moved.
    Intensity,
}

impl Sort {
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Macs => "MACs",
            Self::Memory => "live bytes",
            Self::Moved => "bytes moved",
            Self::Intensity => "FLOPs/byte",
        }
    }

    fn of(self, row: &Row) -> Option<f64> {
        match self {
            Self::Params => row.params.map(|params| params as f64),
            Self::Macs => row.macs.map(|macs| macs as f64),
            Self::Memory => Some(row.live_bytes as f64),
            Self::Moved => Some(row.read_bytes? as f64 + row.written_bytes? as f64),
            Self::Intensity => row.intensity,
        }
    }
}

crate::named!(
    Sort,
    "key",
    [Params = "params", Macs = "macs", Memory = "memory", Moved = "moved", Intensity = "intensity"]
);

/// Appearance of a summary's table. JSON always holds every row in the order of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Show {
    /// Unit of the compute column.
    pub compute: Compute,
    /// Sort key of the rows; `None` keeps the order of the network.
    pub sort: Option<Sort>,
    /// Number of rows shown, after sorting; `None` for all. Without a key they are sorted by MACs.
    pub top: Option<usize>,
}

impl Show {
    pub(super) fn key(&self) -> Option<Sort> {
        self.sort.or(self.top.map(|_| Sort::Macs))
    }

    /// Returns the rows that are shown, in order. Rows that could not be counted come last.
    pub(super) fn rows<'a>(&self, rows: &'a [Row]) -> Vec<&'a Row> {
        let mut shown: Vec<&Row> = rows.iter().collect();
        if let Some(key) = self.key() {
            let value = |row: &Row| key.of(row).unwrap_or(f64::NEG_INFINITY);
            shown.sort_by(|a, b| value(b).total_cmp(&value(a)));
        }
        shown.truncate(self.top.unwrap_or(usize::MAX));
        shown
    }

    /// Returns the value of which each row's share is shown: the sort key if its rows add up, else the MACs.
    pub(super) fn shared(&self) -> Sort {
        self.key().filter(|key| matches!(key, Sort::Params | Sort::Moved)).unwrap_or(Sort::Macs)
    }

    /// Returns a row's share of `total`, 0..1; `None` if it could not be counted, or if the total is 0.
    pub(super) fn share(&self, row: &Row, total: u64) -> Option<f64> {
        self.shared().of(row).filter(|_| total > 0).map(|value| value / total as f64)
    }
}
