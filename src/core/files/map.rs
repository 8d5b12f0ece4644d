//! Memory mapping of large files, so that only the parts that are accessed are read.
//!
//! The only place in the pure core with unsafe code: the crate `memmap2` requires its caller to ensure that nobody
//! changes a file while it is mapped. gnet itself never does: it writes a file beside its destination and renames it,
//! which leaves a mapping of the old one intact. A file that another program truncates meanwhile ends the process with
//! SIGBUS, as it would any program that maps models.
#![allow(unsafe_code)]

use std::path::Path;

use bytes::Bytes;

use super::Stamp;
use super::open::{opened, read_whole, unreadable};
use crate::Result;

/// Size from which on a file is mapped; smaller ones are read into memory, which is as fast and safe against changes.
const MAPPED_FROM: u64 = 1 << 20;

/// Returns the content of a file: read if it is small, mapped if it is large.
///
/// # Errors
/// Those of [`read`](super::read).
pub fn map(path: &Path) -> Result<Bytes> {
    mapped(path).map(|(bytes, _)| bytes)
}

/// As [`map`], and the stamp of the file that was opened.
pub(crate) fn mapped(path: &Path) -> Result<(Bytes, Stamp)> {
    let (file, found) = opened(path)?;
    let stamp = Stamp::of(path, &found);
    if found.len() < MAPPED_FROM {
        return Ok((read_whole(path, file, found.len())?.into(), stamp));
    }
    // SAFETY: the mapping is private and read-only; see above for who may change the file under it.
    let mapped = unsafe { memmap2::MmapOptions::new().map_copy_read_only(&file) }.map_err(|e| unreadable(path, &e))?;
    Ok((Bytes::from_owner(mapped), stamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_outlives_the_file_it_was_made_of() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("large");
        for len in [0, 10, MAPPED_FROM as usize + 3] {
            let content: Vec<u8> = (0..len).map(|i| i as u8).collect();
            crate::files::write(&path, &content).unwrap();
            let bytes = map(&path).unwrap();
            crate::files::write(&path, b"other").unwrap();
            assert_eq!(bytes, content);
        }
        assert!(map(dir.path()).unwrap_err().to_string().ends_with("is a folder where a file is expected"));
        assert!(map(&dir.path().join("no")).unwrap_err().to_string().ends_with("there is no such file"));
    }
}
