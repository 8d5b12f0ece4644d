//! Runtimes for ONNX files: one trait, one file per engine, and records of the agreement of two engines.
//!
//! An engine is loaded for one batch size and number of threads, bound to its inputs once and run any number of times.
//! Nothing here measures time: that is done by [`crate::bench`].

pub mod agreement;
pub(crate) mod apart;
mod array;
mod element;
pub(crate) mod elf;
mod library;
mod options;
#[cfg(feature = "ort")]
mod ort;
mod placement;
mod ports;
mod provider;
mod range;
#[cfg(test)]
mod testing;
#[cfg(feature = "tract")]
mod tract;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

// Its former name.
#[doc(hidden)]
pub use agreement as compare;
pub use array::Array;
pub use element::EXACT;
pub use library::{Library, Step};
pub use options::{
    BatchRange, ConvSearch, CudaOptions, EngineOptions, GraphOptimization, OpenVinoOptions, Precision, RunOptions,
    Settings, TensorRtOptions,
};
pub use placement::{AssignedNode, Assignment, Placement, ProviderShare, Weight};
pub use provider::Provider;
pub use range::{Ranges, ValueRange};

use crate::host::loader::Found;
use gnet_core::graph::{DType, Tensor};
use gnet_core::onnx_file::Loadable;
use gnet_core::process::{self, Worker};
use gnet_core::{Error, ErrorKind, OnnxFile, Result};

/// An input of a loaded file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Name in the file.
    pub name: String,
    /// Shape including the batch, such as `[8, 1, 28, 28]`.
    pub shape: Vec<usize>,
    /// Element type in the file, to which the values of an [`Array`] are cast when they are bound.
    pub dtype: DType,
}

/// A file loaded in an engine.
///
/// ```
/// # mod gnet { pub use {gnet_core::*, gnet_engine::*}; }
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
/// use gnet::OnnxFile;
/// use gnet::runtime::{self, Array, Provider, RunOptions};
///
/// # if Provider::Tract.ensure_available().is_err() { return Ok(()) }
/// let file = OnnxFile::open("dynamic.onnx".as_ref())?;
/// let mut session = runtime::load(Provider::Tract, &file, &RunOptions::new(1, 4))?;
/// assert_eq!(session.inputs()[0].shape, [4, 2, 5, 5]);
/// session.bind(&[Array::noise(vec![4, 2, 5, 5], 1)])?;
/// session.run()?;
/// assert_eq!(session.outputs()?[0].shape, [4, 4]);
/// # Ok::<(), gnet::Error>(())
/// ```
pub trait Session: Send {
    /// Returns the inputs in the file's order, with the shapes that [`bind`](Self::bind) expects.
    fn inputs(&self) -> &[Input];

    /// Sets the inputs of all following runs, one array for each of [`inputs`](Self::inputs) in their order.
    ///
    /// # Errors
    /// Fails on a wrong number of arrays, a wrong shape, or a value that the input's element type does not hold; the
    /// input is named.
    fn bind(&mut self, inputs: &[Array]) -> Result<()>;

    /// Runs once on the bound inputs and returns when the outputs are computed. Nothing is copied in or out beyond what
    /// the engine does by itself; on a device the inputs and outputs stay in its memory.
    ///
    /// # Errors
    /// Fails if nothing is bound, or if the engine fails.
    fn run(&mut self) -> Result<()>;

    /// Returns `true` if inputs and outputs are in the memory of a device, so that copies have a cost.
    fn has_device_memory(&self) -> bool {
        false
    }

    /// Copies the bound inputs from the host to the device and returns when they are there. Does nothing on the host.
    ///
    /// # Errors
    /// Fails if nothing is bound, or if the engine fails.
    fn copy_in(&mut self) -> Result<()> {
        Ok(())
    }

    /// Copies the outputs of the last run from the device to the host and returns when they are there. Does nothing on
    /// the host.
    ///
    /// # Errors
    /// Fails if nothing has run, or if the engine fails.
    fn copy_out(&mut self) -> Result<()> {
        Ok(())
    }

    /// Performs a run as a caller with arrays on the host sees it: copy in, run, copy out. The same as
    /// [`run`](Self::run) on the host.
    ///
    /// # Errors
    /// Those of its three parts.
    fn run_with_copies(&mut self) -> Result<()> {
        self.copy_in()?;
        self.run()?;
        self.copy_out()
    }

    /// Returns the outputs of the last run in the file's order, copied out of the engine and cast to `f32`.
    ///
    /// # Errors
    /// Fails if nothing has run yet.
    fn outputs(&self) -> Result<Vec<Array>>;

    /// Returns the outputs of the last run in the file's order and in the file's own types: nothing is rounded. An engine that
    /// has no more than [`outputs`](Self::outputs) gives these, as 32-bit floats.
    ///
    /// # Errors
    /// Fails if nothing has run yet, or on a type that cannot be read.
    fn tensors(&mut self) -> Result<Vec<Tensor>> {
        self.outputs()?.iter().map(Array::tensor).collect()
    }

    /// Returns the number of threads that take part in a run, at most the number requested.
    fn threads_used(&self) -> usize;

    /// Returns remarks for the reader of a measurement, such as why fewer threads are used than requested.
    fn notes(&self) -> &[String] {
        &[]
    }

    /// Returns the values of all settings that affect speed or outputs.
    fn settings(&self) -> &Settings {
        static NONE: Settings = Settings::new();
        &NONE
    }

    /// Returns the assignment of nodes to providers, for an engine that has several.
    fn assignment(&self) -> Option<&Assignment> {
        None
    }

    /// Ends the profile requested by [`EngineOptions::profile`] and returns its file; `None` if none was requested.
    ///
    /// # Errors
    /// Fails if the engine cannot write it.
    fn finish_profile(&mut self) -> Result<Option<PathBuf>> {
        Ok(None)
    }
}

/// Refuses arrays that do not match a session's inputs: every engine's first step of [`Session::bind`].
fn check_inputs(expected: &[Input], given: &[Array]) -> Result<()> {
    if expected.len() != given.len() {
        let names: Vec<_> = expected.iter().map(|input| input.name.as_str()).collect();
        let reason = format!(
            "{} given for {} ({})",
            gnet_core::words::counted(given.len(), "array"),
            expected.len(),
            names.join(", ")
        );
        return Err(Error::input("inputs", reason));
    }
    for (input, array) in expected.iter().zip(given) {
        array.check()?;
        if array.shape != input.shape {
            let reason = format!("takes the shape {:?}, not {:?}", input.shape, array.shape);
            return Err(Error::input(format!("input '{}'", input.name), reason));
        }
        array::check_values(input, array)?;
    }
    Ok(())
}

/// Loads a file for one batch size and number of threads, and proves that its nodes lie where they were asked to.
///
/// # Errors
/// As [`open`] and [`Placement::check`].
pub fn load(provider: Provider, file: &OnnxFile, options: &RunOptions) -> Result<Box<dyn Session>> {
    let session = open(provider, file, options)?;
    Placement::checked(session.as_ref(), file, options)?;
    Ok(session)
}

/// Loads a file and leaves its placement to be judged: [`load`] does that as well, in time that is not the engine's. The
/// engine runs in a process of its own where there is a program for it
/// ([`process::serve_by`]).
///
/// # Errors
/// A provider this build does not have or that cannot be used here ([`ErrorKind::Unavailable`]); options that mean
/// nothing; a file the engine cannot load, with what the engine said. The caller adds the file's name ([`in_file`]).
pub fn open(provider: Provider, file: &OnnxFile, options: &RunOptions) -> Result<Box<dyn Session>> {
    provider.ensure_available()?;
    options.check()?;
    if let Some(program) = process::program() {
        let engine = apart::Engine::new(Worker::start(program), None, move |lost| lost.of(provider))?;
        return Ok(Box::new(engine.load(provider, file, options)?));
    }
    match provider {
        #[cfg(feature = "tract")]
        Provider::Tract => Ok(Box::new(tract::TractSession::load(&prepare(provider, file)?.bytes, options)?)),
        #[cfg(feature = "ort")]
        Provider::Cpu | Provider::Cuda | Provider::TensorRt | Provider::OpenVino => {
            Ok(Box::new(ort::OrtSession::load(provider, file, options)?))
        }
        #[allow(unreachable_patterns, reason = "a build with every engine leaves nothing to refuse")]
        other => Err(other.unavailable()),
    }
}

/// Makes what an engine loads of a file, once: the time of [`open`] is then the engine's.
///
/// # Errors
/// A file that passes what the engine takes.
pub fn prepare(provider: Provider, file: &OnnxFile) -> Result<&Loadable> {
    if provider.reads_data_beside() {
        return file.by_reference();
    }
    file.check_data()?;
    file.in_one_piece().map_err(|e| match file.has_data_beside() {
        true => Error::input(provider, format!("takes a model and its data in one piece: {e}"))
            .remedy("ONNX Runtime reads data beside a model: --provider cpu"),
        false => e,
    })
}

/// Finds ONNX Runtime and loads it, or returns the one that is already loaded: in a worker if there is a program for it
/// ([`process::serve_by`]), else in this process.
///
/// The order of the search is: [`EngineOptions::ort_lib`], the variables `GNET_ORT_LIB` and `ORT_DYLIB_PATH`, gnet's
/// own installation (the CUDA one first, because it holds the CPU provider as well), the system's loader. The first one
/// that is named or found is taken; if it cannot be loaded, that is the result.
///
/// # Errors
/// [`ErrorKind::Unavailable`]: if there is none; with the path and the loader's
/// reason (missing, truncated, not a library, not ONNX Runtime, too old); or if an explicit setting names a library
/// other than the loaded one.
pub fn library(options: &EngineOptions) -> Result<Library> {
    Provider::Cpu.ensure_available()?;
    match process::program() {
        Some(program) => {
            apart::Engine::new(Worker::start(program), None, |lost| lost.of("ONNX Runtime"))?.library(options)
        }
        #[cfg(feature = "ort")]
        None => ort::library(options),
        #[cfg(not(feature = "ort"))]
        None => Err(Provider::Cpu.unavailable()),
    }
}

/// Returns the library of OpenVINO's plugin, if one is named or installed.
#[cfg(feature = "ort")]
pub(crate) fn openvino_plugin(options: &OpenVinoOptions) -> Option<PathBuf> {
    ort::openvino_plugin(options)
}

#[cfg(not(feature = "ort"))]
pub(crate) fn openvino_plugin(_: &OpenVinoOptions) -> Option<PathBuf> {
    None
}

/// Returns the libraries that gnet has installed for the CUDA provider beside a library of ONNX Runtime, by name. `has` tells
/// whether the system has one.
#[cfg(feature = "ort")]
pub(crate) fn supplied(onnx_runtime: &Path, has: impl FnMut(&str) -> bool) -> Vec<(String, Found)> {
    let found = |path: PathBuf, version: String| Found {
        path: path.display().to_string(),
        version: Some(version),
        by: crate::host::loader::Place::Installed,
    };
    ort::supplied(onnx_runtime, has).into_iter().map(|its| (its.name, found(its.path, its.version))).collect()
}

#[cfg(not(feature = "ort"))]
pub(crate) fn supplied(_: &Path, _: impl FnMut(&str) -> bool) -> Vec<(String, Found)> {
    Vec::new()
}

/// Returns `true` if `gnet runtime install cuda` brings a library of this name where the system lacks it.
#[cfg(feature = "ort")]
pub(crate) fn provides(name: &str) -> bool {
    crate::install::provides(name)
}

#[cfg(not(feature = "ort"))]
pub(crate) fn provides(_: &str) -> bool {
    false
}

/// An engine knows the content of a file only: its complaints about it get the file's name. What is not the file's fault
/// stays as it is.
pub fn in_file(path: &Path, error: Error) -> Error {
    if error.kind() == ErrorKind::Input { error.in_file(path) } else { error }
}

/// Binds, runs and reads in one call: the outputs of a file with one input.
///
/// # Errors
/// Those of [`Session::bind`] and [`Session::run`].
pub fn run(session: &mut dyn Session, input: &Array) -> Result<Vec<Array>> {
    session.bind(std::slice::from_ref(input))?;
    session.run()?;
    session.outputs()
}

#[doc(hidden)]
#[deprecated(note = "is named `run`")]
pub fn infer(session: &mut dyn Session, input: &Array) -> Result<Vec<Array>> {
    run(session, input)
}
