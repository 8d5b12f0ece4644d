#![doc = include_str!("gate.md")]

mod accuracy;
mod agreement;
mod budget;
mod config;
mod engine;
mod explain;
mod init;
mod junit;
mod latency;
mod memory;
mod placement;
mod record;
mod site;
mod values;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

pub use init::init;
pub use junit::junit;
pub use record::{Found, Outcome, Record, Status};
pub use site::{Means, OpenCheckpoint};

use self::config::Stated;
use self::engine::Engine;
use self::site::{Rule, Site};
use crate::bench::Feed;
use gnet_core::{OnnxFile, Result};

/// The rules for one model, as a file states them.
pub struct Gate {
    name: String,
    model: PathBuf,
    file: OnnxFile,
    feed: Feed,
    engine: Engine,
    rules: Vec<Box<dyn Rule>>,
}

/// News of a gate that runs.
enum News {
    /// Its current activity.
    Doing(String),
    /// Outcomes of the rules from this one on.
    Done(usize, Vec<Outcome>),
}

impl Gate {
    /// Reads a gate and opens its model. Paths in it lead from its own folder.
    ///
    /// # Errors
    /// Fails if the file or the model cannot be read, if it is not TOML, on a key that is unknown, missing or misplaced, on a value that
    /// means nothing, or if there is no rule in it; the error names the line, the key and the remedy.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(path.display().to_string(), config::read(path)?)
    }

    /// Reads a gate from the text of a file called `name` in `folder`.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn parse(name: &str, folder: &Path, text: &str) -> Result<Self> {
        Self::of(name.to_owned(), config::stated(name, folder, text)?)
    }

    fn of(name: String, stated: Stated) -> Result<Self> {
        let Stated { model, feed, engine, rules } = stated;
        let file = OnnxFile::open_whole(&model)?;
        Ok(Self { name, model, file, feed, engine, rules })
    }

    /// Returns the model.
    pub fn file(&self) -> &OnnxFile {
        &self.file
    }

    /// Tries every rule and returns what became of each; `say` is called with the current activity.
    ///
    /// The rules run in a thread of their own: once [`Means::stop`] is true, this returns with what was found so far, and the
    /// thread ends with the rule that it is at.
    ///
    /// # Errors
    /// Fails if the model cannot be decoded. A rule that does not hold is in the record.
    pub fn run(self, means: Means, say: &mut dyn FnMut(&str)) -> Result<Record> {
        let start = Instant::now();
        let means = Means { engine: self.engine.applied(means.engine), ..means };
        let outcomes: Vec<Vec<Outcome>> = self.rules.iter().map(|rule| rule.outcomes()).collect();
        let count: usize = outcomes.iter().map(Vec::len).sum();
        let mut rules: Vec<Outcome> = outcomes.iter().flatten().cloned().collect();
        let (sender, news) = channel();
        let doing = sender.clone();
        let told = move |what: &str| drop(doing.send(News::Doing(what.to_owned())));
        let stop = means.stop;
        let site = Site::new(&self.model, self.file, self.feed, means, Box::new(told))?;
        let tries = self.rules.into_iter().zip(outcomes);
        let thread = std::thread::spawn(move || tried(&site, tries, count, &sender));
        let stopped = || stop.load(Ordering::Relaxed);
        if heard(&news, &mut rules, say, stopped)
            && let Err(panic) = thread.join()
        {
            std::panic::resume_unwind(panic);
        }
        let interrupted = stopped() && rules.iter().any(|rule| rule.status == Status::NotRun);
        let missing = rules.iter_mut().filter(|rule| rule.status == Status::NotRun && rule.reason.is_none());
        missing.for_each(|rule| rule.reason = Some("was interrupted".to_owned()));
        Ok(Record {
            gate: self.name,
            model: self.model.display().to_string(),
            verdict: Status::of_all(rules.iter().map(|rule| rule.status)),
            interrupted,
            seconds: start.elapsed().as_secs_f64(),
            rules,
        })
    }
}

/// Tries one rule after the other and sends what became of each.
fn tried(site: &Site, rules: impl Iterator<Item = (Box<dyn Rule>, Vec<Outcome>)>, count: usize, sender: &Sender<News>) {
    let mut place = 0;
    for (rule, mut outcomes) in rules {
        let names: Vec<_> = outcomes.iter().map(Outcome::name).collect();
        let [first, ..] = &names[..] else { continue };
        let more = if names.len() > 1 { format!(" to {}", place + names.len()) } else { String::new() };
        (site.say)(&format!("[{}{more}/{count}] {first}", place + 1));
        let start = Instant::now();
        let ended = site.go_on().and_then(|()| rule.run(site, &mut outcomes));
        if let Err(error) = ended {
            let open = outcomes.iter_mut().filter(|outcome| outcome.status == Status::NotRun);
            open.for_each(|outcome| outcome.ended_by(&error));
        }
        outcomes[0].seconds = start.elapsed().as_secs_f64();
        let next = place + outcomes.len();
        // Nobody listens once the gate was interrupted.
        if sender.send(News::Done(place, outcomes)).is_err() {
            return;
        }
        place = next;
    }
}

/// Interval at which it is looked whether the gate should stop.
const LOOK: Duration = Duration::from_millis(50);

/// Listens until the thread that tries the rules has ended, and returns `false` if the gate should stop before.
fn heard(news: &Receiver<News>, rules: &mut [Outcome], say: &mut dyn FnMut(&str), stopped: impl Fn() -> bool) -> bool {
    loop {
        match news.recv_timeout(LOOK) {
            Ok(News::Doing(what)) => say(&what),
            Ok(News::Done(place, outcomes)) => {
                for (rule, outcome) in rules[place..].iter_mut().zip(outcomes) {
                    *rule = outcome;
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return true,
        }
        if stopped() {
            return false;
        }
    }
}
