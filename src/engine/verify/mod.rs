//! Verification that two computations are the same: equal inputs through both, and a verdict on the difference.
//!
//! A [`Side`] is anything that computes: a file in an engine ([`FileSide`]), or a checkpoint in Burn (`BurnSide`).
//! [`verify`] feeds [`InputSet`]s to a reference and to others and judges every output ([`Judgement`]) by the effect of
//! rounding on this network with these inputs: the reference is run again with its numbers moved by units in the last
//! place ([`Draw`]), and the [`Tolerance`] of the coarsest [`Precision`] involved states the accepted multiple of that.
//! If two sides diverge, [`bisect()`] finds the layer by the same criterion. A reference whose outputs for
//! the same inputs vary, in one session or in a new one, varies by more than rounding: then that is the verdict, and the
//! search looks for the layer in which it diverges from itself. Agreement of a network whose outputs hardly depend on
//! its inputs proves nothing; copies with redrawn weights are compared instead.
//!
//! ```
//! # mod gnet { pub use gnet_core::*; pub use gnet_engine::*; }
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
//! use gnet::runtime::{Provider, RunOptions};
//! use gnet::verify::{Bisect, Distribution, FileSide, InputSet, Plan, Precision, Side, VerifyOptions, verify};
//! use gnet::{onnx, passes};
//!
//! # if Provider::Tract.ensure_available().is_err() { return Ok(()) }
//! let before = onnx::read_file("dynamic.onnx".as_ref())?;
//! let mut after = before.clone();
//! passes::run(&mut after, &passes::DEFAULT, &passes::PassOptions::default())?;
//!
//! let side = |name: &str, model| FileSide::of_model(name, model, Provider::Tract, &RunOptions::default());
//! let (mut reference, other) = (side("before", &before)?, side("after", &after)?);
//! let plan = Plan::new(8, &[reference.signature(), other.signature()])?;
//! let inputs = [InputSet::random(Distribution::Normal, reference.signature(), &plan, 1)?];
//! let options = VerifyOptions { tolerance: Precision::F32.tolerance(), bisect: Bisect::OnFailure, seed: 1 };
//! let found = verify(&mut reference, &mut [other], &inputs, &options, &mut |step| println!("{step}"))?;
//! assert!(found.passed, "{:?}", found.comparisons[0].reason);
//! # Ok::<(), gnet::Error>(())
//! ```

mod bisect;
mod expand;
mod inputs;
mod judge;
mod noise;
mod pairing;
mod precision;
mod probe;
mod random;
mod record;
mod redraw;
mod results;
mod rewritten;
mod ruler;
mod side;
mod signature;
mod trial;

pub use bisect::{Culprit, InputRange, Search, bisect, sweep};
pub use inputs::{Distribution, IMAGES, InputSet};
pub use judge::{Judgement, Rule, Verdict};
pub use noise::{Draw, unit};
pub use precision::{Precision, Tolerance};
pub use record::{Comparison, OnCopies, Row, Verification};
pub use redraw::{Originals, Role, drawn};
pub use rewritten::rewritten;
pub use side::{FileSide, Side};
pub use signature::{Plan, Port, Signature};
pub use trial::{Trial, settle};

use std::collections::{BTreeSet, HashMap};

use self::probe::farthest;
use crate::runtime::Array;
use gnet_core::{Error, Result};

/// Condition for searching the layer in which two sides diverge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Bisect {
    /// If they disagree.
    #[default]
    OnFailure,
    /// Even if they agree: a difference may vanish on its way to the output.
    Always,
    /// Never.
    Never,
}

/// Options of a verification.
#[derive(Debug, Clone)]
pub struct VerifyOptions {
    /// Tolerance.
    pub tolerance: Tolerance,
    /// Condition for searching the layer.
    pub bisect: Bisect,
    /// Seed of the inputs, for the record.
    pub seed: u64,
}

#[doc(hidden)]
#[deprecated(note = "is named `VerifyOptions`")]
pub type Options = VerifyOptions;

/// Compares each of `others` with `reference` on all inputs. `say` is called with the current activity.
///
/// # Errors
/// Fails if the sides cannot be fed the same inputs, or if an engine fails. Disagreement is not an error: it is in the
/// record.
pub fn verify(
    reference: &mut dyn Side,
    others: &mut [FileSide],
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Verification> {
    if others.is_empty() || sets.is_empty() {
        return Err(Error::input("verify", "needs a second side and inputs"));
    }
    let mut comparisons = compared(reference, others, sets, options, say)?;
    for (other, comparison) in others.iter().zip(&mut comparisons) {
        if comparison.verdict == Verdict::Weak {
            // A copy that an engine cannot run proves nothing, and does not affect any verdict.
            if let Ok(Some(proof)) = on_copies(reference, other, sets, options, say) {
                comparison.proved(proof);
            }
        }
    }
    Ok(Verification::new(reference, sets, options, comparisons))
}

/// Compares copies of both sides with the same redrawn weights; `None` if there are none, or if the weights were not
/// the same.
fn on_copies(
    reference: &dyn Side,
    other: &FileSide,
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Option<(Comparison, usize)>> {
    let (Some((mut here, originals)), Some((there, others))) = (reference.redrawn()?, other.redrawn_file()?) else {
        return Ok(None);
    };
    if originals != others {
        return Ok(None);
    }
    say("the outputs hardly depend on the inputs: comparing copies with redrawn weights");
    let found = compared(here.as_mut(), &mut [there], sets, options, say)?;
    Ok(found.into_iter().next().map(|comparison| (comparison, originals.len())))
}

/// Makes the comparisons with each of the others, with a search if requested.
fn compared(
    reference: &mut dyn Side,
    others: &mut [FileSide],
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Vec<Comparison>> {
    let mut comparisons = Vec::with_capacity(others.len());
    let mut ties = Vec::with_capacity(others.len());
    for other in others.iter() {
        let differing = |e: Error| side::about(format!("{} against {}", other.label(), reference.label()), e);
        ties.push(Ties::of(reference.signature(), other.signature()).map_err(differing)?);
        comparisons.push(Comparison::new(other.label()));
    }
    let mut open = Vec::new();
    let mut answers = Vec::with_capacity(sets.len());
    for (number, set) in sets.iter().enumerate() {
        say(&format!("comparing on {} inputs", set.name));
        let expected = run_all(reference, &set.runs)?;
        for (index, ((other, ties), comparison)) in others.iter_mut().zip(&ties).zip(&mut comparisons).enumerate() {
            let runs: Vec<Vec<Array>> = set.runs.iter().map(|run| ties.inputs_of(run)).collect();
            let found = run_all(other, &runs)?;
            let first = comparison.rows.len();
            let place = number * expected.len();
            let trials = comparison.judge(reference, ties, (set, place), &expected, &found, &options.tolerance)?;
            let open_trials = trials.into_iter().enumerate().filter(|(_, trial)| trial.is_open());
            open.extend(open_trials.map(|(output, trial)| (index, first + output, trial)));
        }
        answers.push(expected);
    }
    let outputs = reference.signature().outputs.len().max(1);
    let again = open.iter().map(|(_, _, trial)| trial.place / outputs).chain([0]).collect();
    let mut unsteady = moves_by_itself(reference, sets, &answers, &again, &options.tolerance)?;
    // Randomness that is fixed per session shows in another session, as each draw of the noise is.
    if unsteady.is_none()
        && !open.is_empty()
        && let Some(mut twin) = reference.moved(Draw::Still)?
    {
        unsteady = moves_by_itself(twin.as_mut(), sets, &answers, &again, &options.tolerance)?;
    }
    if unsteady.is_none() {
        measure(reference, &mut open, sets, options, say)?;
    }
    for (comparison, row, trial) in open {
        comparisons[comparison].rows[row].judgement = trial.judgement;
    }
    for ((other, ties), comparison) in others.iter().zip(&ties).zip(&mut comparisons) {
        comparison.conclude();
        if let Some(reason) = &unsteady {
            (comparison.verdict, comparison.reason) = (Verdict::Disagree, Some(reason.clone()));
        }
        let wanted = match options.bisect {
            Bisect::Never => false,
            Bisect::OnFailure => comparison.verdict == Verdict::Disagree,
            Bisect::Always => true,
        };
        if wanted {
            // A failed search must not discard the verdict.
            let found = match unsteady {
                Some(_) => search_itself(reference, other, comparison, sets, options, say),
                None => search(reference, other, ties, comparison, sets, options, say),
            };
            comparison.search = Some(found.unwrap_or_else(|e| Search::none(format!("the search failed: {e}"))));
        }
    }
    Ok(comparisons)
}

/// Describes where the reference's outputs for inputs that it is given `again` differ from before, if they do. That
/// variation is then not rounding, and its noise would hide any fault of the other side.
fn moves_by_itself(
    reference: &mut dyn Side,
    sets: &[InputSet],
    answers: &[Vec<Array>],
    again: &BTreeSet<usize>,
    tolerance: &Tolerance,
) -> Result<Option<String>> {
    for number in again {
        let found = run_all(reference, &sets[*number].runs)?;
        for (place, (before, after)) in answers[*number].iter().zip(&found).enumerate() {
            let largest = before.data.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            let accepted = if reference.is_exact() { 0.0 } else { tolerance.accepted(largest.into()) };
            let moves = if before.shape == after.shape { farthest(&before.data, &after.data) } else { f64::INFINITY };
            if moves > accepted {
                let (output, inputs) = (&reference.signature().outputs[place], &sets[*number].name);
                let label = reference.label();
                return Ok(Some(format!(
                    "the reference does not repeat itself: output '{output}' of {label} moves by {moves:.2e} when it is run \
                     again on the same inputs ({inputs}), so that nothing can be compared with it"
                )));
            }
        }
    }
    Ok(None)
}

/// Measures the noise of the outputs whose difference their size does not explain, each on exactly the inputs that were
/// compared.
fn measure(
    reference: &dyn Side,
    open: &mut [(usize, usize, Trial)],
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let outputs = reference.signature().outputs.len();
    let mut trials: Vec<&mut Trial> = open.iter_mut().map(|(_, _, trial)| trial).collect();
    let draws = Draw::all(options.seed, options.tolerance.precision.bits());
    settle(&mut trials, draws, |draw, places| {
        let mut answers = HashMap::new();
        let Some(mut moved) = reference.moved(draw)? else { return Ok(answers) };
        let mut wanted: Vec<usize> = places.iter().map(|place| place / outputs).collect();
        wanted.dedup();
        for number in wanted {
            say(&format!("measuring what rounding does on {} inputs", sets[number].name));
            let runs = sets[number].runs.iter().enumerate();
            let inputs: Vec<_> =
                runs.map(|(run, arrays)| draw.inputs(arrays, &reference.signature().inputs, run)).collect();
            // A copy that the engine cannot run, or whose outputs change their shape, tells nothing.
            let Ok(answer) = run_all(moved.as_mut(), &inputs) else { continue };
            answers.extend(answer.into_iter().enumerate().map(|(output, array)| (number * outputs + output, array)));
        }
        Ok(answers)
    })
}

/// Correspondence of another side's inputs and outputs with those of the reference.
struct Ties {
    /// For each input of the other side its index among the reference's.
    inputs: Vec<usize>,
    /// For each output of the reference its index among the other side's.
    outputs: Vec<usize>,
}

impl Ties {
    fn of(reference: &Signature, other: &Signature) -> Result<Self> {
        Ok(Self { inputs: other.match_inputs(reference)?, outputs: reference.match_outputs(other)? })
    }

    fn inputs_of(&self, run: &[Array]) -> Vec<Array> {
        self.inputs.iter().map(|place| run[*place].clone()).collect()
    }
}

/// Returns the outputs of all runs, each joined along the samples.
fn run_all(side: &mut dyn Side, runs: &[Vec<Array>]) -> Result<Vec<Array>> {
    let mut joined = Vec::new();
    for run in runs {
        let outputs = side.run(run)?;
        join(&mut joined, outputs, side.signature().batch_of(run)).map_err(|e| Error::check(side.label(), e))?;
    }
    Ok(joined)
}

/// Appends the outputs of a run of `batch` samples to those of earlier runs, sample by sample.
pub(crate) fn join(joined: &mut Vec<Array>, outputs: Vec<Array>, batch: usize) -> Result<()> {
    let outputs = outputs.into_iter().map(|output| per_sample(output, batch));
    if joined.is_empty() {
        joined.extend(outputs);
        return Ok(());
    }
    for (whole, part) in joined.iter_mut().zip(outputs) {
        if whole.shape[1..] != part.shape[1..] {
            let reason = format!("changes its shape from run to run: {:?}, then {:?}", whole.shape, part.shape);
            return Err(Error::check("an output", reason));
        }
        whole.shape[0] += part.shape[0];
        whole.data.extend(part.data);
    }
    Ok(())
}

/// Turns an output whose first axis is not the batch into one sample as a whole.
pub fn per_sample(mut output: Array, batch: usize) -> Array {
    if output.shape.first() != Some(&batch) {
        output.shape.insert(0, 1);
    }
    output
}

/// Searches for the layer in which the reference does not repeat itself, by comparing it with itself.
fn search_itself(
    reference: &dyn Side,
    like: &FileSide,
    comparison: &Comparison,
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Search> {
    let Some(stand_in) = reference.as_file(like)? else {
        return Ok(Search::none("the reference has no values in between to compare"));
    };
    let Some(other) = stand_in.as_file(like)? else { return Ok(Search::none("the reference has no second copy")) };
    let ties = Ties::of(stand_in.signature(), other.signature())?;
    // For equal files in one engine, only what never repeats itself differs, and no noise explains that.
    let options = VerifyOptions { tolerance: Tolerance { multiple: 0.0, ..options.tolerance }, ..options.clone() };
    search(reference, &other, &ties, comparison, sets, &options, say)
}

/// Searches for the layer on the inputs that separate the two sides most, or on the first ones if nothing does.
fn search(
    reference: &dyn Side,
    other: &FileSide,
    ties: &Ties,
    comparison: &Comparison,
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Search> {
    let Some(stand_in) = reference.as_file(other)? else {
        return Ok(Search::none("the reference has no values in between to compare"));
    };
    let worst = comparison.worst_row().and_then(|row| sets.iter().find(|set| set.name == row.inputs));
    let set = worst.unwrap_or(&sets[0]);
    say(&format!("looking for the layer on {} inputs", set.name));
    let run = set.runs.iter().map(|run| (run.clone(), ties.inputs_of(run))).collect::<Vec<_>>();
    if comparison.verdict == Verdict::Disagree {
        bisect(&stand_in, other, &run, &options.tolerance, say)
    } else {
        sweep(&stand_in, other, &run[0], &options.tolerance, say)
    }
}
