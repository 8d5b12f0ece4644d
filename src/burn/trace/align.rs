//! Alignment of runs at several sizes: finds how each size depends on the symbols of the inputs.
//!
//! Operations must be the same in all runs except for the shapes of their tensors and a few [numbers](super::numbers).

use std::collections::HashMap;

use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};
use burn::backend::{Shape, TensorData};
use burn::module::Module;

use super::capture::{Captured, Captures, capture};
use super::constants::{Constant, Constants};
use super::inputs::{Axis, Fed, Inputs, symbols};
use super::live::{self, Pruned};
use super::lower::operation_name;
use super::outputs::NamedOutputs;
use super::size::{Grid, Size};
use super::{Trace, TraceOptions, TracedInput, linear, numbers, reroll};
use gnet_core::{Error, Result};

/// Traces `forward`, keeps the requested outputs, and expresses the shape of every tensor in terms of the symbols.
pub(super) fn aligned<M: Module, I: Inputs, O: NamedOutputs>(
    module: &M,
    options: &TraceOptions,
    forward: &impl Fn(&M, I) -> O,
) -> Result<(Trace, Pruned)> {
    let grid = Grid::new(symbols(&options.inputs))?;
    let feeds = (0..grid.runs()).map(|run| feed(options, &grid, run)).collect();
    let Captures { mut runs, mut values, names } = capture(module, feeds, forward)?;
    let mut pruned = Pruned::default();
    for run in runs.iter_mut().rev() {
        linear::restore(run);
        pruned = live::prune(run, &values, &names, options.keep.as_deref())?;
    }
    roll(&grid, &mut runs, &values);
    let forms: Vec<Canonical> = runs.iter().map(Canonical::of).collect();
    for (run, form) in forms.iter().enumerate().skip(1) {
        same_operations(&grid, run, &forms[0], form, &runs[0])?;
    }
    let fed: HashMap<TensorId, TensorData> =
        runs.iter().flat_map(|run| &run.inputs).filter_map(|id| values.remove_entry(id)).collect();
    let constants = constants(&grid, &runs, &forms, &names, values)?;
    let (sizes, numbers) = fitted(&grid, &forms);
    let Some(Captured { operations, inputs, outputs }) = runs.into_iter().next() else {
        return Err(Error::input("tracing", "there was no run"));
    };
    let port = |(input, id): (super::Input, TensorId)| {
        let dtype = fed.get(&id).ok_or_else(|| Error::input(format!("input '{}'", input.name), "was not fed"))?.dtype();
        Ok(TracedInput { input, id, dtype: super::constants::dtype(dtype)? })
    };
    let inputs = options.inputs.iter().cloned().zip(inputs).map(port).collect::<Result<_>>()?;
    Ok((Trace { grid, operations, inputs, outputs, constants, names, sizes, numbers }, pruned))
}

/// Folds the loops over symbols if the number of operations depends on them. Runs that differ in other ways are left
/// unchanged.
fn roll(grid: &Grid, runs: &mut [Captured], values: &HashMap<TensorId, TensorData>) {
    if runs.iter().all(|run| run.operations.len() == runs[0].operations.len()) {
        return;
    }
    let unrolled = |(index, run): (usize, &Captured)| reroll::Tape {
        operations: run.operations.clone(),
        outputs: run.outputs.iter().map(|output| output.id).collect(),
        sizes: grid.symbols.iter().filter_map(|symbol| grid.size(index, symbol.name())).collect(),
    };
    let unrolled: Vec<reroll::Tape> = runs.iter().enumerate().map(unrolled).collect();
    for (run, rolled) in runs.iter_mut().zip(reroll::reroll(&unrolled, values).into_iter().flatten()) {
        run.operations = rolled.operations;
        run.outputs.iter_mut().zip(rolled.outputs).for_each(|(output, id)| output.id = id);
    }
}

fn feed(options: &TraceOptions, grid: &Grid, run: usize) -> Vec<Fed> {
    let size = |axis: &Axis| match axis {
        Axis::Fixed(size) => *size,
        Axis::Symbol(symbol) => grid.size(run, &symbol.name).unwrap_or_default(),
    };
    let fed = |input: &super::Input| Fed {
        name: input.name.clone(),
        shape: input.axes.iter().map(size).collect(),
        values: None,
    };
    options.inputs.iter().map(fed).collect()
}

pub(super) fn largest_run(options: &TraceOptions) -> Option<usize> {
    let grid = Grid::new(symbols(&options.inputs)).ok()?;
    let values = |fed: Fed| fed.shape.iter().try_fold(1_usize, |n, side| n.checked_mul(*side));
    let run =
        |run: usize| feed(options, &grid, run).into_iter().map(values).try_fold(0_usize, |n, v| n.checked_add(v?));
    (0..grid.runs()).map(run).try_fold(0, |most, run| Some(most.max(run?)))
}

/// Operations in a form that does not depend on the run: tensors numbered in order of appearance, with the shapes and
/// numbers that may depend on the run set aside.
#[derive(Default)]
struct Canonical {
    operations: Vec<OperationIr>,
    tensors: Vec<(TensorId, Shape)>,
    order: HashMap<TensorId, u64>,
    /// Numbers set aside, by the index of the operation.
    numbers: Vec<Vec<usize>>,
}

impl Canonical {
    fn of(run: &Captured) -> Self {
        let mut canonical = Self::default();
        let mut operations = run.operations.clone();
        // The inputs are the first tensors, so that two of them cannot be exchanged.
        run.inputs.iter().for_each(|id| {
            canonical.number(*id);
        });
        for op in &mut operations {
            canonical.numbers.push(numbers::set_aside(op));
            op.visit_mut(&mut canonical);
        }
        Self { operations, ..canonical }
    }

    fn number(&mut self, id: TensorId) -> TensorId {
        let next = self.order.len() as u64;
        TensorId::new(*self.order.entry(id).or_insert(next))
    }
}

impl IrVisitorMut for Canonical {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        // The rank is kept: it must be the same in all runs.
        let blank = Shape::from(vec![0; tensor.shape.num_dims()]);
        let shape = std::mem::replace(&mut tensor.shape, blank);
        self.tensors.push((tensor.id, shape));
        tensor.id = self.number(tensor.id);
        tensor.status = TensorStatus::ReadOnly;
    }
}

fn same_operations(grid: &Grid, run: usize, first: &Canonical, other: &Canonical, traced: &Captured) -> Result<()> {
    let (a, b) = (&first.operations, &other.operations);
    // Runs whose slices cut a different number of axes are not the same.
    let cuts = |form: &Canonical, i: usize| form.numbers.get(i).map(Vec::len);
    let same = |i: &usize| a.get(*i) == b.get(*i) && cuts(first, *i) == cuts(other, *i);
    let Some(index) = (0..a.len().max(b.len())).find(|i| !same(i)) else { return Ok(()) };
    let name = traced.operations.get(index).or(traced.operations.last()).map(operation_name).unwrap_or_default();
    let (at, then) = (grid.describe(0), grid.describe(run));
    Err(Error::input(
        format!("operation {index} ({name})"),
        format!("depends on {} in more than its shapes (the runs at {at} and {then} differ)", grid.changed(0, run)),
    )
    .remedy("export with a fixed size in its place"))
}

/// Collects the constants of all runs: those that operations read, and those that are returned unchanged.
fn constants(
    grid: &Grid,
    runs: &[Captured],
    forms: &[Canonical],
    names: &HashMap<TensorId, String>,
    mut values: HashMap<TensorId, TensorData>,
) -> Result<Constants> {
    let read = (0..forms[0].tensors.len()).map(|place| forms.iter().map(|form| form.tensors[place].0).collect());
    let returned = (0..runs[0].outputs.len()).map(|place| runs.iter().map(|run| run.outputs[place].id).collect());
    let places: Vec<Vec<TensorId>> = read.chain(returned).collect();
    let mut constants = Constants::new();
    for ids in places {
        let id = ids[0];
        if constants.contains_key(&id) || !values.contains_key(&id) {
            continue;
        }
        // A parameter is the same tensor in each run.
        let constant = if names.contains_key(&id) {
            values.remove(&id).map(super::constants::tensor).transpose()?.map(Constant::Same)
        } else {
            Constant::of(&ids.iter().filter_map(|id| values.get(id)).collect::<Vec<_>>())?
        };
        let Some(constant) = constant else {
            let shape = values.get(&id).map_or(vec![], |data| data.shape().to_vec());
            let reason = format!("is made by the forward and depends on {}", grid.changed(0, grid.runs() - 1));
            return Err(Error::input(format!("a constant of shape {shape:?}"), reason)
                .remedy("make it with operations on tensors, or export with a fixed size"));
        };
        constants.insert(id, constant);
    }
    Ok(constants)
}

fn fitted(grid: &Grid, forms: &[Canonical]) -> (HashMap<TensorId, Vec<Size>>, Vec<Vec<Size>>) {
    let fit = |of: &dyn Fn(&Canonical) -> usize| grid.fit(&forms.iter().map(of).collect::<Vec<_>>());
    let mut sizes = HashMap::new();
    for (place, (id, shape)) in forms[0].tensors.iter().enumerate() {
        let size = |axis: usize| fit(&|form| form.tensors[place].1[axis]);
        sizes.entry(*id).or_insert_with(|| (0..shape.num_dims()).map(size).collect());
    }
    let number = |index: usize, at: usize| fit(&|form| form.numbers[index][at]);
    let numbers = forms[0].numbers.iter().enumerate();
    (sizes, numbers.map(|(index, all)| (0..all.len()).map(|at| number(index, at)).collect()).collect())
}
