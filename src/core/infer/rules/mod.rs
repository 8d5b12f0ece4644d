//! The rules, one file per family. Each computes types and shapes of a node's outputs.

pub(super) mod attention;
pub(super) mod constant;
pub(super) mod convolution;
pub(super) mod elementwise;
pub(super) mod gather;
pub(super) mod matrix;
pub(super) mod normalization;
pub(super) mod pooling;
pub(super) mod quantization;
pub(super) mod recurrent;
pub(super) mod reduction;
pub(super) mod reshape;
pub(super) mod resize;
pub(super) mod selection;
pub(super) mod signal;
pub(super) mod slicing;
mod window;
