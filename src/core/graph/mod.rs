//! The one central type: a model as plain data, with no framework in it.
//!
//! A [`Graph`] is a list of [`Node`]s in topological order over numbered values. Whatever reads, rewrites, counts or
//! writes a model does it here; protobuf, Burn and the runtimes stand outside.

mod bind;
mod check;
#[cfg(test)]
pub mod counted;
mod dim;
mod dtype;
mod lookup;
mod model;
mod node;
mod remarks;
mod sizes;
mod subgraph;
mod tensor;

use std::collections::{BTreeMap, HashMap, HashSet};

pub use dim::{Dim, elements, shape_text};
pub use dtype::{DType, Elements};
pub use model::{Function, Model};
pub use node::{Attribute, Node};
pub use remarks::{Opaque, Remarks};
pub use sizes::{Fed, Fit, Rule, Sizes, Stated};
pub use sizes::{mentions, symbols};
pub use subgraph::{Capture, Subgraph};
pub use tensor::Tensor;
pub use tensor::brief;

/// A value of a [`Graph`]: an input, an initializer or what a node makes.
#[derive(Debug, Clone, Copy, Eq, PartialOrd, Ord)]
#[cfg_attr(not(test), derive(PartialEq, Hash))]
pub struct ValueId(u32);

/// What is known of a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Value {
    /// Unique name in the graph.
    pub name: String,
    /// Element type, when known.
    pub dtype: Option<DType>,
    /// Shape, when known.
    pub shape: Option<Vec<Dim>>,
    /// The type of a value that is no tensor; `None` for a tensor and where nothing is known.
    pub other_type: Option<OtherType>,
    /// What a file says beside the type; `None` when it says nothing.
    pub remarks: Option<Box<Remarks>>,
    /// Whether the file states the type of an input, output or constant a second time, among those of inner values.
    pub restated: bool,
}

/// A type that is no tensor, kept as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherType {
    /// What it is: `sequence`, `map`, `optional`, `sparse tensor`, `opaque`.
    pub kind: &'static str,
    /// The type itself.
    pub stated: Opaque,
}

/// A constant most of whose elements are 0: ONNX's `SparseTensorProto`.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseTensor {
    /// The elements that are not 0, a vector.
    pub values: Tensor,
    /// Where they stand: linear indices `[n]`, or coordinates `[n, rank]`.
    pub indices: Tensor,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
}

/// The names of the tensors that hold a value's quantisation parameters: ONNX's `TensorAnnotation`.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The value that is quantised.
    pub value: ValueId,
    /// By parameter (`SCALE_TENSOR`, `ZERO_POINT_TENSOR`), the value that holds it.
    pub parameters: Vec<(String, ValueId)>,
}

/// A computation: nodes in topological order over named values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// Operations, each after those it reads from.
    pub nodes: Vec<Node>,
    /// What has to be fed in, in order.
    pub inputs: Vec<ValueId>,
    /// Initializers that the file lists as inputs too, by their place in its list. From IR version 4 on a caller may
    /// replace them; before that every initializer had to be listed.
    pub listed_initializers: BTreeMap<usize, ValueId>,
    /// What is handed back, in order.
    pub outputs: Vec<ValueId>,
    /// Quantisation parameters of values.
    pub annotations: Vec<Annotation>,
    /// What a file says beside the computation; `None` when it says nothing.
    pub remarks: Option<Box<Remarks>>,
    values: Vec<Value>,
    initializers: BTreeMap<ValueId, Tensor>,
    sparse: BTreeMap<ValueId, SparseTensor>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a value. The name must be new to the graph; [`Graph::check`] tells when it is not.
    pub fn add_value(&mut self, name: impl Into<String>, dtype: Option<DType>, shape: Option<Vec<Dim>>) -> ValueId {
        self.values.push(Value { name: name.into(), dtype, shape, ..Value::default() });
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

    /// Adds a sparse constant.
    pub fn add_sparse_initializer(&mut self, name: impl Into<String>, tensor: SparseTensor) -> ValueId {
        let shape = tensor.shape.iter().map(|d| Dim::Known(*d)).collect();
        let id = self.add_value(name, Some(tensor.values.dtype()), Some(shape));
        self.sparse.insert(id, tensor);
        id
    }

    /// Every sparse constant, in the order of their numbers.
    pub fn sparse_initializers(&self) -> impl Iterator<Item = (ValueId, &SparseTensor)> {
        self.sparse.iter().map(|(id, tensor)| (*id, tensor))
    }

    /// Whether a value is given with the graph: an initializer, sparse or not, that a caller may replace or not.
    pub fn is_given(&self, id: ValueId) -> bool {
        self.initializers.contains_key(&id) || self.sparse.contains_key(&id)
    }

    /// Every value that is a constant: the initializers that no caller can replace, and what `Constant` nodes make of a
    /// number or tensor.
    pub fn constants(&self) -> HashMap<ValueId, Tensor> {
        let listed: HashSet<ValueId> = self.listed_initializers.values().copied().collect();
        let fixed = self.initializers().filter(|(id, _)| !listed.contains(id));
        let initializers = fixed.map(|(id, tensor)| (id, tensor.clone()));
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
        let sparse = self.sparse.values().flat_map(|t| [&t.values, &t.indices]);
        self.initializers.values().chain(sparse).map(|t| t.bytes().len() as u64).sum()
    }

    /// Drops the constants whose number `keep` refuses.
    pub fn retain_initializers(&mut self, keep: impl Fn(ValueId) -> bool) {
        self.initializers.retain(|id, _| keep(*id));
        self.sparse.retain(|id, _| keep(*id));
        let (dense, sparse) = (&self.initializers, &self.sparse);
        self.listed_initializers.retain(|_, id| dense.contains_key(id) || sparse.contains_key(id));
    }

    /// Lets every node, and every subgraph, read `new` where it reads `old`. The graph's own outputs stay.
    pub fn replace_reads(&mut self, old: ValueId, new: ValueId) {
        self.redirect_reads(&|id| if id == old { new } else { id });
    }

    /// Lets every node, every subgraph and every quantisation parameter read `to(id)` where it reads `id`: many
    /// replacements at the cost of one. The graph's own outputs stay.
    pub fn redirect_reads(&mut self, to: &dyn Fn(ValueId) -> ValueId) {
        self.nodes.iter_mut().for_each(|node| node.redirect_reads(to));
        let parameters = self.annotations.iter_mut().flat_map(|annotation| &mut annotation.parameters);
        parameters.for_each(|(_, id)| *id = to(*id));
    }

    /// Drops the nodes at `indices`.
    pub fn remove_nodes(&mut self, indices: &HashSet<usize>) {
        let mut index = 0..;
        self.nodes.retain(|_| index.next().is_none_or(|i| !indices.contains(&i)));
    }
}
