//! The machine that this process runs on: what it is, where its loader finds a library, and what it does at one moment.
//!
//! Everything is read from files of the system, and from NVIDIA's driver where there is one. What cannot be read is left
//! out of the record; nothing here fails.

mod cpu;
mod device;
mod gpu;
mod groups;
mod limits;
pub(crate) mod loader;
mod machine;
mod moment;
pub(crate) mod proc;
mod system;
mod waits;

pub use cpu::{Cpu, Feature};
pub use device::{GpuMoment, GpuWatch};
pub use gpu::{Gpu, Gpus};
pub use groups::Throttling;
pub use limits::Limits;
pub use machine::Machine;
pub use moment::{Clocks, Moment, now};
#[cfg(test)]
pub(crate) use system::{System, recorded};
pub(crate) use waits::others_run;
pub use waits::waits;
