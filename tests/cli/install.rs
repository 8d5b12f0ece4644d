//! `gnet runtime` as a shell sees it, with a Python that a shell script plays; and once with the real one.
#![cfg(unix)]
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use gnet::install::{CUDA_LIBRARIES, Kind, ONNX_RUNTIME, Wheel, pinned};
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
        for tool in ["sh", "dirname", "sleep", "touch", "cat", "ls", "mv"] {
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
        command
            .arg("runtime")
            .args(args)
            .env("HOME", self.0.path())
            .env_remove("XDG_DATA_HOME")
            .env_remove("PYTHONPATH");
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
    let home = Home::with_python("printf 'not the wheel' > \"$dest/onnxruntime-cp312.whl\"");
    let wheel = pinned(Kind::Cpu).unwrap();
    let says = format!("error: onnxruntime=={ONNX_RUNTIME}: the file of 13 bytes");
    let said = fails(&home.gnet(&["install", "cpu"]), 1, &says);
    let size = gnet::report::number::bytes(wheel.bytes);
    let fetching = format!("fetching onnxruntime=={ONNX_RUNTIME} with pip ({size})\n");
    assert!(said.contains(&fetching), "progress off a terminal: {said}");
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn what_pip_says_last_is_the_reason() {
    let home = Home::with_python("echo 'ERROR: No matching distribution found for it' >&2; exit 1");
    fails(
        &home.gnet(&["install", "cuda", "--no-libraries"]),
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
        &format!("onnxruntime=={ONNX_RUNTIME}: pip received nothing for 1 s and was stopped"),
    );
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn a_damaged_installation_is_listed_refused_and_removed() {
    let home = Home::with_python("exit 1");
    let folder = home.runtimes().join(format!("cpu-{ONNX_RUNTIME}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("libonnxruntime.so"), "half").unwrap();
    let said = fails(&home.gnet(&["install"]), 1, &format!("cpu-{ONNX_RUNTIME}: is damaged: "));
    assert!(said.contains("help: install it again with --force"), "{said}");
    let list = home.gnet(&["list", "--format", "json"]);
    let json: Value = serde_json::from_slice(&list.stdout).unwrap();
    assert_eq!(json["schema_version"], 1);
    let runtime = &json["runtimes"][0];
    assert_eq!(
        (&runtime["kind"], &runtime["version"], &runtime["intact"]),
        (&"cpu".into(), &ONNX_RUNTIME.into(), &false.into())
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

/// The processes whose numbers stand in a file, one a line.
#[cfg(target_os = "linux")]
fn all_gone(numbers: &Path) -> bool {
    let numbers = std::fs::read_to_string(numbers).unwrap();
    let gone = |number: &str| {
        let stat = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_none_or(|state| state.is_empty() || state.starts_with('Z'))
    };
    let start = std::time::Instant::now();
    while start.elapsed().as_secs() < 60 {
        if numbers.lines().all(gone) {
            return true;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    false
}

/// pip, what it has started, and what that has started, in another shell.
#[cfg(target_os = "linux")]
const FAMILY: &str = "sh -c 'echo $$ >> \"$0\"; sleep 1000 & echo $! >> \"$0\"; wait' \"$here/numbers\" &\n\
                      echo $! >> \"$here/numbers\"; echo $$ >> \"$here/numbers\"; mv \"$here/numbers\" \"$here/begun\"\n\
                      exec sleep 1000";

#[cfg(target_os = "linux")]
#[test]
fn pip_and_what_it_started_end_with_gnet_however_that_ends() {
    use nix::sys::signal::{Signal, kill};
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let home = Home::with_python(&FAMILY.replace("mv ", "sleep 0.3; mv "));
        let begun = home.0.path().join("bin/begun");
        let mut command = home.command(&["install"]);
        command.env("PATH", home.0.path().join("bin"));
        let mut gnet = super::interrupt::heeding(&command).stderr(std::process::Stdio::null()).spawn().unwrap();
        while !begun.exists() {
            assert!(gnet.try_wait().unwrap().is_none(), "it ends by itself");
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        assert_eq!(std::fs::read_to_string(&begun).unwrap().lines().count(), 4);
        kill(nix::unistd::Pid::from_raw(gnet.id().try_into().unwrap()), signal).unwrap();
        gnet.wait().unwrap();
        assert!(all_gone(&begun), "pip goes on after {signal}");
        if signal != Signal::SIGKILL {
            assert_eq!(home.left(), [""; 0], "{signal}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_pip_leaves_running_ends_with_it() {
    let home = Home::with_python(&FAMILY.replace("exec sleep 1000", "sleep 0.3; exit 1"));
    fails(&home.gnet(&["install"]), 3, "pip failed: ");
    assert!(all_gone(&home.0.path().join("bin/begun")));
    let home = Home::with_python(FAMILY);
    fails(&home.gnet(&["install", "--timeout", "1"]), 3, "was stopped");
    assert!(all_gone(&home.0.path().join("bin/begun")));
}

#[test]
fn a_file_larger_than_the_pinned_one_is_refused_while_it_comes() {
    let home = Home::with_python("exec cat /dev/zero > \"$dest/a.whl\"");
    let said = fails(&home.gnet(&["install"]), 1, "pip receives a file that is larger than the pinned one of ");
    assert!(said.contains("nothing was installed"), "{said}");
    assert_eq!(home.left(), [""; 0]);
}

#[test]
fn what_pip_says_is_shown_and_not_acted_on() {
    let home = Home::with_python(
        "printf 'ERROR: \\033]0;title\\007\\033[2Jgone\\rover\\302\\233\\342\\200\\256\\n' >&2; exit 1",
    );
    let said = fails(&home.gnet(&["install"]), 3, "pip failed: ");
    assert!(said.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{said:?}");
    assert!(said.contains("gone"), "{said}");
}

/// A `python3` in the working folder, which an empty or relative entry of the `PATH` would bring.
#[test]
fn a_python_in_the_working_folder_is_not_run() {
    let home = Home::with_python("echo 'ERROR: the right one' >&2; exit 1");
    let (bin, here) = (home.0.path().join("bin"), home.0.path().join("here"));
    std::fs::create_dir_all(here.join("tools")).unwrap();
    for place in ["python3", "tools/python3"] {
        symlink(bin.join("touch"), here.join(place)).unwrap();
    }
    for first in ["", ".", "tools", "./tools"] {
        let path = format!("{first}:{}", bin.display());
        let output = home.command(&["install"]).current_dir(&here).env("PATH", path).output().unwrap();
        fails(&output, 3, "pip failed: the right one;");
    }
}

/// Whether gnet has begun to fetch CUDA and cuDNN, of which a machine with a GPU may have all.
fn began_with_libraries(output: &Output) -> bool {
    let began = text(&output.stderr).contains("The system lacks libraries of CUDA and cuDNN, ");
    if !began {
        eprintln!("not tested: this machine has CUDA and cuDNN, or there is no runtime with CUDA for it");
    }
    began
}

#[test]
fn without_a_terminal_a_gigabyte_is_not_fetched_unasked() {
    let home = Home::with_python("touch \"$here/called\"; exit 1");
    let output = home.gnet(&["install", "cuda", "--print-path"]);
    if !began_with_libraries(&output) {
        return;
    }
    let said = fails(&output, 2, " of libraries, and there is no terminal to ask at; nothing was installed\n");
    assert!(said.contains("error: runtime cuda: needs "), "{said}");
    assert!(said.contains("help: --yes fetches them, --no-libraries leaves them to the system\n"), "{said}");
    let [.., last] = CUDA_LIBRARIES;
    let size = gnet::report::number::bytes(last.bytes);
    let line = said.lines().find(|line| line.contains(&last.requirement())).unwrap_or_else(|| panic!("{said}"));
    assert!(line.ends_with(&size), "each is told with its size: {line}");
    assert!(said.lines().any(|line| line.contains("together ") && line.ends_with(" unpacked")), "{said}");
    assert!(!home.0.path().join("bin/called").exists() && home.left().is_empty());
}

#[test]
fn a_script_says_which_it_wants() {
    let home = Home::with_python("echo \"ERROR: no network for $wanted\" >&2; exit 1");
    let runtime = pinned(Kind::Cuda).map(Wheel::requirement);
    let output = home.gnet(&["install", "cuda", "--yes"]);
    if began_with_libraries(&output) {
        let said = fails(&output, 3, "error: pip download nvidia-");
        assert!(said.contains(": pip failed: no network for nvidia-") && said.contains("; nothing was installed\n"));
        let output = home.gnet(&["install", "cuda", "--no-libraries"]);
        let said = fails(&output, 3, &format!("error: pip download {}: pip failed: ", runtime.unwrap()));
        assert!(!said.contains("nvidia-") && !said.contains("The system lacks"), "{said}");
    }
    assert_eq!(home.left(), [""; 0]);
    fails_as_usage(&home.gnet(&["install", "cuda", "--yes", "--no-libraries"]));
}

fn fails_as_usage(output: &Output) {
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("cannot be used with"), "{}", text(&output.stderr));
}

/// The exit code and what is on the screen of a terminal on which somebody types.
#[cfg(target_os = "linux")]
fn on_terminal(mut command: Command, typed: &str) -> (Option<i32>, String) {
    use std::io::{Read, Write};
    let terminal = nix::pty::openpty(None, None).unwrap();
    let output = std::process::Stdio::null();
    command.stdin(terminal.slave.try_clone().unwrap()).stdout(output).stderr(terminal.slave);
    let mut child = command.spawn().unwrap();
    // What holds the terminal open here would keep its end from being seen.
    drop(command);
    let mut master = std::fs::File::from(terminal.master);
    master.write_all(typed.as_bytes()).unwrap();
    let (mut screen, mut part) = (Vec::new(), [0; 4096]);
    // The end of a terminal is an error: EIO.
    while let Ok(read @ 1..) = master.read(&mut part) {
        screen.extend_from_slice(&part[..read]);
    }
    (child.wait().unwrap().code(), text(&screen))
}

#[cfg(target_os = "linux")]
#[test]
fn on_a_terminal_it_asks_and_only_a_yes_is_a_yes() {
    let home = Home::with_python("echo \"ERROR: no network for $wanted\" >&2; exit 1");
    if !began_with_libraries(&home.gnet(&["install", "cuda"])) {
        return;
    }
    for (typed, code, says) in [
        ("y\n", 3, "pip failed: no network for nvidia-"),
        ("YES\n", 3, "pip failed: no network for nvidia-"),
        ("n\n", 2, "runtime cuda: its libraries were declined; nothing was installed"),
        ("\n", 2, "runtime cuda: its libraries were declined; nothing was installed"),
        ("\u{4}", 2, "runtime cuda: its libraries were declined; nothing was installed"),
        ("yesterday\n", 2, "--no-libraries leaves them to the system"),
    ] {
        let mut command = home.command(&["install", "cuda"]);
        command.env("PATH", home.0.path().join("bin"));
        let (ended, screen) = on_terminal(command, typed);
        assert_eq!(ended, Some(code), "{typed:?}: {screen}");
        assert!(screen.contains(" of libraries? [y/N] "), "{screen}");
        let flat = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains(says), "{typed:?}: {screen}");
        assert_eq!(home.left(), [""; 0]);
    }
}

/// The Python of this machine, with its pip, in a folder full of traps. CI has one.
#[test]
fn code_in_the_working_folder_is_not_run() {
    let pip = Command::new("python3").args(["-m", "pip", "--version"]).current_dir("/").output();
    if !pip.is_ok_and(|output| output.status.success()) {
        return;
    }
    let (home, here) = (Home::new(), tempfile::tempdir().unwrap());
    let trap = |name: &str| {
        let mark = here.path().join(format!("{name} was run"));
        std::fs::write(here.path().join(name), format!("open({:?}, 'w')\n", mark.display().to_string())).unwrap();
    };
    for name in
        ["pip.py", "runpy.py", "site.py", "sitecustomize.py", "usercustomize.py", "encodings.py", "os.py", "json.py"]
    {
        trap(name);
    }
    std::fs::create_dir(here.path().join("wheels")).unwrap();
    for python_path in [None, Some(""), Some(":"), Some("."), Some("/nowhere:")] {
        let mut command = home.command(&["install"]);
        command.current_dir(here.path()).env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", "wheels");
        match python_path {
            Some(value) => command.env("PYTHONPATH", value),
            None => command.env_remove("PYTHONPATH"),
        };
        // A trap that were run would leave its mark, or break pip.
        fails(
            &command.output().unwrap(),
            3,
            &format!("pip failed: No matching distribution found for onnxruntime=={ONNX_RUNTIME}"),
        );
        let names = std::fs::read_dir(here.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let run: Vec<_> = names.filter(|name| name.to_string_lossy().ends_with("was run")).collect();
        assert!(run.is_empty(), "{run:?} with PYTHONPATH {python_path:?}");
    }
    // A relative folder of wheels is the user's, and is found all the same: the hash says what lies there.
    let wheel = std::fs::File::create(
        here.path().join(format!("wheels/onnxruntime-{ONNX_RUNTIME}-cp312-cp312-manylinux_2_28_x86_64.whl")),
    );
    let mut archive = zip::ZipWriter::new(wheel.unwrap());
    for (name, text) in [
        ("METADATA", &*format!("Metadata-Version: 2.1\nName: onnxruntime\nVersion: {ONNX_RUNTIME}\n")),
        ("WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-manylinux_2_28_x86_64\n"),
        ("RECORD", ""),
    ] {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(format!("onnxruntime-{ONNX_RUNTIME}.dist-info/{name}"), options).unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    archive.finish().unwrap();
    if cfg!(target_arch = "x86_64") {
        let mut command = home.command(&["install"]);
        command.current_dir(here.path()).env("PIP_NO_INDEX", "1").env("PIP_FIND_LINKS", "wheels");
        fails(&command.output().unwrap(), 1, "which is not the pinned ");
    }
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
    assert_eq!((&json["version"], &json["fetched"]), (&ONNX_RUNTIME.into(), &true.into()));
    let path = text(&real(&["install", "cpu", "--print-path"]).stdout);
    assert_eq!(path.trim_end(), json["library"].as_str().unwrap());
    assert!(std::fs::metadata(path.trim_end()).unwrap().len() > 20_000_000);
    let list: Value = serde_json::from_slice(&real(&["list", "--format", "json"]).stdout).unwrap();
    assert_eq!(list["runtimes"][0]["intact"], true);
    assert_eq!(home.left(), [format!("cpu-{ONNX_RUNTIME}")]);
    assert!(real(&["remove", "cpu"]).status.success());
    assert_eq!(home.left(), [""; 0]);
}
