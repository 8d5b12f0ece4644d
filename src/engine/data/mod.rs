//! Labelled images: sources, checks, and preparation as a network's input.
//!
//! [`Source`] finds and loads a [`Dataset`] of three [`Split`]s. [`Normalization`] is measured on the training split and
//! goes into the model's [`Preprocessing`](gnet_core::metadata::Preprocessing); [`prepare`], [`Prepared`] and
//! [`picture::load`] apply it, all three with the same arithmetic, so that a picture file and the same image in a data
//! set become the same numbers.
//!
//! Nothing here knows Burn: images leave as `Vec<f32>` in NCHW order.

mod embedded;
mod folder;
pub mod idx;
mod jpeg;
mod normalization;
pub mod picture;
mod prepare;
mod source;
mod split;

pub use normalization::Normalization;
pub use prepare::{Prepared, prepare};
pub use source::Source;
pub use split::{Dataset, Split, SplitName};

/// The ten classes of Fashion-MNIST, in the order of its labels.
pub const FASHION_MNIST_CLASSES: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];

#[cfg(test)]
mod testing;
