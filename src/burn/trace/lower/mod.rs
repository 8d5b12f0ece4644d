//! Lowering: writes each traced operation as the equivalent ONNX operations, one file for each family.
//!
//! A size that depends on a symbol is computed from the shape of an input (`sizes`). The intermediate values, which Burn never
//! saw, get their types and shapes from [`infer`]. An operation without a lowering is an error with its name, its module path
//! and its shapes (`refuse`).

mod arithmetic;
mod bits;
mod float;
mod index;
mod layers;
mod logic;
mod place;
mod pool;
mod reduce;
mod refuse;
mod running;
mod scan;
mod shapes;
mod sizes;
mod window;

use std::collections::{HashMap, HashSet};

use burn::backend::ir::{OperationIr, ScalarIr, TensorId, TensorIr};

use super::constants::{Constant, dtype};
use super::inputs::Axis;
use super::operations::{LoweredNode, Lowering, Operation, elements};
use super::scope::scopes;
use super::size::Size;
use super::{Trace, TracedInput};
use gnet_core::graph::{Attribute, DType, Dim, Graph, Model, Node, Sizes, Tensor, ValueId};
use gnet_core::infer::infer;
use gnet_core::{Error, Result};

/// Lowers a trace to a model of the operator set `opset`, and returns the nodes that each operation became.
pub(super) fn lower(trace: &Trace, opset: i64) -> Result<(Model, Vec<Lowering>)> {
    let mut lower = Lower::new(trace, opset)?;
    let mut log = Vec::with_capacity(trace.operations.len());
    for (index, (op, scope)) in trace.operations.iter().zip(scopes(trace)).enumerate() {
        (lower.index, lower.scope) = (index, scope);
        lower.note_scope();
        let before = lower.graph.nodes.len();
        lower.operation(op)?;
        // The marks of a loop are gnet's own: Burn did not record them.
        if !matches!(op, OperationIr::Custom(_)) {
            log.push(lower.lowering(op, before));
        }
    }
    let mut model = Model::new(lower.finish()?, opset);
    model.graph.check()?;
    // Burn knows the shapes of what it traced; those of intermediate values are inferred from them.
    infer(&mut model, &Sizes::none())?;
    Ok((model, log))
}

/// Returns the name of an operation as Burn's intermediate representation spells it, such as `Conv2d`.
pub(super) fn operation_name(op: &OperationIr) -> &'static str {
    Operation::of(op).name
}

/// The graph under construction.
struct Lower<'a> {
    trace: &'a Trace,
    graph: Graph,
    ids: HashMap<TensorId, ValueId>,
    taken: HashSet<String>,
    /// Dotted path of the module whose operation is being lowered.
    scope: String,
    /// Index of that operation.
    index: usize,
    opset: i64,
    /// Sizes as vectors of length 1, once they have been requested.
    asked: HashMap<Size, ValueId>,
    /// The graph around the body of a loop while the body is lowered.
    around: Option<scan::Around>,
}

impl<'a> Lower<'a> {
    fn new(trace: &'a Trace, opset: i64) -> Result<Self> {
        let (ids, taken) = (HashMap::new(), HashSet::new());
        let graph = Graph::new("main_graph");
        let asked = HashMap::new();
        let mut lower = Self { trace, graph, ids, taken, scope: String::new(), index: 0, opset, asked, around: None };
        // Inputs and outputs take their names first, so that no inner value can.
        for input in &trace.inputs {
            let id = lower.bind(input.id, input.input.name.clone());
            lower.graph.inputs.push(id);
        }
        for output in &trace.outputs {
            let id = lower.output(output.id, &output.name);
            lower.graph.outputs.push(id);
        }
        Ok(lower)
    }

    /// Returns the value of an output. One that no operation produces, or that is returned twice, is passed on at the
    /// end.
    fn output(&mut self, id: TensorId, name: &str) -> ValueId {
        let made = self.trace.operations.iter().any(|op| op.outputs().any(|t| t.id == id));
        if made && !self.ids.contains_key(&id) {
            return self.bind(id, name.to_owned());
        }
        let name = self.unique(name.to_owned());
        self.graph.add_value(name, None, None)
    }

    /// Passes on outputs that are inputs, or that are returned twice.
    fn pass_on(&mut self) -> Result<()> {
        for (output, value) in self.trace.outputs.iter().zip(self.graph.outputs.clone()) {
            let source = match self.ids.get(&output.id) {
                Some(id) => *id,
                None => self.constant_of(output.id)?,
            };
            if source != value {
                let name = self.local("Identity");
                self.graph.nodes.push(Node::new(name, "Identity", vec![source], vec![value]));
                let (dtype, shape) = (self.graph.value(source).dtype, self.graph.value(source).shape.clone());
                let value = self.graph.value_mut(value);
                (value.dtype, value.shape) = (dtype, shape);
            }
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Graph> {
        for TracedInput { input, id, dtype } in &self.trace.inputs {
            let axis = |axis: &Axis| match axis {
                Axis::Fixed(size) => Dim::Known(*size),
                Axis::Symbol(symbol) => Dim::symbol(&symbol.name),
            };
            let value = self.graph.value_mut(self.ids[id]);
            (value.dtype, value.shape) = (Some(*dtype), Some(input.axes.iter().map(axis).collect()));
        }
        self.describe()?;
        self.scope.clear();
        self.pass_on()?;
        Ok(self.graph)
    }

    /// Annotates the values of the current graph with what was traced about them.
    fn describe(&mut self) -> Result<()> {
        let grid = &self.trace.grid;
        for tensor in self.trace.operations.iter().flat_map(|op| op.inputs().chain(op.outputs())) {
            let (Some(id), Some(sizes)) = (self.ids.get(&tensor.id), self.trace.sizes.get(&tensor.id)) else {
                continue;
            };
            let value = self.graph.value_mut(*id);
            value.dtype = Some(dtype(tensor.dtype)?);
            value.shape = Some(sizes.iter().map(|size| grid.dim(size)).collect());
        }
        Ok(())
    }

    fn bind(&mut self, id: TensorId, name: String) -> ValueId {
        let name = self.unique(name);
        let value = self.graph.add_value(name, None, None);
        self.ids.insert(id, value);
        value
    }

    /// Returns `base`, or the first of `base_1`, `base_2`, .. that is free.
    fn unique(&mut self, base: String) -> String {
        let mut name = base.clone();
        let mut count = 0;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    /// Returns a name inside the current module.
    fn local(&mut self, what: &str) -> String {
        let name = if self.scope.is_empty() { what.to_owned() } else { format!("{}/{what}", self.scope) };
        self.unique(name)
    }

    /// Returns the value of a tensor that is read. A parameter or constant becomes an initializer when it is first
    /// read.
    fn read(&mut self, tensor: &TensorIr) -> Result<ValueId> {
        match self.ids.get(&tensor.id) {
            Some(id) => Ok(*id),
            None if self.around.is_some() => self.outside(|outside| outside.read(tensor)),
            None => self.constant_of(tensor.id),
        }
    }

    /// Returns the value of a constant: an initializer, or the operations that create it at any size.
    fn constant_of(&mut self, tensor: TensorId) -> Result<ValueId> {
        let id = match self.trace.constants.get(&tensor) {
            None => {
                return Err(Error::input(format!("tensor {tensor} of {}", self.place()), "has no value and no maker"));
            }
            Some(Constant::Same(values)) => {
                let name = match self.trace.names.get(&tensor) {
                    Some(path) => self.unique(path.clone()),
                    None => self.local("constant"),
                };
                self.graph.add_initializer(name, values.clone())
            }
            Some(Constant::Uniform(number)) => {
                let number = self.constant("scalar", number.clone());
                let sizes = self.sizes_of(&self.trace.sizes[&tensor])?;
                self.step("Expand", &[&number, &sizes], &[])?
            }
            Some(Constant::Count { start, step, dtype }) => {
                let (start, step, dtype) = (*start, *step, *dtype);
                self.count(&self.trace.sizes[&tensor], start, step, dtype)?
            }
        };
        self.ids.insert(tensor, id);
        Ok(id)
    }

    fn constant(&mut self, what: &str, tensor: Tensor) -> ValueId {
        let name = self.local(what);
        self.graph.add_initializer(name, tensor)
    }

    /// Adds a scalar operand with the element type of `like`.
    fn scalar(&mut self, like: &TensorIr, value: ScalarIr) -> Result<ValueId> {
        let dtype = dtype(like.dtype)?;
        let bytes = match dtype {
            DType::F32 => value.elem::<f32>().to_le_bytes().to_vec(),
            DType::F64 => value.elem::<f64>().to_le_bytes().to_vec(),
            DType::I64 => value.elem::<i64>().to_le_bytes().to_vec(),
            DType::I32 => value.elem::<i32>().to_le_bytes().to_vec(),
            DType::Bool => vec![value.elem::<u8>()],
            other => return Err(Error::input(format!("a scalar in {}", self.place()), format!("has type {other}"))),
        };
        Ok(self.constant("scalar", Tensor::new(dtype, vec![], bytes)?))
    }

    /// Adds the operation `op_type`: the traced one that produces `out`, or an intermediate one of a lowering. The node
    /// and its output have the same name, but for outputs of the graph.
    fn make(
        &mut self,
        op_type: &str,
        operands: &[&dyn Operand],
        attributes: &[(&str, Attribute)],
        out: Option<&TensorIr>,
    ) -> Result<ValueId> {
        let mut inputs = operands.iter().map(|operand| operand.value(self)).collect::<Result<Vec<_>>>()?;
        inputs.truncate(inputs.iter().rposition(Option::is_some).map_or(0, |last| last + 1));
        let name = self.local(op_type);
        let output = match out.and_then(|out| self.ids.get(&out.id)) {
            Some(id) => *id,
            None => self.graph.add_value(name.clone(), None, None),
        };
        self.ids.extend(out.map(|out| (out.id, output)));
        let mut node = Node::new(name, op_type, vec![], vec![output]);
        node.inputs = inputs;
        node.attributes.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.graph.nodes.push(node);
        Ok(output)
    }

    fn emit(
        &mut self,
        op_type: &str,
        operands: &[&dyn Operand],
        attributes: &[(&str, Attribute)],
        out: &TensorIr,
    ) -> Result<()> {
        self.make(op_type, operands, attributes, Some(out)).map(drop)
    }

    fn step(&mut self, op_type: &str, operands: &[&dyn Operand], attributes: &[(&str, Attribute)]) -> Result<ValueId> {
        self.make(op_type, operands, attributes, None)
    }

    /// Returns the name of the current operation, for one that ONNX has under the same, without the mark of a second operand
    /// that is a number.
    fn same_name(&self) -> &'static str {
        operation_name(self.current()).trim_end_matches("Scalar")
    }

    /// Returns the current module, for an error.
    fn place(&self) -> &str {
        if self.scope.is_empty() { "the root module" } else { &self.scope }
    }

    fn operation(&mut self, op: &OperationIr) -> Result<()> {
        match op {
            OperationIr::Module(module) => self.layer(module),
            OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => self.base(base),
            OperationIr::NumericFloat(_, numeric) | OperationIr::NumericInt(_, numeric) => self.numeric(numeric),
            OperationIr::Float(_, float) => self.float(float),
            OperationIr::Int(int) => self.integer_operation(int),
            OperationIr::Bool(logic) => self.logic(logic),
            OperationIr::Activation(activation) => self.activation(activation),
            OperationIr::Custom(_) => self.mark(op),
            _ => Err(self.unknown()),
        }
    }

    /// Records the nodes added since `before`.
    fn lowering(&self, op: &OperationIr, before: usize) -> Lowering {
        let node = |node: &Node| LoweredNode { op_type: node.op_type.clone(), name: node.name.clone() };
        Lowering {
            operation: Operation::of(op),
            elements: elements(op),
            module: self.scope.clone(),
            nodes: self.graph.nodes[before..].iter().map(node).collect(),
        }
    }
}

/// An input of a node, which is added to the graph first if it is not there yet.
trait Operand {
    /// Returns its value; `None` for an input that is left out.
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>>;
}

impl Operand for ValueId {
    fn value(&self, _: &mut Lower) -> Result<Option<ValueId>> {
        Ok(Some(*self))
    }
}

impl Operand for TensorIr {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        lower.read(self).map(Some)
    }
}

impl<T: Operand> Operand for Option<T> {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        self.as_ref().map_or(Ok(None), |operand| operand.value(lower))
    }
}

/// A number with the element type of a tensor.
struct Number<'a>(&'a TensorIr, ScalarIr);

impl Operand for Number<'_> {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        lower.scalar(self.0, self.1).map(Some)
    }
}

/// A whole number, under this name.
struct Int(&'static str, i64);

impl Operand for Int {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        let number = Tensor::new(DType::I64, vec![], self.1.to_le_bytes().to_vec())?;
        Ok(Some(lower.constant(self.0, number)))
    }
}

/// A vector of whole numbers, under this name.
struct Ints<'a>(&'static str, &'a [i64]);

impl Operand for Ints<'_> {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        Ok(Some(lower.constant(self.0, Tensor::from_i64(self.1))))
    }
}

/// The shape of a tensor as a vector of whole numbers.
struct ShapeOf<'a>(&'a TensorIr);

impl Operand for ShapeOf<'_> {
    fn value(&self, lower: &mut Lower) -> Result<Option<ValueId>> {
        lower.sizes_of(&lower.trace.sizes[&self.0.id]).map(Some)
    }
}

fn operands<T: Operand>(all: &[T]) -> Vec<&dyn Operand> {
    all.iter().map(|one| one as &dyn Operand).collect()
}

fn axis(axis: usize) -> (&'static str, Attribute) {
    ("axis", (axis as i64).into())
}
