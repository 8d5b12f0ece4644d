//! The calls that change the content of a folder. Each may be the last thing that a process does.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::OnceLock;

use super::folder_of;

static BEFORE_EACH: OnceLock<fn()> = OnceLock::new();

/// Sets a function that is called before each of these calls from now on, in which a test ends the process. A second
/// call has no effect.
pub fn before_each(act: fn()) {
    let _ = BEFORE_EACH.set(act);
}

/// Marks a step before such a call, for code that makes the call itself.
pub fn step() {
    if let Some(act) = BEFORE_EACH.get() {
        act();
    }
}

/// Renames `from` to `to`, replacing any existing file.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    step();
    fs::rename(from, to)
}

/// Creates a folder and its parents durably.
pub fn create_dir_all(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    let above = folder_of(path);
    create_dir_all(&above)?;
    step();
    match fs::create_dir(path) {
        // Another process may have created it meanwhile.
        Err(e) if e.kind() != ErrorKind::AlreadyExists || !path.is_dir() => Err(e),
        _ => {
            sync(&above);
            Ok(())
        }
    }
}

/// Removes a file. A missing file counts as removed.
pub fn remove_file(path: &Path) -> io::Result<()> {
    step();
    gone(fs::remove_file(path))
}

/// Removes an empty folder. A missing folder counts as removed.
pub fn remove_dir(path: &Path) -> io::Result<()> {
    step();
    gone(fs::remove_dir(path))
}

/// Removes a folder with its content, or a file. A missing one counts as removed; of a link only the link is removed.
pub fn remove_all(path: &Path) -> io::Result<()> {
    let Ok(found) = path.symlink_metadata() else { return Ok(()) };
    if !found.is_dir() {
        return remove_file(path);
    }
    for entry in fs::read_dir(path)? {
        remove_all(&entry?.path())?;
    }
    remove_dir(path)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Lock that keeps other processes of gnet from changing a folder's names while it is held: they wait.
pub struct Locked(#[allow(dead_code, reason = "closing it unlocks")] Option<fs::File>);

/// Locks a folder, if the system can: several files in it then change as one.
pub fn lock(folder: &Path) -> Locked {
    let open = fs::File::open(folder);
    Locked(open.and_then(|folder| folder.lock().map(|()| folder)).ok())
}

/// Makes the names in a folder survive a loss of power, which renaming alone does not. Failure is ignored on systems
/// that cannot do it.
pub fn sync(folder: &Path) {
    #[cfg(unix)]
    let _ = fs::File::open(folder).and_then(|folder| folder.sync_all());
    #[cfg(not(unix))]
    let _ = folder;
}

#[cfg(test)]
pub(crate) mod ending;

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
        for _ in 0..2 {
            remove_all(&dir.path().join("a")).unwrap();
        }
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
        remove_all(&gone).unwrap();
        assert!(!gone.exists() && kept.join("x").exists());
    }

    #[test]
    fn a_file_is_the_old_or_the_new_one_wherever_its_writing_ends() {
        const NAME: &str = "files::steps::tests::a_file_is_the_old_or_the_new_one_wherever_its_writing_ends";
        if let Some(folder) = ending::folder() {
            return crate::files::write(&folder.join("file"), b"the new one").unwrap();
        }
        for step in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("file");
            fs::write(&file, b"old").unwrap();
            let ended = ending::ends(NAME, dir.path(), step);
            let expected: &[u8] = if ended { b"old" } else { b"the new one" };
            assert_eq!(fs::read(&file).unwrap(), expected, "ended before step {step}");
            if !ended {
                assert_eq!(step, 1, "the rename is the one step");
                break;
            }
        }
    }
}
