//! Primitives with which passes rewire a graph.

use std::collections::{HashMap, HashSet};

use crate::graph::{Graph, Node, ValueId};

/// Counts steps whose number could grow faster than the graph: a visited node or value, a comparison. Only tests read
/// the count.
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

    /// Returns the number of steps that `run` takes.
    pub(in crate::passes) fn steps(run: impl FnOnce()) -> usize {
        let before = STEPS.get();
        run();
        STEPS.get() - before
    }
}

/// Replacements of values by others. A pass that walks through the nodes records its findings here and views each node
/// with its inputs replaced; [`Aliases::apply`] then goes through the graph once, whatever the number of replacements.
#[derive(Default)]
pub(super) struct Aliases(HashMap<ValueId, ValueId>);

impl Aliases {
    /// Replaces reads of `gone` by reads of `kept` from now on.
    pub fn replace(&mut self, gone: ValueId, kept: ValueId) {
        let kept = self.resolve(kept);
        if gone != kept {
            self.0.insert(gone, kept);
        }
    }

    /// Returns the value that is read in place of another; the value itself if it is not replaced.
    pub fn resolve(&self, mut id: ValueId) -> ValueId {
        while let Some(kept) = self.0.get(&id) {
            work(1);
            id = *kept;
        }
        id
    }

    pub fn apply_to(&self, node: &mut Node) {
        if !self.0.is_empty() {
            node.redirect_reads(&|id| self.resolve(id));
        }
    }

    pub fn apply(&self, graph: &mut Graph) {
        if !self.0.is_empty() {
            work(graph.nodes.len());
            graph.redirect_reads(&|id| self.resolve(id));
        }
    }
}

/// A graph whose values are merged one by one.
pub(super) struct Merge {
    pub aliases: Aliases,
    /// For each value produced by a node, the index of that node and of the output.
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

    /// Makes every reader of `made` read the equal value `source` instead. A graph output keeps its name: in that case
    /// `source` is removed, and its producer produces the output. The node that made `made` of `source` must be
    /// removed.
    ///
    /// Refuses with a reason if both names are part of the interface.
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

/// Transfers the facts about the removed value to the equal one that stays.
fn inherit(graph: &mut Graph, from: ValueId, to: ValueId) {
    let old = graph.value(from).clone();
    let value = graph.value_mut(to);
    value.dtype = value.dtype.or(old.dtype);
    value.shape = value.shape.take().or(old.shape);
}

/// The names of all values of a model, for finding new ones: no value may share its name with one outside or inside it.
pub(super) struct Names(HashSet<String>);

impl Names {
    pub fn new(graph: &Graph) -> Self {
        let all = graph.with_subgraphs().into_iter().flat_map(Graph::values);
        Self(all.map(|(_, value)| value.name.clone()).collect())
    }

    pub fn take(&mut self, name: &str) -> bool {
        self.0.insert(name.to_owned())
    }

    /// Returns `base`, or the first name derived from it that no value has; no name is returned twice.
    pub fn fresh(&mut self, base: &str) -> String {
        let numbered = (1..).map(|count: u64| format!("{base}_{count}"));
        let free = std::iter::once(base.to_owned()).chain(numbered).find(|name| self.take(name));
        free.unwrap_or_default()
    }
}
