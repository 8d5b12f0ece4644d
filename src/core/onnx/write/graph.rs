//! Encoding a graph, its nodes and its constants as messages.

use std::collections::{HashMap, HashSet};

use prost::Message;

use crate::graph::{Attribute, DType, Graph, Node, Remarks, SparseTensor, Subgraph, Tensor, ValueId};
use crate::onnx::proto::*;
use crate::onnx::types::{entry, write_type};
use crate::{Error, Result};

struct Names<'a> {
    graph: &'a Graph,
    /// Names of captured values in the enclosing graph.
    captured: HashMap<ValueId, &'a str>,
}

pub(super) fn outermost(graph: &Graph) -> Result<GraphProto> {
    Names { graph, captured: HashMap::new() }.message()
}

impl<'a> Names<'a> {
    fn name(&self, id: ValueId) -> &'a str {
        self.captured.get(&id).copied().unwrap_or(&self.graph.value(id).name)
    }

    fn message(&self) -> Result<GraphProto> {
        let graph = self.graph;
        let remarks = graph.remarks.as_deref().cloned().unwrap_or_default();
        let dense = graph.initializers().map(|(id, t)| tensor(self.name(id), t));
        let sparse = graph.sparse_initializers().map(|(id, t)| sparse(self.name(id), t));
        Ok(GraphProto {
            node: graph.nodes.iter().map(|n| self.node(n)).collect::<Result<_>>()?,
            name: graph.name.clone(),
            initializer: dense.collect(),
            sparse_initializer: sparse.collect(),
            doc_string: remarks.doc,
            input: self.inputs().into_iter().map(|id| self.value_info(id)).collect(),
            output: graph.outputs.iter().map(|id| self.value_info(*id)).collect(),
            value_info: self.value_infos(),
            quantization_annotation: self.annotations(),
            metadata_props: entries(&remarks.metadata),
        })
    }

    /// Returns the inputs, and the initializers that are also listed there, each at its position.
    fn inputs(&self) -> Vec<ValueId> {
        let mut fed = self.graph.inputs.iter().copied().peekable();
        let mut inputs = Vec::new();
        for (place, id) in &self.graph.listed_initializers {
            while inputs.len() < *place && fed.peek().is_some() {
                inputs.extend(fed.next());
            }
            inputs.push(*id);
        }
        inputs.extend(fed);
        inputs
    }

    /// Returns the types of nodes' outputs, and those that the file repeats. An entry without a type is not valid.
    fn value_infos(&self) -> Vec<ValueInfoProto> {
        let graph = self.graph;
        let ends: HashSet<ValueId> = graph.inputs.iter().chain(&graph.outputs).copied().collect();
        let made = graph.nodes.iter().flat_map(Node::makes).filter(|id| !ends.contains(id));
        let mut seen = HashSet::new();
        let again = graph.inputs.iter().chain(&graph.outputs).copied().chain(graph.given());
        let again = again.filter(|id| graph.value(*id).restated && seen.insert(*id));
        made.chain(again).map(|id| self.value_info(id)).filter(|info| info.r#type.is_some()).collect()
    }

    fn value_info(&self, id: ValueId) -> ValueInfoProto {
        let value = self.graph.value(id);
        let remarks = value.remarks.as_deref().cloned().unwrap_or_default();
        ValueInfoProto {
            name: self.name(id).to_owned(),
            r#type: write_type(value),
            doc_string: remarks.doc,
            metadata_props: entries(&remarks.metadata),
        }
    }

    fn annotations(&self) -> Vec<TensorAnnotation> {
        let annotations = self.graph.annotations.iter().map(|annotation| {
            let parameter = |(key, id): &(String, ValueId)| (key.clone(), self.name(*id).to_owned());
            let parameters: Vec<_> = annotation.parameters.iter().map(parameter).collect();
            let tensor_name = self.name(annotation.value).to_owned();
            TensorAnnotation { tensor_name, quant_parameter_tensor_names: entries(&parameters) }
        });
        annotations.collect()
    }

    fn node(&self, node: &Node) -> Result<NodeProto> {
        let name = |id: &Option<ValueId>| id.map(|id| self.name(id).to_owned()).unwrap_or_default();
        let remarks = node.remarks.as_deref().cloned().unwrap_or_default();
        let attribute = |(name, value): (&String, &Attribute)| -> Result<AttributeProto> {
            let doc_string = remarks.attribute_docs.get(name).cloned().unwrap_or_default();
            Ok(AttributeProto { name: name.clone(), doc_string, ..self.attribute(value)? })
        };
        Ok(NodeProto {
            input: node.inputs.iter().map(name).collect(),
            output: node.outputs.iter().map(name).collect(),
            name: node.name.clone(),
            op_type: node.op_type.clone(),
            attribute: node.attributes.iter().map(attribute).collect::<Result<_>>()?,
            doc_string: remarks.doc,
            domain: node.domain.clone(),
            overload: remarks.overload,
            metadata_props: entries(&remarks.metadata),
            device_configurations: remarks.devices.into_iter().map(|device| device.0).collect(),
        })
    }

    fn attribute(&self, value: &Attribute) -> Result<AttributeProto> {
        let none = AttributeProto::default();
        let (kind, proto) = match value {
            Attribute::Int(v) => (AttributeType::Int, AttributeProto { i: *v, ..none }),
            Attribute::Float(v) => (AttributeType::Float, AttributeProto { f: Some(*v), ..none }),
            Attribute::String(v) => (AttributeType::String, AttributeProto { s: v.clone().into(), ..none }),
            Attribute::Tensor(v) => {
                let named = tensor(v.remarks().map_or("", |r| &r.name), v);
                (AttributeType::Tensor, AttributeProto { t: Some(Box::new(named)), ..none })
            }
            Attribute::Ints(v) => (AttributeType::Ints, AttributeProto { ints: v.clone(), ..none }),
            Attribute::Floats(v) => (AttributeType::Floats, AttributeProto { floats: v.clone(), ..none }),
            Attribute::Strings(v) => {
                let strings = v.iter().map(|text| text.clone().into()).collect();
                (AttributeType::Strings, AttributeProto { strings, ..none })
            }
            Attribute::Graph(body) => {
                (AttributeType::Graph, AttributeProto { g: Some(Box::new(self.body(body)?)), ..none })
            }
            Attribute::Graphs(bodies) => {
                let graphs = bodies.iter().map(|body| self.body(body)).collect::<Result<_>>()?;
                (AttributeType::Graphs, AttributeProto { graphs, ..none })
            }
            Attribute::Opaque(kept) => {
                let damaged = |e| Error::input("an attribute", format!("is damaged: {e}"));
                return AttributeProto::decode(kept.0.clone()).map_err(damaged);
            }
        };
        Ok(AttributeProto { r#type: kind.into(), ..proto })
    }

    fn body(&self, body: &'a Subgraph) -> Result<GraphProto> {
        let captured = body.captures.iter().map(|capture| (capture.inner, self.name(capture.outer)));
        Names { graph: &body.graph, captured: captured.collect() }.message()
    }
}

fn tensor(name: &str, tensor: &Tensor) -> TensorProto {
    let remarks = tensor.remarks().cloned().unwrap_or_default();
    let text = tensor.dtype() == DType::String;
    TensorProto {
        dims: tensor.shape().iter().map(|d| *d as i64).collect(),
        data_type: tensor.dtype().number(),
        string_data: tensor.texts().to_vec(),
        name: name.to_owned(),
        raw_data: (!text).then(|| tensor.bytes().clone()),
        doc_string: remarks.doc,
        metadata_props: entries(&remarks.metadata),
        ..Default::default()
    }
}

fn sparse(name: &str, sparse: &SparseTensor) -> SparseTensorProto {
    let indices = sparse.indices.remarks().map_or("", |r: &Remarks| &r.name);
    SparseTensorProto {
        values: Some(tensor(name, &sparse.values)),
        indices: Some(tensor(indices, &sparse.indices)),
        dims: sparse.shape.iter().map(|d| *d as i64).collect(),
    }
}

fn entries(pairs: &[(String, String)]) -> Vec<StringStringEntryProto> {
    pairs.iter().map(|(key, value)| entry(key, value)).collect()
}
