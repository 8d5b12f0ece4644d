//! Budgets for networks: limits and expected counts, checked against a file, as `gnet check` does in CI.
//!
//! A rule that cannot be evaluated because a node cannot be counted does not hold: it is never skipped.

mod amount;
mod record;

use std::collections::{BTreeMap, BTreeSet};

use crate::cost::{Analysis, Quantity};
use crate::graph::Graph;
use crate::{OnnxFile, Result};

pub use amount::{Amount, Figure};
pub use record::{Outcome, Verdict};

/// Quantity that a limit applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Learned parameters.
    Params,
    /// Elements of kernels and matrices.
    Weights,
    /// Multiply-accumulates for one item of the batch.
    Macs,
    /// Floating-point operations for one item: twice the MACs.
    Flops,
    /// Size of the file in bytes, including external data.
    Bytes,
    /// Peak memory of activations in use at once, in bytes, at the batch.
    PeakMemory,
    /// Bytes read and written, at the batch.
    MovedBytes,
}

impl Metric {
    /// Returns the name in flags and documents, following `max-` or `expect-`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Params => "params",
            Self::Weights => "weights",
            Self::Macs => "macs",
            Self::Flops => "flops",
            Self::Bytes => "bytes",
            Self::PeakMemory => "peak-memory",
            Self::MovedBytes => "moved-bytes",
        }
    }

    fn value(self, facts: &Facts) -> u64 {
        let analysis = &facts.analysis;
        match self {
            Self::Params => analysis.params,
            Self::Weights => analysis.weights,
            Self::Macs => analysis.macs,
            Self::Flops => analysis.flops,
            Self::Bytes => facts.bytes,
            Self::PeakMemory => analysis.peak_bytes,
            Self::MovedBytes => analysis.read_bytes.saturating_add(analysis.written_bytes),
        }
    }

    /// Returns the quantity whose uncounted nodes make the metric incomplete.
    fn quantity(self) -> Option<Quantity> {
        match self {
            Self::Params | Self::Weights => Some(Quantity::Params),
            Self::Macs | Self::Flops => Some(Quantity::Macs),
            Self::PeakMemory | Self::MovedBytes => Some(Quantity::Bytes),
            Self::Bytes => None,
        }
    }
}

/// One rule of a budget.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// At most this amount.
    AtMost(Metric, Amount),
    /// Exactly this figure, or one that tables print the same way.
    Expect(Metric, Figure),
    /// Allowed operations of nodes: `Conv`, or `com.microsoft:FusedConv` of a domain other than ONNX's own.
    OpsAllowed(BTreeSet<String>),
    /// Maximum version of ONNX's operator set.
    OpsetAtMost(i64),
}

/// Facts that rules are checked against.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Name of the file.
    pub subject: String,
    /// Cost of its graph.
    pub analysis: Analysis,
    /// Size in bytes.
    pub bytes: u64,
    /// Version of ONNX's operator set.
    pub opset: i64,
    /// Number of nodes of each operation.
    pub ops: BTreeMap<String, usize>,
}

impl Facts {
    /// Returns the facts of a file whose cost has been counted.
    ///
    /// # Errors
    /// Those of [`OnnxFile::model`] and [`OnnxFile::size`].
    pub fn of_file(file: &OnnxFile, analysis: Analysis) -> Result<Self> {
        let model = file.model()?;
        Ok(Self {
            subject: file.path().map_or_else(|| "the model".to_owned(), |path| path.display().to_string()),
            analysis,
            bytes: file.size()?,
            opset: model.opset,
            ops: operations(&model.graph),
        })
    }
}

/// Counts the nodes of each operation in a graph and its subgraphs; an operation of a domain other than ONNX's own is
/// prefixed with its domain.
pub fn operations(graph: &Graph) -> BTreeMap<String, usize> {
    let mut ops = BTreeMap::new();
    for node in graph.with_subgraphs().into_iter().flat_map(|graph| &graph.nodes) {
        let name = match node.domain.as_str() {
            "" | "ai.onnx" => node.op_type.clone(),
            domain => format!("{domain}:{}", node.op_type),
        };
        *ops.entry(name).or_insert(0) += 1;
    }
    ops
}

/// Checks every rule against the facts, in order.
pub fn check(facts: &Facts, rules: &[Rule]) -> Verdict {
    let outcomes: Vec<_> = rules.iter().map(|rule| rule.hold(facts)).collect();
    Verdict {
        subject: facts.subject.clone(),
        passed: outcomes.iter().all(|outcome| outcome.passed),
        batch: facts.analysis.batch,
        batch_axis: facts.analysis.batch_axis.clone(),
        rules: outcomes,
        uncounted: facts.analysis.uncounted.clone(),
    }
}

impl Rule {
    /// Returns the name in flags and documents.
    pub fn name(&self) -> String {
        match self {
            Self::AtMost(metric, _) => format!("max-{}", metric.name()),
            Self::Expect(metric, _) => format!("expect-{}", metric.name()),
            Self::OpsAllowed(_) => "ops-allowed".to_owned(),
            Self::OpsetAtMost(_) => "opset-max".to_owned(),
        }
    }

    /// Returns the limit as it was given.
    pub fn limit(&self) -> String {
        match self {
            Self::AtMost(_, limit) => limit.text.clone(),
            Self::Expect(_, figure) => figure.text.clone(),
            Self::OpsAllowed(allowed) => allowed.iter().cloned().collect::<Vec<_>>().join(","),
            Self::OpsetAtMost(most) => most.to_string(),
        }
    }

    fn hold(&self, facts: &Facts) -> Outcome {
        match self {
            Self::AtMost(metric, limit) => self.outcome().metric(*metric, facts, 0, limit.value),
            Self::Expect(metric, figure) => self.outcome().metric(*metric, facts, figure.low, figure.high),
            Self::OpsAllowed(allowed) => {
                let others: Vec<_> = facts.ops.iter().filter(|(op, _)| !allowed.contains(*op)).collect();
                let nodes = others.iter().map(|(_, nodes)| **nodes as u64).sum();
                let listed: Vec<_> = others.iter().map(|(op, nodes)| format!("{nodes} {op}")).collect();
                let reason = (nodes > 0).then(|| format!("not allowed: {}", listed.join(", ")));
                Outcome { reason, ..self.outcome().between(nodes, 0, 0) }
            }
            Self::OpsetAtMost(limit) => {
                let most = u64::try_from(*limit).unwrap_or(0);
                match u64::try_from(facts.opset) {
                    Ok(opset) => self.outcome().between(opset, 0, most),
                    Err(_) => {
                        let reason = Some(format!("the file says opset {}", facts.opset));
                        Outcome { reason, ..self.outcome() }
                    }
                }
            }
        }
    }

    /// Creates an outcome without a finding: not passed.
    fn outcome(&self) -> Outcome {
        Outcome { rule: self.name(), limit: self.limit(), ..Outcome::default() }
    }
}

impl Outcome {
    /// Checks a count, of which every part must be known for the rule to hold.
    fn metric(self, metric: Metric, facts: &Facts, low: u64, high: u64) -> Self {
        let outcome = self.between(metric.value(facts), low, high);
        let missing: Vec<_> = metric.quantity().into_iter().flat_map(|what| facts.analysis.missing(what)).collect();
        let Some(first) = missing.first() else { return outcome };
        let more = if missing.len() > 1 { format!(" (and {} more)", missing.len() - 1) } else { String::new() };
        let what = first.what.name();
        let reason = format!("{what} of {} ({}) cannot be counted: {}{more}", first.name, first.op, first.reason);
        // A lower bound above the limit exceeds it for certain; below the limit it says nothing.
        let off_by = outcome.off_by.filter(|off| *off > 0);
        Self { at_least: true, passed: false, off_by, reason: Some(reason), ..outcome }
    }

    fn between(self, found: u64, low: u64, high: u64) -> Self {
        let off = i128::from(found) - i128::from(found.clamp(low, high.max(low)));
        let off = off.clamp(i64::MIN.into(), i64::MAX.into()) as i64;
        Self { found: Some(found), off_by: Some(off), passed: off == 0, ..self }
    }
}

#[cfg(test)]
mod tests;
