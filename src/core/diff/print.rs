//! Text form of the parts of a model in the record: texts are equal exactly if the parts are.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use crate::graph::{Attribute, Graph, Node, Opaque, Subgraph, Tensor, Value, shape_text};
use crate::words::counted;

/// Shortens `text` to at most `limit` characters. The part that is cut leaves a hash, so that different texts stay
/// different.
pub fn short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => {
            format!("{}… ({}, #{:08x})", &text[..end], counted(text.len(), "byte"), hash(text.as_bytes()) as u32)
        }
    }
}

/// Computes a hash that is the same in every run of this build.
pub fn hash(bytes: &[u8]) -> u64 {
    // `new` has fixed keys.
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

pub fn opaque(part: &Opaque) -> String {
    format!("{}, #{:08x}", counted(part.len(), "byte"), hash(&part.0) as u32)
}

/// Formats type and shape of a value: `f32 N x 3`.
pub fn value_type(value: &Value) -> String {
    if let Some(other) = &value.other_type {
        return format!("{} ({})", other.kind, opaque(&other.stated));
    }
    let dtype = value.dtype.map_or("?".to_owned(), |dtype| dtype.to_string());
    let shape = value.shape.as_ref().map_or("?".to_owned(), |shape| shape_text(shape));
    format!("{dtype} {shape}")
}

pub fn tensor_type(tensor: &Tensor) -> String {
    let dims: Vec<String> = tensor.shape().iter().map(usize::to_string).collect();
    let shape = if dims.is_empty() { "scalar".to_owned() } else { dims.join(" x ") };
    format!("{} {shape}", tensor.dtype())
}

/// Formats an attribute briefly. Attributes with equal texts are equal.
pub fn attribute(value: &Attribute) -> String {
    const LONGEST: usize = 80;
    let text = match value {
        Attribute::Int(v) => v.to_string(),
        Attribute::Float(v) => format!("{v:?}"),
        Attribute::String(v) => format!("{v:?}"),
        Attribute::Ints(v) => format!("{v:?}"),
        Attribute::Floats(v) => format!("{v:?}"),
        Attribute::Strings(v) => format!("{v:?}"),
        Attribute::Tensor(v) => return tensor(v),
        Attribute::Graph(body) => return subgraph(body),
        Attribute::Graphs(bodies) => bodies.iter().map(subgraph).collect::<Vec<_>>().join(", "),
        Attribute::Opaque(v) => return opaque(v),
    };
    short(&text, LONGEST)
}

/// Formats a constant as a property: its elements if there are few, else their hash.
pub fn tensor(tensor: &Tensor) -> String {
    const SHOWN: usize = 8;
    let content = match (tensor.to_i64(), tensor.to_f32()) {
        (Some(values), _) if values.len() <= SHOWN => format!("{values:?}"),
        (_, Some(values)) if values.len() <= SHOWN => format!("{values:?}"),
        _ => format!("#{:016x}", content(tensor)),
    };
    format!("{} {content}", tensor_type(tensor))
}

pub fn content(tensor: &Tensor) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(tensor_type(tensor).as_bytes());
    hasher.write(tensor.bytes());
    for text in tensor.texts() {
        hasher.write_usize(text.len());
        hasher.write(text);
    }
    hasher.finish()
}

fn subgraph(body: &Subgraph) -> String {
    let mut text = String::new();
    graph(&body.graph, &mut text);
    format!("a graph of {}, #{:016x}", counted(body.graph.nodes.len(), "node"), hash(text.as_bytes()))
}

/// Formats everything that a graph inside a node computes, by names; the order of its initializers and the names of its
/// nodes do not count. Captured values are given by the name they had when the file was read.
fn graph(graph: &Graph, out: &mut String) {
    let ends = |out: &mut String, ids: &[crate::graph::ValueId]| {
        ids.iter().for_each(|id| _ = write!(out, "{:?} {};", graph.value(*id).name, value_type(graph.value(*id))));
        out.push('\n');
    };
    ends(out, &graph.inputs);
    ends(out, &graph.outputs);
    let mut constants: Vec<(&str, u64)> =
        graph.initializers().map(|(id, tensor)| (graph.value(id).name.as_str(), content(tensor))).collect();
    constants.sort_unstable();
    let _ = writeln!(out, "{constants:?}");
    for (id, sparse) in graph.sparse_initializers() {
        let parts = (content(&sparse.values), content(&sparse.indices), &sparse.shape);
        let _ = writeln!(out, "{:?} {parts:?}", graph.value(id).name);
    }
    for node in &graph.nodes {
        let names = |ids: &[Option<crate::graph::ValueId>]| -> Vec<&str> {
            ids.iter().map(|id| id.map_or("", |id| graph.value(id).name.as_str())).collect()
        };
        let _ = write!(out, "{} {:?} {:?}", operation(node), names(&node.inputs), names(&node.outputs));
        node.attributes.iter().for_each(|(name, value)| _ = write!(out, " {name:?}={}", attribute(value)));
        out.push('\n');
    }
}

/// Formats domain and name of an operation; ONNX's own domain has two spellings.
pub fn operation(node: &Node) -> String {
    match node.domain.as_str() {
        "" | "ai.onnx" => node.op_type.clone(),
        domain => format!("{domain}::{}", node.op_type),
    }
}
