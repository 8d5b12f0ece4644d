//! Child processes that may crash, hang or be stopped without doing harm, and that never outlive this one.
//!
//! A *worker* is the program `gnet` itself under a hidden command: it takes orders over one channel and answers them
//! (`worker`, `serve`). A *program* is any other, such as Python (`run`); a *keeper*, again gnet itself, stands
//! between (`keeper`).
//!
//! Both hold the reading end of a channel whose other end only this process has, and watch it from a thread. However
//! this process ends, the system closes its end, and the child notices, even if it starts watching later: the end of
//! its parent cannot be missed.

mod frame;
mod keeper;
mod lost;
mod run;
mod serve;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

pub use keeper::{KEEPER_COMMAND, keep};
pub use lost::Lost;
pub use run::{run, run_while};
pub use serve::serve;
pub use worker::Worker;

/// Hidden command that makes the program a worker.
pub const WORKER_COMMAND: &str = "engine-worker";

/// Blocks of bytes beside a message: a file, or the values of arrays.
pub type Blocks = Vec<Vec<u8>>;

/// Time that a stopped process has to remove its temporary files.
const GRACE: Duration = Duration::from_millis(300);

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Sets the program that serves as workers and keepers for the lifetime of this process: gnet sets itself when it
/// starts, unless it is one of them. From then on every engine runs in a separate process. Without it engines run in
/// this process, as expected by users of the library who have no such program.
///
/// The program must answer the hidden commands as gnet does. A second call has no effect.
pub fn serve_by(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// Returns the program set by [`serve_by`].
pub fn program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// Ends this process immediately, whatever its threads are doing: no exit handlers of libraries or of Rust are run.
fn end_at_once() -> ! {
    crate::files::abandon();
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, kill};
        let _ = kill(nix::unistd::Pid::this(), Signal::SIGKILL);
    }
    std::process::abort()
}
