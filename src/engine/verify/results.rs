//! Moved results of operations: an error shared by all elements does not average out over the following sums, as the
//! rounding of single products does.

use super::random::{mixed, shifts};
use gnet_core::graph::{DType, Graph, Node, Tensor, ValueId};

/// Form of an operation's rounding error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rounding {
    /// Relative to the value itself.
    Share,
    /// Relative to 1; see [`unit`].
    Fixed,
}

/// Returns the form of the error shared by all elements of an operation's results; `None` if it rounds each by itself,
/// or not at all, or if files compute sizes with it.
fn rounding(op: &str) -> Option<Rounding> {
    let share = match op {
        "Sigmoid" => return Some(Rounding::Fixed),
        "Conv" | "ConvTranspose" | "Gemm" | "MatMul" | "Einsum" | "LSTM" | "GRU" | "RNN" => true,
        "GlobalAveragePool" | "AveragePool" | "LRN" | "Softmax" | "LogSoftmax" | "GridSample" => true,
        "Exp" | "Log" | "Tanh" | "Erf" | "Gelu" | "Softplus" | "Mish" | "Elu" | "Celu" | "Selu" | "HardSwish" => true,
        "Sqrt" | "Reciprocal" | "Pow" | "Sin" | "Cos" => true,
        op => {
            op.ends_with("Normalization") || (op.starts_with("Reduce") && !op.ends_with("Max") && !op.ends_with("Min"))
        }
    };
    share.then_some(Rounding::Share)
}

/// Number of terms that an engine sums in parallel: with this many the rounding of one is visible in the sum.
const LANES: f32 = 16.0;

/// Returns the number of terms of each element of a sum, as far as the shapes tell; 1 if it is not a plain sum.
/// Rounding errors of a sum of `n` terms, added one by one, amount to `sqrt(n)` units (Higham and Mary, *A New Approach
/// to Probabilistic Rounding Error Analysis*, 2019), and those of equal terms all point in one direction.
fn terms(node: &Node, typed: &Graph) -> f32 {
    if !(node.op_type.starts_with("Reduce") || node.op_type.ends_with("AveragePool")) {
        return 1.0;
    }
    let known = |id: Option<ValueId>| -> Option<f32> {
        let shape = typed.value(id?).shape.as_deref()?;
        Some(shape.iter().filter_map(|dim| dim.known()).map(|side| side as f32).product())
    };
    let ratio = known(node.input(0)).zip(known(node.output())).map_or(1.0, |(all, sums)| all / sums.max(1.0));
    if ratio.is_finite() { ratio.max(1.0) } else { 1.0 }
}

/// Returns the state that a recurrent operation's gates let through: an error in a sigmoid of a fraction of 1 becomes
/// an error in the result of that fraction of the state, however little of it is let through.
fn gated_state(node: &Node) -> Option<ValueId> {
    match node.op_type.as_str() {
        "LSTM" => node.input(6),
        "GRU" => node.input(5),
        _ => None,
    }
}

/// Nodes that move one result.
struct Shift<'a> {
    graph: &'a mut Graph,
    /// Prefix of their names.
    name: String,
    nodes: Vec<Node>,
}

impl Shift<'_> {
    fn value(&mut self, what: &str) -> ValueId {
        self.graph.add_value(format!("{}:{what}", self.name), Some(DType::F32), None)
    }

    /// Adds a node by which `to` becomes `of` times, or plus, a number.
    fn by_number(&mut self, op: &str, of: ValueId, number: f32, to: ValueId) {
        let count = self.nodes.len();
        let Ok(number) = Tensor::from_f32(vec![], &[number]) else { return };
        let number = self.graph.add_initializer(format!("{}:by{count}", self.name), number);
        self.nodes.push(Node::new(format!("{}:{count}", self.name), op, vec![of, number], vec![to]));
    }
}

/// Returns the length of a value's last axis; 1 if unknown.
fn last_axis(typed: &Graph, id: ValueId) -> usize {
    typed.value(id).shape.as_deref().and_then(|shape| shape.last()?.known()).unwrap_or(1)
}

/// Returns `true` if an operation is a plain sum or mean of its terms, so that its error can be measured on them.
fn sums(node: &Node) -> bool {
    matches!(node.op_type.as_str(), "ReduceMean" | "ReduceSum" | "GlobalAveragePool")
}

impl Shift<'_> {
    /// Adds an operation of one output on `inputs` and returns its result.
    fn node(&mut self, op: &str, inputs: &[ValueId]) -> ValueId {
        let count = self.nodes.len();
        let to = self.value(&format!("{op}{count}"));
        self.nodes.push(Node::new(format!("{}:{count}", self.name), op, inputs.to_vec(), vec![to]));
        to
    }

    /// Multiplies a value by a number.
    fn scaled(&mut self, of: ValueId, number: f32) -> ValueId {
        let to = self.value(&format!("scaled{}", self.nodes.len()));
        self.by_number("Mul", of, number, to);
        to
    }

    /// Creates positions between 0 and 1, evenly spread however few consecutive ones are taken.
    fn places(&mut self, count: usize, first: f32) -> ValueId {
        const GOLDEN: f64 = 0.618_033_988_749_894_9;
        let place = |index: usize| (f64::from(first) + GOLDEN * index as f64).fract() as f32;
        let bytes: Vec<u8> = (0..count).flat_map(|index| place(index).to_le_bytes()).collect();
        let name = format!("{}:places", self.name);
        match Tensor::new(DType::F32, vec![count], bytes) {
            Ok(tensor) => self.graph.add_initializer(name, tensor),
            Err(_) => unreachable!("four bytes for each number"),
        }
    }

    /// Computes the loss of a sum of `terms` terms when each is rounded as it is added to a partial sum.
    ///
    /// `(x + p) - p` is the term as it arrives in a partial sum `p`, which is different for each term along the last
    /// axis, from none to all of the sum. Terms that differ are rounded up and down, and `n` of them amount to
    /// `sqrt(n)` units; equal ones, such as those of a constant image, are all rounded in the same direction, which
    /// amounts to `n`.
    fn lost(&mut self, sum: &Node, data: ValueId, terms: f32, places: ValueId) -> ValueId {
        let alike = |of: ValueId, to: ValueId, kept: bool, name: String| {
            let mut node = Node { name, ..sum.clone() };
            (node.inputs[0], node.outputs) = (Some(of), vec![Some(to)]);
            if kept && !node.is("GlobalAveragePool") {
                node.set("keepdims", 1);
            }
            node
        };
        let sum_of = |shift: &mut Self, of: ValueId, kept: bool| {
            let (count, to) = (shift.nodes.len(), shift.value(&format!("sum{}", shift.nodes.len())));
            shift.nodes.push(alike(of, to, kept, format!("{}:{count}", shift.name)));
            to
        };
        // A partial sum is as large as the whole if all terms have one sign, and about sqrt(n) terms if they do not.
        let whole = if sum.is("ReduceSum") { 1.0 } else { terms };
        let whole_sum = sum_of(self, data, true);
        let drift = self.node("Abs", &[whole_sum]);
        let sizes = self.node("Abs", &[data]);
        let walk = sum_of(self, sizes, true);
        let (drift, walk) = (self.scaled(drift, whole), self.scaled(walk, whole / terms.sqrt()));
        let most = self.node("Add", &[drift, walk]);
        let partial = self.node("Mul", &[most, places]);
        let there = self.node("Add", &[data, partial]);
        let rounded = self.node("Sub", &[there, partial]);
        let off = self.node("Sub", &[rounded, data]);
        sum_of(self, off, false)
    }
}

/// Adds a node after each `f32` result of an operation that rounds, which moves it. The original values keep their IDs
/// and are now the moved ones. `typed` is the same graph with its types.
pub(super) fn move_results(graph: &mut Graph, typed: &Graph, seed: &mut u64, bits: u32) {
    let nodes = std::mem::take(&mut graph.nodes);
    for (mut node, like) in nodes.into_iter().zip(&typed.nodes) {
        for (body, like) in node.subgraphs_mut().zip(like.subgraphs()) {
            move_results(&mut body.graph, &like.graph, seed, bits);
        }
        let recurrent = matches!(node.op_type.as_str(), "LSTM" | "GRU" | "RNN");
        let (rounding, terms, state) = (rounding(&node.op_type), terms(&node, typed), gated_state(&node));
        let sum = node.input(0).filter(|_| sums(&node) && terms > LANES).map(|data| (node.clone(), data));
        let mut behind = Vec::new();
        for output in node.outputs.iter_mut().take(if recurrent { usize::MAX } else { 1 }) {
            let (Some(rounding), Some(id)) = (rounding, *output) else { continue };
            if typed.value(id).dtype != Some(DType::F32) {
                continue;
            }
            *seed = mixed(*seed, 2);
            let by = shifts(1, *seed).next().unwrap_or(0.0) * 0.5_f32.powi(bits as i32);
            let mut shift =
                Shift { graph: &mut *graph, name: format!("{}:moved:{}", typed.value(id).name, *seed), nodes: vec![] };
            let still = shift.value("still");
            *output = Some(still);
            match (rounding, state, &sum) {
                (Rounding::Fixed, ..) => shift.by_number("Add", still, by, id),
                (Rounding::Share, None, Some((sum, data))) => {
                    let [first, sign] = [1, 2].map(|key| shifts(1, mixed(*seed, key)).next().unwrap_or(0.0));
                    let share = shift.scaled(still, 1.0 + by);
                    let places = shift.places(last_axis(typed, *data), first.abs());
                    let lost = shift.lost(sum, *data, terms, places);
                    let lost = shift.scaled(lost, (0.75 + 0.25 * sign.abs()).copysign(sign));
                    shift.nodes.push(Node::new(format!("{}:sum", shift.name), "Add", vec![share, lost], vec![id]));
                }
                (Rounding::Share, None, None) => {
                    shift.by_number("Mul", still, 1.0 + by * (terms / LANES).sqrt().max(1.0), id)
                }
                (Rounding::Share, Some(state), _) => {
                    let [share, kept] = ["share", "kept"].map(|what| shift.value(what));
                    shift.by_number("Mul", still, 1.0 + by, share);
                    shift.by_number("Mul", state, by, kept);
                    shift.nodes.push(Node::new(format!("{}:sum", shift.name), "Add", vec![share, kept], vec![id]));
                }
            }
            behind.append(&mut shift.nodes);
        }
        graph.nodes.push(node);
        graph.nodes.append(&mut behind);
    }
}
