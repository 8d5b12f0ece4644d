//! The Python environment of the oracle.

use std::path::{Path, PathBuf};

/// The interpreter of the oracle's environment; `None` when there is none and none is required.
///
/// # Panics
/// `GNET_ORACLE=required` and the environment is not there or not up to date.
pub fn interpreter() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read(root.join(path)).ok();
    // The script copies the list in last, so a half-made or outdated environment does not count.
    let (wanted, installed) = (read("tests/oracle/requirements.txt"), read("target/oracle/requirements.txt"));
    if installed.is_some() && wanted == installed {
        return Some(root.join("target/oracle/bin/python"));
    }
    let reason = "the oracle's Python environment is not there or is outdated; scripts/oracle makes it";
    let required = std::env::var_os("GNET_ORACLE").is_some_and(|value| value == "required");
    assert!(!required, "{reason}");
    eprintln!("the oracle did not run: {reason}");
    None
}
