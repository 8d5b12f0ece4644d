//! Replay: runs a trace on the CPU backend and compares it with the module's own forward, bit for bit, without
//! involving ONNX.
//!
//! It runs exactly what would be lowered: the pruned operations, with every shape, every bound of a slice and every
//! constant evaluated from its formula at the sizes of the inputs. A wrongly fitted size, an operation lost in pruning
//! or a constant that depends on the inputs therefore shows here. Linear layers are replayed in their restored form:
//! the backend's own linear layer takes the same path for its sizes as the forward does, so that the bits are the same.
//! A recovered loop takes as many iterations as the inputs require.

mod concrete;
mod interpret;
#[cfg(test)]
mod tests;

use burn::backend::TensorData;
use burn::backend::ir::TensorIr;
use burn::module::Module;
use burn::tensor::Device;
use gnet_core::words::{counted, one_or};
use serde::Serialize;

use super::inputs::{Axis, Fed, Feed};
use super::outputs::named;
use super::{Inputs, NamedOutputs, Output, Subject, Trace, TraceOptions, TracedInput, align, subject};
use gnet_core::{Error, Result};
use gnet_engine::runtime::Array;

/// Record of a replay, whose comparisons were all equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Replayed {
    /// Number of operations that ran, counting those of each iteration of a loop.
    pub operations: usize,
    /// Names of the outputs compared.
    pub outputs: Vec<String>,
    /// Number of values compared.
    pub values: usize,
}

/// Traces `forward` of a module as [`trace`](super::trace) does, runs the trace on Burn's CPU backend with `inputs`,
/// and compares each kept output with the result of `forward`.
///
/// `inputs` are one array for each of `options.inputs`, in order and of a shape that its axes allow; integers and booleans
/// are given as numbers. Floats are compared bit by bit, integers and booleans by value.
///
/// # Errors
/// Fails if outputs differ ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)), if the inputs do not match the options, if
/// a size in the trace has no formula, or if the backend lacks an operation; and with the errors of
/// [`trace`](super::trace).
///
/// # Panics
/// Panics if `forward` does, see [`trace`](super::trace).
pub fn replay<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &TraceOptions,
    inputs: &[Array],
    forward: impl Fn(&M, I) -> O,
) -> Result<Replayed> {
    replayed(subject(module, &forward), options, inputs, &|mut feed| {
        Ok(named(&forward(&module.valid(), I::take(&mut feed)?)))
    })
}

/// [Replays](replay) a module and its forward without their types; `forward` runs on the CPU backend.
fn replayed(
    subject: Subject<'_>,
    options: &TraceOptions,
    inputs: &[Array],
    forward: &dyn Fn(Feed) -> Result<Vec<Output>>,
) -> Result<Replayed> {
    let (trace, _) = align::aligned(subject, options)?;
    let fed = |(input, array): (&super::Input, &Array)| Fed {
        name: input.name.clone(),
        shape: array.shape.clone(),
        values: Some(array.data.clone()),
    };
    let units = units(&trace, inputs)?;
    let device = Device::flex();
    let feed = Feed::new(&device, options.inputs.iter().zip(inputs).map(fed).collect());
    compare(&trace, &units, inputs, &forward(feed)?)
}

/// Derives the size of each symbol, in units of its multiple, from the shapes of the inputs.
fn units(trace: &Trace, arrays: &[Array]) -> Result<Vec<usize>> {
    if arrays.len() != trace.inputs.len() {
        let reason = format!("are {}, and the forward takes {}", arrays.len(), trace.inputs.len());
        return Err(Error::input("inputs", reason));
    }
    let mut units: Vec<Option<usize>> = vec![None; trace.grid.symbols.len()];
    for (TracedInput { input, .. }, array) in trace.inputs.iter().zip(arrays) {
        let misfit = |reason: String| Error::input(format!("input '{}'", input.name), reason);
        if input.axes.len() != array.shape.len() {
            return Err(misfit(format!("has the shape {:?}, not that of {input}", array.shape)));
        }
        for (axis, size) in input.axes.iter().zip(&array.shape) {
            let fits = match axis {
                Axis::Fixed(fixed) => fixed == size,
                Axis::Symbol(symbol) => {
                    let place = trace.grid.symbols.iter().position(|known| known.name() == symbol.name());
                    place.is_some_and(|place| {
                        let multiple = trace.grid.symbols[place].multiple_of;
                        size % multiple == 0 && *units[place].get_or_insert(size / multiple) == size / multiple
                    })
                }
            };
            if !fits {
                return Err(misfit(format!("has the shape {:?}, which {input} does not allow here", array.shape)));
            }
        }
    }
    Ok(units.into_iter().map(|unit| unit.unwrap_or(1)).collect())
}

/// Runs a trace and compares the results with the expected outputs.
fn compare(trace: &Trace, units: &[usize], inputs: &[Array], expected: &[Output]) -> Result<Replayed> {
    let concrete = concrete::at(trace, units)?;
    let mut given = concrete.constants;
    for (TracedInput { id, .. }, array) in trace.inputs.iter().zip(inputs) {
        // A tensor without readers has no type, and needs none.
        if let Some(read) = concrete.operations.iter().flat_map(|op| op.inputs()).find(|tensor| tensor.id == *id) {
            given.push((*id, TensorData::new(array.data.clone(), array.shape.clone()).convert_dtype(read.dtype)));
        }
    }
    let operations = concrete.operations.len();
    let wanted: Vec<TensorIr> = concrete.outputs.iter().flatten().cloned().collect();
    let mut found = interpret::run(concrete.operations, given, &wanted)?.into_iter();
    let mut replayed = Replayed { operations, outputs: Vec::new(), values: 0 };
    for (output, made) in trace.outputs.iter().zip(&concrete.outputs) {
        // An output that no operation produces is an input or a constant: there is nothing to replay.
        let Some(found) = made.as_ref().and_then(|_| found.next()) else { continue };
        replayed.values += same(&output.name, &of_name(&output.name, expected)?, &found)?;
        replayed.outputs.push(output.name.clone());
    }
    Ok(replayed)
}

/// Returns the values of a forward's output by its name in the trace.
fn of_name(name: &str, outputs: &[Output]) -> Result<TensorData> {
    let output = outputs.iter().find(|output| output.name == name);
    let missing = || Error::check(format!("output '{name}'"), "is in the trace, and the forward does not return it");
    output.map(Output::data).ok_or_else(missing)
}

/// Compares two outputs and returns the number of values, all of which are equal.
fn same(name: &str, expected: &TensorData, found: &TensorData) -> Result<usize> {
    let differ = |reason: String| Err(Error::check(format!("replay of output '{name}'"), reason));
    if expected.shape() != found.shape() {
        let (traced, own) = (found.shape().to_vec(), expected.shape().to_vec());
        return differ(format!("the trace gives the shape {traced:?}, the forward {own:?}"));
    }
    let (a, b) = match expected.dtype().is_float() {
        true => (expected.clone(), found.clone()),
        // The capture device has a different default type for integers than the CPU backend.
        false => (expected.clone().convert::<i64>(), found.clone().convert::<i64>()),
    };
    if a.dtype() != b.dtype() {
        return differ(format!("the trace gives {:?}, the forward {:?}", b.dtype(), a.dtype()));
    }
    let width = a.dtype().size().max(1);
    let pairs = || a.as_bytes().chunks(width).zip(b.as_bytes().chunks(width));
    let Some(first) = pairs().position(|(a, b)| a != b) else { return Ok(a.num_elements()) };
    let count = pairs().filter(|(a, b)| a != b).count();
    let value = |data: &TensorData| data.iter::<f64>().nth(first).unwrap_or_default();
    let (traced, own) = (value(&b), value(&a));
    differ(format!(
        "{count} of {} {}, the first at {first}: {traced:e} in the trace, {own:e} in the forward",
        counted(a.num_elements(), "value"),
        one_or(count, "differs", "differ")
    ))
}
