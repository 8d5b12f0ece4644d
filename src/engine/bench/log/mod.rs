//! A log of measurements in JSON Lines: one line for each process that measured, which holds everything that is known of it.
//!
//! A line is appended when its process has ended, with one call of the system, and synced to the disk: what is killed
//! later loses nothing. A line that was cut off nevertheless is passed over with a remark.

mod line;
mod model;
mod read;
mod write;

pub use line::{Build, Line};
pub use model::Subject;
pub(crate) use read::{BEGINS, Objects, objects};
pub use read::{Logged, read};
pub use write::Log;
