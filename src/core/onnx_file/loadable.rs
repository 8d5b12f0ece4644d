//! Models in the form in which an engine loads them, in this process or in another.
//!
//! Where data lies beside a model, one engine reads it there and another takes everything in one piece. The former gets bytes
//! of its own: the model as it was read, small constants inside, and the larger ones by the real names of the files that were
//! opened and judged. How a file of others names its data (through links, without a length, small constants among them) is
//! therefore the reader's business alone.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{OnnxFile, once};
use crate::files::{self, Stamp};
use crate::{Error, Result, onnx};

/// A model as an engine loads it.
#[derive(Debug, Clone)]
pub struct Loadable {
    /// The bytes of the model.
    pub bytes: Bytes,
    /// The data that these refer to; `None` where they hold everything.
    reference: Option<Reference>,
    /// The file that holds exactly these bytes, where there is one.
    place: Option<(PathBuf, Stamp)>,
}

/// Data that the bytes of a model refer to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reference {
    folder: PathBuf,
    files: Vec<(PathBuf, Stamp)>,
}

impl Reference {
    /// The folder from which the bytes name the data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Refuses data that is not what was judged any more. An engine opens it by its name: what is there before it loads and
    /// still after is what it got.
    ///
    /// # Errors
    /// A file that was replaced or changed.
    pub fn check_in_place(&self) -> Result<()> {
        self.files.iter().try_for_each(|(path, stamp)| check_in_place(path, Stamp::at(path).as_ref(), stamp))
    }
}

pub(super) fn check_in_place(path: &Path, found: Option<&Stamp>, judged: &Stamp) -> Result<()> {
    match found == Some(judged) {
        true => Ok(()),
        false => Err(Error::file(path, "was replaced or changed while it was read").remedy("run the command again")),
    }
}

/// A [`Loadable`] on its way to another process: all of it but bytes that have to go along.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Handed {
    /// The content of a file, which the other process opens as well.
    File(PathBuf, Stamp),
    /// The bytes go along.
    Bytes(Option<Reference>),
}

impl Loadable {
    /// The data that the bytes refer to; `None` where they hold everything.
    pub fn reference(&self) -> Option<&Reference> {
        self.reference.as_ref()
    }

    /// Returns the description for another process, and the bytes to send along; none for a file that it can open.
    pub fn handed(&self) -> (Handed, &[u8]) {
        match &self.place {
            Some((path, stamp)) => (Handed::File(path.clone(), stamp.clone()), &[]),
            None => (Handed::Bytes(self.reference.clone()), &self.bytes),
        }
    }
}

impl OnnxFile {
    /// The model in one piece: the file's own bytes, or where constants lie beside it those of the same model with them
    /// inside.
    ///
    /// # Errors
    /// As [`check_data`](Self::check_data); more data beside the model than one file can hold.
    pub fn in_one_piece(&self) -> Result<&Loadable> {
        self.check_data()?;
        once(&self.in_one_piece, || match self.has_data_beside() {
            false => Ok(Loadable { bytes: self.bytes()?.clone(), reference: None, place: self.place.clone() }),
            true => Ok(Loadable { bytes: onnx::write(self.model()?)?.into(), reference: None, place: None }),
        })
    }

    /// The model for an engine that reads data where it lies.
    ///
    /// # Errors
    /// As [`check_data`](Self::check_data); more constants inside than one file can hold.
    pub fn by_reference(&self) -> Result<&Loadable> {
        if let Some(known) = self.by_reference.get() {
            return Ok(known);
        }
        self.check_data()?;
        let referring = if self.has_data_beside() { onnx::write_referring(self.model()?, &self.data)? } else { None };
        let Some((bytes, folder)) = referring else { return self.in_one_piece() };
        let files = self.data.iter().map(|file| (file.path.clone(), file.stamp.clone())).collect();
        let reference = Some(Reference { folder, files });
        Ok(self.by_reference.get_or_init(|| Loadable { bytes: bytes.into(), reference, place: None }))
    }

    /// The file that another process has judged and [handed](Loadable::handed) to this one.
    ///
    /// # Errors
    /// A file that cannot be opened, or was replaced or changed meanwhile.
    pub fn received(handed: Handed, bytes: impl Into<Bytes>) -> Result<Self> {
        match handed {
            Handed::File(path, judged) => {
                let (bytes, found) = files::mapped(&path)?;
                check_in_place(&path, Some(&found), &judged)?;
                Ok(Self { place: Some((path, judged)), ..Self::of_bytes(bytes) })
            }
            Handed::Bytes(None) => Ok(Self::of_bytes(bytes)),
            Handed::Bytes(reference) => {
                let bytes = bytes.into();
                let loadable = Loadable { bytes: bytes.clone(), reference, place: None };
                Ok(Self { by_reference: loadable.into(), ..Self::of_bytes(bytes) })
            }
        }
    }
}
