//! A second inference finds what the first found: no more, no less, and no contradiction with it.

use gnet_core::graph::{Attribute, Capture, DType, Dim, Graph, Model, Node, Sizes, Subgraph, Tensor, ValueId};
use gnet_core::infer::infer;
use proptest::prelude::*;

use crate::passes::{generate, nested};

/// Infers twice and holds the second against the first; `false` where the model is refused.
pub fn twice(name: &str, model: &Model) -> bool {
    let mut once = model.clone();
    let Ok(first) = infer(&mut once, &Sizes::none()) else { return false };
    let mut again = once.clone();
    let second = infer(&mut again, &Sizes::none());
    let second = second.unwrap_or_else(|error| panic!("{name}: what was inferred is refused: {error}"));
    assert!(again == once, "{name}: the second inference changes {}", difference(&once, &again));
    assert_eq!((second.known, second.unknown), (first.known, first.unknown), "{name}");
    assert_eq!(second.overruled, [], "{name}: what was written down follows from the inputs");
    true
}

/// The first value that two models say something else of.
fn difference(once: &Model, again: &Model) -> String {
    let (once, again) = (once.graph.with_subgraphs(), again.graph.with_subgraphs());
    let values = once.iter().zip(&again).flat_map(|(a, b)| a.values().zip(b.values()));
    let mut changed = values.filter(|((_, a), (_, b))| a != b).map(|((_, a), (_, b))| format!("{a:?} to {b:?}"));
    changed.next().unwrap_or_else(|| "something that is no value".to_owned())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(crate::cases(400).count() as u32))]

    #[test]
    fn random_networks_are_inferred_again_as_they_were(steps in generate::steps()) {
        twice("a network", &generate::network(&steps).model);
    }

    #[test]
    fn networks_in_networks_are_inferred_again_as_they_were(
        outer in generate::steps(), inner in proptest::collection::vec(generate::steps(), 1..4),
    ) {
        twice("a network", &nested::nested(&outer, &inner).model);
    }
}

/// Writes loops, scans and branches whose states change their shapes, swap places and are stated at random, one in another.
struct Wild {
    random: generate::Random,
    names: usize,
}

impl Wild {
    fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.random.below(all.len())].clone()
    }

    /// A shape of a value inside, right or wrong, more or less known; often none.
    fn stated(&mut self) -> Option<Vec<Dim>> {
        let rank = self.random.below(3);
        let sizes = [Dim::Known(0), Dim::Known(1), Dim::Known(2), Dim::Known(3), Dim::Unknown, Dim::symbol("N")];
        let shape = (0..rank).map(|_| self.one_of(&sizes)).collect();
        (self.random.below(3) == 0).then_some(shape)
    }

    fn value(&mut self, graph: &mut Graph) -> ValueId {
        self.names += 1;
        let shape = if graph.name == "body" { self.stated() } else { None };
        graph.add_value(format!("v{}", self.names), None, shape)
    }

    fn constant(&mut self, graph: &mut Graph, ints: &[i64]) -> ValueId {
        self.names += 1;
        graph.add_initializer(format!("c{}", self.names), Tensor::from_i64(ints))
    }

    /// Nodes over `pool`, whose results join it.
    fn nodes(&mut self, graph: &mut Graph, pool: &mut Vec<ValueId>, depth: usize) {
        for _ in 0..2 + self.random.below(5) {
            let (a, b) = (self.one_of(pool), self.one_of(pool));
            let ints = [-1, 0, 1, 2][self.random.below(4)];
            let op = ["Add", "Add", "Concat", "Unsqueeze", "Shape", "Reshape", "Tile", "Loop", "Loop", "Scan", "If"];
            let op = self.one_of(&op[..if depth == 0 { 7 } else { op.len() }]);
            let mut node = match op {
                "Loop" | "Scan" | "If" => {
                    let node = self.holder(op, graph, pool, depth);
                    pool.extend(node.makes());
                    graph.nodes.push(node);
                    continue;
                }
                "Add" | "Concat" | "Reshape" => Node::new("", op, vec![a, b], vec![]),
                "Unsqueeze" | "Tile" => Node::new("", op, vec![a, self.constant(graph, &[ints])], vec![]),
                _ => Node::new("", op, vec![a], vec![]),
            };
            if op == "Concat" {
                node.set("axis", 0i64);
            }
            if graph.name == "body" && self.random.below(12) == 0 {
                node.inputs.truncate(node.inputs.len() - 1);
            }
            let made = self.value(graph);
            node.outputs = vec![Some(made)];
            pool.push(made);
            graph.nodes.push(node);
        }
    }

    fn holder(&mut self, op: &str, graph: &mut Graph, pool: &[ValueId], depth: usize) -> Node {
        let states = 1 + self.random.below(2);
        let (scans, stacked) = (usize::from(op == "Scan"), self.random.below(2));
        let given: Vec<ValueId> = (0..states + scans).map(|_| self.one_of(pool)).collect();
        let (inputs, outputs) = match op {
            "Loop" => (2 + states, 1 + states + stacked),
            "Scan" => (states + scans, states + stacked),
            _ => (0, 1 + stacked),
        };
        let made: Vec<ValueId> =
            (0..if op == "Loop" { outputs - 1 } else { outputs }).map(|_| self.value(graph)).collect();
        let mut node = Node::new("", op, vec![], made);
        node.inputs = match op {
            "Loop" => [None, None].into_iter().chain(given.into_iter().map(Some)).collect(),
            "Scan" => given.into_iter().map(Some).collect(),
            _ => vec![Some(self.one_of(pool))],
        };
        for name in if op == "If" { &["then_branch", "else_branch"][..] } else { &["body"] } {
            let mut body = Graph::new("body");
            body.inputs = (0..inputs).map(|_| self.value(&mut body)).collect();
            let captures: Vec<Capture> = (0..1 + self.random.below(2))
                .map(|_| Capture { outer: self.one_of(pool), inner: self.value(&mut body) })
                .collect();
            let mut inside: Vec<ValueId> =
                body.inputs.iter().copied().chain(captures.iter().map(|c| c.inner)).collect();
            self.nodes(&mut body, &mut inside, depth - 1);
            body.outputs = (0..outputs).map(|_| self.one_of(&inside)).collect();
            node.set(name, Attribute::Graph(Box::new(Subgraph { graph: body, captures })));
        }
        if op == "Scan" {
            node.set("num_scan_inputs", 1i64);
        }
        node
    }

    fn model(seed: u64) -> Model {
        let mut wild = Self { random: generate::Random(seed), names: 0 };
        let mut graph = Graph::new("wild");
        let shapes = [vec![], vec![Dim::Known(2)], vec![Dim::symbol("N"), Dim::Known(1)], vec![Dim::Unknown]];
        for shape in shapes {
            wild.names += 1;
            let dtype = wild.one_of(&[DType::I64, DType::F32]);
            let id = graph.add_value(format!("x{}", wild.names), Some(dtype), Some(shape));
            graph.inputs.push(id);
        }
        let mut pool = graph.inputs.clone();
        pool.push(wild.constant(&mut graph, &[2]));
        wild.nodes(&mut graph, &mut pool, 2);
        graph.outputs = pool[pool.len() - 1..].to_vec();
        Model::new(graph, 17)
    }
}

#[test]
fn wild_loops_are_inferred_again_as_they_were() {
    let seeds = crate::cases(6_000);
    let accepted = seeds.clone().filter(|seed| twice(&format!("seed {seed}"), &Wild::model(*seed))).count();
    assert!(accepted * 15 > seeds.clone().count(), "{accepted} of {seeds:?} were inferred at all");
}
