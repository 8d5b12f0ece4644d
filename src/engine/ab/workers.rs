//! Pairs of processes of this program.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use super::arm::Arm;
use super::coin::Coin;
use super::measure::{Measure, Pair, Sample, Side};
use crate::bench::{self, RowWorker, Run, Spec};
use gnet_core::Result;

/// Listener that hears of each process.
type Ran<'a> = Box<dyn FnMut(Arm, &Spec, &Run) + 'a>;

/// Two rows, each measured in processes of `exe`, which must call [`serve`](crate::worker::serve).
///
/// Both processes of a pair load their network, warm up, and then take turns of some milliseconds in an order that the coin
/// decides, until both have measured as long as their limits ask. What the machine does meanwhile then strikes both alike: two
/// equal processes that take turns differ by a third as much as two that run one after the other.
pub struct Workers<'a> {
    exe: PathBuf,
    arms: [Spec; 2],
    labels: [String; 2],
    stop: &'a AtomicBool,
    apart: bool,
    ran: Option<Ran<'a>>,
}

impl<'a> Workers<'a> {
    /// Creates the arms from two rows. When `stop` becomes true, the processes that measure are ended.
    pub fn new(exe: impl Into<PathBuf>, a: Spec, b: Spec, stop: &'a AtomicBool) -> Self {
        let labels = [a.label(), b.label()];
        Self { exe: exe.into(), arms: [a, b], labels, stop, apart: false, ran: None }
    }

    /// Sets whether each process runs alone, one after the other, as where both do not fit into memory at once.
    #[must_use]
    pub fn apart(self, apart: bool) -> Self {
        Self { apart, ..self }
    }

    /// Sets a listener that gets each process's row as soon as it has ended.
    #[must_use]
    pub fn each(self, ran: impl FnMut(Arm, &Spec, &Run) + 'a) -> Self {
        Self { ran: Some(Box::new(ran)), ..self }
    }

    /// Sets what the record calls the arms, which is otherwise [`Spec::label`].
    #[must_use]
    pub fn labels(self, labels: [String; 2]) -> Self {
        Self { labels, ..self }
    }

    /// Returns the rows of both arms in this order, measured one after the other.
    fn one_after_the_other(&mut self, order: [Arm; 2]) -> Result<[Run; 2]> {
        let mut run = |arm: Arm| {
            let spec = &self.arms[arm as usize];
            let run = bench::run_in_worker_until(&self.exe, spec, self.stop).map_err(|e| arm.named(e))?;
            Ok(heard(&mut self.ran, arm, spec, run))
        };
        let [first, second] = order;
        Ok([run(first)?, run(second)?])
    }

    /// Returns the rows of both arms in this order, measured in turns.
    fn in_turns(&mut self, order: [Arm; 2], coin: &mut Coin) -> Result<[Run; 2]> {
        let [first, second] = order;
        let specs = order.map(|arm| &self.arms[arm as usize]);
        let start = |arm: Arm, spec| RowWorker::in_turns(&self.exe, spec, self.stop).map_err(|e| arm.named(e));
        let mut players = [(first, start(first, specs[0])?), (second, start(second, specs[1])?)];
        loop {
            let [one, other] = &mut players;
            let mut done = Vec::with_capacity(2);
            for (arm, worker) in if coin.toss() == Arm::A { [one, other] } else { [other, one] } {
                done.push(worker.turn().map_err(|e| arm.named(e))?);
            }
            if done.iter().all(|progress| progress.enough) || done.iter().any(|progress| progress.over) {
                break;
            }
        }
        let [one, other] = players;
        let mut finished = |(arm, worker): (Arm, RowWorker<'_>), spec| {
            let run = worker.finish().map_err(|e| arm.named(e))?;
            Ok(heard(&mut self.ran, arm, spec, run))
        };
        Ok([finished(one, specs[0])?, finished(other, specs[1])?])
    }
}

/// Tells the listener, if there is one, of a process that has ended.
fn heard(ran: &mut Option<Ran<'_>>, arm: Arm, spec: &Spec, run: Run) -> Run {
    if let Some(ran) = ran {
        ran(arm, spec, &run);
    }
    run
}

impl Measure for Workers<'_> {
    fn sides(&self) -> [Side; 2] {
        [0, 1].map(|arm| Side { label: self.labels[arm].clone(), ..Side::of(&self.arms[arm]) })
    }

    fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>> {
        let first = coin.toss();
        let order = [first, first.other()];
        let runs = if self.apart { self.one_after_the_other(order) } else { self.in_turns(order, coin) }?;
        let [one, other] = runs.each_ref().map(Sample::of);
        Ok(Some(Pair::new(first, if first == Arm::A { [one, other] } else { [other, one] })))
    }
}
