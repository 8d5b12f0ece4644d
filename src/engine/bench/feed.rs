//! Inputs fed to a measured file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arrays::{ArrayFile, Given};
use crate::runtime::{Array, Input, Ranges, ValueRange};
use gnet_core::graph::Sizes;
use gnet_core::{Error, OnnxFile, Result};

/// Choices for the inputs of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Feed {
    /// Sizes of open axes. The file itself is not changed.
    pub sizes: Sizes,
    /// Ranges of whole-number inputs, in place of those derived from the file ([`ValueRange::of`]).
    pub ranges: Ranges,
    /// File whose arrays are fed in place of drawn numbers; the sizes, and the batch of the row, are those of the arrays
    /// ([`Given::fit`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrays: Option<ArrayFile>,
}

/// Record of what an input was fed.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Fed {
    /// Name of the input.
    pub name: String,
    /// Element type in the file, such as `i64`.
    pub dtype: String,
    /// Shape in this row.
    pub shape: Vec<usize>,
    /// Range of the whole numbers drawn for it, `LOW..HIGH` without the last; `None` for noise, and for an array of a file.
    pub range: Option<ValueRange>,
}

impl Feed {
    /// Returns `true` if inputs are fed the same numbers, wherever the file of their arrays lies.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let content = |feed: &Self| feed.arrays.as_ref().map(|file| file.sha256.clone());
        (&self.sizes, &self.ranges, content(self)) == (&other.sizes, &other.ranges, content(other))
    }

    /// Makes what each input of a session is fed, or reads it. `named` adds the model's name to an error about one of its
    /// inputs.
    ///
    /// # Errors
    /// Fails if the inputs do not fit in memory; also those of [`Given::again`] and [`Given::arrays`].
    pub(super) fn filled(&self, fed: &[Fed], inputs: &[Input], named: impl Fn(Error) -> Error) -> Result<Vec<Array>> {
        let Some(file) = &self.arrays else { return drawn(fed, inputs).map_err(named) };
        let kinds: Vec<_> = inputs.iter().map(|input| (input.name.as_str(), input.dtype)).collect();
        Given::again(file)?.arrays(&kinds)
    }

    /// Determines what each input of a session is fed; `file` is loaded in it.
    pub(super) fn fed(&self, inputs: &[Input], file: &OnnxFile) -> Result<Vec<Fed>> {
        let mut ranges = match &self.arrays {
            Some(_) => vec![None; inputs.len()],
            None => ranges(inputs, file),
        };
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

/// Derives ranges of the inputs from the file. It is only decoded if an input takes whole numbers; if gnet does not
/// understand it, 0 and 1 are used.
fn ranges(inputs: &[Input], file: &OnnxFile) -> Vec<Option<ValueRange>> {
    let stated = |input: &Input| {
        let graph = &file.model().ok()?.graph;
        let id = graph.inputs.iter().find(|id| graph.value(**id).name == input.name)?;
        ValueRange::of(graph, *id)
    };
    let range = |input: &Input| ValueRange::of_type(input.dtype).map(|default| stated(input).unwrap_or(default));
    inputs.iter().map(range).collect()
}

fn drawn(fed: &[Fed], inputs: &[Input]) -> Result<Vec<Array>> {
    let array = |((fed, input), seed): ((&Fed, &Input), u64)| {
        let named = |e: Error| Error::input(format!("input '{}'", input.name), e).remedy("use a smaller batch");
        Array::check_room(&input.shape).map_err(named)?;
        let shape = input.shape.clone();
        Ok(match fed.range {
            Some(range) => Array::whole(shape, range, seed),
            None => Array::noise(shape, seed),
        })
    };
    fed.iter().zip(inputs).zip(1..).map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{DType, Dim, Graph, Model, Node, Tensor};

    fn inputs() -> Vec<Input> {
        let input = |name: &str, dtype| Input { name: name.into(), shape: vec![2, 3], dtype };
        vec![input("ids", DType::I32), input("mask", DType::Bool), input("x", DType::F32)]
    }

    /// Builds a file with three inputs, of which `ids` selects rows of a table of 9.
    fn file() -> OnnxFile {
        let mut graph = Graph::new("g");
        let shape = || Some(vec![Dim::symbol("N"), Dim::symbol("T")]);
        let add = |graph: &mut Graph, input: Input| graph.add_value(input.name, Some(input.dtype), shape());
        graph.inputs = inputs().into_iter().map(|input| add(&mut graph, input)).collect();
        let table = graph.add_initializer("table", Tensor::from_f32(vec![9, 1], &[0.5; 9]).unwrap());
        let y = graph.add_value("y", None, None);
        graph.nodes = vec![Node::new("", "Gather", vec![table, graph.inputs[0]], vec![y])];
        graph.outputs = vec![y];
        OnnxFile::of_model(Model::new(graph, 18))
    }

    fn ranges(feed: &Feed, file: &OnnxFile) -> Vec<String> {
        let fed = feed.fed(&inputs(), file).unwrap();
        fed.into_iter().map(|fed| fed.range.map_or("noise".into(), |range| range.to_string())).collect()
    }

    #[test]
    fn equal_arrays_are_equal_wherever_they_lie() {
        let of = |path: &str, sha256: &str| {
            let arrays = ArrayFile { path: path.into(), sha256: sha256.into() };
            Feed { arrays: Some(arrays), ..Feed::default() }
        };
        assert!(of("a.npz", "1").is_like(&of("b.npz", "1")) && Feed::default().is_like(&Feed::default()));
        assert!(!of("a.npz", "1").is_like(&of("a.npz", "2")) && !of("a.npz", "1").is_like(&Feed::default()));
        let fed = of("a.npz", "1").fed(&inputs(), &file()).unwrap();
        assert!(fed.iter().all(|fed| fed.range.is_none()), "nothing is drawn");
    }

    #[test]
    fn each_input_is_fed_what_it_takes_or_what_is_asked_for() {
        let given = Ranges::new(vec![("ids".into(), "3..5".parse().unwrap())]).unwrap();
        let (plain, asked) = (Feed::default(), Feed { ranges: given, ..Feed::default() });
        assert_eq!(ranges(&plain, &file()), ["0..9", "0..2", "noise"]);
        assert_eq!(ranges(&asked, &file()), ["3..5", "0..2", "noise"]);
        let unread = OnnxFile::of_bytes(&b"no file of ONNX"[..]);
        assert_eq!(ranges(&plain, &unread), ["0..2", "0..2", "noise"], "an engine may know what gnet does not");
        let arrays = drawn(&asked.fed(&inputs(), &file()).unwrap(), &inputs()).unwrap();
        assert!(
            arrays[0].data.iter().all(|v| [3.0, 4.0].contains(v)) && arrays[2].data.iter().any(|v| v.fract() != 0.0)
        );
        assert_eq!(serde_json::from_str::<Feed>(&serde_json::to_string(&asked).unwrap()).unwrap(), asked);
    }
}
