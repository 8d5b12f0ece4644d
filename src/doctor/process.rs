//! A process that may crash or hang without doing harm.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often a running process is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// What a process left.
#[derive(Debug)]
pub(super) struct Finished {
    /// How it ended; `None` when it was stopped because its time was up.
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
///
/// Its output goes through files: no pipe can fill up, and no grandchild can keep one open.
pub(super) fn run(command: &mut Command, input: &[u8], limit: Duration) -> io::Result<Finished> {
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command.stdin(Stdio::piped()).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A process that died before it read its input leaves a broken pipe; its end says more.
        let _ = stdin.write_all(input);
    }
    let status = wait(&mut child, limit)?;
    Ok(Finished { status, stdout: text(&mut stdout)?, stderr: text(&mut stderr)? })
}

fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            // It may have ended by itself in this moment; either way it is reaped.
            let _ = child.kill();
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(GLANCE.min(limit));
    }
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
    fn much_output_and_unread_input_do_no_harm() {
        let done = run(Command::new("sh").args(["-c", "head -c 1000000 /dev/zero"]), &[0; 1 << 20], LONG).unwrap();
        assert!(done.stdout.len() == 1_000_000 && done.succeeded());
    }
}
