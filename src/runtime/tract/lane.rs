//! One state of the network and the thread it runs on.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tract_onnx::prelude::{TValue, TVec, TypedSimpleState};

use super::model::{Plan, failed};
use crate::{Error, Result};

type Outputs = TVec<TValue>;

/// A state of the network with the inputs of all its runs.
pub(super) struct Lane {
    state: TypedSimpleState,
    inputs: TVec<TValue>,
}

impl Lane {
    pub(super) fn new(plan: &Plan) -> Result<Self> {
        let state = plan.spawn().map_err(|e| failed(&e))?;
        Ok(Self { state, inputs: TVec::new() })
    }

    pub(super) fn bind(&mut self, inputs: TVec<TValue>) {
        self.inputs = inputs;
    }

    /// Runs once. The inputs are shared with the engine, not copied.
    pub(super) fn run(&mut self) -> Result<Outputs> {
        let inputs = self.inputs.clone();
        guarded(|| self.state.run(inputs).map_err(|e| failed(&e)))
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
    Bind(TVec<TValue>),
    Run,
}

/// A lane on a thread of its own, which ends with the worker.
pub(super) struct Worker {
    /// `None` only while the worker is dropped: a closed channel ends the thread.
    jobs: Option<Sender<Job>>,
    answers: Receiver<Result<Outputs>>,
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

    pub(super) fn bind(&self, inputs: TVec<TValue>) -> Result<()> {
        self.send(Job::Bind(inputs))
    }

    /// Starts a run; [`finish_run`](Self::finish_run) waits for it.
    pub(super) fn start_run(&self) -> Result<()> {
        self.send(Job::Run)
    }

    pub(super) fn finish_run(&self) -> Result<Outputs> {
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

fn serve(mut lane: Lane, inbox: &Receiver<Job>, outbox: &Sender<Result<Outputs>>) {
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
