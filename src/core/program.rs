//! Search for other programs: never in the current folder, which anybody may have filled.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Finds the program of this name in the absolute folders of the `PATH`. An empty entry, `.` or `bin` would refer to
/// the current folder. A name with a separator is a path, which was given on purpose.
pub fn find(name: &OsStr) -> Option<PathBuf> {
    find_in(name, &env::var_os("PATH")?)
}

fn find_in(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    if Path::new(name).components().count() > 1 {
        return std::path::absolute(name).ok().filter(|path| is_program(path));
    }
    env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| is_program(path))
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file() || path.with_extension("exe").is_file()
}

#[cfg(all(test, unix))]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_program_is_looked_for_in_absolute_places_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("first"), dir.path().join("second"));
        for folder in [&first, &second] {
            std::fs::create_dir(folder).unwrap();
        }
        symlink("/bin/sh", second.join("tool")).unwrap();
        // A file that is not executable, and a folder of that name, are skipped.
        std::fs::write(first.join("tool"), "").unwrap();
        std::fs::create_dir(first.join("other")).unwrap();
        let find = |name: &str, folders: &[&str]| find_in(OsStr::new(name), &OsString::from(folders.join(":")));
        let (a, b) = (first.to_str().unwrap(), second.to_str().unwrap());
        assert_eq!(find("tool", &[a, b]), Some(second.join("tool")));
        assert_eq!(find("tool", &[a]), None);
        assert_eq!(find("other", &[a, b]), None);
        // The tests run in the package's folder, which contains both: a script, and its folder.
        assert!(Path::new("../../scripts/oracle").is_file());
        for relative in ["", ".", "../../scripts", "./../../scripts", "../x"] {
            assert_eq!(find("oracle", &[relative]), None, "{relative}");
            assert_eq!(find("tool", &[relative, b]), Some(second.join("tool")), "{relative}");
        }
        assert_eq!(find("../../scripts/oracle", &[a]), Some(std::path::absolute("../../scripts/oracle").unwrap()));
    }
}
