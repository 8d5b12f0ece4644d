//! Installations from a wheel made by the test, delivered by a shell script in the role of Python.
#![cfg(unix)]

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::time::Duration;

use sha2::{Digest, Sha256};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::install::MANIFEST;
use gnet_core::ErrorKind;

/// A place to install into, a wheel, and a Python that delivers it.
struct World {
    dir: TempDir,
    wheel: Wheel,
}

/// Records every call.
#[derive(Default)]
struct Diary(Vec<String>);

impl Observer for Diary {
    fn step(&mut self, wheel: &Wheel, step: Step, bytes: u64) {
        self.0.push(format!("{} {step:?} {bytes}", wheel.kind));
    }

    fn done(&mut self, bytes: u64) {
        self.0.push(bytes.to_string());
    }
}

impl World {
    fn new(members: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tiny-1.0-cp312-cp312-manylinux.whl");
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in members {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        let sha256: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let wheel = Wheel {
            kind: Kind::Cpu,
            package: "tiny",
            version: "1.0",
            platform: "manylinux_2_28_x86_64",
            sha256: sha256.leak(),
            bytes: bytes.len() as u64,
            unpacked: 14,
            folder: "tiny",
            library: "capi/libonnxruntime.so.1.0",
            others: &["LICENSE"],
        };
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/python3"), dir.path().join("python3"))
            .unwrap();
        let world = Self { dir, wheel };
        world.python(&format!("cp '{}' \"$dest\"", path.display()));
        world
    }

    fn whole() -> Self {
        Self::new(&[("tiny/LICENSE", "licence"), ("tiny/capi/libonnxruntime.so.1.0", "library"), ("tiny/x.py", "no")])
    }

    /// Makes `python3` run `script`, with pip's `--dest` in `$dest`.
    fn python(&self, script: &str) {
        fs::write(self.dir.path().join("script"), script).unwrap();
    }

    fn runtimes(&self) -> PathBuf {
        self.dir.path().join("data/gnet/runtime")
    }

    fn folder(&self) -> PathBuf {
        self.runtimes().join("cpu-1.0")
    }

    fn options(&self) -> InstallOptions {
        let python = self.dir.path().join("python3").into();
        InstallOptions { force: false, patience: Duration::from_secs(20), python }
    }

    fn install(&self, options: &InstallOptions) -> Result<Installation> {
        install_wheel(&self.wheel, &self.runtimes(), options, &mut Diary::default())
    }

    /// Returns the names of everything in the folder of runtimes except the lock.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runtimes()).into_iter().flatten().flatten();
        entries.map(|e| e.file_name().into_string().unwrap()).filter(|name| name != ".lock").collect()
    }

    /// Returns the error of an installation that must fail and leave nothing behind.
    fn fails(&self) -> Error {
        let error = self.install(&self.options()).unwrap_err();
        assert_eq!(self.left(), [""; 0], "nothing is left behind after: {error}");
        error
    }
}

#[test]
fn the_libraries_land_in_one_folder_with_a_manifest() {
    let world = World::whole();
    let mut diary = Diary::default();
    let done = install_wheel(&world.wheel, &world.runtimes(), &world.options(), &mut diary).unwrap();
    assert!(done.fetched && done.bytes == 14 && done.library.ends_with("cpu-1.0/libonnxruntime.so"), "{done:?}");
    assert_eq!(fs::read_to_string(&done.library).unwrap(), "library");
    assert_eq!(world.left(), ["cpu-1.0"]);
    assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 3, "no Python, no wheel");
    let manifest = Manifest::read(&world.folder()).unwrap();
    assert_eq!(
        (manifest.wheel.as_str(), manifest.sha256.as_str()),
        ("tiny-1.0-cp312-cp312-manylinux.whl", world.wheel.sha256)
    );
    let bytes = world.wheel.bytes;
    let steps: Vec<_> = diary.0.iter().filter(|line| line.contains(' ')).cloned().collect();
    assert_eq!(steps, [format!("cpu Download {bytes}"), format!("cpu Verify {bytes}"), "cpu Unpack 14".to_owned()]);
    assert_eq!(diary.0.last().unwrap(), "14");
}

#[test]
fn an_intact_runtime_is_left_alone() {
    let world = World::whole();
    world.install(&world.options()).unwrap();
    world.python("exit 9");
    let again = world.install(&world.options()).unwrap();
    assert!(!again.fetched && again.bytes == 14);
    let forced = InstallOptions { force: true, ..world.options() };
    assert!(world.install(&forced).unwrap_err().to_string().contains("pip failed: exit status: 9"));
    assert!(fault(&world.folder()).is_none(), "a failed replacement leaves what was there");
    assert_eq!(world.left(), ["cpu-1.0"]);
}

#[test]
fn a_damaged_runtime_is_an_error_until_it_is_replaced() {
    let world = World::whole();
    world.install(&world.options()).unwrap();
    fs::write(world.folder().join("libonnxruntime.so"), "l1brary").unwrap();
    let error = world.install(&world.options()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert!(error.to_string().contains("cpu-1.0: is damaged: libonnxruntime.so was changed"), "{error}");
    assert_eq!(error.remedy_text(), Some("install it again with --force"));
    assert!(world.install(&InstallOptions { force: true, ..world.options() }).unwrap().fetched);
    assert!(fault(&world.folder()).is_none());
    fs::remove_file(world.folder().join(MANIFEST)).unwrap();
    assert!(world.install(&world.options()).unwrap_err().to_string().contains("is damaged"));
}

#[test]
fn another_file_than_the_pinned_one_is_refused() {
    let mut world = World::whole();
    world.wheel.sha256 = "00";
    let error = world.fails();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert!(error.to_string().contains("which is not the pinned 00; nothing was installed"), "{error}");
}

#[test]
fn a_wheel_that_lacks_a_member_or_is_no_archive_is_refused() {
    let without = World::new(&[("tiny/capi/libonnxruntime.so.1.0", "library")]);
    assert_eq!(without.fails().to_string(), "tiny==1.0: the wheel holds no tiny/LICENSE");
    let mut nonsense = World::whole();
    nonsense.python("printf nonsense > \"$dest/a.whl\"");
    let digest: String = Sha256::digest(b"nonsense").iter().map(|byte| format!("{byte:02x}")).collect();
    nonsense.wheel.sha256 = digest.leak();
    assert!(nonsense.fails().to_string().starts_with("tiny==1.0: the wheel cannot be unpacked: "));
}

#[test]
fn a_pip_that_fails_brings_nothing_or_too_much_is_an_error() {
    let world = World::whole();
    world.python("echo 'ERROR: No matching distribution found for tiny==1.0' >&2; exit 1");
    let error = world.fails();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("pip failed: No matching distribution found for tiny==1.0;"), "{error}");
    world.python("echo \"$0: No module named pip\" >&2; exit 1");
    assert!(world.fails().to_string().contains("this Python has no pip"));
    world.python("exit 0");
    assert_eq!(world.fails().to_string(), "tiny==1.0: pip ended well and brought no file");
    world.python("touch \"$dest/a\" \"$dest/b\"");
    assert_eq!(world.fails().to_string(), "tiny==1.0: pip brought 2 files in place of one");
}

#[test]
fn a_machine_without_python_is_an_error() {
    let world = World::whole();
    let options = InstallOptions { python: "/no/such/python3".into(), ..world.options() };
    let error = world.install(&options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.to_string(), "/no/such/python3: is not there; runtimes are fetched with its pip");
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_pip_that_receives_nothing_is_stopped() {
    let world = World::whole();
    world.python("exec sleep 1000");
    let options = InstallOptions { patience: Duration::from_millis(200), ..world.options() };
    let error = world.install(&options).unwrap_err();
    assert!(error.to_string().contains("tiny==1.0: pip received nothing for 0.2 s and was stopped"), "{error}");
    assert_eq!(world.left(), [""; 0]);
}

#[test]
fn a_pip_that_brings_more_than_the_wheel_is_stopped() {
    let world = World::whole();
    // Where pip first puts the file, and its destination. It grows without end.
    for place in ["$TMPDIR/part", "$dest/tiny.whl"] {
        world.python(&format!("while :; do printf 0123456789 >> \"{place}\"; done"));
        let error = world.fails();
        assert_eq!(error.kind(), ErrorKind::Check);
        let says =
            format!("tiny==1.0: pip receives a file that is larger than the pinned one of {} bytes", world.wheel.bytes);
        assert!(error.to_string().starts_with(&says), "{error}");
    }
}

#[test]
fn pip_is_started_where_nothing_lies() {
    let world = World::whole();
    world.python("echo \"ERROR: in $(pwd) there is: $(ls -A)\" >&2; exit 1");
    let error = world.fails().to_string();
    assert!(error.contains("/empty there is:; nothing"), "{error}");
}

#[test]
fn a_disk_without_room_is_an_error_before_anything_is_fetched() {
    let mut world = World::whole();
    world.wheel.unpacked = 1 << 60;
    world.python("exit 9");
    let error = world.fails();
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("the installation needs 1024.0 PiB for a while and the disk has "), "{error}");
}

#[test]
fn one_installation_at_a_time() {
    let world = World::whole();
    fs::create_dir_all(world.runtimes()).unwrap();
    let lock = locked(&world.runtimes()).unwrap();
    let error = world.install(&world.options()).unwrap_err();
    assert!(error.to_string().ends_with("another gnet is changing what is installed"), "{error}");
    drop(lock);
    fs::create_dir(world.runtimes().join(".partial-killed")).unwrap();
    world.install(&world.options()).unwrap();
    assert_eq!(world.left(), ["cpu-1.0"], "what a killed installation left is swept");
}

#[test]
fn a_place_that_cannot_be_made_is_an_error() {
    let world = World::whole();
    fs::write(world.dir.path().join("data"), "a file").unwrap();
    let error = world.install(&world.options()).unwrap_err();
    assert!(error.to_string().contains("data/gnet/runtime: would lie inside a file"), "{error}");
}
