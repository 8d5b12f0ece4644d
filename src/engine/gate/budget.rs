//! `[budget]`: what `gnet check` holds a file against.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::record::Outcome;
use super::site::{Rule, Site};
use super::values::{As, Count, Name, Size};
use gnet_core::Result;
use gnet_core::check::{self, Facts, Figure, Metric};
use gnet_core::cost::{BatchChoice, Counting};

/// The section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Budget {
    max_params: Option<As<Count>>,
    max_weights: Option<As<Count>>,
    max_macs: Option<As<Count>>,
    max_flops: Option<As<Count>>,
    max_bytes: Option<As<Size>>,
    max_peak_memory: Option<As<Size>>,
    max_moved_bytes: Option<As<Size>>,
    expect_params: Option<As<Figure>>,
    expect_weights: Option<As<Figure>>,
    expect_macs: Option<As<Figure>>,
    ops_allowed: Option<Vec<String>>,
    opset_max: Option<u32>,
    batch: Option<usize>,
    batch_axis: Option<Name<BatchChoice>>,
}

impl Budget {
    /// Returns the rules with the names of their keys.
    fn rules(&self) -> Vec<(&'static str, check::Rule)> {
        let count = |limit: &Option<As<Count>>| limit.clone().map(|As(Count(amount))| amount);
        let size = |limit: &Option<As<Size>>| limit.clone().map(|As(Size(amount))| amount);
        let most = [
            ("max_params", Metric::Params, count(&self.max_params)),
            ("max_weights", Metric::Weights, count(&self.max_weights)),
            ("max_macs", Metric::Macs, count(&self.max_macs)),
            ("max_flops", Metric::Flops, count(&self.max_flops)),
            ("max_bytes", Metric::Bytes, size(&self.max_bytes)),
            ("max_peak_memory", Metric::PeakMemory, size(&self.max_peak_memory)),
            ("max_moved_bytes", Metric::MovedBytes, size(&self.max_moved_bytes)),
        ];
        let expected = [
            ("expect_params", Metric::Params, &self.expect_params),
            ("expect_weights", Metric::Weights, &self.expect_weights),
            ("expect_macs", Metric::Macs, &self.expect_macs),
        ];
        let most = most.into_iter().filter_map(|(key, metric, limit)| Some((key, check::Rule::AtMost(metric, limit?))));
        let expected = expected.into_iter().filter_map(|(key, metric, figure)| {
            let As(figure) = figure.clone()?;
            Some((key, check::Rule::Expect(metric, figure)))
        });
        let allowed = self.ops_allowed.iter().map(|ops| ops.iter().cloned().collect::<BTreeSet<_>>());
        let ops = allowed.map(|ops| ("ops_allowed", check::Rule::OpsAllowed(ops)));
        let opset = self.opset_max.map(|most| ("opset_max", check::Rule::OpsetAtMost(most.into())));
        most.chain(expected).chain(ops).chain(opset).collect()
    }

    /// Returns `true` if it holds no rule.
    pub fn is_empty(&self) -> bool {
        self.rules().is_empty()
    }
}

/// Returns the unit of a rule's count.
fn unit(rule: &check::Rule) -> Option<&'static str> {
    match rule {
        check::Rule::AtMost(Metric::Bytes | Metric::PeakMemory | Metric::MovedBytes, _) => Some("bytes"),
        check::Rule::OpsAllowed(_) => Some("other nodes"),
        _ => None,
    }
}

impl Rule for Budget {
    fn outcomes(&self) -> Vec<Outcome> {
        let on = self.batch.map_or(String::new(), |batch| format!("batch {batch}"));
        let rules = self.rules();
        rules.iter().map(|(key, rule)| Outcome::new("budget", key, on.clone(), rule.limit())).collect()
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let mut counting = Counting::default();
        counting.batch = self.batch;
        counting.axis = self.batch_axis.clone().map(|Name(axis)| axis).unwrap_or_default();
        let counted = site.file.analysis(&site.feed.sizes, counting).map_err(|e| site.file.named(e))?;
        let facts = Facts::of_file(&site.file, counted)?;
        let rules = self.rules();
        for (outcome, (_, rule)) in outcomes.iter_mut().zip(&rules) {
            let found = check::check(&facts, std::slice::from_ref(rule));
            for told in &found.rules {
                if let Some(count) = told.found {
                    outcome.found(count, unit(rule));
                }
                outcome.settle(told.passed, || told.fault());
            }
        }
        Ok(())
    }
}
