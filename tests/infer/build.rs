//! Small models for the tests.

use gnet_core::graph::{Attribute, DType, Dim, Graph, Model, Node, Sizes, Tensor, ValueId, shape_text};
use gnet_core::infer::{Inference, infer};

/// A model that grows node by node.
pub struct Builder {
    pub model: Model,
}

impl Builder {
    pub fn new(opset: i64) -> Self {
        Self { model: Model::new(Graph::new("test"), opset) }
    }

    /// An input of 32-bit floats with a shape such as `N,3,8`.
    pub fn input(&mut self, name: &str, shape: &str) -> ValueId {
        self.typed_input(name, DType::F32, shape)
    }

    pub fn typed_input(&mut self, name: &str, dtype: DType, shape: &str) -> ValueId {
        let id = self.model.graph.add_value(name, Some(dtype), Some(dims(shape)));
        self.model.graph.inputs.push(id);
        id
    }

    /// A constant vector of whole numbers.
    pub fn ints(&mut self, values: &[i64]) -> ValueId {
        let name = format!("ints{}", self.model.graph.values().count());
        self.model.graph.add_initializer(name, Tensor::from_i64(values))
    }

    /// A constant scalar of whole numbers.
    pub fn int(&mut self, value: i64) -> ValueId {
        let name = format!("int{}", self.model.graph.values().count());
        let tensor = Tensor::new(DType::I64, vec![], value.to_le_bytes().to_vec()).unwrap();
        self.model.graph.add_initializer(name, tensor)
    }

    /// A constant vector of floats.
    pub fn floats(&mut self, values: &[f32]) -> ValueId {
        let name = format!("floats{}", self.model.graph.values().count());
        self.model.graph.add_initializer(name, Tensor::from_f32(vec![values.len()], values).unwrap())
    }

    /// A node with one output, named like its operation and number.
    pub fn node(&mut self, op: &str, inputs: &[ValueId], attributes: &[(&str, Attribute)]) -> ValueId {
        self.outputs(op, inputs, attributes, 1)[0]
    }

    pub fn outputs(
        &mut self,
        op: &str,
        inputs: &[ValueId],
        attributes: &[(&str, Attribute)],
        count: usize,
    ) -> Vec<ValueId> {
        let at = self.model.graph.nodes.len();
        let made: Vec<_> =
            (0..count).map(|i| self.model.graph.add_value(format!("{op}{at}.{i}"), None, None)).collect();
        let mut node = Node::new(format!("{op}{at}"), op, inputs.to_vec(), made.clone());
        node.attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        self.model.graph.nodes.push(node);
        made
    }

    /// Infers and returns the shape of `id` as text, `?` when nothing is known.
    pub fn shape(&mut self, id: ValueId) -> String {
        self.run();
        self.shape_now(id)
    }

    pub fn shape_now(&self, id: ValueId) -> String {
        self.model.graph.value(id).shape.as_ref().map_or("no shape".to_owned(), |shape| shape_text(shape))
    }

    pub fn run(&mut self) -> Inference {
        infer(&mut self.model, &Sizes::none()).unwrap()
    }

    pub fn error(&mut self) -> String {
        infer(&mut self.model, &Sizes::none()).unwrap_err().to_string()
    }

    /// Why `id` is not known.
    pub fn reason(&mut self, id: ValueId) -> String {
        let name = self.model.graph.value(id).name.clone();
        let found = self.run();
        found.unknown.iter().find(|gap| gap.value == name).map_or("known".to_owned(), |gap| gap.reason.clone())
    }
}

/// `N,3,8` as dimensions; `?` is an unknown one.
pub fn dims(shape: &str) -> Vec<Dim> {
    let dim = |text: &str| match (text.parse(), text) {
        (Ok(size), _) => Dim::Known(size),
        (_, "?") => Dim::Unknown,
        _ => Dim::parse(text),
    };
    shape.split(',').filter(|text| !text.is_empty()).map(dim).collect()
}

/// Sizes as dimensions.
pub fn sizes(shape: &[usize]) -> Vec<Dim> {
    shape.iter().map(|size| Dim::Known(*size)).collect()
}

/// The shape that one node makes of floats with the given shapes; `Err` where it refuses.
pub fn one_node(
    opset: i64,
    op: &str,
    shapes: &[Vec<usize>],
    attributes: &[(&str, Attribute)],
) -> Result<Vec<usize>, String> {
    let mut builder = Builder::new(opset);
    let inputs: Vec<_> = shapes
        .iter()
        .enumerate()
        .map(|(i, shape)| {
            let id = builder.model.graph.add_value(format!("x{i}"), Some(DType::F32), Some(sizes(shape)));
            builder.model.graph.inputs.push(id);
            id
        })
        .collect();
    let made = builder.node(op, &inputs, attributes);
    infer(&mut builder.model, &Sizes::none()).map_err(|e| e.to_string())?;
    let shape = builder.model.graph.value(made).shape.clone().ok_or("no shape")?;
    shape.iter().map(|dim| dim.known().ok_or_else(|| format!("{dim}"))).collect()
}

pub fn list(values: &[i64]) -> Attribute {
    Attribute::Ints(values.to_vec())
}

pub fn text(value: &str) -> Attribute {
    Attribute::String(value.to_owned())
}
