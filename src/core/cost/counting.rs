//! A graph counted as it is asked for.

use super::Analysis;
use super::batch::{Batch, BatchChoice};
use super::tally::{Surroundings, Tally};
use crate::graph::{Function, Graph};
use crate::{Error, Result};

/// For what a graph is counted.
#[derive(Debug, Clone, Default)]
pub struct Counting {
    /// Items that memory and bytes moved are for: 1, or what the file is fixed to, when `None`.
    pub batch: Option<usize>,
    /// The axis that is the batch.
    pub axis: BatchChoice,
    /// Operations that the file defines by operations, into which no count looks.
    pub functions: Vec<Function>,
}

impl Analysis {
    /// Counts a graph, with memory and bytes moved for `batch` items: 1, or what the file is fixed to, when `None`.
    ///
    /// Takes time in the number of nodes and looks at no element of a weight.
    ///
    /// # Errors
    /// A batch of 0, or another than the file is fixed to.
    pub fn of(graph: &Graph, batch: Option<usize>) -> Result<Self> {
        Self::counted(graph, &Counting { batch, ..Counting::default() })
    }

    /// As [`Analysis::of`], with all that can be said of how to count.
    ///
    /// # Errors
    /// As [`Analysis::of`], and an axis of the batch that is not there.
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
