//! The rules, one file per family. Each computes types and shapes of a node's outputs; the table of operators says which is whose.

mod attention;
pub(super) mod constant;
mod convolution;
mod elementwise;
mod gather;
mod matrix;
mod normalization;
mod pooling;
mod quantization;
mod recurrent;
mod reduction;
pub(super) mod reshape;
mod resize;
mod selection;
mod signal;
pub(super) mod slicing;
mod window;

use super::context::Context;
use super::fact::Answer;
use crate::graph::DType;
use crate::operators::{Column, operators};

type Rule = fn(&Context) -> Answer;

pub(super) static RULES: Column<Rule> = Column(operators!(shape));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::{Domain, all};

    /// An operator that gains a rule leaves this list, and a row without one has to be put on it.
    #[test]
    fn what_has_no_rule_is_known() {
        let own = all().filter(|operator| operator.domain == Domain::Onnx && operator.control.is_none());
        let unknown = own.filter(|operator| RULES.of(operator).is_none());
        let names: Vec<_> = unknown.map(|operator| operator.name).collect();
        assert_eq!(
            names,
            [
                "ConcatFromSequence",
                "Optional",
                "SequenceAt",
                "SequenceConstruct",
                "SequenceEmpty",
                "SequenceErase",
                "SequenceInsert",
                "SimplifiedLayerNormalization",
                "SplitToSequence"
            ]
        );
    }
}
