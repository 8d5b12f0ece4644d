//! Restores `LRN` from the twelve operations that Burn's `LocalResponseNorm` records.
//!
//! Both compute `y = x / (k + alpha / size * sum of x^2 over size channels)^beta` (Krizhevsky et al. 2012, section 3.3;
//! ONNX operator `LRN`, where `k` is `bias`). Burn computes the sum with an average pool over the channels: the squares
//! are flattened to `[N, C, D]`, transposed so that the channels come last, pooled including padding, and transposed
//! back. Assumes, and checks: exactly that chain, of images of rank 4, the only rank that runtimes support; consistent
//! shapes at each end of it, where an unknown size proves nothing; an odd, centred window of adjacent neighbours;
//! constants that broadcast to nothing larger; operator set 7 or later, before which additions and products had other
//! broadcasting rules. Intermediate values with other readers stay. Ensures: the same result up to rounding; the chain
//! is left to the sweep.

use super::bodies::Scope;
use super::view::same_shape;
use super::{Rewrites, View};
use crate::graph::{Dim, Graph, Node, ValueId};

struct Lrn {
    x: ValueId,
    size: i64,
    alpha: f32,
    beta: f32,
    bias: f32,
}

pub(super) fn restore(graph: &mut Graph, scope: &Scope) -> Rewrites {
    let mut rewrites = Rewrites::default();
    if scope.opset < 7 {
        return rewrites;
    }
    let view = View::new(graph);
    let live = |node: &Node| node.makes().any(|id| view.uses(id) > 0);
    let found = (0..graph.nodes.len()).filter(|i| live(&graph.nodes[*i]));
    let found: Vec<_> = found.filter_map(|i| Some((i, recognise(&view, &graph.nodes[i])?))).collect();
    for (index, lrn) in found {
        let node = &mut graph.nodes[index];
        let name = node.name.replace("Div", "LRN");
        *node = Node { op_type: "LRN".to_owned(), inputs: vec![Some(lrn.x)], name, ..node.clone() };
        node.set("size", lrn.size).set("alpha", lrn.alpha).set("beta", lrn.beta).set("bias", lrn.bias);
        rewrites.applied.push(node.name.clone());
    }
    rewrites
}

/// Recognises the chain backwards from its last operation, the division.
fn recognise(view: &View, div: &Node) -> Option<Lrn> {
    let x = div.is("Div").then(|| div.input(0))??;
    let (_, pow) = view.made_by(div.input(1), "Pow")?;
    let (_, add) = view.made_by(pow.input(0), "Add")?;
    let (_, mul) = view.made_by(add.input(0), "Mul")?;
    let shape = view.shape(Some(x)).filter(|shape| shape.len() == 4)?;
    let pooled = swap_channels(view, mul.input(0), shape, Node::output)?;
    let (_, pool) = view.made_by(Some(pooled), "AveragePool")?;
    let squares = swap_channels(view, pool.input(0), shape, |transpose| transpose.input(0))?;
    let size = window(pool)?;
    let same_place = view.shape(pool.input(0))?.get(2)?.known()? == shape[1].known()?
        && same_shape(view.shape(mul.input(0))?, shape);
    (same_place && is_square_of(view, squares, x)).then_some(())?;
    Some(Lrn {
        x,
        size,
        alpha: view.scalar(mul.input(1), 4)?,
        beta: view.scalar(pow.input(1), 4)?,
        bias: view.scalar(add.input(1), 4)?,
    })
}

/// Follows `Reshape, Transpose, Reshape` backwards, where the transpose swaps channels and positions of `[N, C, D]`,
/// the flattened form of a tensor of `shape`; `images` is the end of this chain.
fn swap_channels(
    view: &View,
    value: Option<ValueId>,
    shape: &[Dim],
    images: impl Fn(&Node) -> Option<ValueId>,
) -> Option<ValueId> {
    let (_, last) = view.made_by(value, "Reshape")?;
    let (_, transpose) = view.made_by(last.input(0), "Transpose")?;
    let (_, first) = view.made_by(transpose.input(0), "Reshape")?;
    let flat = view.shape(images(transpose))?;
    let swaps = transpose.ints("perm")? == [0, 2, 1] && flat.len() == 3 && same_shape(flat.get(..2)?, shape.get(..2)?);
    swaps.then(|| first.input(0))?
}

/// Returns the window of a pool that averages over an odd number of neighbours, including padding.
fn window(pool: &Node) -> Option<i64> {
    let [size] = *pool.ints("kernel_shape")? else { return None };
    let half = size / 2;
    let centred = size % 2 == 1 && pool.ints("pads") == Some(&[half, half]) && pool.ints("strides") == Some(&[1]);
    let plain =
        pool.text("auto_pad").is_none_or(|how| how == "NOTSET") && pool.ints("dilations").is_none_or(|d| d == [1]);
    (centred && plain && pool.int("count_include_pad") == Some(1) && pool.int("ceil_mode").unwrap_or(0) == 0)
        .then_some(size)
}

fn is_square_of(view: &View, squares: ValueId, x: ValueId) -> bool {
    if let Some((_, mul)) = view.made_by(Some(squares), "Mul") {
        return mul.input(0) == Some(x) && mul.input(1) == Some(x);
    }
    view.made_by(Some(squares), "Pow")
        .is_some_and(|(_, pow)| pow.input(0) == Some(x) && view.scalar(pow.input(1), 4) == Some(2.0))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::graph::{Attribute, DType, Tensor};

    /// Builds the chain for `x` of shape [2, 8, 3, 3]; `change` may break it.
    fn chain(change: impl Fn(&mut Graph)) -> Graph {
        let mut g = Graph::new("g");
        let mut value = |name: &str, dims: &[usize]| {
            g.add_value(name, Some(DType::F32), Some(dims.iter().map(|d| Dim::Known(*d)).collect()))
        };
        let x = value("x", &[2, 8, 3, 3]);
        let square = value("square", &[2, 8, 3, 3]);
        let shapes: [(&str, &[usize]); 7] = [
            ("flat", &[2, 8, 9]),
            ("moved", &[2, 9, 8]),
            ("rows", &[18, 1, 8]),
            ("pooled", &[18, 1, 8]),
            ("split", &[2, 9, 8]),
            ("back", &[2, 8, 9]),
            ("mean", &[2, 8, 3, 3]),
        ];
        let [flat, moved, rows, pooled, split, back, mean] = shapes.map(|(name, dims)| value(name, dims));
        let [scaled, shifted, root, y] = ["scaled", "shifted", "root", "y"].map(|name| value(name, &[2, 8, 3, 3]));
        let mut number = |name: &str, v: f32| g.add_initializer(name, Tensor::from_f32(vec![], &[v]).unwrap());
        let [alpha, k, beta] = [("alpha", 0.5), ("k", 2.0), ("beta", 0.75)].map(|(name, v)| number(name, v));
        let target = g.add_initializer("target", Tensor::from_i64(&[0, 0, -1]));
        let mut pool = Node::new("pool", "AveragePool", vec![rows], vec![pooled]);
        pool.set("kernel_shape", [5]).set("strides", [1]).set("pads", [2, 2]).set("count_include_pad", true);
        let swap = |name: &str, from, to| {
            let mut node = Node::new(name, "Transpose", vec![from], vec![to]);
            node.set("perm", [0, 2, 1]);
            node
        };
        let reshape = |name: &str, from, to| Node::new(name, "Reshape", vec![from, target], vec![to]);
        g.nodes = vec![
            Node::new("sq", "Mul", vec![x, x], vec![square]),
            reshape("r1", square, flat),
            swap("t1", flat, moved),
            reshape("r2", moved, rows),
            pool,
            reshape("r3", pooled, split),
            swap("t2", split, back),
            reshape("r4", back, mean),
            Node::new("mul", "Mul", vec![mean, alpha], vec![scaled]),
            Node::new("add", "Add", vec![scaled, k], vec![shifted]),
            Node::new("pow", "Pow", vec![shifted, beta], vec![root]),
            Node::new("lrn/Div", "Div", vec![x, root], vec![y]),
        ];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        change(&mut g);
        g
    }

    fn restore(graph: &mut Graph, opset: i64) -> Vec<String> {
        super::restore(graph, &Scope { opset, captured: &HashMap::new() }).applied
    }

    fn restored(change: impl Fn(&mut Graph)) -> usize {
        restore(&mut chain(change), 18).len()
    }

    #[test]
    fn the_chain_becomes_one_node() {
        let mut g = chain(|_| ());
        assert_eq!(restore(&mut g, 18), ["lrn/LRN"]);
        let lrn = &g.nodes[11];
        assert_eq!((lrn.int("size"), lrn.float("alpha")), (Some(5), Some(0.5)));
        assert_eq!((lrn.float("beta"), lrn.float("bias")), (Some(0.75), Some(2.0)));
    }

    #[test]
    fn a_chain_that_means_something_else_stays() {
        assert_eq!(restored(|_| ()), 1, "the unspoilt chain is recognised");
        assert_eq!(
            restored(|g| {
                g.nodes[4].set("pads", [4, 0]);
            }),
            0,
            "an off-centre window"
        );
        assert_eq!(
            restored(|g| {
                g.nodes[4].set("count_include_pad", false);
            }),
            0,
            "padding not counted"
        );
        assert_eq!(
            restored(|g| {
                g.nodes[4].set("strides", [2]);
            }),
            0,
            "a stride"
        );
        assert_eq!(
            restored(|g| {
                g.nodes[2].set("perm", [0, 1, 2]);
            }),
            0,
            "a pool over positions"
        );
        let shape = |g: &mut Graph, name: &str, dims: [usize; 3]| {
            let id = g.find(name).unwrap();
            g.value_mut(id).shape = Some(dims.map(Dim::Known).to_vec());
        };
        assert_eq!(restored(|g| shape(g, "flat", [16, 9, 1])), 0, "other channels");
        assert_eq!(restored(|g| shape(g, "back", [8, 2, 9])), 0, "other images on the way back");
        assert_eq!(restored(|g| g.nodes[0].inputs[1] = g.nodes[8].inputs[1]), 0, "no square");
        assert_eq!(restored(|g| g.nodes[8].op_type = "Div".into()), 0, "another operation in the chain");
    }
    #[test]
    fn what_is_not_proved_is_not_assumed() {
        let dims = |g: &mut Graph, name: &str, change: &dyn Fn(&mut Vec<Dim>)| {
            let id = g.find(name).unwrap();
            change(g.value_mut(id).shape.as_mut().unwrap());
        };
        let all = ["x", "square", "flat", "moved", "split", "back", "mean"];
        let batch = |dim: Dim| restored(|g| all.iter().for_each(|name| dims(g, name, &|shape| shape[0] = dim.clone())));
        assert_eq!((batch(Dim::symbol("N")), batch(Dim::Unknown)), (1, 0), "two unknown batches may differ");
        let number = |shape: Vec<usize>| {
            restored(|g| g.set_initializer(g.find("k").unwrap(), Tensor::from_f32(shape.clone(), &[2.0]).unwrap()))
        };
        assert_eq!((number(vec![1; 4]), number(vec![1; 5])), (1, 0), "a number of rank 5 makes the result rank 5");
        assert_eq!(restored(|g| dims(g, "x", &|shape| shape.push(Dim::Known(1)))), 0, "no image");
        let pool =
            |name: &str, value: Attribute| restored(|g| drop(g.nodes[4].attributes.insert(name.into(), value.clone())));
        assert_eq!(pool("dilations", Attribute::Ints(vec![2])), 0, "every second neighbour");
        assert_eq!(pool("auto_pad", Attribute::String("SAME_UPPER".into())), 0);
        assert!(restore(&mut chain(|_| ()), 6).is_empty(), "an old sum broadcasts otherwise");
    }
}
