//! Why something cannot be used.

use serde::{Deserialize, Serialize};

use crate::Error;

/// A reason, and what mends it where that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct No {
    /// Why not.
    pub reason: String,
    /// What mends it.
    pub remedy: Option<String>,
}

impl No {
    /// A reason without a remedy.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: None }
    }

    /// The same with what mends it.
    pub fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl From<&Error> for No {
    /// The error's own words; a provider's name before them is left out, because each reason stands beside one.
    fn from(error: &Error) -> Self {
        let text = error.to_string();
        let of_provider = text.strip_prefix("provider ").and_then(|rest| rest.split_once(": "));
        let reason = of_provider.map_or(text.as_str(), |(_, reason)| reason).to_owned();
        Self { reason, remedy: error.remedy_text().map(str::to_owned) }
    }
}
