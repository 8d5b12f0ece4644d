//! Tells the program the commit that it is built from, where this folder is a repository: `GNET_COMMIT`.
//!
//! Only the package at the top is compiled anew for another commit, which is little. Without git, from an archive, or inside
//! the repository of somebody else, nothing is told.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let Ok(folder) = std::env::var("CARGO_MANIFEST_DIR").map(PathBuf::from) else { return };
    let top = git(&folder, &["rev-parse", "--show-toplevel"]);
    if top.is_none_or(|top| std::fs::canonicalize(top).ok() != std::fs::canonicalize(&folder).ok()) {
        return;
    }
    // The commit changes with these two, and whether the sources are its own with the sources.
    let reference = git(&folder, &["symbolic-ref", "-q", "HEAD"]);
    for name in ["HEAD"].into_iter().chain(reference.as_deref()) {
        if let Some(path) = git(&folder, &["rev-parse", "--git-path", name]).filter(|path| folder.join(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    for path in SOURCES {
        println!("cargo::rerun-if-changed={path}");
    }
    let Some(commit) = git(&folder, &["rev-parse", "--short=12", "HEAD"]) else { return };
    let changed = git(&folder, &[&["status", "--porcelain", "--"][..], &SOURCES].concat());
    let dirty = if changed.is_none_or(|changes| changes.is_empty()) { "" } else { "-dirty" };
    println!("cargo::rustc-env=GNET_COMMIT={commit}{dirty}");
}

/// What the program is made of.
const SOURCES: [&str; 3] = ["src", "Cargo.toml", "Cargo.lock"];

/// Returns what git prints; `None` if there is no git, or it fails. It takes no lock: a build is not to get in the way of a
/// person who works in the repository.
fn git(folder: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git").arg("--no-optional-locks").args(words).current_dir(folder).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
