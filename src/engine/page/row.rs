//! A row of a page: how long a network took at one batch in one setting, whoever measured it.

use std::collections::{BTreeMap, BTreeSet};

use crate::bench::Profile;

/// One measured setting of one network.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Number of the document that it stands in, from 0; whoever reads several numbers them.
    pub document: usize,
    pub network: Network,
    /// The provider, or the label of a series of another program.
    pub name: String,
    /// Whether gnet measured it.
    pub own: bool,
    /// Settings by which rows of one provider may differ.
    pub facts: BTreeMap<String, String>,
    /// Items of a run.
    pub batch: u64,
    /// Time of a run in milliseconds, and the statistic of its runs that this is, such as `p50`.
    pub ms: f64,
    pub statistic: String,
    pub p90_ms: Option<f64>,
    pub with_copies_ms: Option<f64>,
    pub images_per_s: Option<f64>,
    pub gmacs_per_s: Option<f64>,
    /// Sentence on where its nodes lay.
    pub placement: Option<String>,
    pub notes: Vec<String>,
    pub profile: Option<Profile>,
    /// Device that computed: the GPU, else the processor.
    pub device: Option<String>,
    /// Day on which it was measured, such as `2026-11-27`.
    pub day: Option<String>,
}

/// A network: rows of different ones do not stand in one chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// Name of the file.
    pub name: String,
    /// Its size; a series of another program does not know it.
    pub bytes: Option<u64>,
}

impl Row {
    /// Returns the throughput: the stated one, else that of the stated time.
    pub fn rate(&self) -> f64 {
        self.images_per_s.unwrap_or(1e3 * self.batch as f64 / self.ms)
    }
}

/// Refuses a number that cannot be a time or a rate.
pub fn positive(what: &str, value: f64) -> Result<f64, String> {
    if value > 0.0 && value.is_finite() { Ok(value) } else { Err(format!("{what}: is not a number above 0: {value}")) }
}

/// Refuses a batch of nothing.
pub fn batch(value: u64) -> Result<u64, String> {
    if value > 0 { Ok(value) } else { Err("batch: must be at least 1".to_owned()) }
}

/// Returns the day of a date, or of a time as RFC 3339 writes it.
pub fn day(what: &str, text: &str) -> Result<String, String> {
    let form = |(place, byte): (usize, u8)| if matches!(place, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let is_day = |day: &&str| day.bytes().enumerate().all(form);
    match text.get(..10).filter(is_day) {
        Some(day) if text.len() == 10 || text[10..].starts_with('T') => Ok(day.to_owned()),
        _ => Err(format!("{what}: is not a date such as 2026-11-27: '{text}'")),
    }
}

/// Returns the first and the last of some days as `2026-11-27` or `2026-11-27 to 2026-11-28`.
pub fn span<'a>(days: impl Iterator<Item = &'a str>) -> Option<String> {
    let days: BTreeSet<&str> = days.collect();
    let (first, last) = (days.first()?, days.last()?);
    Some(if first == last { (*first).to_owned() } else { format!("{first} to {last}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_told_from_nonsense() {
        for text in ["2026-11-27", "2026-11-27T07:04:01.123Z"] {
            assert_eq!(day("date", text).unwrap(), "2026-11-27");
        }
        for text in ["", "yesterday", "2026-11-2", "2026/11/27", "2026-11-27x", "27-11-2026", "2026-11-ü27"] {
            assert_eq!(day("date", text).unwrap_err(), format!("date: is not a date such as 2026-11-27: '{text}'"));
        }
    }

    #[test]
    fn days_have_a_first_and_a_last() {
        assert_eq!(
            span(["2026-11-28", "2026-11-27", "2026-11-28"].into_iter()).as_deref(),
            Some("2026-11-27 to 2026-11-28")
        );
        assert_eq!(span(["2026-11-28"].into_iter()).as_deref(), Some("2026-11-28"));
        assert_eq!(span([].into_iter()), None);
    }

    #[test]
    fn numbers_that_nothing_takes_are_refused() {
        for value in [0.0, -1.0, f64::INFINITY, f64::NAN] {
            assert!(positive("p50", value).unwrap_err().starts_with("p50: is not a number above 0: "));
        }
        assert_eq!((positive("p50", 0.5), batch(1)), (Ok(0.5), Ok(1)));
        assert!(batch(0).is_err());
    }
}
