//! Axes: the range of the values, the place of each, and the ticks.

use super::Scale;
use crate::report::number;

/// Range of values along an axis.
pub(super) struct Ruler {
    scale: Scale,
    /// The range, as logarithms to the base 10 on a logarithmic scale.
    low: f64,
    high: f64,
}

/// A tick: its place as a share of the axis, and its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub place: f64,
    pub label: String,
}

/// Maximum number of distinct values that are their own ticks.
const OWN: usize = 8;

/// Number of ticks to aim for.
const AIM: f64 = 6.0;

impl Ruler {
    /// Spans the values, with a share of their range on both sides; a single value gets a range around it.
    pub fn new(scale: Scale, values: &[f64], margin: f64) -> Self {
        let (low, high) = values
            .iter()
            .map(|value| scaled(scale, *value))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let around = match (high > low, scale) {
            (true, _) => (high - low) * margin,
            (false, Scale::Log) => 0.5,
            (false, Scale::Linear) if low == 0.0 => 0.5,
            (false, Scale::Linear) => low.abs() / 2.0,
        };
        Self { scale, low: low - around, high: high + around }
    }

    /// Returns the place of a value as a share of the axis.
    pub fn place(&self, value: f64) -> f64 {
        (scaled(self.scale, value) - self.low) / (self.high - self.low)
    }

    /// Returns ticks at round values.
    pub fn ticks(&self) -> Vec<Tick> {
        match self.scale {
            Scale::Linear => self.even(self.low, self.high),
            Scale::Log => {
                let marks = decades(self.low, self.high);
                // Within less than a decade there may be none; over more, equal steps would crowd at its end.
                match marks.len() < 3 && self.high - self.low < 1.0 {
                    true => self.even(10f64.powf(self.low), 10f64.powf(self.high)),
                    false => self.at(&marks),
                }
            }
        }
    }

    /// Does the same for an axis of few distinct values, such as batches: on a logarithmic scale they are the ticks.
    pub fn own_ticks(&self, values: &[f64]) -> Vec<Tick> {
        let mut own = values.to_vec();
        own.sort_by(f64::total_cmp);
        own.dedup();
        if self.scale == Scale::Log && own.len() <= OWN { self.at(&own) } else { self.ticks() }
    }

    fn at(&self, values: &[f64]) -> Vec<Tick> {
        values.iter().map(|value| Tick { place: self.place(*value), label: plain(*value) }).collect()
    }

    /// Returns ticks in equal steps of 1, 2 or 5 times a power of ten.
    fn even(&self, low: f64, high: f64) -> Vec<Tick> {
        let rough = (high - low) / AIM;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * power);
        let first = (low / step).ceil();
        let values = (0..=20).map(|number| (first + f64::from(number)) * step).take_while(|value| *value <= high);
        let largest = low.abs().max(high.abs());
        let mut ticks: Vec<_> =
            values.map(|value| Tick { place: self.place(value), label: stepped(value, step, largest) }).collect();
        ticks.dedup_by(|a, b| a.label == b.label);
        ticks
    }
}

fn scaled(scale: Scale, value: f64) -> f64 {
    match scale {
        Scale::Linear => value,
        Scale::Log => value.log10(),
    }
}

/// Returns 1, 2 and 5 times the powers of ten within a range of logarithms; the powers alone, or some of them, if it is wide.
fn decades(low: f64, high: f64) -> Vec<f64> {
    let factors: &[u8] = if high - low <= 2.5 { &[1, 2, 5] } else { &[1] };
    let stride = ((high - low) / AIM).ceil().max(1.0);
    let first = (low / stride).floor() as i32;
    let powers = (first..).map(|number| number * stride as i32).take_while(|power| f64::from(*power) <= high);
    let values = powers.flat_map(|power| factors.iter().map(move |factor| format!("{factor}e{power}").parse::<f64>()));
    values.flatten().filter(|value| (low..=high).contains(&value.log10())).collect()
}

/// Formats a value by itself: whole, or with up to four significant digits.
fn plain(value: f64) -> String {
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    match value.abs() {
        0.0 => "0".to_owned(),
        size if !(1e-4..1e7).contains(&size) => format!("{rounded:e}"),
        _ if value.fract() == 0.0 => number::decimal(value, 0),
        _ => format!("{rounded}"),
    }
}

/// Formats one of several values that lie `step` apart: with as many digits as tell it from its neighbours.
fn stepped(value: f64, step: f64, largest: f64) -> String {
    if largest >= 1e7 || step < 1e-6 {
        let digits = (largest.log10().floor() - step.log10().floor()).clamp(0.0, 15.0) as usize;
        return format!("{value:.digits$e}");
    }
    number::decimal(value, (-step.log10().floor()).clamp(0.0, 6.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        assert!(ticks.iter().all(|tick| (-1e-9..=1.0 + 1e-9).contains(&tick.place)), "{ticks:?}");
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    fn of(scale: Scale, values: &[f64]) -> Vec<String> {
        labels(&Ruler::new(scale, values, 0.0).ticks()).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn ticks_are_round_and_have_no_idle_digits() {
        use Scale::{Linear, Log};
        for (scale, values, shown) in [
            (Linear, vec![1.0, 10.0], "2 4 6 8 10"),
            (Linear, vec![0.0, 1.0], "0.0 0.2 0.4 0.6 0.8 1.0"),
            (Linear, vec![-1.0, 1.0], "-1.0 -0.5 0.0 0.5 1.0"),
            (Linear, vec![0.0, 20_000.0], "0 5,000 10,000 15,000 20,000"),
            (Linear, vec![0.0, 3e9], "0e0 5e8 1e9 1.5e9 2e9 2.5e9 3e9"),
            (Linear, vec![5.0], "3 4 5 6 7"),
            (Log, vec![0.8, 19.0], "1 2 5 10"),
            (Log, vec![0.001, 1000.0], "0.001 0.01 0.1 1 10 100 1,000"),
            (Log, vec![3.15, 4.1], "3.2 3.4 3.6 3.8 4.0"),
            (Log, vec![15.0, 8000.0], "100 1,000"),
            (Log, vec![1e-200, 1e200], "1e-134 1e-67 1 1e67 1e134"),
        ] {
            let found = of(scale, &values);
            // Numbers in powers of ten show as many digits as their step asks for.
            let found: Vec<_> = found.iter().map(|label| label.replace(".0e", "e")).collect();
            assert_eq!(found.join(" "), shown, "{scale:?} {values:?}");
        }
    }

    #[test]
    fn few_values_of_a_logarithmic_axis_are_its_ticks() {
        let ruler = Ruler::new(Scale::Log, &[1.0, 128.0], 0.04);
        assert_eq!(labels(&ruler.own_ticks(&[32.0, 1.0, 8.0, 1.0, 128.0])), ["1", "8", "32", "128"]);
        let many: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(
            labels(&Ruler::new(Scale::Log, &many, 0.0).own_ticks(&many)),
            ["1", "2", "5", "10", "20", "50", "100"]
        );
        assert_eq!(labels(&Ruler::new(Scale::Linear, &[1.0, 4.0], 0.0).own_ticks(&[1.0, 4.0]))[..2], ["1.0", "1.5"]);
    }

    #[test]
    fn a_single_value_lies_in_the_middle() {
        for (scale, value) in [(Scale::Linear, 0.0), (Scale::Linear, -3.0), (Scale::Log, 7.0), (Scale::Linear, 9e299)] {
            let place = Ruler::new(scale, &[value], 0.1).place(value);
            assert!((place - 0.5).abs() < 1e-9, "{value}: {place}");
        }
    }
}
