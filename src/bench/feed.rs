//! What a measured file is fed.

use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::runtime::{Array, Input, Ranges, ValueRange};
use crate::{Error, Result, onnx};

/// What a file is fed where it leaves a choice.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Feed {
    /// Sizes of symbols, put into the file before an engine loads it ([`Model::bind`](crate::graph::Model::bind)).
    pub dims: Vec<(String, usize)>,
    /// Whole numbers of inputs, in place of those that the file takes as far as it says ([`ValueRange::of`]).
    pub ranges: Ranges,
}

/// What an input was fed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// Name of the input.
    pub name: String,
    /// Its element type in the file, such as `i64`.
    pub dtype: String,
    /// Its shape in this row.
    pub shape: Vec<usize>,
    /// The whole numbers that it was fed, `LOW..HIGH` without the last; `None` for noise.
    pub range: Option<ValueRange>,
}

impl Feed {
    /// The bytes for an engine: the file's own, or with sizes in the places of symbols.
    pub(super) fn file(&self, path: &Path) -> Result<Bytes> {
        if self.dims.is_empty() {
            return onnx::in_one_piece(path);
        }
        let mut model = onnx::read_file(path)?;
        let bound = model.bind(&self.dims).and_then(|()| onnx::write(&model));
        Ok(bound.map_err(|e| e.in_file(path))?.into())
    }

    /// What each input of a session is to be fed, `bytes` being its file.
    pub(super) fn fed(&self, inputs: &[Input], bytes: &Bytes) -> Result<Vec<Fed>> {
        let mut ranges = ranges(inputs, bytes);
        let places = inputs.iter().zip(&mut ranges);
        self.ranges.apply(places.map(|(input, range)| (input.name.as_str(), input.dtype, range)))?;
        let fed = |(input, range): (&Input, Option<ValueRange>)| Fed {
            name: input.name.clone(),
            dtype: input.dtype.to_string(),
            shape: input.shape.clone(),
            range,
        };
        Ok(inputs.iter().zip(ranges).map(fed).collect())
    }
}

/// What the file says of its inputs. It is read for them only where one takes whole numbers; where gnet does not
/// understand it, 0 and 1 have to do.
fn ranges(inputs: &[Input], bytes: &Bytes) -> Vec<Option<ValueRange>> {
    let defaults = inputs.iter().map(|input| ValueRange::of_type(input.dtype));
    if inputs.iter().all(|input| ValueRange::of_type(input.dtype).is_none()) {
        return defaults.collect();
    }
    let Ok(model) = onnx::read(bytes.clone()) else { return defaults.collect() };
    let graph = &model.graph;
    let of = |name: &str| graph.inputs.iter().find(|id| graph.value(**id).name == name);
    let stated = inputs.iter().map(|input| of(&input.name).and_then(|id| ValueRange::of(graph, *id)));
    stated.zip(defaults).map(|(stated, default)| default.map(|default| stated.unwrap_or(default))).collect()
}

/// Values for every input, each its own.
pub(super) fn filled(fed: &[Fed], inputs: &[Input]) -> Result<Vec<Array>> {
    let array = |((fed, input), seed): ((&Fed, &Input), u64)| {
        let named = |e: Error| Error::input(format!("input '{}'", input.name), e).remedy("use a smaller batch");
        Array::check_room(&input.shape).map_err(named)?;
        let shape = input.shape.clone();
        Ok(fed
            .range
            .map_or_else(|| Array::noise(shape.clone(), seed), |range| Array::whole(shape.clone(), range, seed)))
    };
    fed.iter().zip(inputs).zip(1..).map(array).collect()
}
