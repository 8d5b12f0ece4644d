//! Ends the process before its n-th step, as a kill would, in a test that has started it for that.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::before_each;

/// The variable with the number of the step, from 0.
pub const AT: &str = "GNET_TEST_END_AT_STEP";
/// The variable with the folder to act in.
const FOLDER: &str = "GNET_TEST_END_IN_FOLDER";

static STEPS: AtomicUsize = AtomicUsize::new(0);

fn step() {
    let step = STEPS.fetch_add(1, Ordering::SeqCst);
    if std::env::var(AT).is_ok_and(|at| at.parse() == Ok(step)) {
        // Nothing is dropped, nothing is cleared, no handler runs.
        std::process::abort();
    }
}

/// Counts the steps from here on, and ends the process before the one in [`AT`].
pub fn count() {
    before_each(step);
}

/// Returns the folder to act in, if this process was started by [`ends`]; its steps are counted from here on.
pub fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os(FOLDER).map(PathBuf::from)?;
    count();
    Some(folder)
}

/// Runs the test `name` of this program in a separate process, which finds `folder` as [`folder()`] and ends before a
/// step, counted from 0. Returns `false` if it ran to completion because it has no such step.
pub fn ends(name: &str, folder: &Path, step: usize) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--nocapture"]).env(FOLDER, folder).env(AT, step.to_string());
    let output = command.output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        assert!(out.contains("1 passed"), "there is no test {name}:\n{out}");
        return false;
    }
    assert!(output.status.code().is_none(), "{name} failed by itself before step {step}:\n{out}\n{err}");
    true
}
