//! Networks inside networks: branches of `If`, bodies of `Loop` and `Scan`, one in the other.

use gnet_core::graph::{Attribute, Capture, DType, Dim, Graph, Model, Node, Subgraph, Tensor, ValueId};

use super::generate::{Random, Sample, Step, network, network_of, series};

/// A network with other networks inside it, all on the same image, and an input for it.
pub fn nested(outer: &[Step], inner: &[Vec<Step>]) -> Sample {
    let Sample { mut model, input } = network(outer);
    let mut random = Random(outer.len() as u64);
    let mut images: Vec<ValueId> = vec![model.graph.inputs[0]];
    for (place, steps) in inner.iter().enumerate() {
        let body = network_of(steps, input.shape()).graph;
        let image = images[random.below(images.len())];
        let mut host = Host { graph: &mut model.graph, random: &mut random, place, image };
        let made = match host.random.below(3) {
            0 => host.branches(body),
            1 => host.looped(body),
            _ => host.scanned(body),
        };
        // An image like the first is what the next network may look at.
        let same = Node::new(format!("same_{place}"), "Identity", vec![image], vec![]);
        let copy = model.graph.add_value(format!("copy_{place}"), Some(DType::F32), None);
        model.graph.nodes.push(Node { outputs: vec![Some(copy)], ..same });
        images.push(copy);
        model.graph.outputs.extend(made);
    }
    Sample { model: Model::new(model.graph, model.opset), input }
}

/// One of a fixed series.
pub fn fixed(number: u64) -> Sample {
    nested(&series(number), &[series(1000 + 2 * number), series(1001 + 2 * number)])
}

struct Host<'a> {
    graph: &'a mut Graph,
    random: &'a mut Random,
    place: usize,
    image: ValueId,
}

impl Host<'_> {
    fn value(&mut self, name: &str, dtype: DType) -> ValueId {
        self.graph.add_value(format!("{name}_{}", self.place), Some(dtype), None)
    }

    /// The network as a subgraph under names of its own, its image captured, and some of its constants as well.
    fn embedded(&mut self, mut body: Graph, part: &str) -> Subgraph {
        let prefix = format!("{part}_{}/", self.place);
        let ids: Vec<ValueId> = body.values().map(|(id, _)| id).collect();
        for id in ids {
            let name = format!("{prefix}{}", body.value(id).name);
            body.value_mut(id).name = name;
        }
        body.nodes.iter_mut().filter(|node| !node.name.is_empty()).for_each(|node| node.name.insert_str(0, &prefix));
        let inner = body.inputs.remove(0);
        let mut captures = vec![Capture { outer: self.image, inner }];
        let constants: Vec<(ValueId, Tensor)> = body.initializers().map(|(id, t)| (id, t.clone())).collect();
        for (number, (inner, tensor)) in constants.into_iter().enumerate() {
            if self.random.below(2) == 0 && !body.outputs.contains(&inner) {
                let outer = self.graph.add_initializer(format!("{prefix}outside_{number}"), tensor);
                body.retain_initializers(|id| id != inner);
                captures.push(Capture { outer, inner });
            }
        }
        let read: Vec<ValueId> = body.nodes.iter().flat_map(Node::reads).chain(body.outputs.iter().copied()).collect();
        captures.retain(|capture| read.contains(&capture.inner));
        Subgraph { graph: body, captures }
    }

    /// The network, or the network with the signs of its results turned, as the image's first number decides.
    fn branches(&mut self, body: Graph) -> Vec<ValueId> {
        let count = body.outputs.len();
        let mut other = body.clone();
        for place in 0..count {
            let output = other.outputs[place];
            let turned = other.add_value(format!("turned{place}"), Some(DType::F32), None);
            other.nodes.push(Node::new("", "Neg", vec![output], vec![turned]));
            other.outputs[place] = turned;
        }
        let condition = self.condition();
        let made: Vec<ValueId> = (0..count).map(|i| self.value(&format!("chosen{i}"), DType::F32)).collect();
        let mut node = Node::new(format!("if_{}", self.place), "If", vec![condition], made.clone());
        for (name, body) in [("then_branch", body), ("else_branch", other)] {
            let body = self.embedded(body, name);
            node.attributes.insert(name.into(), Attribute::Graph(Box::new(body)));
        }
        self.graph.nodes.push(node);
        made
    }

    /// Adds a condition: the sum of the image is positive.
    fn condition(&mut self) -> ValueId {
        let [sum, condition] = [("sum", DType::F32), ("condition", DType::Bool)].map(|(n, t)| self.value(n, t));
        let zero =
            self.graph.add_initializer(format!("zero_{}", self.place), Tensor::from_f32(vec![], &[0.0]).unwrap());
        let mut node = Node::new("", "ReduceSum", vec![self.image], vec![sum]);
        node.set("keepdims", 0i64);
        self.graph.nodes.extend([node, Node::new("", "Greater", vec![sum, zero], vec![condition])]);
        condition
    }

    /// Three rounds over the network, which the state counts; every result is stacked up.
    fn looped(&mut self, body: Graph) -> Vec<ValueId> {
        let results = body.outputs.len();
        let mut body = self.embedded(body, "body");
        let prefix = format!("loop_{}", self.place);
        let graph = &mut body.graph;
        let mut value = |name: &str, dtype, shape: &[Dim]| {
            graph.add_value(format!("{prefix}/{name}"), Some(dtype), Some(shape.to_vec()))
        };
        let [round, going, before] = [("round", DType::I64), ("going", DType::Bool), ("before", DType::I64)]
            .map(|(name, dtype)| value(name, dtype, &[]));
        let [goes_on, sum, twice] = [("on", DType::Bool), ("sum", DType::I64), ("twice", DType::I64)]
            .map(|(name, dtype)| value(name, dtype, &[]));
        graph.nodes.extend([
            Node::new("", "Identity", vec![going], vec![goes_on]),
            Node::new("", "Add", vec![before, round], vec![sum]),
            Node::new("", "Identity", vec![sum], vec![twice]),
        ]);
        graph.inputs = vec![round, going, before];
        graph.outputs = [vec![goes_on, twice], graph.outputs.clone()].concat();
        let number = |value: i64| Tensor::new(DType::I64, vec![], value.to_le_bytes().to_vec()).unwrap();
        let trips = self.graph.add_initializer(format!("trips_{}", self.place), number(3));
        let start = self.graph.add_initializer(format!("start_{}", self.place), number(10));
        let mut made = vec![self.value("count", DType::I64)];
        made.extend((0..results).map(|i| self.value(&format!("stack{i}"), DType::F32)));
        let mut node = Node::new(format!("loop_{}", self.place), "Loop", vec![], made.clone());
        node.inputs = vec![Some(trips), None, Some(start)];
        node.attributes.insert("body".into(), Attribute::Graph(Box::new(body)));
        self.graph.nodes.push(node);
        made
    }

    /// A scan over the image's rows beside the network, which does not depend on them.
    fn scanned(&mut self, body: Graph) -> Vec<ValueId> {
        let results = body.outputs.len();
        let mut body = self.embedded(body, "scan");
        let prefix = format!("scan_{}", self.place);
        let graph = &mut body.graph;
        let [row, same, cast] =
            ["row", "same", "cast"].map(|n| graph.add_value(format!("{prefix}/{n}"), Some(DType::F32), None));
        let mut to = Node::new("", "Cast", vec![same], vec![cast]);
        to.set("to", 1i64);
        graph.nodes.extend([Node::new("", "Abs", vec![row], vec![same]), to]);
        graph.inputs = vec![row];
        graph.outputs.insert(0, cast);
        let made: Vec<ValueId> = (0..=results).map(|i| self.value(&format!("scanned{i}"), DType::F32)).collect();
        let mut node = Node::new(format!("scan_{}", self.place), "Scan", vec![self.image], made.clone());
        node.set("num_scan_inputs", 1i64);
        node.attributes.insert("scan_input_axes".into(), Attribute::Ints(vec![2]));
        node.attributes.insert("body".into(), Attribute::Graph(Box::new(body)));
        self.graph.nodes.push(node);
        made
    }
}
