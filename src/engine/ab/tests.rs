//! The loop on scripted machines: a clock that is told the time, and times that are made up or were measured once.

use std::cell::Cell;
use std::time::Duration;

use super::*;
use crate::bench::Clock;
use gnet_core::report::{Format, render};
use gnet_core::{Error, ErrorKind, Result};

/// Goes forward by a second a process.
#[derive(Default)]
struct Seconds(Cell<u64>);

impl Clock for Seconds {
    fn wall(&self) -> Duration {
        Duration::from_secs(self.0.get())
    }

    fn cpu(&self) -> Option<Duration> {
        None
    }
}

/// A machine on which process number `n` of an arm gives `sample(arm, n)`.
struct Script<'a, F> {
    clock: &'a Seconds,
    watch: Watch,
    counts: [usize; 2],
    order: Vec<Arm>,
    sample: F,
}

impl<F: Fn(Arm, usize) -> Result<Option<Sample>>> Measure for Script<'_, F> {
    fn sides(&self) -> [Side; 2] {
        ["old", "new"].map(|label| Side { watch: self.watch, ..Side::new(label, "net.onnx") })
    }

    fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>> {
        let first = coin.toss();
        let mut samples = [None, None];
        for arm in [first, first.other()] {
            self.clock.0.set(self.clock.0.get() + 1);
            self.order.push(arm);
            let count = &mut self.counts[arm as usize];
            *count += 1;
            samples[arm as usize] = (self.sample)(arm, *count - 1).map_err(|error| arm.named(error))?;
        }
        let [Some(a), Some(b)] = samples else { return Ok(None) };
        Ok(Some(Pair::new(first, [a, b])))
    }
}

/// The time of an arm's process: B takes `slower` more than A; both wander a little.
fn wandering(arm: Arm, n: usize, slower: f64) -> Sample {
    let base = if arm == Arm::A { 1.0 } else { 1.0 + slower };
    // Multiples of powers of two where the base is one, which JSON carries exactly.
    let ms = base * (1.0 + ((7 * n + (n + arm as usize) % 2) % 11) as f64 / 1024.0);
    Sample { occupancy: Some(1.0), cpu_ms: Some(1.25 * ms), ..Sample::new(ms, 1.25 * ms, 1.5 * ms) }
}

fn run_watched(
    watch: Watch,
    options: &AbOptions,
    sample: impl Fn(Arm, usize) -> Result<Option<Sample>>,
) -> (Result<Comparison>, Vec<Arm>) {
    let clock = Seconds::default();
    let mut script = Script { clock: &clock, watch, counts: [0; 2], order: Vec::new(), sample };
    let found = compare(&mut script, &clock, options, &mut |_| true);
    (found, script.order)
}

fn run(options: &AbOptions, sample: impl Fn(Arm, usize) -> Result<Option<Sample>>) -> Comparison {
    run_watched(Watch::Busy, options, sample).0.unwrap()
}

#[test]
fn the_three_verdicts_and_their_outcomes() {
    let of = |slower: f64| run(&AbOptions::default(), |arm, n| Ok(Some(wandering(arm, n, slower))));
    let same = of(0.0);
    assert_eq!((same.verdict, same.pairs, same.tried, same.disturbed), (Verdict::NotSlower, 8, 8, 0));
    assert!(same.check().is_ok() && same.seconds == 16.0);
    let slower = of(0.2);
    assert_eq!((slower.verdict, slower.pairs), (Verdict::Slower, 12));
    assert!(
        slower.sentence().starts_with("SLOWER than allowed: B is 20.0 % slower (90 % interval +19."),
        "{}",
        slower.sentence()
    );
    assert!(slower.sentence().ends_with("and 5 % is allowed; 12 pairs, 24 s"), "{}", slower.sentence());
    assert_eq!(slower.check().unwrap_err().kind(), ErrorKind::Check);
    let faster = of(-0.2);
    assert!(
        faster.sentence().contains("NOT SLOWER than allowed: B is 20.0 % faster (90 % interval -20."),
        "{}",
        faster.sentence()
    );
    let close = of(0.05);
    assert_eq!((close.verdict, close.why, close.pairs), (Verdict::Undecided, Some(Why::Close), 24));
    let error = close.check().unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Undecided, 4));
    assert!(error.to_string().contains("too close to the limit: 24 pairs"), "{error}");
}

#[test]
fn the_seed_decides_the_order_and_every_process_is_in_the_record() {
    let options = |seed| AbOptions { seed, ..AbOptions::default() };
    let of = |seed| run_watched(Watch::Busy, &options(seed), |arm, n| Ok(Some(wandering(arm, n, 0.2))));
    let (found, order) = of(3);
    let found = found.unwrap();
    assert_eq!(found.samples.iter().map(|process| process.arm).collect::<Vec<_>>(), order);
    let firsts: Vec<Arm> = order.chunks_exact(2).map(|pair| pair[0]).collect();
    assert!(firsts.contains(&Arm::A) && firsts.contains(&Arm::B), "{firsts:?}");
    for (i, process) in found.samples.iter().enumerate() {
        assert_eq!((process.index, process.pair, process.order), (i, i / 2, i % 2 + 1));
    }
    assert_eq!(of(3).1, order);
    assert_ne!(of(4).1[..20], order[..20]);
}

#[test]
fn disturbed_pairs_are_dropped_and_measured_again() {
    // Every third process of B is disturbed, and then takes three times as long.
    let found = run(&AbOptions::default(), |arm, n| {
        let sample = wandering(arm, n, 0.0);
        let disturbed = arm == Arm::B && n % 3 == 0;
        Ok(Some(if disturbed { Sample { occupancy: Some(0.4), ..Sample::new(3.0, 4.0, 5.0) } } else { sample }))
    });
    assert_eq!((found.verdict, found.pairs, found.tried, found.disturbed), (Verdict::NotSlower, 8, 12, 4));
    assert!(found.estimate.unwrap().abs() < 0.01, "{:?}", found.estimate);
    let text = render(&found, Format::Table).unwrap();
    assert!(text.contains("other work disturbed 4 of 12 pairs; they do not count"), "{text}");
    // All of them: no verdict, and not 48 tries to find that out.
    let found =
        run(&AbOptions::default(), |_, _| Ok(Some(Sample { occupancy: Some(0.4), ..Sample::new(3.0, 4.0, 5.0) })));
    assert_eq!((found.verdict, found.why, found.pairs, found.tried), (Verdict::Undecided, Some(Why::Noisy), 0, 16));
    assert_eq!(found.reason.as_deref(), Some("too noisy: other work disturbed 16 of 16 pairs"));
    assert!(found.a.min_ms == Some(3.0) && found.estimate.is_none());
    render(&found, Format::Table).unwrap();
}

/// A process of which turn number `n` takes `ms(n)`.
fn in_turns(ms: impl Fn(usize) -> f64) -> Sample {
    let times: Vec<f64> = (0..9).map(ms).collect();
    let whole = Sample::new(times.iter().copied().fold(f64::MAX, f64::min), 1.0, 1.0);
    Sample { turns: Turns { min_ms: times.clone(), p50_ms: times }, ..whole }
}

#[test]
fn a_turn_is_held_against_the_other_of_its_number() {
    // The machine grows slower by half within each pair, and for two turns it does something else.
    let found = run(&AbOptions::default(), |arm, n| {
        let slower = if arm == Arm::A { 1.0 } else { 1.02 + n as f64 / 1000.0 };
        Ok(Some(in_turns(|turn| match (arm, turn) {
            (Arm::B, 3) => 5.0,
            (Arm::A, 7) => 4.0,
            _ => slower * (1.0 + turn as f64 / 16.0),
        })))
    });
    assert_eq!((found.verdict, found.pairs), (Verdict::NotSlower, 8));
    let [low, high] = found.interval.unwrap();
    assert!((1.0199..=1.0271).contains(&(1.0 + low)) && (1.0199..=1.0271).contains(&(1.0 + high)), "{low} {high}");
    assert!(found.samples.iter().all(|process| process.turns.min_ms.len() == 9));
    let none = |_, _| Ok(Some(Sample { turns: Turns::default(), ..Sample::new(1.0, 1.0, 1.0) }));
    assert!(run_watched(Watch::Busy, &AbOptions::default(), none).0.is_err());
}

#[test]
fn a_fixed_number_of_clean_pairs_is_an_estimate_whatever_they_say() {
    let options = AbOptions { pairs: Some(5), ..AbOptions::default() };
    for slower in [0.0, 0.2] {
        let found = run(&options, |arm, n| {
            let sample = wandering(arm, n, slower);
            Ok(Some(if n == 1 { Sample { occupancy: Some(0.4), ..sample } } else { sample }))
        });
        assert_eq!((found.pairs, found.tried, found.confidence), (5, 6, 0.9));
        let [low, high] = found.interval.unwrap();
        assert!(low <= slower && slower <= high, "{low} {high}");
        assert!(found.beside.iter().all(|beside| beside.interval.is_some()), "by the same level");
    }
}

#[test]
fn an_engine_whose_threads_wait_is_held_to_itself_and_a_device_to_nothing() {
    let low = |arm, n| Ok(Some(Sample { occupancy: Some(0.6), ..wandering(arm, n, 0.0) }));
    for watch in [Watch::Usual, Watch::Unwatched] {
        let found = run_watched(watch, &AbOptions::default(), low).0.unwrap();
        assert_eq!((found.verdict, found.disturbed), (Verdict::NotSlower, 0), "{watch:?}");
        assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    }
    assert_eq!(run(&AbOptions::default(), low).verdict, Verdict::Undecided, "a single thread is always busy");
}

#[test]
fn what_spares_the_fastest_run_is_told() {
    // Half of B's runs take a third longer: the fastest run is the same.
    let options = AbOptions { statistic: Statistic::Min, ..AbOptions::default() };
    let found = run(&options, |arm, n| {
        let sample = wandering(arm, n, 0.0);
        Ok(Some(if arm == Arm::B { Sample::new(sample.min_ms, 1.3 * sample.p50_ms, sample.mean_ms) } else { sample }))
    });
    assert_eq!(found.verdict, Verdict::NotSlower);
    let p50 = found.beside.iter().find(|beside| beside.statistic == Statistic::P50).unwrap();
    assert!(p50.disagrees && p50.estimate.unwrap() > 0.25);
    let text = render(&found, Format::Table).unwrap();
    assert!(text.contains("the statistics disagree: by the median run of each turn B is 3"), "{text}");
    let same = run(&AbOptions::default(), |arm, n| Ok(Some(wandering(arm, n, 0.0))));
    assert!(same.beside.iter().all(|beside| !beside.disagrees));
}

#[test]
fn a_failing_arm_is_named_and_an_interrupted_one_keeps_what_was_measured() {
    let broken = |arm, n| match (arm, n) {
        (Arm::B, 2) => Err(Error::input("net.onnx", "has a node that nothing knows").remedy("mend it")),
        _ => Ok(Some(wandering(arm, n, 0.0))),
    };
    let error = run_watched(Watch::Busy, &AbOptions::default(), broken).0.unwrap_err();
    assert_eq!(error.to_string(), "arm B: net.onnx: has a node that nothing knows");
    assert_eq!((error.kind(), error.remedy_text()), (ErrorKind::Input, Some("mend it")));
    let found = run(&AbOptions::default(), |arm, n| match (arm, n) {
        (Arm::A, 5) => Err(Error::interrupted("row", "was interrupted")),
        _ => Ok(Some(wandering(arm, n, 0.0))),
    });
    assert!(found.interrupted && found.pairs == 5 && found.samples.len() >= 10);
    assert_eq!(found.check().unwrap_err().kind(), ErrorKind::Interrupted);
    let fast = run_watched(Watch::Busy, &AbOptions::default(), |_, _| Ok(Some(Sample::new(0.0, 0.0, 0.0))));
    assert!(fast.0.unwrap_err().to_string().contains("too short for the clock"));
}

#[test]
fn it_ends_in_time_and_when_its_observer_says_so() {
    let options = AbOptions { max_time: Some(Duration::from_secs(9)), ..AbOptions::default() };
    let found = run(&options, |arm, n| Ok(Some(wandering(arm, n, 0.0))));
    assert_eq!((found.verdict, found.why, found.pairs), (Verdict::Undecided, None, 5));
    assert_eq!(found.reason.as_deref(), Some("the time limit of 9s came after 5 clean pairs"));
    let clock = Seconds::default();
    let sample = |arm, n| Ok(Some(wandering(arm, n, 0.0)));
    let mut script = Script { clock: &clock, watch: Watch::Busy, counts: [0; 2], order: Vec::new(), sample };
    let found = compare(&mut script, &clock, &AbOptions::default(), &mut |done| done.tried < 3).unwrap();
    assert!(found.interrupted && found.tried == 3);
}

#[test]
fn a_record_is_decided_upon_again_as_before() {
    let found = run(&AbOptions::default(), |arm, n| Ok(Some(wandering(arm, n, 0.25))));
    let json = render(&found, Format::Json).unwrap();
    let read: Comparison = serde_json::from_str(&json).unwrap();
    assert_eq!((&read.samples, &read.a, &read.b), (&found.samples, &found.a, &found.b));
    let mut replay = Replay::read(json.as_bytes()).unwrap();
    let again = compare(&mut replay, &Seconds::default(), &AbOptions::default(), &mut |_| true).unwrap();
    assert_eq!(again, Comparison { seconds: 0.0, ..found });
    // Asked for more than the samples tell, it says where they end.
    let options = AbOptions { max_regression: 0.25, ..AbOptions::default() };
    let more = compare(&mut Replay::from(read), &Seconds::default(), &options, &mut |_| true).unwrap();
    assert_eq!(more.reason.as_deref(), Some("the stored samples end after 12 clean pairs"));
    assert!(Replay::read(b"{}").unwrap_err().to_string().contains("is no record of a comparison"));
}

#[test]
fn many_rows_are_slower_together_only_with_what_all_of_them_can_show() {
    let of = |rows, slower| {
        let options = AbOptions { rows, ..AbOptions::default() };
        run(&options, |arm, n| Ok(Some(wandering(arm, n, slower))))
    };
    // Twelve pairs show at best 2.6 x 0.5^12, which is more than a hundredth of a sixteenth: the looks go on.
    assert_eq!((of(15, 0.2).pairs, of(16, 0.2).pairs), (12, 16));
    let (slower, same) = (of(16, 0.2), of(16, 0.0));
    let mut rows = vec![&same; 15];
    rows.push(&slower);
    let judged = family(&rows);
    assert_eq!(judged[15].0, Verdict::Slower);
    assert!(judged[15].1 <= 0.01 && judged[15].1 > slower.p_slower);
    assert!(judged[..15].iter().all(|(verdict, _)| *verdict == Verdict::NotSlower));
    // A row that stopped as if it were alone is not enough among so many.
    let alone = of(1, 0.2);
    rows[15] = &alone;
    assert_eq!(family(&rows)[15].0, Verdict::Undecided);
    assert_eq!(family(&[&alone]), [(Verdict::Slower, alone.p_slower)]);
}

/// Load during B alone would look like a slower B in every comparison: on stored processes of a loaded machine, which
/// all lost a part of the processor, it never does.
#[test]
fn load_during_one_arm_is_no_slower_program() {
    let table = include_str!("../../../tests/fixtures/noise_pairs.csv");
    let names: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let place = |name: &str| names.iter().position(|other| *other == name).unwrap();
    let [phase, load, min, p50, mean, cpu] = ["phase", "load", "min_ms", "p50_ms", "mean_ms", "cpu_ms"].map(place);
    let rows: Vec<Vec<&str>> = table.lines().skip(1).map(|line| line.split(',').collect()).collect();
    let samples = |keep: &dyn Fn(&[&str]) -> bool| -> Vec<Sample> {
        let kept = rows.iter().filter(|row| keep(row));
        kept.map(|row| {
            let of = |place: usize| row[place].parse::<f64>().unwrap();
            Sample { occupancy: Some(of(cpu) / of(mean)), ..Sample::new(of(min), of(p50), of(mean)) }
        })
        .collect()
    };
    let quiet = samples(&|row| row[phase] == "A_cpu");
    let loaded = samples(&|row| row[load] == "1");
    assert!(quiet.len() == 120 && loaded.len() == 42);
    for seed in 0..40 {
        let options = AbOptions { seed: seed as u64, ..AbOptions::default() };
        let found = run(&options, |arm, n| {
            let from = if arm == Arm::A { &quiet } else { &loaded };
            Ok(Some(from[(n + seed) % from.len()].clone()))
        });
        assert_eq!((found.verdict, found.pairs, found.disturbed), (Verdict::Undecided, 0, 16));
    }
}
