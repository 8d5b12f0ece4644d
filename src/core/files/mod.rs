//! File access: regular files are read ([`open`]), complete ones are written ([`write()`]), and inputs are not
//! overwritten.

mod append;
pub mod digest;
mod inputs;
mod lock;
mod map;
mod open;
mod place;
mod stamp;
pub mod steps;
mod unfinished;

use std::path::{Path, PathBuf};

use crate::{Error, Result};

pub use append::{append_line, read_own};
pub use inputs::keep_inputs;
pub(crate) use inputs::{Identity, named as named_input};
pub use lock::{Locked, lock};
pub use map::map;
pub(crate) use map::mapped;
pub use open::{check_readable, kind, open, read};
pub(crate) use place::Prepared;
pub use place::{CHECKPOINT_MODEL, CHECKPOINT_RECORD, RUN_METRICS};
pub use place::{aside, check_place, rewrite, write, write_with};
pub use stamp::Stamp;
pub use unfinished::{Unfinished, abandon, temporary_folder, temporary_folder_in};

/// Returns the folder that contains a path; the current one for a bare name.
pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Creates a folder and its parents.
pub fn create_dir(path: &Path) -> Result<()> {
    check_dir(path)?;
    steps::create_dir_all(path).map_err(|e| Error::file(path, format!("the folder cannot be made: {e}")))
}

/// Refuses a path where [`create_dir`] would find a file in its way, or that is inside a checkpoint.
pub fn check_dir(path: &Path) -> Result<()> {
    place::check_outside(path)?;
    if let Some(file) = path.ancestors().find(|place| place.is_file()) {
        let reason = if file == path { "is a file where a folder is expected" } else { "would lie inside a file" };
        return Err(Error::file(path, reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file opened without this module could be a pipe, and could be overwritten. Other modules only open files whose
    /// names no user gives (libraries, wheels, files of the kernel).
    #[test]
    fn only_this_module_opens_the_files_that_a_user_names() {
        const ELSEWHERE: [&str; 7] = [
            "core/files/",
            "core/process/serve.rs",
            "engine/doctor/",
            "engine/host/",
            "engine/install/",
            "engine/runtime/ort/",
            "engine/bench/memory.rs",
        ];
        const OPENING: [&str; 8] = [
            " File::open(",
            "(File::open(",
            "fs::File::open",
            "File::create",
            "fs::read(",
            "fs::read_to_string(",
            "fs::write(",
            "OpenOptions",
        ];
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (mut folders, mut seen) = (vec![root.clone()], 0);
        while let Some(folder) = folders.pop() {
            for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                if path.is_dir() {
                    folders.push(path);
                } else if name.ends_with(".rs")
                    && !name.contains("test")
                    && !ELSEWHERE.iter().any(|place| name.starts_with(place))
                {
                    let text = std::fs::read_to_string(&path).unwrap();
                    let program =
                        text.split("#[cfg(test)]\nmod tests").next().unwrap().split("#[cfg(all(test").next().unwrap();
                    let found = OPENING.iter().find(|call| program.contains(**call));
                    assert_eq!(found, None, "{name} opens a file itself: use `files`");
                    seen += 1;
                }
            }
        }
        assert!(seen > 150, "{seen} files were looked at");
    }

    #[test]
    fn a_failed_write_leaves_the_folder_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("missing").join("x");
        assert!(write(&path, b"new").unwrap_err().to_string().contains("there is no folder"));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("folder");
        create_dir(&folder).unwrap();
        assert!(write(&folder, b"new").unwrap_err().to_string().ends_with("is a folder where a file is expected"));
        let file = dir.path().join("file");
        write(&file, b"kept").unwrap();
        assert!(write(&file.join("x"), b"new").unwrap_err().to_string().ends_with("file is a file, not a folder"));
        assert!(create_dir(&file).unwrap_err().to_string().ends_with("is a file where a folder is expected"));
        assert!(create_dir(&file.join("a/b")).unwrap_err().to_string().ends_with("would lie inside a file"));
        assert_eq!(read(&file).unwrap(), b"kept");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_keeps_pointing_and_a_socket_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(write(&link, b"new").unwrap_err().to_string().ends_with("is a link to nothing"));
        write(&file, b"old").unwrap();
        write(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(read(&file).unwrap(), b"new");
        let socket = dir.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        assert!(write(&socket, b"new").unwrap_err().to_string().contains("is no regular file"));
        assert!(!socket.is_file());
    }

    #[test]
    fn a_write_replaces_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        write(&path, b"a long first version").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(read(&path).unwrap(), b"short");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file is left");
    }
}
