//! What is known of each node: parameters, MACs, time, and the few attributes a reader looks for first.

use std::collections::HashSet;

use super::Times;
use crate::cost;
use crate::graph::{Attribute, Graph, Node, ValueId, elements};

/// What one box holds in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Facts {
    /// Learned parameters that are read here first.
    pub params: u64,
    /// Multiply-accumulates for one item of the batch; `None` when the graph does not say.
    pub macs: Option<u64>,
    /// Milliseconds of one run; `None` when no profile was given or it has none of it.
    pub ms: Option<f64>,
}

impl Facts {
    /// Both together; what is known of one alone is a lower bound and counts as what is known.
    pub fn plus(self, other: Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| a.zip(b).map(|(a, b)| a.saturating_add(b));
        let ms = match (self.ms, other.ms) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
        Self { params: self.params.saturating_add(other.params), macs: sum(self.macs, other.macs), ms }
    }
}

/// The facts of every node. `constant` holds the values that depend on no input.
pub fn of_nodes(graph: &Graph, constant: &HashSet<ValueId>, times: Option<&Times>) -> Vec<Facts> {
    let counted = cost::count(graph).ok();
    let mut seen = HashSet::new();
    let facts = |(i, node): (usize, &Node)| {
        let layer = counted.as_ref().map(|cost| &cost.layers[i]);
        let read = params(graph, node, constant, &mut seen);
        Facts {
            params: read,
            macs: layer.map(|layer| layer.macs),
            ms: times.and_then(|times| times.of(graph.node_name(node))),
        }
    };
    graph.nodes.iter().enumerate().map(facts).collect()
}

/// Learned numbers among the constants that a node reads, by the rules of [`crate::cost`], each value counted once.
///
/// Counted here and not there so that a graph without shapes has parameters too, and that a weight which a node makes
/// (`ConstantOfShape`, `DequantizeLinear`) counts where it is used.
fn params(graph: &Graph, node: &Node, constant: &HashSet<ValueId>, seen: &mut HashSet<ValueId>) -> u64 {
    if node.reads().all(|id| constant.contains(&id)) {
        return 0;
    }
    let statistic = |position: usize| node.is("BatchNormalization") && position >= 3;
    let learned = |(position, id): (usize, ValueId)| {
        let value = graph.value(id);
        let shape = value.shape.as_ref().filter(|shape| !shape.is_empty())?;
        let counts = constant.contains(&id) && value.dtype.is_some_and(|d| d.is_float()) && !statistic(position);
        (counts && seen.insert(id)).then(|| elements(shape, 1)).flatten()
    };
    let inputs = node.inputs.iter().enumerate().filter_map(|(position, id)| Some((position, (*id)?)));
    inputs.filter_map(learned).fold(0, u64::saturating_add)
}

/// The operation as a box shows it, with kernel and stride as papers write them: `Conv 3×3 /2`.
pub fn heading(graph: &Graph, node: &Node) -> String {
    let mut parts = vec![short_op(&node.op_type).to_owned()];
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
    parts.join(" ")
}

fn times(sizes: &[i64]) -> String {
    sizes.iter().map(i64::to_string).collect::<Vec<_>>().join("×")
}

/// Operations whose names would widen every box.
pub fn short_op(op: &str) -> &str {
    match op {
        "BatchNormalization" => "BatchNorm",
        "InstanceNormalization" => "InstanceNorm",
        "LayerNormalization" | "SimplifiedLayerNormalization" => "LayerNorm",
        "GroupNormalization" => "GroupNorm",
        "RMSNormalization" => "RMSNorm",
        "GlobalAveragePool" => "GlobalAvgPool",
        "" => "?",
        op => op,
    }
}

/// An attribute in one short line: `kernel_shape = 3, 3`.
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
        Attribute::String(v) => super::text::shortened(v, 60),
        Attribute::Ints(v) => list(v),
        Attribute::Floats(v) => list(v),
        Attribute::Strings(v) => super::text::shortened(&list(v), 60),
        Attribute::Tensor(v) => format!("{v:?}"),
        #[allow(unreachable_patterns)]
        _ => "a subgraph or other value".to_owned(),
    };
    format!("{name} = {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{DType, Dim, Tensor};

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
    fn parameters_count_once_and_without_shapes() {
        let mut g = Graph::new("g");
        let [x, y, z] = ["x", "y", "z"].map(|name| g.add_value(name, Some(DType::F32), None));
        let w = g.add_initializer("w", Tensor::from_f32(vec![4, 2], &[0.0; 8]).unwrap());
        let shape = g.add_initializer("s", Tensor::from_i64(&[1, 2]));
        let made = g.add_value("made", Some(DType::F32), Some(vec![Dim::Known(3)]));
        let mut second = Node::new("b", "MatMul", vec![y, w, made], vec![z]);
        second.inputs.push(Some(shape));
        g.nodes = vec![Node::new("a", "MatMul", vec![x, w], vec![y]), second];
        (g.inputs, g.outputs) = (vec![x], vec![z]);
        let facts = of_nodes(&g, &HashSet::from([w, shape, made]), None);
        assert_eq!(facts.iter().map(|f| (f.params, f.macs)).collect::<Vec<_>>(), [(8, None), (3, None)]);
    }

    #[test]
    fn a_long_attribute_is_cut_short() {
        let text = attribute("axes", &Attribute::Ints((0..100).collect()));
        assert_eq!(text, "axes = 0, 1, 2, 3, 4, 5, 6, 7, … (100 in all)");
        assert!(attribute("s", &Attribute::String("x".repeat(5000))).len() < 80);
    }
}
