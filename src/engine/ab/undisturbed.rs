//! Which processes were disturbed by other work.

use super::measure::Watch;

/// Share of the time for which a thread had a core below which other work must have had it. In 300 quiet processes on
/// one thread it was never below, in 42 with a loop on the same core always (`tests/fixtures/noise_pairs.csv`).
const CLEAN: f64 = 0.9;

/// The shares of one arm so far.
#[derive(Debug, Clone)]
pub(super) struct Occupancies {
    watch: Watch,
    seen: Vec<f64>,
}

impl Occupancies {
    pub(super) fn new(watch: Watch) -> Self {
        Self { watch, seen: Vec::new() }
    }

    /// Takes the share of the next process and returns whether other work left it alone, as far as that is known.
    pub(super) fn undisturbed(&mut self, occupancy: Option<f64>) -> bool {
        let Some(share) = occupancy else { return true };
        self.seen.push(share);
        match self.watch {
            Watch::Busy => share >= CLEAN,
            // A share above 1 says that threads were not counted; it is no reason to expect that much.
            Watch::Usual => share >= CLEAN * median(&self.seen).unwrap_or(share).min(1.0),
            Watch::Unwatched => true,
        }
    }
}

/// Returns the upper median; `None` without values.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(watch: Watch, shares: &[f64]) -> Vec<bool> {
        let mut so_far = Occupancies::new(watch);
        shares.iter().map(|share| so_far.undisturbed(Some(*share))).collect()
    }

    #[test]
    fn a_busy_thread_has_its_core_all_the_time() {
        assert_eq!(judged(Watch::Busy, &[0.99, 0.9, 0.89, 0.5, 1.1]), [true, true, false, false, true]);
    }

    #[test]
    fn threads_that_wait_for_each_other_are_held_to_what_is_usual_for_them() {
        assert_eq!(judged(Watch::Usual, &[0.6, 0.61, 0.59, 0.4, 0.62, 0.5]), [true, true, true, false, true, false]);
        // The first one was disturbed: what comes after sets the measure right.
        assert_eq!(judged(Watch::Usual, &[0.3, 0.8, 0.8, 0.5]), [true, true, true, false]);
        assert_eq!(judged(Watch::Usual, &[1.6, 1.6, 1.0]), [true, true, true]);
    }

    #[test]
    fn a_device_and_a_system_without_that_clock_tell_nothing() {
        assert_eq!(judged(Watch::Unwatched, &[0.9, 0.1]), [true, true]);
        assert!(Occupancies::new(Watch::Busy).undisturbed(None));
    }

    #[test]
    fn the_stored_processes_are_told_apart_by_it() {
        let table = include_str!("../../../tests/fixtures/noise_pairs.csv");
        let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
        let place = |name: &str| names.iter().position(|other| *other == name).unwrap();
        let [phase, load, cpu, mean] = ["phase", "load", "cpu_ms", "mean_ms"].map(place);
        let mut counts = [[0; 2]; 2];
        for row in table.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>()) {
            let of = |place: usize| row[place].parse::<f64>().unwrap();
            let loaded = row[load] == "1";
            if loaded || ["A_cpu", "A_tract"].contains(&row[phase]) {
                let clean = Occupancies::new(Watch::Busy).undisturbed(Some(of(cpu) / of(mean)));
                counts[usize::from(loaded)][usize::from(clean)] += 1;
            }
        }
        assert_eq!(counts, [[0, 180], [42, 0]], "[quiet, loaded] by [disturbed, clean]");
    }
}
