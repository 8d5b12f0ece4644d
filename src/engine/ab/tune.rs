//! Search for the fastest settings of a row that keep the precision asked for.
//!
//! One change after the other is measured in pairs with the fastest settings so far, and kept where those are slower by more
//! than is worth a setting: by the test of [`compare`](super::compare), with its rates of error for each change.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::AbOptions;
use super::print::percent;
use super::record::{Comparison, Verdict};
use crate::bench::Spec;
use crate::runtime::{ConvSearch, EngineOptions, GraphOptimization, Provider};
use gnet_core::report::{Cell, Column, Table, Tone};
use gnet_core::{Error, ErrorKind, Result};

/// Fraction that a change must gain to be kept.
pub const WORTH: f64 = 0.02;

/// One change of the settings of a row, which keeps the precision of its arithmetic.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Change {
    /// The flags of `gnet bench` that make it, such as `--cuda-graph`.
    pub flags: &'static str,
    make: fn(&mut EngineOptions),
}

impl Change {
    /// Returns the changes that may make a row faster and are not made already. TF32, fp16 and bf16 are none of them: they
    /// change the outputs.
    pub fn of(provider: Provider, threads: usize, engine: &EngineOptions) -> Vec<Self> {
        let all: &[Self] = match provider {
            Provider::Tract => &[NO_REWRITES],
            Provider::Cpu if threads > 1 => &[SLEEPING, NO_LAYOUTS],
            Provider::Cpu => &[NO_LAYOUTS],
            Provider::Cuda => &[GRAPH, NHWC, HEURISTIC, UNSEARCHED],
            Provider::TensorRt => &[THOROUGH],
            Provider::OpenVino => &[],
        };
        all.iter().filter(|change| change.made(engine) != *engine).copied().collect()
    }

    /// Returns options with this change.
    pub fn made(&self, engine: &EngineOptions) -> EngineOptions {
        let mut changed = engine.clone();
        (self.make)(&mut changed);
        changed
    }
}

/// tract's own rewrites pay off in nearly every network; where they do not, this shows it.
const NO_REWRITES: Change =
    Change { flags: "--graph-optimization off", make: |engine| engine.graph_optimization = GraphOptimization::Off };
/// Layouts for the CPU's convolutions cost conversions, which small networks do not earn.
const NO_LAYOUTS: Change = Change {
    flags: "--graph-optimization extended",
    make: |engine| engine.graph_optimization = GraphOptimization::Extended,
};
/// Threads that spin take each other's cores where there are few.
const SLEEPING: Change = Change { flags: "--spinning off", make: |engine| engine.spinning = false };
/// One launch in place of one for each kernel.
const GRAPH: Change = Change { flags: "--cuda-graph", make: |engine| engine.cuda.graph = true };
/// The layout in which NVIDIA's matrix units work, for large batches above all.
const NHWC: Change = Change { flags: "--cuda-nhwc", make: |engine| engine.cuda.nhwc = true };
/// Trial of all algorithms happens to choose a slow one where its single run was disturbed.
const HEURISTIC: Change =
    Change { flags: "--cuda-conv-search heuristic", make: |engine| engine.cuda.conv_search = ConvSearch::Heuristic };
const UNSEARCHED: Change =
    Change { flags: "--cuda-conv-search default", make: |engine| engine.cuda.conv_search = ConvSearch::Default };
const THOROUGH: Change =
    Change { flags: "--tensorrt-builder-level 5", make: |engine| engine.tensorrt.builder_level = 5 };

/// Fate of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It is faster by more than [`WORTH`], and part of the fastest settings.
    Kept,
    /// It is not.
    Dropped,
    /// Whether it is could not be told.
    Undecided,
    /// The file does not run with it.
    Refused,
}

/// A change that was tried.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trial {
    /// The flags that make it.
    pub flags: String,
    /// Its fate.
    pub fate: Fate,
    /// Fraction of its time by which the settings before were slower; negative where they were faster.
    pub gain: Option<f64>,
    /// Interval of that fraction.
    pub interval: Option<[f64; 2]>,
    /// Number of clean pairs.
    pub pairs: usize,
    /// Why it was refused, or why it could not be told.
    pub reason: Option<String>,
}

/// Result of the search.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tuning {
    /// The changes in the order in which they were tried.
    pub trials: Vec<Trial>,
    /// Flags of those that were kept, in that order.
    pub flags: Vec<String>,
    /// Seconds that the comparisons took.
    pub seconds: f64,
}

impl Tuning {
    /// Returns the choices of its comparisons: of `options`, with what a change must gain.
    pub fn options(options: AbOptions) -> AbOptions {
        AbOptions { max_regression: WORTH, ..options }
    }

    /// Searches for the fastest settings of a row, which becomes that with them. `runs` tries whether a row runs at all,
    /// `compare` holds the second row against the first, with [`options`](Self::options).
    ///
    /// # Errors
    /// Fails if there is nothing to change, if the row itself does not run, and with
    /// [`ErrorKind::Interrupted`] if a comparison was.
    pub fn of(
        spec: &mut Spec,
        runs: &mut dyn FnMut(&Spec) -> Result<()>,
        compare: &mut dyn FnMut(&Spec, &Spec, &str) -> Result<Comparison>,
    ) -> Result<Self> {
        let changes = Change::of(spec.provider, spec.threads, &spec.engine);
        if changes.is_empty() {
            let reason = format!("there is nothing to try with {} that keeps its precision", spec.provider);
            return Err(Error::input("--tune", reason).remedy("leave it out"));
        }
        runs(spec)?;
        let (mut trials, mut seconds) = (Vec::new(), 0.0);
        for change in changes {
            let changed = Spec { engine: change.made(&spec.engine), ..spec.clone() };
            let trial = match runs(&changed) {
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => Trial::refused(change, &error),
                Ok(()) => {
                    let found = compare(&changed, spec, change.flags)?;
                    if found.interrupted {
                        return Err(
                            Error::interrupted("--tune", "was interrupted").remedy("run the same command again")
                        );
                    }
                    seconds += found.seconds;
                    Trial::judged(change, &found)
                }
            };
            if trial.fate == Fate::Kept {
                *spec = changed;
            }
            trials.push(trial);
        }
        let kept = trials.iter().filter(|trial| trial.fate == Fate::Kept);
        let flags = kept.map(|trial| trial.flags.clone()).collect();
        Ok(Self { trials, flags, seconds })
    }

    /// Returns a table with a row for each change.
    pub(super) fn table(&self) -> Table {
        let columns = [
            Column::text("change"),
            Column::text("verdict"),
            Column::number("faster by").unit("%"),
            Column::number("from").unit("%").rank(1),
            Column::number("to").unit("%").rank(1),
            Column::whole("pairs").rank(2),
        ];
        let mut table = Table::new("settings that keep the precision, each beside the fastest before", columns);
        for trial in &self.trials {
            let fate = match trial.fate {
                Fate::Kept => Cell::verdict("kept", Tone::Good),
                Fate::Dropped => "no gain".into(),
                Fate::Undecided => Cell::verdict("undecided", Tone::Doubtful),
                Fate::Refused => Cell::verdict("refused", Tone::Doubtful),
            };
            let hundred = |value: Option<f64>| Cell::float(value.map(|value| 100.0 * value), 1);
            let [low, high] = trial.interval.map_or([None; 2], |ends| ends.map(Some));
            table.row([
                trial.flags.as_str().into(),
                fate,
                hundred(trial.gain),
                hundred(low),
                hundred(high),
                trial.pairs.into(),
            ]);
        }
        for trial in &self.trials {
            if let Some(reason) = &trial.reason {
                table.note(format!("{}: {reason}", trial.flags));
            }
        }
        let worth = percent(WORTH);
        table.note(match &self.flags[..] {
            [] => format!("no change gains more than {worth}: the row is measured as it was asked for"),
            flags => format!("the row is measured with what gained more than {worth}: {}", flags.join(" ")),
        });
        table
    }
}

impl Trial {
    fn refused(change: Change, error: &Error) -> Self {
        let reason = Some(error.to_string());
        let flags = change.flags.to_owned();
        Self { flags, fate: Fate::Refused, gain: None, interval: None, pairs: 0, reason }
    }

    /// Judges a comparison in which the settings before were B.
    fn judged(change: Change, found: &Comparison) -> Self {
        let fate = match found.verdict {
            Verdict::Slower => Fate::Kept,
            Verdict::NotSlower => Fate::Dropped,
            Verdict::Undecided => Fate::Undecided,
        };
        Self {
            flags: change.flags.to_owned(),
            fate,
            gain: found.estimate,
            interval: found.interval,
            pairs: found.pairs,
            reason: found.reason.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Coin, Measure, Pair, Sample, Side, compare};
    use super::*;
    use crate::bench::Clock;

    struct Still;

    impl Clock for Still {
        fn wall(&self) -> Duration {
            Duration::ZERO
        }

        fn cpu(&self) -> Option<Duration> {
            None
        }
    }

    /// Pairs of two rows that take these times, which wander a little.
    struct Made([f64; 2], usize);

    impl Measure for Made {
        fn sides(&self) -> [Side; 2] {
            ["new", "before"].map(|label| Side::new(label, "net.onnx"))
        }

        fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>> {
            self.1 += 1;
            let wander = 1.0 + (7 * self.1 % 11) as f64 / 4096.0;
            let [a, b] = self.0;
            Ok(Some(Pair::new(coin.toss(), [a * wander, b].map(|ms| Sample::new(ms, ms, ms)))))
        }
    }

    /// A CUDA row whose time depends on its settings: a graph is faster by half, NHWC slower, a heuristic is refused, no search gains
    /// a little.
    fn time(engine: &EngineOptions) -> f64 {
        let of = |is: bool, factor: f64| if is { factor } else { 1.0 };
        of(engine.cuda.graph, 0.5)
            * of(engine.cuda.nhwc, 1.2)
            * of(engine.cuda.conv_search == ConvSearch::Default, 0.998)
    }

    fn tuned(spec: &mut Spec) -> Result<Tuning> {
        let mut runs = |spec: &Spec| match spec.engine.cuda.conv_search {
            ConvSearch::Heuristic => Err(Error::input("net.onnx", "has no such plan")),
            _ => Ok(()),
        };
        Tuning::of(spec, &mut runs, &mut |a, b, _| {
            let mut made = Made([time(&a.engine), time(&b.engine)], 0);
            compare(&mut made, &Still, &Tuning::options(AbOptions::default()), &mut |_| true)
        })
    }

    #[test]
    fn what_gains_is_kept_and_the_next_is_held_against_it() {
        let mut spec = Spec::new("net.onnx", Provider::Cuda);
        let found = tuned(&mut spec).unwrap();
        let fates: Vec<_> = found.trials.iter().map(|trial| (trial.flags.as_str(), trial.fate)).collect();
        assert_eq!(
            fates,
            [
                ("--cuda-graph", Fate::Kept),
                ("--cuda-nhwc", Fate::Dropped),
                ("--cuda-conv-search heuristic", Fate::Refused),
                ("--cuda-conv-search default", Fate::Dropped),
            ]
        );
        assert_eq!(found.flags, ["--cuda-graph"]);
        let mut expected = EngineOptions::default();
        expected.cuda.graph = true;
        assert_eq!(spec.engine, expected);
        let gain = found.trials[0].gain.unwrap();
        assert!((0.99..1.01).contains(&gain), "twice as fast: {gain}");
        let text = format!("{:?}", found.table());
        assert!(
            text.contains("net.onnx: has no such plan") && text.contains("gained more than 2 %: --cuda-graph"),
            "{text}"
        );
    }

    #[test]
    fn what_is_set_is_not_tried_and_nothing_to_try_is_an_error() {
        let mut engine = EngineOptions::default();
        (engine.cuda.graph, engine.cuda.tf32) = (true, true);
        let flags: Vec<_> = Change::of(Provider::Cuda, 1, &engine).iter().map(|change| change.flags).collect();
        assert_eq!(flags, ["--cuda-nhwc", "--cuda-conv-search heuristic", "--cuda-conv-search default"]);
        let made = Change::of(Provider::Cuda, 1, &engine)[0].made(&engine);
        assert!(made.cuda.tf32 && made.cuda.nhwc, "what was asked for stays");
        let error = tuned(&mut Spec::new("net.onnx", Provider::OpenVino)).unwrap_err();
        assert!(error.to_string().contains("there is nothing to try with openvino"), "{error}");
    }

    #[test]
    fn no_change_touches_the_precision() {
        for provider in Provider::ALL {
            for threads in [1, 2] {
                let engine = EngineOptions::default();
                for change in Change::of(provider, threads, &engine) {
                    let made = change.made(&engine);
                    assert_eq!(
                        (made.cuda.tf32, made.tensorrt.fp16, made.openvino.precision),
                        (engine.cuda.tf32, engine.tensorrt.fp16, engine.openvino.precision),
                        "{}",
                        change.flags
                    );
                }
            }
        }
    }

    #[test]
    fn a_row_that_does_not_run_is_not_tuned() {
        let mut spec = Spec::new("net.onnx", Provider::Cuda);
        spec.engine.cuda.conv_search = ConvSearch::Heuristic;
        assert_eq!(tuned(&mut spec).unwrap_err().to_string(), "net.onnx: has no such plan");
    }
}
