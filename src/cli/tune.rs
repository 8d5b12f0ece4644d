//! `gnet bench --tune`: the fastest settings that keep the precision, before the row is measured with them.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use gnet::ab::{self, AbOptions, Tuning, Workers};
use gnet::bench::{self, Spec, SystemClock};
use gnet::{Error, Result};

use super::{interrupt, output};

/// Steady state of each process of a pair, at most.
const PAIRED: Duration = Duration::from_millis(300);

/// Searches for the fastest settings of the only row, which then has them.
pub fn tune(exe: &Path, specs: &mut [Spec]) -> Result<Tuning> {
    let rows = specs.len();
    let [row] = specs else {
        return Err(Error::input("--tune", format!("takes one row, and these are {rows}"))
            .remedy("give one provider, one batch and one number of threads"));
    };
    let stop = interrupt::kept();
    let (limits, trace, outputs) = (row.limits, row.trace.take(), row.outputs.take());
    row.limits.min_time = limits.min_time.min(PAIRED);
    let mut runs = |spec: &Spec| {
        let mut once = spec.clone();
        (once.limits.min_time, once.limits.min_samples, once.limits.max_warmup) = (Duration::ZERO, 1, 0);
        bench::run_in_worker_until(exe, &once, stop).map(drop)
    };
    let found = Tuning::of(row, &mut runs, &mut |changed, before, flags| {
        let mut workers = Workers::new(exe, changed.clone(), before.clone(), stop);
        let mut options = AbOptions::default();
        options.seed = ab::fresh_seed();
        ab::compare(&mut workers, &SystemClock::start(), &Tuning::options(options), &mut |done| {
            output::progress(format_args!("{flags}: pair {}, {} of them clean", done.tried, done.pairs));
            !stop.load(Ordering::Relaxed)
        })
    });
    (row.limits, row.trace, row.outputs) = (limits, trace, outputs);
    found
}
