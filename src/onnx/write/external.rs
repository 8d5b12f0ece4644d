//! Constants in a file beside the model, for models past what one protobuf message can hold.

use std::io::Write;
use std::path::Path;

use super::{MAX_BYTES, encode, message};
use crate::graph::Model;
use crate::onnx::proto::{ModelProto, StringStringEntryProto, TensorProto};
use crate::{Error, Result, files};

/// Where the elements of a model's constants are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExternalData {
    /// Inside the model when it fits there, beside it when not.
    #[default]
    Auto,
    /// Inside the model; a model that does not fit is an error.
    Never,
    /// Beside the model.
    Always,
}

/// Constants below this size stay inside the model.
const SMALLEST: usize = 1024;

/// Where the data of a constant may begin: the page size that onnx.proto recommends, so that they can be mapped.
const ALIGNMENT: usize = 4096;

/// What was written, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The model's file.
    pub model: u64,
    /// The data file beside it; `None` when every constant is inside.
    pub data: Option<u64>,
}

/// Writes a model to `path`, and its constants inside or to `path` with `.data` added. Each file is whole or not there.
///
/// # Errors
/// As [`write()`](super::write), and what [`files::write`] refuses.
pub fn write_file(model: &Model, path: &Path, external: ExternalData) -> Result<Written> {
    let mut proto = message(model)?;
    let beside = match external {
        ExternalData::Auto => prost::Message::encoded_len(&proto) > MAX_BYTES,
        ExternalData::Never => false,
        ExternalData::Always => true,
    };
    let data = beside.then(|| move_out(&mut proto, path)).transpose()?;
    let bytes = encode(proto)?;
    files::write(path, &bytes)?;
    Ok(Written { model: bytes.len() as u64, data })
}

/// Writes the larger constants of the outermost graph to the data file and leaves references to it. The size of that file.
fn move_out(proto: &mut ModelProto, path: &Path) -> Result<u64> {
    let place = path.with_added_extension("data");
    let Some(location) = place.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::file(path, "has no name that an ONNX file could hold"));
    };
    let initializers = proto.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    let mut large: Vec<_> = initializers.filter(|t| t.raw_data.as_ref().is_some_and(|b| b.len() >= SMALLEST)).collect();
    let mut offset = 0usize;
    files::write_with(&place, |file| {
        for tensor in &mut large {
            let bytes = tensor.raw_data.take().unwrap_or_default();
            let start = offset.next_multiple_of(ALIGNMENT);
            file.write_all(&vec![0; start - offset])?;
            file.write_all(&bytes)?;
            refer(tensor, location, start, bytes.len());
            offset = start + bytes.len();
        }
        Ok(())
    })?;
    Ok(offset as u64)
}

fn refer(tensor: &mut TensorProto, location: &str, offset: usize, length: usize) {
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.to_owned(), value };
    tensor.data_location = crate::onnx::EXTERNAL;
    tensor.external_data = vec![
        entry("location", location.to_owned()),
        entry("offset", offset.to_string()),
        entry("length", length.to_string()),
    ];
}
