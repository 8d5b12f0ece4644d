//! A benchmark held against one of the past, of which a log is left.
//!
//! What a machine did on another day cannot be told from what a program does today. So the old model is measured again
//! beside the new one, in pairs, wherever it is still there. Where it is not, only the stored times are left, and the verdict
//! is a weaker one: no test with a known error, only that a difference is larger than a machine makes by itself ([`DRIFT`]).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::family::family;
use super::options::Statistic;
use super::print::{difference, percent};
use super::record::{Comparison, Verdict};
use super::tune::Tuning;
use crate::bench::log::Line;
use crate::bench::{Measurement, Run};
use gnet_core::report::{Cell, Column, Report, Table, Tone};
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// Fraction by which times of the same file on the same machine are taken to differ from one day to another. In the
/// processes of `tests/fixtures/noise_pairs.csv`, of twenty minutes, the medians of quiet groups of processes lay up to
/// 6 % apart with ONNX Runtime and up to 18 % with tract.
pub const DRIFT: f64 = 0.2;

/// A measurement, what a baseline says to it, and the search for its settings.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Held {
    /// The measurement of today.
    #[serde(flatten)]
    pub measurement: Measurement,
    /// Its rows held against those of a log; only if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Search for its fastest settings; only if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuning: Option<Tuning>,
}

impl Held {
    /// Puts both together.
    pub fn new(measurement: Measurement, baseline: Option<Baseline>) -> Self {
        Self { measurement, baseline, tuning: None }
    }

    /// Sets the search that found its settings.
    pub fn tuned(self, tuning: Option<Tuning>) -> Self {
        Self { tuning, ..self }
    }
}

impl Report for Held {
    fn tables(&self) -> Vec<Table> {
        let held = self.baseline.iter().map(Baseline::table);
        let tuned = self.tuning.iter().map(Tuning::table);
        tuned.chain(self.measurement.tables()).chain(held).collect()
    }
}

/// Rows held against those of a log.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baseline {
    /// The log.
    pub file: String,
    /// Fraction by which a row was allowed to be slower.
    pub max_regression: f64,
    /// Slower if a row is, else undecided if a row is.
    pub verdict: Verdict,
    /// The rows.
    pub rows: Vec<BaselineRow>,
}

/// Finding for one row.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// The comparison with the old model, which the log measured at that time.
    Paired(Box<Comparison>, String),
    /// The stored processes of a model that is gone.
    Stored(Vec<Line>),
    /// The log has no such row.
    Missing,
}

impl Baseline {
    /// Judges the rows together: `found` is what there was for each of `runs`, `statistic` what stands for a process.
    pub fn new(file: String, max_regression: f64, found: &[(Run, Statistic, Found)]) -> Self {
        let compared: Vec<&Comparison> = found
            .iter()
            .filter_map(|(_, _, found)| match found {
                Found::Paired(comparison, _) => Some(&**comparison),
                Found::Stored(_) | Found::Missing => None,
            })
            .collect();
        let mut judged = family(&compared).into_iter();
        let row = |(run, statistic, found): &(Run, Statistic, Found)| match found {
            Found::Paired(comparison, since) => {
                let judged = judged.next().unwrap_or((comparison.verdict, comparison.p_slower));
                BaselineRow::paired(run.label(), comparison, judged, since.clone())
            }
            Found::Stored(past) => BaselineRow::stored(run, past, max_regression, *statistic),
            Found::Missing => BaselineRow::missing(run.label()),
        };
        let rows: Vec<BaselineRow> = found.iter().map(row).collect();
        let has = |verdict| rows.iter().any(|row| row.verdict == verdict);
        let verdict = match (has(Verdict::Slower), has(Verdict::Undecided)) {
            (true, _) => Verdict::Slower,
            (_, true) => Verdict::Undecided,
            _ => Verdict::NotSlower,
        };
        Self { file, max_regression, verdict, rows }
    }

    /// Returns the verdict as the outcome of a command.
    ///
    /// # Errors
    /// [`ErrorKind::Check`](gnet_core::ErrorKind::Check) with every row that is slower than allowed, else
    /// [`ErrorKind::Undecided`](gnet_core::ErrorKind::Undecided) with those of which it cannot be told.
    pub fn check(&self) -> Result<()> {
        let of = |verdict: Verdict| {
            let rows = self.rows.iter().filter(|row| row.verdict == verdict);
            rows.map(|row| format!("{}: {}", row.label, row.finding())).collect::<Vec<_>>().join("; ")
        };
        match self.verdict {
            Verdict::NotSlower => Ok(()),
            Verdict::Slower => {
                let allowed = percent(self.max_regression);
                Err(Error::check(&self.file, format!("slower than the {allowed} allowed: {}", of(Verdict::Slower))))
            }
            Verdict::Undecided => {
                let has = |how| self.rows.iter().any(|row| row.verdict == Verdict::Undecided && row.how == how);
                let remedy = if has(How::Missing) {
                    "measure a baseline with these rows: --save keeps it"
                } else if has(How::Stored) {
                    "keep the old model, or name it with --baseline-model: both are measured in pairs then"
                } else {
                    "run it again while nothing else does, or allow more or less with --max-regression"
                };
                Err(Error::undecided(&self.file, of(Verdict::Undecided)).remedy(remedy))
            }
        }
    }

    fn table(&self) -> Table {
        let columns = [
            Column::text("row"),
            Column::text("verdict"),
            Column::number("slower by").unit("%"),
            Column::number("from").unit("%").rank(1),
            Column::number("to").unit("%").rank(1),
            Column::text("held by").rank(2),
        ];
        let title = format!("against {}, {} allowed", self.file, percent(self.max_regression));
        let mut table = Table::new(title, columns);
        for row in &self.rows {
            let (word, tone) = match row.verdict {
                Verdict::Slower => ("slower", Tone::Bad),
                Verdict::NotSlower => ("not slower", Tone::Good),
                Verdict::Undecided => ("undecided", Tone::Doubtful),
            };
            let held = match row.how {
                How::Paired => counted(row.pairs, "pair"),
                How::Stored => counted(row.pairs, "stored process"),
                How::Missing => "nothing".to_owned(),
            };
            let hundred = |value: Option<f64>| Cell::float(value.map(|value| 100.0 * value), 1);
            let [low, high] = row.interval.map_or([None; 2], |ends| ends.map(Some));
            table.row([
                row.label.as_str().into(),
                Cell::verdict(word, tone),
                hundred(row.estimate),
                hundred(low),
                hundred(high),
                held.into(),
            ]);
        }
        for row in self.rows.iter().filter(|row| row.reason.is_some()) {
            table.note(format!("{}: {}", row.label, row.finding()));
        }
        if self.rows.iter().any(|row| row.how == How::Stored) {
            let drift = percent(DRIFT);
            table
                .note(format!("stored times tell less: a machine's own times differ by up to {drift} from day to day"));
        }
        table
    }
}

/// Way in which a row was held against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The old model was measured again, in pairs with the new one.
    Paired,
    /// By the stored times: a weaker verdict.
    Stored,
    /// Not at all.
    Missing,
}

/// A row held against the baseline.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BaselineRow {
    /// The row: `tract, batch 8, 2 threads`.
    pub label: String,
    /// Way in which it was held against the baseline.
    pub how: How,
    /// The verdict, among all rows.
    pub verdict: Verdict,
    /// Why it was not decided; `null` if it was.
    pub reason: Option<String>,
    /// Fraction by which the new model is slower.
    pub estimate: Option<f64>,
    /// Interval of that fraction; for stored times, widened by how much a machine drifts.
    pub interval: Option<[f64; 2]>,
    /// p value of "slower than allowed", corrected for the looks and by Holm for all rows; `null` without pairs.
    pub p_slower: Option<f64>,
    /// Number of clean pairs, or of stored processes.
    pub pairs: usize,
    /// When the baseline's row was measured; `null` if there is none.
    pub since: Option<String>,
}

impl BaselineRow {
    /// Returns a row that has no counterpart.
    fn missing(label: String) -> Self {
        Self {
            label,
            how: How::Missing,
            verdict: Verdict::Undecided,
            reason: Some("the baseline has no such row".to_owned()),
            estimate: None,
            interval: None,
            p_slower: None,
            pairs: 0,
            since: None,
        }
    }

    fn paired(label: String, found: &Comparison, (verdict, p_slower): (Verdict, f64), since: String) -> Self {
        let among = || "slower by itself, but not among so many rows".to_owned();
        Self {
            label,
            how: How::Paired,
            verdict,
            reason: (verdict == Verdict::Undecided).then(|| found.reason.clone().unwrap_or_else(among)),
            estimate: found.estimate,
            interval: found.interval,
            p_slower: Some(p_slower),
            pairs: found.pairs,
            since: Some(since),
        }
    }

    /// Judges a row by stored processes. The interval reaches from the smallest to the largest ratio of today's process to
    /// one of them, widened by [`DRIFT`]; it is slower or not slower if all of that is.
    fn stored(run: &Run, past: &[Line], allowed: f64, statistic: Statistic) -> Self {
        let value = |run: &Run| statistic.value(run.latency_ms.min, run.latency_ms.p50);
        let old: Vec<f64> = past.iter().map(|line| value(&line.run)).collect();
        let row = Self {
            how: How::Stored,
            pairs: past.len(),
            since: past.last().map(|line| line.run.started.clone()),
            ..Self::missing(run.label())
        };
        if past.iter().any(|line| line.run.inputs != run.inputs) {
            return Self { reason: Some("it was fed other inputs then".to_owned()), ..row };
        }
        let Some((verdict, estimate, interval)) = beyond_drift(value(run), &old, allowed) else { return row };
        let undecided = || {
            let days = counted(past.len(), "stored process");
            format!("only times are left of the old model ({days}), which this machine's drift cannot be told from")
        };
        Self {
            verdict,
            reason: (verdict == Verdict::Undecided).then(undecided),
            estimate: Some(estimate),
            interval: Some(interval),
            ..row
        }
    }

    fn finding(&self) -> String {
        match (&self.reason, self.estimate) {
            (Some(reason), _) => reason.clone(),
            (None, estimate) => difference(estimate, None, 0.0),
        }
    }
}

/// Holds a time of today against those of the past: the verdict, the median fraction by which it is larger, and the smallest
/// and largest, each widened by [`DRIFT`]. `None` without a past.
fn beyond_drift(new: f64, old: &[f64], allowed: f64) -> Option<(Verdict, f64, [f64; 2])> {
    let mut ratios: Vec<f64> = old.iter().map(|old| new / old).collect();
    ratios.sort_by(f64::total_cmp);
    let (least, most) = (ratios.first()?, ratios.last()?);
    let interval = [least / (1.0 + DRIFT) - 1.0, most * (1.0 + DRIFT) - 1.0];
    let verdict = match interval {
        [low, _] if low > allowed => Verdict::Slower,
        [_, high] if high < allowed => Verdict::NotSlower,
        _ => Verdict::Undecided,
    };
    Some((verdict, ratios[ratios.len() / 2] - 1.0, interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_times_tell_only_what_no_drift_explains() {
        let verdict = |new: f64, old: &[f64]| beyond_drift(new, old, 0.05).map(|found| found.0);
        // 5 % are allowed and 20 % may be drift: up to 26 % slower and from 12.5 % faster on it cannot be told.
        assert_eq!(verdict(1.25, &[1.0]), Some(Verdict::Undecided));
        assert_eq!(verdict(1.27, &[1.0]), Some(Verdict::Slower));
        assert_eq!(verdict(1.0, &[1.0]), Some(Verdict::Undecided));
        assert_eq!(verdict(0.88, &[1.0]), Some(Verdict::Undecided));
        assert_eq!(verdict(0.87, &[1.0]), Some(Verdict::NotSlower));
        // One slow process of the past is enough to doubt.
        assert_eq!(verdict(1.27, &[1.0, 1.02, 0.98]), Some(Verdict::Undecided));
        assert_eq!(beyond_drift(1.0, &[], 0.05), None);
        let (_, estimate, interval) = beyond_drift(1.2, &[1.0, 1.2, 0.8], 0.05).unwrap();
        assert!((estimate - 0.2).abs() < 1e-9, "{estimate}");
        assert!((interval[0] - (1.0 / 1.2 - 1.0)).abs() < 1e-9 && (interval[1] - 0.8).abs() < 1e-9, "{interval:?}");
    }

    #[test]
    fn the_stored_groups_of_processes_lie_within_the_drift() {
        let table = include_str!("../../../tests/fixtures/noise_pairs.csv");
        let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
        let place = |name: &str| names.iter().position(|other| *other == name).unwrap();
        let [phase, label, min, cpu, mean] = ["phase", "label", "min_ms", "cpu_ms", "mean_ms"].map(place);
        let median = |group: &str| {
            let rows = table.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let mut times: Vec<f64> = rows
                .filter(|row| row[phase] == group && row[label] == "A")
                .map(|row| [min, cpu, mean].map(|place| row[place].parse::<f64>().unwrap()))
                .filter(|[_, cpu, mean]| cpu / mean >= 0.9)
                .map(|[min, ..]| min)
                .collect();
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        };
        for (groups, least) in
            [(&["A_cpu", "pair320", "rot", "dur03"][..], 0.04), (&["A_tract", "tractpair", "tdur03"], 0.15)]
        {
            let medians: Vec<f64> = groups.iter().map(|group| median(group)).collect();
            let spread =
                medians.iter().fold(0.0_f64, |a, b| a.max(*b)) / medians.iter().fold(f64::MAX, |a, b| a.min(*b)) - 1.0;
            assert!(least < spread && spread < DRIFT, "{groups:?}: {spread}");
        }
    }
}
