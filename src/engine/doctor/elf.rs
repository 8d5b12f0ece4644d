//! Dependencies of a shared library: `DT_NEEDED` and the library's own search path, read from an ELF file without
//! loading it.
//!
//! Source of the layout: the System V ABI, chapters 4 and 5 (`Elf64_Ehdr`, `Elf64_Phdr`, `Elf64_Dyn`).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use gnet_core::files;

/// The part of a library's dynamic section that concerns its dependencies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dynamic {
    /// Names of the libraries it depends on, such as `libcudart.so.13`.
    pub needed: Vec<String>,
    /// Folders searched for them: `DT_RUNPATH`, else `DT_RPATH`; `$ORIGIN` is the library's own folder.
    pub run_path: Vec<String>,
}

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_RPATH: u64 = 15;
const DT_RUNPATH: u64 = 29;

/// Maximum size of a section, larger than any real library needs; keeps a corrupt file from being read into memory as a
/// whole.
const MAX_SECTION: u64 = 16 << 20;

/// One program header.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// Reads the dynamic section of a library.
///
/// # Errors
/// Fails if the file cannot be read, or if it is not a 64-bit little-endian ELF file with a dynamic section.
pub(super) fn read(path: &Path) -> io::Result<Dynamic> {
    let found = std::fs::metadata(path)?;
    if let Some(what) = files::kind(found.file_type()) {
        return Err(broken(&format!("is a {what}")));
    }
    read_from(&mut File::open(path)?)
}

fn read_from(file: &mut (impl Read + Seek)) -> io::Result<Dynamic> {
    let header = bytes_at(file, 0, 64)?;
    // Magic number, 64 bits, little-endian.
    if header[..6] != [0x7f, b'E', b'L', b'F', 2, 1] {
        return Err(broken("is no 64-bit little-endian ELF file"));
    }
    let segments = segments(file, &header)?;
    let dynamic = segments.iter().find(|s| s.kind == PT_DYNAMIC).ok_or_else(|| broken("has no dynamic section"))?;
    let section = bytes_at(file, dynamic.offset, dynamic.size)?;
    let entries: Vec<(u64, u64)> = section.chunks_exact(16).map(|e| (u64_at(e, 0), u64_at(e, 8))).collect();
    let names = strings(file, &segments, &entries)?;
    let all = |tag: u64| entries.iter().filter(move |(its, _)| *its == tag).map(|(_, at)| name_at(&names, *at));
    let path = all(DT_RUNPATH).next().or_else(|| all(DT_RPATH).next()).transpose()?.unwrap_or_default();
    Ok(Dynamic {
        needed: all(DT_NEEDED).collect::<io::Result<_>>()?,
        run_path: path.split(':').filter(|folder| !folder.is_empty()).map(str::to_owned).collect(),
    })
}

fn segments(file: &mut (impl Read + Seek), header: &[u8]) -> io::Result<Vec<Segment>> {
    let (offset, size, count) = (u64_at(header, 32), u16_at(header, 54), u16_at(header, 56));
    if size < 56 {
        return Err(broken("has program headers of an unknown size"));
    }
    let table = bytes_at(file, offset, u64::from(size) * u64::from(count))?;
    let segment = |entry: &[u8]| Segment {
        kind: u32_at(entry, 0),
        offset: u64_at(entry, 8),
        address: u64_at(entry, 16),
        size: u64_at(entry, 32),
    };
    Ok(table.chunks_exact(usize::from(size)).map(segment).collect())
}

/// Reads the string table; the dynamic section gives its address in memory, and the segments map that to a place in the
/// file.
fn strings(file: &mut (impl Read + Seek), segments: &[Segment], entries: &[(u64, u64)]) -> io::Result<Vec<u8>> {
    let value = |tag: u64| entries.iter().find(|(its, _)| *its == tag).map(|(_, value)| *value);
    let (Some(address), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
        return Err(broken("has no table of names"));
    };
    let offset = segments.iter().filter(|s| s.kind == PT_LOAD).find_map(|s| {
        let into = address.checked_sub(s.address)?;
        if into < s.size { s.offset.checked_add(into) } else { None }
    });
    bytes_at(file, offset.ok_or_else(|| broken("has its table of names outside the file"))?, size)
}

fn bytes_at(file: &mut (impl Read + Seek), offset: u64, size: u64) -> io::Result<Vec<u8>> {
    if size > MAX_SECTION {
        return Err(broken("has a section beyond reason"));
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(broken("is truncated")) }
}

fn name_at(names: &[u8], at: u64) -> io::Result<String> {
    let rest = usize::try_from(at).ok().and_then(|at| names.get(at..));
    let rest = rest.ok_or_else(|| broken("has a name outside its table"))?;
    let end = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    Ok(String::from_utf8_lossy(&rest[..end]).into_owned())
}

fn broken(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

/// Reads `N` bytes at `at`. Callers pass slices that are long enough; bytes past the end read as zero.
fn number<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut number = [0; N];
    if let Some(found) = bytes.get(at..at + N) {
        number.copy_from_slice(found);
    }
    number
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(number(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(number(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(number(bytes, at))
}

/// Writes a library with these entries, as small as the format allows, for the tests of code that reads libraries.
#[cfg(test)]
pub(super) fn written(needed: &[&str], run_path: Option<&str>) -> Vec<u8> {
    let mut names = vec![0];
    let mut entries = Vec::new();
    for (tag, name) in needed.iter().map(|n| (DT_NEEDED, *n)).chain(run_path.map(|p| (DT_RUNPATH, p))) {
        entries.push((tag, names.len() as u64));
        names.extend_from_slice(name.as_bytes());
        names.push(0);
    }
    // Loaded at 0x1000, so that an address and its offset in the file differ.
    let (dynamic, dynamic_size) = (64 + 2 * 56, 16 * (entries.len() as u64 + 3));
    let strings = dynamic + dynamic_size;
    entries.extend([(DT_STRTAB, 0x1000 + strings), (DT_STRSZ, names.len() as u64), (0, 0)]);
    let mut file = vec![0; 64];
    file[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
    file[32..40].copy_from_slice(&64_u64.to_le_bytes());
    file[54..56].copy_from_slice(&56_u16.to_le_bytes());
    file[56..58].copy_from_slice(&2_u16.to_le_bytes());
    let total = strings + names.len() as u64;
    for (kind, offset, size) in [(PT_LOAD, 0, total), (PT_DYNAMIC, dynamic, dynamic_size)] {
        file.extend(u64::from(kind).to_le_bytes());
        for value in [offset, 0x1000 + offset, 0, size, size, 0] {
            file.extend(value.to_le_bytes());
        }
    }
    for (tag, value) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(names);
    file
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;

    fn parsed(bytes: &[u8]) -> io::Result<Dynamic> {
        read_from(&mut Cursor::new(bytes))
    }

    #[test]
    fn needed_libraries_and_the_search_path_are_read() {
        let dynamic = parsed(&written(&["libcudart.so.13", "libc.so.6"], Some("$ORIGIN:/opt/lib"))).unwrap();
        assert_eq!(dynamic.needed, ["libcudart.so.13", "libc.so.6"]);
        assert_eq!(dynamic.run_path, ["$ORIGIN", "/opt/lib"]);
        assert_eq!(parsed(&written(&[], None)).unwrap(), Dynamic::default());
    }

    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_real_program_needs_the_c_library() {
        let needed = read(Path::new("/proc/self/exe")).unwrap().needed;
        assert!(needed.iter().any(|name| name == "libc.so.6"), "{needed:?}");
    }

    #[test]
    fn what_is_no_library_is_an_error() {
        let whole = written(&["libcudart.so.13"], None);
        for cut in 0..whole.len() {
            assert!(parsed(&whole[..cut]).is_err(), "{cut} of {} bytes", whole.len());
        }
        assert!(parsed(b"#!/bin/sh\necho a script that is long enough to hold the header of a program\n").is_err());
        assert!(read(Path::new("/no/such/library")).is_err());
    }

    proptest! {
        #[test]
        fn a_damaged_library_never_panics(at in 0_usize..300, value: u8) {
            let mut bytes = written(&["libcudart.so.13", "libcublas.so.13"], Some("$ORIGIN"));
            let at = at % bytes.len();
            bytes[at] = value;
            let _ = parsed(&bytes);
        }
    }
}
