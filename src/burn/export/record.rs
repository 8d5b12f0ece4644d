//! The record of an export.

use std::path::Path;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Exported, Verified};
use gnet_core::Result;
use gnet_core::cost::Analysis;
use gnet_core::graph::Graph;
use gnet_core::passes::Refusal;
use gnet_core::report::{Cell, Column, Report, Table, number};
use gnet_core::words::counted;

/// State of the graph after one step of an export.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Name of the step.
    pub step: String,
    /// Number of nodes afterwards (operations of the forward, for the first step).
    pub nodes: usize,
    /// Number of learned parameters afterwards.
    pub params: u64,
    /// Size of initializers afterwards, in bytes.
    pub bytes: u64,
}

impl Step {
    pub(super) fn of(step: &str, graph: &Graph) -> Result<Self> {
        // Quantities that cannot be counted, such as MACs over an open axis, are not requested.
        let params = Analysis::of(graph, None)?.params;
        Ok(Self { step: step.to_owned(), nodes: graph.nodes.len(), params, bytes: graph.initializer_bytes() })
    }
}

/// Record of an export, as `gnet export --format json` prints it.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct ExportRecord {
    /// Path of the file that was written.
    pub path: String,
    /// Size in bytes.
    pub bytes: u64,
    /// Number of nodes of its graph.
    pub nodes: usize,
    /// Number of its learned parameters.
    pub params: u64,
    /// Number of learned parameters removed with the pruned outputs, without those saved by folding.
    pub pruned_params: u64,
    /// Largest difference of a logit between Burn and the file in tract; `null` without verification.
    pub max_abs_diff: Option<f64>,
    /// Whether that was measured on a copy with redrawn weights, because the network's own outputs hardly depend on its
    /// inputs.
    pub redrawn: bool,
    /// Version of ONNX's operator set.
    pub opset: i64,
    /// Names of the outputs that were pruned.
    pub pruned_outputs: Vec<String>,
    /// Learned parameters of the module and of the graph after each step.
    pub steps: Vec<Step>,
    /// BatchNorms that were not folded, with the reason.
    pub refused: Vec<Refusal>,
}

impl ExportRecord {
    /// Describes an export that was written to `path`, with its verification if there was one.
    ///
    /// # Errors
    /// Fails if the graph cannot be counted.
    pub fn new(path: &Path, exported: &Exported, verified: Option<&Verified>) -> Result<Self> {
        let pruned = &exported.pruned;
        let forward = Step {
            step: "forward".to_owned(),
            nodes: pruned.operations_before,
            params: pruned.params_before,
            bytes: pruned.bytes_before,
        };
        let last = Step::of("passes", &exported.model.graph)?;
        Ok(Self {
            path: path.display().to_string(),
            bytes: exported.bytes.len() as u64,
            nodes: last.nodes,
            params: last.params,
            pruned_params: pruned.params,
            max_abs_diff: verified.map(|verified| verified.max_abs_diff),
            redrawn: verified.is_some_and(|verified| verified.redrawn),
            opset: exported.model.opset,
            pruned_outputs: pruned.outputs.clone(),
            steps: vec![forward, exported.lowered.clone(), last],
            refused: exported.passes.iter().flat_map(|p| p.refused.clone()).collect(),
        })
    }
}

impl Report for ExportRecord {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("after"),
            Column::number("nodes"),
            Column::number("params"),
            Column::number("initializers").unit("bytes"),
        ];
        let mut table = Table::new(format!("Export of {}", self.path), columns);
        for step in &self.steps {
            table.row([
                Cell::from(step.step.as_str()),
                Cell::from(step.nodes as u64),
                Cell::from(step.params),
                Cell::from(step.bytes),
            ]);
        }
        let pruned = match self.pruned_outputs.as_slice() {
            [] => "pruned nothing".to_owned(),
            outputs => {
                format!(
                    "pruned {} with {}",
                    outputs.join(", "),
                    counted(number::thousands(self.pruned_params.into()), "parameter")
                )
            }
        };
        table.note(pruned);
        table.note(format!("wrote {}, opset {}", counted(number::thousands(self.bytes.into()), "byte"), self.opset));
        table.note(match self.max_abs_diff {
            Some(diff) if self.redrawn => format!(
                "its outputs hardly depend on its inputs; with its weights redrawn Burn and tract agree: largest difference \
                 {diff:.2e}"
            ),
            Some(diff) => format!("Burn and tract agree: largest difference {diff:.2e}"),
            None => "not verified (--no-verify)".to_owned(),
        });
        for refusal in &self.refused {
            table.note(format!("kept {}: {}", refusal.node, refusal.reason));
        }
        vec![table]
    }
}
