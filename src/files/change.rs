//! What changes a folder: names made, moved and removed, one call to the system at a time.
//!
//! Whoever keeps a user's files whole goes through here, for two reasons. A rename outlasts a loss of power only when the
//! folder is on the disk too. And a test can end the process before each of these calls ([`ends`]) and look at what is left.
#![cfg_attr(not(any(feature = "burn", feature = "ort")), allow(dead_code, reason = "only these keep whole folders"))]

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use super::folder_of;

/// Stands before each call that makes, moves or removes a name; for those who make the call themselves.
pub(crate) fn step() {
    #[cfg(test)]
    ends::step();
}

/// Moves a file or folder to another name in the same file system, over a file that has it. On the disk when it returns.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step();
    fs::rename(from, to)?;
    sync_folder(&folder_of(to))
}

/// Makes a folder and those above it. Each is on the disk when it returns.
pub(crate) fn create_dir_all(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    create_dir_all(&above)?;
    step();
    match fs::create_dir(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists || !path.is_dir() => Err(e),
        _ => sync_folder(&above),
    }
}

/// Removes a file. One that is not there is removed already.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    step();
    gone(fs::remove_file(path))
}

/// Removes an empty folder. One that is not there is removed already.
pub(crate) fn remove_dir(path: &Path) -> io::Result<()> {
    step();
    gone(fs::remove_dir(path))
}

/// Removes a folder and what is in it. One that is not there is removed already; of a link only the link goes.
pub(crate) fn remove_dir_all(path: &Path) -> io::Result<()> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    if !found.is_dir() {
        return remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        remove_dir_all(&entry?.path())?;
    }
    remove_dir(path)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Waits until the names in a folder are on the disk.
///
/// # Errors
/// The disk's own. A system that has no such call for a folder is none.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    // A folder that may be written but not read cannot be opened; its names are on the disk when the system likes.
    let Ok(opened) = File::open(folder) else { return Ok(()) };
    match opened.sync_all() {
        Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Ends of the process, as by SIGKILL: nothing is dropped, nothing is cleaned up.
#[cfg(test)]
pub(crate) mod ends {
    use std::path::{Path, PathBuf};
    use std::process::Command;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const BEFORE: &str = "GNET_TEST_END_BEFORE";
    const FOLDER: &str = "GNET_TEST_END_FOLDER";

    /// The step that this process ends before, from 1, once it is known.
    static END_BEFORE: OnceLock<usize> = OnceLock::new();
    static STEPS: AtomicUsize = AtomicUsize::new(0);

    pub(super) fn step() {
        if let Some(end) = END_BEFORE.get()
            && STEPS.fetch_add(1, Ordering::SeqCst) + 1 == *end
        {
            #[cfg(unix)]
            let _ = nix::sys::signal::kill(nix::unistd::Pid::this(), nix::sys::signal::Signal::SIGKILL);
            std::process::abort();
        }
    }

    /// The folder to act in, when this process is one that [`ended`] has started.
    pub(crate) fn folder() -> Option<PathBuf> {
        let folder = std::env::var_os(FOLDER)?;
        END_BEFORE.get_or_init(|| std::env::var(BEFORE).unwrap().parse().unwrap());
        Some(folder.into())
    }

    /// Runs the test `name` of this program in a process of its own, which finds `folder` as [`folder()`] and ends
    /// before its step number `step`. False when it came to its end, having fewer steps than that.
    pub(crate) fn ended(name: &str, folder: &Path, step: usize) -> bool {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(FOLDER, folder).env(BEFORE, step.to_string());
        let output = command.output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            assert!(out.contains("1 passed"), "there is no test {name}:\n{out}");
            return false;
        }
        assert!(output.status.code().is_none(), "{name} failed by itself before step {step}:\n{out}\n{err}");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_made_and_removed_with_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b/c");
        create_dir_all(&deep).unwrap();
        create_dir_all(&deep).unwrap();
        fs::write(deep.join("x"), "x").unwrap();
        assert!(create_dir_all(&deep.join("x/y")).is_err() && remove_dir(&deep).is_err());
        rename(&dir.path().join("a"), &dir.path().join("z")).unwrap();
        remove_dir_all(&dir.path().join("z")).unwrap();
        remove_dir_all(&dir.path().join("z")).unwrap();
        remove_file(&dir.path().join("z")).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_points_to_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (kept, gone) = (dir.path().join("kept"), dir.path().join("gone"));
        create_dir_all(&kept).unwrap();
        create_dir_all(&gone).unwrap();
        fs::write(kept.join("x"), "x").unwrap();
        std::os::unix::fs::symlink(&kept, gone.join("link")).unwrap();
        remove_dir_all(&gone).unwrap();
        assert!(!gone.exists() && kept.join("x").exists());
    }

    #[test]
    fn a_file_is_the_old_or_the_new_one_wherever_its_writing_ends() {
        if let Some(folder) = ends::folder() {
            return crate::files::write(&folder.join("file"), b"the new one").unwrap();
        }
        let mut step = 1;
        loop {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("file");
            fs::write(&file, b"old").unwrap();
            let name = "files::change::tests::a_file_is_the_old_or_the_new_one_wherever_its_writing_ends";
            let ended = ends::ended(name, dir.path(), step);
            let expected: &[u8] = if ended { b"old" } else { b"the new one" };
            assert_eq!(fs::read(&file).unwrap(), expected, "ended before step {step}");
            if !ended {
                break;
            }
            step += 1;
        }
        assert!(step > 2, "making the file and renaming it are steps");
    }
}
