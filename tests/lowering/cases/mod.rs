//! The cases, family by family.

mod functions;
mod indexing;
mod integers;
mod layers;
mod lengths;
mod pools;
mod reductions;
pub mod refusals;
mod shapes;

use crate::lowering::case::Case;

/// Every case.
pub fn all() -> Vec<Case> {
    [
        functions::cases(),
        indexing::cases(),
        integers::cases(),
        layers::cases(),
        lengths::cases(),
        pools::cases(),
        reductions::cases(),
        shapes::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
