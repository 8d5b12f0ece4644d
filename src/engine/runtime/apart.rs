//! An engine in a separate process, behind the same trait as one in this process.
//!
//! An engine may crash, ask for memory without end, or change its process permanently: OpenVINO's plugin takes over
//! every session made after it is registered. If gnet serves as a worker ([`process::serve_by`]), none of that affects
//! the process that asks.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::{
    Array, Assignment, EngineOptions, Input, Library, Provider, RunOptions, Session, Settings, check_inputs, library,
    open, prepare,
};
use gnet_core::graph::{DType, Tensor};
use gnet_core::onnx_file::Handed;
use gnet_core::process::{Blocks, Lost, WORKER_COMMAND, Worker};
use gnet_core::words::counted;
use gnet_core::{Error, OnnxFile, Result};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Order {
    /// Load a file; what is not on the disk is the block.
    Load(Provider, Box<RunOptions>, Handed),
    /// Run on the arrays of these shapes, whose values are the blocks.
    Run(Vec<Vec<usize>>),
    /// Give the outputs of the last run in their own types.
    Tensors,
    /// End the profile.
    Profile,
    /// Describe the available ONNX Runtime.
    Library(EngineOptions),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Answer {
    Loaded(Loaded),
    /// Outputs of these shapes, whose values are the blocks.
    Ran(Vec<Vec<usize>>),
    /// Outputs of these types and shapes, whose elements are the blocks.
    Tensors(Vec<(DType, Vec<usize>)>),
    Profile(Option<PathBuf>),
    Library(Library),
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Loaded {
    inputs: Vec<Input>,
    threads: usize,
    notes: Vec<String>,
    settings: Settings,
    assignment: Option<Assignment>,
}

impl Loaded {
    fn of(session: &dyn Session) -> Self {
        Self {
            inputs: session.inputs().to_vec(),
            threads: session.threads_used(),
            notes: session.notes().to_vec(),
            settings: session.settings().clone(),
            assignment: session.assignment().cloned(),
        }
    }
}

/// A worker, the time until which it is waited for, and what its loss means.
pub(crate) struct Engine {
    worker: Worker,
    until: Option<Instant>,
    lost: Box<dyn Fn(Lost) -> Error + Send>,
}

impl Engine {
    /// Begins to use a worker that was started; `limit` is the time that it has for everything.
    ///
    /// # Errors
    /// Fails if it was lost already.
    pub(crate) fn new(
        worker: Result<Worker, Lost>,
        limit: Option<Duration>,
        lost: impl Fn(Lost) -> Error + Send + 'static,
    ) -> Result<Self> {
        let until = limit.and_then(|limit| Instant::now().checked_add(limit));
        Ok(Self { worker: worker.map_err(&lost)?, until, lost: Box::new(lost) })
    }

    fn ask(&mut self, order: &Order, blocks: &[&[u8]]) -> Result<(Answer, Blocks)> {
        let in_time = |_: &str| self.until.is_none_or(|until| Instant::now() < until);
        self.worker.ask(order, blocks, &in_time).map_err(&self.lost)?
    }

    fn confused(&self) -> Error {
        (self.lost)(Lost::Confused("it answered something else".to_owned()))
    }

    /// Makes it load a file.
    ///
    /// # Errors
    /// Those of [`open`]; also fails if the worker is lost.
    pub(crate) fn load(mut self, provider: Provider, file: &OnnxFile, options: &RunOptions) -> Result<Apart> {
        let (handed, along) = prepare(provider, file)?.handed();
        let order = Order::Load(provider, Box::new(options.clone()), handed);
        let (Answer::Loaded(loaded), _) = self.ask(&order, &[along])? else { return Err(self.confused()) };
        Ok(Apart { engine: self, loaded, bound: None, outputs: None, profiling: options.engine.profile.is_some() })
    }

    /// Returns the ONNX Runtime that it finds and loads.
    ///
    /// # Errors
    /// Those of [`library()`]; also fails if the worker is lost.
    pub(crate) fn library(mut self, options: &EngineOptions) -> Result<Library> {
        match self.ask(&Order::Library(options.clone()), &[])? {
            (Answer::Library(library), _) => Ok(library),
            _ => Err(self.confused()),
        }
    }
}

pub(crate) struct Apart {
    engine: Engine,
    loaded: Loaded,
    bound: Option<Vec<Array>>,
    outputs: Option<Vec<Array>>,
    profiling: bool,
}

impl Session for Apart {
    fn inputs(&self) -> &[Input] {
        &self.loaded.inputs
    }

    fn bind(&mut self, inputs: &[Array]) -> Result<()> {
        check_inputs(&self.loaded.inputs, inputs)?;
        (self.bound, self.outputs) = (Some(inputs.to_vec()), None);
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        self.outputs = None;
        let bound = self.bound.as_ref().ok_or_else(|| Error::input("run", "no input is bound"))?;
        let (shapes, blocks) = packed(bound);
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let (Answer::Ran(shapes), values) = self.engine.ask(&Order::Run(shapes), &blocks)? else {
            return Err(self.engine.confused());
        };
        self.outputs = Some(unpacked(shapes, values)?);
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Array>> {
        self.outputs.clone().ok_or_else(|| Error::input("outputs", "nothing has run"))
    }

    fn tensors(&mut self) -> Result<Vec<Tensor>> {
        if self.outputs.is_none() {
            return Err(Error::input("outputs", "nothing has run"));
        }
        match self.engine.ask(&Order::Tensors, &[])? {
            (Answer::Tensors(kinds), blocks) if kinds.len() == blocks.len() => {
                kinds.into_iter().zip(blocks).map(|((dtype, shape), block)| Tensor::new(dtype, shape, block)).collect()
            }
            _ => Err(self.engine.confused()),
        }
    }

    fn threads_used(&self) -> usize {
        self.loaded.threads
    }

    fn notes(&self) -> &[String] {
        &self.loaded.notes
    }

    fn settings(&self) -> &Settings {
        &self.loaded.settings
    }

    fn assignment(&self) -> Option<&Assignment> {
        self.loaded.assignment.as_ref()
    }

    fn finish_profile(&mut self) -> Result<Option<PathBuf>> {
        if !std::mem::take(&mut self.profiling) {
            return Ok(None);
        }
        match self.engine.ask(&Order::Profile, &[])? {
            (Answer::Profile(file), _) => Ok(file),
            _ => Err(self.engine.confused()),
        }
    }
}

/// Carries out an order in this process, which is the worker; `session` is the file that it has loaded.
pub(crate) fn carried_out(
    session: &mut Option<Box<dyn Session>>,
    order: Order,
    blocks: Blocks,
) -> Result<(Answer, Blocks)> {
    match order {
        Order::Load(provider, options, handed) => {
            // The one before goes first: what is loaded next may need its memory.
            *session = None;
            let along = blocks.into_iter().next().unwrap_or_default();
            let new = open(provider, &OnnxFile::received(handed, along)?, &options)?;
            let answer = Answer::Loaded(Loaded::of(new.as_ref()));
            *session = Some(new);
            Ok((answer, Vec::new()))
        }
        Order::Run(shapes) => {
            let session = loaded(session)?;
            session.bind(&unpacked(shapes, blocks)?)?;
            session.run()?;
            let (shapes, blocks) = packed(&session.outputs()?);
            Ok((Answer::Ran(shapes), blocks))
        }
        Order::Tensors => {
            let tensors = loaded(session)?.tensors()?;
            let kinds = tensors.iter().map(|tensor| (tensor.dtype(), tensor.shape().to_vec())).collect();
            Ok((Answer::Tensors(kinds), tensors.iter().map(|tensor| tensor.bytes().to_vec()).collect()))
        }
        Order::Profile => {
            let session = loaded(session)?;
            Ok((Answer::Profile(session.finish_profile()?), Vec::new()))
        }
        Order::Library(options) => Ok((Answer::Library(library(&options)?), Vec::new())),
    }
}

fn loaded(session: &mut Option<Box<dyn Session>>) -> Result<&mut dyn Session> {
    match session {
        Some(session) => Ok(session.as_mut()),
        None => Err(Error::input(WORKER_COMMAND, "there is no file to run")),
    }
}

/// Returns shapes, and the values as little-endian `f32`.
fn packed(arrays: &[Array]) -> (Vec<Vec<usize>>, Blocks) {
    let bytes = |array: &Array| array.data.iter().flat_map(|value| value.to_le_bytes()).collect();
    (arrays.iter().map(|array| array.shape.clone()).collect(), arrays.iter().map(bytes).collect())
}

fn unpacked(shapes: Vec<Vec<usize>>, blocks: Blocks) -> Result<Vec<Array>> {
    if shapes.len() != blocks.len() {
        return Err(Error::input(
            WORKER_COMMAND,
            format!("{} have {}", counted(blocks.len(), "array"), counted(shapes.len(), "shape")),
        ));
    }
    let array = |(shape, block): (Vec<usize>, Vec<u8>)| {
        let data = block.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        Array::new(shape, data)
    };
    shapes.into_iter().zip(blocks).map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "tract")]
    #[test]
    fn a_worker_computes_what_the_engine_does() {
        use crate::runtime::testing::{assert_equal, case, fixture};

        let (inputs, outputs) = case("two_inputs");
        let mut session = None;
        let mut told = |order, blocks| carried_out(&mut session, order, blocks);
        let early = told(Order::Run(Vec::new()), Vec::new()).unwrap_err();
        assert_eq!(early.to_string(), "engine-worker: there is no file to run");
        let load = Order::Load(Provider::Tract, Box::new(RunOptions::new(2, 3)), Handed::Bytes(None));
        let Answer::Loaded(loaded) = told(load, vec![fixture("two_inputs.onnx")]).unwrap().0 else { panic!() };
        let names: Vec<_> = loaded.inputs.into_iter().map(|input| input.name).collect();
        assert_eq!((names, loaded.threads), (vec!["a".into(), "b".into(), "scale".into()], 2));
        let (shapes, blocks) = packed(&inputs);
        for _ in 0..2 {
            let (answer, values) = told(Order::Run(shapes.clone()), blocks.clone()).unwrap();
            let Answer::Ran(shapes) = answer else { panic!() };
            assert_equal(&unpacked(shapes, values).unwrap(), &outputs);
        }
        let (Answer::Tensors(kinds), found) = told(Order::Tensors, Vec::new()).unwrap() else { panic!() };
        let shapes_of =
            |arrays: &[Array]| arrays.iter().map(|array| (DType::F32, array.shape.clone())).collect::<Vec<_>>();
        assert_eq!((kinds, found.len()), (shapes_of(&outputs), outputs.len()));
        let few = told(Order::Run(shapes[..1].to_vec()), blocks[..1].to_vec()).unwrap_err();
        assert_eq!(few.to_string(), "inputs: 1 array given for 3 (a, b, scale)");
        assert!(told(Order::Run(shapes), blocks).is_ok(), "a refusal is the end of the session");
    }

    #[cfg(feature = "tract")]
    #[test]
    fn a_worker_opens_the_file_that_was_judged_and_need_not_decode_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        std::fs::write(&path, crate::runtime::testing::fixture("two_inputs.onnx")).unwrap();
        let file = OnnxFile::open_whole(&path).unwrap();
        let (handed, along) = prepare(Provider::Tract, &file).unwrap().handed();
        assert!(along.is_empty(), "its content does not go through the channel");
        let load = |handed| {
            carried_out(&mut None, Order::Load(Provider::Tract, Box::new(RunOptions::new(1, 3)), handed), vec![])
        };
        let decodes = gnet_core::onnx::decodes();
        load(handed).unwrap();
        assert_eq!(gnet_core::onnx::decodes(), decodes);
        gnet_core::files::write(&path, b"another").unwrap();
        let error = load(prepare(Provider::Tract, &file).unwrap().handed().0).unwrap_err().to_string();
        assert!(error.contains("was replaced or changed while it was read"), "{error}");
    }

    #[test]
    fn arrays_that_do_not_fit_their_shapes_are_refused() {
        assert!(unpacked(vec![vec![2, 3]], vec![vec![0; 20]]).is_err());
        assert!(unpacked(vec![vec![usize::MAX, 2]], vec![vec![0; 8]]).is_err());
        assert!(unpacked(vec![vec![1]], Vec::new()).is_err());
    }

    #[test]
    fn a_program_that_is_none_is_named() {
        let worker = Worker::start(std::path::Path::new("/nowhere/gnet"));
        let error = Engine::new(worker, None, |lost| lost.of(Provider::Tract)).err().unwrap();
        assert!(error.to_string().starts_with("tract: the worker /nowhere/gnet cannot be started: "), "{error}");
    }
}
