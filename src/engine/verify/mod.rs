//! Verification that two computations are the same: equal inputs through both, and a verdict on the difference.
//!
//! A [`Side`] is anything that computes: a file in an engine ([`FileSide`]), or a module in Burn (`BurnSide`).
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
//! let options = VerifyOptions::new(Precision::F32.tolerance()).bisect(Bisect::OnFailure).seed(1);
//! let found = verify(&mut reference, &mut [other], &inputs, &options, &mut |step| println!("{step}"))?;
//! assert!(found.passed, "{:?}", found.comparisons[0].reason);
//! # Ok::<(), gnet::Error>(())
//! ```

mod added;
mod answers;
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
mod request;
mod results;
mod rewritten;
mod ruler;
mod side;
mod signature;
mod trial;

pub use bisect::{Culprit, InputRange, Search, bisect, sweep};
pub use inputs::{Distribution, GIVEN, IMAGES, InputSet};
pub use judge::{Judgement, Verdict};
pub use noise::{Draw, unit};
pub use precision::{Precision, Tolerance};
pub(crate) use record::scientific;
pub use record::{Comparison, OnCopies, Row, Verification};
pub use redraw::drawn;
pub use request::Request;
pub use rewritten::rewritten;
pub use side::{Copies, FileSide, Side};
pub use signature::{Plan, Port, Signature};

use std::collections::HashMap;

use self::answers::Asked;
use self::trial::{Trial, settle};
use crate::runtime::Array;
use crate::runtime::agreement::Agreement;
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
#[non_exhaustive]
pub struct VerifyOptions {
    /// Tolerance.
    pub tolerance: Tolerance,
    /// Condition for searching the layer.
    pub bisect: Bisect,
    /// Seed of the inputs, for the record.
    pub seed: u64,
}

impl VerifyOptions {
    /// Creates options with this tolerance, a search for the layer on failure, and the seed 0.
    pub fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, bisect: Bisect::default(), seed: 0 }
    }

    /// Sets the condition for the search.
    pub fn bisect(self, bisect: Bisect) -> Self {
        Self { bisect, ..self }
    }

    /// Sets the seed.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }
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
        // A copy that an engine cannot run proves nothing, and does not affect any verdict.
        if comparison.verdict == Verdict::Weak
            && let Ok(Some(proof)) = on_copies(reference, other, sets, options, say)
        {
            comparison.proved(proof);
        }
    }
    Ok(Verification::new(reference, sets, options, comparisons))
}

/// Compares copies of both sides with the same redrawn weights; `None` if there are none.
fn on_copies(
    reference: &dyn Side,
    other: &FileSide,
    sets: &[InputSet],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<Option<(Comparison, usize)>> {
    let Some(Copies { mut side, file, weights }) = reference.redrawn(other)? else { return Ok(None) };
    say("the outputs hardly depend on the inputs: comparing copies with redrawn weights");
    let found = compared(side.as_mut(), &mut [file], sets, options, say)?;
    Ok(found.into_iter().next().map(|comparison| (comparison, weights)))
}

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
    let mut asked: Vec<Asked> = Vec::with_capacity(sets.len());
    for set in sets {
        say(&format!("comparing on {} inputs", set.name));
        let here = Asked::of(reference, set, asked.last().map_or(0, Asked::end))?;
        for (index, ((other, ties), comparison)) in others.iter_mut().zip(&ties).zip(&mut comparisons).enumerate() {
            let runs: Vec<Vec<Array>> = set.runs.iter().map(|run| ties.inputs_of(run)).collect();
            let found = here.answers(other, &runs, &ties.outputs)?;
            let first = comparison.rows.len();
            let trials = comparison.judge(reference, &here, found, &options.tolerance)?;
            let open_trials = trials.into_iter().enumerate().filter(|(_, trial)| trial.is_open());
            open.extend(open_trials.map(|(row, trial)| (index, first + row, trial)));
        }
        asked.push(here);
    }
    let needed = |asked: &&Asked| asked.first == 0 || open.iter().any(|(_, _, trial)| asked.has(trial.place));
    let again: Vec<&Asked> = asked.iter().filter(needed).collect();
    let mut unsteady = moves_by_itself(reference, &again, &options.tolerance)?;
    // Randomness that is fixed per session shows in another session, as each draw of the noise is.
    if unsteady.is_none()
        && !open.is_empty()
        && let Some(mut twin) = reference.moved(Draw::Still)?
    {
        unsteady = moves_by_itself(twin.as_mut(), &again, &options.tolerance)?;
    }
    if unsteady.is_none() {
        measure(reference, &mut open, &asked, options, say)?;
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
fn moves_by_itself(reference: &mut dyn Side, again: &[&Asked], tolerance: &Tolerance) -> Result<Option<String>> {
    for asked in again {
        let found = asked.again(reference, &asked.set.runs)?;
        for ((piece, before), after) in asked.pieces.iter().zip(&asked.expected).zip(&found) {
            let (largest, moves) = match Agreement::of(before, after) {
                Ok(agreement) => (agreement.largest, agreement.max_abs_diff),
                Err(_) => (0.0, f64::INFINITY),
            };
            let accepted = if reference.is_exact() { 0.0 } else { tolerance.accepted(largest) };
            if moves > accepted {
                let (output, inputs) = (&reference.signature().outputs[piece.output], &asked.set.name);
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
    asked: &[Asked],
    options: &VerifyOptions,
    say: &mut dyn FnMut(&str),
) -> Result<()> {
    let mut trials: Vec<&mut Trial> = open.iter_mut().map(|(_, _, trial)| trial).collect();
    let draws = Draw::all(options.seed, options.tolerance.precision.bits());
    settle(&mut trials, draws, |draw, places| {
        let mut answers = HashMap::new();
        let Some(mut moved) = reference.moved(draw)? else { return Ok(answers) };
        for asked in asked.iter().filter(|asked| places.iter().any(|place| asked.has(*place))) {
            say(&format!("measuring what rounding does on {} inputs", asked.set.name));
            let runs = asked.set.runs.iter().enumerate();
            let inputs: Vec<_> =
                runs.map(|(run, arrays)| draw.inputs(arrays, &reference.signature().inputs, run)).collect();
            // A copy that the engine cannot run, or whose outputs change their shape, tells nothing.
            let Ok(answer) = asked.again(moved.as_mut(), &inputs) else { continue };
            answers.extend((asked.first..).zip(answer));
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
