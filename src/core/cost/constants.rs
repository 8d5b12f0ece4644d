//! Constants of a graph, and the learned tensor from which each is derived.

use std::collections::HashMap;

use crate::graph::{DType, Dim, Graph, Node, Tensor, ValueId};
use crate::operators::{Column, operators};

/// A value in one of the nested graphs: the number of the graph, in visiting order, and the value's ID in it.
pub(super) type Root = (usize, ValueId);

/// A value that depends on no input.
#[derive(Debug, Clone)]
pub(super) struct Constant {
    /// The tensor that it is a view of; itself if it is derived from several.
    pub root: Root,
    /// Number of elements of the root; `None` if not stated anywhere.
    pub elements: Option<u64>,
    /// Whether the root is a single number.
    pub scalar: bool,
    /// Element type of the value itself, if known.
    pub dtype: Option<DType>,
}

/// The constants of a graph: initializers, including those that are inputs, and all values computed from them alone.
#[derive(Debug)]
pub(super) struct Constants {
    number: usize,
    by_value: HashMap<ValueId, Constant>,
    /// Outputs of `Constant` nodes.
    tensors: HashMap<ValueId, Tensor>,
}

impl Constants {
    /// Collects those of graph `number`, which captures `captured` from the enclosing graph.
    ///
    /// Only shapes and types are read, never the elements of a weight.
    pub fn of(graph: &Graph, number: usize, captured: HashMap<ValueId, Constant>) -> Self {
        let mut all = Self { number, by_value: captured, tensors: HashMap::new() };
        for (id, tensor) in graph.initializers() {
            all.by_value.insert(id, Constant::of((number, id), tensor.dtype(), tensor.shape()));
        }
        for (id, tensor) in graph.sparse_initializers() {
            all.by_value.insert(id, Constant::of((number, id), tensor.values.dtype(), &tensor.shape));
        }
        for node in &graph.nodes {
            if all.hold(node) {
                node.makes().for_each(|id| all.add(graph, node, id));
            }
        }
        all
    }

    pub fn get(&self, id: ValueId) -> Option<&Constant> {
        self.by_value.get(&id)
    }

    /// Returns `true` if the outputs of the node are constant: it only reads constants and is deterministic.
    pub fn hold(&self, node: &Node) -> bool {
        if node.operator().is_some_and(|operator| operator.random) {
            return false;
        }
        let mut reads = node.reads().peekable();
        match reads.peek() {
            None => node.is("Constant"),
            Some(_) => reads.all(|id| self.by_value.contains_key(&id)),
        }
    }

    fn add(&mut self, graph: &Graph, node: &Node, id: ValueId) {
        let constant = match node.constant() {
            Some(tensor) => {
                let constant = Constant::of((self.number, id), tensor.dtype(), tensor.shape());
                self.tensors.insert(id, tensor);
                constant
            }
            None => self.derived(graph, node, id),
        };
        self.by_value.insert(id, constant);
    }

    fn derived(&self, graph: &Graph, node: &Node, id: ValueId) -> Constant {
        let operand = node.input(0).and_then(|id| self.get(id));
        let (operator, of_operand) = (node.operator(), operand.and_then(|constant| constant.dtype));
        let made = || operator.and_then(|of| TYPES.of(of)).map_or(of_operand, |made| made(node));
        let dtype = graph.value(id).dtype.or_else(made);
        match operand {
            Some(shown) if operator.is_some_and(|operator| operator.keeps_numbers) => {
                Constant { dtype, ..shown.clone() }
            }
            _ => {
                let shape = known(graph, id).or_else(|| self.filled_shape(graph, node));
                let elements = shape.as_ref().and_then(|s| s.iter().try_fold(1u64, |n, d| n.checked_mul(*d)));
                Constant { root: (self.number, id), elements, scalar: shape.is_some_and(|s| s.is_empty()), dtype }
            }
        }
    }

    fn filled_shape(&self, graph: &Graph, node: &Node) -> Option<Vec<u64>> {
        let id = node.input(0).filter(|_| node.is("ConstantOfShape"))?;
        let sizes = graph.initializer(id).or_else(|| self.tensors.get(&id))?.to_i64()?;
        sizes.into_iter().map(|size| u64::try_from(size).ok()).collect()
    }
}

impl Constant {
    fn of(root: Root, dtype: DType, shape: &[usize]) -> Self {
        let elements = shape.iter().try_fold(1u64, |n, size| n.checked_mul(*size as u64));
        Self { root, elements, scalar: shape.is_empty(), dtype: Some(dtype) }
    }
}

fn known(graph: &Graph, id: ValueId) -> Option<Vec<u64>> {
    graph.value(id).shape.as_ref()?.iter().map(|dim| Dim::known(dim).map(|size| size as u64)).collect()
}

/// Element types that operators make where the file states none; others keep that of the operand.
static TYPES: Column<fn(&Node) -> Option<DType>> = Column(operators!(makes));

/// Types other than floats count as whole numbers that nothing learned.
fn cast(node: &Node) -> Option<DType> {
    let to = node.int("to")?;
    let wide = |dtype: &DType| matches!(dtype, DType::F32 | DType::F16 | DType::F64 | DType::BF16);
    Some(DType::of_number(to).filter(wide).unwrap_or(DType::I64))
}

fn filled(node: &Node) -> Option<DType> {
    Some(node.tensor("value").map_or(DType::F32, Tensor::dtype))
}
