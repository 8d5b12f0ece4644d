//! A look at a shared library before the loader maps it: a truncated one would end the process with a signal, and the
//! loader's reasons for the rest are not for people.

use crate::words::counted;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Length of the header of a 64-bit ELF file.
const HEADER: usize = 64;

/// Length of one entry of its program header table.
const ENTRY: usize = 56;

/// A table of more entries than any linker writes is not read.
const MAX_ENTRIES: usize = 1024;

/// Type of a program header entry that is mapped into memory.
const PT_LOAD: u64 = 1;

/// Why the file at `path` cannot be loaded as a shared library by this process.
///
/// Offsets are those of the System V ABI's ELF-64 header.
pub(super) fn check(path: &Path) -> Result<(), String> {
    let mut file = File::open(path).map_err(|e| e.to_string())?;
    let size = file.metadata().map_err(|e| e.to_string())?.len();
    let mut head = Vec::new();
    file.by_ref().take((HEADER + MAX_ENTRIES * ENTRY) as u64).read_to_end(&mut head).map_err(|e| e.to_string())?;
    check_head(&head, size)
}

/// `head` is the beginning of a file of `size` bytes.
fn check_head(head: &[u8], size: u64) -> Result<(), String> {
    if !head.starts_with(b"\x7fELF") {
        return Err("is no shared library".to_owned());
    }
    let cut = || format!("is cut off after {}", counted(size, "byte"));
    if head.len() < HEADER {
        return Err(cut());
    }
    if head[4] != 2 || head[5] != 1 {
        return Err("is no 64-bit little-endian library".to_owned());
    }
    let machine = number(head, 18, 2);
    if own_machine().is_some_and(|own| own != machine) {
        return Err(format!("is for another processor ({})", machine_name(machine)));
    }
    // Libraries have their table right behind the header; another place is left to the loader.
    let (table, entries) = (number(head, 32, 8), number(head, 56, 2) as usize);
    if table != HEADER as u64 {
        return Ok(());
    }
    for i in 0..entries.min(MAX_ENTRIES) {
        let at = HEADER + i * ENTRY;
        let Some(entry) = head.get(at..at + ENTRY) else { return Err(cut()) };
        let end = number(entry, 8, 8).saturating_add(number(entry, 32, 8));
        if number(entry, 0, 4) == PT_LOAD && end > size {
            return Err(format!("{}; its header speaks of {end}", cut()));
        }
    }
    Ok(())
}

/// A little-endian number of `len` bytes at `at`, which the caller knows to be there.
fn number(bytes: &[u8], at: usize, len: usize) -> u64 {
    bytes[at..at + len].iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// `e_machine` of this process; `None` where it is not known.
fn own_machine() -> Option<u64> {
    match std::env::consts::ARCH {
        "x86_64" => Some(62),
        "aarch64" => Some(183),
        _ => None,
    }
}

fn machine_name(machine: u64) -> String {
    match machine {
        3 => "x86".to_owned(),
        40 => "arm".to_owned(),
        62 => "x86_64".to_owned(),
        183 => "aarch64".to_owned(),
        243 => "riscv".to_owned(),
        other => format!("ELF machine {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test program itself is an ELF file of this machine, linked like a library.
    fn own_head() -> (Vec<u8>, u64) {
        let bytes = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        (bytes[..8192].to_vec(), bytes.len() as u64)
    }

    #[test]
    fn a_whole_file_of_this_machine_is_loadable() {
        check(&std::env::current_exe().unwrap()).unwrap();
    }

    #[test]
    fn a_truncated_file_is_refused_wherever_it_is_cut() {
        let (head, size) = own_head();
        for cut in [4, 20, HEADER, HEADER + 10, 4096, size as usize / 2] {
            let error = check_head(&head[..cut.min(head.len())], cut as u64).unwrap_err();
            assert!(error.starts_with(&format!("is cut off after {cut} bytes")), "{error}");
        }
    }

    #[test]
    fn what_is_no_library_of_this_machine_is_refused() {
        let (head, size) = own_head();
        assert_eq!(check_head(b"#!/bin/sh\n", 10).unwrap_err(), "is no shared library");
        assert_eq!(check_head(b"", 0).unwrap_err(), "is no shared library");
        let with = |at: usize, value: u8| {
            let mut head = head.clone();
            head[at] = value;
            check_head(&head, size).unwrap_err()
        };
        assert_eq!(with(4, 1), "is no 64-bit little-endian library");
        assert_eq!(with(18, 243), "is for another processor (riscv)");
        assert!(check(Path::new("/no/such/file")).is_err());
    }
}
