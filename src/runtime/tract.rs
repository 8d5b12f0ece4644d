//! tract: a CPU engine in pure Rust.
//!
//! tract's own threading gains little on convolutions, so a batch is split instead: its images are dealt to as many
//! lanes as there are threads, each lane a thread of its own with its own state of the network, alive as long as the
//! session. A file whose batch is fixed, or whose images are not independent of each other, runs whole on one thread.

mod lane;
mod model;

use std::ops::Range;

use tract_onnx::prelude::{TValue, TVec, Tensor};

use self::lane::{Lane, Worker};
use self::model::{Axis, Model, Plan};
use super::{Array, Input, RunOptions, Session};
use crate::{Error, Result};

/// A file loaded in tract.
pub(super) struct TractSession {
    inputs: Vec<Input>,
    /// Which inputs have the batch as their first axis; the others go whole to every lane.
    batched: Vec<bool>,
    /// The images of each lane. One lane runs the whole batch.
    parts: Vec<Range<usize>>,
    /// The first lane runs on the caller's thread.
    first: Lane,
    rest: Vec<Worker>,
    notes: Vec<String>,
    bound: bool,
    /// Outputs of the last run, lane by lane.
    outputs: Option<Vec<TVec<TValue>>>,
}

impl TractSession {
    pub(super) fn load(bytes: &[u8], options: &RunOptions) -> Result<Self> {
        let model = Model::parse(bytes)?;
        let mut notes = Vec::new();
        let lanes = lane_count(&model, options, &mut notes)?;
        let parts = deal(options.batch, lanes);
        let plans = plans(&model, &parts)?;
        let (first, rest) = plans.split_first().ok_or_else(|| Error::input("batch 0", "a run needs at least one"))?;
        let rest = rest.iter().enumerate().map(|(i, plan)| Worker::start(Lane::new(plan)?, i + 1));
        Ok(Self {
            inputs: model.inputs.iter().map(|input| input.at(options.batch)).collect(),
            batched: model.inputs.iter().map(|input| input.axis == Axis::Batch).collect(),
            first: Lane::new(first)?,
            rest: rest.collect::<Result<_>>()?,
            parts,
            notes,
            bound: false,
            outputs: None,
        })
    }

    /// The inputs of one lane: its images of a batched input, the whole of another.
    fn part(&self, arrays: &[Array], images: &Range<usize>) -> Result<TVec<TValue>> {
        arrays
            .iter()
            .zip(&self.batched)
            .map(|(array, batched)| {
                if *batched {
                    let row = array.data.len() / array.batch();
                    let mut shape = array.shape.clone();
                    shape[0] = images.len();
                    tensor(&shape, &array.data[images.start * row..images.end * row])
                } else {
                    tensor(&array.shape, &array.data)
                }
            })
            .collect()
    }
}

fn tensor(shape: &[usize], data: &[f32]) -> Result<TValue> {
    Tensor::from_shape(shape, data).map(TValue::from).map_err(|e| model::failed(&e))
}

/// How many lanes the batch is split over, and for the reader why not as many as there are threads.
fn lane_count(model: &Model, options: &RunOptions, notes: &mut Vec<String>) -> Result<usize> {
    let RunOptions { threads, batch } = *options;
    let unused = |used: usize, why: &str| format!("uses {used} of {threads} threads: {why}");
    if let Some(fixed) = model.fixed_batch() {
        if fixed != batch {
            let thing = format!("batch {batch}");
            return Err(Error::input(thing, format!("the file's batch is fixed at {fixed}"))
                .remedy(format!("use batch {fixed}, or export with a dynamic batch")));
        }
        if threads > 1 {
            notes.push(unused(1, "the file's batch is fixed, so it cannot be split"));
        }
        return Ok(1);
    }
    if threads == 1 || batch == 1 {
        if threads > 1 {
            notes.push(unused(1, "tract splits a batch over threads, and a batch of 1 cannot be split"));
        }
        return Ok(1);
    }
    if let Err(why) = model.images_are_independent() {
        notes.push(unused(1, &format!("the batch cannot be split: {why}")));
        return Ok(1);
    }
    if batch < threads {
        notes.push(unused(batch, "one image is the least a thread can take"));
    }
    Ok(threads.min(batch))
}

/// Deals `batch` images to `lanes` neighbouring ranges that differ in length by at most one, the longest first.
fn deal(batch: usize, lanes: usize) -> Vec<Range<usize>> {
    let mut next = 0;
    (0..lanes)
        .map(|lane| {
            let start = next;
            next += batch / lanes + usize::from(lane < batch % lanes);
            start..next
        })
        .collect()
}

/// One plan for each lane; lanes of the same length share one, weights and all. There are at most two lengths.
fn plans(model: &Model, parts: &[Range<usize>]) -> Result<Vec<Plan>> {
    let mut made: Vec<(usize, Plan)> = Vec::new();
    for part in parts {
        if made.iter().all(|(len, _)| *len != part.len()) {
            made.push((part.len(), model.plan(part.len())?));
        }
    }
    let plan_for = |part: &Range<usize>| made.iter().find(|(len, _)| *len == part.len()).map(|(_, plan)| plan.clone());
    Ok(parts.iter().filter_map(plan_for).collect())
}

impl Session for TractSession {
    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn bind(&mut self, inputs: &[Array]) -> Result<()> {
        check_inputs(&self.inputs, inputs)?;
        self.outputs = None;
        let mut parts = self.parts.iter().map(|images| self.part(inputs, images)).collect::<Result<Vec<_>>>()?;
        for (worker, part) in self.rest.iter().zip(parts.drain(1..)) {
            worker.bind(part)?;
        }
        self.first.bind(parts.swap_remove(0));
        self.bound = true;
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        if !self.bound {
            return Err(Error::input("run", "no input is bound"));
        }
        self.outputs = None;
        for worker in &self.rest {
            worker.start_run()?;
        }
        let first = self.first.run();
        // Every lane is waited for, also after a failure: else its answer would be taken for that of the next run.
        let rest: Vec<_> = self.rest.iter().map(Worker::finish_run).collect();
        self.outputs = Some(std::iter::once(first).chain(rest).collect::<Result<_>>()?);
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Array>> {
        let lanes = self.outputs.as_ref().ok_or_else(|| Error::input("outputs", "nothing has run"))?;
        let count = lanes.first().map_or(0, |outputs| outputs.len());
        (0..count).map(|i| joined(lanes.iter().map(|outputs| &outputs[i]))).collect()
    }

    fn threads_used(&self) -> usize {
        self.parts.len()
    }

    fn notes(&self) -> &[String] {
        &self.notes
    }
}

fn check_inputs(expected: &[Input], given: &[Array]) -> Result<()> {
    if expected.len() != given.len() {
        let names: Vec<_> = expected.iter().map(|input| input.name.as_str()).collect();
        let reason = format!("{} arrays given for {} ({})", given.len(), expected.len(), names.join(", "));
        return Err(Error::input("inputs", reason));
    }
    for (input, array) in expected.iter().zip(given) {
        array.check()?;
        if array.shape != input.shape {
            let reason = format!("takes the shape {:?}, not {:?}", input.shape, array.shape);
            return Err(Error::input(format!("input '{}'", input.name), reason));
        }
    }
    Ok(())
}

/// One output of all lanes, put together along the batch.
fn joined<'a>(parts: impl Iterator<Item = &'a TValue>) -> Result<Array> {
    let mut whole: Option<Array> = None;
    for part in parts {
        let view = part.try_as_plain_ram().map_err(|e| model::failed(&e))?;
        let data = view.as_slice::<f32>().map_err(|e| model::failed(&e))?;
        match &mut whole {
            None => whole = Some(Array { shape: part.shape().to_vec(), data: data.to_vec() }),
            Some(whole) => {
                whole.shape[0] += part.shape()[0];
                whole.data.extend_from_slice(data);
            }
        }
    }
    whole.ok_or_else(|| Error::input("outputs", "nothing has run"))
}

#[cfg(test)]
mod tests;
