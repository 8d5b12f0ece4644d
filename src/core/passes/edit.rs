//! The few ways in which passes change the wires of a graph.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Node, ValueId};

/// Counts steps whose number could grow faster than the graph: a node or value looked at, two things compared. Only the tests
/// ask how many.
pub(super) fn work(steps: usize) {
    #[cfg(test)]
    counted::STEPS.with(|all| all.set(all.get() + steps));
    #[cfg(not(test))]
    let _ = steps;
}

#[cfg(test)]
pub(super) mod counted {
    use std::cell::Cell;

    thread_local! {
        pub(super) static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    /// The steps that `run` takes.
    pub(in crate::passes) fn steps(run: impl FnOnce()) -> usize {
        let before = STEPS.get();
        run();
        STEPS.get() - before
    }
}

/// Values that others stand in for. A pass that walks through the nodes notes here what it found and looks at each node
/// with its readings replaced; [`Aliases::apply`] then goes through the graph once, however much there is to replace.
#[derive(Default)]
pub(super) struct Aliases(HashMap<ValueId, ValueId>);

impl Aliases {
    /// From now on `kept` is read where `gone` was.
    pub fn replace(&mut self, gone: ValueId, kept: ValueId) {
        let kept = self.resolve(kept);
        if gone != kept {
            self.0.insert(gone, kept);
        }
    }

    /// What is read in place of a value; itself when nothing stands in for it.
    pub fn resolve(&self, mut id: ValueId) -> ValueId {
        while let Some(kept) = self.0.get(&id) {
            work(1);
            id = *kept;
        }
        id
    }

    /// Replaces what one node reads.
    pub fn apply_to(&self, node: &mut Node) {
        if !self.0.is_empty() {
            node.redirect_reads(&|id| self.resolve(id));
        }
    }

    /// Replaces what every node of the graph reads.
    pub fn apply(&self, graph: &mut Graph) {
        if !self.0.is_empty() {
            work(graph.nodes.len());
            graph.redirect_reads(&|id| self.resolve(id));
        }
    }
}

/// A graph whose values are merged one after the other.
pub(super) struct Merge {
    pub aliases: Aliases,
    /// For each value that a node makes, the index of that node and the value's place among its results.
    makers: HashMap<ValueId, (usize, usize)>,
    outputs: HashSet<ValueId>,
}

impl Merge {
    pub fn new(graph: &Graph) -> Self {
        let results = |(index, node): (usize, &Node)| {
            let places = node.outputs.iter().enumerate();
            places.filter_map(|(place, id)| Some(((*id)?, (index, place)))).collect::<Vec<_>>()
        };
        Self {
            aliases: Aliases::default(),
            makers: graph.nodes.iter().enumerate().flat_map(results).collect(),
            outputs: graph.outputs.iter().copied().collect(),
        }
    }

    /// Lets everything that reads `made` read the equal value `source` instead. A graph output keeps its name: then it is
    /// `source` that goes, and its maker makes the output. The node that made `made` of `source` must go.
    ///
    /// Refuses with the reason where both names are promised to somebody.
    pub fn merge(&mut self, graph: &mut Graph, source: ValueId, made: ValueId) -> Result<(), &'static str> {
        if !self.outputs.contains(&made) {
            inherit(graph, made, source);
            self.aliases.replace(made, source);
            return Ok(());
        }
        if self.outputs.contains(&source) {
            return Err("its input and its result are both outputs of the graph");
        }
        let Some((maker, place)) = self.makers.remove(&source) else {
            return Err("it gives an input or constant of the graph the name of an output");
        };
        graph.nodes[maker].outputs[place] = Some(made);
        self.makers.insert(made, (maker, place));
        inherit(graph, source, made);
        self.aliases.replace(source, made);
        Ok(())
    }
}

/// What is known of the value that goes is known of the equal one that stays.
fn inherit(graph: &mut Graph, from: ValueId, to: ValueId) {
    let old = graph.value(from).clone();
    let value = graph.value_mut(to);
    value.dtype = value.dtype.or(old.dtype);
    value.shape = value.shape.take().or(old.shape);
}

/// The names of all values of a model, to find new ones: no value may have the name of one around it or inside.
pub(super) struct Names(HashSet<String>);

impl Names {
    pub fn new(graph: &Graph) -> Self {
        let all = graph.with_subgraphs().into_iter().flat_map(Graph::values);
        Self(all.map(|(_, value)| value.name.clone()).collect())
    }

    /// Takes a name, when no value has it.
    pub fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned())
    }

    /// `base`, or the first name after it that no value has; nobody gets it a second time.
    pub fn fresh(&mut self, base: &str) -> String {
        let numbered = (1..).map(|count: u64| format!("{base}_{count}"));
        let free = std::iter::once(base.to_owned()).chain(numbered).find(|name| self.take(name));
        free.unwrap_or_default()
    }
}
