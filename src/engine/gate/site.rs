//! The surroundings of a gate's rules: the model, opened once, what it is fed, and the means of the caller.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::record::Outcome;
use crate::ab::Replay;
use crate::bench::{Feed, FileFacts, Spec};
use crate::runtime::{EngineOptions, Provider, RunOptions};
use crate::verify::{FileSide, Side};
use gnet_core::words::counted;
use gnet_core::{Error, OnnxFile, Result};

/// One rule, or several that are tried as one.
pub trait Rule: Send {
    /// Returns what it asks, not run yet.
    fn outcomes(&self) -> Vec<Outcome>;

    /// Tries it, and fills in its `outcomes`.
    ///
    /// # Errors
    /// An error ends those that are not settled ([`Outcome::ended_by`]).
    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()>;
}

/// Opens a checkpoint as the reference of a file.
pub type OpenCheckpoint = dyn Fn(&Path, &FileSide) -> Result<Box<dyn Side>> + Send + Sync;

/// Means that a caller provides for a gate.
#[derive(Clone)]
#[non_exhaustive]
pub struct Means {
    /// Program that measures ([`bench::run_in_worker`](crate::bench::run_in_worker)); `None` where nothing can be measured.
    pub program: Option<PathBuf>,
    /// Options of the engines.
    pub engine: EngineOptions,
    /// Samples of a comparison of the past, by which every rule on latency is decided in place of processes.
    pub replay: Option<Replay>,
    /// Opens checkpoints; `None` where none can be read.
    pub checkpoint: Option<Arc<OpenCheckpoint>>,
    /// Becomes true when the gate should stop.
    pub stop: &'static AtomicBool,
}

impl Default for Means {
    /// Returns an engine with its default options, no program, no checkpoints, and nobody who interrupts.
    fn default() -> Self {
        static NEVER: AtomicBool = AtomicBool::new(false);
        Self { program: None, engine: EngineOptions::default(), replay: None, checkpoint: None, stop: &NEVER }
    }
}

impl Means {
    /// Returns the program that measures.
    pub(super) fn program(&self) -> Result<&Path> {
        let reason = "no program was named that measures in a process of its own";
        self.program.as_deref().ok_or_else(|| Error::unavailable("gate", reason))
    }
}

impl fmt::Debug for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Means").field("program", &self.program).field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// The model and all that its rules need.
pub struct Site {
    /// Path of the model.
    pub path: PathBuf,
    /// The model.
    pub file: Arc<OnnxFile>,
    /// Sizes and ranges that it is fed.
    pub feed: Feed,
    /// Means of the caller.
    pub means: Means,
    /// Called with the current activity.
    pub say: Box<dyn Fn(&str) + Send>,
    facts: FileFacts,
    others: Mutex<BTreeMap<PathBuf, Arc<OnnxFile>>>,
}

impl Site {
    /// Creates the site of a model.
    pub fn new(path: &Path, file: OnnxFile, feed: Feed, means: Means, say: Box<dyn Fn(&str) + Send>) -> Result<Self> {
        let facts = FileFacts::of(&file, &feed.sizes)?;
        Ok(Self { path: path.to_path_buf(), file: Arc::new(file), feed, means, say, facts, others: Mutex::default() })
    }

    /// Returns another file, which is opened when a rule first asks for it.
    pub fn open(&self, path: &Path) -> Result<Arc<OnnxFile>> {
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = others.get(path) {
            return Ok(file.clone());
        }
        let file = Arc::new(OnnxFile::open_whole(path)?);
        others.insert(path.to_path_buf(), file.clone());
        Ok(file)
    }

    /// Returns the options of an engine for the model.
    pub fn options(&self, threads: usize, batch: usize) -> RunOptions {
        RunOptions::new(threads, batch).engine(self.means.engine.clone()).sizes(self.feed.sizes.clone())
    }

    /// Returns the batch that the model fixes, else 1.
    pub fn batch(&self) -> usize {
        self.facts.fixed_batch.unwrap_or(1)
    }

    /// Returns the row of a benchmark of the model.
    pub fn spec(&self, provider: Provider, batch: Option<usize>, threads: Option<usize>) -> Spec {
        let mut spec = Spec::new(&self.path, provider);
        (spec.batch, spec.threads) = (batch.unwrap_or_else(|| self.batch()), threads.unwrap_or(1));
        (spec.engine, spec.feed) = (self.means.engine.clone(), self.feed.clone());
        spec.macs_per_image = self.facts.macs_per_image;
        spec
    }

    /// Refuses to begin once the gate should stop.
    pub fn go_on(&self) -> Result<()> {
        match self.means.stop.load(Ordering::Relaxed) {
            true => Err(Error::interrupted("gate", "was interrupted")),
            false => Ok(()),
        }
    }
}

/// Returns the words for a row that may leave its batch and threads to the model and the default.
pub fn row(provider: Provider, batch: Option<usize>, threads: Option<usize>) -> String {
    let batch = batch.map(|batch| format!("batch {batch}"));
    let threads = threads.map(|threads| counted(threads, "thread"));
    [Some(provider.to_string()), batch, threads].into_iter().flatten().collect::<Vec<_>>().join(", ")
}
