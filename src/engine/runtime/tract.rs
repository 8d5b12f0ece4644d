//! tract: a CPU engine in pure Rust.
//!
//! tract's own threading gains little on convolutions, so the batch is split instead: its images are distributed to as
//! many lanes as there are threads, each of which is a thread with its own state of the network that lives as long as
//! the session. A lane cuts its share into pieces that fit in the caches. A file whose batch is fixed, or whose images
//! are not independent of each other, runs unsplit on one thread.

mod images;
mod lane;
mod layout;
mod model;

use std::ops::Range;

use tract_onnx::prelude::{DatumType, TValue, Tensor};

use self::lane::{Lane, Plans, Values, Worker};
use self::layout::{Layout, PIECE_BYTES};
use self::model::Model;
use super::{Array, GraphOptimization, Input, RunOptions, Session, Settings, check_inputs, element};
use gnet_core::{Error, Result, graph};

pub(super) struct TractSession {
    inputs: Vec<Input>,
    /// Whether each input has the batch as its first axis; the others are passed unsplit to every piece.
    batched: Vec<bool>,
    /// Type to which the values of each input are cast.
    kinds: Vec<DatumType>,
    layout: Layout,
    first: Lane,
    rest: Vec<Worker>,
    bound: bool,
    settings: Settings,
    /// Outputs of the last run, piece by piece.
    outputs: Option<Vec<Values>>,
}

impl TractSession {
    pub(super) fn load(bytes: &[u8], options: &RunOptions) -> Result<Self> {
        let model = Model::parse(bytes, options)?;
        let layout = Layout::of(&model, options, PIECE_BYTES);
        Self::new(&model, layout, options.engine.graph_optimization == GraphOptimization::Off)
    }

    fn new(model: &Model, layout: Layout, plain: bool) -> Result<Self> {
        let plans: Plans =
            layout.lengths().into_iter().map(|len| Ok((len, model.plan(len, plain)?))).collect::<Result<_>>()?;
        let lane = |pieces: &Vec<Range<usize>>| Lane::new(&plans, pieces.iter().map(ExactSizeIterator::len).collect());
        let mut lanes = layout.lanes.iter().map(lane);
        let first = lanes.next().ok_or_else(|| Error::input("batch 0", "a run needs at least one"))??;
        let rest = lanes.zip(1..).map(|(lane, number)| Worker::start(lane?, number)).collect::<Result<_>>()?;
        Ok(Self {
            inputs: model.inputs.clone(),
            batched: (0..model.inputs.len()).map(|input| model.fed.is_batched(input)).collect(),
            kinds: model.kinds.clone(),
            layout,
            first,
            rest,
            bound: false,
            settings: [("engine".to_owned(), "tract".to_owned())].into(),
            outputs: None,
        })
    }

    /// Returns each output as `read` makes it of its pieces, in the order of the images.
    fn each_output<T>(&self, read: fn(&[&TValue]) -> Result<T>) -> Result<Vec<T>> {
        let pieces = self.outputs.as_ref().ok_or_else(|| Error::input("outputs", "nothing has run"))?;
        let count = pieces.first().map_or(0, |outputs| outputs.len());
        (0..count).map(|i| read(&pieces.iter().map(|outputs| &outputs[i]).collect::<Vec<_>>())).collect()
    }

    fn piece(&self, arrays: &[Array], images: &Range<usize>) -> Result<Values> {
        arrays
            .iter()
            .zip(self.kinds.iter().zip(&self.batched))
            .map(|(array, (kind, batched))| {
                if *batched {
                    let row = array.data.len() / array.batch();
                    let mut shape = array.shape.clone();
                    shape[0] = images.len();
                    tensor(*kind, &shape, &array.data[images.start * row..images.end * row])
                } else {
                    tensor(*kind, &array.shape, &array.data)
                }
            })
            .collect()
    }
}

fn tensor(kind: DatumType, shape: &[usize], data: &[f32]) -> Result<TValue> {
    let tensor = Tensor::from_shape(shape, data).and_then(|tensor| Ok(tensor.cast_to_dt(kind)?.into_owned()));
    tensor.map(TValue::from).map_err(|e| model::failed(&e))
}

impl Session for TractSession {
    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn bind(&mut self, inputs: &[Array]) -> Result<()> {
        check_inputs(&self.inputs, inputs)?;
        self.outputs = None;
        let pieces = |lane: &Vec<Range<usize>>| lane.iter().map(|images| self.piece(inputs, images)).collect();
        let mut lanes = self.layout.lanes.iter().map(pieces).collect::<Result<Vec<_>>>()?.into_iter();
        self.first.bind(lanes.next().unwrap_or_default());
        for (worker, pieces) in self.rest.iter().zip(lanes) {
            worker.bind(pieces)?;
        }
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
        // Every lane is waited for, even after a failure: otherwise its answer would be taken for that of the next run.
        let rest: Vec<_> = self.rest.iter().map(Worker::finish_run).collect();
        let lanes = std::iter::once(first).chain(rest).collect::<Result<Vec<_>>>()?;
        self.outputs = Some(lanes.into_iter().flatten().collect());
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Array>> {
        self.each_output(joined)
    }

    fn tensors(&mut self) -> Result<Vec<graph::Tensor>> {
        self.each_output(exact)
    }

    fn threads_used(&self) -> usize {
        self.layout.lanes.len()
    }

    fn notes(&self) -> &[String] {
        &self.layout.notes
    }

    fn settings(&self) -> &Settings {
        &self.settings
    }
}

fn joined(parts: &[&TValue]) -> Result<Array> {
    let mut whole: Option<Array> = None;
    for part in parts {
        let values = part.cast_to::<f32>().map_err(|e| model::failed(&e))?;
        let view = values.try_as_plain_ram().map_err(|e| model::failed(&e))?;
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

fn exact(parts: &[&TValue]) -> Result<graph::Tensor> {
    let mut whole: Option<(graph::DType, Vec<usize>, Vec<u8>)> = None;
    for part in parts {
        // Whole numbers derived from shapes have a type of tract's own.
        let kind = if part.datum_type() == DatumType::TDim { DatumType::I64 } else { part.datum_type() };
        let unread =
            || Error::input("tract", format!("gives an output that {}", element::refusal(model::type_name(kind))));
        let dtype = model::dtype(kind).ok_or_else(unread)?;
        let values = part.cast_to_dt(kind).map_err(|e| model::failed(&e))?;
        let view = values.try_as_plain_ram().map_err(|e| model::failed(&e))?;
        match &mut whole {
            None => whole = Some((dtype, part.shape().to_vec(), view.as_bytes().to_vec())),
            Some((_, shape, bytes)) => {
                shape[0] += part.shape()[0];
                bytes.extend_from_slice(view.as_bytes());
            }
        }
    }
    let (dtype, shape, bytes) = whole.ok_or_else(|| Error::input("outputs", "nothing has run"))?;
    graph::Tensor::new(dtype, shape, bytes)
}

#[cfg(test)]
mod tests;
