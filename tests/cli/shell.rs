//! A folder to work in and a program to run there, with a strict eye on stdout, stderr and the exit code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use tempfile::TempDir;

/// Done, a check failed, bad input, not available, undecided: the documented exit codes.
pub const DONE: i32 = 0;
pub const CHECK: i32 = 1;
pub const INPUT: i32 = 2;
pub const UNAVAILABLE: i32 = 3;
pub const UNDECIDED: i32 = 4;

/// A folder of its own, beside those of the other tests.
pub struct Shell {
    folder: TempDir,
}

/// Result of a command.
#[derive(Debug)]
pub struct Ran {
    pub line: String,
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Shell {
    pub fn new() -> Self {
        // On the disk of the shared network, so that its files can be linked.
        Self { folder: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file anew: what a link of the old one points to stays as it is.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        fs::write(path, bytes).unwrap();
        self
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub fn exists(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    /// Runs `gnet` with the words of `line`. A panic, an escape code or an error that is not one line fails the test.
    pub fn gnet(&self, line: &str) -> Ran {
        self.gnet_with(&[], &line.split_whitespace().collect::<Vec<_>>())
    }

    /// As [`Shell::gnet`], with environment variables and words as they are.
    pub fn gnet_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Ran {
        let output =
            gnet(self.folder.path()).args(words).envs(variables.iter().copied()).stdin(Stdio::null()).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program writes UTF-8");
        let ran = Ran {
            line: format!("gnet {}", words.join(" ")),
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        };
        ran.check_manners();
        ran
    }

    /// Runs `line`, which must succeed; returns its stdout.
    pub fn ok(&self, line: &str) -> String {
        let ran = self.gnet(line);
        assert_eq!(ran.code, Some(DONE), "{ran}");
        assert!(!ran.err.contains("error: "), "{ran}");
        ran.out
    }

    /// Runs `line` with `--format json`; the document.
    pub fn json(&self, line: &str) -> serde_json::Value {
        let out = self.ok(&format!("{line} --format json"));
        serde_json::from_str(&out).unwrap_or_else(|e| panic!("gnet {line}: {e}\n{out}"))
    }

    /// Runs `line`, which must end with `code`, say all of `says` in its error, print nothing to stdout and leave the
    /// folder as it was.
    #[track_caller]
    pub fn refuses(&self, line: &str, code: i32, says: &[&str]) -> Ran {
        self.refuses_with(&[], &line.split_whitespace().collect::<Vec<_>>(), code, says)
    }

    /// As [`Shell::refuses`], with environment variables and words as they are.
    #[track_caller]
    pub fn refuses_with(&self, variables: &[(&str, &str)], words: &[&str], code: i32, says: &[&str]) -> Ran {
        let before = self.listing();
        let ran = self.gnet_with(variables, words);
        assert_eq!(ran.code, Some(code), "{ran}");
        assert_eq!(ran.out, "", "{ran}");
        let error = ran.error();
        for say in says {
            assert!(error.contains(say), "does not say '{say}': {ran}");
        }
        assert_eq!(self.listing(), before, "the folder changed: {ran}");
        ran
    }

    /// Every path below the folder, with the length and time of a file.
    pub fn listing(&self) -> BTreeMap<PathBuf, (u64, Option<SystemTime>)> {
        let mut all = BTreeMap::new();
        let mut folders = vec![self.folder.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let (path, found) = (entry.path(), entry.metadata().unwrap());
                let is_file = found.is_file();
                if found.is_dir() {
                    folders.push(path.clone());
                }
                all.insert(path, if is_file { (found.len(), found.modified().ok()) } else { (0, None) });
            }
        }
        all
    }
}

/// The program in `folder`, in an environment that would bring a backtrace or colours to light.
pub fn gnet(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gnet"));
    command.current_dir(folder).env_remove("GNET_DATA").env_remove("NO_COLOR");
    command.env("RUST_BACKTRACE", "1").env("TERM", "xterm-256color");
    command
}

impl Ran {
    /// The error and what follows it, without the progress before it. There must be exactly one.
    #[track_caller]
    pub fn error(&self) -> &str {
        let lines: Vec<_> = self.err.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(lines.len(), 1, "one error: {self}");
        let error = &self.err[self.err.find(lines[0]).unwrap()..];
        let of_clap = error.contains("For more information, try '--help'.");
        let well_formed = of_clap || error.lines().skip(1).all(|line| line.starts_with("  help: "));
        assert!(well_formed && error.lines().count() <= if of_clap { 20 } else { 2 }, "one line and its help: {self}");
        error
    }

    /// Checks what holds for every command, however it ends.
    pub fn check_manners(&self) {
        for sign in ["panicked at", "stack backtrace", "RUST_BACKTRACE", "\u{1b}"] {
            assert!(!self.err.contains(sign) && !self.out.contains(sign), "'{sign}' in {self}");
        }
        assert!(self.code.is_some(), "ended by a signal: {self}");
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "$ {}", self.line)?;
        writeln!(f, "exit code {:?}\n-- stdout\n{}\n-- stderr\n{}", self.code, self.out, self.err)
    }
}
