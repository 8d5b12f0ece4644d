//! A child process that may crash, hang or be stopped without doing harm.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// What a process that is stopped has to remove its temporary files.
const GRACE: Duration = Duration::from_millis(300);

/// What a process left.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended; `None` when it was stopped.
    pub status: Option<ExitStatus>,
    /// What it wrote to its stdout.
    pub stdout: String,
    /// What it wrote to its stderr.
    pub stderr: String,
}

impl Finished {
    /// Whether it ended by itself and well.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }
}

/// Runs a command with `input` on its stdin, for as long as `limit` at most.
pub(crate) fn run(command: &mut Command, input: &[u8], limit: Duration) -> io::Result<Finished> {
    let start = Instant::now();
    run_while(command, input, &|| start.elapsed() < limit)
}

/// Runs a command with `input` on its stdin until it ends or `go_on` is false.
///
/// Its output goes through files: no pipe can fill up, and no grandchild can keep one open.
pub(crate) fn run_while(command: &mut Command, input: &[u8], go_on: &dyn Fn() -> bool) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command.stdin(Stdio::piped()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that died before it read its input leaves a broken pipe; its end says more.
        let _ = stdin.write_all(input);
    }
    let status = wait(&mut child, go_on)?;
    if status.is_none() {
        stop(&mut child)?;
    }
    Ok(Finished { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

/// How it ended; `None` when it still runs and shall not go on.
fn wait(child: &mut Child, go_on: &dyn Fn() -> bool) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = child.try_wait()?;
        if status.is_some() || !go_on() {
            return Ok(status);
        }
        thread::sleep(GLANCE);
    }
}

/// Asks a process to end, then ends it.
fn stop(child: &mut Child) -> io::Result<()> {
    terminate(child);
    let start = Instant::now();
    if wait(child, &|| start.elapsed() < GRACE)?.is_none() {
        // It may have ended by itself in this moment; either way it is reaped.
        let _ = child.kill();
        child.wait()?;
    }
    Ok(())
}

#[cfg(unix)]
fn terminate(child: &Child) {
    use nix::sys::signal::{Signal, kill};
    if let Ok(pid) = i32::try_from(child.id()) {
        // Not reaped yet, so that the number is still its own; one that ended by itself needs no signal.
        let _ = kill(nix::unistd::Pid::from_raw(pid), Signal::SIGTERM);
    }
}

/// Nothing to ask with: it is ended at once.
#[cfg(not(unix))]
fn terminate(child: &mut Child) {
    let _ = child.kill();
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::Path;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn sh(script: &str, limit: Duration) -> Finished {
        run(Command::new("sh").args(["-c", script]), b"in", limit).unwrap()
    }

    #[test]
    fn input_output_and_end_come_through() {
        let done = sh("cat; echo no >&2; exit 3", LONG);
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("in", "no\n"));
        assert_eq!(done.status.unwrap().code(), Some(3));
        assert!(!done.succeeded() && sh("true", LONG).succeeded());
        assert!(run(&mut Command::new("/no/such/program"), b"", LONG).is_err());
    }

    #[test]
    fn a_process_is_stopped_when_its_time_is_up_and_its_children_do_not_matter() {
        let done = sh("echo begun; sleep 1000 & exec sleep 1000", Duration::from_millis(200));
        assert!(done.status.is_none() && !done.succeeded());
        assert_eq!(done.stdout, "begun\n");
    }

    #[test]
    fn a_stopped_process_may_clean_up_and_one_that_will_not_end_is_ended() {
        let go_on = || Path::new("/dev/null").is_dir();
        let stopped = |script: &str| run_while(Command::new("sh").args(["-c", script]), b"", &go_on).unwrap();
        // The first look may come before the shell has set its trap, so that it has some time.
        let started = Instant::now();
        let later = || started.elapsed() < Duration::from_millis(300);
        let script = "trap 'echo cleaned; exit 3' TERM; echo begun; while :; do sleep 0.01; done";
        let done = run_while(Command::new("sh").args(["-c", script]), b"", &later).unwrap();
        assert_eq!((done.status, done.stdout.as_str()), (None, "begun\ncleaned\n"));
        assert!(stopped("trap '' TERM; while :; do sleep 0.01; done").status.is_none());
    }

    #[test]
    fn much_output_and_unread_input_do_no_harm() {
        let done = run(Command::new("sh").args(["-c", "head -c 1000000 /dev/zero"]), &[0; 1 << 20], LONG).unwrap();
        assert!(done.stdout.len() == 1_000_000 && done.succeeded());
    }
}
