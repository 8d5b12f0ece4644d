//! Gathering and scattering elements by index.

use super::super::context::{Context, axis_of};
use super::super::fact::{Answer, fault, gap, one};
use super::super::merge;
use crate::graph::{Dim, shape_text};
use crate::words::counted;

/// Infers `Gather`: the dimension `axis` is replaced by those of the indices.
pub(crate) fn gather(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let (data, indices) = (cx.shape_from_rank(0, 1)?, cx.shape(1)?);
        let axis = axis_of(cx.int_or("axis", 0)?, data.len())?;
        Ok(data[..axis].iter().chain(indices).chain(&data[axis + 1..]).cloned().collect())
    })
}

pub(crate) fn gather_elements(cx: &Context) -> Answer {
    one(cx.dtype(0), || cx.shape_of(1))
}

/// Infers `GatherND`: batch and index dimensions, then those of a selected slice.
pub(crate) fn gather_nd(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let (data, indices) = (cx.shape_from_rank(0, 1)?, cx.shape_from_rank(1, 1)?);
        let batch = usize::try_from(cx.int_or("batch_dims", 0)?).ok().filter(|batch| *batch < indices.len());
        let Some(batch) = batch else { return fault("attribute batch_dims is out of range") };
        let (last, before) = (&indices[indices.len() - 1], &indices[..indices.len() - 1]);
        let Some(depth) = last.known() else { return gap(format!("how many numbers an index has is {last}")) };
        let Some(rest) = depth.checked_add(batch).and_then(|used| data.get(used..)) else {
            return fault(format!("indices {} are too long for {}", shape_text(indices), shape_text(data)));
        };
        Ok(before.iter().chain(rest).cloned().collect())
    })
}

/// Infers `OneHot`: a dimension of `depth` is inserted.
pub(crate) fn one_hot(cx: &Context) -> Answer {
    one(cx.dtype(2), || {
        let indices = cx.shape(0)?;
        let axis = axis_of(cx.int_or("axis", -1)?, indices.len() + 1)?;
        let depth = match cx.numbers(1) {
            Ok([depth]) => super::constant::size(depth)?,
            _ => Dim::Unknown,
        };
        Ok(indices[..axis].iter().chain([&depth]).chain(&indices[axis..]).cloned().collect())
    })
}

/// Infers `GridSample`: `[N, C, in..]` and a grid `[N, out.., r]` give `[N, C, out..]`.
pub(crate) fn grid_sample(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape_from_rank(0, 3)?;
        let grid = cx.shape_of_rank(1, x.len())?;
        let batch = merge::equal(&x[0], &grid[0], "the batches of input and grid")?;
        Ok([batch, x[1].clone()].into_iter().chain(grid[1..grid.len() - 1].iter().cloned()).collect())
    })
}

/// Infers `AffineGrid`: a size `[N, C, out..]` gives a grid `[N, out.., r]`.
pub(crate) fn affine_grid(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let size = super::constant::shape_from_input(cx, 1)?;
        match &size[..] {
            [batch, _, spatial @ ..] if matches!(spatial.len(), 2 | 3) => {
                let coordinates = Dim::Known(spatial.len());
                Ok([batch].into_iter().chain(spatial).chain([&coordinates]).cloned().collect())
            }
            _ => fault(format!("a size of {} is neither for pictures nor for volumes", counted(size.len(), "number"))),
        }
    })
}
