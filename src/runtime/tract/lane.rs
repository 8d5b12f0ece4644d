//! A share of the batch and the thread it runs on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tract_onnx::prelude::{TValue, TVec, TypedSimpleState};

use super::model::{Plan, failed};
use crate::{Error, Result};

/// The inputs or the outputs of one piece of a batch.
pub(super) type Values = TVec<TValue>;

/// The plans of a session, each with the number of images it is made for.
pub(super) type Plans = Vec<(usize, Plan)>;

/// States of the network, and the inputs of all runs piece by piece.
pub(super) struct Lane {
    /// One state for each length that a piece of this lane has.
    states: Vec<(usize, TypedSimpleState)>,
    /// The length of each piece in images.
    pieces: Vec<usize>,
    inputs: Vec<Values>,
}

impl Lane {
    pub(super) fn new(plans: &Plans, pieces: Vec<usize>) -> Result<Self> {
        let used = plans.iter().filter(|(len, _)| pieces.contains(len));
        let states = used.map(|(len, plan)| Ok((*len, plan.spawn().map_err(|e| failed(&e))?)));
        Ok(Self { states: states.collect::<Result<_>>()?, pieces, inputs: Vec::new() })
    }

    /// The inputs of each piece.
    pub(super) fn bind(&mut self, inputs: Vec<Values>) {
        self.inputs = inputs;
    }

    /// Runs every piece once. The inputs are shared with the engine, not copied.
    pub(super) fn run(&mut self) -> Result<Vec<Values>> {
        guarded(|| {
            let mut outputs = Vec::with_capacity(self.inputs.len());
            for (len, inputs) in self.pieces.iter().zip(&self.inputs) {
                let state = self.states.iter_mut().find(|(made_for, _)| made_for == len);
                let (_, state) = state.ok_or_else(|| Error::input("tract", format!("has no plan for {len} images")))?;
                outputs.push(state.run(inputs.clone()).map_err(|e| failed(&e))?);
            }
            Ok(outputs)
        })
    }
}

/// Turns a panic inside the engine into an error.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| Err(Error::input("tract", format!("gave up: {}", panic_text(&*panic)))))
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.and_then(|text| text.lines().next()).unwrap_or("no reason given")
}

enum Job {
    Bind(Vec<Values>),
    Run,
}

/// A lane on a thread of its own, which ends with the worker.
pub(super) struct Worker {
    /// `None` only while the worker is dropped: a closed channel ends the thread.
    jobs: Option<Sender<Job>>,
    answers: Receiver<Result<Vec<Values>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread; `number` is in its name.
    pub(super) fn start(lane: Lane, number: usize) -> Result<Self> {
        let (jobs, inbox) = channel();
        let (outbox, answers) = channel();
        let thread = std::thread::Builder::new()
            .name(format!("tract-{number}"))
            .spawn(move || serve(lane, &inbox, &outbox))
            .map_err(|e| Error::input("threads", format!("thread {number} cannot be started: {e}")))?;
        Ok(Self { jobs: Some(jobs), answers, thread: Some(thread) })
    }

    pub(super) fn bind(&self, inputs: Vec<Values>) -> Result<()> {
        self.send(Job::Bind(inputs))
    }

    /// Starts a run; [`finish_run`](Self::finish_run) waits for it.
    pub(super) fn start_run(&self) -> Result<()> {
        self.send(Job::Run)
    }

    pub(super) fn finish_run(&self) -> Result<Vec<Values>> {
        self.answers.recv().unwrap_or_else(|_| Err(gone()))
    }

    fn send(&self, job: Job) -> Result<()> {
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(job).map_err(|_| gone())
    }
}

fn gone() -> Error {
    Error::input("tract", "a worker thread has ended")
}

fn serve(mut lane: Lane, inbox: &Receiver<Job>, outbox: &Sender<Result<Vec<Values>>>) {
    for job in inbox {
        match job {
            Job::Bind(inputs) => lane.bind(inputs),
            Job::Run => {
                if outbox.send(lane.run()).is_err() {
                    return;
                }
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // The thread catches panics of the engine; one of its own has nobody left to be told.
            let _ = thread.join();
        }
    }
}
