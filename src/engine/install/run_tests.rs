//! Installations from wheels made by the test, delivered by a shell script in the role of Python.
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
    /// Packages of libraries that the wheel needs.
    packages: Vec<Wheel>,
    /// Those of them that the system has.
    system: Vec<&'static str>,
}

/// Records every call, and refuses what is planned if it is told to.
#[derive(Default)]
struct Diary {
    lines: Vec<String>,
    refuses: bool,
}

impl Observer for Diary {
    fn planned(&mut self, wheels: &[&Wheel]) -> Result<()> {
        let names: Vec<_> = wheels.iter().map(|wheel| wheel.package).collect();
        self.lines.push(format!("planned: {}", names.join(" ")));
        if self.refuses { Err(Error::input("tiny", "is not wanted")) } else { Ok(()) }
    }

    fn step(&mut self, wheel: &Wheel, step: Step, bytes: u64) {
        self.lines.push(format!("{} {step:?} {bytes}", wheel.package));
    }

    fn done(&mut self, bytes: u64) {
        self.lines.push(bytes.to_string());
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl World {
    fn new(members: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        symlink(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/python3"), dir.path().join("python3"))
            .unwrap();
        let wheel = Wheel {
            kind: Kind::Cpu,
            package: "tiny",
            version: "1.0",
            platform: "manylinux_2_28_x86_64",
            sha256: "",
            bytes: 0,
            unpacked: 14,
            folder: "tiny",
            library: "capi/libonnxruntime.so.1.0",
            others: &["LICENSE"],
            provides: &[],
        };
        let mut world = Self { dir, wheel, packages: Vec::new(), system: Vec::new() };
        world.wheel = world.packed(wheel, members);
        world.python("cp \"$here/$wanted.whl\" \"$dest\"");
        world
    }

    fn whole() -> Self {
        Self::new(&[("tiny/LICENSE", "licence"), ("tiny/capi/libonnxruntime.so.1.0", "library"), ("tiny/x.py", "no")])
    }

    /// With a runtime that needs two packages of libraries.
    fn with_libraries() -> Self {
        let mut world = Self::whole();
        let first = Wheel {
            package: "first",
            version: "13.1",
            unpacked: 10,
            folder: "",
            library: "nvidia/lib/liblt.so.13",
            others: &["nvidia/lib/libfirst.so.13"],
            provides: &["liblt.so.13", "libfirst.so.13"],
            ..world.wheel
        };
        let second = Wheel {
            package: "second",
            version: "9.0",
            library: "nvidia/lib/libsecond.so.9",
            others: &["second.dist-info/License.txt"],
            provides: &["libsecond.so.9"],
            ..first
        };
        let files = [("nvidia/lib/liblt.so.13", "light"), ("nvidia/lib/libfirst.so.13", "first")];
        let first = world.packed(first, &files);
        let files = [("nvidia/lib/libsecond.so.9", "second"), ("second.dist-info/License.txt", "text")];
        let second = world.packed(second, &files);
        world.packages = vec![first, second];
        world
    }

    /// Makes the wheel, where the script finds it.
    fn packed(&self, wheel: Wheel, members: &[(&str, &str)]) -> Wheel {
        let path = self.dir.path().join(format!("{}.whl", wheel.requirement()));
        let mut archive = ZipWriter::new(File::create(&path).unwrap());
        for (name, text) in members {
            archive.start_file(*name, SimpleFileOptions::default()).unwrap();
            archive.write_all(text.as_bytes()).unwrap();
        }
        archive.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        Wheel { sha256: sha256(&bytes).leak(), bytes: bytes.len() as u64, ..wheel }
    }

    /// Makes `python3` run `script`, with pip's `--dest` in `$dest` and its requirement in `$wanted`.
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
        InstallOptions { python, patience: Duration::from_secs(20), ..InstallOptions::default() }
    }

    fn install(&self, options: &InstallOptions) -> Result<Installation> {
        self.observed(options, &mut Diary::default())
    }

    fn observed(&self, options: &InstallOptions, diary: &mut Diary) -> Result<Installation> {
        let parts = Parts::of(&self.wheel, &self.packages, |name| self.system.contains(&name));
        install_parts(&parts, &self.runtimes(), options, diary)
    }

    /// Returns the names of everything in the folder of runtimes except the lock.
    fn left(&self) -> Vec<String> {
        let entries = fs::read_dir(self.runtimes()).into_iter().flatten().flatten();
        let mut names: Vec<_> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
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
    let done = world.observed(&world.options(), &mut diary).unwrap();
    assert!(done.fetched && done.bytes == 14 && done.library.ends_with("cpu-1.0/libonnxruntime.so"), "{done:?}");
    assert_eq!(fs::read_to_string(&done.library).unwrap(), "library");
    assert_eq!(world.left(), ["cpu-1.0"]);
    assert_eq!(fs::read_dir(world.folder()).unwrap().count(), 3, "no Python, no wheel");
    let manifest = Manifest::read(&world.folder()).unwrap();
    assert_eq!((manifest.wheel.as_str(), manifest.sha256.as_str()), ("tiny==1.0.whl", world.wheel.sha256));
    let bytes = world.wheel.bytes;
    let steps: Vec<_> = diary.lines.iter().filter(|line| line.contains(' ')).cloned().collect();
    let expected = [
        "planned: tiny".to_owned(),
        format!("tiny Download {bytes}"),
        format!("tiny Verify {bytes}"),
        "tiny Unpack 14".to_owned(),
    ];
    assert_eq!(steps, expected);
    assert_eq!(diary.lines.last().unwrap(), "14");
}

fn texts(folder: &Path) -> Vec<(String, String)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let mut found: Vec<_> = entries.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect();
    found.retain(|(name, _)| name != MANIFEST);
    found.sort();
    found
}

#[test]
fn what_the_runtime_needs_is_installed_before_it_and_only_once() {
    let world = World::with_libraries();
    let mut diary = Diary::default();
    let done = world.observed(&world.options(), &mut diary).unwrap();
    assert_eq!(world.left(), ["cpu-1.0", "libraries"]);
    let folder = |name: &str| world.runtimes().join("libraries").join(name);
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    assert_eq!(texts(&folder("first-13.1")), [file("libfirst.so.13", "first"), file("liblt.so.13", "light")]);
    assert_eq!(texts(&folder("second-9.0")), [file("License.txt", "text"), file("libsecond.so.9", "second")]);
    assert_eq!(diary.lines[0], "planned: first second tiny", "told once, before anything");
    assert_eq!(diary.lines.iter().filter(|line| line.contains("planned")).count(), 1);
    assert!(done.fetched && done.bytes == 14 && done.system_libraries.is_empty(), "{done:?}");
    let held: Vec<_> =
        done.libraries.iter().map(|its| (its.package.as_str(), its.version.as_str(), its.intact)).collect();
    assert_eq!(held, [("first", "13.1", true), ("second", "9.0", true)]);
    assert!(done.libraries[0].bytes > 10, "the manifest too: {done:?}");
    world.python("exit 9");
    let mut diary = Diary::default();
    let again = world.observed(&world.options(), &mut diary).unwrap();
    assert!(!again.fetched && diary.lines.is_empty(), "{:?}", diary.lines);
    assert_eq!(again, Installation { fetched: false, ..done });
}

#[test]
fn what_the_system_has_and_what_is_there_is_not_fetched() {
    let mut world = World::with_libraries();
    world.system = vec!["liblt.so.13", "libfirst.so.13"];
    let mut diary = Diary::default();
    let done = world.observed(&world.options(), &mut diary).unwrap();
    assert_eq!(diary.lines[0], "planned: second tiny");
    assert_eq!(done.system_libraries, world.system);
    assert_eq!(done.libraries.len(), 1, "{:?}", done.libraries);
    // The system loses one.
    world.system = vec!["liblt.so.13"];
    let mut diary = Diary::default();
    let done = world.observed(&world.options(), &mut diary).unwrap();
    assert_eq!(diary.lines[0], "planned: first");
    assert!(done.fetched && done.libraries.len() == 2 && done.system_libraries.is_empty(), "{done:?}");
}

#[test]
fn a_package_that_cannot_be_had_leaves_nothing_behind() {
    for fails in ["first==13.1", "second==9.0", "tiny==1.0"] {
        let world = World::with_libraries();
        world.python(&format!(
            "[ \"$wanted\" = {fails} ] && echo 'ERROR: no network' >&2 && exit 1; cp \"$here/$wanted.whl\" \"$dest\""
        ));
        let error = world.fails().to_string();
        assert_eq!(error, format!("pip download {fails}: pip failed: no network; nothing was installed"));
    }
    let mut world = World::with_libraries();
    world.packages[1].sha256 = "00";
    assert!(world.fails().to_string().starts_with("second==9.0: the file of "));
    let mut world = World::with_libraries();
    world.packages[1].others = &["License.txt"];
    assert_eq!(world.fails().to_string(), "second==9.0: the wheel holds no License.txt");
    let mut world = World::with_libraries();
    world.packages[0].unpacked = 1 << 60;
    assert!(world.fails().to_string().contains("the installation needs 1024.0 PiB for a while"));
}

#[test]
fn a_failure_leaves_what_was_installed_before() {
    let mut world = World::with_libraries();
    let packages = std::mem::take(&mut world.packages);
    world.install(&world.options()).unwrap();
    world.packages = packages;
    world.packages[1].sha256 = "00";
    world.install(&world.options()).unwrap_err();
    assert_eq!(world.left(), ["cpu-1.0"]);
    assert!(fault(&world.folder(), &["libonnxruntime.so"]).is_none());
}

#[test]
fn what_the_observer_refuses_is_not_begun() {
    let world = World::with_libraries();
    world.python("touch \"$here/called\"");
    let mut diary = Diary { refuses: true, ..Diary::default() };
    let error = world.observed(&world.options(), &mut diary).unwrap_err();
    assert_eq!(error.to_string(), "tiny: is not wanted");
    assert_eq!(diary.lines, ["planned: first second tiny"]);
    assert!(!world.dir.path().join("data").exists() && !world.dir.path().join("called").exists());
}

#[test]
fn damaged_libraries_are_an_error_until_they_are_replaced() {
    let world = World::with_libraries();
    world.install(&world.options()).unwrap();
    let library = world.runtimes().join("libraries/second-9.0/libsecond.so.9");
    fs::write(&library, "s").unwrap();
    let error = world.install(&world.options()).unwrap_err();
    assert!(error.to_string().contains("second-9.0: is damaged: libsecond.so.9 has 1 byte in place of 6"), "{error}");
    assert_eq!(error.remedy_text(), Some("install it again with --force"));
    world.install(&InstallOptions { force: true, ..world.options() }).unwrap();
    assert_eq!(fs::read_to_string(library).unwrap(), "second");
    assert_eq!(world.left(), ["cpu-1.0", "libraries"]);
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
    assert!(fault(&world.folder(), &["libonnxruntime.so"]).is_none(), "a failed replacement leaves what was there");
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
    assert!(fault(&world.folder(), &["libonnxruntime.so"]).is_none());
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
    nonsense.wheel.sha256 = sha256(b"nonsense").leak();
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
