//! The user's own pip, which knows their index, proxy and certificates.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::Wheel;
use super::error::writing;
use crate::{Error, Result};

/// How often the growing file is looked at.
const GLANCE: Duration = Duration::from_millis(100);

/// Files and folders of one download, all inside one folder that goes when the installation ends.
struct Folders {
    wheels: PathBuf,
    temporary: PathBuf,
    said: PathBuf,
}

impl Folders {
    fn make(staging: &Path) -> Result<Self> {
        let folders =
            Self { wheels: staging.join("wheels"), temporary: staging.join("tmp"), said: staging.join("pip-said") };
        for folder in [&folders.wheels, &folders.temporary] {
            fs::create_dir(folder).map_err(|e| writing(folder, &e))?;
        }
        Ok(folders)
    }
}

/// Downloads a wheel into `staging` and returns its path. `received` is told how many bytes have arrived so far.
///
/// # Errors
/// There is no Python or no pip; pip fails, in its own words; nothing arrives for as long as `patience`.
pub(super) fn download(
    python: &OsString,
    wheel: &Wheel,
    staging: &Path,
    patience: Duration,
    received: impl FnMut(u64),
) -> Result<PathBuf> {
    let folders = Folders::make(staging)?;
    let child = start(python, wheel, &folders)?;
    let status = wait(child, wheel, &folders, patience, received)?;
    if !status.success() {
        let said = fs::read(&folders.said).unwrap_or_default();
        return Err(failure(wheel, status, &String::from_utf8_lossy(&said)));
    }
    only_file(&folders.wheels, wheel)
}

/// Everything that decides which file is asked for is said, so that the Python that runs pip does not matter.
fn arguments(wheel: &Wheel, into: &Path) -> Vec<OsString> {
    let mut args: Vec<OsString> = ["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
        .into_iter()
        .chain(["--disable-pip-version-check", "--progress-bar=off", "--implementation=cp", "--python-version=3.12"])
        .chain(["--abi=cp312", "--abi=none", "--platform", wheel.platform, "--dest"])
        .map(OsString::from)
        .collect();
    args.push(into.into());
    args.push(wheel.requirement().into());
    args
}

/// pip's messages go to a file: a pipe that nobody empties would stop it, and a grandchild could hold it open.
fn start(python: &OsString, wheel: &Wheel, folders: &Folders) -> Result<Child> {
    let said = File::create(&folders.said).map_err(|e| writing(&folders.said, &e))?;
    Command::new(python)
        .args(arguments(wheel, &folders.wheels))
        // The download grows here, where it is watched, where there is room, and where it goes whatever happens.
        .env("TMPDIR", &folders.temporary)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn()
        .map_err(|e| no_python(python, &e))
}

fn no_python(python: &OsString, error: &io::Error) -> Error {
    let reason = if error.kind() == io::ErrorKind::NotFound {
        "is not there; runtimes are fetched with its pip".to_owned()
    } else {
        format!("cannot be started: {error}")
    };
    Error::unavailable(python.to_string_lossy(), reason).remedy(
        "install Python 3 with pip, or install ONNX Runtime yourself and name its library with --ort-lib or GNET_ORT_LIB",
    )
}

fn wait(
    mut child: Child,
    wheel: &Wheel,
    folders: &Folders,
    patience: Duration,
    mut received: impl FnMut(u64),
) -> Result<ExitStatus> {
    let (mut last, mut since) = (0, Instant::now());
    loop {
        let ended = child.try_wait().map_err(|e| Error::check(wheel.requirement(), format!("pip was lost: {e}")))?;
        // The file is first in pip's temporary folder, then copied to where it was asked for.
        let bytes = largest_file(&folders.temporary).max(largest_file(&folders.wheels));
        if bytes != last {
            (last, since) = (bytes, Instant::now());
            received(bytes);
        }
        if let Some(status) = ended {
            return Ok(status);
        }
        if since.elapsed() >= patience {
            // It may have ended by itself in this moment; either way it is reaped.
            let _ = child.kill();
            let _ = child.wait();
            return Err(stalled(wheel, patience));
        }
        thread::sleep(GLANCE.min(patience));
    }
}

fn stalled(wheel: &Wheel, patience: Duration) -> Error {
    let reason =
        format!("pip received nothing for {} s and was stopped; nothing was installed", patience.as_secs_f64());
    Error::unavailable(wheel.requirement(), reason).remedy("check the network and pip's index, or raise --timeout")
}

/// Size of the largest file in a folder and the folders in it.
fn largest_file(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    entries.flatten().map(|entry| size(&entry)).max().unwrap_or(0)
}

fn size(entry: &fs::DirEntry) -> u64 {
    match entry.metadata() {
        Ok(about) if about.is_dir() => largest_file(&entry.path()),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    }
}

fn only_file(folder: &Path, wheel: &Wheel) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|e| Error::file(folder, e))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match (found.pop(), found.len()) {
        (Some(file), 0) => Ok(file),
        (None, _) => Err(Error::check(wheel.requirement(), "pip ended well and brought no file")),
        (Some(_), others) => {
            Err(Error::check(wheel.requirement(), format!("pip brought {} files in place of one", others + 1)))
        }
    }
}

/// pip's failure in one sentence.
fn failure(wheel: &Wheel, status: ExitStatus, said: &str) -> Error {
    if said.contains("No module named pip") {
        return Error::unavailable("python3 -m pip", "this Python has no pip; runtimes are fetched with it").remedy(
            "install pip (Debian and Ubuntu: apt install python3-pip; elsewhere: python3 -m ensurepip --user)",
        );
    }
    let reason = match (reason(said), broken_connection(said)) {
        (Some(reason), Some(cause)) => format!("{reason} ({cause})"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) => status.to_string(),
    };
    let thing = format!("pip download {}", wheel.requirement());
    Error::unavailable(thing, format!("pip failed: {reason}; nothing was installed"))
        .remedy("check the network and pip's own settings: `python3 -m pip config list`, PIP_INDEX_URL, HTTPS_PROXY")
}

/// pip's last error, else its last line: that of an exception, which pip announces as an error without a word on it.
fn reason(said: &str) -> Option<&str> {
    let lines = || said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find_map(|line| line.strip_prefix("ERROR: ")).filter(|error| *error != "Exception:");
    error.or_else(|| lines().next())
}

/// Without a connection pip's last error only says that it found nothing; the cause stands in a warning above.
fn broken_connection(said: &str) -> Option<&str> {
    let (_, cause) = said.lines().rev().find_map(|line| line.split_once("connection broken by '"))?;
    let cause = cause.split_once("': /").map_or(cause, |(cause, _)| cause);
    // The part before the colon is an object's address: `NewConnectionError('<pip.. object at 0x7f..>: Failed ..`.
    Some(cause.rsplit_once(">: ").map_or(cause, |(_, text)| text).trim_end_matches(['\'', ')', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::{Kind, pinned};

    fn failed(said: &str) -> Error {
        let status = Command::new("false").status().unwrap();
        failure(pinned(Kind::Cpu).unwrap(), status, said)
    }

    #[test]
    fn one_wheel_is_asked_for_whatever_python_runs_pip() {
        let args = arguments(pinned(Kind::OpenVino).unwrap(), Path::new("into"));
        let args: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
        assert_eq!(args[..3], ["-m", "pip", "download"]);
        for part in ["--python-version=3.12", "--implementation=cp", "--abi=cp312", "--only-binary=:all:", "--no-deps"]
        {
            assert!(args.iter().any(|arg| arg == part), "{part}");
        }
        assert_eq!(args.last().unwrap(), "onnxruntime-ep-openvino==1.8.1");
    }

    // The texts below are what pip 23.2 wrote.

    #[test]
    fn pips_last_error_is_the_reason() {
        let error = failed(
            "ERROR: Could not find a version that satisfies the requirement onnxruntime==1.31.1 (from versions: 1.12.0)\n\
             ERROR: No matching distribution found for onnxruntime==1.31.1\n",
        );
        assert_eq!(
            error.to_string(),
            "pip download onnxruntime==1.31.1: pip failed: No matching distribution found for onnxruntime==1.31.1; \
             nothing was installed"
        );
        let silent = failed("");
        assert!(silent.to_string().contains("pip failed: exit status: 1;"), "{silent}");
        let full = failed("ERROR: Exception:\nTraceback\n  OSError: [Errno 28] No space left on device\n");
        assert!(full.to_string().contains("pip failed: OSError: [Errno 28] No space left on device;"), "{full}");
        assert!(failed("Traceback\n  OSError: odd\n\n").to_string().contains("pip failed: OSError: odd;"));
    }

    #[test]
    fn a_broken_connection_is_the_cause() {
        let error = failed(
            "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken \
             by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to establish a \
             new connection: [Errno -2] Name or service not known')': /simple/onnxruntime/\n\
             ERROR: Could not find a version that satisfies the requirement onnxruntime==1.31.1 (from versions: none)\n\
             ERROR: No matching distribution found for onnxruntime==1.31.1\n",
        );
        let text = error.to_string();
        assert!(
            text.contains(
                "onnxruntime==1.31.1 (Failed to establish a new connection: [Errno -2] Name or service not known);"
            ),
            "{text}"
        );
    }

    #[test]
    fn a_python_without_pip_is_named() {
        let error = failed("/usr/bin/python3: No module named pip\n");
        assert_eq!(error.to_string(), "python3 -m pip: this Python has no pip; runtimes are fetched with it");
        assert!(error.remedy_text().unwrap().contains("apt install python3-pip"));
    }
}
