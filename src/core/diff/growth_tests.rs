//! Twice the model takes twice the accesses.

use super::*;
use crate::graph::counted::{assert_linear, chain};

#[test]
fn a_comparison_takes_in_proportion_to_the_models() {
    for (name, salt) in [("equal", 0), ("other names and weights", 1)] {
        assert_linear(name, |length| {
            let (a, b) = (chain(length, 0), chain(length, salt));
            let found = diff(("a", &a), ("b", &b), DiffOptions { tolerance: 0.0 }).unwrap();
            assert_eq!(found.equal, salt == 0);
        });
    }
    // Nodes that only one of them has.
    assert_linear("removed and added", |length| {
        let (mut a, mut b) = (chain(length, 0), chain(length, 0));
        for (model, name) in [(&mut a, "a"), (&mut b, "b")] {
            let mut ids: Vec<_> = model.graph.initializers().map(|(id, _)| id).collect();
            ids.retain(|id| model.graph.value(*id).name.starts_with("unread"));
            ids.into_iter().for_each(|id| model.graph.value_mut(id).name.push_str(name));
        }
        let found = diff(("a", &a), ("b", &b), DiffOptions { tolerance: 0.0 }).unwrap();
        assert_eq!(found.weights.len(), 2 * length);
    });
}
