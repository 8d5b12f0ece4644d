//! The one central type: a model as plain data, with no framework in it.
//!
//! A [`Graph`] is a list of [`Node`]s in topological order over numbered values. Whatever reads, rewrites, counts or
//! writes a model does it here; protobuf, Burn and the runtimes stand outside.

mod check;
mod dim;
mod node;
mod tensor;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use dim::{Dim, elements, shape_text};
pub use node::{Attribute, Node};
pub use tensor::{DType, Tensor};

/// A value of a [`Graph`]: an input, an initializer or what a node makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(u32);

/// What is known of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Unique name in the graph.
    pub name: String,
    /// Element type, when known.
    pub dtype: Option<DType>,
    /// Shape, when known.
    pub shape: Option<Vec<Dim>>,
}

/// A graph and what an ONNX file says beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    /// The computation.
    pub graph: Graph,
    /// Version of the operator set of ONNX's own domain.
    pub opset: i64,
    /// Versions of other operator sets, by domain.
    pub other_opsets: BTreeMap<String, i64>,
    /// Version of the file format; `None` lets the writer choose the first that knows the opset.
    pub ir_version: Option<i64>,
    /// Name of the program that made the model.
    pub producer_name: String,
    /// Version of that program.
    pub producer_version: String,
    /// Documentation of the model.
    pub doc: String,
    /// Free pairs: ONNX's `metadata_props`.
    pub metadata: BTreeMap<String, String>,
}

/// A computation: nodes in topological order over named values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// Operations, each after those it reads from.
    pub nodes: Vec<Node>,
    /// What is fed in, in order. An initializer is no input.
    pub inputs: Vec<ValueId>,
    /// What is handed back, in order.
    pub outputs: Vec<ValueId>,
    values: Vec<Value>,
    initializers: BTreeMap<ValueId, Tensor>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a value. The name must be new to the graph; [`Graph::check`] tells when it is not.
    pub fn add_value(&mut self, name: impl Into<String>, dtype: Option<DType>, shape: Option<Vec<Dim>>) -> ValueId {
        self.values.push(Value { name: name.into(), dtype, shape });
        ValueId(u32::try_from(self.values.len() - 1).expect("a graph holds fewer than 2^32 values"))
    }

    /// Adds a constant value.
    pub fn add_initializer(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        let shape = tensor.shape().iter().map(|d| Dim::Known(*d)).collect();
        let id = self.add_value(name, Some(tensor.dtype()), Some(shape));
        self.initializers.insert(id, tensor);
        id
    }

    /// What is known of a value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// What is known of a value, to be changed.
    pub fn value_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// Every value with its number, also those that nothing reads any more.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Value)> {
        self.values.iter().enumerate().map(|(i, value)| (ValueId(i as u32), value))
    }

    /// A value by name.
    pub fn find(&self, name: &str) -> Option<ValueId> {
        self.values().find(|(_, value)| value.name == name).map(|(id, _)| id)
    }

    /// What a node is called: its name, or that of what it makes, since ONNX lets nodes go without a name.
    pub fn node_name<'a>(&'a self, node: &'a Node) -> &'a str {
        match node.output() {
            Some(id) if node.name.is_empty() => &self.value(id).name,
            _ => &node.name,
        }
    }

    /// The constant a value is, when it is one.
    pub fn initializer(&self, id: ValueId) -> Option<&Tensor> {
        self.initializers.get(&id)
    }

    /// Replaces the elements of a constant, or makes a value constant.
    pub fn set_initializer(&mut self, id: ValueId, tensor: Tensor) {
        let value = self.value_mut(id);
        value.dtype = Some(tensor.dtype());
        value.shape = Some(tensor.shape().iter().map(|d| Dim::Known(*d)).collect());
        self.initializers.insert(id, tensor);
    }

    /// Every constant, in the order of their numbers.
    pub fn initializers(&self) -> impl Iterator<Item = (ValueId, &Tensor)> {
        self.initializers.iter().map(|(id, tensor)| (*id, tensor))
    }

    /// Every value that is a constant: the initializers, and what `Constant` nodes make of a number or tensor.
    pub fn constants(&self) -> HashMap<ValueId, Tensor> {
        let initializers = self.initializers().map(|(id, tensor)| (id, tensor.clone()));
        let nodes = self.nodes.iter().filter_map(|node| Some((node.output()?, node.constant()?)));
        initializers.chain(nodes).collect()
    }

    /// Rank of a value, when known.
    pub fn rank(&self, id: ValueId) -> Option<usize> {
        self.value(id).shape.as_ref().map(Vec::len)
    }

    /// For each value that a node makes, the index of that node.
    pub fn producers(&self) -> HashMap<ValueId, usize> {
        self.nodes.iter().enumerate().flat_map(|(i, node)| node.makes().map(move |id| (id, i))).collect()
    }

    /// For each value, how often it is read, counting each graph output as one reading.
    pub fn uses(&self) -> HashMap<ValueId, usize> {
        let mut uses = HashMap::new();
        for id in self.nodes.iter().flat_map(Node::reads).chain(self.outputs.iter().copied()) {
            *uses.entry(id).or_insert(0) += 1;
        }
        uses
    }

    /// Bytes of all constants.
    pub fn initializer_bytes(&self) -> u64 {
        self.initializers.values().map(|t| t.bytes().len() as u64).sum()
    }

    /// Drops the constants whose number `keep` refuses.
    pub fn retain_initializers(&mut self, keep: impl Fn(ValueId) -> bool) {
        self.initializers.retain(|id, _| keep(*id));
    }

    /// Drops the nodes at `indices`.
    pub fn remove_nodes(&mut self, indices: &HashSet<usize>) {
        let mut index = 0..;
        self.nodes.retain(|_| index.next().is_none_or(|i| !indices.contains(&i)));
    }
}

impl Model {
    /// A model of `graph` in ONNX's operator set `opset`, made by this version of gnet.
    pub fn new(graph: Graph, opset: i64) -> Self {
        Self {
            graph,
            opset,
            other_opsets: BTreeMap::new(),
            ir_version: None,
            producer_name: "gnet".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            doc: String::new(),
            metadata: BTreeMap::new(),
        }
    }
}
