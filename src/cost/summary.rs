//! The record of `gnet summary`.

use serde::Serialize;

use super::{Cost, Layer, group};
use crate::graph::shape_text;
use crate::report::{Cell, Column, Report, Table, number};

/// By what convention every count is made; printed with it.
pub const CONVENTION: &str = "MACs of convolutions and matrix products for one image; 1 MAC = 2 FLOPs";

/// What part of a network costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Learned parameters.
    pub params: u64,
    /// Weights of convolutions and linear layers.
    pub weights: u64,
    /// Multiply-accumulates for one image.
    pub macs: u64,
}

/// A network, layer by layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// What was counted: a file or a preset.
    pub subject: String,
    /// How it was counted.
    pub convention: &'static str,
    /// The counts; its layers are those that are shown.
    #[serde(flatten)]
    pub cost: Cost,
    /// The auxiliary heads, which are in the totals and which an export leaves out. `None` when there are none.
    pub heads: Option<Share>,
}

impl Summary {
    /// Describes a cost; `depth` sums the layers up by module.
    pub fn new(subject: impl Into<String>, cost: Cost, depth: Option<usize>) -> Self {
        let layers = depth.map_or_else(|| cost.layers.clone(), |depth| group(&cost.layers, depth));
        Self { subject: subject.into(), convention: CONVENTION, cost: Cost { layers, ..cost }, heads: None }
    }

    /// Adds what the network would cost without its auxiliary heads.
    pub fn without_heads(mut self, main: &Cost) -> Self {
        let heads = Share {
            params: self.cost.params - main.params,
            weights: self.cost.weights - main.weights,
            macs: self.cost.macs - main.macs,
        };
        self.heads = (heads.params > 0).then_some(heads);
        self
    }
}

impl Report for Summary {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("layer"),
            Column::text("op"),
            Column::text("output shape"),
            Column::number("params"),
            Column::number("MACs"),
        ];
        let mut table = Table::new(&self.subject, columns);
        for layer in &self.cost.layers {
            table.row(row(layer));
        }
        let count = |value: u64| number::thousands(value.into());
        let Cost { params, weights, macs, flops, .. } = self.cost;
        table.note(format!(
            "total: {} parameters ({} weights), {} MACs, {} FLOPs",
            count(params),
            count(weights),
            count(macs),
            count(flops)
        ));
        if let Some(heads) = self.heads {
            let (main_params, main_macs) = (count(params - heads.params), count(macs - heads.macs));
            table.note(format!("auxiliary heads: {} parameters, {} MACs", count(heads.params), count(heads.macs)));
            table.note(format!("without them: {main_params} parameters, {main_macs} MACs"));
        }
        table.note(self.convention);
        vec![table]
    }
}

fn row(layer: &Layer) -> [Cell; 5] {
    let shape = layer.output_shape.as_ref().map_or(Cell::Missing, |shape| shape_text(shape).into());
    [layer.name.as_str().into(), layer.op.as_str().into(), shape, layer.params.into(), layer.macs.into()]
}
