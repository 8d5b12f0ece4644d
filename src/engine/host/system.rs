//! Files of the machine, below a root that a test replaces by a recorded tree.

use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub(crate) struct System {
    root: PathBuf,
}

impl System {
    pub fn this() -> Self {
        Self::below("/")
    }

    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Maps an absolute path of the machine to its real place.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.root.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// Returns the text of a file; `None` if it cannot be read.
    pub fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        fs::read(self.path(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the names in a folder, sorted; empty if it cannot be read.
    pub fn names(&self, folder: impl AsRef<Path>) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        names
    }

    /// Expands a pattern with `*` for (part of) a name into folders, sorted by name.
    pub fn folders(&self, pattern: &str) -> Vec<PathBuf> {
        let parts = pattern.split('/').filter(|part| !part.is_empty());
        let mut found = vec![PathBuf::from("/")];
        for part in parts {
            found = found.iter().flat_map(|folder| self.matching(folder, part)).collect();
        }
        found.retain(|folder| self.path(folder).is_dir());
        found
    }

    fn matching(&self, folder: &Path, part: &str) -> Vec<PathBuf> {
        match part.split_once('*') {
            None => vec![folder.join(part)],
            Some((begin, end)) => {
                let fits = |name: &String| {
                    name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end)
                };
                self.names(folder).into_iter().filter(fits).map(|name| folder.join(name)).collect()
            }
        }
    }
}

/// Records a machine in a temporary folder that is removed with it.
#[cfg(test)]
pub(crate) fn recorded(files: &[(&str, &str)]) -> (tempfile::TempDir, System) {
    let dir = tempfile::tempdir().unwrap();
    let system = System::below(dir.path());
    for (path, text) in files {
        let path = system.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    (dir, system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_folders() {
        let (_dir, system) = recorded(&[
            ("/usr/local/cuda-13.0/lib64/a", ""),
            ("/usr/local/cuda/lib64/a", ""),
            ("/usr/local/cuda-12", ""),
            ("/usr/local/other/lib64/a", ""),
        ]);
        let found = system.folders("/usr/local/cuda*/lib64");
        assert_eq!(found, [PathBuf::from("/usr/local/cuda/lib64"), "/usr/local/cuda-13.0/lib64".into()]);
        assert_eq!(system.folders("/usr/local/other"), [PathBuf::from("/usr/local/other")]);
        assert!(system.folders("/none/*/x").is_empty());
        assert_eq!(system.text("/usr/local/cuda-12").as_deref(), Some(""));
        assert_eq!(system.text("/none"), None);
    }
}
