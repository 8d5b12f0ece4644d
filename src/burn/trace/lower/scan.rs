//! Lowering of a loop over an axis to ONNX's `Scan`.
//!
//! The operations between the two marks of a loop form a separate graph, the body. It has one input for each tensor
//! carried from iteration to iteration and one for each element that an iteration takes, without the axis that is
//! iterated over; its outputs are the next state and the elements that are concatenated along an axis. Everything else
//! that the body reads is captured from the graph around it: parameters, other constants, sizes.

use std::collections::HashMap;

use burn::backend::ir::{OperationIr, TensorId, TensorIr};

use super::{Ints, Lower};
use crate::trace::constants::dtype;
use crate::trace::reroll::{Along, Mark};
use crate::trace::scope::common;
use crate::trace::size::Size;
use gnet_core::Result;
use gnet_core::graph::{Attribute, Capture, Graph, Node, Subgraph, ValueId};

/// State of the graph around a loop body while the body is under construction.
pub(super) struct Around {
    graph: Graph,
    ids: HashMap<TensorId, ValueId>,
    asked: HashMap<Size, ValueId>,
    begin: Mark,
    /// The inputs of `begin`, in the outer graph.
    inputs: Vec<ValueId>,
    captures: Vec<Capture>,
    /// Modules of the operations inside.
    scopes: Vec<String>,
}

impl Around {
    /// Exchanges the graph that this holds and the one that is being written.
    fn exchange(&mut self, lower: &mut Lower) {
        std::mem::swap(&mut lower.graph, &mut self.graph);
        std::mem::swap(&mut lower.ids, &mut self.ids);
        std::mem::swap(&mut lower.asked, &mut self.asked);
    }
}

impl Lower<'_> {
    pub(super) fn mark(&mut self, op: &OperationIr) -> Result<()> {
        match (Mark::beginning(op), Mark::ending(op)) {
            (Some(begin), _) => self.begin(begin),
            (_, Some(end)) => self.end(&end),
            _ => Err(self.unknown()),
        }
    }

    fn begin(&mut self, begin: Mark) -> Result<()> {
        let inputs = begin.inputs.iter().map(|tensor| self.read(tensor)).collect::<Result<_>>()?;
        let mut around = Around {
            graph: Graph::new(self.local("body")),
            ids: HashMap::new(),
            asked: HashMap::new(),
            begin: begin.clone(),
            inputs,
            captures: Vec::new(),
            scopes: Vec::new(),
        };
        around.exchange(self);
        self.around = Some(around);
        for state in &begin.outputs[..begin.states()] {
            let name = self.local("state");
            let value = self.bind(state.id, name);
            self.graph.inputs.push(value);
        }
        let items = begin.inputs.iter().zip(&begin.outputs).skip(begin.states());
        for ((whole, item), along) in items.zip(&begin.along) {
            self.item(item, whole.shape.num_dims(), *along)?;
        }
        Ok(())
    }

    /// Adds an input of the body for an element of a tensor of `rank` axes.
    fn item(&mut self, item: &TensorIr, rank: usize, along: Along) -> Result<()> {
        let name = self.local("item");
        if item.shape.num_dims() < rank {
            let value = self.bind(item.id, name);
            self.graph.inputs.push(value);
            return Ok(());
        }
        let mut shape: Vec<_> = self.trace.sizes[&item.id].iter().map(|size| self.trace.grid.dim(size)).collect();
        shape.remove(along.axis);
        let value = self.graph.add_value(name, Some(dtype(item.dtype)?), Some(shape));
        self.graph.inputs.push(value);
        self.emit("Unsqueeze", &[&value, &Ints("axes", &[along.axis as i64])], &[], item)
    }

    fn end(&mut self, end: &Mark) -> Result<()> {
        let mut outputs: Vec<ValueId> = Vec::new();
        for (place, tensor) in end.inputs.iter().enumerate() {
            let mut value = self.read(tensor)?;
            let along = place.checked_sub(end.states()).map(|at| end.along[at]);
            if let Some(along) = along
                && tensor.shape.num_dims() == end.outputs[place].shape.num_dims()
            {
                value = self.step("Squeeze", &[&value, &Ints("axes", &[along.axis as i64])], &[])?;
            } else if outputs.contains(&value) || !self.graph.nodes.iter().any(|node| node.output() == Some(value)) {
                // An output of a body is produced in it, and is only one output.
                value = self.step("Identity", &[&value], &[])?;
            }
            outputs.push(value);
        }
        self.graph.outputs = outputs;
        self.describe()?;
        let Some(mut around) = self.around.take() else { return Err(self.unknown()) };
        around.exchange(self);
        let Around { graph, begin, inputs, captures, scopes, .. } = around;
        self.scope = common(scopes.into_iter());
        self.scan(&begin, end, inputs, Subgraph { graph, captures });
        Ok(())
    }

    fn scan(&mut self, begin: &Mark, end: &Mark, inputs: Vec<ValueId>, body: Subgraph) {
        let name = self.local("Scan");
        let mut outputs = Vec::new();
        for tensor in &end.outputs {
            let known = self.ids.get(&tensor.id).copied();
            outputs.push(known.unwrap_or_else(|| self.bind(tensor.id, name.clone())));
        }
        let axes = |mark: &Mark| Attribute::Ints(mark.along.iter().map(|along| along.axis as i64).collect());
        let directions = |mark: &Mark| Attribute::Ints(mark.along.iter().map(|a| i64::from(a.backwards)).collect());
        let mut node = Node::new(name, "Scan", inputs, outputs);
        node.set("num_scan_inputs", begin.along.len() as i64)
            .set("scan_input_axes", axes(begin))
            .set("scan_input_directions", directions(begin))
            .set("body", Attribute::Graph(Box::new(body)));
        if !end.along.is_empty() {
            node.set("scan_output_axes", axes(end)).set("scan_output_directions", directions(end));
        }
        self.graph.nodes.push(node);
    }

    /// Creates a value that belongs to the graph around the current body; if there is no body, to the current graph.
    pub(super) fn outside(&mut self, make: impl FnOnce(&mut Self) -> Result<ValueId>) -> Result<ValueId> {
        let Some(mut around) = self.around.take() else { return make(self) };
        around.exchange(self);
        let made = make(self);
        around.exchange(self);
        let outer = made.map(|outer| match around.captures.iter().find(|capture| capture.outer == outer) {
            Some(capture) => capture.inner,
            None => {
                let name = around.graph.value(outer).name.clone();
                let inner = self.graph.add_value(name, None, None);
                around.captures.push(Capture { outer, inner });
                inner
            }
        });
        self.around = Some(around);
        outer
    }

    /// Notes that the current operation belongs to this module.
    pub(super) fn note_scope(&mut self) {
        if let Some(around) = &mut self.around {
            around.scopes.push(self.scope.clone());
        }
    }
}
