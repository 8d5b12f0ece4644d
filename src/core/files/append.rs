//! Files that grow line by line: each line is on the disk before the next one is begun, and what is there stays.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::open::{check_kind, read_whole, seen, unreadable, without_waiting};
use super::place::unwritable;
use super::{check_place, folder_of, steps};
use crate::Result;

/// Reads a file that this program will continue; `None` if there is none. It does not count as an input, so that it can be
/// continued.
///
/// # Errors
/// Those of [`read`](super::read()), except that a missing file is none.
pub fn read_own(path: &Path) -> Result<Option<Vec<u8>>> {
    if path.symlink_metadata().is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let (file, found) = seen(path)?;
    read_whole(path, file, found.len()).map(Some)
}

/// Appends a line to a file, which is made if there is none: with one call of the system, after which it is synced to the
/// disk. `line` has no newline. After a line that is cut off, because a process died while it wrote, a new one is begun.
///
/// Several processes may append to one file: their lines do not mix, on a file system with locks or where appending is
/// atomic.
///
/// # Errors
/// Fails on anything that [`check_place`] refuses, on a full disk, or without permission; then the file is as it was,
/// unless another process was writing to it.
pub fn append_line(path: &Path, line: &str) -> Result<()> {
    check_place(path)?;
    let fail = |e: io::Error| unwritable(path, &e);
    let is_new = !path.exists();
    steps::step();
    let mut file = without_waiting().append(true).create(true).open(path).map_err(fail)?;
    // A pipe may have come since it was looked at.
    check_kind(path, &file.metadata().map_err(|e| unreadable(path, &e))?)?;
    let locked = locked(&file);
    let before = file.seek(SeekFrom::End(0)).map_err(fail)?;
    let mut bytes = Vec::with_capacity(line.len() + 2);
    if is_cut_off(&mut file, before).map_err(fail)? {
        bytes.push(b'\n');
    }
    bytes.extend_from_slice(line.as_bytes());
    bytes.push(b'\n');
    steps::step();
    let written = file.write_all(&bytes).and_then(|()| file.sync_data());
    if written.is_err() && locked {
        // Half a line helps nobody. The first failure is the one to report.
        let _ = file.set_len(before);
    }
    written.map_err(fail)?;
    if is_new {
        steps::sync(&folder_of(path));
    }
    Ok(())
}

fn is_cut_off(file: &mut File, len: u64) -> io::Result<bool> {
    if len == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(len - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != [b'\n'])
}

/// Number of times that a lock is asked for, and the pause after each.
const PATIENCE: (u32, Duration) = (200, Duration::from_millis(10));

/// Locks a file until it is closed; returns `false` if that is not possible. Another process of gnet holds it for one line;
/// a program that holds it for longer, as `flock FILE gnet ..` does, is not waited for, since appending is atomic by itself.
fn locked(file: &File) -> bool {
    for _ in 0..PATIENCE.0 {
        match file.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) => std::thread::sleep(PATIENCE.1),
            Err(TryLockError::Error(_)) => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::steps::ending;
    use super::*;

    fn text(path: &Path) -> String {
        String::from_utf8(read_own(path).unwrap().unwrap_or_default()).unwrap()
    }

    #[test]
    fn lines_follow_each_other_and_a_torn_one_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        assert_eq!(read_own(&path).unwrap(), None);
        append_line(&path, "one").unwrap();
        append_line(&path, "two").unwrap();
        assert_eq!(text(&path), "one\ntwo\n");
        std::fs::write(&path, "one\ntw").unwrap();
        append_line(&path, "three").unwrap();
        assert_eq!(text(&path), "one\ntw\nthree\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_was_there_stays_wherever_an_appending_ends() {
        const NAME: &str = "files::append::tests::what_was_there_stays_wherever_an_appending_ends";
        if let Some(folder) = ending::folder() {
            return append_line(&folder.join("log"), "two").unwrap();
        }
        for step in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("log");
            std::fs::write(&path, "one\n").unwrap();
            let ended = ending::ends(NAME, dir.path(), step);
            assert_eq!(text(&path), if ended { "one\n" } else { "one\ntwo\n" }, "ended before step {step}");
            if !ended {
                assert_eq!(step, 2);
                break;
            }
        }
    }

    /// Many processes are played by many openings: a lock of the system belongs to an opening.
    #[test]
    fn lines_of_several_writers_do_not_mix() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let line = |writer: usize| format!("{writer}").repeat(100_000);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let path = &path;
                scope.spawn(move || (0..8).for_each(|_| append_line(path, &line(writer)).unwrap()));
            }
        });
        let text = text(&path);
        assert_eq!(text.lines().count(), 32);
        assert!(text.lines().all(|found| (0..4).any(|writer| found == line(writer))));
    }

    #[test]
    fn a_file_that_a_shell_has_locked_is_appended_to_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        append_line(&path, "one").unwrap();
        let held = File::open(&path).unwrap();
        held.lock().unwrap();
        append_line(&path, "two").unwrap();
        assert_eq!(text(&path), "one\ntwo\n");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_regular_file_is_appended_to() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(append_line(&pipe, "x").unwrap_err().to_string().contains("is no regular file"));
        assert!(read_own(&pipe).unwrap_err().to_string().contains("is a pipe where a file is expected"));
        assert!(append_line(dir.path(), "x").unwrap_err().to_string().contains("is a folder"));
        assert!(append_line(&dir.path().join("none/log"), "x").unwrap_err().to_string().contains("there is no folder"));
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("log"), &link).unwrap();
        assert!(append_line(&link, "x").unwrap_err().to_string().ends_with("is a link to nothing"));
        append_line(&dir.path().join("log"), "one").unwrap();
        append_line(&link, "two").unwrap();
        assert_eq!(text(&link), "one\ntwo\n");
    }
}
