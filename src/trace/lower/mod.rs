//! Writes each traced operation as the ONNX operation that means the same.

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
mod shapes;
mod window;

use std::collections::{HashMap, HashSet};

use burn::backend::ir::{OperationIr, ScalarIr, TensorId, TensorIr};
use burn::backend::{DType as BurnDType, TensorData};
use bytes::Bytes;

use super::Trace;
use super::operations::{LoweredNode, Lowering, Operation, elements};
use super::scope::scopes;
use crate::graph::{Attribute, DType, Graph, Model, Node, Tensor, ValueId};
use crate::infer::{Overrides, infer};
use crate::onnx::number_of;
use crate::{Error, Result};

/// Name of the one graph input.
const INPUT: &str = "input";

/// Lowers a trace to a model of the operator set `opset`, and says what became of each operation.
pub(super) fn lower(trace: &Trace, opset: i64) -> Result<(Model, Vec<Lowering>)> {
    let mut lower = Lower::new(trace, opset)?;
    let mut log = Vec::with_capacity(trace.operations.len());
    for (index, (op, scope)) in trace.operations.iter().zip(scopes(trace)).enumerate() {
        (lower.index, lower.scope) = (index, scope);
        let before = lower.graph.nodes.len();
        lower.operation(op)?;
        log.push(lower.lowering(op, before));
    }
    let mut model = Model::new(lower.finish()?, opset);
    model.graph.check()?;
    // Burn knows the shapes of what it traced; those of the steps in between follow from them.
    infer(&mut model, &Overrides::none())?;
    Ok((model, log))
}

/// The name of an operation as Burn's intermediate representation spells it, such as `Conv2d`.
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
    /// The batch as a vector of one, once something has asked for it.
    batch: Option<ValueId>,
}

impl<'a> Lower<'a> {
    fn new(trace: &'a Trace, opset: i64) -> Result<Self> {
        let (ids, taken) = (HashMap::new(), HashSet::new());
        let graph = Graph::new("main_graph");
        let mut lower = Self { trace, graph, ids, taken, scope: String::new(), index: 0, opset, batch: None };
        // Boundaries take their names first, so that no inner value can.
        lower.bind(trace.input, INPUT.to_owned());
        for output in &trace.outputs {
            if !trace.operations.iter().any(|op| op.outputs().any(|t| t.id == output.id)) {
                return Err(Error::input(format!("output {}", output.name), "no operation makes it")
                    .remedy("keep only outputs that the forward computes"));
            }
            lower.bind(output.id, output.name.clone());
        }
        lower.graph.inputs = vec![lower.ids[&trace.input]];
        lower.graph.outputs = trace.outputs.iter().map(|o| lower.ids[&o.id]).collect();
        Ok(lower)
    }

    fn finish(mut self) -> Result<Graph> {
        for op in &self.trace.operations {
            for tensor in op.inputs().chain(op.outputs()) {
                let (Some(id), Some(shape)) = (self.ids.get(&tensor.id), self.trace.shapes.get(&tensor.id)) else {
                    continue;
                };
                let value = self.graph.value_mut(*id);
                (value.dtype, value.shape) = (Some(dtype(tensor.dtype)?), Some(shape.clone()));
            }
        }
        Ok(self.graph)
    }

    fn bind(&mut self, id: TensorId, name: String) -> ValueId {
        let name = self.unique(name);
        let value = self.graph.add_value(name, None, None);
        self.ids.insert(id, value);
        value
    }

    /// `base`, or the first of `base_1`, `base_2`, .. that is free.
    fn unique(&mut self, base: String) -> String {
        let mut name = base.clone();
        let mut count = 0;
        while !self.taken.insert(name.clone()) {
            count += 1;
            name = format!("{base}_{count}");
        }
        name
    }

    /// A name inside the current module.
    fn local(&mut self, what: &str) -> String {
        let name = if self.scope.is_empty() { what.to_owned() } else { format!("{}/{what}", self.scope) };
        self.unique(name)
    }

    /// The value of a tensor that is read. A parameter or constant becomes an initializer on its first reading.
    fn read(&mut self, tensor: &TensorIr) -> Result<ValueId> {
        if let Some(id) = self.ids.get(&tensor.id) {
            return Ok(*id);
        }
        let Some(data) = self.trace.values.get(&tensor.id) else {
            return Err(Error::input(format!("tensor {} of {}", tensor.id, self.place()), "has no value and no maker"));
        };
        let name = match self.trace.names.get(&tensor.id) {
            Some(path) => self.unique(path.clone()),
            None => self.local("constant"),
        };
        let id = self.graph.add_initializer(name, constant(data)?);
        self.ids.insert(tensor.id, id);
        Ok(id)
    }

    /// The values of several tensors that are read.
    fn read_all<'t>(&mut self, tensors: impl IntoIterator<Item = &'t TensorIr>) -> Result<Vec<ValueId>> {
        tensors.into_iter().map(|t| self.read(t)).collect()
    }

    /// Adds a constant of the current module.
    fn constant(&mut self, what: &str, tensor: Tensor) -> ValueId {
        let name = self.local(what);
        self.graph.add_initializer(name, tensor)
    }

    /// A scalar operand of the element type of `like`.
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

    /// Adds the operation `op_type` that makes `out`; the node and the value carry the same name.
    fn emit(&mut self, op_type: &str, inputs: Vec<ValueId>, out: &TensorIr) -> &mut Node {
        let name = self.local(op_type);
        let output = match self.ids.get(&out.id) {
            Some(id) => *id,
            None => {
                let value = self.graph.add_value(name.clone(), None, None);
                self.ids.insert(out.id, value);
                value
            }
        };
        self.graph.nodes.push(Node::new(name, op_type, inputs, vec![output]));
        self.graph.nodes.last_mut().expect("a node was just added")
    }

    /// Adds an operation on the way to one that was traced, and gives what it makes.
    fn step(&mut self, op_type: &str, inputs: Vec<ValueId>, attributes: &[(&str, Attribute)]) -> ValueId {
        let name = self.local(op_type);
        let output = self.graph.add_value(name.clone(), None, None);
        let mut node = Node::new(name, op_type, inputs, vec![output]);
        node.attributes.extend(attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        self.graph.nodes.push(node);
        output
    }

    /// A whole number as an operand.
    fn integer(&mut self, what: &str, value: i64) -> Result<ValueId> {
        Ok(self.constant(what, Tensor::new(DType::I64, vec![], value.to_le_bytes().to_vec())?))
    }

    /// Where we are, for an error.
    fn place(&self) -> &str {
        if self.scope.is_empty() { "the root module" } else { &self.scope }
    }

    fn operation(&mut self, op: &OperationIr) -> Result<()> {
        let lowered = match op {
            OperationIr::Module(module) => self.layer(module)?,
            OperationIr::BaseFloat(base) | OperationIr::BaseInt(base) | OperationIr::BaseBool(base) => {
                self.base(base)?
            }
            OperationIr::NumericFloat(_, numeric) | OperationIr::NumericInt(_, numeric) => self.numeric(numeric)?,
            OperationIr::Float(_, float) => self.float(float)?,
            OperationIr::Int(int) => self.integer_operation(int)?,
            OperationIr::Bool(logic) => self.logic(logic)?,
            OperationIr::Activation(activation) => self.activation(activation)?,
            _ => false,
        };
        if lowered { Ok(()) } else { Err(self.unknown()) }
    }

    /// What the nodes from `before` on were made of.
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

/// The graph's element type for one of Burn's.
fn dtype(dtype: BurnDType) -> Result<DType> {
    Ok(match dtype {
        BurnDType::F32 => DType::F32,
        BurnDType::F64 => DType::F64,
        BurnDType::F16 => DType::F16,
        BurnDType::BF16 => DType::BF16,
        BurnDType::I8 => DType::I8,
        BurnDType::I16 => DType::I16,
        BurnDType::I32 => DType::I32,
        BurnDType::I64 => DType::I64,
        BurnDType::U8 => DType::U8,
        BurnDType::U16 => DType::U16,
        BurnDType::U32 => DType::U32,
        BurnDType::U64 => DType::U64,
        BurnDType::Bool(_) => DType::Bool,
        other => return Err(Error::input(format!("element type {other:?}"), "has no counterpart in ONNX")),
    })
}

/// The number of an element type in `Cast`.
fn number(dtype: BurnDType) -> Result<i64> {
    Ok(number_of(self::dtype(dtype)?).into())
}

fn constant(data: &TensorData) -> Result<Tensor> {
    Tensor::new(dtype(data.dtype())?, data.shape().to_vec(), Bytes::copy_from_slice(data.as_bytes()))
}
