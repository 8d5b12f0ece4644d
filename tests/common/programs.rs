//! The programs in `examples/` as modules.

#[path = "../../examples/lstm.rs"]
#[allow(dead_code, reason = "its main")]
pub mod lstm;
#[path = "../../examples/resnet.rs"]
#[allow(dead_code, reason = "its main")]
pub mod resnet;
#[path = "../../examples/transformer_encoder.rs"]
#[allow(dead_code, reason = "its main")]
pub mod transformer_encoder;
#[path = "../../examples/unet.rs"]
#[allow(dead_code, reason = "its main")]
pub mod unet;
