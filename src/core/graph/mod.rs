//! The central type: a model as plain data, independent of any framework.
//!
//! A [`Graph`] is a list of [`Node`]s in topological order over numbered values. All reading, rewriting, counting and
//! writing of models works on it; protobuf, Burn and the runtimes stay outside.

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

pub(crate) use dim::place_of;
pub use dim::{Dim, elements, shape_text};
pub use dtype::{DType, Elements};
pub use model::{Function, Model};
pub use node::{Attribute, Node};
pub use remarks::{Opaque, Remarks};
pub use sizes::{Fed, Fit, Rule, Sizes, Stated};
// Formulas for the engine crate; not part of the public API.
#[doc(hidden)]
pub use sizes::{mentions, symbols};
pub use subgraph::{Capture, Subgraph};
pub use tensor::Tensor;
pub(crate) use tensor::brief;

/// ID of a value of a [`Graph`]: an input, an initializer or an output of a node.
#[derive(Debug, Clone, Copy, Eq, PartialOrd, Ord)]
#[cfg_attr(not(test), derive(PartialEq, Hash))]
pub struct ValueId(u32);

/// Facts known about a value.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Value {
    /// Name, unique in the graph.
    pub name: String,
    /// Element type, if known.
    pub dtype: Option<DType>,
    /// Shape, if known.
    pub shape: Option<Vec<Dim>>,
    /// Type of a value that is not a tensor; `None` for a tensor and if nothing is known.
    pub other_type: Option<OtherType>,
    /// Annotations in the file besides the type; `None` if there are none.
    pub remarks: Option<Box<Remarks>>,
    /// Whether the file repeats the type of an input, output or constant among those of intermediate values.
    pub restated: bool,
}

/// A type other than a tensor, kept unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct OtherType {
    /// Kind of the type: `sequence`, `map`, `optional`, `sparse tensor`, `opaque`.
    pub kind: &'static str,
    /// The type itself.
    pub stated: Opaque,
}

/// A constant most of whose elements are 0: ONNX's `SparseTensorProto`.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseTensor {
    /// Non-zero elements, a vector.
    pub values: Tensor,
    /// Positions of these: linear indices `[n]`, or coordinates `[n, rank]`.
    pub indices: Tensor,
    /// Sizes of the dimensions.
    pub shape: Vec<usize>,
}

/// Names of the tensors that hold a value's quantisation parameters: ONNX's `TensorAnnotation`.
#[derive(Debug, Clone, PartialEq)]
pub struct Annotation {
    /// The value that is quantised.
    pub value: ValueId,
    /// For each parameter (`SCALE_TENSOR`, `ZERO_POINT_TENSOR`), the value that holds it.
    pub parameters: Vec<(String, ValueId)>,
}

/// A computation: nodes in topological order over named values.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
/// use gnet::onnx;
///
/// // y = relu(x + 1), for a batch of any size
/// let mut graph = Graph::new("shifted");
/// let shape = || Some(vec![Dim::symbol("N"), Dim::Known(4)]);
/// let [x, sum, y] = ["x", "sum", "y"].map(|name| graph.add_value(name, Some(DType::F32), shape()));
/// let one = graph.add_initializer("one", Tensor::from_f32(vec![1], &[1.0])?);
/// graph.nodes = vec![Node::new("add", "Add", vec![x, one], vec![sum]), Node::new("relu", "Relu", vec![sum], vec![y])];
/// (graph.inputs, graph.outputs) = (vec![x], vec![y]);
/// graph.check()?;
///
/// let bytes = onnx::write(&Model::new(graph, 18))?;
/// assert_eq!(onnx::read(bytes.into())?.graph.nodes[1].op_type, "Relu");
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// Name of the graph.
    pub name: String,
    /// Operations in topological order.
    pub nodes: Vec<Node>,
    /// Inputs that have to be fed, in order.
    pub inputs: Vec<ValueId>,
    /// Initializers that the file lists as inputs too, by their position in its list. From IR version 4 on a caller may
    /// replace them; before that every initializer had to be listed.
    pub listed_initializers: BTreeMap<usize, ValueId>,
    /// Outputs, in order.
    pub outputs: Vec<ValueId>,
    /// Quantisation parameters of values.
    pub annotations: Vec<Annotation>,
    /// Annotations in the file besides the computation; `None` if there are none.
    pub remarks: Option<Box<Remarks>>,
    values: Vec<Value>,
    initializers: BTreeMap<ValueId, Tensor>,
    sparse: BTreeMap<ValueId, SparseTensor>,
}

impl Graph {
    /// Creates an empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Adds a value. The name must be new to the graph; [`Graph::check`] reports if it is not.
    pub fn add_value(&mut self, name: impl Into<String>, dtype: Option<DType>, shape: Option<Vec<Dim>>) -> ValueId {
        self.values.push(Value { name: name.into(), dtype, shape, ..Value::default() });
        ValueId(u32::try_from(self.values.len() - 1).expect("a graph holds fewer than 2^32 values"))
    }

    /// Adds a constant value.
    pub fn add_initializer(&mut self, name: impl Into<String>, tensor: Tensor) -> ValueId {
        let id = self.add_value(name, None, None);
        self.set_initializer(id, tensor);
        id
    }

    /// Returns the facts known about a value.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// Returns the facts known about a value, mutably.
    pub fn value_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// Returns every value with its ID, including those that nothing reads any more.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Value)> {
        self.values.iter().enumerate().map(|(i, value)| (ValueId(i as u32), value))
    }

    /// Finds a value by name.
    pub fn find(&self, name: &str) -> Option<ValueId> {
        self.values().find(|(_, value)| value.name == name).map(|(id, _)| id)
    }

    /// Returns the name of a node, or that of its output, since ONNX permits nodes without a name.
    pub fn node_name<'a>(&'a self, node: &'a Node) -> &'a str {
        match node.output() {
            Some(id) if node.name.is_empty() => &self.value(id).name,
            _ => &node.name,
        }
    }

    /// Returns the tensor of an initializer; `None` for any other value.
    pub fn initializer(&self, id: ValueId) -> Option<&Tensor> {
        self.initializers.get(&id)
    }

    /// Replaces the elements of a constant, or makes a value constant.
    pub fn set_initializer(&mut self, id: ValueId, tensor: Tensor) {
        let value = self.value_mut(id);
        value.dtype = Some(tensor.dtype());
        value.shape = Some(Dim::fixed(tensor.shape()));
        self.initializers.insert(id, tensor);
    }

    /// Returns every constant, in the order of their IDs.
    pub fn initializers(&self) -> impl Iterator<Item = (ValueId, &Tensor)> {
        self.initializers.iter().map(|(id, tensor)| (*id, tensor))
    }

    /// Adds a sparse constant.
    pub fn add_sparse_initializer(&mut self, name: impl Into<String>, tensor: SparseTensor) -> ValueId {
        let id = self.add_value(name, Some(tensor.values.dtype()), Some(Dim::fixed(&tensor.shape)));
        self.sparse.insert(id, tensor);
        id
    }

    /// Returns every sparse constant, in the order of their IDs.
    pub fn sparse_initializers(&self) -> impl Iterator<Item = (ValueId, &SparseTensor)> {
        self.sparse.iter().map(|(id, tensor)| (*id, tensor))
    }

    /// Returns the value of every constant, those of sparse ones last.
    pub(crate) fn given(&self) -> impl Iterator<Item = ValueId> {
        self.initializers.keys().chain(self.sparse.keys()).copied()
    }

    /// Returns the initializers that a caller may replace.
    pub(crate) fn replaceable(&self) -> HashSet<ValueId> {
        self.listed_initializers.values().copied().collect()
    }

    /// Returns `true` if a value is supplied with the graph: an initializer, sparse or not, whether or not a caller may
    /// replace it.
    pub fn is_given(&self, id: ValueId) -> bool {
        self.initializers.contains_key(&id) || self.sparse.contains_key(&id)
    }

    /// Returns every value that is a constant: the initializers that no caller can replace, and the outputs of
    /// `Constant` nodes that hold a number or tensor.
    pub fn constants(&self) -> HashMap<ValueId, Tensor> {
        let listed = self.replaceable();
        let fixed = self.initializers().filter(|(id, _)| !listed.contains(id));
        let initializers = fixed.map(|(id, tensor)| (id, tensor.clone()));
        let nodes = self.nodes.iter().filter_map(|node| Some((node.output()?, node.constant()?)));
        initializers.chain(nodes).collect()
    }

    /// Returns the rank of a value, if known.
    pub fn rank(&self, id: ValueId) -> Option<usize> {
        self.value(id).shape.as_ref().map(Vec::len)
    }

    /// Returns, for each value produced by a node, the index of that node.
    pub fn producers(&self) -> HashMap<ValueId, usize> {
        self.nodes.iter().enumerate().flat_map(|(i, node)| node.makes().map(move |id| (id, i))).collect()
    }

    /// Returns how often each value is read, counting each graph output as one read.
    pub fn uses(&self) -> HashMap<ValueId, usize> {
        let mut uses = HashMap::new();
        for id in self.nodes.iter().flat_map(Node::reads).chain(self.outputs.iter().copied()) {
            *uses.entry(id).or_insert(0) += 1;
        }
        uses
    }

    /// Returns the size of all constants in bytes.
    pub fn initializer_bytes(&self) -> u64 {
        let sparse = self.sparse.values().flat_map(|t| [&t.values, &t.indices]);
        self.initializers.values().chain(sparse).map(|t| t.bytes().len() as u64).sum()
    }

    /// Drops the constants whose ID `keep` rejects.
    pub fn retain_initializers(&mut self, keep: impl Fn(ValueId) -> bool) {
        self.initializers.retain(|id, _| keep(*id));
        self.sparse.retain(|id, _| keep(*id));
        let (dense, sparse) = (&self.initializers, &self.sparse);
        self.listed_initializers.retain(|_, id| dense.contains_key(id) || sparse.contains_key(id));
    }

    /// Makes every node, subgraph and quantisation parameter read `to(id)` in place of `id`: many replacements at the
    /// cost of one. The graph's own outputs stay.
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
