//! Detection of the batch axis: given, or guessed, with the evidence against the guess.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::graph::{Dim, Graph, Node, ValueId};
use crate::words::counted;
use crate::{Error, Result};

/// Choice of the batch axis.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum BatchChoice {
    /// The first axis of the first input, or its second if a recurrent layer reads that input with the steps first.
    #[default]
    Guess,
    /// No batch: counts are for everything that the file computes.
    None,
    /// An axis of an input; a negative one counts from the last.
    At(String, i64),
}

impl FromStr for BatchChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let remedy = "write INPUT=AXIS, such as x=0, or none";
        let wrong = |reason: &str| Error::input(format!("batch axis {text}"), reason).remedy(remedy);
        if text == "none" {
            return Ok(Self::None);
        }
        let (input, axis) = text.rsplit_once('=').ok_or_else(|| wrong("is no INPUT=AXIS"))?;
        let axis = axis.trim().parse().map_err(|_| wrong("its axis is no whole number"))?;
        Ok(Self::At(input.to_owned(), axis))
    }
}

/// The axis that was taken as the batch, on which figures for one item depend.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct BatchAxis {
    /// Name of the input; `None` if no axis is the batch, and everything that the file computes is counted.
    pub input: Option<String>,
    /// Index of its axis, from 0.
    pub axis: Option<usize>,
    /// Size of that axis.
    pub size: Option<Dim>,
    /// Reason why that is a guess that affects the count, and how to settle it.
    pub doubt: Option<String>,
}

impl fmt::Display for BatchAxis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.input, self.axis, &self.size) {
            (Some(input), Some(axis), Some(size)) => write!(f, "batch: axis {axis} of {input} ({size})")?,
            _ => f.write_str("batch: none, all that the file computes is counted")?,
        }
        self.doubt.iter().try_for_each(|doubt| write!(f, "; {doubt}"))
    }
}

/// Facts known about the batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) enum Batch {
    Fixed(u64),
    Symbol(String),
    /// There is none, or nothing is known about it.
    #[default]
    None,
}

impl Batch {
    /// Returns the batch of a graph, and its axis.
    ///
    /// # Errors
    /// Fails if the chosen input or axis does not exist.
    pub fn of(graph: &Graph, choice: &BatchChoice) -> Result<(Self, BatchAxis)> {
        let Some((id, axis)) = place(graph, choice)? else { return Ok(Default::default()) };
        let value = graph.value(id);
        let Some(size) = value.shape.as_ref().and_then(|shape| shape.get(axis)) else { return Ok(Default::default()) };
        let batch = match size {
            Dim::Known(items) => Self::Fixed((*items as u64).max(1)),
            Dim::Symbolic { symbol, .. } => Self::Symbol(symbol.clone()),
            Dim::Unknown => return Ok(Default::default()),
        };
        let taken =
            BatchAxis { input: Some(value.name.clone()), axis: Some(axis), size: Some(size.clone()), doubt: None };
        let doubt = if *choice == BatchChoice::Guess { batch.doubt(graph, axis) } else { None };
        let Some(doubt) = doubt else { return Ok((batch, taken)) };
        let settle = format!("--batch-axis {}={axis}, another INPUT=AXIS or none settles it", value.name);
        Ok(match batch {
            // Dividing by a size that is not the batch would make a network look cheaper than it is.
            Self::Fixed(_) => {
                let doubt = format!("axis {axis} of {} ({size}) may be it, but {doubt}; {settle}", value.name);
                (Self::None, BatchAxis { doubt: Some(doubt), ..BatchAxis::default() })
            }
            batch => {
                let doubt = format!("that is a guess, which {doubt} speaks against; {settle}");
                (batch, BatchAxis { doubt: Some(doubt), ..taken })
            }
        })
    }

    pub fn fixed(&self) -> Option<u64> {
        match self {
            Self::Fixed(items) => Some(*items),
            _ => None,
        }
    }

    /// Returns the evidence against `axis` of the first input being the batch: every input and every output should have
    /// it. A batch of one does not affect the count.
    fn doubt(&self, graph: &Graph, axis: usize) -> Option<String> {
        let without = |ids: &[ValueId], has: &dyn Fn(&[Dim]) -> bool| {
            let shaped = |id: &ValueId| graph.value(*id).shape.as_ref().filter(|shape| !shape.is_empty());
            let mut without = ids.iter().filter(|id| shaped(id).is_some_and(|shape| !has(shape)));
            without.next().map(|id| graph.value(*id).name.clone())
        };
        match self {
            Self::None | Self::Fixed(1) => None,
            Self::Fixed(items) => {
                let is = |dim: &Dim| dim.known().is_none_or(|size| size as u64 == *items);
                let folded = |dim: &Dim| dim.known().is_none_or(|size| (size as u64).is_multiple_of(*items));
                let input = without(&graph.inputs, &|shape| shape.get(axis).is_some_and(is));
                let output = without(&graph.outputs, &|shape| shape.iter().any(is) || folded(&shape[0]));
                let named = input.map(|name| format!("input {name}")).or(output.map(|name| format!("output {name}")));
                named.map(|named| format!("{named} has no such axis"))
            }
            Self::Symbol(batch) => {
                let may = |dim: &Dim| match dim {
                    Dim::Symbolic { symbol, .. } => symbol == batch,
                    dim => *dim == Dim::Unknown,
                };
                without(&graph.outputs, &|shape| shape.iter().any(may))
                    .map(|name| format!("output {name}, which has no {batch},"))
            }
        }
    }
}

fn place(graph: &Graph, choice: &BatchChoice) -> Result<Option<(ValueId, usize)>> {
    match choice {
        BatchChoice::None => Ok(None),
        BatchChoice::Guess => Ok(graph.inputs.first().map(|id| (*id, guessed(graph, *id)))),
        BatchChoice::At(name, axis) => {
            let wrong = |reason: String| Error::input(format!("batch axis {name}={axis}"), reason);
            let Some(id) = graph.inputs.iter().copied().find(|id| graph.value(*id).name == *name) else {
                let names: Vec<_> = graph.inputs.iter().map(|id| graph.value(*id).name.as_str()).collect();
                let remedy = format!("the inputs are {}", names.join(", "));
                return Err(wrong("the model has no input of this name".to_owned()).remedy(remedy));
            };
            let rank = graph.value(id).shape.as_ref().map_or(0, Vec::len);
            let from_front = if *axis < 0 { axis.checked_add_unsigned(rank as u64) } else { Some(*axis) };
            match from_front.and_then(|axis| usize::try_from(axis).ok()).filter(|axis| *axis < rank) {
                Some(axis) => Ok(Some((id, axis))),
                None => Err(wrong(format!("the input has {}", counted(rank, "dimension")))),
            }
        }
    }
}

fn guessed(graph: &Graph, input: ValueId) -> usize {
    let recurrent =
        |node: &&Node| node.operator().is_some_and(|operator| operator.recurrent) && node.input(0) == Some(input);
    let steps_first = |node: &Node| node.int("layout").unwrap_or(0) == 0;
    usize::from(graph.nodes.iter().find(recurrent).is_some_and(steps_first))
}

/// Names the batch `N` if the file leaves that dimension without a name, so that the shapes inferred from it can carry
/// it. A choice that does not exist is left for the count to refuse.
pub fn name_batch(graph: &mut Graph, choice: &BatchChoice) {
    let taken = |symbol: &Dim| graph.values().any(|(_, value)| value.shape.iter().flatten().any(|dim| dim == symbol));
    let name = ["N", "batch", "batch_size"].map(Dim::symbol).into_iter().find(|symbol| !taken(symbol));
    if let (Ok(Some((id, axis))), Some(name)) = (place(graph, choice), name)
        && let Some(items) = graph.value_mut(id).shape.as_mut().and_then(|shape| shape.get_mut(axis))
        && *items == Dim::Unknown
    {
        *items = name;
    }
}
