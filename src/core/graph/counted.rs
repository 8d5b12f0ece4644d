//! Counters of accesses to value IDs, with which the core's tests detect quadratic searches.
//!
//! Only the core's own tests are built with this; otherwise both traits are derived.

use std::cell::Cell;
use std::hash::{Hash, Hasher};

use super::{DType, Dim, Graph, Model, Node, Tensor, ValueId};

thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

/// Returns how often value IDs were compared or hashed in this thread while `run` ran.
pub(crate) fn looks(run: impl FnOnce()) -> usize {
    let before = LOOKS.get();
    run();
    LOOKS.get() - before
}

/// Asserts that the work of `run` is proportional to the size it is given: the second hundred adds as much as the
/// first.
pub(crate) fn assert_linear(name: &str, mut run: impl FnMut(usize)) {
    let taken = [200, 400, 800].map(|size| looks(|| run(size)));
    assert!(taken[0] >= 200, "{name} is not counted: {taken:?}");
    let [first, second] = [taken[1] - taken[0], taken[2] - taken[1]];
    assert!(second as f64 <= 2.2 * first as f64, "{name}: {taken:?} looks at 200, 400, 800");
}

impl PartialEq for ValueId {
    fn eq(&self, other: &Self) -> bool {
        LOOKS.set(LOOKS.get() + 1);
        self.0 == other.0
    }
}

impl Hash for ValueId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        LOOKS.set(LOOKS.get() + 1);
        self.0.hash(state);
    }
}

/// Builds a chain of `length` additions, each of its own constant and in a module of its own name, along with as many
/// constants that nothing reads. `salt` is part of the names of the nodes and of the elements.
pub(crate) fn chain(length: usize, salt: usize) -> Model {
    let mut graph = Graph::new("chain");
    let shape = || Some(vec![Dim::symbol("N"), Dim::Known(4)]);
    let input = graph.add_value("x", Some(DType::F32), shape());
    let mut last = input;
    for i in 0..length {
        let tensor = |of: usize| Tensor::from_f32(vec![4], &[(of % 7 + salt) as f32; 4]).unwrap();
        let constant = graph.add_initializer(format!("c{i}"), tensor(i));
        graph.add_initializer(format!("unread{i}"), tensor(i + 3));
        let made = graph.add_value(format!("v{i}"), Some(DType::F32), shape());
        graph.nodes.push(Node::new(format!("m{}/n{i}.{salt}/Add", i / 10), "Add", vec![last, constant], vec![made]));
        last = made;
    }
    (graph.inputs, graph.outputs) = (vec![input], vec![last]);
    Model::new(graph, 17)
}
