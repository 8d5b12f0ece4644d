//! Trial of one output of two sides: its noise is considered as soon as its size does not explain the difference.

use std::collections::HashMap;

use super::judge::Rule;
use super::ruler::Noise;
use super::{Draw, Judgement};
use crate::runtime::Array;
use gnet_core::Result;

/// Outputs of both sides for one kind of inputs, not judged yet.
pub(super) struct Trial {
    /// Index of the draw's output that belongs to it.
    pub(super) place: usize,
    reference: Array,
    other: Array,
    rule: Rule,
    noise: Noise,
    pub(super) judgement: Judgement,
}

/// Ratio to the accepted difference after a draw beyond which further draws are pointless. Draws of one network differ
/// by a factor of a few.
const HOPELESS: f64 = 100.0;

impl Trial {
    /// Judges by the size of the output alone.
    pub(super) fn new(place: usize, reference: Array, other: Array, rule: Rule) -> Result<Self> {
        let noise = Noise::default();
        let judgement = Judgement::by(&reference, &other, &rule, &noise)?;
        Ok(Self { place, reference, other, rule, noise, judgement })
    }

    /// Returns `true` if its noise may still explain a difference. One that is [`HOPELESS`] compared with a draw is not
    /// explained by the next one.
    pub(super) fn is_open(&self) -> bool {
        let hopeless = self.noise.draws > 0 && self.judgement.used > HOPELESS;
        self.rule.tolerance.multiple > 0.0 && self.judgement.is_apart() && !hopeless
    }

    fn take(&mut self, moved: &Array) -> Result<()> {
        self.noise.add(&self.reference, moved);
        self.judgement = Judgement::by(&self.reference, &self.other, &self.rule, &self.noise)?;
        Ok(())
    }
}

/// Makes draws until none of the trials is open, or there are no more. `answer` returns the outputs of a draw by their
/// index for the requested indices; a draw that an engine cannot run gives none.
///
/// The accepted difference only grows with each draw, so that a trial which is settled early stays settled.
pub(super) fn settle(
    trials: &mut [&mut Trial],
    draws: impl Iterator<Item = Draw>,
    mut answer: impl FnMut(Draw, &[usize]) -> Result<HashMap<usize, Array>>,
) -> Result<()> {
    for draw in draws {
        let mut places: Vec<usize> = trials.iter().filter(|trial| trial.is_open()).map(|trial| trial.place).collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            break;
        }
        let answers = answer(draw, &places)?;
        for trial in trials.iter_mut().filter(|trial| trial.is_open()) {
            if let Some(moved) = answers.get(&trial.place) {
                trial.take(moved)?;
            }
        }
    }
    Ok(())
}
