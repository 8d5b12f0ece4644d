//! Inspection of a shared library without loading it: whether this process can load it, and its dependencies.

use std::path::Path;

use object::elf::{self, FileHeader64};
use object::read::StringTable;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::{LittleEndian, read};

use gnet_core::files;
#[cfg(any(test, feature = "ort"))]
use gnet_core::{Error, words::counted};

fn header(bytes: &[u8]) -> read::Result<&FileHeader64<LittleEndian>> {
    let header = FileHeader64::<LittleEndian>::parse(bytes)?;
    header.endian().map(|_| header)
}

/// Returns the reason why the file at `path` cannot be loaded as a shared library by this process. The loader maps even
/// a truncated library, after which the process ends with a signal, and its messages about other faults are not meant
/// for people.
#[cfg(any(test, feature = "ort"))]
pub(super) fn check(path: &Path) -> Result<(), String> {
    let named = |error: Error| error.to_string().trim_start_matches(&format!("{}: ", path.display())).to_owned();
    check_bytes(&files::map(path).map_err(named)?)
}

#[cfg(any(test, feature = "ort"))]
fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    if !bytes.starts_with(&elf::ELFMAG) {
        return Err("is no shared library".to_owned());
    }
    let size = bytes.len() as u64;
    let cut = || format!("is cut off after {}", counted(size, "byte"));
    if bytes.len() < size_of::<FileHeader64<LittleEndian>>() {
        return Err(cut());
    }
    let header = header(bytes).map_err(|_| "is no 64-bit little-endian library")?;
    let machine = header.e_machine(LittleEndian);
    if own_machine().is_some_and(|own| own != machine) {
        return Err(format!("is for another processor ({})", machine_name(machine)));
    }
    let table = u64::from(header.e_phentsize(LittleEndian)) * u64::from(header.e_phnum(LittleEndian));
    if header.e_phoff(LittleEndian).saturating_add(table) > size {
        return Err(cut());
    }
    // A table of another form is left to the loader.
    let segments = header.program_headers(LittleEndian, bytes).unwrap_or_default();
    for segment in segments.iter().filter(|segment| segment.p_type(LittleEndian) == elf::PT_LOAD) {
        let (offset, length) = segment.file_range(LittleEndian);
        let end = offset.saturating_add(length);
        if end > size {
            return Err(format!("{}; its header speaks of {end}", cut()));
        }
    }
    Ok(())
}

#[cfg(any(test, feature = "ort"))]
fn own_machine() -> Option<elf::Machine> {
    match std::env::consts::ARCH {
        "x86_64" => Some(elf::EM_X86_64),
        "aarch64" => Some(elf::EM_AARCH64),
        _ => None,
    }
}

#[cfg(any(test, feature = "ort"))]
fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_386 => "x86".to_owned(),
        elf::EM_ARM => "arm".to_owned(),
        elf::EM_X86_64 => "x86_64".to_owned(),
        elf::EM_AARCH64 => "aarch64".to_owned(),
        elf::EM_RISCV => "riscv".to_owned(),
        other => format!("ELF machine {}", other.0),
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dynamic {
    /// Names of the libraries it is loaded with, such as `libcudart.so.13`.
    pub(crate) needed: Vec<String>,
    /// Folders that are searched for them: `DT_RUNPATH`, else `DT_RPATH`; `$ORIGIN` is the library's own folder.
    pub(crate) run_path: Vec<String>,
}

impl Dynamic {
    /// Reads the dependencies of the library at `path`; `None` if it cannot be read, or is not a complete 64-bit
    /// little-endian ELF file.
    pub(crate) fn read(path: &Path) -> Option<Self> {
        Self::of(&files::map(path).ok()?)
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        let segments = header(bytes).and_then(|header| header.program_headers(LittleEndian, bytes)).ok()?;
        let entries = segments.iter().find_map(|segment| segment.dynamic(LittleEndian, bytes).transpose())?.ok()?;
        let all = |tag: elf::DynamicTag| entries.iter().filter(move |entry| entry.tag(LittleEndian) == tag);
        let value = |tag: elf::DynamicTag| all(tag).next().map(|entry| entry.val(LittleEndian));
        // The section gives the address of the names in memory; the loadable segments map it to a place in the file.
        let (address, size) = (value(elf::DT_STRTAB)?, value(elf::DT_STRSZ)?);
        let loaded = segments.iter().filter(|segment| segment.p_type(LittleEndian) == elf::PT_LOAD);
        let names = loaded.filter_map(|it| it.data_range(LittleEndian, bytes, address, size).ok()?).next()?;
        let names = StringTable::new(names, 0, names.len() as u64);
        let named = |tag: elf::DynamicTag| -> Option<Vec<String>> {
            let name = |entry: &elf::Dyn64<LittleEndian>| entry.string(LittleEndian, names).ok();
            all(tag).map(|entry| Some(String::from_utf8_lossy(name(entry)?).into_owned())).collect()
        };
        let paths = [named(elf::DT_RUNPATH)?, named(elf::DT_RPATH)?].concat();
        let folders = paths.first().map(|path| path.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned));
        Some(Self { needed: named(elf::DT_NEEDED)?, run_path: folders.into_iter().flatten().collect() })
    }
}

/// A library with these entries, as small as the format allows: for the tests of whoever reads libraries.
#[cfg(test)]
pub(crate) fn written(needed: &[&str], run_path: Option<&str>) -> Vec<u8> {
    let mut names = vec![0];
    let mut entries = Vec::new();
    for (tag, name) in needed.iter().map(|n| (elf::DT_NEEDED, *n)).chain(run_path.map(|p| (elf::DT_RUNPATH, p))) {
        entries.push((tag, names.len() as u64));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    // Loaded at 0x1000, so that an address and its place in the file differ.
    let (dynamic, dynamic_size) = (64 + 2 * 56, 16 * (entries.len() as u64 + 3));
    let strings = dynamic + dynamic_size;
    entries.extend([(elf::DT_STRTAB, 0x1000 + strings), (elf::DT_STRSZ, names.len() as u64), (elf::DT_NULL, 0)]);
    let mut file = vec![0; 64];
    file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&2_u16.to_le_bytes());
    let total = strings + names.len() as u64;
    for (kind, offset, size) in [(elf::PT_LOAD, 0, total), (elf::PT_DYNAMIC, dynamic, dynamic_size)] {
        file.extend(u64::from(kind.0).to_le_bytes());
        for value in [offset, 0x1000 + offset, 0, size, size, 0] {
            file.extend(value.to_le_bytes());
        }
    }
    for (tag, value) in entries {
        file.extend(tag.0.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(names);
    file
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The test program itself is an ELF file of this machine, linked like a library.
    fn own() -> Vec<u8> {
        std::fs::read(std::env::current_exe().unwrap()).unwrap()
    }

    #[test]
    fn a_whole_file_of_this_machine_is_loadable() {
        check(&std::env::current_exe().unwrap()).unwrap();
    }

    #[test]
    fn a_truncated_file_is_refused_wherever_it_is_cut() {
        let whole = own();
        for cut in [4, 20, 64, 74, 4096, whole.len() / 2] {
            let error = check_bytes(&whole[..cut]).unwrap_err();
            assert!(error.starts_with(&format!("is cut off after {cut} bytes")), "{error}");
        }
    }

    #[test]
    fn what_is_no_library_of_this_machine_is_refused() {
        let whole = own();
        assert_eq!(check_bytes(b"#!/bin/sh\n").unwrap_err(), "is no shared library");
        assert_eq!(check_bytes(b"").unwrap_err(), "is no shared library");
        let with = |at: usize, value: u8| {
            let mut changed = whole.clone();
            changed[at] = value;
            check_bytes(&changed).unwrap_err()
        };
        assert_eq!(with(4, 1), "is no 64-bit little-endian library");
        assert_eq!(with(5, 2), "is no 64-bit little-endian library");
        assert_eq!(with(18, 243), "is for another processor (riscv)");
        assert_eq!(check(Path::new("/no/such/file")).unwrap_err(), "there is no such file");
    }

    #[test]
    fn needed_libraries_and_the_search_path_are_read() {
        let dynamic = Dynamic::of(&written(&["libcudart.so.13", "libc.so.6"], Some("$ORIGIN:/opt/lib"))).unwrap();
        assert_eq!(dynamic.needed, ["libcudart.so.13", "libc.so.6"]);
        assert_eq!(dynamic.run_path, ["$ORIGIN", "/opt/lib"]);
        assert_eq!(Dynamic::of(&written(&[], None)).unwrap(), Dynamic::default());
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_real_program_needs_the_c_library() {
        let needed = Dynamic::read(&std::env::current_exe().unwrap()).unwrap().needed;
        assert!(needed.iter().any(|name| name == "libc.so.6"), "{needed:?}");
    }

    #[test]
    fn what_is_no_library_says_nothing() {
        let whole = written(&["libcudart.so.13"], None);
        for cut in 0..whole.len() {
            assert!(Dynamic::of(&whole[..cut]).is_none(), "{cut} of {} bytes", whole.len());
        }
        assert!(
            Dynamic::of(b"#!/bin/sh\necho a script that is long enough to hold the header of a program\n").is_none()
        );
        assert!(Dynamic::read(Path::new("/no/such/library")).is_none());
    }

    proptest! {
        #[test]
        fn a_damaged_library_never_panics(at in 0_usize..300, value: u8) {
            let mut bytes = written(&["libcudart.so.13", "libcublas.so.13"], Some("$ORIGIN"));
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = Dynamic::of(&bytes);
        }
    }
}
