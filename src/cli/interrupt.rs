//! Ctrl-C, and the signals that ask a process to end: SIGTERM and SIGHUP.
//!
//! A command ends at once, without leaving temporary files behind. One that has something to save declares it
//! ([`kept`]): then it handles the first Ctrl-C itself, and the second ends it at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use gnet::{ErrorKind, files};

use super::output;

static KEEPS: AtomicBool = AtomicBool::new(false);

static ASKED: AtomicBool = AtomicBool::new(false);

pub fn listen() {
    // If the signal was set to be ignored before this program started (`nohup`, a shell's background), it stays that
    // way.
    let _ = ctrlc::try_set_handler(heard);
}

/// Returns a flag that becomes true when the command should stop by itself.
pub fn kept() -> &'static AtomicBool {
    KEEPS.store(true, Ordering::Relaxed);
    &ASKED
}

/// Text that a command adds when it is interrupted.
static LAST_WORDS: OnceLock<Box<dyn Fn() -> String + Send + Sync>> = OnceLock::new();

/// Sets the text shown when the command is interrupted: what it leaves behind and how to continue. The function is
/// called once nothing changes any more.
#[cfg(feature = "burn")]
pub fn last_words(words: impl Fn() -> String + Send + Sync + 'static) {
    // A program runs one command.
    let _ = LAST_WORDS.set(Box::new(words));
}

static ENDS: AtomicBool = AtomicBool::new(false);

/// Returns unless the process is ending: the exit takes a runtime's memory away from the thread that uses it, whose
/// subsequent errors are not the result.
pub fn hold_if_ending() {
    while ENDS.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Handles the signal, on a separate thread rather than in a signal handler.
fn heard() {
    if KEEPS.load(Ordering::Relaxed) && !ASKED.swap(true, Ordering::Relaxed) {
        return;
    }
    ENDS.store(true, Ordering::SeqCst);
    files::abandon();
    match LAST_WORDS.get() {
        Some(words) => output::note(format_args!("interrupted; {}", words())),
        None => output::note("interrupted; no file is half-written: run the same command again"),
    }
    std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()));
}

/// Ignores the signals that a terminal sends to all its processes, for a worker: they are meant for the process that
/// waits for the answer, which ends the worker.
pub fn leave_to_parent() {
    let _ = ctrlc::set_handler(|| ());
}
