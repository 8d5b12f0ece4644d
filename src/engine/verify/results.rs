//! Moved results of operations: an error shared by all elements does not average out over the following sums, as the
//! rounding of single products does.

use super::added::Added;
use super::random::{mixed, shifts};
use gnet_core::graph::{DType, Graph, Node, Tensor, ValueId};
use gnet_core::operators::Rounding;

/// Number of terms that an engine sums in parallel: with this many the rounding of one is visible in the sum.
const LANES: f32 = 16.0;

/// Returns the number of terms of each element of a sum, as far as the shapes tell.
/// Rounding errors of a sum of `n` terms, added one by one, amount to `sqrt(n)` units (Higham and Mary, *A New Approach
/// to Probabilistic Rounding Error Analysis*, 2019), and those of equal terms all point in one direction.
fn terms(node: &Node, typed: &Graph) -> f32 {
    let known = |id: Option<ValueId>| -> Option<f32> {
        let shape = typed.value(id?).shape.as_deref()?;
        Some(shape.iter().filter_map(|dim| dim.known()).map(|side| side as f32).product())
    };
    let ratio = known(node.input(0)).zip(known(node.output())).map_or(1.0, |(all, sums)| all / sums.max(1.0));
    if ratio.is_finite() { ratio.max(1.0) } else { 1.0 }
}

fn with(added: &mut Added, op: &str, of: ValueId, number: f32) -> Option<ValueId> {
    let number = added.constant(Tensor::from_f32(vec![], &[number]).ok()?);
    Some(added.node(op, &[of, number]))
}

/// Returns positions between 0 and 1, evenly spread however few consecutive ones are taken.
fn places(count: usize, first: f32) -> Option<Tensor> {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    let place = |index: usize| (f64::from(first) + GOLDEN * index as f64).fract() as f32;
    Tensor::from_f32(vec![count], &(0..count).map(place).collect::<Vec<_>>()).ok()
}

/// Computes the loss of a sum of `terms` terms when each is rounded as it is added to a partial sum.
///
/// `(x + p) - p` is the term as it arrives in a partial sum `p`, which is different for each term along the last
/// axis, from none to all of the sum. Terms that differ are rounded up and down, and `n` of them amount to
/// `sqrt(n)` units; equal ones, such as those of a constant image, are all rounded in the same direction, which
/// amounts to `n`.
fn lost(added: &mut Added, sum: &Node, data: ValueId, terms: f32, places: Tensor) -> Option<ValueId> {
    let of = |data: ValueId| Node { inputs: [&[Some(data)], &sum.inputs[1..]].concat(), ..sum.clone() };
    let kept = |data: ValueId| {
        let mut node = of(data);
        if !node.is("GlobalAveragePool") {
            node.set("keepdims", 1);
        }
        node
    };
    // A partial sum is as large as the whole if all terms have one sign, and about sqrt(n) terms if they do not.
    let whole = if sum.is("ReduceSum") { 1.0 } else { terms };
    let whole_sum = added.like(&kept(data));
    let drift = added.node("Abs", &[whole_sum]);
    let sizes = added.node("Abs", &[data]);
    let walk = added.like(&kept(sizes));
    let (drift, walk) = (with(added, "Mul", drift, whole)?, with(added, "Mul", walk, whole / terms.sqrt())?);
    let most = added.node("Add", &[drift, walk]);
    let places = added.constant(places);
    let partial = added.node("Mul", &[most, places]);
    let there = added.node("Add", &[data, partial]);
    let rounded = added.node("Sub", &[there, partial]);
    let off = added.node("Sub", &[rounded, data]);
    Some(added.like(&of(off)))
}

/// Adds what moves the result `still` of a node; the last node makes the moved one.
fn shift(
    added: &mut Added,
    typed: &Graph,
    (node, rounding, still): (&Node, Rounding, ValueId),
    (by, seed): (f32, u64),
) -> Option<ValueId> {
    let share = |added: &mut Added| with(added, "Mul", still, 1.0 + by);
    match (rounding, node.input(0)) {
        (Rounding::Unit, _) => with(added, "Add", still, by),
        (Rounding::Sum, Some(data)) if terms(node, typed) > LANES => {
            let [first, sign] = [1, 2].map(|key| shifts(1, mixed(seed, key)).next().unwrap_or(0.0));
            let last_axis = typed.value(data).shape.as_deref().and_then(|shape| shape.last()?.known()).unwrap_or(1);
            let share = share(added)?;
            let lost = lost(added, node, data, terms(node, typed), places(last_axis, first.abs())?)?;
            let lost = with(added, "Mul", lost, (0.75 + 0.25 * sign.abs()).copysign(sign))?;
            Some(added.node("Add", &[share, lost]))
        }
        (Rounding::Sum | Rounding::Terms, _) => {
            with(added, "Mul", still, 1.0 + by * (terms(node, typed) / LANES).sqrt().max(1.0))
        }
        (Rounding::Share, _) => share(added),
        // An error in a sigmoid of a fraction of 1 becomes an error in the result of that fraction of the state, however
        // little of it is let through.
        (Rounding::Gated(state), _) => match state.and_then(|operand| node.input(operand)) {
            Some(state) => {
                let (share, kept) = (share(added)?, with(added, "Mul", state, by)?);
                Some(added.node("Add", &[share, kept]))
            }
            None => share(added),
        },
    }
}

/// Adds nodes after each `f32` result of an operation that rounds, which move it. The original values keep their IDs
/// and are now the moved ones. `typed` is the same graph with its types.
pub(super) fn move_results(graph: &mut Graph, typed: &Graph, seed: &mut u64, bits: u32) {
    let nodes = std::mem::take(&mut graph.nodes);
    for (mut node, like) in nodes.into_iter().zip(&typed.nodes) {
        for (body, like) in node.subgraphs_mut().zip(like.subgraphs()) {
            move_results(&mut body.graph, &like.graph, seed, bits);
        }
        let rounding = node.operator().and_then(|operator| operator.rounding);
        let moved = if matches!(rounding, Some(Rounding::Gated(_))) { node.outputs.len() } else { 1 };
        let mut behind = Vec::new();
        for place in 0..moved.min(node.outputs.len()) {
            let (Some(rounding), Some(id)) = (rounding, node.outputs[place]) else { continue };
            if typed.value(id).dtype != Some(DType::F32) {
                continue;
            }
            *seed = mixed(*seed, 2);
            let by = shifts(1, *seed).next().unwrap_or(0.0) * 0.5_f32.powi(bits as i32);
            let mut added = Added::new(graph, format!("{}:moved:{}", typed.value(id).name, *seed));
            let still = added.value("still");
            if shift(&mut added, typed, (like, rounding, still), (by, *seed)).is_some()
                && let Some(nodes) = added.ending_in(vec![Some(id)])
            {
                node.outputs[place] = Some(still);
                behind.extend(nodes);
            }
        }
        graph.nodes.push(node);
        graph.nodes.append(&mut behind);
    }
}
