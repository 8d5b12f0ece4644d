//! The measured model, as a log identifies it.

use std::collections::BTreeSet;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::cost::BatchChoice;
use gnet_core::graph::{Graph, Sizes};
use gnet_core::onnx_file::FileDigest;
use gnet_core::{OnnxFile, Result};

/// Identity and size of a model.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// Path as it was given; empty for a model in memory.
    pub path: PathBuf,
    /// The file and then those beside it that hold its constants, each with its SHA-256.
    pub files: Vec<FileDigest>,
    /// Number of learned parameters; `None` if they cannot be counted.
    pub params: Option<u64>,
    /// Multiply-accumulates of one image at the sizes of the row; `None` if they cannot be counted.
    pub macs: Option<u64>,
    /// Element types of its constants, such as `f32`, in alphabetical order.
    pub weight_types: Vec<String>,
    /// Element types of what its nodes compute, as far as they are known.
    pub value_types: Vec<String>,
}

impl Subject {
    /// Describes a model that is fed `sizes`. All of its files are read.
    ///
    /// # Errors
    /// Those of [`OnnxFile::digests`] and [`OnnxFile::model`].
    pub fn of(file: &OnnxFile, sizes: &Sizes) -> Result<Self> {
        let cost = file.cost(sizes).ok();
        let shaped = file.shaped(sizes, &BatchChoice::Guess).or_else(|_| file.model().cloned())?;
        let graph = &shaped.graph;
        Ok(Self {
            path: file.path().map(PathBuf::from).unwrap_or_default(),
            files: file.digests()?,
            params: cost.as_ref().map(|cost| cost.params),
            macs: cost.as_ref().map(|cost| cost.macs),
            weight_types: weight_types(graph),
            value_types: value_types(graph),
        })
    }
}

fn weight_types(graph: &Graph) -> Vec<String> {
    let all = graph.with_subgraphs();
    let types: BTreeSet<String> =
        all.iter().flat_map(|graph| graph.initializers()).map(|(_, tensor)| tensor.dtype().to_string()).collect();
    types.into_iter().collect()
}

fn value_types(graph: &Graph) -> Vec<String> {
    let mut types = BTreeSet::new();
    for graph in graph.with_subgraphs() {
        let outputs = graph.nodes.iter().flat_map(|node| node.outputs.iter().flatten());
        types.extend(outputs.filter_map(|id| graph.value(*id).dtype).map(|dtype| dtype.to_string()));
    }
    types.into_iter().collect()
}
