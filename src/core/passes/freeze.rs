//! Turns initializers that are also inputs into constants.
//!
//! Since version 4 of the file format, an initializer that is listed among the inputs is a default that a caller may
//! replace, so that no pass may rely on it; before, every initializer had to be listed. Requires: that no caller
//! replaces one, which only the user knows, so that this pass only runs on request; nothing else is assumed. Ensures:
//! no initializer is an input.

use super::Rewrites;
use crate::graph::Model;

pub(super) fn freeze(model: &mut Model) -> Rewrites {
    let graph = &mut model.graph;
    let defaults: Vec<_> = std::mem::take(&mut graph.listed_initializers).into_values().collect();
    let applied = defaults.iter().map(|id| graph.value(*id).name.clone()).collect();
    Rewrites { applied, ..Rewrites::default() }
}

#[cfg(test)]
mod tests {
    use crate::graph::{DType, Graph, Model, Node, Tensor};
    use crate::passes::{self, FOLD_CONSTANTS, FREEZE_DEFAULTS, PassOptions};

    #[test]
    fn a_default_is_a_constant_only_when_frozen() {
        let mut g = Graph::new("g");
        let [x, m, y] = ["x", "m", "y"].map(|n| g.add_value(n, Some(DType::F32), None));
        let c = g.add_initializer("c", Tensor::from_f32(vec![1], &[1.0]).unwrap());
        g.nodes = vec![Node::new("neg", "Neg", vec![c], vec![m]), Node::new("add", "Add", vec![x, m], vec![y])];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g.listed_initializers.insert(1, c);
        let mut model = Model { ir_version: Some(3), ..Model::new(g, 18) };
        let log = passes::run(&mut model, &[FOLD_CONSTANTS, FREEZE_DEFAULTS, FOLD_CONSTANTS], &PassOptions::default())
            .unwrap();
        let applied: Vec<_> = log.iter().map(|pass| pass.applied.clone()).collect();
        assert_eq!(applied, [vec![], vec!["c".to_owned()], vec!["neg".to_owned()]]);
        assert_eq!(model.ir_version, Some(4), "only then may an initializer be no input");
    }
}
