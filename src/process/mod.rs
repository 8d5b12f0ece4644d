//! Child processes that may crash, hang or be stopped without doing harm, and that never outlive this one.
//!
//! A *worker* is the program `gnet` itself under a hidden command: it takes orders over one channel and answers them
//! (`worker`, `serve`). A *program* is any other, such as Python (`run`); a *keeper*, again gnet itself, stands
//! between (`keeper`).
//!
//! Both hold the reading end of a channel whose other end only this process has, and watch it from a thread. However this
//! process ends, the system closes its end, and the child sees that, also when it begins to look later: there is no moment
//! in which the end of its parent can be missed.

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
pub(crate) use lost::Lost;
pub(crate) use run::run;
#[cfg(feature = "ort")]
pub(crate) use run::run_while;
pub(crate) use serve::serve;
pub(crate) use worker::Worker;
#[cfg(all(test, unix))]
pub(crate) use worker::tests::scripted;

/// Blocks of bytes beside a message: a file, or the values of arrays.
pub(crate) type Blocks = Vec<Vec<u8>>;

/// What a process that is stopped has to remove its temporary files.
const GRACE: Duration = Duration::from_millis(300);

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Names the program that serves as workers and keepers, for as long as this process lives: gnet names itself when it
/// starts, unless it is one of them. From then on every engine runs in a process of its own. Without it engines run in this
/// process, as a library's user who has no such program expects.
///
/// The program must answer the hidden commands as gnet does. A second call changes nothing.
pub fn serve_by(program: PathBuf) {
    let _ = PROGRAM.set(program);
}

/// The program named by [`serve_by`].
pub(crate) fn program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// Ends this process at once, whatever its threads are doing: nothing of a library's or of Rust's is run any more.
fn end_at_once() -> ! {
    crate::files::abandon();
    #[cfg(unix)]
    {
        use nix::sys::signal::{Signal, kill};
        let _ = kill(nix::unistd::Pid::this(), Signal::SIGKILL);
    }
    std::process::abort()
}
