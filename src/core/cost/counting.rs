//! Counting of a graph with options.

use super::Analysis;
use super::batch::{Batch, BatchChoice};
use super::tally::{Surroundings, Tally};
use crate::graph::{Function, Graph};
use crate::{Error, Result};

/// Options for counting a graph.
#[derive(Debug, Clone, Default)]
pub struct Counting {
    /// Batch size for memory and bytes moved; `None` for 1, or the size that the file fixes.
    pub batch: Option<usize>,
    /// Axis that is the batch.
    pub axis: BatchChoice,
    /// Functions, operations that the file defines itself, whose definitions no count inspects.
    pub functions: Vec<Function>,
}

impl Analysis {
    /// Counts a graph, with memory and bytes moved for `batch` items; `None` for 1, or the size that the file fixes.
    ///
    /// The time is proportional to the number of nodes; no element of a weight is read.
    ///
    /// # Errors
    /// Fails for a batch of 0, or one that differs from the size fixed by the file.
    pub fn of(graph: &Graph, batch: Option<usize>) -> Result<Self> {
        Self::counted(graph, &Counting { batch, ..Counting::default() })
    }

    /// Does the same as [`Analysis::of`] with all options of counting.
    ///
    /// # Errors
    /// Those of [`Analysis::of`]; also fails if the axis of the batch does not exist.
    pub fn counted(graph: &Graph, counting: &Counting) -> Result<Self> {
        let (of_file, axis) = Batch::of(graph, &counting.axis)?;
        let fixed = of_file.fixed();
        let wrong = |asked: usize, reason: String| Err(Error::input(format!("batch {asked}"), reason));
        let items = match (counting.batch, fixed) {
            (Some(0), _) => return wrong(0, "a batch holds at least one item".to_owned()),
            (Some(asked), Some(fixed)) if asked as u64 != fixed => {
                return wrong(asked, format!("the file is fixed to a batch of {fixed}"));
            }
            (Some(asked), None) if asked > 1 && axis.input.is_none() && axis.doubt.is_some() => {
                return wrong(asked, axis.to_string());
            }
            (asked, fixed) => asked.map_or(fixed.unwrap_or(1), |asked| asked as u64),
        };
        let mut tally = Tally::new(of_file, items, &counting.functions);
        tally.graph(graph, &Surroundings::default());
        Ok(tally.analysis(fixed, axis))
    }
}
