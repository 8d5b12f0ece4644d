//! This process's side of a worker.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::run::{GLANCE, LEAVE, temporary_file, text, wait_for};
use super::{Blocks, GRACE, Lost, WORKER_COMMAND, frame};
use crate::{Error, Result};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Said {
    /// Its current activity.
    Doing(String),
    /// The answer, in the caller's own terms.
    Answer(serde_json::Value),
    /// Its work failed.
    Failed(Error),
}

type Heard = io::Result<Option<(Said, Blocks)>>;

/// A worker that waits for orders.
pub struct Worker {
    child: Child,
    orders: BufWriter<Line>,
    answers: Receiver<Heard>,
    /// Output on its stderr and stdout.
    words: File,
    /// Its last report on what it was doing.
    doing: String,
}

impl Worker {
    /// Starts `program` under [`WORKER_COMMAND`], which must [`serve`](super::serve).
    pub fn start(program: &Path) -> Result<Self, Lost> {
        Self::spawn(Command::new(program).arg(WORKER_COMMAND))
    }

    /// Starts any program that answers on its stdin in the same way as a worker.
    pub fn spawn(command: &mut Command) -> Result<Self, Lost> {
        let program = command.get_program().to_string_lossy().into_owned();
        let fail = |e: io::Error| Lost::NotStarted { program: program.clone(), reason: e.to_string() };
        // Its output goes to a file: no pipe can fill up, and no grandchild can keep one open.
        let words = temporary_file().map_err(|e| Lost::NoFolder(e.to_string()))?;
        let said = || words.try_clone().map_err(fail);
        let (orders, answers, child) = Line::to(command.stderr(said()?), said()?).map_err(fail)?;
        let (heard, inbox) = channel();
        let listen = move || {
            let mut answers = BufReader::new(answers);
            loop {
                let said = frame::receive(&mut answers);
                let goes_on = matches!(said, Ok(Some(_)));
                if heard.send(said).is_err() || !goes_on {
                    return;
                }
            }
        };
        let this = Self { child, orders: BufWriter::new(orders), answers: inbox, words, doing: String::new() };
        thread::Builder::new().name("worker".to_owned()).spawn(listen).map_err(fail)?;
        Ok(this)
    }

    /// Gives an order and waits for the answer for as long as `go_on` returns `true` for the activity that the worker
    /// reports.
    ///
    /// # Errors
    /// Fails if the worker is lost ([`Lost`]); the inner error is a failure of its work.
    pub fn ask<A: DeserializeOwned>(
        &mut self,
        order: &impl Serialize,
        blocks: &[&[u8]],
        go_on: &dyn Fn(&str) -> bool,
    ) -> Result<Result<(A, Blocks)>, Lost> {
        match frame::send(&mut self.orders, order, blocks) {
            Err(e) if e.kind() == io::ErrorKind::InvalidData => return Err(Lost::Unsaid(e.to_string())),
            // A worker that died takes no order; its exit status says more.
            _ => {}
        }
        self.doing.clear();
        loop {
            let heard = match self.answers.recv_timeout(GLANCE) {
                Err(RecvTimeoutError::Timeout) if go_on(&self.doing) => continue,
                Err(RecvTimeoutError::Timeout) => {
                    self.leave(GRACE);
                    return Err(Lost::Stopped { doing: std::mem::take(&mut self.doing) });
                }
                Err(RecvTimeoutError::Disconnected) => Ok(None),
                Ok(heard) => heard,
            };
            match heard {
                Ok(Some((Said::Doing(doing), _))) => self.doing = doing,
                Ok(Some((Said::Failed(error), _))) => return Ok(Err(error)),
                Ok(Some((Said::Answer(answer), blocks))) => {
                    let answer = serde_json::from_value(answer).map_err(|e| Lost::Confused(e.to_string()))?;
                    return Ok(Ok((answer, blocks)));
                }
                Err(e) if e.kind() == io::ErrorKind::InvalidData => return Err(Lost::Confused(e.to_string())),
                // Its end may come in the middle of a line or a block.
                Ok(None) | Err(_) => return Err(self.dead()),
            }
        }
    }

    /// Ends it: by closing its channel, or at once if it is at work; a worker that hangs meanwhile is killed.
    fn leave(&mut self, patience: Duration) {
        self.orders.get_mut().close();
        if !matches!(wait_for(&mut self.child, patience), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn dead(&mut self) -> Lost {
        let ended = wait_for(&mut self.child, LEAVE);
        match ended {
            Ok(Some(status)) => Lost::died(status, &text(&mut self.words).unwrap_or_default()),
            Ok(None) => Lost::Confused("it has closed its channel and does not end".to_owned()),
            Err(e) => Lost::Confused(e.to_string()),
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.leave(LEAVE);
    }
}

/// The writing half of a worker's channel: a socket that is the worker's stdin in both directions, so that libraries
/// may write to stdout without harm.
#[cfg(unix)]
struct Line(std::os::unix::net::UnixStream);

#[cfg(unix)]
impl Line {
    fn to(command: &mut Command, stdout: File) -> io::Result<(Self, impl Read + Send + use<>, Child)> {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair()?;
        let reading = ours.try_clone()?;
        let child = command.stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs))).stdout(stdout).spawn()?;
        // The command keeps its end of the socket: if it stayed open here, the worker's death would go unnoticed.
        command.stdin(Stdio::null());
        Ok((Self(ours), reading, child))
    }

    fn close(&mut self) {
        let _ = self.0.shutdown(std::net::Shutdown::Write);
    }
}

#[cfg(unix)]
impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The same with two pipes, on systems without such sockets.
#[cfg(not(unix))]
struct Line(Option<std::process::ChildStdin>);

#[cfg(not(unix))]
impl Line {
    fn to(command: &mut Command, _: File) -> io::Result<(Self, impl Read + Send + use<>, Child)> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let answers = child.stdout.take().ok_or_else(|| io::Error::other("it has no pipe"))?;
        Ok((Self(child.stdin.take()), answers, child))
    }

    fn close(&mut self) {
        self.0 = None;
    }
}

#[cfg(not(unix))]
impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.as_mut().map_or(Err(io::ErrorKind::BrokenPipe.into()), |pipe| pipe.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), Write::flush)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    /// Runs a shell script in the place of a worker; it may answer on its stdin, fd 0.
    fn scripted(script: &str) -> Result<Worker, Lost> {
        Worker::spawn(Command::new("sh").args(["-c", script]))
    }

    fn lost(script: &str) -> Lost {
        scripted(script).unwrap().ask::<i32>(&"order", &[b"bytes"], &|_| true).unwrap_err()
    }

    const ANSWER: &str = r#"echo '{"gnet":{"answer":7},"blocks":[3]}' >&0; printf abc >&0"#;

    #[test]
    fn an_answer_comes_through_whatever_is_written_beside_it() {
        let noisy = format!("echo noise; echo noise >&2; head -n 1 >/dev/null; {ANSWER}; cat >/dev/null");
        let mut worker = scripted(&noisy).unwrap();
        let (answer, blocks): (i32, _) = worker.ask(&"order", &[], &|_| true).unwrap().unwrap();
        assert_eq!((answer, blocks), (7, vec![b"abc".to_vec()]));
        // A worker that dies while it cleans up has already answered.
        let mut worker = scripted(&format!("{ANSWER}; kill -SEGV $$")).unwrap();
        assert_eq!(worker.ask::<i32>(&"order", &[], &|_| true).unwrap().unwrap().0, 7);
    }

    #[test]
    fn a_failure_keeps_its_kind_thing_and_remedy() {
        for error in [Error::input("a: b", "c: d").remedy("e"), Error::check("a", "b"), Error::unavailable("a", "b")] {
            let said = serde_json::to_string(&Said::Failed(Error::input("x", "y"))).unwrap();
            assert!(said.contains("failed"));
            let text = serde_json::to_string(&error).unwrap();
            let back: Error = serde_json::from_str(&text).unwrap();
            assert_eq!(
                (back.kind(), back.to_string(), back.remedy_text()),
                (error.kind(), error.to_string(), error.remedy_text())
            );
        }
    }

    #[test]
    fn a_worker_that_dies_says_how() {
        let killed = lost("kill -9 $$");
        assert_eq!(killed.to_string(), "the worker died: signal: 9 (SIGKILL)");
        assert!(killed.remedy().unwrap().contains("more memory than there is"));
        let aborted = lost("echo 'memory allocation of 99 bytes failed' >&2; echo more >&2; kill -ABRT $$");
        let text = aborted.to_string().replace(" (core dumped)", "");
        assert_eq!(text, "the worker died: signal: 6 (SIGABRT): memory allocation of 99 bytes failed");
        assert!(aborted.remedy().unwrap().contains("a smaller batch"));
        let panicked = lost("echo \"thread 'main' panicked at x.rs:1\nthe reason\nnote: more\" >&2; exit 101");
        assert_eq!(panicked.to_string(), "the worker died: exit status: 101: the reason");
        assert_eq!(lost("exit 7").to_string(), "the worker died: exit status: 7");
        assert_eq!(lost("exit 7").of("x").kind(), ErrorKind::Input);
        for half in [r#"{"gnet":{"answer":7},"blocks":[9]}\nabc"#, r#"{"gnet":{"ans"#] {
            let lost = lost(&format!("printf '{half}' >&0; exit 3"));
            assert_eq!(lost.to_string(), "the worker died: exit status: 3");
        }
    }

    #[test]
    fn an_interruption_is_no_failure() {
        for script in ["exit 130", "exec env --default-signal=INT sh -c 'kill -INT $$'", "kill -TERM $$"] {
            let error = lost(script).of("the row");
            assert_eq!(
                (error.kind(), error.to_string().as_str()),
                (ErrorKind::Interrupted, "the row: was interrupted")
            );
        }
    }

    #[test]
    fn nonsense_is_told_from_death() {
        let text = lost("echo nonsense >&0; cat >/dev/null").to_string();
        assert!(text.starts_with("the worker's answer cannot be understood: a line that is none"), "{text}");
        let text = lost(r#"echo '{"gnet":{"answer":"text"},"blocks":[]}' >&0; cat >/dev/null"#).to_string();
        assert!(text.starts_with("the worker's answer cannot be understood: invalid type"), "{text}");
    }

    #[test]
    fn nobody_waits_longer_than_they_want() {
        let doing = r#"echo '{"gnet":{"doing":"digging"},"blocks":[]}' >&0; exec sleep 1000"#;
        let mut worker = scripted(doing).unwrap();
        let lost = worker.ask::<i32>(&"order", &[], &|doing| doing != "digging").unwrap_err();
        assert_eq!(lost.to_string(), "the worker was stopped while digging");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let lost = Worker::start(Path::new("/nowhere/gnet")).err().unwrap();
        assert!(lost.to_string().starts_with("the worker /nowhere/gnet cannot be started: No such file"), "{lost}");
    }
}
