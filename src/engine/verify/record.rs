//! Record of a verification, as JSON and as tables.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::answers::Asked;
use super::judge::Rule;
use super::trial::Trial;
use super::{Culprit, InputSet, Judgement, Search, Side, Tolerance, Verdict, VerifyOptions};
use crate::arrays::ArrayFile;
use crate::runtime::{Array, ValueRange};
use gnet_core::graph::{DType, Dim};
use gnet_core::report::{Cell, Column, Report, Table};
use gnet_core::words::{counted, one_or};
use gnet_core::{Error, Result};

/// Record that `gnet verify --format json` prints.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Verification {
    /// Whether every comparison agrees.
    pub passed: bool,
    /// Name of the reference.
    pub reference: String,
    /// Inputs of the reference: name, type, shape, and what they were fed.
    pub inputs: Vec<InputRecord>,
    /// Symbols of the files that were given a size, with that size; empty unless the caller fills it in.
    pub dims: BTreeMap<String, usize>,
    /// File whose arrays the inputs were fed; `null` for drawn numbers and images, and unless the caller fills it in.
    pub arrays: Option<ArrayFile>,
    /// Seed of the inputs.
    pub seed: u64,
    /// Tolerance that was applied.
    pub tolerance: Tolerance,
    /// One entry per other side.
    pub comparisons: Vec<Comparison>,
}

/// An input of the reference.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct InputRecord {
    /// Name of the input.
    pub name: String,
    /// Element type.
    pub dtype: DType,
    /// Shape: numbers, or the name of the batch.
    pub shape: Vec<Dim>,
    /// Range of the whole numbers that it was fed, `LOW..HIGH` without the last; `null` for real numbers.
    pub range: Option<ValueRange>,
    /// Number of samples per run.
    pub batch: usize,
}

/// One side compared with the reference.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// Name of the side.
    pub subject: String,
    /// `disagree` if one row does; `weak` if an output agrees but no kind of inputs can tell it apart; else `agree`.
    pub verdict: Verdict,
    /// Reason why it is not `agree`.
    pub reason: Option<String>,
    /// One row per output and kind of inputs.
    pub rows: Vec<Row>,
    /// Search for the layer, if there was one.
    pub search: Option<Search>,
    /// Comparison of copies with redrawn weights, if the outputs of the sides themselves hardly depend on the inputs.
    pub redrawn: Option<OnCopies>,
}

/// Result for copies of both sides with the same redrawn weights.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct OnCopies {
    /// Number of tensors that were redrawn.
    pub weights: usize,
    /// Verdict on the copies.
    pub verdict: Verdict,
    /// One row per output and kind of inputs.
    pub rows: Vec<Row>,
}

/// One output for one kind of inputs.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Name of the output in the reference.
    pub output: String,
    /// Kind of inputs: a distribution's name, `images`, or `given` for a user's arrays.
    pub inputs: String,
    /// Measures and verdict.
    #[serde(flatten)]
    pub judgement: Judgement,
}

impl Comparison {
    pub(super) fn new(subject: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            verdict: Verdict::Agree,
            reason: None,
            rows: Vec::new(),
            search: None,
            redrawn: None,
        }
    }

    /// Judges all outputs for one kind of inputs by their size, and returns them for a judgement by their noise.
    pub(super) fn judge(
        &mut self,
        reference: &dyn Side,
        asked: &Asked,
        found: Vec<Array>,
        tolerance: &Tolerance,
    ) -> Result<Vec<Trial>> {
        let mut trials = Vec::with_capacity(found.len());
        for (number, ((piece, expected), found)) in
            (asked.first..).zip(asked.pieces.iter().zip(&asked.expected).zip(found))
        {
            let name = &reference.signature().outputs[piece.output];
            let named = |e: Error| match e.kind() {
                gnet_core::ErrorKind::Check => Error::check(format!("{}, output '{name}'", self.subject), e),
                _ => e,
            };
            let rule = Rule {
                tolerance: *tolerance,
                unit: reference.unit(piece.output),
                counts: reference.counts(piece.output),
                images: asked.set.is_images(),
                given: asked.set.is_given(),
            };
            let trial = Trial::new(number, expected.clone(), found, rule).map_err(named)?;
            let (output, inputs) = (name.clone(), asked.set.name.clone());
            self.rows.push(Row { output, inputs, judgement: trial.judgement.clone() });
            trials.push(trial);
        }
        Ok(trials)
    }

    /// Derives the verdict from all rows.
    ///
    /// A kind of inputs that cannot tell outputs apart is not a fault if another can: a softmax may well saturate on
    /// large values. An output that no kind tells apart is unproved.
    pub(super) fn conclude(&mut self) {
        let place = |row: &Row| format!("output '{}' on {} inputs", row.output, row.inputs);
        let said = |row: &Row| format!("{}: {}", place(row), row.judgement.reason.clone().unwrap_or_default());
        if let Some(row) = self.worst_row() {
            (self.verdict, self.reason) = (Verdict::Disagree, Some(said(row)));
            return;
        }
        // A single sample cannot tell outputs apart.
        let proves = |row: &Row| row.judgement.verdict == Verdict::Agree && row.judgement.agreement.images > 1;
        let proved = |output: &str| self.rows.iter().any(|row| row.output == output && proves(row));
        let weak = self.rows.iter().find(|row| row.judgement.verdict == Verdict::Weak && !proved(&row.output));
        if let Some(reason) = weak.map(said) {
            (self.verdict, self.reason) = (Verdict::Weak, Some(format!("agreement proves nothing: {reason}")));
        }
    }

    /// Adds the results of copies with `weights` redrawn tensors: they prove what the sides themselves do not.
    pub(super) fn proved(&mut self, (copies, weights): (Self, usize)) {
        let Self { verdict, reason, rows, search, .. } = copies;
        match verdict {
            Verdict::Agree => (self.verdict, self.reason) = (verdict, None),
            Verdict::Disagree => {
                let reason = format!("copies with redrawn weights part: {}", reason.unwrap_or_default());
                (self.verdict, self.reason, self.search) = (verdict, Some(reason), search);
            }
            Verdict::Weak => {}
        }
        self.redrawn = Some(OnCopies { weights, verdict, rows });
    }

    /// Returns the row that disagrees most relative to what is accepted; values that are not finite come first.
    pub(super) fn worst_row(&self) -> Option<&Row> {
        let rows = self.rows.iter().filter(|row| row.judgement.verdict == Verdict::Disagree);
        let error = |row: &Row| match row.judgement.agreement.not_finite_apart {
            0 => row.judgement.used,
            _ => f64::INFINITY,
        };
        // The first among equals.
        rows.rev().max_by(|a, b| error(a).total_cmp(&error(b)))
    }
}

impl Verification {
    pub(super) fn new(
        reference: &dyn Side,
        sets: &[InputSet],
        options: &VerifyOptions,
        comparisons: Vec<Comparison>,
    ) -> Self {
        let run = sets.first().and_then(|set| set.runs.first());
        let ports = reference.signature().inputs.iter().enumerate();
        let batch = |place: usize| run.and_then(|run| run.get(place)).map_or(0, Array::batch);
        Self {
            passed: comparisons.iter().all(|comparison| comparison.verdict == Verdict::Agree),
            reference: reference.label().to_owned(),
            inputs: ports
                .map(|(place, port)| InputRecord {
                    name: port.name.clone(),
                    dtype: port.dtype,
                    shape: port.shape.clone(),
                    range: sets.first().and_then(|set| set.ranges.get(place).copied().flatten()),
                    batch: batch(place),
                })
                .collect(),
            dims: BTreeMap::new(),
            arrays: None,
            seed: options.seed,
            tolerance: options.tolerance,
            comparisons,
        }
    }

    /// Returns the failure in the record, if any: the first comparison that does not agree, with the layer.
    ///
    /// # Errors
    /// That failure, as [`ErrorKind::Check`](gnet_core::ErrorKind::Check).
    pub fn check(&self) -> Result<()> {
        let Some(failed) = self.comparisons.iter().max_by_key(|comparison| comparison.verdict) else { return Ok(()) };
        let Some(reason) = &failed.reason else { return Ok(()) };
        let thing = format!("{} against {}", failed.subject, self.reference);
        let layer = failed.search.as_ref().and_then(|search| search.culprit.as_ref());
        let parted =
            layer.map_or_else(String::new, |culprit| format!("; they part at {} ({})", culprit.node, culprit.op));
        let error = Error::check(thing, format!("{reason}{parted}"));
        Err(match failed.verdict {
            Verdict::Weak => error
                .remedy("train the network first, or feed it other inputs (--inputs, --range, --data, --inputs-from)"),
            _ if self.hides_all() => {
                error.remedy("a mask that hides everything makes NaN; show a mask true alone with --range NAME=1..2")
            }
            _ => error,
        })
    }

    /// Returns `true` if values are not finite on some side and a boolean input was random.
    fn hides_all(&self) -> bool {
        let rows = self.comparisons.iter().flat_map(|comparison| &comparison.rows);
        rows.into_iter().any(|row| row.judgement.agreement.not_finite_apart > 0)
            && self.inputs.iter().any(|input| input.dtype == DType::Bool && input.range == Some(ValueRange::BITS))
    }
}

impl Report for Verification {
    fn tables(&self) -> Vec<Table> {
        let mut tables = Vec::new();
        for comparison in &self.comparisons {
            tables.push(self.rows(comparison));
            if let Some(copies) = &comparison.redrawn {
                tables.push(self.copies(comparison, copies));
            }
            if let Some(search) = &comparison.search {
                tables.push(layer(search));
            }
        }
        tables
    }
}

impl Verification {
    /// Describes the sizes, whole numbers and arrays that the files were run with, if any.
    fn fed(&self) -> Option<String> {
        let dims = self.dims.iter().map(|(symbol, size)| format!("{symbol} is {size}"));
        let ranges = self.inputs.iter().filter_map(|input| Some(format!("{} within {}", input.name, input.range?)));
        let arrays = self.arrays.iter().map(|file| format!("fed the arrays of {}", file.path.display()));
        let all: Vec<String> = dims.chain(ranges).chain(arrays).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }

    fn copies(&self, comparison: &Comparison, copies: &OnCopies) -> Table {
        let OnCopies { weights, verdict, rows } = copies;
        let of_copies = Comparison { rows: rows.clone(), ..Comparison::new(&comparison.subject) };
        let mut table = self.rows(&of_copies);
        table.title = format!("{}, both with {} redrawn", table.title, counted(weights, "weight"));
        table.notes.clear();
        let line = format!(
            "the outputs above hardly depend on the inputs, which proves nothing; on copies with other weights the sides {}",
            match verdict {
                Verdict::Agree => "agree",
                Verdict::Weak => "are as weak",
                Verdict::Disagree => "disagree",
            }
        );
        table.verdict(line, verdict.tone());
        table
    }

    fn rows(&self, comparison: &Comparison) -> Table {
        let columns = [
            Column::path("output"),
            Column::text("inputs"),
            Column::number("samples").rank(8),
            Column::number("largest").rank(5),
            Column::number("max abs").rank(2),
            Column::number("mean abs").rank(9),
            Column::number("accepted").rank(3),
            Column::number("used").unit("%").rank(4),
            Column::number("noise").rank(6),
            Column::number("max rel").rank(10),
            Column::number("error").rank(1),
            Column::number("ULP").rank(7),
            Column::number("1 - cosine").rank(11),
            Column::number("top-1").unit("%").rank(6),
            Column::number("top-5").unit("%").rank(12),
            Column::number("spread").unit("tolerances").rank(4),
            Column::text("verdict"),
        ];
        let mut table = Table::new(format!("{} against {}", comparison.subject, self.reference), columns);
        for row in &comparison.rows {
            let Judgement { agreement: a, accepted, noise, used, spread, verdict, .. } = &row.judgement;
            let least = self.tolerance.accepted(a.largest);
            let percent = |share: Option<f64>| Cell::float(share.map(|share| 100.0 * share), 1);
            table.row([
                row.output.as_str().into(),
                row.inputs.as_str().into(),
                a.images.into(),
                scientific(Some(a.largest)),
                scientific(Some(a.max_abs_diff)),
                scientific(Some(a.mean_abs_diff)),
                scientific(Some(*accepted)),
                Cell::float(Some(100.0 * used).filter(|used| used.is_finite()), 0),
                scientific(*noise),
                scientific(Some(a.max_rel_diff)),
                scientific(Some(a.rel_error)),
                a.max_ulp.map(u64::from).into(),
                scientific(a.cosine.map(|cosine| 1.0 - cosine)),
                percent(Some(a.top1_agreement)),
                percent(a.top5_agreement),
                Cell::float(spread.map(|spread| spread.min / least).filter(|ratio| ratio.is_finite()), 0),
                Cell::verdict(verdict.name(), verdict.tone()),
            ]);
        }
        let line = match &comparison.reason {
            None => agreed(&self.tolerance),
            Some(reason) => format!("{}: {reason}", comparison.verdict.name()),
        };
        table.verdict(line, comparison.verdict.tone());
        if let Some(odd) = odd(&comparison.rows) {
            table.note(odd);
        }
        if let Some(fed) = self.fed() {
            table.note(fed);
        }
        if self.arrays.is_some() && comparison.rows.iter().all(|row| row.judgement.agreement.images < 2) {
            table.note("one sample does not show whether the outputs depend on the inputs; two or more do");
        }
        table.note(format!(
            "accepted, used and noise are those of the value that is off most for what is accepted of it; the error is max \
             abs / largest, the spread how far the two closest samples' outputs lie apart; seed {}",
            self.seed
        ));
        table
    }
}

fn agreed(tolerance: &Tolerance) -> String {
    let Tolerance { precision, relative, multiple, .. } = tolerance;
    if *multiple == 0.0 {
        return format!("agree: no difference beyond {relative:.0e} of the largest value");
    }
    format!("agree at {precision}: no difference beyond {relative:.1e} of the size and {multiple} times the noise")
}

fn odd(rows: &[Row]) -> Option<String> {
    let count = |row: &Row| row.judgement.agreement.not_finite - row.judgement.agreement.not_finite_apart;
    let first = rows.iter().find(|row| count(row) > 0)?;
    let values: usize = rows.iter().map(count).sum();
    Some(format!(
        "{} {} the same NaN or infinity on both sides, first in output '{}' on {} inputs: left out of the measures",
        counted(values, "value"),
        one_or(values, "is", "are"),
        first.output,
        first.inputs
    ))
}

fn layer(search: &Search) -> Table {
    let columns = [
        Column::path("value"),
        Column::whole("shape").rank(2),
        Column::number("min"),
        Column::number("max"),
        Column::number("error"),
    ];
    let title = match &search.culprit {
        Some(Culprit { node, op, .. }) => format!("The sides part at {node} ({op})"),
        None => "No layer was found that parts the sides".to_owned(),
    };
    let mut table = Table::new(title, columns);
    if let Some(culprit) = &search.culprit {
        for input in &culprit.inputs {
            table.row([
                format!("input {}", input.name).as_str().into(),
                format!("{:?}", input.shape).as_str().into(),
                scientific(Some(f64::from(input.min))),
                scientific(Some(f64::from(input.max))),
                scientific(input.error),
            ]);
        }
        let none = || Cell::Missing;
        table.row(["output".into(), none(), none(), none(), scientific(culprit.error_after)]);
        for note in culprit.differences.iter().chain(&culprit.remark) {
            table.note(note.as_str());
        }
    }
    if let Some(note) = &search.note {
        table.note(note.as_str());
    }
    if search.runs > 0 {
        let found = if search.culprit.is_some() { "found in" } else { "looked for in" };
        table.note(format!("{}, {found} {} of each side", counted(search.nodes, "layer"), counted(search.runs, "run")));
    }
    table
}

/// Formats a number as `1.23e-4`: the compared values span many orders of magnitude.
pub(crate) fn scientific(value: Option<f64>) -> Cell {
    match value {
        None => Cell::Missing,
        Some(0.0) => Cell::Text("0".to_owned()),
        Some(value) => Cell::Text(format!("{value:.2e}")),
    }
}
