//! `[placement]`: the share of the model that lies on the provider that was asked for.

use serde::Deserialize;

use super::record::{Outcome, Status};
use super::site::{Rule, Site};
use super::values::{As, Name, Share};
use crate::runtime::{self, EngineOptions, Provider};
use gnet_core::{Error, Result};

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    provider: Name<Provider>,
    min: Option<As<Share>>,
    batch: Option<usize>,
}

impl Placement {
    /// Returns the rule.
    ///
    /// # Errors
    /// Fails for an engine without providers.
    pub fn rule(&self) -> Result<Box<dyn Rule>> {
        match self.provider.0 {
            Provider::Tract => Err(Error::input("placement.provider \"tract\"", "tract places nothing elsewhere")
                .remedy("name a provider of ONNX Runtime, or leave the section out")),
            _ => Ok(Box::new(self.clone())),
        }
    }
}

impl Rule for Placement {
    fn outcomes(&self) -> Vec<Outcome> {
        let least = self.min.as_ref().map_or("100%", |As(share)| share.text.as_str());
        vec![Outcome::new("placement", "min", self.provider.0.name(), least)]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let Name(provider) = self.provider;
        let batch = self.batch.unwrap_or_else(|| site.batch());
        let options = site.options(1, batch);
        let session = runtime::open(provider, &site.file, &options).map_err(|e| runtime::in_file(&site.path, e))?;
        let placed = runtime::Placement::of_session(session.as_ref(), &site.file, &site.feed.sizes)
            .ok_or_else(|| Error::unavailable(format!("provider {provider}"), "does not tell where its nodes lie"))?;
        let least = self.min.as_ref().map_or(1.0, |As(share)| share.value);
        let accepted = EngineOptions { min_placement: least, ..EngineOptions::default() };
        for outcome in outcomes {
            outcome.found(placed.share, Some("share"));
            placed.check(&accepted).map_err(|e| e.remedy("a lower placement.min accepts it"))?;
            outcome.status = Status::Held;
        }
        Ok(())
    }
}
