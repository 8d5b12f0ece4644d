//! Stored samples in place of processes.

use std::collections::VecDeque;

use serde::Deserialize;

use super::arm::Arm;
use super::coin::Coin;
use super::measure::{Measure, Pair, Sample, Side};
use super::options::Statistic;
use super::record::{ArmRecord, Comparison, Process};
use crate::bench::log::Line;
use gnet_core::{Error, Result};

/// A comparison of the past, whose samples are decided upon anew.
#[derive(Debug, Clone)]
pub struct Replay {
    sides: [Side; 2],
    statistic: Option<Statistic>,
    processes: VecDeque<Process>,
}

/// The part of a [`Comparison`]'s document that is read.
#[derive(Deserialize)]
struct Stored {
    #[serde(default)]
    statistic: Option<Statistic>,
    a: ArmRecord,
    b: ArmRecord,
    samples: Vec<Process>,
}

impl Replay {
    /// Reads the JSON document of a comparison, `gnet ab --format json`: of it the keys `a`, `b`, `samples` and,
    /// where it is there, `statistic`.
    ///
    /// # Errors
    /// Fails if the text is not such a document.
    pub fn read(json: &[u8]) -> Result<Self> {
        let stored: Stored = serde_json::from_slice(json).map_err(|e| {
            Error::input(Error::THE_FILE, format!("is no record of a comparison: {e}"))
                .remedy("give what `gnet ab --format json` wrote, or a log of `gnet ab --log`")
        })?;
        let sides = [Side::from(&stored.a), Side::from(&stored.b)];
        Ok(Self { sides, statistic: stored.statistic, processes: stored.samples.into() })
    }

    /// Takes the last comparison of a log, `gnet ab --log`, also one that was cut short: its lines are of the kind
    /// [`PAIR`](Line::PAIR).
    ///
    /// # Errors
    /// Fails if the log has no process of either arm.
    pub fn of_log(pairs: &[Line]) -> Result<Self> {
        let call = pairs.last().map(|line| &line.call);
        let lines: Vec<&Line> = pairs.iter().filter(|line| Some(&line.call) == call).collect();
        let first = |arm: Arm| lines.iter().find(|line| line.index == arm as usize);
        let (Some(a), Some(b)) = (first(Arm::A), first(Arm::B)) else {
            return Err(Error::input(Error::THE_FILE, "has no comparison in pairs")
                .remedy("give the log that `gnet ab --log` wrote"));
        };
        let arm = |line: &Line| if line.index == Arm::A as usize { Arm::A } else { Arm::B };
        let processes = lines.iter().enumerate();
        let processes = processes
            .map(|(index, line)| Process::of(index, index / 2, arm(line), index % 2 + 1, &Sample::of(&line.run), true));
        Ok(Self { sides: [a, b].map(|line| Side::of(&line.spec)), statistic: None, processes: processes.collect() })
    }

    /// Returns the statistic that decided then, if the record has it.
    pub fn statistic(&self) -> Option<Statistic> {
        self.statistic
    }
}

impl From<Comparison> for Replay {
    fn from(stored: Comparison) -> Self {
        let sides = [Side::from(&stored.a), Side::from(&stored.b)];
        Self { sides, statistic: Some(stored.statistic), processes: stored.samples.into() }
    }
}

impl Measure for Replay {
    fn sides(&self) -> [Side; 2] {
        self.sides.clone()
    }

    /// Returns the next two processes, in the order in which they ran then.
    fn pair(&mut self, _: &mut Coin) -> Result<Option<Pair>> {
        let (Some(one), Some(other)) = (self.processes.pop_front(), self.processes.pop_front()) else {
            return Ok(None);
        };
        let first = one.arm;
        if other.arm == first {
            let reason = format!("process {} measured {first:?} where its pair lacks {:?}", other.index, first.other());
            return Err(Error::input("stored samples", reason));
        }
        let samples = if first == Arm::A { [one, other] } else { [other, one] };
        Ok(Some(Pair::new(first, samples.each_ref().map(Process::sample))))
    }
}
