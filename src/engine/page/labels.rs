//! Names of settings: the provider and what tells its rows apart, not a list of everything that was set.

use std::collections::{BTreeMap, BTreeSet};

use super::measured::{INPUT, MACHINE};
use super::row::Row;

/// Settings of the rows of one network.
pub struct Settings {
    /// Facts in which rows of a provider differ, by provider.
    varying: BTreeMap<String, BTreeSet<String>>,
    /// Facts that are the same in all rows of a provider.
    common: BTreeMap<String, BTreeMap<String, String>>,
}

impl Settings {
    /// Compares the rows of each provider with each other.
    pub fn of(rows: &[&Row]) -> Self {
        let mut settings = Self { varying: BTreeMap::new(), common: BTreeMap::new() };
        let own = || rows.iter().filter(|row| row.own);
        for provider in own().map(|row| &row.name).collect::<BTreeSet<_>>() {
            let of_it = || own().filter(|row| row.name == *provider);
            let keys: BTreeSet<&String> = of_it().flat_map(|row| row.facts.keys()).collect();
            for key in keys {
                let values: BTreeSet<_> = of_it().map(|row| row.facts.get(key)).collect();
                if values.len() > 1 {
                    settings.varying.entry(provider.clone()).or_default().insert(key.clone());
                } else if let Some(Some(value)) = values.first() {
                    let common = settings.common.entry(provider.clone()).or_default();
                    common.insert(key.clone(), (*value).clone());
                }
            }
        }
        settings
    }

    /// Returns the name of a row's setting: `cuda`, `cuda, tf32, graph`. Something that is off is not mentioned.
    pub fn label(&self, row: &Row) -> String {
        let mut parts = vec![row.name.clone()];
        for key in self.varying.get(&row.name).filter(|_| row.own).into_iter().flatten() {
            let told = match (key.as_str(), row.facts.get(key).map(String::as_str)) {
                (_, None | Some("off")) => continue,
                (MACHINE | INPUT, Some(value)) => value.to_owned(),
                (_, Some("on")) => plain(key, &row.name),
                (_, Some(value)) => format!("{} {value}", plain(key, &row.name)),
            };
            parts.push(told);
        }
        parts.join(", ")
    }

    /// Returns a sentence for each provider on what all of its rows have in common.
    pub fn sentences(&self) -> impl Iterator<Item = String> {
        self.common.iter().map(|(provider, facts)| {
            let told = facts.iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| match key.as_str() {
                MACHINE => value.clone(),
                _ => format!("{} {value}", plain(key, provider)),
            });
            format!("{provider}: {}", told.collect::<Vec<_>>().join(", "))
        })
    }
}

/// Returns a setting's name without that of its provider, in words: `cuda_conv_search` is `conv search`.
fn plain(key: &str, provider: &str) -> String {
    let short = key.strip_prefix(provider).and_then(|rest| rest.strip_prefix('_')).unwrap_or(key);
    short.replace('_', " ")
}

/// Returns the name of each row's setting. Rows that neither their settings nor their batch tell apart are named after their
/// documents too, for they may be of two versions of a program, or of two days.
pub fn labels(settings: &Settings, rows: &[&Row], document: impl Fn(usize) -> String) -> Vec<String> {
    let plain: Vec<String> = rows.iter().map(|row| settings.label(row)).collect();
    let mut places: BTreeMap<(&str, u64), BTreeSet<usize>> = BTreeMap::new();
    for (row, label) in rows.iter().zip(&plain) {
        places.entry((label.as_str(), row.batch)).or_default().insert(row.document);
    }
    let twice: BTreeSet<&str> =
        places.iter().filter(|(_, documents)| documents.len() > 1).map(|((label, _), _)| *label).collect();
    let named = |(row, label): (&&Row, &String)| match twice.contains(label.as_str()) {
        true => format!("{label} ({})", document(row.document)),
        false => label.clone(),
    };
    rows.iter().zip(&plain).map(named).collect()
}
