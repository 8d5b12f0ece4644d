//! Distribution of the time of a run: by module, by operation, and the slowest kernels.

use std::collections::BTreeMap;

use super::row::Row;
use super::section::{Picture, Section, name};
use crate::bench::{Operator, Profile, ms};
use gnet_core::Result;
use gnet_core::cost::module;
use gnet_core::report::Report;
use gnet_core::report::bars::{Bar, Bars};

/// Maximum number of bars, and of kernels in the table.
const MOST: usize = 20;
const SLOWEST: usize = 15;

/// Describes the profile of a row; `None` if it has none.
///
/// # Errors
/// Fails if a chart cannot be drawn.
pub fn section(row: &Row, label: &str) -> Result<Option<Section>> {
    let Some(profile) = &row.profile else { return Ok(None) };
    let what = format!("{}, {}, batch {}", name(&row.network.name), name(label), row.batch);
    let mut section = Section::new(format!("Where the time goes: {what}"));
    section.sentences.push(format!(
        "In the profile all kernels of a run took {} ms; without it a run took {} ms.",
        ms(profile.operators.iter().map(|operator| operator.mean_ms).sum::<f64>()).human(),
        ms(row.ms).human()
    ));
    // Only a device has copies. It computes while the processor goes on to the next kernel.
    let starts = row.with_copies_ms.is_some();
    if starts {
        let told = "The times are those that the processor took to start each kernel on the device, not those of its computation: the \
                    engine's profile tells no others.";
        section.sentences.push(told.to_owned());
    }
    let label =
        if starts { "share of the time to start all kernels (%)" } else { "share of the time of all kernels (%)" };
    section.pictures = vec![
        picture(("modules", "by module"), (&what, label), profile, |operator| module(&operator.layer, 1))?,
        picture(("operations", "by operation"), (&what, label), profile, |operator| operator.op.as_str())?,
    ];
    let mut slowest = profile.clone();
    slowest.top = SLOWEST;
    for operator in &mut slowest.operators {
        operator.layer = name(&operator.layer);
        // Over the time of a start it would be no rate of the device.
        operator.gmacs_per_s = operator.gmacs_per_s.filter(|_| !starts);
    }
    section.tables = slowest.tables();
    Ok(Some(section))
}

/// Draws the shares of groups of kernels.
fn picture<'a>(
    (kind, by): (&'static str, &str),
    (what, label): (&str, &str),
    profile: &'a Profile,
    group: impl Fn(&'a Operator) -> &'a str,
) -> Result<Picture> {
    let mut shares: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for operator in &profile.operators {
        let (share, time) = shares.entry(group(operator)).or_default();
        (*share, *time) = (*share + operator.share, *time + operator.mean_ms);
    }
    let mut shares: Vec<_> = shares.into_iter().collect();
    shares.sort_by(|a, b| b.1.0.total_cmp(&a.1.0).then(a.0.cmp(b.0)));
    let rest = shares.split_off(shares.len().min(MOST));
    let mut bars = Bars::new(format!("{what}: time {by}"), label);
    let bar = |name: &str, (share, time): (f64, f64)| {
        Bar::new(name, 100.0 * share, format!("{:.1} %, {} ms", 100.0 * share, ms(time).human()))
    };
    bars.bars = shares.iter().map(|(name, sums)| bar(name, *sums)).collect();
    if !rest.is_empty() {
        let sums = rest.iter().fold((0.0, 0.0), |sums, (_, more)| (sums.0 + more.0, sums.1 + more.1));
        bars.bars.push(bar(&format!("{} others", rest.len()), sums));
    }
    let told: Vec<_> = bars.bars.iter().take(3).map(|bar| format!("{} {}", name(&bar.name), bar.text)).collect();
    bars.description = format!("Share of the time {by}; the largest: {}.", told.join("; "));
    Ok(Picture { kind, told: format!("{}: {}", bars.title, bars.description), svg: bars.svg()? })
}
