//! Ctrl-C, and the signals that ask a process to end: SIGTERM and SIGHUP.
//!
//! A command ends at once, without temporary files left behind. One that has something to keep says so ([`kept`]): then
//! the first Ctrl-C is its business, and the second ends it at once.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use gnet::{ErrorKind, files};

use super::output;

/// Whether the command stops by itself.
static KEEPS: AtomicBool = AtomicBool::new(false);

/// Whether it has been asked to.
static ASKED: AtomicBool = AtomicBool::new(false);

/// Listens from now on.
pub fn listen() {
    // Where somebody decided otherwise before this program began (`nohup`, a shell's background), that stays.
    let _ = ctrlc::try_set_handler(heard);
}

/// The command stops by itself when this turns true.
pub fn kept() -> &'static AtomicBool {
    KEEPS.store(true, Ordering::Relaxed);
    &ASKED
}

/// What a command says when it is interrupted, behind the word itself.
static LAST_WORDS: OnceLock<Box<dyn Fn() -> String + Send + Sync>> = OnceLock::new();

/// When the command is interrupted it says this: what it leaves and how to go on. It is asked when nothing changes any more.
#[cfg(feature = "burn")]
pub fn last_words(words: impl Fn() -> String + Send + Sync + 'static) {
    // A program runs one command.
    let _ = LAST_WORDS.set(Box::new(words));
}

/// Whether the process is ending.
static ENDS: AtomicBool = AtomicBool::new(false);

/// Comes back unless the process is ending: the exit takes a runtime's memory away from under the thread that uses it, and
/// what that thread then has to say is not the outcome.
pub fn hold_if_ending() {
    while ENDS.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

/// Runs in a thread of its own, not in a signal handler.
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

/// For a worker: what a terminal sends to all its processes is for the one that waits for the answer, and that ends this
/// one.
pub fn leave_to_parent() {
    let _ = ctrlc::set_handler(|| ());
}
