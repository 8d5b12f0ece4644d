//! Outputs of the sides for one kind of inputs, joined over its runs and ready to be judged.

use super::{InputSet, Side};
use crate::runtime::Array;
use gnet_core::{Error, Result};

/// Runs of one output whose samples have the same shape, judged as one array.
pub(super) struct Piece {
    /// Index of the output among the reference's.
    pub(super) output: usize,
    runs: Vec<usize>,
}

/// One kind of inputs, with the reference's outputs.
pub(super) struct Asked<'a> {
    pub(super) set: &'a InputSet,
    /// Index of its first piece among those of all kinds.
    pub(super) first: usize,
    pub(super) pieces: Vec<Piece>,
    pub(super) expected: Vec<Array>,
    batches: Vec<usize>,
}

impl<'a> Asked<'a> {
    pub(super) fn of(reference: &mut dyn Side, set: &'a InputSet, first: usize) -> Result<Self> {
        let batches = set.runs.iter().map(|run| reference.signature().batch_of(run)).collect();
        let mut asked = Self { set, first, pieces: Vec::new(), expected: Vec::new(), batches };
        let outputs: Vec<usize> = (0..reference.signature().outputs.len()).collect();
        let answers = asked.run(reference, &set.runs)?;
        asked.pieces = outputs.iter().flat_map(|output| pieces(&answers, *output)).collect();
        asked.expected = asked.joined(reference.label(), answers, &outputs)?;
        Ok(asked)
    }

    /// Runs a side on `runs` and returns its output for each piece; `outputs` holds the index of each of the reference's
    /// outputs among this side's.
    pub(super) fn answers(&self, side: &mut dyn Side, runs: &[Vec<Array>], outputs: &[usize]) -> Result<Vec<Array>> {
        let answers = self.run(side, runs)?;
        self.joined(side.label(), answers, outputs)
    }

    /// Runs the reference, or a copy of it, on `runs` and returns its output for each piece.
    pub(super) fn again(&self, reference: &mut dyn Side, runs: &[Vec<Array>]) -> Result<Vec<Array>> {
        let outputs: Vec<usize> = (0..reference.signature().outputs.len()).collect();
        self.answers(reference, runs, &outputs)
    }

    /// Returns the outputs of each run with samples along the first axis: an output whose first axis is not the batch is
    /// one sample.
    fn run(&self, side: &mut dyn Side, runs: &[Vec<Array>]) -> Result<Vec<Vec<Array>>> {
        let answer = |(run, batch): (&Vec<Array>, &usize)| {
            let mut outputs = side.run(run)?;
            for output in outputs.iter_mut().filter(|output| output.shape.first() != Some(batch)) {
                output.shape.insert(0, 1);
            }
            Ok(outputs)
        };
        runs.iter().zip(&self.batches).map(answer).collect()
    }

    fn joined(&self, label: &str, mut answers: Vec<Vec<Array>>, outputs: &[usize]) -> Result<Vec<Array>> {
        let mut joined = Vec::with_capacity(self.pieces.len());
        for Piece { output, runs } in &self.pieces {
            let mut whole: Option<Array> = None;
            for run in runs {
                let part =
                    std::mem::replace(&mut answers[*run][outputs[*output]], Array { shape: vec![], data: vec![] });
                match &mut whole {
                    None => whole = Some(part),
                    Some(whole) if whole.shape[1..] == part.shape[1..] => {
                        whole.shape[0] += part.shape[0];
                        whole.data.extend(part.data);
                    }
                    Some(whole) => {
                        let (a, b) = (&whole.shape, &part.shape);
                        let reason = format!("changes its shape from run to run: {a:?}, then {b:?}");
                        return Err(Error::check(label, Error::check("an output", reason)));
                    }
                }
            }
            joined.extend(whole);
        }
        Ok(joined)
    }

    pub(super) fn has(&self, number: usize) -> bool {
        (self.first..self.end()).contains(&number)
    }

    pub(super) fn end(&self) -> usize {
        self.first + self.pieces.len()
    }
}

/// Returns the pieces of an output, in the order of their first runs.
fn pieces(answers: &[Vec<Array>], output: usize) -> Vec<Piece> {
    let shape = |run: usize| &answers[run][output].shape[1..];
    let mut pieces: Vec<Piece> = Vec::new();
    for run in 0..answers.len() {
        match pieces.iter_mut().find(|piece| shape(piece.runs[0]) == shape(run)) {
            Some(piece) => piece.runs.push(run),
            None => pieces.push(Piece { output, runs: vec![run] }),
        }
    }
    pieces
}
