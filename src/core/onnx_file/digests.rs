//! SHA-256 of a file and of the data beside it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::OnnxFile;
use super::loadable::check_in_place;
use crate::files::{self, Stamp, digest};
use crate::{Error, Result};

/// Name, size and SHA-256 of one file.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileDigest {
    /// Name without its folder; empty for a model in memory.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}

impl OnnxFile {
    /// Returns the digest of the file itself, then those of the files beside it that hold its constants, by name. All of
    /// each is read.
    ///
    /// # Errors
    /// Fails if a file cannot be read or has changed since it was opened.
    pub fn digests(&self) -> Result<Vec<FileDigest>> {
        let Some((path, _)) = &self.place else {
            let (bytes, sha256) = digest::of(&self.bytes()?[..]).map_err(|e| Error::input(Error::THE_FILE, e))?;
            return Ok(vec![FileDigest { name: String::new(), bytes, sha256 }]);
        };
        let mut beside: Vec<_> = self.data.iter().map(|data| &data.path).collect();
        beside.sort();
        let of = |path: &PathBuf| {
            let (bytes, sha256) = digest::of(files::open(path)?).map_err(|e| Error::file(path, e))?;
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Ok(FileDigest { name, bytes, sha256 })
        };
        let digests = std::iter::once(path).chain(beside).map(of).collect();
        self.check_unchanged()?;
        digests
    }

    /// Refuses a file that is not the one that was opened any more, or data beside it that is not.
    ///
    /// # Errors
    /// A file that was replaced or changed; it is named.
    pub fn check_unchanged(&self) -> Result<()> {
        let own = self.place.iter().map(|(path, stamp)| (path, stamp));
        let mut all = own.chain(self.data.iter().map(|data| (&data.path, &data.stamp)));
        all.try_for_each(|(path, stamp)| check_in_place(path, Stamp::at(path).as_ref(), stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Graph, Model, Tensor};
    use crate::onnx::{self, ExternalData};

    fn model() -> Model {
        let mut graph = Graph::new("constants");
        let w = graph.add_initializer("w", Tensor::from_f32(vec![2000], &[0.5; 2000]).unwrap());
        graph.outputs = vec![w];
        Model::new(graph, 18)
    }

    #[test]
    fn every_file_of_a_model_has_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        onnx::write_file(&model(), &path, ExternalData::Always).unwrap();
        let file = OnnxFile::open(&path).unwrap();
        let digests = file.digests().unwrap();
        let [own, data] = &digests[..] else { panic!("{digests:?}") };
        assert_eq!((own.name.as_str(), data.bytes), ("m.onnx", 8000));
        // The name of gnet's data holds the first digits of the same hash.
        assert!(data.name.contains(&data.sha256[..8]), "{data:?}");
        assert_eq!(own.sha256, digest::of(&std::fs::read(&path).unwrap()[..]).unwrap().1);
        assert_eq!(OnnxFile::of_model(model()).digests().unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_was_replaced_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.onnx");
        onnx::write_file(&model(), &path, ExternalData::default()).unwrap();
        let file = OnnxFile::open(&path).unwrap();
        file.check_unchanged().unwrap();
        onnx::write_file(&model(), &path, ExternalData::default()).unwrap();
        for error in [file.check_unchanged(), file.digests().map(drop)].map(Result::unwrap_err) {
            assert!(error.to_string().ends_with("m.onnx: was replaced or changed while it was read"), "{error}");
        }
    }
}
