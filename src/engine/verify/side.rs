//! The sides of a comparison: whatever computes outputs from inputs.

use std::path::Path;

use bytes::Bytes;

use super::noise;
use super::redraw::{self, Originals};
use super::signature::Signature;
use super::{Draw, Precision};
use crate::runtime::{self, Array, EngineOptions, Provider, RunOptions, Session};
use gnet_core::graph::{Attribute, DType, Graph, Model, Node, Sizes, ValueId};
use gnet_core::passes;
use gnet_core::words::counted;
use gnet_core::{Error, ErrorKind, Result, onnx};

/// Something that computes outputs from inputs.
pub trait Side {
    /// What it is called in a report, such as `model.onnx in tract`.
    fn label(&self) -> &str;

    /// Its inputs and outputs.
    fn signature(&self) -> &Signature;

    /// The precision it calculates in.
    fn precision(&self) -> Precision;

    /// The outputs for one run's inputs, both in the signature's order.
    ///
    /// # Errors
    /// Inputs that do not fit, or an engine that fails.
    fn run(&mut self, inputs: &[Array]) -> Result<Vec<Array>>;

    /// Whether it answers equal inputs with equal bits, as engines on the CPU do. Some on the GPU add up in whatever order
    /// their threads end.
    fn is_exact(&self) -> bool {
        true
    }

    /// The same computation as a file whose values in between can be read out; `None` when there is none.
    ///
    /// # Errors
    /// A file that cannot be made.
    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>>;

    /// The same computation as a [`Draw`] has it, but for its inputs; `None` when there is none.
    ///
    /// # Errors
    /// A copy that cannot be made.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>>;

    /// The same computation and that of `other` with one set of redrawn weights, so that their outputs depend on their
    /// inputs; `None` when there is none, or when the weights were not the same.
    ///
    /// # Errors
    /// A copy that cannot be made.
    fn redrawn(&self, other: &FileSide) -> Result<Option<Copies<'_>>>;

    /// The least size that the values of an output are computed at, whatever they come to; 0 where that is their own.
    fn unit(&self, output: usize) -> f64;

    /// Whether an output counts or decides, so that it may well be the same for most of a few samples.
    fn counts(&self, _output: usize) -> bool {
        false
    }
}

/// Copies of two sides that have the same redrawn weights.
pub struct Copies<'a> {
    /// That of the reference.
    pub side: Box<dyn Side + 'a>,
    /// That of the other side.
    pub file: FileSide,
    /// Tensors that were redrawn.
    pub weights: usize,
}

/// An ONNX file in an engine.
pub struct FileSide {
    label: String,
    model: Model,
    bytes: Bytes,
    provider: Provider,
    /// How the engine runs it; the batch is that of the inputs, the sizes are those that fit the file.
    options: RunOptions,
    signature: Signature,
    /// Whether the sizes are those of the inputs of each run instead.
    any_size: bool,
    /// Part of another file, read out for a search: where its nodes lie is no proof and no failure.
    part: bool,
    /// The loaded file and what it is loaded for.
    session: Option<(RunOptions, Box<dyn Session>)>,
}

impl FileSide {
    /// Reads a file; the engine loads it when it first runs, as it is. Where it leaves sizes open, it is fed those of
    /// `options` that [fit](gnet_core::graph::Sizes::fitting) it.
    ///
    /// # Errors
    /// A provider that this build does not have; a file that is missing, no ONNX model, or whose inputs stay open; sizes
    /// that it cannot have.
    pub fn open(path: &Path, provider: Provider, options: &RunOptions) -> Result<Self> {
        provider.ensure_available()?;
        let bytes = onnx::in_one_piece(path)?;
        let named = |e: Error| runtime::in_file(path, e);
        let model = onnx::read(bytes.clone()).map_err(named)?;
        let label = format!("{} in {provider}", path.display());
        Self::new(label, model, bytes, (provider, options), false).map_err(named)
    }

    /// A model in memory.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the file.
    pub fn of_model(label: impl Into<String>, model: &Model, provider: Provider, options: &RunOptions) -> Result<Self> {
        provider.ensure_available()?;
        let model = swept(model)?;
        let bytes = onnx::write(&model)?.into();
        Self::new(label.into(), model, bytes, (provider, options), false)
    }

    /// The bytes of a file, fed at whatever sizes the inputs of a run have: every axis may be open.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the file and for axes that stay open.
    pub fn at_any_size(label: impl Into<String>, bytes: Bytes, provider: Provider) -> Result<Self> {
        provider.ensure_available()?;
        let model = onnx::read(bytes.clone())?;
        Self::new(label.into(), model, bytes, (provider, &RunOptions::default()), true)
    }

    fn new(
        label: String,
        model: Model,
        bytes: Bytes,
        (provider, options): (Provider, &RunOptions),
        any_size: bool,
    ) -> Result<Self> {
        let options = RunOptions { sizes: options.sizes.fitting(&model.graph.stated_inputs()), ..options.clone() };
        let signature = match any_size {
            true => Signature::open(&model.graph)?,
            false => Signature::of(&model.graph, &options.sizes)?,
        };
        Ok(Self { label, model, bytes, provider, options, signature, any_size, part: false, session: None })
    }

    /// What the file holds.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// What runs it.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// How the engine runs it.
    pub fn options(&self) -> &RunOptions {
        &self.options
    }

    /// The computation without what no output needs. Its values have the numbers that [`exposing`](Self::exposing)
    /// takes.
    pub(super) fn live_graph(&self) -> Result<Graph> {
        Ok(swept(&self.model)?.graph)
    }

    /// The same file with `values` as its outputs, in that order, and nothing that they do not need.
    ///
    /// Values that are not known to be f32 are cast to it, so that whatever crosses the border is one type.
    pub(super) fn exposing(&self, values: &[ValueId]) -> Result<Self> {
        let mut model = self.model.clone();
        let outputs = values.iter().map(|id| as_f32(&mut model.graph, *id)).collect();
        model.graph.outputs = outputs;
        self.beside(self.label.clone(), &model).map_err(|e| about(&self.label, e))
    }

    /// Another model in the same engine. Where its nodes lie is not what is judged.
    ///
    /// # Errors
    /// As [`of_model`](Self::of_model).
    pub fn beside(&self, label: impl Into<String>, model: &Model) -> Result<Self> {
        self.remade(label.into(), model, &self.options)
    }

    fn remade(&self, label: String, model: &Model, options: &RunOptions) -> Result<Self> {
        let model = swept(model)?;
        let bytes = onnx::write(&model)?.into();
        let copy = Self::new(label, model, bytes, (self.provider, options), self.any_size)?;
        Ok(Self { part: true, ..copy })
    }

    /// The same file in a session of its own.
    fn twin(&self) -> Self {
        Self {
            label: self.label.clone(),
            model: self.model.clone(),
            bytes: self.bytes.clone(),
            provider: self.provider,
            options: self.options.clone(),
            signature: self.signature.clone(),
            any_size: self.any_size,
            part: self.part,
            session: None,
        }
    }

    /// The file as a draw has it; `None` where its engine has no other order to sum in.
    pub(super) fn drawn(&self, draw: Draw) -> Result<Option<Self>> {
        if draw == Draw::Still {
            return Ok(Some(self.twin()));
        }
        let mut options = self.options.clone();
        if draw == Draw::Reordered {
            let off = runtime::GraphOptimization::Off;
            if std::mem::replace(&mut options.engine.graph_optimization, off) == off {
                return Ok(None);
            }
        }
        self.remade(self.label.clone(), &draw.model(&self.model, &self.options.sizes), &options).map(Some)
    }

    /// The file with its weights redrawn, and what they were.
    fn redrawn_file(&self) -> Result<Option<(Self, Originals)>> {
        let Some((model, originals)) = redraw::redrawn(&self.model) else { return Ok(None) };
        Ok(Some((self.beside(self.label.clone(), &model)?, originals)))
    }

    /// Loads for the batch or the sizes of these inputs, unless it is loaded for them.
    fn load(&mut self, inputs: &[Array]) -> Result<&mut dyn Session> {
        let options = self.options_for(inputs)?;
        let loaded = match self.session.take() {
            Some(loaded) if loaded.0 == options => loaded,
            _ => {
                let session = self.open_session(&options).map_err(|e| about(&self.label, e))?;
                (options, session)
            }
        };
        Ok(self.session.insert(loaded).1.as_mut())
    }

    fn options_for(&self, inputs: &[Array]) -> Result<RunOptions> {
        let options = self.options.clone();
        if !self.any_size {
            return Ok(RunOptions { batch: self.signature.batch_of(inputs), ..options });
        }
        let mut sizes = Sizes::none();
        for (port, array) in self.signature.inputs.iter().zip(inputs) {
            sizes.extend(Sizes::shape(&port.name, &array.shape)?);
        }
        // Of sizes that are all fixed the first axis of the first input is the batch.
        Ok(RunOptions { batch: inputs.first().map_or(1, Array::batch), sizes, ..options })
    }

    fn open_session(&self, options: &RunOptions) -> Result<Box<dyn Session>> {
        // Where the nodes of a part lie is not what is judged.
        let load = if self.part { runtime::open } else { runtime::load };
        load(self.provider, &self.bytes, options)
    }
}

impl Side for FileSide {
    fn label(&self) -> &str {
        &self.label
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn precision(&self) -> Precision {
        Precision::of(&self.model.graph).max(engine_precision(self.provider, &self.options.engine))
    }

    fn run(&mut self, inputs: &[Array]) -> Result<Vec<Array>> {
        let (label, names) = (self.label.clone(), self.signature.clone());
        let session = self.load(inputs)?;
        let mut run = || -> Result<Vec<Array>> {
            let ordered = session.inputs().iter().map(|input| {
                let place = names.inputs.iter().position(|port| port.name == input.name);
                place.and_then(|place| inputs.get(place)).cloned().ok_or_else(|| {
                    Error::input(
                        format!("input '{}'", input.name),
                        "the engine asks for it and the file does not list it",
                    )
                })
            });
            let ordered = ordered.collect::<Result<Vec<_>>>()?;
            session.bind(&ordered)?;
            session.run()?;
            session.outputs()
        };
        let outputs = run().map_err(|e| about(&label, e))?;
        if outputs.len() != names.outputs.len() {
            let reason = format!(
                "the engine gives {}, the file lists {}",
                counted(outputs.len(), "output"),
                names.outputs.len()
            );
            return Err(Error::check(label, reason));
        }
        Ok(outputs)
    }

    fn is_exact(&self) -> bool {
        matches!(self.provider, Provider::Tract | Provider::Cpu)
    }

    fn as_file(&self, _: &FileSide) -> Result<Option<FileSide>> {
        Ok(Some(self.twin()))
    }

    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>> {
        Ok(self.drawn(draw)?.map(|copy| Box::new(copy) as Box<dyn Side>))
    }

    fn redrawn(&self, other: &FileSide) -> Result<Option<Copies<'_>>> {
        let (Some((side, here)), Some((file, there))) = (self.redrawn_file()?, other.redrawn_file()?) else {
            return Ok(None);
        };
        Ok((here == there).then(|| Copies { side: Box::new(side), file, weights: here.len() }))
    }

    fn unit(&self, output: usize) -> f64 {
        self.model.graph.outputs.get(output).map_or(0.0, |id| noise::unit(&self.model.graph, *id))
    }
}

/// What an engine may calculate in at most, whatever the file says.
fn engine_precision(provider: Provider, engine: &EngineOptions) -> Precision {
    match provider {
        Provider::Tract | Provider::Cpu => Precision::F32,
        Provider::Cuda if engine.cuda.tf32 => Precision::Tf32,
        Provider::Cuda => Precision::F32,
        Provider::TensorRt if engine.tensorrt.fp16 => Precision::Fp16,
        // Its builder may choose TF32 unless it is told not to.
        Provider::TensorRt => Precision::Tf32,
        Provider::OpenVino => match engine.openvino.precision {
            runtime::Precision::F32 => Precision::F32,
            runtime::Precision::F16 => Precision::Fp16,
            runtime::Precision::Bf16 => Precision::Bf16,
        },
    }
}

/// The model without what no output needs.
fn swept(model: &Model) -> Result<Model> {
    let mut model = model.clone();
    passes::sweep(&mut model.graph)?;
    Ok(model)
}

/// ONNX's number for f32 in `Cast`.
const F32: i64 = 1;

fn as_f32(graph: &mut Graph, id: ValueId) -> ValueId {
    let value = graph.value(id).clone();
    if value.dtype == Some(DType::F32) {
        return id;
    }
    let mut name = format!("{}:f32", value.name);
    while graph.find(&name).is_some() {
        name.push('_');
    }
    let cast = graph.add_value(name.clone(), Some(DType::F32), value.shape);
    let mut node = Node::new(name, "Cast", vec![id], vec![cast]);
    node.set("to", Attribute::Int(F32));
    graph.nodes.push(node);
    cast
}

/// Names what an error is about. Of another kind than bad input it is left as it is: its kind decides the exit code.
pub(super) fn about(thing: impl std::fmt::Display, error: Error) -> Error {
    if error.kind() != ErrorKind::Input {
        return error;
    }
    let named = Error::input(thing, &error);
    match error.remedy_text() {
        Some(remedy) => named.remedy(remedy),
        None => named,
    }
}
