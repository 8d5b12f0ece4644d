//! Running programs other than gnet: output, exit status, and guaranteed termination.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{GRACE, keeper, program};

/// Interval at which a running process is polled.
pub(super) const GLANCE: Duration = Duration::from_millis(10);

/// Time that a process has to exit when told to.
pub(super) const LEAVE: Duration = Duration::from_secs(5);

/// Result of a finished process.
#[derive(Debug)]
pub struct Finished {
    /// Exit status; `None` if it was stopped.
    pub status: Option<ExitStatus>,
    /// Content of its stdout.
    pub stdout: String,
    /// Content of its stderr.
    pub stderr: String,
}

impl Finished {
    /// Returns `true` if it ended by itself and successfully.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs a program with an empty stdin for at most `limit`.
///
/// # Errors
/// Fails if it cannot be started.
pub fn run(command: &mut Command, limit: Duration) -> io::Result<Finished> {
    let start = Instant::now();
    run_while(command, &mut || start.elapsed() < limit)
}

/// Runs a program with an empty stdin until it ends or `go_on` returns `false`. If gnet serves as a keeper
/// ([`serve_by`](super::serve_by)), the program and everything it started end with this process, however this process
/// ends.
///
/// Its output goes through files: no pipe can fill up, and no grandchild can keep one open.
///
/// # Errors
/// Fails if it cannot be started.
pub fn run_while(command: &mut Command, go_on: &mut dyn FnMut() -> bool) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (temporary_file()?, temporary_file()?);
    let mut running = Running::start(command, (stdout.try_clone()?, stderr.try_clone()?))?;
    let status = wait(&mut running.child, go_on)?;
    if status.is_none() {
        running.stop()?;
    }
    let finished = Finished { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? };
    keeper::not_started(status, &finished.stderr).map_or(Ok(finished), Err)
}

/// A program, or the keeper that it runs under.
struct Running {
    child: Child,
    /// Channel that the keeper watches; `None` without one.
    line: Option<ChildStdin>,
}

impl Running {
    fn start(command: &mut Command, (stdout, stderr): (File, File)) -> io::Result<Self> {
        let mut kept = program().filter(|_| cfg!(unix)).map(|keeper| keeper::kept(keeper, command));
        let stdin = if kept.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = kept.as_mut().unwrap_or(command).stdin(stdin).stdout(stdout).stderr(stderr).spawn()?;
        Ok(Self { line: child.stdin.take(), child })
    }

    /// Asks it to end, then ends it.
    fn stop(&mut self) -> io::Result<()> {
        let patience = match self.line.take() {
            // The keeper does both.
            Some(line) => {
                drop(line);
                LEAVE
            }
            None => {
                terminate(&mut self.child);
                GRACE
            }
        };
        if wait_for(&mut self.child, patience)?.is_none() {
            // It may have ended by itself at this moment; either way it is reaped.
            let _ = self.child.kill();
            self.child.wait()?;
        }
        Ok(())
    }
}

/// Returns its exit status; `None` if it is still running after `limit`.
pub(super) fn wait_for(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    wait(child, &mut || start.elapsed() < limit)
}

/// Returns its exit status; `None` if it is still running and `go_on` returned `false`.
fn wait(child: &mut Child, go_on: &mut dyn FnMut() -> bool) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || !go_on() {
            return Ok(status);
        }
        thread::sleep(GLANCE);
    }
}

#[cfg(unix)]
fn terminate(child: &mut Child) {
    use nix::sys::signal::{Signal, kill};
    if let Ok(pid) = i32::try_from(child.id()) {
        // Not reaped yet, so its process ID is still its own; a process that ended by itself needs no signal.
        let _ = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// There is no way to ask it: it is killed immediately.
#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    let _ = child.kill();
}

/// Creates an unnamed file for the output of a process.
///
/// # Errors
/// Fails if the temporary folder does not exist or no file can be created in it; the error names it.
pub(super) fn temporary_file() -> io::Result<File> {
    tempfile::tempfile().map_err(|e| {
        let folder = std::env::temp_dir();
        let reason = if folder.is_dir() { e.to_string() } else { "is not there".to_owned() };
        io::Error::new(e.kind(), format!("the temporary folder {} {reason} (variable TMPDIR)", folder.display()))
    })
}

pub(super) fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str, limit: Duration) -> Finished {
        run(Command::new("sh").args(["-c", script]), limit).unwrap()
    }

    #[test]
    fn output_and_end_come_through() {
        let done = sh("cat; echo out; echo no >&2; exit 3", LONG);
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("out\n", "no\n"));
        assert_eq!(done.status.unwrap().code(), Some(3));
        assert!(!done.succeeded() && sh("true", LONG).succeeded());
        assert!(run(&mut Command::new("/no/such/program"), LONG).is_err());
    }

    #[test]
    fn a_process_is_stopped_when_its_time_is_up_and_its_children_do_not_matter() {
        let done = sh("echo begun; sleep 1000 & exec sleep 1000", Duration::from_millis(200));
        assert!(done.status.is_none() && !done.succeeded());
        assert_eq!(done.stdout, "begun\n");
    }

    #[test]
    fn a_stopped_process_may_clean_up_and_one_that_will_not_end_is_ended() {
        let stopped = |script: &str| run_while(Command::new("sh").args(["-c", script]), &mut || false).unwrap();
        // The first poll may come before the shell has set its trap, so it is given some time.
        let started = Instant::now();
        let mut later = || started.elapsed() < Duration::from_millis(300);
        let script = "trap 'echo cleaned; exit 3' TERM; echo begun; while :; do sleep 0.01; done";
        let done = run_while(Command::new("sh").args(["-c", script]), &mut later).unwrap();
        assert_eq!((done.status, done.stdout.as_str()), (None, "begun\ncleaned\n"));
        assert!(stopped("trap '' TERM; while :; do sleep 0.01; done").status.is_none());
    }

    #[test]
    fn much_output_does_no_harm() {
        let done = run(Command::new("sh").args(["-c", "head -c 1000000 /dev/zero"]), LONG).unwrap();
        assert!(done.stdout.len() == 1_000_000 && done.succeeded());
    }
}
