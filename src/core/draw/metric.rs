//! The quantity that the colours of a picture show.

use super::DrawOptions;
use super::facts::Facts;
use super::scene::Scene;
use crate::report::svg::text::compact;
use crate::{Error, Result};

/// Quantity that the colour of a box shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metric {
    /// Multiply-accumulates for one item of the batch.
    Macs,
    /// Learned parameters.
    Params,
    /// Time per run.
    Time,
    /// No colours: all boxes are white.
    None,
}

impl Metric {
    pub(super) fn legend(self) -> &'static str {
        match self {
            Self::Macs => "MACs for one item of the batch",
            Self::Params => "learned parameters",
            Self::Time => "mean time of one run",
            Self::None => "",
        }
    }

    pub(super) fn of(self, facts: &Facts) -> Option<f64> {
        match self {
            Self::Macs => facts.macs.map(|macs| macs as f64),
            Self::Params => Some(facts.params as f64),
            Self::Time => facts.ms,
            Self::None => None,
        }
    }

    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::Time if value == 0.0 => "0".to_owned(),
            Self::Time if value < 1.0 => format!("{} µs", compact(value * 1e3)),
            Self::Time => format!("{} ms", compact(value)),
            _ => compact(value),
        }
    }
}

crate::named!(Metric, "colour", [Macs = "macs", Params = "params", Time = "time", None = "none"]);

/// Returns the metric asked for, or the one that says most about this graph.
pub fn chosen(scene: &Scene, options: &DrawOptions) -> Result<Metric> {
    let any = |metric: Metric| scene.items.iter().any(|item| metric.of(&item.facts).is_some_and(|value| value > 0.0));
    let metric = options.metric.unwrap_or(match options.times {
        Some(_) => Metric::Time,
        None if any(Metric::Macs) => Metric::Macs,
        None if any(Metric::Params) => Metric::Params,
        None => Metric::None,
    });
    if metric == Metric::Time && options.times.is_none() {
        return Err(Error::input("--color-by time", "there are no times").remedy("give them with --times FILE.json"));
    }
    if options.times.is_some() && !any(Metric::Time) {
        return Err(Error::input("--times", "none of its layers is in this file")
            .remedy("profile the same file with `gnet bench FILE --profile trace.json --format json`"));
    }
    Ok(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_metric() {
        for metric in Metric::ALL {
            assert_eq!(metric.to_string().parse::<Metric>().unwrap(), metric);
        }
        let error = "flops".parse::<Metric>().unwrap_err();
        assert_eq!(error.remedy_text(), Some("use one of macs, params, time, none"));
    }

    #[test]
    fn values_have_units() {
        let shown = [(Metric::Time, 0.0), (Metric::Time, 0.0123), (Metric::Time, 12.0), (Metric::Macs, 5_419_008.0)];
        assert_eq!(shown.map(|(metric, value)| metric.show(value)), ["0", "12.3 µs", "12 ms", "5.42M"]);
    }
}
