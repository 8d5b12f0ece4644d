//! External data: constants in files beside the model, and nowhere else.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

use crate::files::{self, Stamp};
use crate::onnx::beside;
use crate::onnx::proto::StringStringEntryProto;
use crate::words::counted;
use crate::{Error, Result};

/// A file beside a model that holds elements of its constants, opened.
#[derive(Debug, Clone)]
pub(crate) struct DataFile {
    location: String,
    /// Path of the file, with links resolved.
    pub(crate) path: PathBuf,
    pub(crate) stamp: Stamp,
    bytes: Bytes,
}

impl DataFile {
    /// Refuses data that is not what the hash in its name says, where there is one.
    pub(crate) fn check(&self) -> Result<()> {
        beside::check(&self.location, &self.bytes)
    }

    /// Returns the offset of these bytes in the file, if they are a part of it rather than a copy.
    pub(crate) fn offset_of(&self, part: &[u8]) -> Option<usize> {
        let offset = part.as_ptr().addr().checked_sub(self.bytes.as_ptr().addr())?;
        (offset.checked_add(part.len())? <= self.bytes.len()).then_some(offset)
    }
}

/// Folders of a model and those of their files that were opened.
#[derive(Default)]
pub(super) struct Beside {
    /// Folder of the given name, and of each file that this name leads to if it is a link.
    folders: Vec<PathBuf>,
    model: PathBuf,
    files: BTreeMap<String, DataFile>,
}

/// Maximum number of links followed from the name of a model, the same as the system's.
const MAX_LINKS: usize = 40;

impl Beside {
    pub(super) fn model(path: &Path) -> Self {
        let mut at = path.to_path_buf();
        let mut folders = vec![files::folder_of(&at)];
        while let (Ok(target), true) = (std::fs::read_link(&at), folders.len() <= MAX_LINKS) {
            at = files::folder_of(&at).join(target);
            folders.push(files::folder_of(&at));
        }
        Self { folders, model: path.to_path_buf(), ..Self::default() }
    }

    /// Returns the surroundings of a model without a name, given its folder.
    pub(super) fn folder(folder: &Path) -> Self {
        Self { folders: vec![folder.to_path_buf()], ..Self::default() }
    }

    pub(super) fn opened(self) -> Vec<DataFile> {
        self.files.into_values().collect()
    }

    /// Returns the `need` bytes that the entries of a tensor's `external_data` point at.
    pub(super) fn data(
        &mut self,
        entries: &[StringStringEntryProto],
        need: Option<usize>,
        place: &str,
    ) -> Result<Bytes> {
        let entry = |key: &str| entries.iter().find(|e| e.key == key).map(|e| e.value.as_str());
        let number = |key: &str| {
            let parse = |text: &str| text.trim().parse::<usize>();
            entry(key).map(parse).transpose().map_err(|_| {
                Error::input(place, format!("the {key} of its external data is no number: {:?}", entry(key)))
            })
        };
        if let Some(key) =
            ["location", "offset", "length"].iter().find(|k| entries.iter().filter(|e| e.key == **k).count() > 1)
        {
            return Err(Error::input(place, format!("its external data has two entries {key:?}")));
        }
        let location = entry("location").ok_or_else(|| Error::input(place, "its external data has no location"))?;
        let (offset, length) = (number("offset")?.unwrap_or(0), number("length")?);
        let file = self.file(location, place)?;
        // Without a length the tensor's size is used; a length that disagrees is an error of the tensor.
        let length = length.or(need).unwrap_or(usize::MAX);
        match offset.checked_add(length).filter(|end| *end <= file.len()) {
            Some(end) => Ok(file.slice(offset..end)),
            None => Err(match super::kind::lfs(&file) {
                Some(kind) => kind.error(place, &format!("its data file {location} is ")),
                None => {
                    let reason =
                        format!("its data lies past the end of {location}, which has {}", counted(file.len(), "byte"));
                    Error::input(place, reason).remedy("the file is cut off, or of another model: copy it again")
                }
            }),
        }
    }

    fn file(&mut self, location: &str, place: &str) -> Result<Bytes> {
        if let Some(file) = self.files.get(location) {
            return Ok(file.bytes.clone());
        }
        if self.folders.is_empty() {
            let reason = format!("keeps its data beside the model, in {location}");
            return Err(Error::input(place, reason).remedy("read the model from its file"));
        }
        let about = |e: Error| Error::input(place, &e).with_remedy(e.remedy_text());
        let path = self.find(location, place)?;
        let (bytes, stamp) = files::mapped(&path).map_err(about)?;
        let file = DataFile { location: location.to_owned(), path, stamp, bytes: bytes.clone() };
        self.files.insert(location.to_owned(), file);
        Ok(bytes)
    }

    /// Returns the file that `location` names, once it is certain that it belongs to the model.
    ///
    /// A location is a path downwards. It is looked for beside the given name, then beside each file that this name
    /// leads to. A link in its place is followed to a file below that same folder, or directly in one of the folders
    /// that the model's own links lead through: this covers a hub's cache, where both names lead into one folder
    /// `blobs`. The author of a model chooses its locations and may send links along, but must not gain access to files
    /// elsewhere.
    fn find(&self, location: &str, place: &str) -> Result<PathBuf> {
        let outside = |why: &str| {
            let reason = format!("its external data {location:?} {why}");
            Err(Error::input(place, reason).remedy(
                "data is read from the model's own folder, or from where the model's own links lead: copy it there",
            ))
        };
        let relative = Path::new(location);
        if location.is_empty() || !relative.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir))
        {
            return outside("is no path inside the model's folder");
        }
        let is_there = |folder: &&PathBuf| std::fs::symlink_metadata(folder.join(relative)).is_ok();
        let Some(folder) = self.folders.iter().find(is_there) else {
            let reason = format!("its data stands beside the model in {location}, and there is no such file");
            // For a model in the current folder the name alone is enough.
            let folder = self.folders.first().filter(|folder| !matches!(folder.to_str(), Some("" | ".")));
            let to = folder.map(|folder| format!(" to {},", folder.display())).unwrap_or_default();
            let model = self.model.file_name().unwrap_or_default().display();
            return Err(Error::input(place, reason)
                .remedy(format!("the two belong together: copy {location}{to} beside {model}")));
        };
        let real = |path: &Path| {
            std::fs::canonicalize(path)
                .map_err(|e| Error::input(place, Error::file(path, format!("cannot be read: {e}"))))
        };
        let file = real(&folder.join(relative))?;
        let passed = || self.folders.iter().filter_map(|folder| std::fs::canonicalize(folder).ok());
        match file.starts_with(real(folder)?) || passed().any(|folder| file.parent() == Some(&folder)) {
            true => Ok(file),
            false => outside("is a link that leads out of the model's folder"),
        }
    }
}
