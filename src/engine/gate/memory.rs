//! `[memory]`: the largest resident set of a process that loads the model and runs it.

use std::time::Duration;

use serde::Deserialize;

use super::record::Outcome;
use super::site::{Rule, Site, row};
use super::values::{As, Name, Size};
use crate::bench::{self, Limits};
use crate::runtime::Provider;
use gnet_core::report::number;
use gnet_core::{Error, Result};

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Memory {
    max_peak_rss: As<Size>,
    provider: Option<Name<Provider>>,
    batch: Option<usize>,
    threads: Option<usize>,
}

impl Memory {
    fn provider(&self) -> Provider {
        self.provider.as_ref().map_or(Provider::Tract, |Name(provider)| *provider)
    }
}

/// Runs after which a process has taken all the memory it needs.
const RUNS: usize = 8;

impl Rule for Memory {
    fn outcomes(&self) -> Vec<Outcome> {
        let on = row(self.provider(), self.batch, self.threads);
        vec![Outcome::new("memory", "max_peak_rss", on, self.max_peak_rss.0.0.text.clone())]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let mut spec = site.spec(self.provider(), self.batch, self.threads);
        let mut limits = Limits::default();
        (limits.min_time, limits.min_samples, limits.max_warmup) = (Duration::ZERO, RUNS, 0);
        spec.limits = limits;
        spec.validate()?;
        let program = site.means.program()?;
        (site.say)(&format!("measuring {}", spec.label()));
        let run = bench::run_in_worker_until(program, &spec, site.means.stop)?;
        let label = spec.label();
        let peak =
            run.peak_rss_bytes.ok_or_else(|| Error::unavailable(label, "this system tells no peak of memory"))?;
        let most = &self.max_peak_rss.0.0;
        for outcome in outcomes {
            outcome.found(peak, Some("bytes"));
            outcome.settle(peak <= most.value, || format!("takes {}, more than {}", number::bytes(peak), most.text));
        }
        Ok(())
    }
}
