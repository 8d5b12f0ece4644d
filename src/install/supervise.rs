//! The process that stands between gnet and pip: it ends when gnet does, however that ends, and takes along pip and
//! whatever pip has started.
//!
//! A process can ask the system to end with its parent, but neither Python nor what it starts does so, and a signal to gnet
//! need not reach them. So pip runs in a process group of its own whose leader holds the reading end of a pipe that only gnet
//! can write to. The system closes a pipe when the last process that holds it is gone.

use std::ffi::OsString;
use std::io::{self, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, getpgrp, setpgid};

/// Runs `words`, a program and its arguments, and returns its exit code; no file that it writes grows beyond `limit` bytes.
///
/// When stdin is closed before that, the whole process group is killed: the program, what it has started, and this process.
///
/// # Errors
/// The program cannot be started.
pub fn supervise(limit: u64, words: &[OsString]) -> io::Result<u8> {
    // Who is to be killed as a group must not be in somebody else's. It has been made a leader already, unless a person has
    // started it from a shell.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    // Whoever ends every process named gnet shall leave this one to see it.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"pip-supervisor");
    let (_, most) = getrlimit(Resource::RLIMIT_FSIZE)?;
    setrlimit(Resource::RLIMIT_FSIZE, limit.min(most), limit.min(most))?;
    thread::spawn(|| {
        let mut stdin = io::stdin().lock();
        while stdin.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let _ = killpg(getpgrp(), Signal::SIGKILL);
    });
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).status()?;
    Ok(code(status))
}

/// The exit code, or as a shell tells it what signal has ended the process.
fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt;
    let code = status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    u8::try_from(code).unwrap_or(u8::MAX)
}
