//! Data of constants in files beside the model, and nowhere else.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::onnx::proto::StringStringEntryProto;
use crate::{Error, Result, files};

/// The folder of a model and the files of it that were opened.
#[derive(Default)]
pub(super) struct Beside {
    folder: Option<PathBuf>,
    files: HashMap<String, Bytes>,
    asked: bool,
}

impl Beside {
    /// What stands beside the model at `path`.
    pub(super) fn model(path: &Path) -> Self {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self { folder: Some(folder.to_path_buf()), ..Self::default() }
    }

    /// Whether a constant was looked for beside the model.
    pub(super) fn was_asked(&self) -> bool {
        self.asked
    }

    /// The `need` bytes that the entries of a tensor's `external_data` point at.
    pub(super) fn data(
        &mut self,
        entries: &[StringStringEntryProto],
        need: Option<usize>,
        place: &str,
    ) -> Result<Bytes> {
        self.asked = true;
        let entry = |key: &str| entries.iter().find(|e| e.key == key).map(|e| e.value.as_str());
        let number = |key: &str| {
            let parse = |text: &str| text.trim().parse::<usize>();
            entry(key).map(parse).transpose().map_err(|_| {
                Error::input(place, format!("the {key} of its external data is no number: {:?}", entry(key)))
            })
        };
        let location = entry("location").ok_or_else(|| Error::input(place, "its external data has no location"))?;
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let file = self.file(location, place)?;
        // Without a length it is what the tensor needs; a length that disagrees is an error of the tensor.
        let length = length.or(need).unwrap_or(usize::MAX);
        match offset.checked_add(length).filter(|end| *end <= file.len()) {
            Some(end) => Ok(file.slice(offset..end)),
            None => {
                let reason = format!("its data lies past the end of {location}, which has {} bytes", file.len());
                Err(Error::input(place, reason))
            }
        }
    }

    fn file(&mut self, location: &str, place: &str) -> Result<Bytes> {
        if let Some(bytes) = self.files.get(location) {
            return Ok(bytes.clone());
        }
        let Some(folder) = &self.folder else {
            let reason = format!("keeps its data beside the model, in {location}");
            return Err(Error::input(place, reason).remedy("read the model from its file"));
        };
        let bytes = files::map(&inside(folder, location, place)?).map_err(|e| Error::input(place, e))?;
        self.files.insert(location.to_owned(), bytes.clone());
        Ok(bytes)
    }
}

/// The file that `location` names, once it is certain that it lies in `folder`.
fn inside(folder: &Path, location: &str, place: &str) -> Result<PathBuf> {
    let outside = |why: &str| {
        let reason = format!("its external data {location:?} {why}");
        Err(Error::input(place, reason).remedy("only files in the model's own folder are read"))
    };
    let relative = Path::new(location);
    if location.is_empty() || !relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir)) {
        return outside("is no path inside the model's folder");
    }
    let file = folder.join(relative);
    let real = |path: &Path| std::fs::canonicalize(path).map_err(|e| Error::file(path, format!("cannot be read: {e}")));
    let (file, folder) = (real(&file).map_err(|e| Error::input(place, e))?, real(folder)?);
    match file.starts_with(&folder) {
        true => Ok(file),
        false => outside("is a link that leads out of the model's folder"),
    }
}
