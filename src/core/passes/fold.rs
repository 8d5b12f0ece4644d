//! Constant folding: computes values that depend on constants alone.
//!
//! - A node all of whose inputs are constants is evaluated by the [reference implementation](crate::reference), in
//!   64-bit floats, rounded once. `Constant` nodes become initializers; an `Identity` of a constant is bypassed.
//! - `Shape` and `Size` of a value of known shape become constants, and so do the dimensions that `Gather` and `Slice`
//!   take of a `Shape` if these are fixed, even if others are open. Exporters leave chains of these behind.
//!
//! Assumes, and checks: constants that no caller can replace, including those that a body captures; an operation and
//! form that the reference implementation supports in the file's operator set, with every output that is read; sizes
//! that follow from the graph's inputs and are the same whatever is fed, never one that was stated for another batch.
//! Ensures: the same values under the same names; the file does not grow by more than
//! [`PassOptions::growth`](super::PassOptions::growth) per result, minus the constants that nothing else reads. An output of
//! the graph keeps its node: some runtimes do not accept an initializer there.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::bodies::{Order, Scope, each};
use super::edit::{Aliases, work};
use super::{PassOptions, Refusal, Rewrites};
use crate::graph::{DType, Dim, Graph, Model, Node, Tensor, ValueId, place_of};
use crate::reference::{self, Limits};
use crate::words::counted;
use crate::{Error, Result};

pub(super) fn fold(model: &mut Model, options: &PassOptions) -> Rewrites {
    each(&mut model.graph, model.opset, Order::OutsideIn, |graph, scope| fold_graph(graph, scope, options))
}

fn fold_graph(graph: &mut Graph, scope: &Scope, options: &PassOptions) -> Rewrites {
    let mut folding = Folding::new(graph, scope, options);
    while let Some(index) = folding.waiting.pop_first() {
        folding.look_at(index);
    }
    let Folding { applied, refused, gone, aliases, .. } = folding;
    graph.remove_nodes(&gone);
    aliases.apply(graph);
    Rewrites { applied, refused: refused.into_values().collect(), ..Rewrites::default() }
}

/// A graph with its queue of nodes to visit, in their order.
///
/// A node is visited again when one of its inputs becomes constant, or when a constant that it would replace loses a
/// reader: the file then grows less. Each edge causes at most one revisit, so that the work is proportional to the
/// graph.
struct Folding<'a> {
    graph: &'a mut Graph,
    scope: &'a Scope<'a>,
    growth: u64,
    outputs: HashSet<ValueId>,
    constants: HashMap<ValueId, Tensor>,
    producers: HashMap<ValueId, usize>,
    readers: HashMap<ValueId, Vec<usize>>,
    uses: HashMap<ValueId, usize>,
    /// The known parts of `Shape`s, if not all dimensions are known.
    shapes: HashMap<ValueId, Vec<Option<i64>>>,
    waiting: BTreeSet<usize>,
    applied: Vec<String>,
    refused: BTreeMap<usize, Refusal>,
    gone: HashSet<usize>,
    aliases: Aliases,
}

impl<'a> Folding<'a> {
    fn new(graph: &'a mut Graph, scope: &'a Scope, options: &PassOptions) -> Self {
        let (constants, uses) = (scope.constants(graph), super::view::live_uses(graph));
        let mut readers: HashMap<ValueId, Vec<usize>> = HashMap::new();
        for (index, node) in graph.nodes.iter().enumerate() {
            node.reads().for_each(|id| readers.entry(id).or_default().push(index));
        }
        Self {
            scope,
            growth: options.growth,
            outputs: graph.outputs.iter().copied().collect(),
            constants,
            producers: graph.producers(),
            readers,
            uses,
            shapes: HashMap::new(),
            waiting: (0..graph.nodes.len()).collect(),
            applied: Vec::new(),
            refused: BTreeMap::new(),
            gone: HashSet::new(),
            aliases: Aliases::default(),
            graph,
        }
    }

    fn look_at(&mut self, index: usize) {
        work(1);
        self.aliases.apply_to(&mut self.graph.nodes[index]);
        let node = self.graph.nodes[index].clone();
        self.refused.remove(&index);
        if self.gone.contains(&index) || !node.makes().any(|id| self.is_read(id)) {
            return;
        }
        let reason = match self.made(&node) {
            Some(Ok(made)) if self.lacks(&node, made.len()) => "has more results than its operation".to_owned(),
            Some(Ok(made)) => {
                self.applied.push(self.graph.node_name(&node).to_owned());
                return self.replace(index, &node, made);
            }
            Some(Err(error)) => error.to_string(),
            None => return,
        };
        let node = self.graph.node_name(&node).to_owned();
        self.refused.insert(index, Refusal { node, reason });
    }

    fn is_read(&self, id: ValueId) -> bool {
        self.uses.get(&id).is_some_and(|uses| *uses > 0)
    }

    /// Returns `true` if an output of a node beyond the first `made` is read: a file may give an operation more outputs
    /// than it has.
    fn lacks(&self, node: &Node, made: usize) -> bool {
        node.outputs.iter().skip(made).flatten().any(|id| self.is_read(*id))
    }

    /// Computes the outputs of a node; `None` if it is not constant, an error if it is and stays.
    fn made(&mut self, node: &Node) -> Option<Result<Vec<Tensor>>> {
        if !node.is(&node.op_type) {
            return None;
        }
        let of_shape = self.of_shape(node);
        let inputs: Option<Vec<_>> =
            node.inputs.iter().map(|id| id.map_or(Some(None), |id| self.constants.get(&id).map(Some))).collect();
        let captures = node.reads().count() != node.inputs.iter().flatten().count();
        if of_shape.is_none() && (inputs.is_none() || captures) {
            return None;
        }
        if node.makes().any(|id| self.outputs.contains(&id)) {
            return (!node.is("Constant")).then(|| Err(Error::input("its result", "is an output of the graph")));
        }
        if let Some(tensor) = of_shape {
            return Some(Ok(vec![tensor]));
        }
        Some(self.computed(node, &inputs?))
    }

    fn computed(&self, node: &Node, inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>> {
        let read = inputs.iter().flatten().map(|t| t.bytes().len() as u64).sum::<u64>();
        let held = node.constant().map_or(0, |tensor| tensor.bytes().len() as u64);
        let most = self.growth.saturating_add(read).saturating_add(held);
        // Enough for a result that may be kept; expensive results are left to the runtime.
        let limits = Limits { elements: usize::try_from(most).unwrap_or(usize::MAX), terms: 1 << 28 };
        let made = reference::node(node, self.scope.opset, inputs, limits)?;
        let kept = node.outputs.iter().zip(&made).filter(|(id, _)| id.is_some_and(|id| self.is_read(id)));
        let size = kept.map(|(_, tensor)| tensor.bytes().len() as u64).sum::<u64>();
        let growth = size.saturating_sub(self.freed(node)).saturating_sub(held);
        match growth > self.growth && !node.is("Identity") {
            true => Err(Error::input(
                "the file",
                format!("would grow by {}, {} are allowed", counted(growth, "byte"), self.growth),
            )),
            false => Ok(made),
        }
    }

    /// Returns the size of the constants that only this node reads, in bytes. Captured ones may have readers elsewhere.
    fn freed(&self, node: &Node) -> u64 {
        let mut read: HashMap<ValueId, usize> = HashMap::new();
        work(node.inputs.len());
        node.reads().for_each(|id| *read.entry(id).or_insert(0) += 1);
        let alone = |id: &ValueId, times: usize| self.uses.get(id) == Some(&times);
        let own = read.iter().filter(|(id, times)| alone(id, **times) && !self.scope.captured.contains_key(id));
        own.filter_map(|(id, _)| self.constants.get(id)).map(|t| t.bytes().len() as u64).sum()
    }

    fn replace(&mut self, index: usize, node: &Node, made: Vec<Tensor>) {
        self.gone.insert(index);
        if let (true, Some(source), Some(result)) = (node.is("Identity"), node.input(0), node.output()) {
            self.aliases.replace(result, source);
            *self.uses.entry(source).or_insert(0) += self.uses.get(&result).copied().unwrap_or(0);
            self.come_back(result);
            let moved = self.readers.remove(&result).unwrap_or_default();
            self.readers.entry(source).or_default().extend(moved);
        } else {
            for (id, tensor) in node.outputs.iter().zip(made) {
                let Some(id) = id.filter(|id| self.is_read(*id)) else { continue };
                self.constants.insert(id, tensor.clone());
                self.graph.set_initializer(id, tensor);
                self.come_back(id);
            }
        }
        self.release(node.reads().collect());
    }

    /// Queues the readers of a value for another visit.
    fn come_back(&mut self, id: ValueId) {
        let readers = self.readers.get(&id).into_iter().flatten().filter(|reader| !self.gone.contains(reader));
        self.waiting.extend(readers);
    }

    /// Removes one read of each: nodes that only led here become dead, and a remaining constant may be dropped with
    /// another reader.
    fn release(&mut self, mut read: Vec<ValueId>) {
        while let Some(id) = read.pop() {
            work(1);
            let Some(uses) = self.uses.get_mut(&id) else { continue };
            *uses -= 1;
            if self.constants.contains_key(&id) && *uses == 1 {
                self.come_back(id);
            }
            let maker =
                self.producers.get(&id).copied().filter(|maker| self.uses[&id] == 0 && !self.gone.contains(maker));
            let Some(maker) = maker else { continue };
            // The maker is dead now; the sweep removes it.
            if !self.graph.nodes[maker].makes().any(|id| self.is_read(id)) {
                self.aliases.apply_to(&mut self.graph.nodes[maker]);
                read.extend(self.graph.nodes[maker].reads());
            }
        }
    }

    /// Returns the output of `Shape`, `Size`, or `Gather` and `Slice` of a shape, if all of it is fixed.
    fn of_shape(&mut self, node: &Node) -> Option<Tensor> {
        let parts = match node.op_type.as_str() {
            "Shape" => {
                let all = self.dimensions(node)?;
                all[node.shape_range(all.len())].to_vec()
            }
            "Size" => {
                let sizes = self.dimensions(node)?.into_iter().collect::<Option<Vec<i64>>>()?;
                let size = sizes.iter().try_fold(1i64, |product, size| product.checked_mul(*size))?;
                return numbers(vec![], &[size]);
            }
            "Gather" => return self.gathered(node),
            "Slice" => self.sliced(node)?,
            _ => return None,
        };
        match parts.iter().copied().collect::<Option<Vec<i64>>>() {
            Some(sizes) => Some(Tensor::from_i64(&sizes)),
            None => {
                self.shapes.insert(node.output()?, parts);
                None
            }
        }
    }

    /// Returns the shape of the first input, with unknown dimensions as `None`.
    fn dimensions(&self, node: &Node) -> Option<Vec<Option<i64>>> {
        let shape = self.graph.value(node.input(0)?).shape.as_ref()?;
        let size = |dim: &Dim| dim.known().and_then(|size| i64::try_from(size).ok());
        Some(shape.iter().map(size).collect())
    }

    fn gathered(&self, node: &Node) -> Option<Tensor> {
        let parts = self.shapes.get(&node.input(0)?)?;
        let indices = self.constants.get(&node.input(1)?)?;
        let take = |index: i64| parts[place_of(index, parts.len())?];
        let sizes = reference::whole_numbers(indices)?.into_iter().map(take).collect::<Option<Vec<i64>>>()?;
        numbers(indices.shape().to_vec(), &sizes)
    }

    /// Slices the indices of the dimensions with the reference implementation, so that the semantics are the same.
    fn sliced(&self, node: &Node) -> Option<Vec<Option<i64>>> {
        let parts = self.shapes.get(&node.input(0)?)?;
        let places = Tensor::from_i64(&(0..parts.len() as i64).collect::<Vec<_>>());
        let mut inputs = vec![Some(&places)];
        for id in node.inputs.iter().skip(1) {
            inputs.push(id.map(|id| self.constants.get(&id).ok_or(())).transpose().ok()?);
        }
        let taken = reference::node(node, self.scope.opset, &inputs, Limits::default()).ok()?;
        taken[0].to_i64()?.into_iter().map(|place| parts.get(usize::try_from(place).ok()?).copied()).collect()
    }
}

/// Creates a tensor of 64-bit whole numbers in any shape that holds them.
fn numbers(shape: Vec<usize>, values: &[i64]) -> Option<Tensor> {
    Tensor::new(DType::I64, shape, Tensor::from_i64(values).bytes().clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;
    use crate::passes::{self, DEAD_CODE, FOLD_CONSTANTS};

    /// A graph to which nodes are added one by one; every value is f32 or, in lower case, i64.
    struct Build(Graph);

    impl Build {
        /// Starts with the input `X` of `N x 3 x 4`.
        fn new() -> Self {
            let mut build = Self(Graph::new("g"));
            let shape = vec![Dim::symbol("N"), Dim::Known(3), Dim::Known(4)];
            let x = build.0.add_value("X", Some(DType::F32), Some(shape));
            build.0.inputs = vec![x];
            build
        }

        fn constant(&mut self, name: &str, tensor: Tensor) -> ValueId {
            self.0.add_initializer(name, tensor)
        }

        fn node(&mut self, op: &str, inputs: &[ValueId], made: &str) -> ValueId {
            let dtype = if made.starts_with(char::is_uppercase) { DType::F32 } else { DType::I64 };
            let id = self.0.add_value(made, Some(dtype), None);
            self.0.nodes.push(Node::new(made, op, inputs.to_vec(), vec![id]));
            id
        }

        /// Folds and sweeps with `outputs`; returns the remaining operations and the record of folding.
        fn folded(mut self, outputs: &[ValueId], growth: u64) -> (Graph, Vec<String>, Rewrites) {
            self.0.outputs = outputs.to_vec();
            let mut model = Model::new(self.0, 18);
            let options = PassOptions { growth, ..PassOptions::default() };
            let mut log = passes::run(&mut model, &[FOLD_CONSTANTS, DEAD_CODE], &options).unwrap();
            let left = model.graph.nodes.iter().map(|node| node.op_type.clone()).collect();
            (model.graph, left, log.remove(0))
        }
    }

    fn floats(count: usize) -> Tensor {
        Tensor::from_f32(vec![count], &vec![1.5; count]).unwrap()
    }

    #[test]
    fn chains_of_constants_are_computed_at_their_name() {
        let mut b = Build::new();
        let [c, d] = [b.constant("C", floats(4)), b.constant("D", floats(4))];
        let sum = b.node("Add", &[c, d], "Sum");
        let same = b.node("Identity", &[sum], "Same");
        let square = b.node("Mul", &[same, sum], "Square");
        let y = b.node("Mul", &[b.0.inputs[0], square], "Y");
        let (g, left, log) = b.folded(&[y], 0);
        assert_eq!((left, log.applied.len()), (vec!["Mul".to_owned()], 3));
        let made: Vec<_> = g.initializers().map(|(id, t)| (g.value(id).name.as_str(), t.to_f32().unwrap())).collect();
        assert_eq!(made, [("Square", vec![9.0; 4])]);
    }

    #[test]
    fn shapes_that_the_file_states_are_constants_and_so_are_their_fixed_parts() {
        let mut b = Build::new();
        let x = b.0.inputs[0];
        let shape = b.node("Shape", &[x], "shape");
        let index = |b: &mut Build, name: &str, value: i64| b.constant(name, numbers(vec![], &[value]).unwrap());
        let [batch, last] = [index(&mut b, "i", 0), index(&mut b, "j", -1)];
        let axis = b.constant("axis", Tensor::from_i64(&[0]));
        let open = b.node("Gather", &[shape, batch], "open");
        let fixed = b.node("Gather", &[shape, last], "fixed");
        let [open, fixed] = [(open, "u"), (fixed, "v")].map(|(id, name)| b.node("Unsqueeze", &[id, axis], name));
        let [from, to] = [("from", 1), ("to", 9)].map(|(name, v)| b.constant(name, Tensor::from_i64(&[v])));
        let rest = b.node("Slice", &[shape, from, to], "rest");
        let target = b.node("Concat", &[open, fixed, rest], "target");
        b.0.nodes.last_mut().unwrap().set("axis", 0i64);
        let (g, left, _) = b.folded(&[target], 64);
        assert_eq!(left, ["Shape", "Gather", "Unsqueeze", "Concat"], "only the way of the batch stays");
        let of = |name: &str| g.initializer(g.find(name).unwrap()).unwrap().to_i64().unwrap();
        assert_eq!((of("v"), of("rest")), (vec![4], vec![3, 4]));
    }

    #[test]
    fn a_part_of_a_known_shape_is_asked_for_by_attributes() {
        let mut b = Build::new();
        let x = b.0.inputs[0];
        let shape = b.node("Shape", &[x], "shape");
        b.0.nodes[0].set("start", -2i64).set("end", 9i64);
        let y = b.node("Neg", &[shape], "y");
        let (g, left, _) = b.folded(&[y], 64);
        assert_eq!(left, ["Neg"]);
        assert_eq!(g.initializers().next().unwrap().1, &Tensor::from_i64(&[3, 4]));
    }

    #[test]
    fn the_file_does_not_grow_past_the_bound() {
        let large = |growth: u64, shared: bool| {
            let mut b = Build::new();
            let (x, c) = (b.0.inputs[0], b.constant("C", Tensor::from_f32(vec![4, 1], &[1.0; 4]).unwrap()));
            let target = b.constant("target", Tensor::from_i64(&[4, 10]));
            let wide = b.node("Expand", &[c, target], "Wide");
            let y = b.node("MatMul", &[x, wide], "Y");
            let z = b.node("Mul", &[x, if shared { c } else { x }], "Z");
            b.folded(&[y, z], growth)
        };
        // 160 bytes are added; 16 of C and 16 of the target are removed.
        let (_, left, log) = large(127, false);
        assert_eq!(
            (left.len(), log.refused[0].reason.as_str()),
            (3, "the file: would grow by 128 bytes, 127 are allowed")
        );
        assert_eq!(large(128, false).1, ["MatMul", "Mul"]);
        assert_eq!(large(128, true).1.len(), 3, "C stays for another reader");
        assert_eq!(large(144, true).1.len(), 2);
    }

    #[test]
    fn gigantic_results_are_refused_before_they_are_made() {
        let mut b = Build::new();
        let sizes = b.constant("sizes", Tensor::from_i64(&[1 << 40, 1 << 20]));
        let zeros = b.node("ConstantOfShape", &[sizes], "Zeros");
        let y = b.node("Relu", &[zeros], "Y");
        let (_, left, log) = b.folded(&[y], 1 << 16);
        assert!(left.len() == 2 && log.refused[0].reason.contains("past the limits"), "{log:?}");
    }

    #[test]
    fn what_stays_says_why() {
        let mut b = Build::new();
        let c = b.constant("C", floats(2));
        let y = b.node("Neg", &[c], "Y");
        let noise = b.node("RandomNormalLike", &[c], "Noise");
        let z = b.node("Relu", &[noise], "Z");
        let (_, left, log) = b.folded(&[y, z], 64);
        assert_eq!(left.len(), 3);
        let reasons: Vec<_> = log.refused.iter().map(|refusal| refusal.reason.as_str()).collect();
        let unknown = "RandomNormalLike: the reference evaluator does not know this operation";
        assert_eq!(reasons, ["its result: is an output of the graph", unknown]);
    }

    #[test]
    fn each_part_of_a_split_is_a_constant() {
        let mut b = Build::new();
        let (x, c) = (b.0.inputs[0], b.constant("C", floats(4)));
        let first = b.node("Split", &[c], "First");
        let second = b.0.add_value("Second", Some(DType::F32), None);
        b.0.nodes[0].outputs.push(Some(second));
        b.0.nodes[0].attributes.insert("num_outputs".into(), Attribute::Int(2));
        let [p, q] = [("P", first), ("Q", second)].map(|(name, id)| b.node("Sum", &[x, id, id], name));
        let (g, left, _) = b.folded(&[p, q], 0);
        assert_eq!((left, g.initializers().count()), (vec!["Sum".to_owned(); 2], 2));
    }
}
