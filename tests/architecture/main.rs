//! ARCHITECTURE.md tells the truth about the sources: which rooms there are, in which order, and who imports whom.
//!
//! `source` reads the sources as modules and the paths in them, `leads` follows a path to where its item is made, `page` reads
//! the tables of the code map, and `order` holds one against the other. `circles` looks at the files inside the rooms.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod circles;
mod leads;
mod names;
mod order;
mod page;
mod reading;
mod source;
mod tokens;

use std::path::{Path, PathBuf};

use page::Section;
use source::Crate;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn text() -> String {
    std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap()
}

/// The crates of the page, in its order.
fn crates(page: &[Section]) -> Vec<Crate> {
    let names: Vec<String> = page.iter().map(|section| section.package.replace('-', "_")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let read = |(section, name): (&Section, &&str)| {
        let folder = root().join(&section.folder);
        let roots: Vec<PathBuf> =
            ["lib.rs", "main.rs"].map(|file| folder.join(file)).into_iter().filter(|file| file.exists()).collect();
        assert!(!roots.is_empty(), "{}: no lib.rs and no main.rs", section.folder);
        Crate::read(name, &roots, &names)
    };
    page.iter().zip(&names).map(read).collect()
}

/// A path below the root, as a message shows it.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

#[track_caller]
fn holds(faults: &[String]) {
    assert!(faults.is_empty(), "the sources do not stand as ARCHITECTURE.md says:\n  {}", faults.join("\n  "));
}
