//! Control flow, `If`, `Loop` and `Scan`: operations that run a graph.
//!
//! A subgraph sees the outer values that it captures, and its own inputs. `If` runs one branch. `Loop` runs its body
//! while the condition holds and the trip count is not reached: the body gets the iteration number, the condition and
//! the state, and produces the condition, the state and one item of each stacked result. `Scan`, since operator set 9,
//! runs its body once for each item of its scan inputs.

use std::collections::HashMap;

use super::{Limits, Values, graph, node as one_node};
use crate::graph::{Attribute, DType, Node, Subgraph, Tensor, ValueId, place_of};
use crate::operators::Control;
use crate::words::counted;
use crate::{Error, Result};

/// A node with the known values around it.
pub(super) struct Around<'a> {
    pub node: &'a Node,
    pub opset: i64,
    pub values: &'a Values,
}

/// Evaluates a node that runs a graph; `None` for any other.
pub(super) fn evaluate(around: &Around) -> Option<Result<Vec<Tensor>>> {
    match around.node.operator()?.control? {
        Control::Branch => Some(around.branch()),
        Control::Loop => Some(around.looped()),
        Control::Scan => Some(around.scanned()),
        Control::Map => None,
    }
}

impl Around<'_> {
    fn wrong(&self, reason: impl Into<String>) -> Error {
        Error::input(&self.node.op_type, reason.into())
    }

    fn input(&self, index: usize) -> Option<&Tensor> {
        self.values.get(&self.node.input(index)?)
    }

    /// Returns the inputs from `first` on, none of which may be omitted.
    fn inputs(&self, first: usize) -> Result<Vec<Tensor>> {
        let input = |index| self.input(index).cloned().ok_or_else(|| self.wrong(format!("input {index} is missing")));
        (first..self.node.inputs.len()).map(input).collect()
    }

    fn subgraph(&self, name: &str) -> Result<&Subgraph> {
        match self.node.attributes.get(name) {
            Some(Attribute::Graph(body)) => Ok(body),
            _ => Err(self.wrong(format!("attribute {name} is no graph"))),
        }
    }

    fn run(&self, body: &Subgraph, inputs: Vec<Tensor>) -> Result<Vec<Tensor>> {
        if body.graph.inputs.len() != inputs.len() {
            let reason = format!("a graph of {} gets {}", counted(body.graph.inputs.len(), "input"), inputs.len());
            return Err(self.wrong(reason));
        }
        let captured = body.captures.iter().filter_map(|c| Some((c.inner, self.values.get(&c.outer)?.clone())));
        let values: HashMap<ValueId, Tensor> = captured.chain(body.graph.inputs.iter().copied().zip(inputs)).collect();
        graph(&body.graph, self.opset, values)
    }

    fn branch(&self) -> Result<Vec<Tensor>> {
        let condition = self.input(0).ok_or_else(|| self.wrong("there is no condition"))?;
        let name = if self.truth(condition)? { "then_branch" } else { "else_branch" };
        self.run(self.subgraph(name)?, Vec::new())
    }

    fn truth(&self, tensor: &Tensor) -> Result<bool> {
        match (tensor.dtype(), tensor.bytes().as_ref()) {
            (DType::Bool, [byte]) => Ok(*byte != 0),
            _ => Err(self.wrong(format!("a condition is {tensor:?}"))),
        }
    }

    fn looped(&self) -> Result<Vec<Tensor>> {
        let body = self.subgraph("body")?;
        let trips = self.input(0).map(|t| super::whole_numbers(t).and_then(|n| n.first().copied()));
        let trips = trips.map(|n| n.ok_or_else(|| self.wrong("the trip count is no whole number"))).transpose()?;
        let mut goes_on = self.input(1).map_or(Ok(true), |condition| self.truth(condition))?;
        let mut state = self.inputs(2)?;
        let mut stacks = Stacks::new(body.graph.outputs.len().saturating_sub(1 + state.len()));
        let mut iteration = 0i64;
        while goes_on && trips.is_none_or(|trips| iteration < trips) {
            if iteration as usize >= Limits::default().elements {
                return Err(self.wrong("runs past the limits"));
            }
            let counter = Tensor::new(DType::I64, vec![], iteration.to_le_bytes().to_vec())?;
            let condition = Tensor::new(DType::Bool, vec![], vec![u8::from(goes_on)])?;
            let made = self.run(body, [vec![counter, condition], state.clone()].concat())?;
            let mut made = made.into_iter();
            let condition = made.next().ok_or_else(|| self.wrong("its body makes no condition"))?;
            goes_on = self.truth(&condition)?;
            state = made.by_ref().take(state.len()).collect();
            stacks.push(made);
            iteration += 1;
        }
        state.extend(stacks.joined(self, &[])?);
        Ok(state)
    }

    fn scanned(&self) -> Result<Vec<Tensor>> {
        let body = self.subgraph("body")?;
        let known = |name| self.node.ints(name).is_none_or(|values| values.iter().all(|value| *value == 0));
        if self.opset < 9 || !known("scan_input_directions") || !known("scan_output_directions") {
            return Err(self.wrong("the reference evaluator does not know this form"));
        }
        let all = self.inputs(0)?;
        let scans = self.node.int("num_scan_inputs").and_then(|n| usize::try_from(n).ok());
        let states = scans.and_then(|scans| all.len().checked_sub(scans)).filter(|states| *states < all.len());
        let states = states.ok_or_else(|| self.wrong("scans nothing"))?;
        let mut state = all[..states].to_vec();
        let axes = self.node.ints("scan_input_axes").unwrap_or(&[]);
        let axis =
            |place: usize, tensor: &Tensor| place_of(axes.get(place).copied().unwrap_or(0), tensor.shape().len());
        let scanned: Option<Vec<(&Tensor, usize)>> =
            all[states..].iter().enumerate().map(|(place, tensor)| Some((tensor, axis(place, tensor)?))).collect();
        let scanned = scanned.ok_or_else(|| self.wrong("scans an axis that is not there"))?;
        let length = scanned[0].0.shape()[scanned[0].1];
        let mut stacks = Stacks::new(body.graph.outputs.len().saturating_sub(states));
        for item in 0..length {
            let items = scanned.iter().map(|(tensor, axis)| self.item(tensor, *axis, item));
            let inputs = state.iter().cloned().map(Ok).chain(items).collect::<Result<Vec<_>>>()?;
            let mut made = self.run(body, inputs)?.into_iter();
            state = made.by_ref().take(states).collect();
            stacks.push(made);
        }
        state.extend(stacks.joined(self, self.node.ints("scan_output_axes").unwrap_or(&[]))?);
        Ok(state)
    }

    fn item(&self, tensor: &Tensor, axis: usize, index: usize) -> Result<Tensor> {
        let mut gather = Node::new("", "Gather", vec![], vec![]);
        gather.set("axis", axis as i64);
        let index = Tensor::new(DType::I64, vec![], (index as i64).to_le_bytes().to_vec())?;
        self.single(&gather, &[Some(tensor), Some(&index)])
    }

    fn single(&self, node: &Node, inputs: &[Option<&Tensor>]) -> Result<Tensor> {
        let made = one_node(node, self.opset.max(13), inputs, Limits::default())?;
        made.into_iter().next().ok_or_else(|| self.wrong("makes nothing"))
    }
}

/// Results of all iterations, one stack per output.
struct Stacks(Vec<Vec<Tensor>>);

impl Stacks {
    fn new(count: usize) -> Self {
        Self(vec![Vec::new(); count])
    }

    fn push(&mut self, made: impl Iterator<Item = Tensor>) {
        self.0.iter_mut().zip(made).for_each(|(stack, tensor)| stack.push(tensor));
    }

    /// Joins each stack into one tensor along a new axis: the requested one, or the first.
    fn joined(self, around: &Around, axes: &[i64]) -> Result<Vec<Tensor>> {
        let join = |(place, stack): (usize, Vec<Tensor>)| {
            let Some(first) = stack.first() else {
                return Err(around.wrong("ran no iteration: the shape of what it stacks up is not known"));
            };
            let axis = axes.get(place).copied().unwrap_or(0);
            let axis = if axis < 0 { axis + first.shape().len() as i64 + 1 } else { axis };
            let axes = Tensor::from_i64(&[axis]);
            let unsqueeze = Node::new("", "Unsqueeze", vec![], vec![]);
            let rows = stack.iter().map(|item| around.single(&unsqueeze, &[Some(item), Some(&axes)]));
            let rows = rows.collect::<Result<Vec<_>>>()?;
            let mut concat = Node::new("", "Concat", vec![], vec![]);
            concat.set("axis", axis);
            around.single(&concat, &rows.iter().map(Some).collect::<Vec<_>>())
        };
        self.0.into_iter().enumerate().map(join).collect()
    }
}
