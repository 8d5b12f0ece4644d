//! From a file's bytes to a plan for one batch size.

use std::collections::HashSet;
use std::sync::Arc;

use tract_onnx::pb::{GraphProto, ModelProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::nn::Softmax;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::infer::{Factoid, GenericFactoid, ShapeFactoid};

use super::super::{Input, element, open_axis};
use super::lane::guarded;
use crate::graph::DType;
use crate::{Error, Result};

/// An optimised network for one batch size, shared by the lanes that run it.
pub(super) type Plan = Arc<TypedRunnableModel>;

/// What tract said about a failure.
pub(super) fn failed(error: &TractError) -> Error {
    Error::input("tract", causes(error))
}

/// The first line of each cause, outermost first, without a backtrace.
fn causes(error: &TractError) -> String {
    const LONGEST: usize = 300;
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let line = text.lines().next().unwrap_or_default().trim();
        let short: String = line.chars().take(LONGEST).collect();
        // Some causes repeat what is wrapped around them.
        if !short.is_empty() && lines.last() != Some(&short) {
            lines.push(short);
        }
    }
    lines.join(": ")
}

/// The first axis of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    /// As many images as one likes: the file gives it a name or nothing.
    Batch,
    /// A number in the file, or an input without axes.
    Fixed,
}

/// An input as the file declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) axis: Axis,
    dtype: DType,
    /// tract's name of the same type.
    pub(super) kind: DatumType,
    /// The shape; the first entry means nothing when the axis is the batch.
    shape: Vec<usize>,
}

impl Declared {
    /// The input for `batch` images.
    pub(super) fn at(&self, batch: usize) -> Input {
        Input { name: self.name.clone(), shape: self.shape_at(batch), dtype: self.dtype }
    }

    fn shape_at(&self, batch: usize) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.axis == Axis::Batch {
            shape[0] = batch;
        }
        shape
    }
}

/// A file that was read and understood, its batch not yet chosen.
pub(super) struct Model {
    network: InferenceModel,
    pub(super) inputs: Vec<Declared>,
}

impl Model {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self> {
        guarded(|| {
            // Shapes that the file states between its inputs and outputs are inferred anew: they speak of its own
            // batch, by name or number, and could only clash with ours.
            let onnx = onnx().with_ignore_value_info(true);
            let proto = onnx.proto_model_for_read(&mut &*bytes).map_err(|e| {
                Error::input(Error::THE_FILE, format!("is no ONNX model, or a damaged one: {}", causes(&e)))
            })?;
            check_outputs(&proto)?;
            check_inputs(&proto)?;
            let network = onnx.model_for_proto_model(&proto).map_err(|e| failed(&e))?;
            let inputs = declared(&network)?;
            Ok(Self { network, inputs })
        })
    }

    /// The batch of a file without a dynamic one: the first axis of its first input.
    pub(super) fn fixed_batch(&self) -> Option<usize> {
        if self.inputs.iter().any(|input| input.axis == Axis::Batch) {
            return None;
        }
        Some(self.inputs.first().and_then(|input| input.shape.first()).copied().unwrap_or(1))
    }

    /// The network optimised for `batch` images.
    pub(super) fn plan(&self, batch: usize) -> Result<Plan> {
        guarded(|| {
            let mut network = self.network.clone();
            let optimised = || -> TractResult<TypedModel> {
                for (i, input) in self.inputs.iter().enumerate() {
                    network.set_input_fact(i, input.kind.fact(input.shape_at(batch)).into())?;
                }
                let mut network = network.into_typed()?;
                start_anew(&mut network);
                network.into_optimized()
            };
            let network = optimised().map_err(|e| failed(&e))?;
            check_output_types(&network)?;
            network.into_runnable().map_err(|e| failed(&e))
        })
    }

    /// The number of elements of the largest value that one image takes part in, where each image's result depends on
    /// that image alone, so that a batch may be split; else why it may not.
    ///
    /// The network is typed once more with a symbol for the batch. Then every value that depends on the batch must have
    /// the symbol in exactly one axis (a mean over the images has lost it, a product of images with images has it
    /// twice), no softmax and no loop may run along that axis, and in the outputs it must be the first.
    pub(super) fn largest_value_of_an_image(&self) -> Result<usize, String> {
        guarded(|| {
            let symbol = self.network.symbols.new_with_prefix("batch");
            let typed = self.with_symbol(&symbol).map_err(|e| failed(&e))?;
            Ok(independent(&typed, &symbol).map(|()| largest_value(&typed, &symbol)))
        })
        .unwrap_or_else(|error| Err(format!("with a symbol for the batch, {error}")))
    }

    fn with_symbol(&self, symbol: &Symbol) -> TractResult<TypedModel> {
        let mut network = self.network.clone();
        for (i, input) in self.inputs.iter().enumerate() {
            let mut shape: TVec<TDim> = input.shape.iter().map(|side| side.to_dim()).collect();
            if input.axis == Axis::Batch {
                shape[0] = symbol.to_dim();
            }
            network.set_input_fact(i, input.kind.fact(&*shape).into())?;
        }
        network.into_typed()
    }
}

/// tract panics on a graph output that nothing makes.
fn check_outputs(proto: &ModelProto) -> Result<()> {
    let Some(graph) = &proto.graph else {
        return Err(Error::input(Error::THE_FILE, "is no ONNX model: it holds no graph"));
    };
    let made = values(graph);
    match graph.output.iter().find(|output| !made.contains(output.name.as_str())) {
        Some(missing) => Err(Error::input(format!("output '{}'", missing.name), "nothing in the graph makes it")),
        None if graph.output.is_empty() => Err(Error::input("model", "its graph has no output")),
        None => Ok(()),
    }
}

/// tract's own message has neither the input's name in plain words nor what is wrong with it.
fn check_inputs(proto: &ModelProto) -> Result<()> {
    let inputs = proto.graph.iter().flat_map(|graph| &graph.input);
    // tract's description of the format knows tensors only and passes the rest by.
    match inputs.into_iter().find(|input| input.r#type.as_ref().is_some_and(|kind| kind.value.is_none())) {
        Some(other) => {
            let reason = "is no tensor but a sequence, a map or optional";
            Err(Error::input(format!("input '{}'", other.name), reason))
        }
        None => Ok(()),
    }
}

fn values(graph: &GraphProto) -> HashSet<&str> {
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let constants = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let results = graph.node.iter().flat_map(|node| node.output.iter().map(String::as_str));
    inputs.chain(constants).chain(results).collect()
}

fn declared(network: &InferenceModel) -> Result<Vec<Declared>> {
    let outlets = network.input_outlets().map_err(|e| failed(&e))?;
    if outlets.is_empty() {
        return Err(Error::input("model", "its graph has no input"));
    }
    outlets
        .iter()
        .map(|outlet| {
            let fact = network.outlet_fact(*outlet).map_err(|e| failed(&e))?;
            let name = network.node(outlet.node).name.clone();
            let refuse = |reason: String| Error::input(format!("input '{name}'"), reason);
            let Some(kind) = fact.datum_type.concretize() else { return Err(refuse("has no type".to_owned())) };
            let dtype = dtype(kind).ok_or_else(|| refuse(element::refusal(type_name(kind))))?;
            let (axis, shape) = sides(&name, &fact.shape)?;
            Ok(Declared { name, axis, dtype, kind, shape })
        })
        .collect()
}

/// tract's number types, one row a type.
const TYPES: [(DatumType, DType); 12] = [
    (DatumType::F32, DType::F32),
    (DatumType::F64, DType::F64),
    (DatumType::F16, DType::F16),
    (DatumType::I8, DType::I8),
    (DatumType::I16, DType::I16),
    (DatumType::I32, DType::I32),
    (DatumType::I64, DType::I64),
    (DatumType::U8, DType::U8),
    (DatumType::U16, DType::U16),
    (DatumType::U32, DType::U32),
    (DatumType::U64, DType::U64),
    (DatumType::Bool, DType::Bool),
];

fn dtype(kind: DatumType) -> Option<DType> {
    TYPES.iter().find(|(known, _)| *known == kind).map(|(_, dtype)| *dtype)
}

/// A type by its name in gnet.
fn type_name(kind: DatumType) -> String {
    format!("{kind:?}").to_lowercase()
}

/// The first axis and the shape of an input; an error when the file leaves more open than the first axis.
fn sides(name: &str, shape: &ShapeFactoid) -> Result<(Axis, Vec<usize>)> {
    let refuse = |reason: String| Error::input(format!("input '{name}'"), reason);
    if shape.is_open() {
        return Err(refuse("has no shape".to_owned()));
    }
    let mut axis = Axis::Fixed;
    let mut sides = Vec::new();
    for (i, side) in shape.dims().enumerate() {
        let number = match side {
            GenericFactoid::Only(dim) => dim.as_i64(),
            GenericFactoid::Any => None,
        };
        match number.map(usize::try_from) {
            Some(Ok(side)) if side > 0 => sides.push(side),
            Some(_) => return Err(refuse(format!("axis {i} has no positive length"))),
            None if i == 0 && !matches!(side, GenericFactoid::Only(dim) if !matches!(dim, TDim::Sym(_))) => {
                axis = Axis::Batch;
                sides.push(0);
            }
            None => {
                let symbol = match side {
                    GenericFactoid::Only(dim) => dim.symbols().into_iter().map(|symbol| symbol.to_string()).min(),
                    GenericFactoid::Any => None,
                };
                return Err(open_axis(name, i, symbol.as_deref()));
            }
        }
    }
    Ok((axis, sides))
}

fn check_output_types(network: &TypedModel) -> Result<()> {
    let outlets = network.output_outlets().map_err(|e| failed(&e))?;
    for (i, outlet) in outlets.iter().enumerate() {
        let fact = network.outlet_fact(*outlet).map_err(|e| failed(&e))?;
        // Whole numbers that come from shapes are of a type of tract's own.
        if dtype(fact.datum_type).is_none() && fact.datum_type != DatumType::TDim {
            let name = network.outlet_label(*outlet).map_or_else(|| i.to_string(), str::to_owned);
            return Err(Error::input(format!("output '{name}'"), element::refusal(type_name(fact.datum_type))));
        }
    }
    Ok(())
}

/// Lets every loop begin with its initial state whenever it is computed, as ONNX says. tract is made for streams too: it
/// goes on with the state of the run before, or of the turn before when the loop stands in the body of another.
fn start_anew(network: &mut TypedModel) {
    for node in &mut network.nodes {
        if let Some(scan) = node.op_as_mut::<Scan>() {
            scan.reset_every_turn = true;
            start_anew(&mut scan.body);
        } else if let Some(branches) = node.op_as_mut::<IfThenElse>() {
            start_anew(&mut branches.then_body);
            start_anew(&mut branches.else_body);
        } else if let Some(gru) = node.op_as_mut::<GruSeq>() {
            gru.reset_every_turn = true;
        }
    }
}

fn independent(network: &TypedModel, symbol: &Symbol) -> Result<(), String> {
    let axes = |outlet: &OutletId| -> Vec<usize> {
        let sides = &network.nodes()[outlet.node].outputs[outlet.slot].fact.shape;
        sides.iter().enumerate().filter(|(_, side)| side.symbols().contains(symbol)).map(|(axis, _)| axis).collect()
    };
    for node in network.nodes() {
        let along: Vec<usize> = node.inputs.iter().flat_map(&axes).collect();
        if along.is_empty() {
            continue;
        }
        let mixes = node.op_as::<Softmax>().is_some_and(|op| along.iter().any(|axis| op.axes.contains(axis)))
            || node.op_is::<Scan>();
        let kept = (0..node.outputs.len()).all(|slot| axes(&OutletId::new(node.id, slot)).len() == 1);
        if mixes || !kept {
            return Err(format!("node '{}' ({}) mixes the images", node.name, node.op().name()));
        }
    }
    for outlet in &network.outputs {
        let first = network.nodes()[outlet.node].outputs[outlet.slot].fact.shape.first();
        if first != Some(&symbol.to_dim()) || axes(outlet) != [0] {
            return Err("an output does not have the batch as its first axis".to_owned());
        }
    }
    Ok(())
}

/// Elements of the largest value between the operations that depends on the batch, for a batch of 1.
fn largest_value(network: &TypedModel, symbol: &Symbol) -> usize {
    let one = SymbolValues::default().with(symbol, 1);
    let volume = |fact: &TypedFact| fact.shape.iter().map(|side| side.eval_to_i64(&one).unwrap_or(1)).product::<i64>();
    let outputs = network.nodes().iter().flat_map(|node| &node.outputs);
    let batched = outputs.filter(|output| output.fact.shape.iter().any(|side| side.symbols().contains(symbol)));
    batched.map(|output| usize::try_from(volume(&output.fact)).unwrap_or(usize::MAX)).max().unwrap_or(0)
}
