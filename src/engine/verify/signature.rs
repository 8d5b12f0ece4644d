//! Inputs and outputs of a side, and the distribution of samples to runs.

use std::fmt;

use serde::Serialize;

use crate::runtime::{Array, Ranges, ValueRange};
use gnet_core::graph::{DType, Dim, Graph, Sizes, Stated, shape_text};
use gnet_core::{Error, Result};

/// An input with name, type and shape, whose first axis is the batch if it is not a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Port {
    /// Name in the file.
    pub name: String,
    /// Element type in the file.
    pub dtype: DType,
    /// Shape; a dimension that is not a number is the batch or depends on it.
    pub shape: Vec<Dim>,
    /// Range of whole numbers that it is fed; `None` for real numbers of every distribution.
    pub range: Option<ValueRange>,
}

impl Port {
    /// Creates an input of 32-bit floats.
    pub fn new(name: impl Into<String>, shape: Vec<Dim>) -> Self {
        Self { name: name.into(), dtype: DType::F32, shape, range: None }
    }

    /// Returns `true` if the first axis may have any length.
    pub fn batched(&self) -> bool {
        self.shape.first().is_some_and(|dim| dim.known().is_none())
    }

    /// Returns `true` if the batch is the size of the first axis only, so that one sample can be extracted.
    pub(super) fn has_plain_batch(&self) -> bool {
        self.shape.iter().skip(1).all(|dim| dim.known().is_some())
    }

    /// Returns the shape for a batch; its first axis counts samples in any case.
    pub fn at(&self, batch: usize) -> Vec<usize> {
        self.shape.iter().map(|dim| dim.at(batch).unwrap_or(batch)).collect()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, shape_text(&self.shape))
    }
}

/// The inputs and outputs of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Inputs in order.
    pub inputs: Vec<Port>,
    /// Names of the outputs in order.
    pub outputs: Vec<String>,
}

impl Signature {
    /// Returns the signature of a graph whose inputs are fed these sizes.
    ///
    /// # Errors
    /// Those of [`Sizes::fed`]; also fails if an input is not a tensor or has no type, or if the graph has no input or
    /// output.
    pub fn of(graph: &Graph, sizes: &Sizes) -> Result<Self> {
        Self::shaped(graph, |inputs| Ok(sizes.fed(inputs)?.shapes))
    }

    /// Returns the signature of a graph whose inputs keep every axis open that the file leaves open.
    ///
    /// # Errors
    /// Fails if an input is not a tensor or has no type or shape, or if the graph has no input or output.
    pub fn open(graph: &Graph) -> Result<Self> {
        Self::shaped(graph, |inputs| {
            let shape = |input: &Stated| {
                let missing = || Error::input(format!("input '{}'", input.name), "has no shape in the file");
                input.shape.map(<[Dim]>::to_vec).ok_or_else(missing)
            };
            inputs.iter().map(shape).collect()
        })
    }

    fn shaped(graph: &Graph, shapes: impl FnOnce(&[Stated]) -> Result<Vec<Vec<Dim>>>) -> Result<Self> {
        if graph.inputs.is_empty() || graph.outputs.is_empty() {
            return Err(Error::input("the graph", "needs an input and an output to be compared"));
        }
        for value in graph.inputs.iter().map(|id| graph.value(*id)) {
            if let Some(other) = &value.other_type {
                let reason = format!("is of the type {} where a tensor is expected", other.kind);
                return Err(Error::input(format!("input '{}'", value.name), reason));
            }
        }
        let shapes = shapes(&graph.stated_inputs())?;
        let inputs = graph.inputs.iter().zip(shapes).map(|(id, shape)| {
            let value = graph.value(*id);
            let place = format!("input '{}'", value.name);
            let Some(dtype) = value.dtype else { return Err(Error::input(place, "has no type in the file")) };
            Ok(Port { name: value.name.clone(), dtype, shape, range: ValueRange::of(graph, *id) })
        });
        let outputs = graph.outputs.iter().map(|id| graph.value(*id).name.clone()).collect();
        Ok(Self { inputs: inputs.collect::<Result<_>>()?, outputs })
    }

    /// Returns the batch if the file fixes it: the first axis of the first input, if no input has an open one.
    pub fn fixed_batch(&self) -> Option<usize> {
        if self.inputs.iter().any(Port::batched) {
            return None;
        }
        Some(self.inputs.first().and_then(|port| port.shape.first()?.known()).unwrap_or(1))
    }

    /// Returns the number of samples in one run's inputs: the length of the first axis that the file leaves open, or
    /// the size that it fixes.
    pub(super) fn batch_of(&self, inputs: &[Array]) -> usize {
        let open = self.inputs.iter().position(Port::batched).and_then(|place| inputs.get(place));
        self.fixed_batch().or(open.map(Array::batch)).unwrap_or(1)
    }

    /// Restricts the inputs to values that all sides accept: whole numbers if one side takes no others, within the
    /// ranges of all, or within those that the user gives. Sides with other inputs are left for the comparison to
    /// refuse.
    ///
    /// # Errors
    /// Those of [`Ranges::apply`]; also fails if the sides have no number in common.
    pub fn fed_as(&self, others: &[&Self], given: &Ranges) -> Result<Self> {
        let mut fed = self.clone();
        for other in others {
            let Ok(places) = other.match_inputs(self) else { continue };
            for (theirs, place) in other.inputs.iter().zip(places) {
                let port = &mut fed.inputs[place];
                let common = match (port.range, theirs.range) {
                    (Some(a), Some(b)) => Some(a.and(b).ok_or_else(|| {
                        Error::input(format!("input '{}'", port.name), format!("no number is within {a} and {b}"))
                    })?),
                    (a, b) => a.or(b),
                };
                if port.range.is_none() && common.is_some() {
                    port.dtype = theirs.dtype;
                }
                port.range = common;
            }
        }
        given.apply(fed.inputs.iter_mut().map(|port| (port.name.as_str(), port.dtype, &mut port.range)))?;
        Ok(fed)
    }

    /// Returns, for each input of `self`, the index of the corresponding input of `other`: by name, or the only one.
    pub(super) fn match_inputs(&self, other: &Self) -> Result<Vec<usize>> {
        let list = |ports: &[Port]| ports.iter().map(Port::to_string).collect::<Vec<_>>().join(", ");
        let differing = || {
            let reason = format!("takes {}, the other takes {}", list(&self.inputs), list(&other.inputs));
            Error::input("inputs", reason)
        };
        let [here, there] = [self, other].map(|of| of.inputs.iter().map(|port| &port.name));
        let places = places(here, there).ok_or_else(differing)?;
        let fits = |(a, b): (&Port, &Port)| {
            a.shape.len() == b.shape.len()
                && a.shape.iter().zip(&b.shape).all(|(a, b)| a.known().is_none() || b.known().is_none() || a == b)
        };
        let fit = self.inputs.iter().zip(places.iter().map(|place| &other.inputs[*place])).all(fits);
        if fit { Ok(places) } else { Err(differing()) }
    }

    /// Returns, for each output of `self`, the index of the corresponding output of `other`: by name, or the only one.
    pub(super) fn match_outputs(&self, other: &Self) -> Result<Vec<usize>> {
        places(self.outputs.iter(), other.outputs.iter()).ok_or_else(|| {
            let reason = format!("one gives {}, the other {}", self.outputs.join(", "), other.outputs.join(", "));
            Error::check("outputs", reason)
        })
    }
}

/// Returns the index of each name of `a` in `b`; a single name matches any single name.
fn places<'a>(
    a: impl ExactSizeIterator<Item = &'a String>,
    b: impl ExactSizeIterator<Item = &'a String>,
) -> Option<Vec<usize>> {
    let b: Vec<&String> = b.collect();
    match (a.len(), b.len()) {
        (1, 1) => Some(vec![0]),
        (n, m) if n != m => None,
        _ => a.map(|name| b.iter().position(|other| *other == name)).collect(),
    }
}

/// Number of samples per run, and number of runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Number of samples per run.
    pub batch: usize,
    /// Number of runs.
    pub runs: usize,
}

/// Maximum number of samples per run if the batch is open: it bounds the memory of the largest feature maps.
const MAX_BATCH: usize = 8;

/// Maximum number of samples of a kind of inputs: more is surely a typing error.
const MAX_SAMPLES: usize = 1 << 20;

impl Plan {
    /// Distributes at least `samples` samples to two or more runs of one size: a fault that only shows in a second run
    /// or in a batch beyond 1 needs both.
    ///
    /// # Errors
    /// Fails on fewer than two samples or more than a million, or if the fixed batches of the sides differ.
    pub fn new(samples: usize, signatures: &[&Signature]) -> Result<Self> {
        if samples < 2 {
            return Err(Error::input(format!("samples {samples}"), "it takes two to tell outputs apart"));
        }
        if samples > MAX_SAMPLES {
            return Err(Error::input(format!("samples {samples}"), format!("are more than {MAX_SAMPLES}")));
        }
        let mut fixed: Vec<usize> = signatures.iter().filter_map(|signature| signature.fixed_batch()).collect();
        fixed.sort_unstable();
        fixed.dedup();
        let batch = match fixed[..] {
            [] => samples.div_ceil(2).min(MAX_BATCH),
            [0] => return Err(Error::input("batch 0", "a file with an empty batch computes nothing")),
            [batch] => batch,
            [a, b, ..] => {
                return Err(Error::input("inputs", format!("one file's batch is fixed at {a}, the other's at {b}")));
            }
        };
        Ok(Self { batch, runs: samples.div_ceil(batch).max(2) })
    }

    /// Returns the total number of samples.
    pub fn samples(&self) -> usize {
        self.batch.saturating_mul(self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{Model, Node};

    fn signature(inputs: &[(&str, &str)], outputs: &[&str]) -> Signature {
        let shape =
            |text: &str| text.split('x').map(|t| t.parse().map_or_else(|_| Dim::parse(t), Dim::Known)).collect();
        Signature {
            inputs: inputs.iter().map(|(name, text)| Port::new(*name, shape(text))).collect(),
            outputs: outputs.iter().map(|name| (*name).into()).collect(),
        }
    }

    #[test]
    fn samples_are_dealt_to_two_runs_or_more() {
        let open = signature(&[("a", "Nx3"), ("scale", "1x3")], &["y"]);
        let fixed = signature(&[("a", "5x3")], &["y"]);
        let plan = |samples, signatures: &[&Signature]| Plan::new(samples, signatures).map(|p| (p.batch, p.runs));
        assert_eq!(plan(2, &[&open]).unwrap(), (1, 2));
        assert_eq!(plan(9, &[&open, &open]).unwrap(), (5, 2));
        assert_eq!(plan(40, &[&open]).unwrap(), (8, 5));
        assert_eq!(plan(8, &[&open, &fixed]).unwrap(), (5, 2));
        assert_eq!(plan(3, &[&fixed]).unwrap(), (5, 2));
        let other = signature(&[("a", "7x3")], &["y"]);
        let error = plan(8, &[&fixed, &other]).unwrap_err().to_string();
        assert_eq!(error, "inputs: one file's batch is fixed at 5, the other's at 7");
        assert!(plan(1, &[&open]).is_err() && plan(usize::MAX, &[&open]).is_err());
        assert!(plan(4, &[&signature(&[("a", "0x3")], &["y"])]).is_err());
    }

    #[test]
    fn inputs_match_by_name_or_as_the_only_one() {
        let a = signature(&[("p", "Nx3"), ("q", "Nx4")], &["y", "z"]);
        let b = signature(&[("q", "Nx4"), ("p", "2x3")], &["z", "y"]);
        assert_eq!(a.match_inputs(&b).unwrap(), [1, 0]);
        assert_eq!(a.match_outputs(&b).unwrap(), [1, 0]);
        let lone = signature(&[("x", "Nx3")], &["y"]);
        assert_eq!(lone.match_inputs(&signature(&[("input.1", "Nx3")], &["495"])).unwrap(), [0]);
        for (other, says) in [
            (signature(&[("x", "Nx4")], &["y"]), "inputs: takes x N x 3, the other takes x N x 4"),
            (a.clone(), "inputs: takes x N x 3, the other takes p N x 3, q N x 4"),
        ] {
            assert_eq!(lone.match_inputs(&other).unwrap_err().to_string(), says);
        }
        let error = a.match_outputs(&lone).unwrap_err();
        assert_eq!(error.to_string(), "outputs: one gives y, z, the other y");
        assert_eq!(error.kind(), gnet_core::ErrorKind::Check);
        assert!(a.match_outputs(&signature(&[("x", "1")], &["y", "w"])).is_err());
    }

    #[test]
    fn inputs_are_fed_what_every_side_takes() {
        let side = |range: Option<&str>| {
            let range: Option<ValueRange> = range.map(|text| text.parse().unwrap());
            let dtype = if range.is_some() { DType::I64 } else { DType::F32 };
            let mut signature = signature(&[("x", "Nx3"), ("scale", "1x3")], &["y"]);
            signature.inputs[0] = Port { range, dtype, ..signature.inputs[0].clone() };
            signature
        };
        let fed = |sides: [Option<&str>; 3], given: &[(&str, &str)]| {
            let [a, b, c] = sides.map(side);
            let given = given.iter().map(|(name, range)| ((*name).to_owned(), range.parse().unwrap())).collect();
            let fed = a.fed_as(&[&b, &c], &Ranges::new(given)?)?;
            Ok(fed.inputs.iter().map(|port| port.range.map_or("real".into(), |range| range.to_string())).collect())
        };
        let fed = |sides, given: &[_]| fed(sides, given).map_err(|e: Error| e.to_string());
        let ok = |first: &str| Ok(vec![first.to_owned(), "real".to_owned()]);
        assert_eq!(fed([None, None, None], &[]), ok("real"));
        assert_eq!(fed([Some("0..9"), Some("0..7"), None], &[]), ok("0..7"));
        assert_eq!(fed([None, Some("0..7"), Some("2..30")], &[]), ok("2..7"));
        assert_eq!(fed([None, Some("0..7"), None], &[("x", "-3..400")]), ok("-3..400"));
        let apart = fed([Some("0..2"), Some("2..4"), None], &[]).unwrap_err();
        assert_eq!(apart, "input 'x': no number is within 0..2 and 2..4");
        assert!(fed([Some("0..2"), None, None], &[("scale", "0..2")]).unwrap_err().contains("it takes f32"));
        let open = side(None);
        let arrays = [vec![5, 3], vec![1, 3]].map(|shape| Array::noise(shape, 1));
        assert_eq!(open.batch_of(&arrays), 5);
        let turned = Signature { inputs: open.inputs.into_iter().rev().collect(), outputs: open.outputs };
        let arrays = [vec![1, 3], vec![5, 3]].map(|shape| Array::noise(shape, 1));
        assert_eq!(turned.batch_of(&arrays), 5, "the first input has no batch of its own");
    }

    fn model(shape: Option<Vec<Dim>>) -> Model {
        let mut graph = Graph::new("g");
        let x = graph.add_value("x", Some(DType::F32), shape.clone());
        let y = graph.add_value("y", Some(DType::F32), shape);
        graph.nodes = vec![Node::new("a", "Relu", vec![x], vec![y])];
        (graph.inputs, graph.outputs) = (vec![x], vec![y]);
        Model::new(graph, 18)
    }

    #[test]
    fn open_axes_are_asked_for_and_filled() {
        let of = |shape: Option<Vec<Dim>>, sizes: &[&str]| {
            let mut given = Sizes::none();
            sizes.iter().for_each(|text| given.extend(Sizes::input(text).unwrap()));
            Signature::of(&model(shape).graph, &given)
        };
        let open = || Some(vec![Dim::symbol("N"), Dim::Known(3), Dim::symbol("H")]);
        let error = of(open(), &[]).unwrap_err();
        assert_eq!(error.to_string(), "input 'x': axis 2 is dynamic; only the first, the batch, may be");
        let remedy = error.remedy_text().unwrap();
        assert!(
            remedy.starts_with("fix its size with --dim H=SIZE, or give its shape with --input x=Nx3xH,"),
            "{remedy}"
        );
        let error = of(Some(vec![Dim::symbol("N"), Dim::Unknown]), &[]).unwrap_err();
        assert!(error.remedy_text().unwrap().contains("--input x=Nx?, with a number"), "{error:?}");
        assert!(of(None, &[]).unwrap_err().to_string().contains("has no shape"));
        let signature = of(open(), &["x=Nx3x9"]).unwrap();
        assert_eq!(signature.inputs[0].to_string(), "x N x 3 x 9");
        assert_eq!((signature.inputs[0].at(2), signature.fixed_batch()), (vec![2, 3, 9], None));
        let square = of(Some(vec![Dim::symbol("N"), Dim::parse("2*N")]), &[]).unwrap();
        assert_eq!((square.inputs[0].at(3), square.inputs[0].has_plain_batch()), (vec![3, 6], false));
        for (shape, says) in [
            ("y=Nx3x9", "input y: the model has no input of this name"),
            ("x=Nx4x9", "4 given for axis 1, which the file fixes at 3"),
            ("x=Nx3", "N x 3 given, the file says N x 3 x H"),
        ] {
            let error = of(open(), &[shape]).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
