//! An interval for the median of a series whose values depend on each other.

use super::batches::{BATCHES, FEWEST, batch};

/// Returns the median, of an even number of values the mean of the two in the middle; `None` without values.
///
/// ```
/// # use gnet_core as gnet;
/// assert_eq!(gnet::stats::median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
/// ```
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[sorted.len() / 2 - 1], upper) })
}

/// Quantile of Student's t for 95 % on both sides and one degree of freedom less than there are batches (19), from the
/// tables.
const T: f64 = 2.093;

/// Interval that holds the median of a stationary series with a confidence of 95 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MedianInterval {
    /// Lower end, one of the values.
    pub low: u64,
    /// The median, as [`Summary`](super::Summary) has it.
    pub median: u64,
    /// Upper end, one of the values.
    pub high: u64,
}

impl MedianInterval {
    /// Computes it from a series in its order; `None` below 60 values. `scratch` is overwritten: nothing is allocated if it has
    /// room for the series.
    ///
    /// The ends are order statistics, whatever the distribution. Their ranks follow from the variance of the share of values
    /// above the median, which is estimated from the shares in 20 consecutive batches, so that dependence within a batch
    /// counts (batch means; Law, "Simulation Modeling and Analysis", 5th edition, section 9.5.3); it is taken for no smaller than that of independent
    /// values. A share of the samples as effective ones would need a model of the dependence; this needs none.
    pub fn of(series: &[u64], scratch: &mut Vec<u64>) -> Option<Self> {
        let n = series.len();
        if n < FEWEST {
            return None;
        }
        scratch.clear();
        scratch.extend_from_slice(series);
        scratch.sort_unstable();
        let median = scratch[n.div_ceil(2) - 1];
        let half = T * variance_of_share(series, median).max(0.25 / n as f64).sqrt();
        // Ranks from 1. Half is 0.24 at most, when each batch lies on one side.
        let (low, high) = ((n as f64 * (0.5 - half)).floor() as usize, (n as f64 * (0.5 + half)).ceil() as usize);
        Some(Self { low: scratch[low - 1], median, high: scratch[high - 1] })
    }

    /// Returns the width as a fraction of the median; infinite for a median of 0.
    pub fn relative_width(&self) -> f64 {
        (self.high - self.low) as f64 / self.median as f64
    }
}

/// Estimates the variance of the share of values above the median, from batches. A value at the median counts half: clocks
/// are coarse.
fn variance_of_share(series: &[u64], median: u64) -> f64 {
    let share = |index: usize| {
        let values = &series[batch(series.len(), index)];
        let above: f64 = values
            .iter()
            .map(|value| match value.cmp(&median) {
                std::cmp::Ordering::Less => 0.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Greater => 1.0,
            })
            .sum();
        above / values.len() as f64
    };
    let (mut sum, mut squares) = (0.0, 0.0);
    for index in 0..BATCHES {
        let share = share(index);
        (sum, squares) = (sum + share, squares + share * share);
    }
    let count = BATCHES as f64;
    (squares - sum * sum / count) / (count - 1.0) / count
}

#[cfg(test)]
mod tests {
    use super::super::noise::Noise;
    use super::*;

    fn interval(series: &[u64]) -> Option<MedianInterval> {
        MedianInterval::of(series, &mut Vec::new())
    }

    /// Share of 1,000 stationary series whose interval holds the true median.
    fn coverage(n: usize, dependence: f64) -> f64 {
        let mut noise = Noise::new(n as u64 + (1000.0 * dependence) as u64, dependence);
        let holds = |found: MedianInterval| (found.low..=found.high).contains(&Noise::MEDIAN);
        let held = (0..1000).filter(|_| interval(&noise.series(n)).is_some_and(holds)).count();
        held as f64 / 1000.0
    }

    /// The stated 95 %, less three standard errors of 1,000 series (2 points).
    #[test]
    fn it_holds_the_median_as_often_as_it_says() {
        for (n, dependence) in [(64, 0.0), (64, 0.16), (250, 0.16), (1000, 0.16), (1000, 0.5), (2000, 0.8)] {
            let share = coverage(n, dependence);
            assert!(share > 0.93, "{share} of series of {n} with {dependence}");
        }
        assert!(coverage(64, 0.5) > 0.88, "batches of three hide some of a strong dependence");
    }

    /// A measurement that ends as soon as its interval is narrow ends more often when chance made it too narrow. Looked at
    /// whenever the samples have doubled, that costs little: 95.4 and 94.8 % of 4,000 series held it.
    #[test]
    fn it_holds_the_median_nearly_as_often_when_its_width_ended_the_measurement() {
        for width in [0.2, 0.1] {
            let mut noise = Noise::new(11, 0.16);
            let ended = |noise: &mut Noise| {
                let mut series = noise.series(64);
                loop {
                    let found = interval(&series).unwrap();
                    if found.relative_width() <= width {
                        return found;
                    }
                    let more = noise.series(series.len());
                    series.extend(more);
                }
            };
            let held = (0..4000).filter(|_| {
                let found = ended(&mut noise);
                (found.low..=found.high).contains(&Noise::MEDIAN)
            });
            let share = held.count() as f64 / 4000.0;
            assert!(share > 0.937, "{share} at {width}");
        }
    }

    /// By the ranks of independent values alone it would hold too seldom.
    #[test]
    fn dependence_widens_it() {
        let mean_width = |dependence| {
            let mut noise = Noise::new(5, dependence);
            (0..200).map(|_| interval(&noise.series(1000)).unwrap().relative_width()).sum::<f64>() / 200.0
        };
        let (none, strong) = (mean_width(0.0), mean_width(0.8));
        assert!(strong > 2.0 * none, "{none} and {strong}");
        // sqrt((1 + r) / (1 - r)) is 3 for the mean of such a series, a little less for the signs.
        assert!(strong < 3.5 * none, "{none} and {strong}");
    }

    #[test]
    fn it_narrows_with_the_square_root_of_the_number() {
        let mut noise = Noise::new(9, 0.16);
        let mut mean_width =
            |n: usize| (0..100).map(|_| interval(&noise.series(n)).unwrap().relative_width()).sum::<f64>() / 100.0;
        let ratio = mean_width(500) / mean_width(8000);
        assert!((3.4..4.6).contains(&ratio), "{ratio}");
    }

    #[test]
    fn what_cannot_be_told_is_none_and_equal_values_are_certain() {
        assert_eq!(interval(&[5; 59]), None);
        let same = interval(&[5; 60]).unwrap();
        assert_eq!((same.low, same.median, same.high, same.relative_width()), (5, 5, 5, 0.0));
        let half: Vec<u64> = (0..200).map(|i| if i < 100 { 1 } else { 9 }).collect();
        let half = interval(&half).unwrap();
        assert_eq!((half.low, half.high), (1, 9), "of two states with one change anything may be the median");
        assert_eq!(interval(&[0; 60]).unwrap().relative_width().to_string(), "NaN");
    }

    #[test]
    fn the_median_is_that_of_the_summary() {
        for n in [60, 61, 127] {
            let series: Vec<u64> = (0..n).map(|i| (i * 7919) % 1009).collect();
            let samples: Vec<_> = series.iter().copied().map(std::time::Duration::from_nanos).collect();
            let summary = super::super::Summary::of(&samples).unwrap();
            assert_eq!(u128::from(interval(&series).unwrap().median), summary.p50.as_nanos());
        }
    }
}
