//! SHA-256 of data as it is read and written.

use std::io::{self, BufReader, Read, Write};

use sha2::{Digest, Sha256};

/// Number of bytes that are read, hashed and written at a time.
const PIECE: usize = 1 << 20;

/// Copies `from` to `to` and returns the number of bytes and their SHA-256 in lower-case hexadecimal digits.
pub fn copy(from: impl Read, to: impl Write) -> io::Result<(u64, String)> {
    let mut to = Hashing::new(to);
    let bytes = io::copy(&mut BufReader::with_capacity(PIECE, from), &mut to)?;
    Ok((bytes, to.digest()))
}

/// Returns the number of bytes in `from` and their SHA-256.
pub fn of(from: impl Read) -> io::Result<(u64, String)> {
    copy(from, io::sink())
}

/// A writer that hashes what passes through it.
pub struct Hashing<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    /// Creates a writer that passes its data on to `to`.
    pub fn new(to: W) -> Self {
        Self { to, hash: Sha256::new() }
    }

    /// Returns the SHA-256 of everything written, in lower-case hexadecimal digits.
    pub fn digest(self) -> String {
        self.hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_digests() {
        // FIPS 180-2, appendix B: one block, and a million times `a`.
        let one = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of(&b"abc"[..]).unwrap(), (3, one.to_owned()));
        let million = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        let mut copied = Vec::new();
        assert_eq!(copy(io::repeat(b'a').take(1_000_000), &mut copied).unwrap(), (1_000_000, million.to_owned()));
        assert_eq!(copied.len(), 1_000_000);
    }
}
