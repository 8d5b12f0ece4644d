//! The row of a log that a row of today is held against.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::interface::same_interface;
use crate::bench::Spec;
use crate::bench::log::{Line, Subject};
use crate::host::Machine;
use crate::runtime::Provider;
use gnet_core::{Error, OnnxFile, Result};

/// The part of the past that a row is held against.
#[derive(Debug, Clone, PartialEq)]
pub enum Counterpart {
    /// The old model, to be measured again beside the new one.
    Model {
        /// Its place.
        path: PathBuf,
        /// When the log's row was measured.
        since: String,
    },
    /// Stored times of these processes.
    Times(Vec<Line>),
    /// Nothing: the log has no such row.
    Missing,
}

/// Demands on a baseline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BaselineOptions {
    /// Path of the old model; by default, where it was.
    pub model: Option<PathBuf>,
    /// Whether to compare what is not comparable.
    pub anyway: bool,
}

impl Counterpart {
    /// Finds the counterpart of a row among the lines of a log: the last process of the same provider, batch and threads, and
    /// those before it that measured the same model. `file` and `model` are those of today.
    ///
    /// # Errors
    /// Fails, unless told to go on, on a counterpart that is not comparable: of other options, other element types, another
    /// interface, or, where only its times are left, of another processor. Fails if the model in the options is not the one
    /// that was measured.
    pub fn find(
        lines: &[Line],
        spec: &Spec,
        (file, model): (&OnnxFile, &Subject),
        machine: &Machine,
        options: &BaselineOptions,
    ) -> Result<Self> {
        let same = |line: &&Line| {
            let of = |spec: &Spec| (spec.provider, spec.batch, spec.threads);
            of(&line.spec) == of(spec)
        };
        let Some(last) = lines.iter().rfind(same) else { return Ok(Self::Missing) };
        let unlike = |reason: String| {
            Error::input(format!("the baseline's row {}", spec.label()), reason)
                .remedy("measure a new baseline, or compare them anyway with --anyway")
        };
        if !options.anyway {
            differing(last, spec, model).map_or(Ok(()), |reason| Err(unlike(reason)))?;
        }
        if let Some((path, old)) = old_model(last, options.model.as_deref())? {
            if !options.anyway {
                same_interface(&old, file).map_err(|e| unlike(e.to_string()))?;
            }
            return Ok(Self::Model { path, since: last.run.started.clone() });
        }
        let (then, now) = (&last.machine.cpu.name, &machine.cpu.name);
        if then != now && !options.anyway {
            return Err(unlike(format!("ran on the processor {then}, and this is {now}")));
        }
        let of_model = |line: &&Line| same(line) && hashes(&line.model) == hashes(&last.model);
        Ok(Self::Times(lines.iter().filter(of_model).cloned().collect()))
    }
}

/// Returns what two rows differ in besides the model itself.
fn differing(past: &Line, spec: &Spec, model: &Subject) -> Option<String> {
    let types =
        |model: &Subject| format!("{} (weights in {})", model.value_types.join(", "), model.weight_types.join(", "));
    let (then, now) = (types(&past.model), types(model));
    if then != now {
        return Some(format!("computed in {then}, and this model computes in {now}"));
    }
    if !past.spec.feed.is_like(&spec.feed) {
        return Some("was fed other sizes, ranges or arrays".to_owned());
    }
    let (then, now) = (settings(&past.spec)?, settings(spec)?);
    let Value::Object(now) = now else { return None };
    let other = now.iter().find(|(name, value)| then.get(name.as_str()) != Some(value));
    other.map(|(name, value)| {
        let then = then.get(name.as_str()).unwrap_or(&Value::Null);
        format!("had the option {name} at {then}, and it is {value} now")
    })
}

/// Returns the options that change what a row does: neither paths nor those of other providers.
fn settings(spec: &Spec) -> Option<Value> {
    let mut engine = spec.engine.clone();
    (engine.ort_lib, engine.openvino.plugin, engine.tensorrt.cache, engine.profile) = (None, None, None, None);
    let mut settings = serde_json::to_value(engine).ok()?;
    let groups = settings.as_object_mut()?;
    let of_provider: &[&str] = match spec.provider {
        Provider::Cuda => &["cuda"],
        Provider::TensorRt => &["cuda", "tensorrt"],
        Provider::OpenVino => &["openvino"],
        Provider::Tract | Provider::Cpu => &[],
    };
    groups.retain(|name, value| !value.is_object() || of_provider.contains(&name.as_str()));
    Some(settings)
}

fn hashes(model: &Subject) -> Vec<&str> {
    model.files.iter().map(|file| file.sha256.as_str()).collect()
}

/// Opens the old model, if it is still what was measured. One that was named must be.
fn old_model(past: &Line, given: Option<&Path>) -> Result<Option<(PathBuf, OnnxFile)>> {
    let path = given.unwrap_or(&past.model.path);
    let opened = OnnxFile::open(path).and_then(|file| {
        let found = file.digests()?;
        let same = found.iter().map(|file| file.sha256.as_str()).eq(hashes(&past.model));
        Ok(same.then_some((path.to_path_buf(), file)))
    });
    match (given, opened) {
        (None, opened) => Ok(opened.ok().flatten()),
        (Some(_), Ok(None)) => {
            let reason = format!("is not the model that was measured on {}: its SHA-256 is another", past.run.started);
            Err(Error::file(path, reason))
        }
        (Some(_), opened) => opened,
    }
}
