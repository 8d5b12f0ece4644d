//! `--save` and `--log`: every process that measured, kept in a file.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gnet::bench::log::{Build, Log, Subject};
use gnet::graph::Sizes;
use gnet::{OnnxFile, Result};

use super::{output, values};

#[derive(Debug, Args)]
pub struct LogArgs {
    /// Write every sample of each process, and all that is known of it, its model and the machine, to this file: a line of
    /// JSON for each, on the disk as soon as it has ended. The first line replaces an earlier log.
    #[arg(long, value_name = "LOG.jsonl", value_parser = values::file_to_write(), conflicts_with = "log")]
    save: Option<PathBuf>,
    /// The same behind what an earlier log holds.
    #[arg(long, value_name = "LOG.jsonl", value_parser = values::file_to_write())]
    log: Option<PathBuf>,
}

impl LogArgs {
    /// Returns the file, if one is asked for.
    pub fn path(&self) -> Option<&PathBuf> {
        self.save.as_ref().or(self.log.as_ref())
    }

    /// Opens the log, if one is asked for, for processes that measure `files` at `sizes`. Only then are these read as a whole,
    /// for their digests.
    pub fn open(&self, files: &[Arc<OnnxFile>], sizes: &Sizes) -> Result<Option<Logging>> {
        let build = Build::this(option_env!("GNET_COMMIT"));
        let log = match (&self.save, &self.log) {
            (Some(path), _) => Log::begin(path, build)?,
            (None, Some(path)) => Log::append(path, build)?,
            (None, None) => return Ok(None),
        };
        let described = |file: &Arc<OnnxFile>| {
            let subject = Subject::of(file, sizes).map_err(|e| file.named(e))?;
            Ok((Arc::clone(file), subject))
        };
        Ok(Some(Logging { log, models: files.iter().map(described).collect::<Result<_>>()?, lost: Ok(()) }))
    }
}

/// A log with the models whose processes it gets.
pub struct Logging {
    log: Log,
    models: Vec<(Arc<OnnxFile>, Subject)>,
    /// Reason why lines are missing.
    lost: Result<()>,
}

impl Logging {
    /// Makes the lines those of a comparison in pairs.
    pub fn of_pairs(self, seed: u64) -> Self {
        Self { log: self.log.of_pairs(seed), ..self }
    }

    /// Writes a line by `write`, for a process that measured the model with this number. After one that could not be written
    /// there are no more: those that follow would fail alike.
    pub fn keep(&mut self, model: usize, write: impl FnOnce(&mut Log, &OnnxFile, &Subject) -> Result<()>) {
        if self.lost.is_ok() {
            let (file, subject) = &self.models[model];
            self.lost = write(&mut self.log, file, subject);
        }
    }

    /// Returns the outcome of the command, of which the log is a part. What was measured is shown before.
    pub fn with(self, outcome: Result<()>) -> Result<()> {
        match (outcome, self.lost) {
            (Err(first), Err(lost)) => {
                output::note(lost);
                Err(first)
            }
            (outcome, lost) => outcome.and(lost),
        }
    }
}
