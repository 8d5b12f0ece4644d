//! A comparison as people read it.

use super::measure::Watch;
use super::options::Statistic;
use super::record::{ArmRecord, Comparison, Verdict};
use gnet_core::report::{Cell, Column, Report, Table, Tone};
use gnet_core::words::counted;

/// Formats a fraction as a percentage with up to two decimal places.
pub(super) fn percent(fraction: f64) -> String {
    let text = format!("{:.2}", 100.0 * fraction.abs());
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Formats an estimate and its interval: `B is 10.3 % slower (90 % interval +9.1 to +11.5 %)`.
pub(super) fn difference(estimate: Option<f64>, interval: Option<[f64; 2]>, confidence: f64) -> String {
    let Some(estimate) = estimate else { return "nothing is known of B".to_owned() };
    let word = if estimate < 0.0 { "faster" } else { "slower" };
    let by = format!("B is {:.1} % {word}", 100.0 * estimate.abs());
    match interval {
        Some([low, high]) => {
            format!("{by} ({:.0} % interval {:+.1} to {:+.1} %)", 100.0 * confidence, 100.0 * low, 100.0 * high)
        }
        None => by,
    }
}

impl Comparison {
    /// Returns the estimate with its interval and what was allowed, in words.
    pub fn finding(&self) -> String {
        let allowed = match self.max_regression {
            0.0 => "nothing".to_owned(),
            allowed => percent(allowed),
        };
        format!("{}, and {allowed} is allowed", difference(self.estimate, self.interval, self.confidence))
    }

    /// Returns the verdict in one sentence.
    pub fn sentence(&self) -> String {
        let seconds = self.seconds;
        if self.estimate.is_none() {
            let reason = self.reason.as_deref().unwrap_or_default();
            return format!("UNDECIDED: {reason}; no clean pair, {seconds:.0} s");
        }
        let (word, reason) = match (self.verdict, &self.reason) {
            (Verdict::Slower, _) => ("SLOWER than allowed", String::new()),
            (Verdict::NotSlower, _) => ("NOT SLOWER than allowed", String::new()),
            (Verdict::Undecided, reason) => ("UNDECIDED", format!("; {}", reason.as_deref().unwrap_or_default())),
        };
        format!("{word}: {}; {}, {seconds:.0} s{reason}", self.finding(), counted(self.pairs, "pair"))
    }

    /// Returns what the other statistics say of the same pairs, and what the verdict rests on.
    fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        let p50 = self.beside.iter().find(|beside| beside.statistic == Statistic::P50 && beside.estimate.is_some());
        let alone = p50.map_or(String::new(), |p50| {
            format!("; by the median run alone {}", difference(p50.estimate, p50.interval, self.confidence))
        });
        remarks.push(format!("statistic: {} ({}){alone}", self.statistic.words(), self.statistic.worth()));
        for beside in self.beside.iter().filter(|beside| beside.disagrees) {
            let by = difference(beside.estimate, beside.interval, self.confidence);
            remarks.push(format!(
                "the statistics disagree: by {} {by}; --statistic {} decides by that",
                beside.statistic.words(),
                beside.statistic
            ));
        }
        // A reason says it already.
        if self.disturbed > 0 && self.reason.is_none() {
            let pairs = counted(self.tried, "pair");
            remarks.push(format!("other work disturbed {} of {pairs}; they do not count", self.disturbed));
        }
        remarks.extend(self.notes.iter().cloned());
        remarks
    }
}

impl Report for Comparison {
    /// Returns one table with a row for each arm: the medians of its processes in clean pairs.
    fn tables(&self) -> Vec<Table> {
        let time = |name: &str| Column::number(name).unit("ms");
        let columns = [
            Column::whole("arm"),
            Column::path("model"),
            Column::text("run by"),
            time("min"),
            time("p50"),
            Column::number("occupancy").rank(1),
        ];
        let mut table = Table::new(format!("{} against {}", self.b.model, self.a.model), columns);
        for (name, arm) in [("A", &self.a), ("B", &self.b)] {
            let ArmRecord { label, model, min_ms, p50_ms, occupancy, .. } = arm;
            table.row([
                name.into(),
                model.as_str().into(),
                label.as_str().into(),
                Cell::float(*min_ms, 3),
                Cell::float(*p50_ms, 3),
                Cell::float(*occupancy, 2),
            ]);
        }
        let tone = match self.verdict {
            Verdict::Slower => Tone::Bad,
            Verdict::NotSlower => Tone::Good,
            Verdict::Undecided => Tone::Doubtful,
        };
        table.verdict(self.sentence(), tone);
        for remark in self.remarks() {
            table.note(remark);
        }
        vec![table]
    }
}

/// Returns what the reader must know of how disturbance was told.
pub(super) fn watched(arms: [&ArmRecord; 2]) -> Vec<String> {
    let mut notes = Vec::new();
    for (name, arm) in ["A", "B"].into_iter().zip(arms) {
        let told = match arm.watch {
            Watch::Unwatched => {
                "computes on a device: disturbed is what waited for a core, or whose GPU slowed down; other work on the GPU is not seen"
            }
            Watch::Usual if arm.occupancy.is_some() => {
                "does not keep its threads busy by itself: disturbed is what had a tenth less of them than usual"
            }
            _ if arm.occupancy.is_none() && arm.p50_ms.is_some() => {
                "has no record of its CPU time: nothing tells whether other work disturbed it"
            }
            Watch::Busy | Watch::Usual => continue,
        };
        notes.push(format!("{name} {told}"));
    }
    notes
}
