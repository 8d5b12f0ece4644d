//! Conversion of a file's bytes to a plan for one batch size.

use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::pb::tensor_shape_proto::{self, dimension};
use tract_onnx::pb::{GraphProto, ModelProto, ValueInfoProto, type_proto};
use tract_onnx::prelude::*;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::infer::Factoid;

use super::super::ports::{self, Declared};
use super::super::{Input, RunOptions, element};
use super::images::independent;
use gnet_core::graph::{DType, Dim, Elements, Fed};
use gnet_core::{Error, Result};

/// An optimised network for one batch size, shared by the lanes that run it.
pub(super) type Plan = Arc<TypedRunnableModel>;

pub(super) fn failed(error: &TractError) -> Error {
    match error.chain().find_map(|cause| lacking(&cause.to_string())) {
        Some((node, op)) => Error::input(format!("node '{node}' ({op})"), "tract does not have this operation")
            .remedy("ONNX Runtime has all of ONNX's own: --provider cpu"),
        None => Error::input("tract", causes(error)),
    }
}

/// Turns a panic inside the engine into an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::input("tract", format!("gave up: {}", panic_text(&*panic)))))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("no reason given")
}

/// Extracts the node and the operation from `.. #1 "NODE" Unimplemented(OP) ..`, tract's message for a node that it
/// cannot run, in a branch or a body as well.
fn lacking(cause: &str) -> Option<(String, String)> {
    let (before, after) = cause.split_once("\" Unimplemented(")?;
    let (node, op) = (before.rsplit_once("#")?.1.split_once('"')?.1, after.split_once(')')?.0);
    Some((node.to_owned(), op.to_owned()))
}

/// Returns the first line of each cause, outermost first, without a backtrace.
fn causes(error: &TractError) -> String {
    const LONGEST: usize = 300;
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain() {
        let text = cause.to_string();
        let line = text.lines().next().unwrap_or_default().trim();
        let short: String = line.chars().take(LONGEST).collect();
        // Some causes repeat what they wrap.
        if !short.is_empty() && lines.last() != Some(&short) {
            lines.push(short);
        }
    }
    lines.join(": ")
}

/// A file that was parsed, with the sizes that its inputs are fed, but without a batch yet.
pub(super) struct Model {
    network: InferenceModel,
    pub(super) inputs: Vec<Input>,
    pub(super) kinds: Vec<DatumType>,
    pub(super) fed: Fed,
}

impl Model {
    pub(super) fn parse(bytes: &[u8], options: &RunOptions) -> Result<Self> {
        guarded(|| {
            // Shapes that the file states for intermediate values are inferred anew: they refer to its own batch, by
            // name or number, and could only conflict with ours.
            let onnx = onnx().with_ignore_value_info(true);
            let mut proto = onnx.proto_model_for_read(&mut &*bytes).map_err(|e| {
                Error::input(Error::THE_FILE, format!("is no ONNX model, or a damaged one: {}", causes(&e)))
            })?;
            check_outputs(&proto)?;
            check_inputs(&proto)?;
            proto.graph.iter_mut().for_each(open_bodies);
            let network = onnx.model_for_proto_model(&proto).map_err(|e| failed(&e))?;
            let (declared, kinds) = declared(&network, &proto)?;
            let (inputs, fed) = ports::inputs(&declared, options)?;
            Ok(Self { network, inputs, kinds, fed })
        })
    }

    /// Builds the network for `batch` images, rewritten for speed or, with `plain`, as close to the file as tract can
    /// run it.
    pub(super) fn plan(&self, batch: usize, plain: bool) -> Result<Plan> {
        guarded(|| {
            let mut network = self.network.clone();
            let shapes = self.fed.at(batch)?;
            let optimised = || -> TractResult<TypedModel> {
                for (i, (kind, shape)) in self.kinds.iter().zip(shapes).enumerate() {
                    network.set_input_fact(i, kind.fact(shape).into())?;
                }
                let mut network = network.into_typed()?;
                start_anew(&mut network);
                match plain {
                    true => network.into_decluttered(),
                    false => network.into_optimized(),
                }
            };
            let network = optimised().map_err(|e| failed(&e))?;
            check_output_types(&network)?;
            network.into_runnable().map_err(|e| failed(&e))
        })
    }

    /// Returns the number of elements of the largest value that one image contributes to, if each image's result
    /// depends on that image alone, so that a batch may be split; else the reason why it may not.
    ///
    /// The network is typed once more with a symbol for the batch, which is then followed from node to node.
    pub(super) fn largest_value_of_an_image(&self) -> Result<usize, String> {
        if !self.fed.has_plain_batch() {
            return Err("it is the size of more than the first axis of an input".to_owned());
        }
        guarded(|| {
            let symbol = self.network.symbols.new_with_prefix("batch");
            let typed = self.with_symbol(&symbol).map_err(|e| failed(&e))?;
            Ok(independent(&typed, &symbol).map(|()| largest_value(&typed, &symbol)))
        })
        .unwrap_or_else(|error| Err(format!("with a symbol for the batch, {error}")))
    }

    fn with_symbol(&self, symbol: &Symbol) -> TractResult<TypedModel> {
        let mut network = self.network.clone();
        for (i, (kind, input)) in self.kinds.iter().zip(&self.inputs).enumerate() {
            let mut shape: TVec<TDim> = input.shape.iter().map(|side| side.to_dim()).collect();
            if self.fed.is_batched(i) {
                shape[0] = symbol.to_dim();
            }
            network.set_input_fact(i, kind.fact(&*shape).into())?;
        }
        network.into_typed()
    }
}

/// Opens the sizes that branches and bodies state for their inputs, including nested ones: the values passed in have
/// more information, at the sizes that the file is fed.
fn open_bodies(graph: &mut GraphProto) {
    let attributes = graph.node.iter_mut().flat_map(|node| &mut node.attribute);
    for body in attributes.flat_map(|attribute| attribute.g.iter_mut().chain(&mut attribute.graphs)) {
        for kind in body.input.iter_mut().filter_map(|input| input.r#type.as_mut()?.value.as_mut()) {
            let type_proto::Value::TensorType(tensor) = kind;
            tensor.shape.iter_mut().flat_map(|shape| &mut shape.dim).for_each(|dim| dim.value = None);
        }
        open_bodies(body);
    }
}

/// Checks the graph outputs: tract panics on one that no node produces.
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

/// Checks the inputs: tract's own message has neither the input's plain name nor the fault.
fn check_inputs(proto: &ModelProto) -> Result<()> {
    let inputs = proto.graph.iter().flat_map(|graph| &graph.input);
    // tract's description of the format only knows tensors and ignores the rest.
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

/// Returns the inputs in tract's order, and tract's types of them.
fn declared(network: &InferenceModel, proto: &ModelProto) -> Result<(Vec<Declared>, Vec<DatumType>)> {
    let outlets = network.input_outlets().map_err(|e| failed(&e))?;
    let stated = |name: &str| proto.graph.as_ref()?.input.iter().find(|input| input.name == name);
    let declared = outlets.iter().map(|outlet| {
        let fact = network.outlet_fact(*outlet).map_err(|e| failed(&e))?;
        let name = network.node(outlet.node).name.clone();
        let refuse = |reason: String| Error::input(format!("input '{name}'"), reason);
        let Some(kind) = fact.datum_type.concretize() else { return Err(refuse("has no type".to_owned())) };
        let dtype = dtype(kind).ok_or_else(|| refuse(element::refusal(type_name(kind))))?;
        let shape = stated(&name).and_then(shape);
        Ok((Declared { name, dtype, shape }, kind))
    });
    Ok(declared.collect::<Result<Vec<_>>>()?.into_iter().unzip())
}

/// Returns the shape that a file states; tract's own representation of it has lost the names.
fn shape(stated: &ValueInfoProto) -> Option<Vec<Dim>> {
    let type_proto::Value::TensorType(tensor) = stated.r#type.as_ref()?.value.as_ref()?;
    let dim = |dim: &tensor_shape_proto::Dimension| match &dim.value {
        Some(dimension::Value::DimValue(size)) => usize::try_from(*size).map_or(Dim::Unknown, Dim::Known),
        Some(dimension::Value::DimParam(name)) if !name.is_empty() => Dim::parse(name),
        _ => Dim::Unknown,
    };
    Some(tensor.shape.as_ref()?.dim.iter().map(dim).collect())
}

/// Returns the element type, if arrays are cast to and from it: gnet gives such types the same names.
pub(super) fn dtype(kind: DatumType) -> Option<DType> {
    let name = type_name(kind);
    let numbers = DType::ALL.into_iter().filter(|dtype| dtype.elements() != Elements::Texts);
    numbers.into_iter().find(|dtype| dtype.to_string() == name)
}

pub(super) fn type_name(kind: DatumType) -> String {
    format!("{kind:?}").to_lowercase()
}

fn check_output_types(network: &TypedModel) -> Result<()> {
    let outlets = network.output_outlets().map_err(|e| failed(&e))?;
    for (i, outlet) in outlets.iter().enumerate() {
        let fact = network.outlet_fact(*outlet).map_err(|e| failed(&e))?;
        // Whole numbers derived from shapes have a type of tract's own.
        if dtype(fact.datum_type).is_none() && fact.datum_type != DatumType::TDim {
            let name = network.outlet_label(*outlet).map_or_else(|| i.to_string(), str::to_owned);
            return Err(Error::input(format!("output '{name}'"), element::refusal(type_name(fact.datum_type))));
        }
    }
    Ok(())
}

/// Makes every loop begin with its initial state whenever it is computed, as ONNX specifies. tract is also made for
/// streams: it continues with the state of the previous run, or of the previous iteration if the loop is nested in
/// another.
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

/// Returns the number of elements of the largest intermediate value that depends on the batch, for a batch of 1.
fn largest_value(network: &TypedModel, symbol: &Symbol) -> usize {
    let one = SymbolValues::default().with(symbol, 1);
    let volume = |fact: &TypedFact| fact.shape.iter().map(|side| side.eval_to_i64(&one).unwrap_or(1)).product::<i64>();
    let outputs = network.nodes().iter().flat_map(|node| &node.outputs);
    let batched = outputs.filter(|output| output.fact.shape.iter().any(|side| side.symbols().contains(symbol)));
    batched.map(|output| usize::try_from(volume(&output.fact)).unwrap_or(usize::MAX)).max().unwrap_or(0)
}
