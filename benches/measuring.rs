//! What the measuring loop itself costs: an empty run is timed, so that a sample is the loop's own.
#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gnet::bench::{Limits, SystemClock, steady};

/// Samples of one measurement; the rest of it is a summary, some nanoseconds a sample.
const SAMPLES: usize = 100_000;

fn a_sample(c: &mut Criterion) {
    let mut limits = Limits::default();
    (limits.min_time, limits.min_samples, limits.max_warmup) = (Duration::ZERO, SAMPLES, 0);
    let clock = SystemClock::start();
    let mut group = c.benchmark_group("measuring an empty run");
    group.throughput(Throughput::Elements(SAMPLES as u64)).sample_size(20);
    group.bench_function("a measurement of 100,000", |b| {
        b.iter(|| steady(&mut || Ok(()), &clock, &limits).expect("an empty run does not fail"));
    });
    // What the loop adds to the time of a run: both readings of the clock are its own.
    let found = steady(&mut || Ok(()), &clock, &limits).expect("an empty run does not fail");
    let between = found.wall.as_nanos() as f64 / SAMPLES as f64;
    println!(
        "a sample of an empty run: {} ns at least, {} in the median; from sample to sample: {between:.1} ns",
        found.summary.min.as_nanos(),
        found.summary.p50.as_nanos()
    );
    group.finish();
}

criterion_group!(benches, a_sample);
criterion_main!(benches);
