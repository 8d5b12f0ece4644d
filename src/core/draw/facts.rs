//! Facts known about each node: parameters, MACs, time, and the few attributes a reader looks for first.

use super::Times;
use crate::cost::Analysis;
use crate::graph::{Attribute, Graph, Node};
use crate::report::svg::text::shortened;
use crate::words::counted;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Facts {
    /// Number of learned parameters that are first read by this box.
    pub params: u64,
    /// Multiply-accumulates for one item of the batch; `None` if they cannot be counted.
    pub macs: Option<u64>,
    /// Milliseconds per run; `None` if no profile was given or the profile does not cover this box.
    pub ms: Option<f64>,
    /// Whether something could not be counted, so that the counts are lower bounds.
    pub partial: bool,
}

impl Facts {
    /// Zero cost, known to be exact: the facts of an input.
    pub const NOTHING: Self = Self { params: 0, macs: Some(0), ms: None, partial: false };

    /// Adds two sets of facts. A figure known for only one of them is kept, and the sum is then a lower bound.
    pub fn plus(self, other: Self) -> Self {
        Self {
            params: self.params.saturating_add(other.params),
            macs: either(self.macs, other.macs, u64::saturating_add),
            ms: either(self.ms, other.ms, |a, b| a + b),
            partial: self.partial || other.partial || self.macs.is_some() != other.macs.is_some(),
        }
    }
}

fn either<T>(a: Option<T>, b: Option<T>, sum: impl Fn(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(sum(a, b)),
        (a, b) => a.or(b),
    }
}

/// Computes the facts of every node, those of its subgraphs included.
pub fn of_nodes(graph: &Graph, times: Option<&Times>) -> Vec<Facts> {
    let rows = Analysis::of(graph, None).map_or(Vec::new(), |analysis| analysis.rows);
    let mut facts: Vec<Facts> = Vec::with_capacity(graph.nodes.len());
    for row in rows {
        let counted = Facts {
            params: row.params.unwrap_or(0),
            macs: row.macs,
            ms: times.and_then(|times| times.of(&row.name)),
            partial: row.params.is_none(),
        };
        // The nodes of a subgraph follow the node that owns it.
        match facts.last_mut().filter(|_| row.inside.is_some()) {
            Some(node) => *node = node.plus(counted),
            None => facts.push(counted),
        }
    }
    facts.resize(graph.nodes.len(), Facts { macs: None, partial: true, ..Facts::default() });
    facts
}

/// Returns the operation as a box shows it, with kernel and stride as papers write them: `Conv 3×3 /2`.
pub fn heading(graph: &Graph, node: &Node) -> String {
    let mut parts = vec![short_op(node).to_owned()];
    let ints = |name: &str| node.ints(name).filter(|values| !values.is_empty());
    let weight = || {
        let shape = graph.value(node.input(1)?).shape.as_ref().filter(|_| node.op_type.contains("Conv"))?;
        shape.get(2..)?.iter().map(|dim| dim.known().map(|size| size as i64)).collect::<Option<Vec<_>>>()
    };
    if let Some(kernel) = ints("kernel_shape").map(<[i64]>::to_vec).or_else(weight).filter(|k| !k.is_empty()) {
        parts.push(times(&kernel));
    }
    if let Some(strides) = ints("strides").filter(|strides| strides.iter().any(|s| *s != 1)) {
        let same = strides.iter().all(|s| *s == strides[0]);
        parts.push(if same { format!("/{}", strides[0]) } else { format!("/{}", times(strides)) });
    }
    if let Some(dilations) = ints("dilations").filter(|dilations| dilations.iter().any(|d| *d != 1)) {
        parts.push(format!("dil {}", dilations[0]));
    }
    if let Some(group) = node.int("group").filter(|group| *group != 1) {
        parts.push(format!("g{group}"));
    }
    if let Some(perm) = ints("perm") {
        parts.push(perm.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    }
    let inside = node.subgraphs().map(|body| body.graph.nodes.len()).reduce(|a, b| a + b);
    parts.extend(inside.map(|nodes| format!("({} inside)", counted(nodes, "node"))));
    parts.join(" ")
}

fn times(sizes: &[i64]) -> String {
    sizes.iter().map(i64::to_string).collect::<Vec<_>>().join("×")
}

pub fn short_op(node: &Node) -> &str {
    let label = node.operator().and_then(|operator| operator.label);
    label.unwrap_or(if node.op_type.is_empty() { "?" } else { &node.op_type })
}

/// Formats an attribute on one short line: `kernel_shape = 3, 3`.
pub fn attribute(name: &str, value: &Attribute) -> String {
    const SHOWN: usize = 8;
    fn list<T: ToString>(values: &[T]) -> String {
        let mut shown: Vec<String> = values.iter().take(SHOWN).map(T::to_string).collect();
        if values.len() > SHOWN {
            shown.push(format!("… ({} in all)", values.len()));
        }
        shown.join(", ")
    }
    let text = match value {
        Attribute::Int(v) => v.to_string(),
        Attribute::Float(v) => v.to_string(),
        Attribute::String(v) => shortened(v, 60),
        Attribute::Ints(v) => list(v),
        Attribute::Floats(v) => list(v),
        Attribute::Strings(v) => shortened(&list(v), 60),
        Attribute::Tensor(v) => format!("{v:?}"),
        Attribute::Graph(body) => format!("a graph of {}", counted(body.graph.nodes.len(), "node")),
        Attribute::Graphs(bodies) => counted(bodies.len(), "graph"),
        Attribute::Opaque(value) => counted(value.len(), "byte"),
    };
    format!("{name} = {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Tensor};

    #[test]
    fn a_heading_tells_kernel_stride_and_groups() {
        let mut g = Graph::new("g");
        let x = g.add_value("x", Some(DType::F32), None);
        let w = g.add_initializer("w", Tensor::from_f32(vec![4, 1, 5, 3], &[0.0; 60]).unwrap());
        let y = g.add_value("y", None, None);
        let mut node = Node::new("c", "Conv", vec![x, w], vec![y]);
        assert_eq!(heading(&g, &node), "Conv 5×3", "the weight tells what the attribute leaves out");
        node.set("kernel_shape", [3usize, 3]).set("strides", [2usize, 2]).set("group", 4i64);
        assert_eq!(heading(&g, &node), "Conv 3×3 /2 g4");
        node.set("strides", [2usize, 1]).set("dilations", [2usize, 2]);
        assert_eq!(heading(&g, &node), "Conv 3×3 /2×1 dil 2 g4");
        for odd in [vec![], vec![0usize; 3]] {
            node.set("kernel_shape", odd.clone()).set("strides", odd.clone()).set("perm", odd);
            heading(&g, &node);
        }
    }

    #[test]
    fn a_sum_of_what_is_half_known_is_a_lower_bound() {
        let known = Facts { params: 1, macs: Some(2), ms: Some(0.5), partial: false };
        let unknown = Facts { params: 3, macs: None, ms: None, partial: false };
        assert_eq!(known.plus(unknown), Facts { params: 4, macs: Some(2), ms: Some(0.5), partial: true });
        assert_eq!(unknown.plus(unknown), Facts { params: 6, ..unknown });
        assert_eq!(known.plus(Facts::NOTHING), known);
    }

    #[test]
    fn every_node_has_its_facts_whatever_can_be_counted() {
        let mut g = Graph::new("g");
        let [x, y, z] = ["x", "y", "z"].map(|name| g.add_value(name, Some(DType::F32), None));
        let w = g.add_initializer("w", Tensor::from_f32(vec![4, 2], &[0.0; 8]).unwrap());
        g.nodes = vec![Node::new("a", "MatMul", vec![x, w], vec![y]), Node::new("b", "MatMul", vec![y, w], vec![z])];
        (g.inputs, g.outputs) = (vec![x], vec![z]);
        let facts = of_nodes(&g, None);
        assert_eq!(facts.iter().map(|f| (f.params, f.macs)).collect::<Vec<_>>(), [(8, None), (0, None)]);
    }

    #[test]
    fn a_long_attribute_is_cut_short() {
        let text = attribute("axes", &Attribute::Ints((0..100).collect()));
        assert_eq!(text, "axes = 0, 1, 2, 3, 4, 5, 6, 7, … (100 in all)");
        assert!(attribute("s", &Attribute::String("x".repeat(5000))).len() < 80);
    }
}
