//! Summary of rows of several batches, threads and providers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::runtime::Provider;
use gnet_core::report::number;
use gnet_core::words::counted;

/// Share of the best throughput that a batch must reach to be worth no larger one.
const NEAR: f64 = 0.95;

/// The best rows, and for each engine the batch from which on larger ones gain little.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Sweep {
    /// The row of the most images in a second.
    pub best_throughput: String,
    /// The row of the shortest median run.
    pub best_latency: String,
    /// One for each provider and number of threads that ran several batches.
    pub knees: Vec<Knee>,
}

/// Gain by larger batches in one engine with one number of threads.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Knee {
    /// The provider.
    pub provider: Provider,
    /// The number of threads.
    pub threads: usize,
    /// Batch of the most images in a second.
    pub best_batch: usize,
    /// The throughput there.
    pub best_images_per_s: f64,
    /// Batch of the shortest median run.
    pub fastest_batch: usize,
    /// The time there in milliseconds.
    pub fastest_ms: f64,
    /// Smallest batch whose throughput is within 5 % of the best.
    pub knee_batch: usize,
    /// Its throughput.
    pub knee_images_per_s: f64,
}

/// The part of a row that is compared.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rated {
    pub(super) label: String,
    pub(super) provider: Provider,
    pub(super) threads: usize,
    pub(super) batch: usize,
    pub(super) p50_ms: f64,
    pub(super) images_per_s: f64,
}

impl Sweep {
    /// Compares the rows; `None` for fewer than two.
    pub(super) fn of(rows: &[Rated]) -> Option<Self> {
        if rows.len() < 2 {
            return None;
        }
        let mut engines: Vec<(Provider, usize)> = Vec::new();
        for row in rows {
            if !engines.contains(&(row.provider, row.threads)) {
                engines.push((row.provider, row.threads));
            }
        }
        let of = |engine: (Provider, usize)| -> Vec<Rated> {
            rows.iter().filter(|row| (row.provider, row.threads) == engine).cloned().collect()
        };
        Some(Self {
            best_throughput: most(rows)?.label.clone(),
            best_latency: fastest(rows)?.label.clone(),
            knees: engines.into_iter().filter_map(|engine| knee(&of(engine))).collect(),
        })
    }

    /// Returns it in sentences.
    pub(super) fn notes(&self) -> Vec<String> {
        let knee = |knee: &Knee| {
            format!(
                "{}, {}: best latency at batch {}, best throughput at batch {} ({} images/s); batch {} is the smallest \
                 within 5 % of that",
                knee.provider,
                counted(knee.threads, "thread"),
                knee.fastest_batch,
                knee.best_batch,
                number::decimal(knee.best_images_per_s, 1),
                knee.knee_batch
            )
        };
        let best = format!("best throughput: {}; best latency: {}", self.best_throughput, self.best_latency);
        // The knee of the engine that has both names them.
        let has = |knee: &Knee, label: &str| {
            label.starts_with(&format!("{}, ", knee.provider))
                && label.ends_with(&format!(", {}", counted(knee.threads, "thread")))
        };
        let said = self.knees.iter().any(|knee| has(knee, &self.best_throughput) && has(knee, &self.best_latency));
        self.knees.iter().map(knee).chain((!said).then_some(best)).collect()
    }
}

/// Returns the knee of one engine's rows; `None` if all are of one batch.
fn knee(rows: &[Rated]) -> Option<Knee> {
    let first = rows.first()?;
    if rows.iter().all(|row| row.batch == first.batch) {
        return None;
    }
    let (best, fastest) = (most(rows)?, fastest(rows)?);
    let near = rows.iter().filter(|row| row.images_per_s >= NEAR * best.images_per_s);
    let knee = near.min_by_key(|row| row.batch)?;
    Some(Knee {
        provider: first.provider,
        threads: first.threads,
        best_batch: best.batch,
        best_images_per_s: best.images_per_s,
        fastest_batch: fastest.batch,
        fastest_ms: fastest.p50_ms,
        knee_batch: knee.batch,
        knee_images_per_s: knee.images_per_s,
    })
}

fn most(rows: &[Rated]) -> Option<&Rated> {
    rows.iter().max_by(|a, b| a.images_per_s.total_cmp(&b.images_per_s))
}

fn fastest(rows: &[Rated]) -> Option<&Rated> {
    rows.iter().min_by(|a, b| a.p50_ms.total_cmp(&b.p50_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of provider, threads, batch, median and images per second.
    fn sweep(rows: &[(Provider, usize, usize, f64, f64)]) -> Option<Sweep> {
        let row = |&(provider, threads, batch, p50_ms, images_per_s): &(Provider, usize, usize, f64, f64)| {
            let label = format!("{provider}, batch {batch}, {}", counted(threads, "thread"));
            Rated { label, provider, threads, batch, p50_ms, images_per_s }
        };
        Sweep::of(&rows.iter().map(row).collect::<Vec<_>>())
    }

    #[test]
    fn the_knee_is_the_smallest_batch_that_is_nearly_best() {
        use Provider::{Cpu, Tract};
        let found = sweep(&[
            (Tract, 1, 1, 2.0, 500.0),
            (Tract, 1, 8, 8.2, 960.0),
            (Tract, 1, 32, 32.0, 1000.0),
            (Tract, 1, 4, 4.3, 949.0),
            (Cpu, 2, 1, 1.0, 999.0),
        ])
        .unwrap();
        let [knee] = &found.knees[..] else { panic!("{found:?}") };
        assert_eq!((knee.provider, knee.threads), (Tract, 1));
        assert_eq!((knee.best_batch, knee.fastest_batch, knee.knee_batch), (32, 1, 8));
        assert_eq!((knee.best_images_per_s, knee.knee_images_per_s, knee.fastest_ms), (1000.0, 960.0, 2.0));
        assert_eq!(found.best_throughput, "tract, batch 32, 1 thread");
        assert_eq!(found.best_latency, "cpu, batch 1, 2 threads");
        assert_eq!(
            found.notes(),
            [
                "tract, 1 thread: best latency at batch 1, best throughput at batch 32 (1,000.0 images/s); batch 8 is the \
              smallest within 5 % of that",
                "best throughput: tract, batch 32, 1 thread; best latency: cpu, batch 1, 2 threads"
            ]
        );
    }

    #[test]
    fn one_batch_has_no_knee_and_one_row_no_sweep() {
        let rows = [(Provider::Tract, 1, 4, 2.0, 500.0), (Provider::Cpu, 1, 4, 1.0, 900.0)];
        let found = sweep(&rows).unwrap();
        assert!(found.knees.is_empty());
        assert_eq!(found.notes(), ["best throughput: cpu, batch 4, 1 thread; best latency: cpu, batch 4, 1 thread"]);
        assert_eq!(sweep(&rows[..1]), None);
    }
}
