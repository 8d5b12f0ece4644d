//! Analysis of whether a batch may be split: the axis of its images is followed from the inputs to the outputs.
//!
//! The proof is a list of operations that are known to keep images apart, node by node: tract's own mapping of axes if
//! an operation computes element by element along each axis that it maps, and a rule here for the rest. Operations that
//! are not listed count as mixing.

use std::collections::HashMap;

use tract_onnx::prelude::*;
use tract_onnx::tract_core::axes::Axis;
use tract_onnx::tract_core::internal::{AxisOp, DimLike, TDim};
use tract_onnx::tract_core::model::TypedModel;
use tract_onnx::tract_core::ops::array::{
    CumSum, Gather, GatherElements, MultiBroadcastTo, Pad, Range, ScatterElements, ScatterNd, Slice, StridedSlice,
    Tile, Topk, Trilu, TypedConcat,
};
use tract_onnx::tract_core::ops::binary::TypedBinOp;
use tract_onnx::tract_core::ops::cast::Cast;
use tract_onnx::tract_core::ops::change_axes::InOut;
use tract_onnx::tract_core::ops::cnn::{Conv, Deconv, MaxPool, PoolSpec, SumPool};
use tract_onnx::tract_core::ops::downsample::Downsample;
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::element_wise::ElementWiseOp;
use tract_onnx::tract_core::ops::gru_seq::GruSeq;
use tract_onnx::tract_core::ops::identity::Identity;
use tract_onnx::tract_core::ops::logic::Iff;
use tract_onnx::tract_core::ops::nn::{Reduce, RmsNorm, Softmax};
use tract_onnx::tract_core::ops::quant::DequantizeLinearF32;
use tract_onnx::tract_core::ops::source::TypedSource;
use tract_onnx_opl::lrn::Lrn;
use tract_onnx_opl::resize::{CoordTransform, Resize};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// None: every piece of a batch uses the whole value.
    Shared,
    /// One axis runs over the images.
    Images(Place),
    /// Dependence on the number of images, or in an unknown way.
    Whole,
}

/// Position of the images: element `(o * batch + image) * inner + i` of `axis` belongs to `image`, for each `o` below
/// `outer`. Both factors are 1 until a reshape merges the axis with its neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    axis: usize,
    outer: usize,
    inner: usize,
}

struct Judged<'a> {
    node: &'a TypedNode,
    inputs: TVec<&'a TypedFact>,
    outputs: TVec<&'a TypedFact>,
    roles: Vec<Role>,
    symbol: &'a Symbol,
}

/// Refuses a network in which the result of an image depends on another image or on their number; `symbol` stands for
/// the batch in its shapes.
pub(super) fn independent(network: &TypedModel, symbol: &Symbol) -> Result<(), String> {
    let broken = |error: TractError| format!("its axes cannot be followed: {error}");
    let mut roles: HashMap<OutletId, Role> = HashMap::new();
    for id in network.eval_order().map_err(broken)? {
        let (inputs, outputs) = network.node_facts(id).map_err(broken)?;
        let node = network.node(id);
        let known = |outlet: &OutletId| roles.get(outlet).copied().unwrap_or(Role::Whole);
        let judged = Judged { node, inputs, outputs, roles: node.inputs.iter().map(known).collect(), symbol };
        let found = judged.roles().map_err(broken)?;
        let Some(found) = found else {
            return Err(format!("node '{}' ({}) mixes the images", node.name, node.op().name()));
        };
        roles.extend(found.into_iter().enumerate().map(|(slot, role)| (OutletId::new(id, slot), role)));
    }
    let first = Role::Images(Place { axis: 0, outer: 1, inner: 1 });
    match network.outputs.iter().all(|outlet| roles.get(outlet) == Some(&first)) {
        true => Ok(()),
        false => Err("an output does not have the batch as its first axis".to_owned()),
    }
}

impl Judged<'_> {
    /// Returns the roles of the outputs; `None` if images are mixed.
    fn roles(&self) -> TractResult<Option<Vec<Role>>> {
        let place = self.roles.iter().enumerate().find_map(|(slot, role)| match role {
            Role::Images(place) => Some((slot, *place)),
            _ => None,
        });
        if self.outputs.iter().all(|fact| fact.konst.is_some()) {
            return Ok(Some(self.outputs.iter().map(|fact| self.constant(fact)).collect()));
        }
        match place {
            Some((slot, place)) => self.moved(slot, place),
            None => Ok(Some(self.outputs.iter().map(|fact| self.unmixed(fact)).collect())),
        }
    }

    /// Returns the role of a constant, which may be a number of images, or be computed from it.
    fn constant(&self, fact: &TypedFact) -> Role {
        let counts = fact.konst.as_ref().filter(|konst| konst.datum_type() == TDim::datum_type());
        let Some(counts) = counts else { return Role::Shared };
        let free = counts
            .try_as_plain_ram()
            .and_then(|view| Ok(view.as_slice::<TDim>()?.iter().all(|count| !self.depends(count))))
            .unwrap_or(false);
        if free { Role::Shared } else { Role::Whole }
    }

    fn unmixed(&self, fact: &TypedFact) -> Role {
        let along = self.along(fact);
        let repeats = self.node.op_is::<TypedSource>() || self.node.op_is::<MultiBroadcastTo>();
        let shared = self.roles.iter().all(|role| *role == Role::Shared);
        match along.as_slice() {
            [] if shared && self.is_function() => Role::Shared,
            // The images that are fed, or one value for each of them.
            [axis] if shared && repeats => match self.images(&fact.shape[*axis]) {
                Some(inner) => Role::Images(Place { axis: *axis, outer: 1, inner }),
                None => Role::Whole,
            },
            _ => Role::Whole,
        }
    }

    /// Returns `true` if the outputs depend on nothing but the inputs.
    fn is_function(&self) -> bool {
        let node = self.node;
        node.op_is::<TypedSource>()
            || self.link(0, 0).is_ok_and(|link| link.is_some())
            || node.op_is::<Range>()
            || node.op_is::<ScatterNd>()
            || node.op_is::<ScatterElements>()
    }

    /// Returns the roles of the outputs if images are at `place` of the input `slot`.
    fn moved(&self, slot: usize, place: Place) -> TractResult<Option<Vec<Role>>> {
        if let Some(place) = self.reshaped(place) {
            return Ok(place.map(|place| vec![Role::Images(place)]));
        }
        let Some(Some(link)) = self.link(slot, place.axis)? else { return Ok(None) };
        let fits = self.roles.iter().enumerate().all(|(slot, role)| match role {
            Role::Images(other) => {
                *other == Place { axis: other.axis, ..place } && link.inputs[slot][..] == [other.axis]
            }
            Role::Shared => link.inputs[slot].iter().all(|axis| self.repeats(slot, *axis)),
            // The sizes that a resize is given: its rule checks their effect.
            Role::Whole => slot > 0 && self.node.op_is::<Resize>(),
        });
        let side = &self.inputs[slot].shape[place.axis];
        let roles = self.outputs.iter().zip(&link.outputs).map(|(fact, axes)| match axes[..] {
            [axis] if fact.shape[axis] == *side && self.along(fact) == [axis] => {
                Some(Role::Images(Place { axis, ..place }))
            }
            _ => None,
        });
        Ok(if fits { roles.collect() } else { None })
    }

    /// Returns `true` if an axis of a shared input has one element for all images.
    fn repeats(&self, slot: usize, axis: usize) -> bool {
        let broadcasts = self.node.op_is::<TypedBinOp>() || self.node.op_is::<Iff>() || self.node.op_is::<EinSum>();
        broadcasts && self.inputs[slot].shape[axis] == 1.to_dim()
    }

    /// Returns the position of the images after a reshape that involves their axis; the inner `None` if they are no
    /// longer contiguous, the outer one if the node is not such a reshape.
    fn reshaped(&self, place: Place) -> Option<Option<Place>> {
        let Some(AxisOp::Reshape(at, from, to)) = self.node.op_as::<AxisOp>() else { return None };
        if !(*at..at + from.len()).contains(&place.axis) {
            return None;
        }
        let (before, after) = (&self.inputs[0].shape, &self.outputs[0].shape);
        let number = |dims: &[TDim]| dims.iter().map(|dim| dim.to_usize().ok()).product::<Option<usize>>();
        let found = || {
            // The values keep their order: the number of values before those of an image, and between those of two, is
            // unchanged.
            let outer = place.outer * number(&before[*at..place.axis])?;
            let [axis] = self.along(self.outputs[0])[..] else { return None };
            if !(*at..at + to.len()).contains(&axis) {
                return None;
            }
            let over = number(&after[*at..axis])?;
            let rows = self.images(&after[axis])?;
            let whole = over > 0 && outer.is_multiple_of(over) && outer > 0 && rows.is_multiple_of(outer / over);
            whole.then(|| Place { axis, outer: outer / over, inner: rows / (outer / over) })
        };
        Some(found())
    }

    /// Returns the axes that `axis` of the input `slot` is combined with and mapped to, element by element: the inner
    /// `None` if the node computes across it, the outer one if the node is unknown.
    fn link(&self, slot: usize, axis: usize) -> TractResult<Option<Option<Axis>>> {
        let node = self.node;
        if node.op_as::<Slice>().is_some_and(|op| self.depends(&op.start) || self.depends(&op.end)) {
            return Ok(None);
        }
        if self.is_mapped() {
            let mapping = node.op.axes_mapping(&self.inputs, &self.outputs)?;
            let linked = mapping.axis((InOut::In(slot), axis)).ok().cloned();
            return Ok(Some(linked));
        }
        let Some((inputs, across)) = self.rule()? else { return Ok(None) };
        if across.contains(&axis) || !inputs.contains(&slot) {
            return Ok(Some(None));
        }
        let (all, made) = (self.inputs.len(), self.outputs.len());
        let link = inputs.iter().fold(Axis::new('a', all, made), |link, slot| link.input(*slot, axis));
        Ok(Some(Some((0..made).fold(link, |link, slot| link.output(slot, axis)))))
    }

    /// Returns `true` if tract's mapping only links axes along which the operation computes element by element.
    fn is_mapped(&self) -> bool {
        let node = self.node;
        node.op_is::<ElementWiseOp>()
            || node.op_is::<TypedBinOp>()
            || node.op_is::<Iff>()
            || node.op_is::<Cast>()
            || node.op_is::<Identity>()
            || node.op_is::<DequantizeLinearF32>()
            || node.op_is::<AxisOp>()
            || node.op_is::<MultiBroadcastTo>()
            || node.op_is::<EinSum>()
            || node.op_is::<Conv>()
            || node.op_is::<Deconv>()
            || node.op_is::<Reduce>()
            || node.op_is::<CumSum>()
            || node.op_is::<Gather>()
            || node.op_is::<Slice>()
            || node.op_is::<TypedConcat>()
            || node.op_is::<Pad>()
    }

    /// Returns the rule for an operation whose axes tract does not map, or maps for another purpose: the inputs that
    /// run along with the outputs, and the axes that it computes across. The other axes keep their positions.
    fn rule(&self) -> TractResult<Option<(Vec<usize>, Vec<usize>)>> {
        let (node, shape) = (self.node, self.inputs.first().map(|fact| &fact.shape));
        let rank = shape.map_or(0, |shape| shape.len());
        let all_but = |kept: Option<usize>| (0..rank).filter(|axis| Some(*axis) != kept).collect::<Vec<_>>();
        let pool = |spec: &PoolSpec| -> TractResult<_> {
            let axis = spec.data_format.shape(&self.inputs[0].shape)?.n_axis();
            Ok(Some((vec![0], all_but(axis))))
        };
        let across = (node.op_as::<Softmax>().map(|op| op.axes.to_vec()))
            .or_else(|| Some(vec![node.op_as::<RmsNorm>()?.axis]))
            .or_else(|| Some(vec![node.op_as::<Topk>()?.axis]))
            .or_else(|| Some(vec![node.op_as::<Downsample>()?.axis]))
            .or_else(|| node.op_is::<Lrn>().then(|| vec![1]))
            .or_else(|| node.op_is::<Trilu>().then(|| (rank.saturating_sub(2)..rank).collect()))
            .or_else(|| self.strided(node.op_as::<StridedSlice>()?, rank));
        if let Some(across) = across {
            return Ok(Some((vec![0], across)));
        } else if let Some(op) = node.op_as::<GatherElements>() {
            return Ok(Some((vec![0, 1], vec![op.axis])));
        } else if let Some(op) = node.op_as::<MaxPool>() {
            // Its indices count through all images.
            return if op.with_index_outputs.is_some() { Ok(None) } else { pool(&op.pool_spec) };
        } else if let Some(op) = node.op_as::<SumPool>() {
            return pool(&op.pool_spec);
        } else if let Some(op) = node.op_as::<Tile>() {
            let one = 1.to_dim();
            return Ok(Some((vec![0], (0..rank).filter(|axis| op.multipliers[*axis] != one).collect())));
        } else if node.op_is::<GruSeq>() {
            // The sequence and its initial state.
            return Ok(Some((vec![0, node.inputs.len() - 1], all_but(Some(0)))));
        } else if let Some(op) = node.op_as::<Resize>() {
            let crops = op.coord_transformer == CoordTransform::TfCropAndResize;
            let resized = |axis: &usize| crops || self.outputs[0].shape[*axis] != self.inputs[0].shape[*axis];
            return Ok(Some((vec![0], (0..rank).filter(resized).collect())));
        }
        Ok(None)
    }

    /// Returns the axes that are sliced, if known: one taken backwards keeps its length.
    fn strided(&self, op: &StridedSlice, rank: usize) -> Option<Vec<usize>> {
        if op.shrink_axis_mask != 0 {
            return None;
        }
        let Some(slot) = op.optional_axes_input else { return Some((0..rank).collect()) };
        let axes = self.inputs.get(slot)?.konst.as_ref()?.cast_to::<i64>().ok()?.into_owned();
        let axes = axes.try_as_plain_ram().ok()?.as_slice::<i64>().ok()?.to_vec();
        let rank = i64::try_from(rank).ok()?;
        axes.into_iter().map(|axis| usize::try_from(if axis < 0 { axis + rank } else { axis }).ok()).collect()
    }

    fn depends(&self, dim: &TDim) -> bool {
        dim.symbols().contains(self.symbol)
    }

    fn along(&self, fact: &TypedFact) -> Vec<usize> {
        fact.shape.iter().enumerate().filter(|(_, dim)| self.depends(dim)).map(|(axis, _)| axis).collect()
    }

    /// Returns the number of elements per image in an axis of this length; `None` if images differ in that.
    fn images(&self, dim: &TDim) -> Option<usize> {
        let one = SymbolValues::default().with(self.symbol, 1);
        let each = usize::try_from(dim.eval_to_i64(&one).ok()?).ok()?;
        (each > 0 && *dim == self.symbol.to_dim() * each).then_some(each)
    }
}

#[cfg(test)]
mod tests;
