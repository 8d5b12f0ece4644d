//! The two sides of a comparison.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::{Error, ErrorKind};

/// One of the two sides of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub enum Arm {
    /// The arm that B is held against.
    A,
    /// The arm that may be slower.
    B,
}

impl Arm {
    /// Returns the other one.
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Names the arm in an error of its process.
    #[must_use]
    pub fn named(self, error: Error) -> Error {
        match error.kind() {
            ErrorKind::Interrupted => error,
            _ => error.within(format!("arm {self:?}")),
        }
    }
}
