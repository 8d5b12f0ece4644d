//! Finds how each dimension depends on the batch size, from runs at three sizes.
//!
//! Two runs fix a line `scale * N + offset` for every dimension; the third shows whether it is one, which two cannot: a
//! square or a ceiling also passes through any two points. Operations must be the same in all runs apart from shapes.

use std::collections::HashMap;

use burn::backend::Shape;
use burn::backend::ir::{IrVisitorMut, OperationIr, TensorId, TensorIr, TensorStatus};
use burn::module::Module;
use burn::tensor::Tensor;

use super::capture::{Capture, capture};
use super::live::{self, Pruned};
use super::lower::operation_name;
use super::outputs::NamedOutputs;
use super::{Batch, Options, Trace, bounds, linear};
use crate::graph::Dim;
use crate::{Error, Result};

/// Batch sizes of the three runs: pairwise coprime, and none is 1, which broadcasting would hide.
pub(super) const SIZES: [usize; 3] = [2, 5, 7];

/// Name of the batch dimension in the exported graph.
const SYMBOL: &str = "N";

/// Traces `forward`, keeps the wanted outputs, and gives every tensor its shape in terms of the batch.
pub(super) fn aligned<M: Module, const D: usize, O: NamedOutputs>(
    module: &M,
    options: &Options,
    forward: &impl Fn(&M, Tensor<D>) -> O,
) -> Result<(Trace, Pruned)> {
    let sizes: &[usize] = match &options.batch {
        Batch::Dynamic => &SIZES,
        Batch::Fixed(size) => std::slice::from_ref(size),
    };
    let keep = options.keep.as_deref();
    let run = |size: usize| -> Result<(Capture, Pruned)> {
        let mut captured = capture(module, shape::<D>(size, &options.item_shape)?, forward)?;
        linear::restore(&mut captured);
        let pruned = live::prune(&mut captured, keep)?;
        Ok((captured, pruned))
    };
    let (first, pruned) = run(sizes[0])?;
    let mut canonical = vec![Canonical::of(&first)];
    for size in &sizes[1..] {
        let (other, _) = run(*size)?;
        let other_form = Canonical::of(&other);
        same_operations(&canonical[0].operations, &other_form.operations, &first)?;
        same_constants(&canonical[0], &first, &other_form, &other)?;
        canonical.push(other_form);
    }
    let (shapes, bounds) = (fit_shapes(sizes, &canonical)?, fit_bounds(sizes, &canonical)?);
    let Capture { operations, input, outputs, values, names } = first;
    Ok((Trace { operations, input, outputs, values, names, shapes, bounds }, pruned))
}

/// The input's shape: the batch, then the item.
fn shape<const D: usize>(batch: usize, item: &[usize]) -> Result<[usize; D]> {
    let full: Vec<usize> = std::iter::once(batch).chain(item.iter().copied()).collect();
    <[usize; D]>::try_from(full).map_err(|full| {
        Error::input(format!("input shape {full:?}"), format!("the forward takes an input of rank {D}"))
    })
}

/// Operations rewritten to what does not depend on the run: tensors numbered in order of appearance, shapes set aside.
#[derive(Default)]
struct Canonical {
    operations: Vec<OperationIr>,
    tensors: Vec<(TensorId, Shape)>,
    numbers: HashMap<TensorId, u64>,
    bounds: HashMap<usize, bounds::Ends>,
}

impl Canonical {
    fn of(capture: &Capture) -> Self {
        let mut canonical = Self::default();
        let mut operations = capture.operations.clone();
        canonical.bounds = bounds::set_aside(&mut operations);
        operations.iter_mut().for_each(|op| op.visit_mut(&mut canonical));
        Self { operations, ..canonical }
    }
}

impl IrVisitorMut for Canonical {
    fn visit_tensor_mut(&mut self, tensor: &mut TensorIr) {
        let next = self.numbers.len() as u64;
        let number = *self.numbers.entry(tensor.id).or_insert(next);
        let shape = std::mem::replace(&mut tensor.shape, Shape::new([0]));
        self.tensors.push((tensor.id, shape));
        tensor.id = TensorId::new(number);
        tensor.status = TensorStatus::ReadOnly;
    }
}

fn same_operations(first: &[OperationIr], other: &[OperationIr], capture: &Capture) -> Result<()> {
    let longest = first.len().max(other.len());
    let Some(index) = (0..longest).find(|i| first.get(*i) != other.get(*i)) else { return Ok(()) };
    let name = capture.operations.get(index).or(capture.operations.last()).map(operation_name);
    Err(Error::input(
        format!("operation {index} ({})", name.unwrap_or_default()),
        format!("depends on the batch size in more than its shapes (runs at {} and another size differ)", SIZES[0]),
    )
    .remedy("export with a fixed batch"))
}

/// A constant made during the forward must not depend on the batch; parameters cannot.
fn same_constants(a: &Canonical, first: &Capture, b: &Canonical, other: &Capture) -> Result<()> {
    for ((x, _), (y, _)) in a.tensors.iter().zip(&b.tensors) {
        let constant = *x != first.input && !first.names.contains_key(x);
        let (Some(v), Some(w)) = (first.values.get(x), other.values.get(y)) else { continue };
        if constant && (v.shape() != w.shape() || v.as_bytes() != w.as_bytes()) {
            return Err(Error::input(
                format!("a constant of shape {:?}", v.shape()),
                "is made by the forward and depends on the batch size",
            )
            .remedy("export with a fixed batch"));
        }
    }
    Ok(())
}

fn fit_shapes(sizes: &[usize], runs: &[Canonical]) -> Result<HashMap<TensorId, Vec<Dim>>> {
    let mut shapes = HashMap::new();
    for (at, (id, shape)) in runs[0].tensors.iter().enumerate() {
        let fit = |axis: usize| {
            let points: Vec<(usize, usize)> =
                sizes.iter().zip(runs).map(|(size, run)| (*size, run.tensors[at].1[axis])).collect();
            fit(&points)
        };
        shapes.insert(*id, (0..shape.num_dims()).map(fit).collect::<Result<_>>()?);
    }
    Ok(shapes)
}

fn fit_bounds(sizes: &[usize], runs: &[Canonical]) -> Result<HashMap<usize, Vec<(Dim, Dim)>>> {
    let of = |(index, ends): (&usize, &bounds::Ends)| {
        let fit = |axis: usize, pick: fn(&(usize, usize)) -> usize| {
            let points = sizes.iter().zip(runs).map(|(size, run)| (*size, pick(&run.bounds[index][axis])));
            fit(&points.collect::<Vec<_>>())
        };
        let fitted = (0..ends.len()).map(|axis| Ok((fit(axis, |e| e.0)?, fit(axis, |e| e.1)?)));
        Ok((*index, fitted.collect::<Result<_>>()?))
    };
    runs[0].bounds.iter().map(of).collect()
}

/// The line through `(batch, dimension)` points, or an error when they lie on none.
fn fit(points: &[(usize, usize)]) -> Result<Dim> {
    let [(_, first), rest @ ..] = points else { return Ok(Dim::Unknown) };
    if rest.iter().all(|(_, size)| size == first) {
        return Ok(Dim::Known(*first));
    }
    let point = |i: usize| (points[i].0 as i64, points[i].1 as i64);
    let ((x0, y0), (x1, y1)) = (point(0), point(1));
    let (scale, remainder) = ((y1 - y0) / (x1 - x0), (y1 - y0) % (x1 - x0));
    let offset = y0 - scale * x0;
    let on_line = |(x, y): &(usize, usize)| scale * *x as i64 + offset == *y as i64;
    if remainder != 0 || scale == 0 || !points.iter().all(on_line) {
        let sizes: Vec<_> = points.iter().map(|(x, y)| format!("{y} at batch {x}")).collect();
        return Err(Error::input("a dimension", format!("is no line in the batch size: {}", sizes.join(", ")))
            .remedy("export with a fixed batch"));
    }
    Ok(Dim::Symbolic { symbol: SYMBOL.to_owned(), scale, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dims(f: impl Fn(usize) -> usize) -> Result<Dim> {
        fit(&SIZES.map(|n| (n, f(n))))
    }

    #[test]
    fn lines_are_found() {
        assert_eq!(dims(|_| 64).unwrap(), Dim::Known(64));
        assert_eq!(dims(|n| n).unwrap(), Dim::symbol("N"));
        assert_eq!(dims(|n| 49 * n + 3).unwrap().to_string(), "49*N+3");
        assert_eq!(dims(|n| 20 - 2 * n).unwrap().to_string(), "-2*N+20");
        assert_eq!(fit(&[(8, 8)]).unwrap(), Dim::Known(8));
    }

    #[test]
    fn what_two_runs_cannot_tell_from_a_line_is_refused() {
        for (name, result) in [
            ("a square", dims(|n| n * n)),
            ("a ceiling", dims(|n| n.div_ceil(2))),
            ("a ceiling that is even in two of three", dims(|n| n.div_ceil(3) * 3)),
            ("a minimum", dims(|n| n.min(5))),
        ] {
            let error = result.expect_err(name).to_string();
            assert!(error.contains("is no line in the batch size"), "{name}: {error}");
        }
    }
}
