//! `[latency]`: the time of a run, against a baseline in pairs of processes as [`ab`](crate::ab) compares them, or against a
//! fixed limit by the same test.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;

use super::record::{Outcome, Status};
use super::site::{Rule, Site, row};
use super::values::{As, Fraction, Name, Time};
use crate::ab::{
    self, AbOptions, Arm, Coin, Comparison, Measure, Pair, Replay, Sample, Side, Statistic, Verdict, Workers,
};
use crate::bench::{self, Limits, Spec, SystemClock};
use crate::runtime::Provider;
use gnet_core::{Error, Result};

/// The section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Latency {
    max_p50: Option<As<Time>>,
    /// The model to compare with.
    pub baseline: Option<PathBuf>,
    max_regression: Option<As<Fraction>>,
    statistic: Option<Name<Statistic>>,
    seed: Option<u64>,
    provider: Option<Name<Provider>>,
    batch: Option<usize>,
    threads: Option<usize>,
    /// Whether the processes of a pair run one after the other.
    apart: bool,
}

impl Latency {
    /// Returns the rules.
    ///
    /// # Errors
    /// Fails if nothing is asked of the latency, or if something is allowed beside no baseline.
    pub fn rules(&self) -> Result<Vec<Box<dyn Rule>>> {
        let of_a_comparison =
            self.max_regression.is_some() || self.statistic.is_some() || self.seed.is_some() || self.apart;
        if self.baseline.is_none() && of_a_comparison {
            let reason = "max_regression, statistic, seed and apart are for a comparison, and there is no baseline";
            return Err(Error::input("latency", reason).remedy("name a model to compare with: baseline = \"old.onnx\""));
        }
        let limit =
            self.max_p50.clone().map(|As(most)| Box::new(Limit { section: self.clone(), most }) as Box<dyn Rule>);
        let baseline =
            self.baseline.clone().map(|old| Box::new(Baseline { section: self.clone(), old }) as Box<dyn Rule>);
        let rules: Vec<_> = limit.into_iter().chain(baseline).collect();
        match rules.is_empty() {
            true => Err(Error::input("latency", "asks for nothing")
                .remedy("give max_p50 = \"2ms\", or a model to compare with: baseline = \"old.onnx\"")),
            false => Ok(rules),
        }
    }

    fn provider(&self) -> Provider {
        self.provider.as_ref().map_or(Provider::Tract, |Name(provider)| *provider)
    }

    fn row(&self) -> String {
        row(self.provider(), self.batch, self.threads)
    }

    /// Returns the row of the model, as short as the test needs it.
    fn spec(&self, site: &Site) -> Result<Spec> {
        let mut spec = site.spec(self.provider(), self.batch, self.threads);
        spec.limits = Limits { min_time: STEADY, ..Limits::default() };
        spec.validate()?;
        Ok(spec)
    }

    fn options(&self, usual: Statistic) -> AbOptions {
        let mut options = AbOptions::default();
        options.max_regression = self.max_regression.as_ref().map_or(options.max_regression, |As(most)| most.value);
        options.statistic = self.statistic.as_ref().map_or(usual, |Name(statistic)| *statistic);
        options.seed = self.seed.unwrap_or_else(ab::fresh_seed);
        options
    }
}

/// Steady state of each process, that of `gnet ab`.
const STEADY: Duration = Duration::from_millis(300);

/// Compares the arms and says how far it is.
fn compared(site: &Site, measure: &mut dyn Measure, options: &AbOptions) -> Result<Comparison> {
    ab::compare(measure, &SystemClock::start(), options, &mut |done| {
        (site.say)(&format!("pair {}, {} of them clean", done.tried, done.pairs));
        !site.means.stop.load(Ordering::Relaxed)
    })
}

/// The model beside its predecessor.
struct Baseline {
    section: Latency,
    old: PathBuf,
}

impl Rule for Baseline {
    fn outcomes(&self) -> Vec<Outcome> {
        let on = format!("{} against {}", self.section.row(), self.old.display());
        let most = self.section.max_regression.as_ref().map_or("5%", |As(most)| most.text.as_str());
        vec![Outcome::new("latency", "max_regression", on, most)]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let options = self.section.options(Statistic::default());
        let found = match &site.means.replay {
            Some(stored) => compared(site, &mut stored.clone(), &options)?,
            None => {
                let new = self.section.spec(site)?;
                ab::same_interface(site.open(&self.old)?.as_ref(), &site.file).map_err(|e| e.in_file(&self.old))?;
                let old = Spec { path: self.old.clone(), ..new.clone() };
                old.validate()?;
                {
                    let workers = Workers::new(site.means.program()?, old, new, site.means.stop);
                    compared(site, &mut workers.apart(self.section.apart), &options)?
                }
            }
        };
        for outcome in outcomes {
            if let Some(estimate) = found.estimate {
                outcome.found(estimate, Some("share"));
            }
            found.check()?;
            outcome.status = Status::Held;
        }
        Ok(())
    }
}

/// The model beside a fixed time.
struct Limit {
    section: Latency,
    most: Time,
}

impl Rule for Limit {
    fn outcomes(&self) -> Vec<Outcome> {
        vec![Outcome::new("latency", "max_p50", self.section.row(), self.most.text.clone())]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let mut options = self.section.options(Statistic::P50);
        (options.max_regression, options.statistic) = (0.0, Statistic::P50);
        let processes = match &site.means.replay {
            Some(stored) => Processes::Stored(stored.clone()),
            None => {
                let spec = self.section.spec(site)?;
                Processes::Fresh { exe: site.means.program()?, spec: Box::new(spec), stop: site.means.stop }
            }
        };
        let mut beside = BesideLimit { limit: self.most.clone(), processes };
        let found = compared(site, &mut beside, &options)?;
        let told = self.told(&found);
        for outcome in outcomes {
            if let Some(p50) = found.b.p50_ms {
                outcome.found(p50, Some("ms"));
            }
            match found.verdict {
                _ if found.interrupted => return Err(Error::interrupted(self.section.row(), "was interrupted")),
                Verdict::NotSlower => outcome.status = Status::Held,
                Verdict::Slower => outcome.settle(false, || told.clone()),
                Verdict::Undecided => {
                    outcome.status = Status::Undecided;
                    let too_noisy = found.why == Some(ab::Why::Noisy);
                    outcome.reason = Some(match too_noisy {
                        true => found.reason.clone().unwrap_or_default(),
                        false => format!("too close to tell: {told}"),
                    });
                    outcome.remedy = Some(match too_noisy {
                        true => "run it again while nothing else does".to_owned(),
                        false => "leave the limit more room, or compare with a baseline".to_owned(),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Limit {
    /// Returns what the processes took, with the interval.
    fn told(&self, found: &Comparison) -> String {
        let of = |fraction: f64| self.most.ms * (1.0 + fraction);
        let typical =
            found.estimate.map_or("no time is known".to_owned(), |slower| format!("takes {:.4} ms", of(slower)));
        let interval = found.interval.map_or(String::new(), |[low, high]| {
            format!(" ({:.0} % interval {:.4} to {:.4} ms)", 100.0 * found.confidence, of(low), of(high))
        });
        format!("{typical}{interval}, and {} is allowed", self.most.text)
    }
}

enum Processes<'a> {
    Fresh { exe: &'a Path, spec: Box<Spec>, stop: &'a AtomicBool },
    Stored(Replay),
}

/// Processes of the model as arm B; arm A always takes the time that is allowed, and costs nothing.
///
/// The test is then the signed-rank test of one sample: of the logarithms of the processes' medians against that of the
/// limit. It takes them as independent and as likely above their centre as below it. No coin makes that so as it does for two
/// programs: the answer is about this machine at this time.
struct BesideLimit<'a> {
    limit: Time,
    processes: Processes<'a>,
}

impl Measure for BesideLimit<'_> {
    fn sides(&self) -> [Side; 2] {
        let measured = match &self.processes {
            Processes::Fresh { spec, .. } => Side::of(spec),
            Processes::Stored(stored) => {
                let [_, measured] = stored.sides();
                measured
            }
        };
        [Side::new("the limit", &self.limit.text), measured]
    }

    fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>> {
        let ms = self.limit.ms;
        let (first, measured) = match &mut self.processes {
            Processes::Fresh { exe, spec, stop } => {
                let run = bench::run_in_worker_until(exe, spec, stop).map_err(|error| Arm::B.named(error))?;
                (Arm::A, Sample::of(&run))
            }
            Processes::Stored(stored) => match stored.pair(coin)? {
                Some(Pair { first, samples: [_, measured], .. }) => (first, measured),
                None => return Ok(None),
            },
        };
        Ok(Some(Pair::new(first, [Sample::new(ms, ms, ms), measured])))
    }
}
