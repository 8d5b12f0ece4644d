//! Sides of a comparison: anything that computes outputs from inputs.

use std::path::Path;
use std::sync::Arc;

use super::noise;
use super::redraw::{self, Originals};
use super::signature::Signature;
use super::{Draw, Precision};
use crate::runtime::{self, Array, EngineOptions, Provider, RunOptions, Session};
use gnet_core::graph::{DType, Graph, Model, Node, Sizes, Tensor, ValueId};
use gnet_core::passes;
use gnet_core::words::counted;
use gnet_core::{Error, ErrorKind, OnnxFile, Result};

/// Something that computes outputs from inputs.
pub trait Side {
    /// Returns its name in a report, such as `model.onnx in tract`.
    fn label(&self) -> &str;

    /// Returns its inputs and outputs.
    fn signature(&self) -> &Signature;

    /// Returns the precision in which it computes.
    fn precision(&self) -> Precision;

    /// Computes the outputs for one run's inputs, both in the signature's order.
    ///
    /// # Errors
    /// Fails if the inputs do not match, or if the engine fails.
    fn run(&mut self, inputs: &[Array]) -> Result<Vec<Array>>;

    /// Does the same as [`run`](Self::run) and returns the outputs in their own types; by default as 32-bit floats.
    ///
    /// # Errors
    /// Those of [`run`](Self::run); also fails on a type that cannot be read.
    fn tensors(&mut self, inputs: &[Array]) -> Result<Vec<Tensor>> {
        self.run(inputs)?.iter().map(Array::tensor).collect()
    }

    /// Returns `true` if its outputs for equal inputs are equal bit for bit, as those of engines on the CPU are. Some
    /// on the GPU sum in the order in which their threads end.
    fn is_exact(&self) -> bool {
        true
    }

    /// Returns the same computation as a file whose intermediate values can be read out; `None` if there is none.
    ///
    /// # Errors
    /// Fails if the file cannot be created.
    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>>;

    /// Returns the same computation as changed by a [`Draw`], except for its inputs; `None` if there is none.
    ///
    /// # Errors
    /// Fails if the copy cannot be created.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>>;

    /// Returns copies of this side and of `other` with the same redrawn weights, so that their outputs depend on their
    /// inputs; `None` if there are none, or if the weights were not the same.
    ///
    /// # Errors
    /// Fails if a copy cannot be created.
    fn redrawn(&self, other: &FileSide) -> Result<Option<Copies<'_>>>;

    /// Returns the smallest scale at which the values of an output are computed, however small they are; 0 if it is
    /// their own.
    fn unit(&self, output: usize) -> f64;

    /// Returns `true` if an output is a count or a decision, which may well be the same for most of a few samples.
    fn counts(&self, _output: usize) -> bool {
        false
    }
}

/// Copies of two sides that have the same redrawn weights.
pub struct Copies<'a> {
    /// Copy of the reference.
    pub side: Box<dyn Side + 'a>,
    /// Copy of the other side.
    pub file: FileSide,
    /// Number of tensors that were redrawn.
    pub weights: usize,
}

/// An ONNX file in an engine.
pub struct FileSide {
    label: String,
    file: Arc<OnnxFile>,
    model: Arc<Model>,
    provider: Provider,
    /// Options of the engine; the batch is that of the inputs, the sizes are those that apply to the file.
    options: RunOptions,
    signature: Signature,
    /// Whether the sizes are those of each run's inputs instead.
    any_size: bool,
    /// Whether it is part of another file, read out for a search: the placement of its nodes is then neither proof nor
    /// failure.
    part: bool,
    /// Loaded file, with the options that it is loaded for.
    session: Option<(RunOptions, Box<dyn Session>)>,
}

impl FileSide {
    /// Reads a file; the engine loads it unchanged when it first runs. If it leaves sizes open, it is fed those of
    /// `options` that [apply](gnet_core::graph::Sizes::fitting) to it.
    ///
    /// # Errors
    /// Fails if this build does not have the provider; if the file is missing, is not an ONNX model, or has inputs that
    /// stay open; or on sizes that it cannot have.
    pub fn open(path: &Path, provider: Provider, options: &RunOptions) -> Result<Self> {
        provider.ensure_available()?;
        Self::of_file(&Arc::new(OnnxFile::open_whole(path)?), provider, options)
    }

    /// Does the same as [`open`](Self::open) with a file that may be that of other sides too.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for what is wrong with the file alone.
    pub fn of_file(file: &Arc<OnnxFile>, provider: Provider, options: &RunOptions) -> Result<Self> {
        provider.ensure_available()?;
        let name = file.path().map_or_else(|| "the model".to_owned(), |path| path.display().to_string());
        let named = |e: Error| if e.kind() == ErrorKind::Input { file.named(e) } else { e };
        Self::new(format!("{name} in {provider}"), file.clone(), (provider, options), false).map_err(named)
    }

    /// Creates a side from a model in memory.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), except for those about the file.
    pub fn of_model(label: impl Into<String>, model: &Model, provider: Provider, options: &RunOptions) -> Result<Self> {
        provider.ensure_available()?;
        Self::new(label.into(), Arc::new(OnnxFile::of_model(swept(model)?)), (provider, options), false)
    }

    /// Creates a side from a file that is fed the sizes of each run's inputs: every axis may be open.
    ///
    /// # Errors
    /// Fails if this build does not have the provider, or if the file is not an ONNX model whose inputs have shapes.
    pub fn at_any_size(label: impl Into<String>, file: OnnxFile, provider: Provider) -> Result<Self> {
        provider.ensure_available()?;
        Self::new(label.into(), Arc::new(file), (provider, &RunOptions::default()), true)
    }

    fn new(
        label: String,
        file: Arc<OnnxFile>,
        (provider, options): (Provider, &RunOptions),
        any_size: bool,
    ) -> Result<Self> {
        let model = file.model()?.clone();
        let options = RunOptions { sizes: options.sizes.fitting(&model.graph.stated_inputs()), ..options.clone() };
        let signature = match any_size {
            true => Signature::open(&model.graph)?,
            false => Signature::of(&model.graph, &options.sizes)?,
        };
        Ok(Self { label, file, model, provider, options, signature, any_size, part: false, session: None })
    }

    /// Returns the decoded model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns the file that the engine loads.
    pub(super) fn file(&self) -> &OnnxFile {
        &self.file
    }

    /// Returns the provider that runs it.
    pub fn provider(&self) -> Provider {
        self.provider
    }

    /// Returns the options of the engine.
    pub fn options(&self) -> &RunOptions {
        &self.options
    }

    /// Returns the computation without dead parts. Its values have the IDs that [`exposing`](Self::exposing) expects.
    pub(super) fn live_graph(&self) -> Result<Graph> {
        Ok(swept(&self.model)?.graph)
    }

    /// Returns the same file with `values` as its outputs, in that order, and nothing that they do not need.
    ///
    /// Values that are not known to be f32 are cast to it, so that all outputs have one type.
    pub(super) fn exposing(&self, values: &[ValueId]) -> Result<Self> {
        let mut model = Model::clone(&self.model);
        let outputs = values.iter().map(|id| as_f32(&mut model.graph, *id)).collect();
        model.graph.outputs = outputs;
        self.beside(self.label.clone(), &model).map_err(|e| about(&self.label, e))
    }

    /// Creates another model in the same engine, the placement of whose nodes is not judged.
    ///
    /// # Errors
    /// Those of [`of_model`](Self::of_model).
    pub fn beside(&self, label: impl Into<String>, model: &Model) -> Result<Self> {
        self.remade(label.into(), model, &self.options)
    }

    fn remade(&self, label: String, model: &Model, options: &RunOptions) -> Result<Self> {
        let file = Arc::new(OnnxFile::of_model(swept(model)?));
        let copy = Self::new(label, file, (self.provider, options), self.any_size)?;
        Ok(Self { part: true, ..copy })
    }

    /// Returns the same file in a separate session.
    fn twin(&self) -> Self {
        Self {
            label: self.label.clone(),
            model: self.model.clone(),
            file: self.file.clone(),
            provider: self.provider,
            options: self.options.clone(),
            signature: self.signature.clone(),
            any_size: self.any_size,
            part: self.part,
            session: None,
        }
    }

    /// Returns the file as changed by a draw; `None` if its engine has no other order of summation.
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

    fn redrawn_file(&self) -> Result<Option<(Self, Originals)>> {
        let Some((model, originals)) = redraw::redrawn(&self.model) else { return Ok(None) };
        Ok(Some((self.beside(self.label.clone(), &model)?, originals)))
    }

    /// Loads for the batch or the sizes of these inputs, unless it is already loaded for them.
    fn load(&mut self, inputs: &[Array]) -> Result<&mut dyn Session> {
        let options = self.options_for(inputs)?;
        let loaded = match self.session.take() {
            Some(loaded) if loaded.0 == options => loaded,
            _ => {
                let load = if self.part { runtime::open } else { runtime::load };
                let session = load(self.provider, &self.file, &options).map_err(|e| about(&self.label, e))?;
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
        // If all sizes are fixed, the batch is the first axis of the first input.
        Ok(RunOptions { batch: inputs.first().map_or(1, Array::batch), sizes, ..options })
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
                    let reason = "the engine asks for it and the file does not list it";
                    Error::input(format!("input '{}'", input.name), reason)
                })
            });
            let ordered = ordered.collect::<Result<Vec<_>>>()?;
            session.bind(&ordered)?;
            session.run()?;
            session.outputs()
        };
        let outputs = run().map_err(|e| about(&label, e))?;
        if outputs.len() != names.outputs.len() {
            let given = counted(outputs.len(), "output");
            let reason = format!("the engine gives {given}, the file lists {}", names.outputs.len());
            return Err(Error::check(label, reason));
        }
        Ok(outputs)
    }

    fn tensors(&mut self, inputs: &[Array]) -> Result<Vec<Tensor>> {
        let outputs = self.run(inputs)?;
        match &mut self.session {
            Some((_, session)) => session.tensors().map_err(|e| about(&self.label, e)),
            None => outputs.iter().map(Array::tensor).collect(),
        }
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

/// Returns the coarsest precision that an engine may use, whatever the file states.
fn engine_precision(provider: Provider, engine: &EngineOptions) -> Precision {
    match provider {
        Provider::Tract | Provider::Cpu => Precision::F32,
        Provider::Cuda if engine.cuda.tf32 => Precision::Tf32,
        Provider::Cuda => Precision::F32,
        Provider::TensorRt if engine.tensorrt.fp16 => Precision::Fp16,
        // Its builder may choose TF32 unless told not to.
        Provider::TensorRt => Precision::Tf32,
        Provider::OpenVino => match engine.openvino.precision {
            runtime::Precision::F32 => Precision::F32,
            runtime::Precision::F16 => Precision::Fp16,
            runtime::Precision::Bf16 => Precision::Bf16,
        },
    }
}

fn swept(model: &Model) -> Result<Model> {
    let mut model = model.clone();
    passes::sweep(&mut model.graph)?;
    Ok(model)
}

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
    node.set("to", i64::from(DType::F32.number()));
    graph.nodes.push(node);
    cast
}

/// Names the subject of an error. Errors of a kind other than bad input stay unchanged: their kind decides the exit
/// code.
pub(super) fn about(thing: impl std::fmt::Display, error: Error) -> Error {
    if error.kind() != ErrorKind::Input {
        return error;
    }
    Error::input(thing, &error).with_remedy(error.remedy_text())
}
