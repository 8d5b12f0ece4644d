//! Moves a `Pad` into the operation that reads it, if that is exact.
//!
//! A convolution pads with zeros, so `Conv(Pad(x), p) = Conv(x, p + pad)` if the `Pad` fills with 0 and leaves batch
//! and channels alone. The same is true of an average pool that counts its padding. One that does not, but has no
//! padding of its own, divides by the whole window, so it becomes one that counts it. A max pool pads with minus
//! infinity, and absorbs a `Pad` that fills with exactly that.
//!
//! Assumes, and checks: pads that are constant, not negative and given once per axis; padding given in numbers rather
//! than as SAME; for a convolution: constant weights that are finite, since zero times infinity is not a number; for
//! pools: no `ceil_mode`, no indices, no dilation, and pads smaller than the kernel, which is all that runtimes allow
//! and keeps a window from covering padding only. Image sizes are not needed. Ensures: the same result; the `Pad` is
//! left to the sweep if nothing else reads it. Exact: the results are the same bit for bit.

use super::edit::work;
use super::{Rewrites, Scope, View};
use crate::graph::{Attribute, Graph, Node, ValueId, place_of};
use crate::reference;

pub(super) fn fuse(graph: &mut Graph, scope: &Scope) -> Rewrites {
    let mut rewrites = Rewrites::default();
    let view = View::new(graph);
    let (mut fused, mut refused) = (Vec::new(), Vec::new());
    for (index, node) in graph.nodes.iter().enumerate() {
        let kind = ["Conv", "AveragePool", "MaxPool"].iter().any(|op| node.is(op));
        if !kind || !node.makes().any(|id| view.uses(id) > 0) {
            continue;
        }
        let mut now = node.clone();
        // A chain of pads is absorbed one by one.
        while let Some((_, pad)) = view.made_by(now.input(0), "Pad") {
            work(1);
            let fits = padding(&view, pad, scope.opset).and_then(|padding| {
                finite_weights(&view, scope, &now)?;
                merged(&now, &padding, scope.opset)
            });
            match fits {
                Ok(merged) => now = Node { inputs: past(pad, &merged), ..merged },
                Err(reason) => {
                    refused.push((index, reason));
                    break;
                }
            }
            rewrites.applied.push(graph.node_name(node).to_owned());
        }
        if now != *node {
            fused.push((index, now));
        }
    }
    refused.into_iter().for_each(|(index, reason)| rewrites.refuse(graph, &graph.nodes[index], reason));
    for (index, node) in fused {
        graph.nodes[index] = node;
    }
    rewrites
}

/// Refuses a convolution whose weights would turn a padded zero into something else.
fn finite_weights(view: &View, scope: &Scope, node: &Node) -> Result<(), Reason> {
    if !node.is("Conv") {
        return Ok(());
    }
    let weight = node.input(1).and_then(|id| view.constant(Some(id)).or_else(|| scope.captured.get(&id)));
    let finite = weight.and_then(reference::real_numbers).is_some_and(|all| all.iter().all(|value| value.is_finite()));
    finite.then_some(()).ok_or("its weights are not known to be finite")
}

/// Returns the inputs of the node with the input of the `Pad` in place of its output.
fn past(pad: &Node, node: &Node) -> Vec<Option<ValueId>> {
    let mut inputs = node.inputs.clone();
    inputs[0] = pad.input(0);
    inputs
}

/// Padding that a `Pad` adds to the axes of an image.
struct Padding {
    begins: Vec<i64>,
    ends: Vec<i64>,
    fill: f64,
}

type Reason = &'static str;

fn padding(view: &View, pad: &Node, opset: i64) -> Result<Padding, Reason> {
    if !matches!(pad.text("mode"), None | Some("constant")) {
        return Err("the Pad mirrors or repeats the image");
    }
    let whole = |index| view.constant(pad.input(index)).and_then(reference::whole_numbers);
    let given = pad.ints(if opset < 2 { "paddings" } else { "pads" }).map(<[i64]>::to_vec);
    let given = given.or_else(|| whole(1)).ok_or("the pads are not constant")?;
    let fill = match pad.input(2) {
        Some(value) => view.constant(Some(value)).and_then(reference::real_numbers).and_then(|v| v.first().copied()),
        None => Some(pad.float("value").unwrap_or(0.0).into()),
    };
    let fill = fill.ok_or("what the Pad fills with is no constant float")?;
    let rank = match pad.input(3) {
        Some(_) => view.shape(pad.input(0)).ok_or("the rank of the image is not known")?.len(),
        None => given.len() / 2,
    };
    let axes = match pad.input(3) {
        Some(_) => whole(3).ok_or("the axes of the Pad are not constant")?,
        None => (0..rank as i64).collect(),
    };
    if rank < 3 || given.len() != 2 * axes.len() {
        return Err("the Pad does not fit an image");
    }
    let (mut begins, mut ends, mut seen) = (vec![0; rank], vec![0; rank], vec![false; rank]);
    for (i, axis) in axes.iter().enumerate() {
        let axis = place_of(*axis, rank).ok_or("the Pad does not fit an image")?;
        if std::mem::replace(&mut seen[axis], true) {
            return Err("the Pad names an axis twice");
        }
        (begins[axis], ends[axis]) = (given[i], given[axes.len() + i]);
    }
    if begins.iter().chain(&ends).any(|pad| *pad < 0) {
        return Err("the Pad crops");
    }
    if begins[..2] != [0, 0] || ends[..2] != [0, 0] {
        return Err("the Pad adds to batch or channels");
    }
    Ok(Padding { begins: begins.split_off(2), ends: ends.split_off(2), fill })
}

/// Returns the node with the padding added to its own.
fn merged(node: &Node, padding: &Padding, opset: i64) -> Result<Node, Reason> {
    let axes = padding.begins.len();
    let own = match (node.text("auto_pad").unwrap_or("NOTSET"), node.ints("pads")) {
        ("NOTSET", Some(pads)) => pads.to_vec(),
        ("NOTSET" | "VALID", _) => vec![0; 2 * axes],
        _ => return Err("it chooses its padding by the size of the image"),
    };
    if own.len() != 2 * axes || own.iter().any(|pad| *pad < 0) {
        return Err("its padding does not fit the image");
    }
    let pads = own.iter().zip(padding.begins.iter().chain(&padding.ends)).map(|(a, b)| a.checked_add(*b));
    let pads = pads.collect::<Option<Vec<_>>>().ok_or("its padding does not fit the image")?;
    let mut merged = node.clone();
    if node.is("MaxPool") {
        if padding.fill != f64::NEG_INFINITY {
            return Err("a MaxPool pads with minus infinity, the Pad does not");
        }
    } else if padding.fill != 0.0 {
        return Err("the Pad does not fill with 0");
    }
    if !node.is("Conv") {
        fits_a_pool(node, &pads)?;
    }
    if node.is("AveragePool") && node.int("count_include_pad").unwrap_or(0) == 0 {
        if own.iter().any(|pad| *pad != 0) {
            return Err("it counts the Pad's zeros but not those of its own padding");
        }
        if opset < 7 {
            return Err("it cannot count padding before operator set 7");
        }
        merged.set("count_include_pad", true);
    }
    merged.attributes.remove("auto_pad");
    merged.set("pads", Attribute::Ints(pads));
    Ok(merged)
}

fn fits_a_pool(node: &Node, pads: &[i64]) -> Result<(), Reason> {
    let kernel = node.ints("kernel_shape").unwrap_or(&[]);
    if kernel.len() * 2 != pads.len() || pads.iter().zip(kernel.iter().chain(kernel)).any(|(pad, size)| pad >= size) {
        return Err("its padding would reach the size of its window");
    }
    if node.ints("dilations").is_some_and(|dilations| dilations.iter().any(|step| *step != 1)) {
        return Err("its window has gaps (dilations)");
    }
    if node.int("ceil_mode").unwrap_or(0) != 0 {
        return Err("its last window may lie half outside (ceil_mode)");
    }
    match node.outputs.len() {
        1 => Ok(()),
        _ => Err("its indices count the padding"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Model, Tensor};
    use crate::passes::{self, DEAD_CODE, FUSE_PAD, PassOptions};

    /// Builds Pad (1 before and 2 after each axis, filling with `fill`) and an operation of window 3 with its own pads
    /// of 0 and 0; `change` may break it.
    fn padded(op: &str, fill: f32, change: impl Fn(&mut Graph)) -> (Model, Model) {
        let mut g = Graph::new("g");
        let [x, p, y] = ["x", "p", "y"].map(|n| g.add_value(n, None, None));
        let pads = g.add_initializer("pads", Tensor::from_i64(&[0, 0, 1, 1, 0, 0, 2, 2]));
        let fill = g.add_initializer("fill", Tensor::from_f32(vec![], &[fill]).unwrap());
        let w: Vec<f32> = (0..9).map(|i| i as f32 - 3.5).collect();
        let mut inputs = vec![p];
        if op == "Conv" {
            inputs.push(g.add_initializer("w", Tensor::from_f32(vec![1, 1, 3, 3], &w).unwrap()));
        }
        let mut node = Node::new("it", op, inputs, vec![y]);
        node.set("kernel_shape", [3, 3]);
        g.nodes = vec![Node::new("pad", "Pad", vec![x, pads, fill], vec![p]), node];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        change(&mut g);
        let before = Model::new(g, 18);
        (before.clone(), before)
    }

    /// Returns the reason why a convolution does not absorb its padding.
    fn refusal(op: &str, change: impl Fn(&mut Graph)) -> String {
        let (_, mut model) = padded(op, 0.0, change);
        let log = passes::run(&mut model, &[FUSE_PAD], &PassOptions::default()).unwrap();
        log[0].refused.first().map_or_else(String::new, |refusal| refusal.reason.clone())
    }

    fn fused(op: &str, fill: f32, change: impl Fn(&mut Graph)) -> bool {
        let (before, mut after) = padded(op, fill, change);
        let log = passes::run(&mut after, &[FUSE_PAD, DEAD_CODE], &PassOptions::default()).unwrap();
        let image: Vec<f32> = (0..20).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
        let image = [Tensor::from_f32(vec![1, 1, 4, 5], &image).unwrap()];
        assert_eq!(reference::run(&before, &image).unwrap(), reference::run(&after, &image).unwrap());
        assert_eq!(log[0].applied.len() + log[0].refused.len(), 1);
        log[0].applied == ["it"] && after.graph.nodes.len() == 1
    }

    #[test]
    fn padding_moves_where_it_is_exact() {
        let none = |_: &mut Graph| ();
        assert!(fused("Conv", 0.0, none));
        assert!(!fused("Conv", 1.0, none));
        assert!(fused("AveragePool", 0.0, none));
        assert!(fused("AveragePool", 0.0, |g| {
            g.nodes[1].set("count_include_pad", true).set("strides", [2, 1]);
        }));
        assert!(!fused("MaxPool", 0.0, none));
        assert!(fused("MaxPool", f32::NEG_INFINITY, none));
    }

    #[test]
    fn padding_stays_where_it_is_not() {
        let with = |name: &'static str, value: Attribute| {
            move |g: &mut Graph| {
                g.nodes[1].attributes.insert(name.into(), value.clone());
            }
        };
        let same = || with("auto_pad", Attribute::String("SAME_UPPER".into()));
        assert!(!fused("Conv", 0.0, same()) && !fused("AveragePool", 0.0, same()));
        // Its own padding does not count, that of the Pad does.
        assert!(!fused("AveragePool", 0.0, with("pads", Attribute::Ints(vec![1; 4]))));
        assert!(fused("Conv", 0.0, with("pads", Attribute::Ints(vec![1; 4]))));
        assert!(!fused("AveragePool", 0.0, with("ceil_mode", Attribute::Int(1))));
        assert!(!fused("MaxPool", f32::NEG_INFINITY, with("dilations", Attribute::Ints(vec![2, 1]))));
        let infinite = |g: &mut Graph| {
            let w = [0.5, f32::INFINITY].repeat(5)[..9].to_vec();
            g.set_initializer(g.find("w").unwrap(), Tensor::from_f32(vec![1, 1, 3, 3], &w).unwrap());
        };
        assert!(!refusal("Conv", infinite).is_empty());
        let an_input = |g: &mut Graph| {
            let w = g.find("w").unwrap();
            g.listed_initializers.insert(1, w);
        };
        assert_eq!(refusal("Conv", an_input), "its weights are not known to be finite");
        let twice = |g: &mut Graph| {
            g.set_initializer(g.find("pads").unwrap(), Tensor::from_i64(&[1, 1, 2, 2]));
            let axes = g.add_initializer("axes", Tensor::from_i64(&[2, -2]));
            g.nodes[0].inputs.push(Some(axes));
            let x = g.inputs[0];
            g.value_mut(x).shape = Some(vec![crate::graph::Dim::Unknown; 4]);
        };
        assert_eq!(refusal("Conv", twice), "the Pad names an axis twice");
        assert!(!fused("AveragePool", 0.0, with("kernel_shape", Attribute::Ints(vec![2, 3]))));
        for (pads, fits) in [([0, 0, 0, -1, 0, 0, 0, 0], false), ([0, 0, 9, 9, 0, 0, 9, 9], true)] {
            let set = |g: &mut Graph| g.set_initializer(g.find("pads").unwrap(), Tensor::from_i64(&pads));
            assert_eq!(fused("Conv", 0.0, set), fits, "{pads:?}");
        }
    }
}
