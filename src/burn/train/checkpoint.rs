//! The folder of a run, and the networks saved in it.
//!
//! ```text
//! OUT/last/            after the last epoch: what resuming needs
//!     checkpoint.json  what it is: a Record, see below
//!     model.bpk        weights and running statistics (burnpack)
//!     optimizer.bpk    the velocities of SGD (burnpack)
//! OUT/best/            after the best epoch so far, without the optimiser
//! OUT/metrics.jsonl    one line an epoch
//! OUT/.lock            while a training is under way
//! ```
//!
//! A folder is written beside its destination and swapped in by two renames. A crash between them leaves the previous
//! one under the name `.last.old` (`.best.old`), where loading finds it. `checkpoint.json` holds length and CRC-32 of
//! the other files, so that a damaged file is detected before it is used, as is one that belongs to another epoch: a
//! reader that meets a swap reads again.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::{AllocationProperty, Bytes, Device};
use serde::{Deserialize, Serialize};

use super::folder::{self, BEST, LAST, RECORD, settled};
use super::{EpochMetrics, TrainOptions};
use crate::nets::{GoogLeNet, GoogLeNetConfig, Preset};
use gnet_core::metadata::Metadata;
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Version of `checkpoint.json`. A reader refuses versions it does not know.
pub const SCHEMA_VERSION: u32 = 1;

const MODEL: &str = files::CHECKPOINT_MODEL;
const OPTIMIZER: &str = "optimizer.bpk";

/// Content of `checkpoint.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of gnet that wrote it.
    pub gnet_version: String,
    /// Preset of the network.
    pub preset: Preset,
    /// Configuration of the network.
    pub config: GoogLeNetConfig,
    /// Metadata that an exported file will carry.
    pub metadata: Metadata,
    /// Epoch number, counted from 1.
    pub epoch: usize,
    /// Metrics of that epoch.
    pub metrics: EpochMetrics,
    /// Number of the best epoch so far.
    pub best_epoch: usize,
    /// Seed of weights, shuffle and dropout.
    pub seed: u64,
    /// State of the shuffle.
    pub shuffle: ShuffleState,
    /// Number of training images.
    pub train_images: usize,
    /// Options of the run.
    pub options: TrainOptions,
    /// Mark of the weights file.
    pub model: FileMark,
    /// Mark of the optimiser's state, in `last` only.
    pub optimizer: Option<FileMark>,
}

/// State of the shuffle: its generator is keyed by the seed and positioned at the start of this stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ShuffleState {
    /// `chacha8`.
    pub generator: String,
    /// The next epoch, which is the number of the stream.
    pub next_epoch: usize,
}

/// Length and checksum of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileMark {
    /// Length in bytes.
    pub bytes: u64,
    /// CRC-32 as in gzip.
    pub crc32: u32,
}

impl FileMark {
    fn of(bytes: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        Self { bytes: bytes.len() as u64, crc32: crc.sum() }
    }

    /// Maps a file and checks that it is the one that was written. The tensors in it are views of the mapping: none is
    /// copied until it is modified.
    fn read(self, path: &Path) -> Result<Bytes> {
        let bytes = files::map(path)?;
        if bytes.len() as u64 != self.bytes {
            let reason = format!("is damaged: {} where {RECORD} says {}", counted(bytes.len(), "byte"), self.bytes);
            return Err(Error::file(path, reason));
        }
        if Self::of(&bytes) != self {
            return Err(Error::file(path, format!("is damaged: its checksum is not the one in {RECORD}")));
        }
        Ok(Bytes::from_shared(bytes, AllocationProperty::File))
    }
}

/// A saved network with everything known about it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Checkpoint {
    /// Folder it was read from.
    pub path: PathBuf,
    /// Preset of the network.
    pub preset: Preset,
    /// Configuration of the network.
    pub config: GoogLeNetConfig,
    /// Metadata that an exported file carries.
    pub metadata: Metadata,
    /// Complete content of `checkpoint.json`.
    pub record: Record,
    /// The network in inference mode on the CPU.
    pub model: GoogLeNet,
}

/// Loads the network in `path`: a checkpoint's folder, or a run's folder, from which the best is taken. The run may be
/// in progress in another process.
///
/// # Errors
/// Fails if the folder is missing, is not a checkpoint, has an unknown version, or is damaged; the message names the
/// file.
pub fn load(path: &Path) -> Result<Checkpoint> {
    steady(path, || {
        let (folder, record) = locate(path)?;
        let model = read_model(&folder, &record, &Device::flex())?.valid();
        Ok(Checkpoint {
            path: folder,
            preset: record.preset,
            config: record.config.clone(),
            metadata: record.metadata.clone(),
            record,
            model,
        })
    })
}

/// Returns the options that a run was started with, for resuming it.
///
/// # Errors
/// Fails if there is no run in `out`, or if its record cannot be read.
pub fn options_of(out: &Path) -> Result<TrainOptions> {
    let record = steady(out, || read_record(&folder::last_of(out)?))?;
    Ok(TrainOptions { out: out.to_path_buf(), resume: true, ..record.options })
}

/// Returns the last epoch saved in the folder of a run, counted from 1, and the total number of epochs; `None` if none
/// is saved.
pub fn saved_epoch(out: &Path) -> Option<(usize, usize)> {
    let record = steady(out, || read_record(&folder::last_of(out)?)).ok()?;
    Some((record.epoch, record.options.epochs))
}

/// Reads a checkpoint that another process may be replacing. A swap takes a moment, so a failure counts only if the
/// checkpoints are the same after it as before.
fn steady<T>(path: &Path, read: impl Fn() -> Result<T>) -> Result<T> {
    /// Upper bound on the swaps that one reader can meet, with an epoch between any two of them.
    const SWAPS: usize = 100;
    for _ in 0..SWAPS {
        let before = marks(path);
        let result = read();
        if result.is_ok() || marks(path) == before {
            return result;
        }
    }
    read()
}

/// Returns the records of the checkpoints that `path` may refer to.
fn marks(path: &Path) -> [Option<Vec<u8>>; 3] {
    let places = [path.to_path_buf(), path.join(LAST), path.join(BEST)];
    places.map(|folder| settled(&folder).and_then(|folder| files::read(&folder.join(RECORD)).ok()))
}

/// Returns the folder of a checkpoint and its record, given that folder or the run it belongs to.
fn locate(path: &Path) -> Result<(PathBuf, Record)> {
    if let Some(folder) = settled(path) {
        return read_record(&folder).map(|record| (folder, record));
    }
    // Between saving an epoch and saving it as the best, the best network is in `last`.
    let last = settled(&path.join(LAST)).and_then(|folder| read_record(&folder).ok().map(|record| (folder, record)));
    let best = settled(&path.join(BEST));
    match (last, best) {
        (Some((folder, record)), best) if lacks_best(&record, best.as_deref()) => Ok((folder, record)),
        (_, Some(folder)) => read_record(&folder).map(|record| (folder, record)),
        (_, None) => Err(no_checkpoint(path)),
    }
}

/// Returns `true` if the last epoch is the best one but has not been saved as such yet. A best checkpoint that cannot
/// be read is a different case.
pub(super) fn lacks_best(last: &Record, best: Option<&Path>) -> bool {
    let is_older = |folder: &Path| read_record(folder).is_ok_and(|best| best.epoch < last.epoch);
    last.best_epoch == last.epoch && best.is_none_or(is_older)
}

fn no_checkpoint(path: &Path) -> Error {
    let reason = match path {
        _ if !path.exists() => "there is no such folder".to_owned(),
        _ if !path.is_dir() => "is a file; a checkpoint is a folder".to_owned(),
        _ => format!("is no checkpoint: it holds neither {RECORD} nor {BEST}/"),
    };
    Error::file(path, reason).remedy("give the --out folder of `gnet train`")
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

pub(super) fn read_record(folder: &Path) -> Result<Record> {
    let path = folder.join(RECORD);
    let bytes = files::read(&path)?;
    let fail = |reason: String| Error::file(&path, reason);
    let version: Version =
        serde_json::from_slice(&bytes).map_err(|e| fail(format!("is no checkpoint of gnet: {e}")))?;
    if version.schema_version != SCHEMA_VERSION {
        let reason = format!("has schema version {}, this gnet reads {SCHEMA_VERSION}", version.schema_version);
        return Err(fail(reason));
    }
    let record: Record = serde_json::from_slice(&bytes).map_err(|e| fail(format!("cannot be understood: {e}")))?;
    record.config.check().map_err(|e| fail(e.to_string()))?;
    record.check().map_err(|what| fail(format!("contradicts itself: {what}")))?;
    Ok(record)
}

impl Record {
    /// Checks that its parts are consistent; a record edited by hand may hold what no run writes.
    fn check(&self) -> Result<(), &'static str> {
        let (config, input) = (&self.config, &self.metadata.preprocessing);
        if input.image_size != config.image_size || input.channels != config.channels || *config != self.options.config
        {
            return Err("the network is not for the images it describes");
        }
        let of_each_channel = |values: &[f32], holds: fn(f32) -> bool| {
            values.len() == config.channels && values.iter().all(|value| value.is_finite() && holds(*value))
        };
        if !of_each_channel(&input.mean, |_| true) || !of_each_channel(&input.std, |std| std > 0.0) {
            return Err("its mean and deviation are not one number a channel, the deviation above 0");
        }
        if self.metadata.classes.len() != config.classes {
            return Err("it does not name as many classes as the network has");
        }
        if self.metrics.epoch != self.epoch || !(1..=self.epoch).contains(&self.best_epoch) {
            return Err("its epochs are not those of one run");
        }
        Ok(())
    }
}

pub(super) fn read_model(folder: &Path, record: &Record, device: &Device) -> Result<GoogLeNet> {
    let path = folder.join(MODEL);
    let weights = ModuleRecord::from_bytes(record.model.read(&path)?)
        .map_err(|e| Error::file(&path, format!("cannot be understood: {}", brief(&e))))?;
    record
        .config
        .init(device)?
        .try_load_record(weights)
        .map_err(|e| Error::file(&path, format!("is not of the network that {RECORD} describes: {}", brief(&e))))
}

/// Shortens Burn's error message, which lists every tensor that does not match.
fn brief(error: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 160;
    let text = error.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", text[..end].trim_end()),
        None => text,
    }
}

pub(super) fn read_optimizer(folder: &Path, record: &Record, fresh: ModuleOptimizer) -> Result<ModuleOptimizer> {
    let mark = record.optimizer.ok_or_else(|| Error::file(folder, "holds no optimiser to resume with"))?;
    let path = folder.join(OPTIMIZER);
    let state = OptimizerRecord::from_bytes(mark.read(&path)?)
        .map_err(|e| Error::file(&path, format!("cannot be understood: {}", brief(&e))))?;
    // Burn puts the state on its default device, the only one compiled in, and moves it in the next step.
    Ok(fresh.load_record(state))
}

/// Saves a network as `OUT/NAME`, all of it or nothing. `model` is in inference mode, so that no statistics are
/// pending.
///
/// The record's file marks are filled in here.
pub(super) fn save(
    out: &Path,
    name: &str,
    record: &Record,
    model: &GoogLeNet,
    optimizer: Option<&ModuleOptimizer>,
) -> Result<()> {
    folder::replace(&out.join(name), |new| write_files(new, record, model, optimizer))
}

fn write_files(folder: &Path, record: &Record, model: &GoogLeNet, optimizer: Option<&ModuleOptimizer>) -> Result<()> {
    let mut record = record.clone();
    let weights = model.clone().into_record().into_bytes().map_err(|e| Error::file(folder, e))?;
    record.model = FileMark::of(&weights);
    files::write(&folder.join(MODEL), &weights)?;
    record.optimizer = None;
    if let Some(optimizer) = optimizer {
        let state = optimizer.into_bytes().map_err(|e| Error::file(folder, e))?;
        record.optimizer = Some(FileMark::of(&state));
        files::write(&folder.join(OPTIMIZER), &state)?;
    }
    write_record(folder, &record)
}

pub(super) fn write_record(folder: &Path, record: &Record) -> Result<()> {
    let path = folder.join(RECORD);
    let text = serde_json::to_string_pretty(record).map_err(|e| Error::file(&path, e))?;
    files::rewrite(&path, (text + "\n").as_bytes())
}
