//! `[agreement]`: the same inputs through two sides, as `gnet verify` compares them.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use super::record::{Outcome, Status};
use super::site::{Rule, Site};
use super::values::Name;
use crate::data::Source;
use crate::runtime::Provider;
use crate::verify::{Distribution, FileSide, Precision, Request, Side};
use gnet_core::{Error, Result};

/// The section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Agreement {
    providers: Option<Vec<Name<Provider>>>,
    /// Another file or a checkpoint; the first provider if there is none.
    pub reference: Option<PathBuf>,
    samples: Option<usize>,
    seed: Option<u64>,
    inputs: Option<Vec<Name<Distribution>>>,
    /// Source of real images.
    pub data: Option<String>,
    precision: Option<Name<Precision>>,
    tolerance: Option<f64>,
    threads: Option<usize>,
}

impl Agreement {
    /// Returns a rule for each side that is compared with the reference.
    ///
    /// # Errors
    /// Fails if there is nothing to compare with.
    pub fn rules(&self, data: Option<Source>) -> Result<Vec<Box<dyn Rule>>> {
        let named = self.providers.clone().unwrap_or_else(|| vec![Name(Provider::Tract)]);
        let providers: Vec<Provider> = named.into_iter().map(|Name(provider)| provider).collect();
        let (reference, others) = match (&self.reference, &providers[..]) {
            (Some(path), [_, ..]) => (Reference::Path(path.clone()), &providers[..]),
            (None, [first, others @ ..]) if !others.is_empty() => (Reference::Provider(*first), others),
            _ => {
                let reason = "there is nothing to compare the model with";
                return Err(Error::input("agreement", reason).remedy(
                    "name two providers (providers = [\"tract\", \"cpu\"]), or a file or checkpoint as the reference",
                ));
            }
        };
        let request = Request {
            samples: self.samples.unwrap_or(Request::SAMPLES),
            seed: self.seed.unwrap_or(0),
            inputs: self.inputs.iter().flatten().map(|Name(kind)| *kind).collect(),
            precision: self.precision.clone().map(|Name(precision)| precision),
            data,
            tolerance: self.tolerance,
            ..Request::default()
        };
        let threads = self.threads.unwrap_or(1);
        let pair = |provider: &Provider| -> Box<dyn Rule> {
            Box::new(Pair { reference: reference.clone(), provider: *provider, request: request.clone(), threads })
        };
        Ok(others.iter().map(pair).collect())
    }
}

#[derive(Debug, Clone)]
enum Reference {
    Provider(Provider),
    Path(PathBuf),
}

/// One comparison.
struct Pair {
    reference: Reference,
    provider: Provider,
    request: Request,
    threads: usize,
}

impl Pair {
    fn reference(&self, site: &Site, request: &Request, other: &FileSide) -> Result<Box<dyn Side>> {
        let (file, provider) = match &self.reference {
            Reference::Provider(provider) => (site.file.clone(), *provider),
            Reference::Path(path) if path.is_dir() => {
                request.check_sizes(&[other])?;
                let open = site.means.checkpoint.as_ref().ok_or_else(|| {
                    Error::unavailable(path.display(), "this build reads no checkpoints (feature burn)")
                })?;
                return open(path, other);
            }
            Reference::Path(path) => (site.open(path)?, self.provider),
        };
        let side = request.side(&file, provider)?;
        request.check_sizes(&[other, &side])?;
        Ok(Box::new(side))
    }
}

impl Rule for Pair {
    fn outcomes(&self) -> Vec<Outcome> {
        let on = match &self.reference {
            Reference::Provider(reference) => format!("{} against {reference}", self.provider),
            Reference::Path(path) => format!("{} against {}", self.provider, path.display()),
        };
        let rule = if matches!(self.reference, Reference::Provider(_)) { "providers" } else { "reference" };
        let limit = match (self.request.tolerance, self.request.precision) {
            (Some(tolerance), _) => format!("{tolerance}"),
            (None, Some(precision)) => format!("within {precision}"),
            (None, None) => "within rounding".to_owned(),
        };
        vec![Outcome::new("agreement", rule, on, limit)]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let mut request = self.request.clone();
        (request.ranges, request.options) = (site.feed.ranges.clone(), site.options(self.threads, 1));
        let other = request.side(&Arc::clone(&site.file), self.provider)?;
        let mut reference = self.reference(site, &request, &other)?;
        let found = request.verify(reference.as_mut(), &mut [other], &mut |what| (site.say)(what))?;
        let used = found.comparisons.iter().flat_map(|comparison| &comparison.rows).map(|row| row.judgement.used);
        for outcome in outcomes {
            if let Some(used) = used.clone().reduce(f64::max).filter(|used| used.is_finite()) {
                outcome.found(used, Some("of accepted"));
            }
            found.check()?;
            outcome.status = Status::Held;
        }
        Ok(())
    }
}
