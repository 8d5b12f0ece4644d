//! `gnet bench --baseline`: rows held against those of a log.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use gnet::ab::{self, AbOptions, Baseline, BaselineOptions, Counterpart, Found, Statistic, Workers};
use gnet::bench::log::{self, Subject};
use gnet::bench::{Run, Spec, SystemClock};
use gnet::graph::Sizes;
use gnet::host::Machine;
use gnet::{Error, OnnxFile, Result};

use super::{interrupt, output, pairs, values};

const HEADING: &str = "Against a baseline";

#[derive(Debug, Args)]
pub struct BaselineArgs {
    /// Hold each row against the same row of this log of --save, and end with 1 if one is slower than allowed, 4 if that
    /// cannot be told. The old model is measured again beside the new one where it is still there.
    #[arg(long, value_name = "LOG.jsonl", help_heading = HEADING)]
    baseline: Option<PathBuf>,
    /// The old model, where it is not where it was.
    #[arg(long, value_name = "OLD.onnx", requires = "baseline", help_heading = HEADING)]
    baseline_model: Option<PathBuf>,
    /// Slowdown that a row may have: 5%, 0.05, or 0 for not at all.
    #[arg(long, value_name = "PERCENT|FRACTION", default_value = "5%", requires = "baseline", value_parser = values::fraction, help_heading = HEADING)]
    max_regression: f64,
    /// Hold rows against each other that differ in the processor, options, element types or the model's interface.
    #[arg(long, requires = "baseline", help_heading = HEADING)]
    anyway: bool,
    /// Time that stands for a turn of a process, as in `gnet ab`.
    #[arg(long, value_name = "STATISTIC", default_value_t, requires = "baseline", value_parser = values::one_of::<Statistic>(Statistic::ALL.map(Statistic::name)), help_heading = HEADING)]
    statistic: Statistic,
    /// Seed of the order in the pairs [default: another one each time]
    #[arg(long, value_name = "N", requires = "baseline", value_parser = values::whole::<u64>, help_heading = HEADING)]
    seed: Option<u64>,
    /// Measure each process of a pair alone, one after the other, where both do not fit into memory at once.
    #[arg(long, requires = "baseline", help_heading = HEADING)]
    apart: bool,
}

/// Seconds of steady state of each process of a pair, at most.
const PAIRED: Duration = Duration::from_millis(300);

/// The baseline of each row.
pub struct Past {
    file: PathBuf,
    max_regression: f64,
    statistic: Statistic,
    seed: Option<u64>,
    apart: bool,
    counterparts: Vec<Counterpart>,
}

impl BaselineArgs {
    /// Finds the counterpart of each row, if a baseline is given, before anything is measured.
    pub fn find(&self, specs: &[Spec], file: &OnnxFile, sizes: &Sizes) -> Result<Option<Past>> {
        let Some(path) = &self.baseline else { return Ok(None) };
        let mut allowed = AbOptions::default();
        allowed.max_regression = self.max_regression;
        allowed.check()?;
        let logged = log::read(path)?;
        for note in &logged.notes {
            output::note(format_args!("{}: {note}", path.display()));
        }
        let model = Subject::of(file, sizes).map_err(|e| file.named(e))?;
        let mut options = BaselineOptions::default();
        (options.model, options.anyway) = (self.baseline_model.clone(), self.anyway);
        let machine = Machine::this();
        let find = |spec| {
            Counterpart::find(&logged.lines, spec, (file, &model), &machine, &options).map_err(|e| match e.kind() {
                gnet::ErrorKind::Input if self.baseline_model.is_none() => e.in_file(path),
                _ => e,
            })
        };
        let counterparts = specs.iter().map(find).collect::<Result<_>>()?;
        let (max_regression, statistic, seed, apart) = (self.max_regression, self.statistic, self.seed, self.apart);
        Ok(Some(Past { file: path.clone(), max_regression, statistic, seed, apart, counterparts }))
    }
}

impl Past {
    /// Holds the rows that were measured against their counterparts.
    pub fn hold(&self, exe: &Path, specs: &[Spec], runs: &[Run]) -> Result<Baseline> {
        let rows: Vec<(&Run, &Spec, &Counterpart)> = runs
            .iter()
            .filter_map(|run| {
                let place = specs.iter().position(|spec| spec.label() == run.label())?;
                Some((run, &specs[place], &self.counterparts[place]))
            })
            .collect();
        let paired = rows.iter().filter(|(.., past)| matches!(past, Counterpart::Model { .. })).count();
        let mut found = Vec::new();
        for (run, spec, past) in rows {
            let statistic = self.statistic;
            let of_row = match past {
                Counterpart::Missing => Found::Missing,
                Counterpart::Times(lines) => Found::Stored(lines.clone()),
                Counterpart::Model { path, since } => {
                    let mut options = AbOptions::default();
                    (options.max_regression, options.rows) = (self.max_regression, paired);
                    (options.statistic, options.seed) = (statistic, self.seed.unwrap_or_else(ab::fresh_seed));
                    Found::Paired(Box::new(self.compared(exe, spec, path, &options)?), since.clone())
                }
            };
            found.push((run.clone(), statistic, of_row));
        }
        Ok(Baseline::new(self.file.display().to_string(), self.max_regression, &found))
    }

    /// Measures the old model beside the new one.
    fn compared(&self, exe: &Path, spec: &Spec, old: &Path, options: &AbOptions) -> Result<ab::Comparison> {
        let mut new = spec.clone();
        (new.trace, new.outputs) = (None, None);
        new.limits.min_time = new.limits.min_time.min(PAIRED);
        let mut before = new.clone();
        before.path = old.to_path_buf();
        let stop = interrupt::kept();
        let label = spec.label();
        let mut workers = Workers::new(exe, before, new, stop).apart(self.apart);
        let found = ab::compare(&mut workers, &SystemClock::start(), options, &mut |done| {
            output::progress(format_args!("{label}: {}", pairs::line(done)));
            !stop.load(Ordering::Relaxed)
        })?;
        match found.interrupted {
            true => Err(Error::interrupted("bench", "interrupted; the rows are not held against the baseline")
                .remedy("run the same command again")),
            false => Ok(found),
        }
    }
}
