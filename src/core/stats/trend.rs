//! Whether the values of a series rise or fall from its beginning to its end.

use super::batches::{BATCHES, FEWEST, batch};

/// Trend of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Trend {
    /// Change from the beginning to the end, as a fraction of the median: the median of the slopes between the medians of
    /// 20 consecutive batches (Theil and Sen).
    pub change: f64,
    /// Whether it is more than chance: 1 of 100 stationary series is taken for one with a trend.
    pub significant: bool,
}

/// Quantile of the normal distribution for 1 % on both sides, from the tables.
const Z: f64 = 2.576;

impl Trend {
    /// Computes it from a series in its order; `None` below 60 values, or for a median of 0.
    ///
    /// The test is that of Mann and Kendall on the medians of 20 consecutive batches (Mann, Econometrica 13, 1945; with its
    /// correction for ties). On the values themselves it would take dependence between neighbours for a trend; between
    /// medians of batches there is next to none, as long as dependence ends within a batch.
    pub fn of(series: &[u64]) -> Option<Self> {
        let n = series.len();
        if n < FEWEST {
            return None;
        }
        let medians: Vec<f64> = (0..BATCHES).map(|index| median(series[batch(n, index)].to_vec()) as f64).collect();
        let level = median(series.to_vec()) as f64;
        let mut slopes = Vec::new();
        let mut score = 0.0;
        for (i, earlier) in medians.iter().enumerate() {
            for (gap, later) in (1..).zip(&medians[i + 1..]) {
                score += (later - earlier).partial_cmp(&0.0).map_or(0.0, |order| f64::from(order as i8));
                slopes.push((later - earlier) / f64::from(gap));
            }
        }
        slopes.sort_by(f64::total_cmp);
        let slope = (slopes[(slopes.len() - 1) / 2] + slopes[slopes.len() / 2]) / 2.0;
        // The score counts pairs: one less is the correction for continuity.
        let significant = score.abs() - 1.0 > Z * variance(&medians).sqrt();
        (level > 0.0).then(|| Self { change: slope * BATCHES as f64 / level, significant })
    }
}

/// Returns the variance of the score of a series without a trend; ties make it smaller.
fn variance(medians: &[f64]) -> f64 {
    let part = |t: f64| t * (t - 1.0) * (2.0 * t + 5.0);
    let mut sorted = medians.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 = sorted.chunk_by(|a, b| a == b).map(|same| part(same.len() as f64)).sum();
    (part(medians.len() as f64) - ties) / 18.0
}

/// Returns the lower median; the values are not empty.
fn median(mut values: Vec<u64>) -> u64 {
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable(middle).1
}

#[cfg(test)]
mod tests {
    use super::super::noise::Noise;
    use super::*;

    /// Share of 2,000 stationary series that are taken for ones with a trend.
    fn false_alarms(n: usize, dependence: f64) -> f64 {
        let mut noise = Noise::new(n as u64, dependence);
        (0..2000).filter(|_| Trend::of(&noise.series(n)).unwrap().significant).count() as f64 / 2000.0
    }

    #[test]
    fn one_stationary_series_of_a_hundred_is_taken_for_a_trend() {
        for (n, dependence) in [(64, 0.0), (300, 0.0), (300, 0.16), (1000, 0.16), (2000, 0.5)] {
            let share = false_alarms(n, dependence);
            // Three standard errors of 2,000 series are two thirds of a point.
            assert!((0.003..0.018).contains(&share), "{share} of series of {n} with {dependence}");
        }
        assert!(false_alarms(64, 0.16) < 0.03, "batches of three leave some dependence");
    }

    #[test]
    fn a_trend_is_found_with_its_size() {
        let mut noise = Noise::new(3, 0.16);
        for change in [0.4, -0.4] {
            let found = |noise: &mut Noise| {
                let mut series = noise.series(400);
                for (i, value) in series.iter_mut().enumerate() {
                    *value = (*value as f64 * (1.0 + change * (i as f64 / 400.0 - 0.5))) as u64;
                }
                Trend::of(&series).unwrap()
            };
            let trends: Vec<Trend> = (0..200).map(|_| found(&mut noise)).collect();
            let seen = trends.iter().filter(|trend| trend.significant).count();
            assert!(seen > 160, "{seen} of 200 with {change}");
            let mean = trends.iter().map(|trend| trend.change).sum::<f64>() / 200.0;
            assert!((mean / change - 1.0).abs() < 0.1, "{mean} for {change}");
        }
    }

    #[test]
    fn outliers_and_steps_of_the_clock_are_no_trend() {
        let mut spikes = vec![100_u64; 200];
        (180..190).for_each(|i| spikes[i] = 100_000);
        assert!(!Trend::of(&spikes).unwrap().significant);
        let coarse: Vec<u64> = (0..200).map(|i| 100 + i % 2).collect();
        assert!(!Trend::of(&coarse).unwrap().significant);
        assert_eq!(Trend::of(&[7; 100]), Some(Trend { change: 0.0, significant: false }));
        assert_eq!((Trend::of(&[7; 59]), Trend::of(&[0; 100])), (None, None));
    }

    #[test]
    fn the_variance_is_that_of_the_tables() {
        // n (n - 1) (2 n + 5) / 18; with a tie of two, 2 * 1 * 9 / 18 less.
        assert_eq!(variance(&[1.0, 2.0, 3.0, 4.0]), (4.0 * 3.0 * 13.0) / 18.0);
        assert_eq!(variance(&[1.0, 2.0, 2.0, 4.0]), (4.0 * 3.0 * 13.0 - 2.0 * 1.0 * 9.0) / 18.0);
    }
}
