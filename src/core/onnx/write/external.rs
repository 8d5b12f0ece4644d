//! Constants in a file beside the model, for models that exceed the limit of one protobuf message.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{MAX_BYTES, encode, message};
use crate::files::digest::Hashing;
use crate::files::{self, Prepared};
use crate::graph::Model;
use crate::onnx::proto::{GraphProto, ModelProto, TensorProto};
use crate::onnx::types::entry;
use crate::onnx::{DataFile, EXTERNAL, beside};
use crate::{Error, Result};

/// Location for the elements of a model's constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ExternalData {
    /// Inside the model if they fit, else beside it.
    #[default]
    Auto,
    /// Inside the model; a model that does not fit is an error.
    Never,
    /// Beside the model.
    Always,
}

/// Size below which constants stay inside the model, in bytes.
const SMALLEST: usize = 1024;

/// Alignment of the data of constants: the page size that onnx.proto recommends, so that they can be mapped.
const ALIGNMENT: usize = 4096;

/// Sizes of the files that were written.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// Size of the model's file, in bytes.
    pub model: u64,
    /// The data file beside it; `None` if every constant is inside.
    pub data: Option<WrittenData>,
}

/// The data file beside a model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WrittenData {
    /// Name, which ends in the hash of the content and `.data`. The file is in the model's folder.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
}

/// Writes a model to `path`, and its constants either inside it or to `NAME.HASH.data` beside it.
///
/// The model and its data are replaced as one, however the process ends and whoever writes there at the same time: the
/// data has its own name, and the rename of the model is the commit. Afterwards the data of the previous model is
/// removed if gnet wrote it and no other model in the folder refers to it.
///
/// # Errors
/// Those of [`write()`](super::write) and of [`files::write`].
pub fn write_file(model: &Model, path: &Path, external: ExternalData) -> Result<Written> {
    files::check_place(path)?;
    let mut proto = message(model)?;
    let beside = match external {
        ExternalData::Auto => prost::Message::encoded_len(&proto) > MAX_BYTES,
        ExternalData::Never => false,
        ExternalData::Always => true,
    };
    let (data, place) = match beside.then(|| move_out(&mut proto, path)).transpose()? {
        Some((data, place)) => (Some(data), Some(place)),
        None => (None, None),
    };
    let bytes = encode(proto)?;
    commit(path, &bytes, place)?;
    Ok(Written { model: bytes.len() as u64, data })
}

/// Writes the bytes of a model without external data to `path`, as [`write_file`] does.
///
/// # Errors
/// Those of [`files::write`].
pub fn write_bytes(bytes: &[u8], path: &Path) -> Result<()> {
    files::check_place(path)?;
    commit(path, bytes, None)
}

fn commit(path: &Path, bytes: &[u8], data: Option<Prepared>) -> Result<()> {
    let model = Prepared::new(path, |file| file.write_all(bytes))?;
    let target = model.target().to_path_buf();
    // From here on one writer at a time: a file that one finds in place could be about to be removed by another.
    let _locked = files::steps::lock(&files::folder_of(&target));
    let before = if target.is_file() { beside::own(&target) } else { BTreeSet::new() };
    match data.filter(|data| !beside::is_whole(data.target())) {
        Some(data) => {
            files::check_place(data.target())?;
            model.place_after(data)?;
        }
        None => model.place()?,
    }
    if !before.is_empty() {
        beside::sweep(&target, before);
    }
    Ok(())
}

/// Writes the larger constants of the outermost graph to a data file that is not at its destination yet, and leaves
/// references to it.
fn move_out(proto: &mut ModelProto, path: &Path) -> Result<(WrittenData, Prepared)> {
    let initializers = proto.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    let mut large: Vec<_> = initializers.filter(|t| t.raw_data.as_ref().is_some_and(|b| b.len() >= SMALLEST)).collect();
    let (mut places, mut end, mut sha256) = (Vec::with_capacity(large.len()), 0usize, String::new());
    let data = Prepared::new(path, |file| {
        let mut file = Hashing::new(file);
        for tensor in &mut large {
            let bytes = tensor.raw_data.take().unwrap_or_default();
            let start = end.next_multiple_of(ALIGNMENT);
            file.write_all(&vec![0; start - end])?;
            file.write_all(&bytes)?;
            places.push((start, bytes.len()));
            end = start + bytes.len();
        }
        sha256 = file.digest();
        Ok(())
    })?;
    let Some(model) = data.target().file_name().and_then(|name| name.to_str()) else {
        return Err(Error::file(path, "has no name that an ONNX file could hold"));
    };
    let name = beside::name(model, &sha256);
    for (tensor, (start, length)) in large.into_iter().zip(places) {
        refer(tensor, &name, start, length);
    }
    let data = data.called(&name);
    Ok((WrittenData { name, bytes: end as u64 }, data))
}

/// The bytes of a model whose constants in `data` stay there, and the folder from which the bytes name those files: the
/// one that holds them all. `None` where a name cannot be written.
///
/// Small constants are put inside, as an engine asks for those while it infers shapes, and so is what stands in attributes.
pub(crate) fn write_referring(model: &Model, data: &[DataFile]) -> Result<Option<(Vec<u8>, PathBuf)>> {
    let Some(folder) = common_folder(data) else { return Ok(None) };
    let name = |file: &DataFile| -> Option<String> {
        let parts = file.path.strip_prefix(&folder).ok()?.iter().map(|part| part.to_str());
        Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
    };
    let Some(names) = data.iter().map(name).collect::<Option<Vec<_>>>() else { return Ok(None) };
    let mut proto = message(model)?;
    let mut constants = Vec::new();
    proto.graph.iter_mut().for_each(|graph| dense(graph, &mut constants));
    for tensor in constants {
        let Some(raw) = tensor.raw_data.take_if(|raw| raw.len() >= SMALLEST) else { continue };
        let stands = |(file, name)| Some((name, DataFile::offset_of(file, &raw)?));
        match data.iter().zip(&names).find_map(stands) {
            Some((name, offset)) => refer(tensor, name, offset, raw.len()),
            None => tensor.raw_data = Some(raw),
        }
    }
    Ok(Some((encode(proto)?, folder)))
}

/// The deepest folder that all the files are in.
fn common_folder(data: &[DataFile]) -> Option<PathBuf> {
    let mut folders = data.iter().filter_map(|file| file.path.parent());
    let first = folders.next()?;
    let folder =
        folders.try_fold(first, |common, folder| common.ancestors().find(|above| folder.starts_with(above)))?;
    Some(folder.to_path_buf())
}

/// The dense initializers of a graph and of all inside it.
fn dense<'a>(graph: &'a mut GraphProto, found: &mut Vec<&'a mut TensorProto>) {
    found.extend(&mut graph.initializer);
    for attribute in graph.node.iter_mut().flat_map(|node| &mut node.attribute) {
        attribute.g.iter_mut().map(Box::as_mut).chain(&mut attribute.graphs).for_each(|body| dense(body, found));
    }
}

fn refer(tensor: &mut TensorProto, location: &str, offset: usize, length: usize) {
    tensor.data_location = EXTERNAL;
    tensor.external_data =
        vec![entry("location", location), entry("offset", offset.to_string()), entry("length", length.to_string())];
}
