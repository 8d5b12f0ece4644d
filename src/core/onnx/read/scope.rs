//! One graph of a file, with the names that are known in it. Names are resolved to IDs here.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::attribute::attribute;
use super::{external::Beside, pairs, tensor};
use crate::graph::{Annotation, Attribute, Capture, Graph, Node, Opaque, Remarks, Subgraph, ValueId};
use crate::onnx::proto::*;
use crate::onnx::types::read_type;
use crate::{Error, Result};

pub(super) struct Scope {
    graph: Graph,
    ids: HashMap<String, ValueId>,
    /// Names that the graph itself defines; `None` for the outermost graph, which has to define all.
    defined: Option<HashSet<String>>,
    /// Values read from the enclosing graph, by name.
    free: Vec<(String, ValueId)>,
}

impl Scope {
    fn of(proto: &GraphProto) -> Self {
        Self { graph: Graph::new(&proto.name), ids: HashMap::new(), defined: None, free: Vec::new() }
    }

    pub(super) fn outermost(proto: GraphProto, beside: &mut Beside) -> Result<Graph> {
        let mut scope = Self::of(&proto);
        scope.fill(proto, beside)?;
        Ok(scope.graph)
    }

    fn fill(&mut self, proto: GraphProto, beside: &mut Beside) -> Result<()> {
        self.graph.remarks =
            some(Remarks { doc: proto.doc_string, metadata: pairs(proto.metadata_props), ..Remarks::default() });
        for initializer in proto.initializer {
            self.initializer(initializer, beside)?;
        }
        for sparse in proto.sparse_initializer {
            let (name, tensor) = tensor::sparse(sparse, beside)?;
            let id = self.graph.add_sparse_initializer(&name, tensor);
            self.new_name(name, id, "sparse initializer")?;
        }
        for (place, info) in proto.input.iter().enumerate() {
            let id = self.typed(info)?;
            match self.graph.is_given(id) {
                true => drop(self.graph.listed_initializers.insert(place, id)),
                false => self.graph.inputs.push(id),
            }
        }
        let inputs: Vec<_> = self.graph.inputs.iter().map(|id| (*id, self.graph.value(*id).clone())).collect();
        let stated: Vec<ValueId> = proto.value_info.iter().map(|info| self.typed(info)).collect::<Result<_>>()?;
        // The type of an input may be repeated among the intermediate values, but must not differ.
        for (id, input) in inputs {
            let value = self.graph.value_mut(id);
            value.dtype = input.dtype.or(value.dtype);
            value.shape = input.shape.or_else(|| value.shape.take());
        }
        for info in &proto.output {
            let id = self.typed(info)?;
            self.graph.outputs.push(id);
        }
        let ends: HashSet<ValueId> = self.graph.inputs.iter().chain(&self.graph.outputs).copied().collect();
        for id in stated {
            self.graph.value_mut(id).restated = ends.contains(&id) || self.graph.is_given(id);
        }
        for node in proto.node {
            let node = self.node(node, beside)?;
            self.graph.nodes.push(node);
        }
        for annotation in proto.quantization_annotation {
            let value = self.id(&annotation.tensor_name);
            let names = pairs(annotation.quant_parameter_tensor_names);
            let parameters = names.into_iter().map(|(key, name)| (key, self.id(&name))).collect();
            self.graph.annotations.push(Annotation { value, parameters });
        }
        Ok(())
    }

    fn initializer(&mut self, proto: TensorProto, beside: &mut Beside) -> Result<()> {
        let name = proto.name.clone();
        let tensor = tensor::dense(proto, &format!("initializer {name}"), beside)?;
        // An initializer has the name of its value.
        let remarks = tensor.remarks().map(|r| Remarks { name: String::new(), ..r.clone() }).unwrap_or_default();
        let id = self.graph.add_initializer(&name, tensor.with_remarks(remarks));
        self.new_name(name, id, "initializer")
    }

    fn new_name(&mut self, name: String, id: ValueId, what: &str) -> Result<()> {
        match self.ids.insert(name.clone(), id) {
            None => Ok(()),
            Some(_) => Err(Error::input(format!("{what} {name}"), "is given twice")),
        }
    }

    /// Returns the ID of a name, new or known.
    fn id(&mut self, name: &str) -> ValueId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let id = self.graph.add_value(name, None, None);
        self.ids.insert(name.to_owned(), id);
        if self.defined.as_ref().is_some_and(|defined| !defined.contains(name)) {
            self.free.push((name.to_owned(), id));
        }
        id
    }

    /// Keeps what is stated about a value, wherever it is stated; the type of an initializer is taken from its data
    /// instead.
    fn typed(&mut self, info: &ValueInfoProto) -> Result<ValueId> {
        let id = self.id(&info.name);
        let given = self.graph.is_given(id);
        let value = self.graph.value_mut(id);
        let mut stated = value.clone();
        if let Some(kind) = &info.r#type {
            read_type(kind, &mut stated, &format!("value {}", info.name))?;
        }
        if !info.doc_string.is_empty() || !info.metadata_props.is_empty() {
            let remarks = stated.remarks.get_or_insert_default();
            (remarks.doc, remarks.metadata) = (info.doc_string.clone(), pairs(info.metadata_props.clone()));
        }
        if given {
            (stated.dtype, stated.shape) = (value.dtype, value.shape.take());
        }
        *value = stated;
        Ok(id)
    }

    fn node(&mut self, proto: NodeProto, beside: &mut Beside) -> Result<Node> {
        let place = match proto.name.as_str() {
            "" => format!("node {} of {}", self.graph.nodes.len(), proto.op_type),
            name => format!("node {name} ({})", proto.op_type),
        };
        if proto.op_type.is_empty() {
            return Err(Error::input(place, "has no operation"));
        }
        let mut ids = |names: &[String]| -> Vec<_> {
            names.iter().map(|name| (!name.is_empty()).then(|| self.id(name))).collect()
        };
        let (inputs, outputs) = (ids(&proto.input), ids(&proto.output));
        let (attributes, attribute_docs) = self.attributes(proto.attribute, &place, beside)?;
        let remarks = Remarks {
            doc: proto.doc_string,
            metadata: pairs(proto.metadata_props),
            overload: proto.overload,
            devices: proto.device_configurations.into_iter().map(Opaque).collect(),
            attribute_docs,
            ..Remarks::default()
        };
        let (name, op_type, domain) = (proto.name, proto.op_type, proto.domain);
        Ok(Node { name, op_type, domain, inputs, outputs, attributes, remarks: some(remarks) })
    }

    fn attributes(&mut self, protos: Vec<AttributeProto>, place: &str, beside: &mut Beside) -> Result<Attributes> {
        let (mut attributes, mut docs) = (BTreeMap::new(), BTreeMap::new());
        for mut proto in protos {
            let place = format!("{place}, attribute {}", proto.name);
            let name = std::mem::take(&mut proto.name);
            if name.is_empty() {
                return Err(Error::input(place, "has no name"));
            }
            if !proto.doc_string.is_empty() {
                docs.insert(name.clone(), std::mem::take(&mut proto.doc_string));
            }
            let value = attribute(proto, &place, beside, |graph, beside| {
                self.subgraph(graph, beside).map_err(|e| Error::input(&place, e))
            })?;
            if attributes.insert(name, value).is_some() {
                return Err(Error::input(place, "is given twice"));
            }
        }
        Ok((attributes, docs))
    }

    /// Reads a graph inside a node; names that it does not define are looked up in this one.
    fn subgraph(&mut self, proto: GraphProto, beside: &mut Beside) -> Result<Subgraph> {
        let sparse = proto.sparse_initializer.iter().filter_map(|s| Some(&s.values.as_ref()?.name));
        let given = proto.initializer.iter().map(|t| &t.name).chain(sparse).chain(proto.input.iter().map(|v| &v.name));
        let defined = given.chain(proto.node.iter().flat_map(|node| &node.output)).cloned().collect();
        let mut inner = Self { defined: Some(defined), ..Self::of(&proto) };
        inner.fill(proto, beside)?;
        let captures = inner.free.into_iter().map(|(name, inner)| Capture { outer: self.id(&name), inner });
        Ok(Subgraph { captures: captures.collect(), graph: inner.graph })
    }
}

/// Values and documentation of a node's attributes, by name.
type Attributes = (BTreeMap<String, Attribute>, BTreeMap<String, String>);

fn some(remarks: Remarks) -> Option<Box<Remarks>> {
    (remarks != Remarks::default()).then(|| Box::new(remarks))
}
