//! The rules, one file a family. Each computes types and shapes of a node's outputs.

pub(super) mod constant;
pub(super) mod elementwise;
