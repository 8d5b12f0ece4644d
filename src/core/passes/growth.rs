//! The number of steps of the passes is proportional to the graph: each family of graphs below once made some pass
//! start over for every node, or compare all with all. Steps are counted rather than time.

use super::edit::counted::steps;
use super::{DEFAULT, PRUNE, Pass, PassOptions, run};
use crate::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor, ValueId};

/// A graph with the input x `[N, 2, 8, 8]`, to which nodes are added.
struct Build(Graph);

impl Build {
    fn new() -> Self {
        let mut graph = Graph::new("g");
        let shape = vec![Dim::symbol("N"), Dim::Known(2), Dim::Known(8), Dim::Known(8)];
        let x = graph.add_value("x", Some(DType::F32), Some(shape));
        graph.inputs = vec![x];
        Self(graph)
    }

    fn x(&self) -> ValueId {
        self.0.inputs[0]
    }

    fn node(&mut self, op: &str, inputs: &[ValueId]) -> ValueId {
        let made = self.0.add_value(format!("v{}", self.0.values().count()), Some(DType::F32), None);
        self.0.nodes.push(Node::new("", op, inputs.to_vec(), vec![made]));
        made
    }

    fn floats(&mut self, shape: &[usize], first: usize) -> ValueId {
        let values: Vec<f32> = (0..shape.iter().product()).map(|i: usize| (first + i) as f32 + 0.5).collect();
        let name = format!("c{}", self.0.values().count());
        self.0.add_initializer(name, Tensor::from_f32(shape.to_vec(), &values).unwrap())
    }

    fn model(mut self, outputs: Vec<ValueId>) -> Model {
        self.0.outputs = outputs;
        Model::new(self.0, 18)
    }
}

fn identities(count: usize) -> Model {
    let mut b = Build::new();
    let last = (0..count).fold(b.x(), |value, _| b.node("Identity", &[value]));
    let y = b.node("Relu", &[last]);
    b.model(vec![y])
}

/// Builds nodes of one operation and input, each with another attribute, and the same number of constants from nodes.
fn attributes(count: usize) -> Model {
    let mut b = Build::new();
    let x = b.x();
    let made = (0..count).map(|i| {
        let leaky = b.node("LeakyRelu", &[x]);
        b.0.nodes.last_mut().unwrap().set("alpha", i as f32);
        let constant = b.node("Constant", &[]);
        let value = Tensor::from_f32(vec![1], &[i as f32]).unwrap();
        b.0.nodes.last_mut().unwrap().attributes.insert("value".into(), Attribute::Tensor(value));
        b.node("Mul", &[leaky, constant])
    });
    let made: Vec<ValueId> = made.collect();
    let y = b.node("Sum", &made);
    b.model(vec![y])
}

fn pads(count: usize) -> Model {
    let mut b = Build::new();
    let pads = b.0.add_initializer("pads", Tensor::from_i64(&[0, 0, 1, 0, 0, 0, 0, 0]));
    let last = (0..count).fold(b.x(), |value, _| b.node("Pad", &[value, pads]));
    let w = b.floats(&[2, 2, 1, 1], 0);
    let y = b.node("Conv", &[last, w]);
    b.model(vec![y])
}

fn batch_norms(count: usize) -> Model {
    let mut b = Build::new();
    let (x, w) = (b.x(), b.floats(&[2, 2, 1, 1], 0));
    let conv = b.node("Conv", &[x, w]);
    let last = (0..count).fold(conv, |value, i| {
        let statistics = [0, 1, 2, 3].map(|place| b.floats(&[2], i + place));
        b.node("BatchNormalization", &[vec![value], statistics.to_vec()].concat())
    });
    b.model(vec![last])
}

/// Builds a chain in which each constant is left to one reader when the one before it is removed: `c` is read by two
/// additions.
fn growing(count: usize) -> Model {
    let mut b = Build::new();
    let x = b.x();
    let shared: Vec<ValueId> = (0..=count).map(|i| b.floats(&[1, 4], i)).collect();
    let target = b.0.add_initializer("target", Tensor::from_i64(&[5, 4]));
    let mut made = Vec::new();
    for pair in shared.windows(2).rev() {
        let sum = b.node("Add", &[pair[0], pair[1]]);
        let wide = b.node("Expand", &[sum, target]);
        let flat = b.node("ReduceSum", &[wide]);
        made.push(b.node("Mul", &[x, flat]));
    }
    let y = b.node("Sum", &made);
    b.model(vec![y])
}

/// Builds many outputs, each through an `Identity` from one `Split`, and a `Concat` of as many constants.
fn outputs(count: usize) -> Model {
    let mut b = Build::new();
    let x = b.x();
    let parts: Vec<ValueId> = (0..count).map(|i| b.0.add_value(format!("p{i}"), Some(DType::F32), None)).collect();
    let mut split = Node::new("split", "Split", vec![x], parts.clone());
    split.set("num_outputs", count as i64);
    b.0.nodes.push(split);
    let mut outputs: Vec<ValueId> = parts.into_iter().map(|part| b.node("Identity", &[part])).collect();
    let constants: Vec<ValueId> = (0..count).map(|i| b.floats(&[1], i)).collect();
    let joined = b.node("Concat", &constants);
    b.0.nodes.last_mut().unwrap().set("axis", 0i64);
    outputs.push(b.node("Relu", &[joined]));
    b.model(outputs)
}

/// A model of the given number of equal parts.
type Family = fn(usize) -> Model;

#[test]
fn twice_the_graph_takes_twice_the_steps() {
    let families: [(&str, Family); 6] = [
        ("identities", identities),
        ("attributes", attributes),
        ("pads", pads),
        ("batch norms", batch_norms),
        ("growing", growing),
        ("outputs", outputs),
    ];
    for (name, model) in families {
        let taken = [100, 200, 400].map(|count| {
            let mut model = model(count);
            steps(|| drop(run(&mut model, &DEFAULT, &PassOptions::default()).unwrap()))
        });
        assert!(taken[0] >= 100, "{name} is not counted");
        // Cost of each additional part of the graph: the same for all of them, twice as much for twice as many.
        let [first, second] = [taken[1] - taken[0], taken[2] - taken[1]];
        assert!(second as f64 <= 2.2 * first as f64, "{name}: {taken:?} steps at 100, 200, 400");
    }
}

#[test]
fn many_outputs_are_chosen_in_as_many_steps() {
    let taken = [100, 400].map(|count| {
        let mut model = outputs(count);
        let graph = &model.graph;
        let outputs = graph.outputs.iter().map(|id| graph.value(*id).name.clone()).collect();
        let prune: [Pass; 1] = [PRUNE];
        steps(|| drop(run(&mut model, &prune, &PassOptions { outputs, ..PassOptions::default() }).unwrap()))
    });
    assert!(taken[1] as f64 <= 4.4 * taken[0] as f64, "{taken:?} steps at 100, 400");
}
