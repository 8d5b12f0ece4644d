//! Recurrent layers.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, Known, Shape, fault, open};
use super::super::merge;
use super::super::number::Num;
use super::constant::size;
use crate::graph::Dim;

/// Infers `RNN`, `GRU` and `LSTM`: all states, the last state, and for `LSTM` the last cell.
pub(crate) fn recurrent(cx: &Context) -> Answer {
    let dtype = cx.common_dtype(0);
    let sizes = match Sizes::new(cx) {
        Ok(sizes) => sizes,
        Err(stop) => return Ok(vec![Fact::new(dtype, Err(stop)); 3]),
    };
    let last = sizes.last();
    Ok(vec![Fact::new(dtype, Ok(sizes.all())), Fact::new(dtype, Ok(last.clone())), Fact::new(dtype, Ok(last))])
}

struct Sizes {
    steps: Dim,
    batch: Dim,
    directions: Dim,
    hidden: Dim,
    batch_first: bool,
}

impl Sizes {
    /// Reads the sizes: the input is `[steps, batch, features]`, or `[batch, steps, features]` with `layout` 1; the
    /// recurrence weight is `[directions, gates * hidden, hidden]`.
    fn new(cx: &Context) -> Known<Self> {
        let x = cx.shape_of_rank(0, 3)?;
        let batch_first = match cx.int_or("layout", 0)? {
            0 => false,
            1 => true,
            other => return fault(format!("attribute layout is {other}")),
        };
        let directions = match cx.text_or("direction", "forward")? {
            "forward" | "reverse" => 1,
            "bidirectional" => 2,
            other => return fault(format!("attribute direction is {other}")),
        };
        let hidden = open(cx.shape_of_rank(2, 3))?.map_or(Dim::Unknown, |weight| weight[2].clone());
        let hidden = match cx.int("hidden_size")? {
            Some(of) => merge::equal(&size(&Num::Int(of))?, &hidden, "hidden_size and the weight's hidden sizes")?,
            None => hidden,
        };
        let (steps, batch) = if batch_first { (&x[1], &x[0]) } else { (&x[0], &x[1]) };
        let (steps, batch) = (steps.clone(), batch.clone());
        Ok(Self { steps, batch, directions: Dim::Known(directions), hidden, batch_first })
    }

    fn all(&self) -> Shape {
        let dims = if self.batch_first {
            [&self.batch, &self.steps, &self.directions, &self.hidden]
        } else {
            [&self.steps, &self.directions, &self.batch, &self.hidden]
        };
        dims.map(Dim::clone).to_vec()
    }

    fn last(&self) -> Shape {
        let dims = if self.batch_first {
            [&self.batch, &self.directions, &self.hidden]
        } else {
            [&self.directions, &self.batch, &self.hidden]
        };
        dims.map(Dim::clone).to_vec()
    }
}
