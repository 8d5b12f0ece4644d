//! Supervision of programs that know nothing of gnet: a keeper ends the program, and everything it started, when gnet
//! ends.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};

/// Hidden command that makes the program a keeper; the program to run and its arguments follow.
pub const KEEPER_COMMAND: &str = "keeper";

const NOT_STARTED: u8 = 127;

/// Text that such a keeper writes to stderr before the system's error number.
const REASON: &str = "gnet keeper: cannot start: ";

pub(super) fn kept(keeper: &Path, command: &Command) -> Command {
    let mut kept = Command::new(keeper);
    // A signal to gnet's whole process group must not reach the keeper, which has to outlive it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut kept, 0);
    kept.arg(KEEPER_COMMAND).arg("--").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => kept.env(name, value),
            None => kept.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        kept.current_dir(folder);
    }
    kept
}

pub(super) fn not_started(status: Option<ExitStatus>, stderr: &str) -> Option<io::Error> {
    status.filter(|status| status.code() == Some(i32::from(NOT_STARTED)))?;
    let number = stderr.strip_prefix(REASON)?.trim().parse().ok()?;
    Some(io::Error::from_raw_os_error(number))
}

/// Runs a program in its own process group until it ends, or until stdin of this process does, which the parent holds
/// open for as long as it lives. Returns the exit code for this process.
///
/// Signals that a terminal sends to its foreground processes do not reach the program: the parent of this process
/// decides.
#[cfg(unix)]
pub fn keep(command: Vec<OsString>) -> u8 {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Stdio;
    use std::{io::Read, thread};

    use nix::sys::signal::{Signal, killpg, raise};
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::unistd::Pid;

    use super::{GRACE, end_at_once};

    // A command that ends every process named gnet must not reach it either.
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_name(c"keeper");
    let mut words = command.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    let mut child = match command.args(words).stdin(Stdio::null()).process_group(0).spawn() {
        Ok(child) => child,
        Err(e) => {
            let _ = io::Write::write_all(
                &mut io::stderr(),
                format!("{REASON}{}", e.raw_os_error().unwrap_or_default()).as_bytes(),
            );
            return NOT_STARTED;
        }
    };
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
    let watch = move || {
        // Returns when the process that holds the other end has ended: nothing is ever written to it.
        let _ = io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = killpg(group, Signal::SIGTERM);
        thread::sleep(GRACE);
        let _ = killpg(group, Signal::SIGKILL);
        end_at_once()
    };
    if thread::Builder::new().spawn(watch).is_err() {
        let _ = killpg(group, Signal::SIGKILL);
    }
    // Its process ID remains valid until it is reaped, so that the rest of its group can be ended by it.
    let _ = waitid(Id::Pid(group), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
    let _ = killpg(group, Signal::SIGKILL);
    let Ok(status) = child.wait() else { return 1 };
    if let Some(signal) = status.signal() {
        if let Ok(signal) = Signal::try_from(signal) {
            let _ = raise(signal);
        }
        return 128_u8.saturating_add(u8::try_from(signal).unwrap_or(u8::MAX));
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Placeholder for other systems, on which no keeper is started.
#[cfg(not(unix))]
pub fn keep(_: Vec<OsString>) -> u8 {
    NOT_STARTED
}
