//! `[accuracy]`: the share of labelled images that the model recognises, as `gnet eval` finds it.

use serde::Deserialize;

use super::record::Outcome;
use super::site::{Rule, Site};
use super::values::{As, Name, Share};
use crate::classify::{self, Classifier};
use crate::data::{Source, Split, SplitName};
use crate::runtime::Provider;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// The section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    min_top1: As<Share>,
    /// Source of the images.
    pub data: Option<String>,
    split: Option<Name<SplitName>>,
    count: Option<usize>,
    provider: Option<Name<Provider>>,
    threads: Option<usize>,
}

impl Accuracy {
    /// Returns the rule.
    ///
    /// # Errors
    /// Fails if no image is asked for.
    pub fn rule(&self, data: Option<Source>) -> Result<Box<dyn Rule>> {
        if self.count == Some(0) {
            return Err(Error::input("accuracy.count 0", "an accuracy needs at least one image"));
        }
        Ok(Box::new(Top1 { section: self.clone(), data }))
    }
}

struct Top1 {
    section: Accuracy,
    data: Option<Source>,
}

impl Top1 {
    fn provider(&self) -> Provider {
        self.section.provider.as_ref().map_or(Provider::Tract, |Name(provider)| *provider)
    }
}

impl Rule for Top1 {
    fn outcomes(&self) -> Vec<Outcome> {
        vec![Outcome::new("accuracy", "min_top1", self.provider().name(), self.section.min_top1.0.text.clone())]
    }

    fn run(&self, site: &Site, outcomes: &mut [Outcome]) -> Result<()> {
        let threads = self.section.threads.unwrap_or(1);
        let mut classifier = Classifier::load(&site.file, self.provider(), threads, &site.means.engine)?;
        let metadata = classifier.metadata();
        let source = match &self.data {
            Some(source) => source.clone(),
            None => classify::trained_on(metadata.dataset.as_deref()).map_err(|e| {
                site.file.named(e).remedy("name a folder, \"fashion-mnist\" or \"embedded\" as accuracy.data")
            })?,
        };
        (site.say)(&format!("images: {source}"));
        let data = classify::images(&source, &metadata.classes)?;
        let split = self.section.split.as_ref().map_or(SplitName::Test, |Name(split)| *split);
        let images = first(split.of(&data), self.section.count)?;
        let found = classifier.evaluate(&images)?;
        let least = &self.section.min_top1.0;
        for outcome in outcomes {
            outcome.found(found.top1, Some("share"));
            outcome.settle(found.top1 >= least.value, || {
                let images = counted(images.len(), "image");
                format!(
                    "{:.2} % of {images} ({source}, {split}) are recognised, less than {}",
                    100.0 * found.top1,
                    least.text
                )
            });
        }
        Ok(())
    }
}

/// Returns the first `count` images of a split, or all.
fn first(split: &Split, count: Option<usize>) -> Result<Split> {
    let count = count.unwrap_or(split.len());
    if count > split.len() {
        let reason = format!("the data holds {} only", counted(split.len(), "image"));
        return Err(Error::input(format!("accuracy.count {count}"), reason).remedy("leave it out to take all"));
    }
    split.subset(&(0..count).collect::<Vec<_>>())
}
