//! The networks: GoogLeNet (Inception v1) and its blocks, as Burn modules.
//!
//! Written after Szegedy et al., *Going Deeper with Convolutions* (2014, arXiv:1409.4842); batch normalisation after
//! Ioffe & Szegedy (2015, arXiv:1502.03167); the plain preset after the chapter on GoogLeNet in *Dive into Deep
//! Learning* (d2l.ai).
//!
//! # Shapes
//! Images are NCHW: `[images, channels, height, width]`, height and width equal. The side of a feature map after a
//! convolution or pool is `floor((side + 2 * padding - kernel) / stride) + 1`; in ceil mode the division rounds up, and
//! a last window that would start outside the input is dropped. Branches and concatenations join on axis 1, the
//! channels.
//!
//! # What "same" means
//! Every convolution here pads `kernel / 2` on each side. At stride 1 that is what all frameworks call "same". At
//! stride 2 it is PyTorch's and Caffe's choice; TensorFlow's and ONNX's `SAME_UPPER` (Burn's `Same`) would put the odd
//! pixel of padding at the bottom right and shift every window, so it is not used.
//!
//! # Names
//! Field names are the names of tensors in exported files and of rows in summaries; renaming one is a breaking change.

mod aux_head;
mod blocks;
mod config;
mod conv_unit;
mod dropout;
mod googlenet;
mod inception;
pub(crate) mod random;
mod visit;
pub mod widths;

pub use aux_head::AuxHead;
pub use blocks::{Block, BlockModule};
pub use config::{GoogLeNetConfig, Pooling, Preset, StageSides};
pub use conv_unit::{BATCH_NORM_EPSILON, ConvUnit, ConvUnitConfig};
pub use dropout::Dropout;
pub use googlenet::{GoogLeNet, Logits};
pub use inception::Inception;
pub use visit::learned_params;
