//! `gnet runtime` as a shell sees it, with a Python that a shell script plays; and once with the real one.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A home of its own, and a folder that is the `PATH`.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.0.path().join("bin")).unwrap();
        home
    }

    /// With a `python3` that runs `script`, pip's `--dest` in `$dest`.
    fn with_python(script: &str) -> Self {
        let home = Self::new();
        let bin = home.0.path().join("bin");
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/python3"), bin.join("python3")).unwrap();
        std::fs::write(bin.join("script"), script).unwrap();
        for tool in ["sh", "dirname", "sleep", "touch"] {
            let found =
                ["/bin", "/usr/bin"].map(|dir| Path::new(dir).join(tool)).into_iter().find(|path| path.exists());
            symlink(found.unwrap(), bin.join(tool)).unwrap();
        }
        home
    }

    fn gnet(&self, args: &[&str]) -> Output {
        self.command(args).env("PATH", self.0.path().join("bin")).output().unwrap()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gnet"));
        command.arg("runtime").args(args).env("HOME", self.0.path()).env_remove("XDG_DATA_HOME");
        command
    }

    fn runtimes(&self) -> PathBuf {
        self.0.path().join(".local/share/gnet/runtime")
    }

    /// Names in the folder of runtimes, but the lock.
    fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.runtimes()).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != ".lock").collect()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[track_caller]
fn fails(output: &Output, code: i32, says: &str) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(output.stdout.is_empty(), "data on stdout: {}", text(&output.stdout));
    assert!(said.contains(says), "{says} in\n{said}");
    assert!(said.contains("\n  help: "), "a remedy in\n{said}");
    said
}

#[test]
fn a_wheel_with_another_hash_is_refused_and_nothing_stays() {
    let home = Home::with_python("printf 'not the wheel' > \"$dest/onnxruntime-1.31.1-cp312.whl\"");
    let said = fails(&home.gnet(&["install", "cpu"]), 1, "error: onnxruntime==1.31.1: the file of 13 bytes");
    assert!(said.contains("fetching onnxruntime==1.31.1 with pip (22.7 MiB)\n"), "progress off a terminal: {said}");
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn what_pip_says_last_is_the_reason() {
    let home = Home::with_python("echo 'ERROR: No matching distribution found for it' >&2; exit 1");
    fails(
        &home.gnet(&["install", "cuda"]),
        3,
        "pip failed: No matching distribution found for it; nothing was installed",
    );
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn no_python_and_no_pip_have_their_own_sentences() {
    fails(&Home::new().gnet(&["install"]), 3, "error: python3: is not there; runtimes are fetched with its pip");
    let home = Home::with_python("echo \"/usr/bin/python3: No module named pip\" >&2; exit 1");
    fails(&home.gnet(&["install"]), 3, "error: python3 -m pip: this Python has no pip");
}

#[test]
fn a_pip_that_hangs_is_stopped() {
    let home = Home::with_python("exec sleep 1000");
    fails(
        &home.gnet(&["install", "--timeout", "1"]),
        3,
        "onnxruntime==1.31.1: pip received nothing for 1 s and was stopped",
    );
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn a_damaged_installation_is_listed_refused_and_removed() {
    let home = Home::with_python("exit 1");
    let folder = home.runtimes().join("cpu-1.31.1");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("libonnxruntime.so"), "half").unwrap();
    let said = fails(&home.gnet(&["install"]), 1, "cpu-1.31.1: is damaged: ");
    assert!(said.contains("help: install it again with --force"), "{said}");
    let list = home.gnet(&["list", "--format", "json"]);
    let json: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(json["schema_version"], 1);
    let runtime = &json["runtimes"][0];
    assert_eq!(
        (&runtime["kind"], &runtime["version"], &runtime["intact"]),
        (&"cpu".into(), &"1.31.1".into(), &false.into())
    );
    assert!(text(&home.gnet(&["list"]).stdout).contains("mend it with `gnet runtime install cpu --force`"));
    assert!(home.gnet(&["remove", "cpu"]).status.success());
    assert_eq!(home.left(), [""; 0]);
    fails(&home.gnet(&["remove", "cpu"]), 2, "error: runtime cpu: is not installed in ");
}

#[test]
fn a_home_that_cannot_be_written_to_is_an_error() {
    let home = Home::with_python("exit 1");
    let output = home.command(&["install"]).env("XDG_DATA_HOME", "/proc/none").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: /proc/none/gnet/runtime: the folder cannot be made: "));
    let output = home.command(&["install"]).env_remove("HOME").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: HOME: is not set"), "{}", text(&output.stderr));
}

/// The real wheel through the real pip. It needs the package index, so it runs only where it is asked for.
#[test]
fn the_real_runtime_is_fetched_verified_listed_and_removed() {
    if std::env::var_os("GNET_ORT_TESTS").is_none_or(|value| value != "required") {
        return;
    }
    let home = Home::new();
    let real = |args: &[&str]| home.command(args).output().unwrap();
    let installed = real(&["install", "cpu", "--format", "json"]);
    assert!(installed.status.success(), "{}", text(&installed.stderr));
    let json: Value = serde_json::from_slice(&installed.stdout).unwrap();
    assert_eq!((&json["version"], &json["fetched"]), (&"1.31.1".into(), &true.into()));
    let path = text(&real(&["install", "cpu", "--print-path"]).stdout);
    assert_eq!(path.trim_end(), json["library"].as_str().unwrap());
    assert!(std::fs::metadata(path.trim_end()).unwrap().len() > 20_000_000);
    let list: Value = serde_json::from_slice(&real(&["list", "--format", "json"]).stdout).unwrap();
    assert_eq!(list["runtimes"][0]["intact"], true);
    assert_eq!(home.left(), ["cpu-1.31.1"]);
    assert!(real(&["remove", "cpu"]).status.success());
    assert_eq!(home.left(), [""; 0]);
}
