//! The user's own pip, which knows their index, proxy and certificates.
//!
//! `python3 -m pip` prefers modules from the current folder to all others, so it is started in an empty one (`-P` needs
//! Python 3.11, `-I` hides a pip that was installed for the user). The user's environment variables are kept; relative
//! paths in them, which refer to the user's folder, are made absolute.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::{Duration, Instant};

use super::error::writing;
use super::{InstallOptions, Wheel};
use gnet_core::words::counted;
use gnet_core::{Error, Result, process, program};

struct Folders {
    wheels: PathBuf,
    temporary: PathBuf,
    empty: PathBuf,
}

impl Folders {
    fn make(staging: &Path) -> Result<Self> {
        // pip works in another folder.
        let staging = std::path::absolute(staging).map_err(|e| writing(staging, &e))?;
        let [wheels, temporary, empty] = ["wheels", "tmp", "empty"].map(|name| staging.join(name));
        for folder in [&wheels, &temporary, &empty] {
            fs::create_dir(folder).map_err(|e| writing(folder, &e))?;
        }
        Ok(Self { wheels, temporary, empty })
    }
}

/// Downloads a wheel into `staging` and returns its path. `received` is called with the number of bytes that have
/// arrived so far.
///
/// # Errors
/// Fails if Python or pip is missing, if pip fails (in its own words), if nothing arrives within the patience set in
/// the options, or if more arrives than the size of the wheel.
pub(super) fn download(
    options: &InstallOptions,
    wheel: &Wheel,
    staging: &Path,
    mut received: impl FnMut(u64),
) -> Result<PathBuf> {
    let folders = Folders::make(staging)?;
    let mut command = command(options, wheel, &folders)?;
    let (mut seen, mut grew) = (0, Instant::now());
    let mut go_on = || {
        // It grows in pip's temporary folder, and is then copied to its destination.
        let bytes = largest_file(staging);
        if bytes != seen {
            (seen, grew) = (bytes, Instant::now());
            received(bytes);
        }
        bytes <= wheel.bytes && grew.elapsed() < options.patience
    };
    let finished = process::run_while(&mut command, &mut go_on).map_err(|e| no_python(&options.python, &e))?;
    if largest_file(staging) > wheel.bytes {
        return Err(too_large(wheel));
    }
    match finished.status {
        Some(status) if status.success() => only_file(&folders.wheels, wheel),
        Some(status) => Err(failure(wheel, status, &finished.stderr)),
        None => Err(stalled(wheel, options.patience)),
    }
}

/// Returns the arguments for pip. They state everything that decides which file is chosen, so that the Python that runs
/// pip does not matter.
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

fn command(options: &InstallOptions, wheel: &Wheel, folders: &Folders) -> Result<Command> {
    let missing = || no_python(&options.python, &io::ErrorKind::NotFound.into());
    let mut command = Command::new(program::find(&options.python).ok_or_else(missing)?);
    command
        .args(arguments(wheel, &folders.wheels))
        .current_dir(&folders.empty)
        .envs(absolute_paths(|name| env::var_os(name), &env::current_dir().unwrap_or_default()))
        // The download grows in this folder, which is watched, has enough room, and is removed whatever happens.
        .env("TMPDIR", &folders.temporary)
        .env("LC_ALL", "C.UTF-8");
    Ok(command)
}

/// Environment variables whose value is a path.
const PATHS: [&str; 12] = [
    "PIP_CONFIG_FILE",
    "PIP_CERT",
    "PIP_CLIENT_CERT",
    "PIP_CACHE_DIR",
    "PIP_LOG",
    "PIP_LOG_FILE",
    "PIP_PYTHON",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NETRC",
];

/// Environment variables whose value is a list of paths and addresses separated by blanks.
const PLACES: [&str; 4] = ["PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL"];

/// Returns the variables with relative paths, resolved against `folder`.
fn absolute_paths(variable: impl Fn(&str) -> Option<OsString>, folder: &Path) -> Vec<(&'static str, OsString)> {
    let given = |name: &'static str| Some((name, variable(name).filter(|value| !value.is_empty())?));
    let path = |value: &OsStr| match value.as_encoded_bytes().starts_with(b"~") {
        // pip expands home directories itself.
        true => value.to_owned(),
        false => folder.join(value).into_os_string(),
    };
    let place = |word: &str| match word.contains(':') || !folder.join(word).exists() {
        true => OsString::from(word),
        false => path(OsStr::new(word)),
    };
    let paths = PATHS.into_iter().filter_map(given).map(|(name, value)| (name, path(&value)));
    let places = PLACES.into_iter().filter_map(given).filter_map(|(name, value)| {
        let words: Vec<_> = value.to_str()?.split_whitespace().map(place).collect();
        Some((name, words.join(OsStr::new(" "))))
    });
    paths.chain(places).collect()
}

fn no_python(python: &OsStr, error: &io::Error) -> Error {
    let reason = if error.kind() == io::ErrorKind::NotFound {
        "is not there; runtimes are fetched with its pip".to_owned()
    } else {
        format!("cannot be started: {error}")
    };
    Error::unavailable(python.to_string_lossy(), reason).remedy(
        "install Python 3 with pip, or install ONNX Runtime yourself and name its library with --ort-lib or GNET_ORT_LIB",
    )
}

fn too_large(wheel: &Wheel) -> Error {
    let reason = format!(
        "pip receives a file that is larger than the pinned one of {}, and was stopped; nothing was installed",
        counted(wheel.bytes, "byte")
    );
    Error::check(wheel.requirement(), reason)
        .remedy("pip's index hands out another file: see `python3 -m pip config list`")
}

fn stalled(wheel: &Wheel, patience: Duration) -> Error {
    let reason =
        format!("pip received nothing for {} s and was stopped; nothing was installed", patience.as_secs_f64());
    Error::unavailable(wheel.requirement(), reason).remedy("check the network and pip's index, or raise --timeout")
}

fn largest_file(folder: &Path) -> u64 {
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(about) if about.is_dir() => largest_file(&entry.path()),
        Ok(about) if about.is_file() => about.len(),
        _ => 0,
    };
    fs::read_dir(folder).into_iter().flatten().flatten().map(size).max().unwrap_or(0)
}

fn only_file(folder: &Path, wheel: &Wheel) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).map_err(|e| Error::file(folder, e))?;
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    match (found.pop(), found.len()) {
        (Some(file), 0) => Ok(file),
        (None, _) => Err(Error::check(wheel.requirement(), "pip ended well and brought no file")),
        (Some(_), others) => Err(Error::check(
            wheel.requirement(),
            format!("pip brought {} in place of one", counted(others + 1, "file")),
        )),
    }
}

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

/// Returns pip's last error, else its last line: that of an exception, which pip announces as an error without giving
/// details.
fn reason(said: &str) -> Option<&str> {
    let lines = || said.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let error = lines().find_map(|line| line.strip_prefix("ERROR: ")).filter(|error| *error != "Exception:");
    error.or_else(|| lines().next())
}

/// Returns the cause of a failed connection. pip's last error then only says that it found nothing; the cause is in a
/// warning above.
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

    #[test]
    fn paths_in_variables_count_from_the_users_folder() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("wheels")).unwrap();
        let made = |name: &'static str, value: &str| {
            let variable = |asked: &str| (asked == name).then(|| value.into());
            absolute_paths(variable, dir.path())
                .into_iter()
                .map(|(_, value)| value.into_string().unwrap())
                .collect::<Vec<_>>()
        };
        let there = |name: &str| dir.path().join(name).display().to_string();
        assert_eq!(made("PIP_CONFIG_FILE", "pip.conf"), [there("pip.conf")]);
        assert_eq!(made("PIP_CERT", "/etc/ca.pem"), ["/etc/ca.pem"]);
        assert_eq!(made("PIP_CACHE_DIR", "~/cache"), ["~/cache"]);
        let links =
            format!("{} https://example.org/simple {} file:wheels nowhere", there("wheels"), there("wheels/../wheels"));
        assert_eq!(
            made("PIP_FIND_LINKS", "wheels https://example.org/simple wheels/../wheels  file:wheels nowhere"),
            [links]
        );
        assert_eq!(made("PIP_INDEX_URL", "https://example.org/simple"), ["https://example.org/simple"]);
        assert_eq!((made("PIP_CERT", ""), made("PIP_TIMEOUT", "15")), (Vec::new(), Vec::new()));
    }

    // Output written by pip 23.2.

    #[test]
    fn pips_last_error_is_the_reason() {
        let error = failed(
            "ERROR: Could not find a version that satisfies the requirement onnxruntime==1.31.1 (from versions: 1.12.0)\n\
             ERROR: No matching distribution found for onnxruntime==1.31.1\n",
        );
        assert_eq!(
            error.to_string(),
            format!(
                "pip download {}: pip failed: No matching distribution found for onnxruntime==1.31.1; nothing was installed",
                pinned(Kind::Cpu).unwrap().requirement()
            )
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
