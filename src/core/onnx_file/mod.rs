//! An ONNX file, opened once: what a command, an engine or a proof asks of it is obtained when it is first asked for, and kept.
//!
//! This stands above [`cost`] and [`infer`], whose answers it keeps, and not in
//! [`onnx`], which knows neither.

mod digests;
mod kept;
mod loadable;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use crate::cost::{self, Analysis, BatchChoice, Cost, Counting};
use crate::files::Stamp;
use crate::graph::{Model, Sizes};
use crate::onnx::{self, DataFile, Found};
use crate::{Error, Result, infer};

pub use digests::FileDigest;
use kept::Kept;
pub use loadable::{Handed, Loadable, Reference};

/// An ONNX file on the disk, or a model in memory that is one for engines.
///
/// ```
/// use gnet_core::OnnxFile;
/// use gnet_core::graph::{DType, Graph, Model, Sizes};
///
/// let mut graph = Graph::new("nothing");
/// let x = graph.add_value("x", Some(DType::F32), None);
/// (graph.inputs, graph.outputs) = (vec![x], vec![x]);
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("nothing.onnx");
/// gnet_core::onnx::write_file(&Model::new(graph, 18), &path, Default::default())?;
///
/// let file = OnnxFile::open(&path)?;
/// assert_eq!(file.model()?.graph.name, "nothing");
/// assert_eq!(file.cost(&Sizes::none())?.macs, 0);
/// assert_eq!(file.size()?, std::fs::metadata(&path).unwrap().len());
/// # Ok::<(), gnet_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct OnnxFile {
    /// Its name and what it was when it was opened; `None` in memory.
    place: Option<(PathBuf, Stamp)>,
    /// Bytes of the file itself.
    bytes: OnceLock<Bytes>,
    model: OnceLock<Arc<Model>>,
    /// The files beside it that hold its constants.
    data: Vec<DataFile>,
    /// Set once the data is known to be what its name says.
    checked: OnceLock<()>,
    in_one_piece: OnceLock<Loadable>,
    by_reference: OnceLock<Loadable>,
    shaped: Kept<(Sizes, BatchChoice), Arc<Model>>,
    costs: Kept<Sizes, Arc<Cost>>,
}

impl OnnxFile {
    /// Opens and decodes a file. Its constants, inside or beside it, are mapped and not read before somebody asks for them.
    ///
    /// # Errors
    /// As [`onnx::read_file`].
    pub fn open(path: &Path) -> Result<Self> {
        let Found { bytes, stamp, model, data } = onnx::open(path)?;
        let place = Some((path.to_path_buf(), stamp));
        Ok(Self { place, bytes: bytes.into(), model: Arc::new(model).into(), data, ..Self::default() })
    }

    /// As [`open`](Self::open), for one who computes with the constants or writes them anew: data beside the model whose name
    /// holds its hash, as that of gnet's files does, is held against it.
    ///
    /// # Errors
    /// As [`open`](Self::open); data that is not what its name says.
    pub fn open_whole(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        file.check_data()?;
        Ok(file)
    }

    /// The content of an ONNX file in memory. It is decoded when that is asked for, and not before an engine gets it.
    pub fn of_bytes(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into().into(), ..Self::default() }
    }

    /// A model as the file that it would be. It is encoded when an engine loads it.
    pub fn of_model(model: Model) -> Self {
        Self { model: Arc::new(model).into(), ..Self::default() }
    }

    /// The name that it was opened by; `None` in memory.
    pub fn path(&self) -> Option<&Path> {
        self.place.as_ref().map(|(path, _)| path.as_path())
    }

    /// Returns the decoded model.
    ///
    /// # Errors
    /// As [`onnx::read`], of bytes in memory; a file that was opened has been decoded.
    pub fn model(&self) -> Result<&Arc<Model>> {
        once(&self.model, || match self.by_reference.get().and_then(Loadable::reference) {
            Some(reference) => onnx::read_beside(self.bytes()?.clone(), reference.folder()).map(Arc::new),
            None => onnx::read(self.bytes()?.clone()).map(Arc::new),
        })
    }

    /// The bytes of the file itself, without data beside it.
    fn bytes(&self) -> Result<&Bytes> {
        once(&self.bytes, || onnx::write(self.model.get().ok_or_else(nothing)?).map(Bytes::from))
    }

    /// Bytes on the disk: of the file and of those beside it that hold its constants. A model in memory has those of the file
    /// that it would be.
    ///
    /// # Errors
    /// A model in memory that cannot be written.
    pub fn size(&self) -> Result<u64> {
        Ok(self.data.iter().fold(self.own_size()?, |sum, file| sum.saturating_add(file.stamp.len())))
    }

    /// As [`size`](Self::size), without data beside it.
    ///
    /// # Errors
    /// A model in memory that cannot be written.
    pub fn own_size(&self) -> Result<u64> {
        match &self.place {
            Some((_, stamp)) => Ok(stamp.len()),
            None => Ok(self.bytes()?.len() as u64),
        }
    }

    /// Returns `true` if it has external data.
    pub fn has_data_beside(&self) -> bool {
        !self.data.is_empty() || self.by_reference.get().is_some_and(|known| known.reference().is_some())
    }

    /// Holds data beside the model against the hash in its name, once.
    ///
    /// # Errors
    /// Data that is not what its name says; the file is named.
    pub fn check_data(&self) -> Result<()> {
        once(&self.checked, || self.data.iter().try_for_each(DataFile::check).map_err(|e| self.named(e))).copied()
    }

    /// An error about what it holds, with its name where it has one.
    pub fn named(&self, error: Error) -> Error {
        match self.path() {
            Some(path) => error.in_file(path),
            None => error,
        }
    }

    /// The model with every type and shape that follows from those of its inputs, which are fed `sizes`. An open batch has the
    /// name that counting knows it by.
    ///
    /// # Errors
    /// As [`infer::infer`], without the file's name.
    pub fn shaped(&self, sizes: &Sizes, batch: &BatchChoice) -> Result<Arc<Model>> {
        self.shaped.get(&(sizes.clone(), batch.clone()), || {
            let mut model = Model::clone(self.model()?);
            cost::name_batch(&mut model.graph, batch);
            infer::infer(&mut model, sizes)?;
            Ok(Arc::new(model))
        })
    }

    /// Returns the cost of the file when fed `sizes`, by its stated shapes if none can be inferred.
    ///
    /// # Errors
    /// As [`cost::count`], without the file's name.
    pub fn cost(&self, sizes: &Sizes) -> Result<Arc<Cost>> {
        self.costs.get(sizes, || {
            let counted = match self.shaped(sizes, &BatchChoice::Guess) {
                Ok(shaped) => cost::count(&shaped.graph),
                Err(_) => cost::count(&self.model()?.graph),
            };
            counted.map(Arc::new)
        })
    }
}

impl OnnxFile {
    /// Counts everything about the file when it is fed `sizes`, layer by layer; `counting` names the batch, and gets the file's
    /// own functions.
    ///
    /// # Errors
    /// As [`shaped`](Self::shaped) and [`Analysis::counted`], without the file's name.
    pub fn analysis(&self, sizes: &Sizes, counting: Counting) -> Result<Analysis> {
        let counting = Counting { functions: self.model()?.functions.clone(), ..counting };
        Analysis::counted(&self.shaped(sizes, &counting.axis)?.graph, &counting)
    }
}

/// The value of a cell, made when there is none. A failure is not kept: it ends what asked.
fn once<T>(cell: &OnceLock<T>, make: impl FnOnce() -> Result<T>) -> Result<&T> {
    match cell.get() {
        Some(value) => Ok(value),
        None => make().map(|value| cell.get_or_init(|| value)),
    }
}

/// A file has bytes or a model from the beginning.
fn nothing() -> Error {
    Error::input(Error::THE_FILE, "holds nothing")
}
