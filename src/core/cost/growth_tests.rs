//! Twice the model takes twice the accesses.

use super::*;
use crate::graph::counted::{assert_linear, chain};
use crate::report::{Format, render};

#[test]
fn a_summary_takes_in_proportion_to_the_model() {
    for (name, view) in [("layers", View::Layers), ("modules", View::Modules(1)), ("tree", View::Tree(None))] {
        assert_linear(name, |length| {
            let model = with_shapes(chain(length, 0));
            let summary = Summary::new("chain", Analysis::of(&model.graph, Some(2)).unwrap(), view);
            assert!(!render(&summary, Format::Csv).unwrap().is_empty());
        });
    }
}
