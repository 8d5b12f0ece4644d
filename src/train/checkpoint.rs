//! The folder of a run, and the networks saved in it.
//!
//! ```text
//! OUT/last/            after the last epoch: what resuming needs
//!     checkpoint.json  what it is: a Record, see below
//!     model.bpk        weights and running statistics (burnpack)
//!     optimizer.bpk    the velocities of SGD (burnpack)
//! OUT/best/            after the best epoch so far, without the optimiser
//! OUT/metrics.jsonl    one line an epoch
//! ```
//!
//! A folder is written beside its place and swapped in by two renames. A crash between them leaves the one before under
//! the name `.last.old` (`.best.old`), where loading finds it. `checkpoint.json` holds length and CRC-32 of the other
//! files, so that a damaged one is noticed before it is read.

use std::fs;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::optim::{ModuleOptimizer, OptimizerRecord};
use burn::store::ModuleRecord;
use burn::tensor::{AllocationProperty, Bytes, Device};
use serde::{Deserialize, Serialize};

use super::{EpochMetrics, Options, metrics};
use crate::files::Unfinished;
use crate::metadata::Metadata;
use crate::nets::{GoogLeNet, GoogLeNetConfig, Preset};
use crate::{Error, Result, files};

/// Version of `checkpoint.json`. A reader refuses what it does not know.
pub const SCHEMA_VERSION: u32 = 1;

const RECORD: &str = files::CHECKPOINT_RECORD;
const MODEL: &str = files::CHECKPOINT_MODEL;
const OPTIMIZER: &str = "optimizer.bpk";
/// The checkpoint after the last epoch.
pub(super) const LAST: &str = "last";
/// The checkpoint of the best epoch.
pub(super) const BEST: &str = "best";

/// What `checkpoint.json` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Version of the gnet that wrote it.
    pub gnet_version: String,
    /// The preset the network comes from.
    pub preset: Preset,
    /// The network.
    pub config: GoogLeNetConfig,
    /// What an exported file will say about itself.
    pub metadata: Metadata,
    /// Epochs trained, from 1.
    pub epoch: usize,
    /// How that epoch went.
    pub metrics: EpochMetrics,
    /// The best epoch so far.
    pub best_epoch: usize,
    /// The seed of weights, shuffle and dropout.
    pub seed: u64,
    /// Where the shuffle stands.
    pub shuffle: ShuffleState,
    /// Images trained on.
    pub train_images: usize,
    /// What the run was asked to do.
    pub options: Options,
    /// The weights.
    pub model: FileMark,
    /// The optimiser's state, in `last` only.
    pub optimizer: Option<FileMark>,
}

/// Where the shuffle stands: its generator is keyed by the seed and stands at the start of this stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShuffleState {
    /// `chacha8`.
    pub generator: String,
    /// The epoch that comes next, which is the stream.
    pub next_epoch: usize,
}

/// Length and checksum of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// copied until somebody changes it.
    fn read(self, path: &Path) -> Result<Bytes> {
        let bytes = files::map(path)?;
        if bytes.len() as u64 != self.bytes {
            let reason = format!("is damaged: {} bytes where {RECORD} says {}", bytes.len(), self.bytes);
            return Err(Error::file(path, reason));
        }
        if Self::of(&bytes) != self {
            return Err(Error::file(path, format!("is damaged: its checksum is not the one in {RECORD}")));
        }
        Ok(Bytes::from_shared(bytes, AllocationProperty::File))
    }
}

/// A network that was saved, with all that is known about it.
#[derive(Debug)]
pub struct Checkpoint {
    /// The folder it was read from.
    pub path: PathBuf,
    /// The preset the network comes from.
    pub preset: Preset,
    /// The network's options.
    pub config: GoogLeNetConfig,
    /// What an exported file says about itself.
    pub metadata: Metadata,
    /// Everything `checkpoint.json` says.
    pub record: Record,
    /// The network, in inference on the CPU.
    pub model: GoogLeNet,
}

/// Loads the network in `path`: a checkpoint's folder, or a run's folder, of which it takes the best.
///
/// # Errors
/// A folder that is missing, no checkpoint, of an unknown version, or damaged; the message names the file.
pub fn load(path: &Path) -> Result<Checkpoint> {
    let folder = locate(path)?;
    let record = read_record(&folder)?;
    let model = read_model(&folder, &record, &Device::flex())?.valid();
    Ok(Checkpoint {
        path: folder,
        preset: record.preset,
        config: record.config.clone(),
        metadata: record.metadata.clone(),
        record,
        model,
    })
}

/// The options a run was begun with, as for resuming it.
///
/// # Errors
/// There is no run in `out`, or its record cannot be read.
pub fn options_of(out: &Path) -> Result<Options> {
    let record = read_record(&last_of(out)?)?;
    Ok(Options { out: out.to_path_buf(), resume: true, ..record.options })
}

/// The folder of a checkpoint, given it or the run it belongs to.
fn locate(path: &Path) -> Result<PathBuf> {
    for folder in [path.to_path_buf(), path.join(BEST)] {
        if let Some(settled) = settled(&folder) {
            return Ok(settled);
        }
    }
    let reason = match path {
        _ if !path.exists() => "there is no such folder".to_owned(),
        _ if !path.is_dir() => "is a file; a checkpoint is a folder".to_owned(),
        _ => format!("is no checkpoint: it holds neither {RECORD} nor {BEST}/"),
    };
    Err(Error::file(path, reason).remedy("give the --out folder of `gnet train`"))
}

/// `folder`, or where a crash in the middle of a swap left it; `None` when neither is a checkpoint.
fn settled(folder: &Path) -> Option<PathBuf> {
    let old = folder.file_name().and_then(|name| name.to_str()).map(|name| aside(folder, name, "old"));
    [Some(folder.to_path_buf()), old].into_iter().flatten().find(|folder| folder.join(RECORD).is_file())
}

fn aside(folder: &Path, name: &str, suffix: &str) -> PathBuf {
    folder.with_file_name(format!(".{name}.{suffix}"))
}

/// The `last` of a run.
pub(super) fn last_of(out: &Path) -> Result<PathBuf> {
    settled(&out.join(LAST)).ok_or_else(|| {
        Error::file(out, "holds no run to resume").remedy("train without --resume, or give the --out of a run")
    })
}

/// Refuses to go on with a run that lacks its `last`, or its `best`, which a later epoch need not replace.
pub(super) fn check_resumable(out: &Path) -> Result<()> {
    last_of(out)?;
    let best = out.join(BEST);
    match settled(&best) {
        Some(_) => Ok(()),
        None => Err(Error::file(&best, "the run's best checkpoint is missing").remedy("train into another --out")),
    }
}

/// Whether `out` holds anything a run would replace.
pub(super) fn holds_a_run(out: &Path) -> bool {
    [LAST, BEST].iter().any(|name| out.join(name).exists() || settled(&out.join(name)).is_some())
        || out.join(metrics::FILE).exists()
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// Reads and checks `checkpoint.json`.
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
    /// Whether its parts fit together; a record that was edited by hand may hold what no run writes.
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

/// Reads the weights into a network on `device`.
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

/// The beginning of what Burn says: it lists every tensor that does not fit.
fn brief(error: &impl std::fmt::Display) -> String {
    const LONGEST: usize = 160;
    let text = error.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", text[..end].trim_end()),
        None => text,
    }
}

/// Reads the optimiser's state.
pub(super) fn read_optimizer(folder: &Path, record: &Record, fresh: ModuleOptimizer) -> Result<ModuleOptimizer> {
    let mark = record.optimizer.ok_or_else(|| Error::file(folder, "holds no optimiser to resume with"))?;
    let path = folder.join(OPTIMIZER);
    let state = OptimizerRecord::from_bytes(mark.read(&path)?)
        .map_err(|e| Error::file(&path, format!("cannot be understood: {}", brief(&e))))?;
    // Burn puts the state on its default device, which is the only one compiled in, and moves it at the next step.
    Ok(fresh.load_record(state))
}

/// Saves a network as `OUT/NAME`, all of it or nothing. `model` is in inference, so that no statistics are pending.
///
/// The record's marks of files are filled in here.
pub(super) fn save(
    out: &Path,
    name: &str,
    record: &Record,
    model: &GoogLeNet,
    optimizer: Option<&ModuleOptimizer>,
) -> Result<()> {
    let folder = out.join(name);
    let new = aside(&folder, name, "new");
    remove(&new)?;
    let unfinished = Unfinished::folder(&new).map_err(|e| Error::file(&new, e))?;
    files::create_dir(&new)?;
    let written = write_files(&new, record, model, optimizer).and_then(|()| unfinished.finish(|_| swap(&folder, name)));
    if written.is_err() {
        // The first failure is the one to report.
        let _ = remove(&new);
    }
    written
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

/// Writes `checkpoint.json` anew.
pub(super) fn write_record(folder: &Path, record: &Record) -> Result<()> {
    let path = folder.join(RECORD);
    let text = serde_json::to_string_pretty(record).map_err(|e| Error::file(&path, e))?;
    files::rewrite(&path, (text + "\n").as_bytes())
}

/// Puts `.NAME.new` in the place of `NAME`. At every moment one of `NAME` and `.NAME.old` is whole.
fn swap(folder: &Path, name: &str) -> Result<()> {
    let (new, old) = (aside(folder, name, "new"), aside(folder, name, "old"));
    let fail = |e: std::io::Error| Error::file(folder, format!("cannot be replaced: {e}"));
    if folder.exists() {
        remove(&old)?;
        fs::rename(folder, &old).map_err(fail)?;
    }
    fs::rename(&new, folder).map_err(fail)?;
    remove(&old)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file(folder, format!("cannot be removed: {e}")))
        }
        _ => Ok(()),
    }
}
