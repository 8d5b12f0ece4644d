//! Running ONNX files: one trait, one file an engine, and records of how far two engines agree.
//!
//! An engine is loaded for one batch size and number of threads, bound to its inputs once and run as often as one likes.
//! Nothing here measures time: that is [`crate::bench`]'s business.

mod array;
pub mod compare;
mod provider;
#[cfg(feature = "tract")]
mod tract;

pub use array::Array;
pub use provider::Provider;

use crate::{Error, Result};

/// How a file is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunOptions {
    /// Threads the engine may use, at least 1.
    pub threads: usize,
    /// Images of one run, at least 1. A file whose batch is fixed runs with that batch alone.
    pub batch: usize,
}

impl Default for RunOptions {
    /// One thread, one image.
    fn default() -> Self {
        Self { threads: 1, batch: 1 }
    }
}

impl RunOptions {
    /// The most threads: far above any machine's use, below what an operating system refuses.
    pub const MAX_THREADS: usize = 1024;
    /// The most images of one run.
    pub const MAX_BATCH: usize = 65_536;

    /// Refuses what no engine could run.
    ///
    /// # Errors
    /// A batch or number of threads of 0 or beyond reason.
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in
            [("batch", self.batch, Self::MAX_BATCH), ("threads", self.threads, Self::MAX_THREADS)]
        {
            match value {
                0 => return Err(Error::input(format!("{name} 0"), "a run needs at least one")),
                _ if value > most => {
                    return Err(Error::input(format!("{name} {value}"), format!("is more than {most}")));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An input of a loaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Name in the file.
    pub name: String,
    /// Shape with the batch in it, such as `[8, 1, 28, 28]`.
    pub shape: Vec<usize>,
}

/// A loaded file in some engine.
pub trait Session: Send {
    /// The inputs in the file's order, with the shapes that [`bind`](Self::bind) expects.
    fn inputs(&self) -> &[Input];

    /// Gives the engine the inputs of all coming runs, one array for each of [`inputs`](Self::inputs) in their order.
    ///
    /// # Errors
    /// A wrong number of arrays or a wrong shape; the input is named.
    fn bind(&mut self, inputs: &[Array]) -> Result<()>;

    /// Runs once on the bound inputs. Nothing is copied in or out beyond what the engine does by itself.
    ///
    /// # Errors
    /// Nothing is bound, or the engine fails.
    fn run(&mut self) -> Result<()>;

    /// The outputs of the last run in the file's order, copied out of the engine.
    ///
    /// # Errors
    /// Nothing has run yet.
    fn outputs(&self) -> Result<Vec<Array>>;

    /// Threads that take part in a run: no more than were asked for.
    fn threads_used(&self) -> usize;

    /// What a reader of a measurement should know, such as why fewer threads are used than were asked for.
    fn notes(&self) -> &[String];
}

/// Loads a file's bytes for one batch size and number of threads.
///
/// # Errors
/// A provider this build does not have ([`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable)); a file the engine
/// cannot load, with what the engine said. The caller knows the file's name and adds it.
pub fn load(provider: Provider, model: &[u8], options: &RunOptions) -> Result<Box<dyn Session>> {
    provider.ensure_available()?;
    options.check()?;
    engine(provider, model, options)
}

#[cfg(feature = "tract")]
fn engine(provider: Provider, model: &[u8], options: &RunOptions) -> Result<Box<dyn Session>> {
    match provider {
        Provider::Tract => Ok(Box::new(tract::TractSession::load(model, options)?)),
        other => Err(other.unavailable()),
    }
}

#[cfg(not(feature = "tract"))]
fn engine(provider: Provider, _: &[u8], _: &RunOptions) -> Result<Box<dyn Session>> {
    Err(provider.unavailable())
}

/// Binds, runs and reads in one go: the outputs for a file with one input.
///
/// # Errors
/// As [`Session::bind`] and [`Session::run`].
pub fn infer(session: &mut dyn Session, input: &Array) -> Result<Vec<Array>> {
    session.bind(std::slice::from_ref(input))?;
    session.run()?;
    session.outputs()
}
