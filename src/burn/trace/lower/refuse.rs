//! Refusals: one sentence with the operation's name, its module path and its shapes.

use burn::backend::ir::TensorIr;

use super::Lower;
use crate::trace::operations::{Operation, Standing};
use gnet_core::{Error, Result};

impl Lower<'_> {
    /// Returns the error for an operation without a lowering; its standing gives the reason.
    pub(super) fn unknown(&self) -> Error {
        match Operation::of(self.current()).standing {
            Standing::Missing(reason) | Standing::Outside(reason) => {
                self.refusal(&format!("has no lowering to ONNX: {reason}"))
            }
            Standing::Lowered | Standing::Replaced(_) => self.refusal("has no lowering to ONNX"),
        }
    }

    /// Returns the error for an operation that has a lowering, but not in this form.
    pub(super) fn refusal(&self, reason: &str) -> Error {
        let op = self.current();
        let text = |t: &TensorIr| format!("{:?}", t.shape.to_vec());
        let (inputs, outputs): (Vec<_>, Vec<_>) = (op.inputs().map(text).collect(), op.outputs().map(text).collect());
        let shapes = match inputs.is_empty() {
            true => format!("no inputs, output of shape {}", outputs.join(", ")),
            false => format!("inputs of shape {}", inputs.join(", ")),
        };
        Error::input(self.thing(), format!("{reason} ({shapes})"))
            .remedy("keep only outputs that do not need it, or write the layer with supported operations")
    }

    /// Refuses the current operation if the requested operator set is older than `opset`.
    pub(super) fn needs(&self, opset: i64) -> Result<()> {
        if self.opset >= opset {
            return Ok(());
        }
        let reason = format!("needs opset {opset}, and opset {} was asked for", self.opset);
        Err(Error::input(self.thing(), reason).remedy(format!("export with opset {opset} or newer")))
    }

    fn thing(&self) -> String {
        format!("operation {} in {}", Operation::of(self.current()).name, self.place())
    }

    pub(super) fn current(&self) -> &burn::backend::ir::OperationIr {
        &self.trace.operations[self.index]
    }
}
