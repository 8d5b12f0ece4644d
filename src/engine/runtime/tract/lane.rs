//! A lane: a share of the batch and the thread it runs on.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use tract_onnx::prelude::{TValue, TVec, TypedSimpleState};
use tract_onnx::tract_core::ops::OpState;

use super::model::{Plan, failed, guarded};
use gnet_core::words::counted;
use gnet_core::{Error, Result};

pub(super) type Values = TVec<TValue>;

/// Plans of a session, each with the number of images it is made for.
pub(super) type Plans = Vec<(usize, Plan)>;

/// A plan that is run repeatedly, each time as if it were the first.
struct Runner {
    plan: Plan,
    /// State of the network; `None` after a failed run, since a partial state is not a valid start.
    state: Option<TypedSimpleState>,
    /// Initial states of the nodes that keep something from run to run, by index.
    begins: Vec<(usize, Box<dyn OpState>)>,
}

impl Runner {
    fn new(plan: &Plan) -> Result<Self> {
        let state = plan.spawn().map_err(|e| failed(&e))?;
        let begins = state.op_states.iter().enumerate().filter_map(|(place, kept)| Some((place, kept.clone()?)));
        Ok(Self { plan: plan.clone(), begins: begins.collect(), state: Some(state) })
    }

    fn run(&mut self, inputs: Values) -> Result<Values> {
        let mut state = match self.state.take() {
            Some(state) => state,
            None => self.plan.spawn().map_err(|e| failed(&e))?,
        };
        for (place, kept) in &self.begins {
            state.op_states[*place] = Some(kept.clone());
        }
        let outputs = state.run(inputs).map_err(|e| failed(&e))?;
        self.state = Some(state);
        Ok(outputs)
    }
}

/// States of the network, and the inputs of all runs piece by piece.
pub(super) struct Lane {
    /// One runner for each length that a piece of this lane has.
    runners: Vec<(usize, Runner)>,
    pieces: Vec<usize>,
    inputs: Vec<Values>,
}

impl Lane {
    pub(super) fn new(plans: &Plans, pieces: Vec<usize>) -> Result<Self> {
        let used = plans.iter().filter(|(len, _)| pieces.contains(len));
        let runners = used.map(|(len, plan)| Ok((*len, Runner::new(plan)?)));
        Ok(Self { runners: runners.collect::<Result<_>>()?, pieces, inputs: Vec::new() })
    }

    pub(super) fn bind(&mut self, inputs: Vec<Values>) {
        self.inputs = inputs;
    }

    /// Runs every piece once. The inputs are shared with the engine, not copied.
    pub(super) fn run(&mut self) -> Result<Vec<Values>> {
        guarded(|| {
            let mut outputs = Vec::with_capacity(self.inputs.len());
            for (len, inputs) in self.pieces.iter().zip(&self.inputs) {
                let runner = self.runners.iter_mut().find(|(made_for, _)| made_for == len);
                let (_, runner) = runner
                    .ok_or_else(|| Error::input("tract", format!("has no plan for {}", counted(len, "image"))))?;
                outputs.push(runner.run(inputs.clone())?);
            }
            Ok(outputs)
        })
    }
}

enum Job {
    Bind(Vec<Values>),
    Run,
}

/// A lane on its own thread, which ends with the worker.
pub(super) struct Worker {
    /// `None` only while the worker is dropped: a closed channel ends the thread.
    jobs: Option<Sender<Job>>,
    answers: Receiver<Result<Vec<Values>>>,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Starts the thread; `number` is part of its name.
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
            // The thread catches panics of the engine; nobody is left to be told about one of its own.
            let _ = thread.join();
        }
    }
}
