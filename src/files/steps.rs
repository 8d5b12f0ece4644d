//! The calls that change what a folder holds. Each may be the last thing that a process does.

use std::io;
use std::path::Path;

/// Gives `from` the name `to`, which it takes from another file.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    #[cfg(test)]
    ending::step();
    std::fs::rename(from, to)
}

/// Removes a file.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    #[cfg(test)]
    ending::step();
    std::fs::remove_file(path)
}

/// Keeps other processes of gnet from changing a folder's names as long as it lives: they wait.
pub(crate) struct Locked(#[allow(dead_code, reason = "closing it unlocks")] Option<std::fs::File>);

/// Locks a folder, where the system can: then several files in it change as one.
pub(crate) fn lock(folder: &Path) -> Locked {
    let open = std::fs::File::open(folder);
    Locked(open.and_then(|folder| folder.lock().map(|()| folder)).ok())
}

/// Makes the names in a folder last through a loss of power: renaming alone does not. A system that cannot has no say.
pub(crate) fn sync(folder: &Path) {
    #[cfg(unix)]
    let _ = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let _ = folder;
}

/// Ends the process before its n-th step, as a kill would, in a test that has started it for that.
#[cfg(test)]
pub(crate) mod ending {
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// The variable with the number of the step, from 0.
    pub(crate) const AT: &str = "GNET_TEST_END_AT_STEP";

    static STEPS: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn step() {
        let step = STEPS.fetch_add(1, Ordering::SeqCst);
        if std::env::var(AT).is_ok_and(|at| at.parse() == Ok(step)) {
            // Nothing is dropped, nothing is cleared, no handler runs.
            std::process::abort();
        }
    }
}
