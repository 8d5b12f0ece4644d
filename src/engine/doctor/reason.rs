//! Reasons why something cannot be used.

use gnet_core::Error;

/// A reason for a "no", and the remedy if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct No {
    pub(super) reason: String,
    pub(super) remedy: Option<String>,
}

impl No {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), remedy: None }
    }

    pub(super) fn remedy(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

impl From<Error> for No {
    /// Takes the error's own words; a leading provider name is left out, because each reason is shown beside one.
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let of_provider = text.strip_prefix("provider ").and_then(|rest| rest.split_once(": "));
        let reason = of_provider.map_or(text.as_str(), |(_, reason)| reason).to_owned();
        Self { reason, remedy: error.remedy_text().map(str::to_owned) }
    }
}
