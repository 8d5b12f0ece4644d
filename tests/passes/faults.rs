//! Passes with a planted fault: the check that guards the real ones has to catch each.

use gnet::graph::{Attribute, Model, Tensor};
use gnet::passes::{self, DROP_IDENTITY, FOLD_BATCH_NORM, FOLD_CONSTANTS, FUSE_PAD, Pass, PassOptions, Rewrites};

use super::generate::{network, series};
use super::judge::violation;
use super::nested::fixed;

type Run = fn(&mut Model, &PassOptions) -> gnet::Result<Rewrites>;

/// A real pass, then something undone.
fn after(pass: Pass, model: &mut Model, options: &PassOptions, spoil: impl Fn(&mut Model)) -> gnet::Result<Rewrites> {
    let log = passes::run(model, &[pass], options)?.remove(0);
    if !log.applied.is_empty() {
        spoil(model);
    }
    Ok(log)
}

/// The bias of the first folded Conv, ConvTranspose or Gemm is off by a thousandth of its largest number.
fn fold_with_a_wrong_bias(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    after(FOLD_BATCH_NORM, model, options, |model| {
        let graph = &mut model.graph;
        let bias = graph.nodes.iter().filter(|n| n.is("Conv") || n.is("Gemm")).find_map(|n| n.input(2));
        let values = bias.and_then(|id| Some((id, graph.initializer(id)?.to_f32()?)));
        if let Some((id, mut values)) = values {
            values[0] += 0.01 + values[0].abs() * 0.01;
            graph.set_initializer(id, Tensor::from_f32(vec![values.len()], &values).unwrap());
        }
    })
}

/// A Relu counts as a no-op.
fn drop_too_much(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    if let Some(node) = model.graph.nodes.iter_mut().find(|node| node.is("Relu")) {
        node.op_type = "Identity".to_owned();
    }
    passes::run(model, &[DROP_IDENTITY], options).map(|mut log| log.remove(0))
}

/// As [`drop_too_much`], in the first branch or body that has a Relu.
fn drop_too_much_inside(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    let bodies = model.graph.nodes.iter_mut().flat_map(gnet::graph::Node::subgraphs_mut);
    if let Some(node) = bodies.flat_map(|body| &mut body.graph.nodes).find(|node| node.is("Relu")) {
        node.op_type = "Identity".to_owned();
    }
    passes::run(model, &[DROP_IDENTITY], options).map(|mut log| log.remove(0))
}

/// Swaps the captures of a body.
fn swap_captures(model: &mut Model, _: &PassOptions) -> gnet::Result<Rewrites> {
    for body in model.graph.nodes.iter_mut().flat_map(gnet::graph::Node::subgraphs_mut) {
        let outer: Vec<_> = body.captures.iter().rev().map(|capture| capture.outer).collect();
        body.captures.iter_mut().zip(outer).for_each(|(capture, outer)| capture.outer = outer);
    }
    Ok(Rewrites::default())
}

/// Two nodes of one operation and the same input are one, whatever their attributes.
fn merge_without_attributes(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    for node in &mut model.graph.nodes {
        if node.is("LeakyRelu") {
            node.set("alpha", 0.0);
        }
    }
    passes::run(model, &[passes::ELIMINATE_COMMON_SUBEXPRESSIONS], options).map(|mut log| log.remove(0))
}

/// The padding is added before the image alone.
fn pad_one_side(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    after(FUSE_PAD, model, options, |model| {
        for node in &mut model.graph.nodes {
            if let Some(Attribute::Ints(pads)) = node.attributes.get_mut("pads") {
                pads.reverse();
            }
        }
    })
}

/// A folded constant has its first number's last bit turned.
fn fold_a_bit_off(model: &mut Model, options: &PassOptions) -> gnet::Result<Rewrites> {
    let before: Vec<_> = model.graph.initializers().map(|(id, _)| id).collect();
    after(FOLD_CONSTANTS, model, options, |model| {
        let graph = &mut model.graph;
        let new: Vec<_> = graph.initializers().map(|(id, _)| id).filter(|id| !before.contains(id)).collect();
        for id in new {
            let values = graph.initializer(id).and_then(Tensor::to_f32).filter(|values| !values.is_empty());
            let Some(mut values) = values else { continue };
            values[0] = f32::from_bits(values[0].to_bits() ^ 1);
            let shape = graph.initializer(id).unwrap().shape().to_vec();
            graph.set_initializer(id, Tensor::from_f32(shape, &values).unwrap());
        }
    })
}

/// The outputs change places.
fn swap_outputs(model: &mut Model, _: &PassOptions) -> gnet::Result<Rewrites> {
    model.graph.outputs.reverse();
    Ok(Rewrites::default())
}

#[test]
fn every_planted_fault_is_caught() {
    let faults: [(&str, bool, Run); 6] = [
        ("a wrong bias", false, fold_with_a_wrong_bias),
        ("a Relu dropped", true, drop_too_much),
        ("attributes ignored", true, merge_without_attributes),
        ("padding on the wrong side", true, pad_one_side),
        ("a constant a bit off", true, fold_a_bit_off),
        ("outputs swapped", true, swap_outputs),
    ];
    for (name, exact, run) in faults {
        let pass = Pass::new("planted", "a fault", exact, run);
        let caught = (0..300).filter(|n| violation(&network(&series(*n)), &[pass], exact).is_err()).count();
        assert!(caught >= 3, "{name}: caught in {caught} of 300 networks");
    }
}

#[test]
fn faults_inside_branches_and_loops_are_caught() {
    let faults: [(&str, Run); 2] =
        [("a Relu dropped inside", drop_too_much_inside), ("captures swapped", swap_captures)];
    for (name, run) in faults {
        let pass = Pass::new("planted", "a fault", true, run);
        let caught = (0..20).filter(|n| violation(&fixed(*n), &[pass], true).is_err()).count();
        assert!(caught >= 3, "{name}: caught in {caught} of 20 networks");
    }
}
