//! Reader of gzip-compressed idx files, the format of MNIST and Fashion-MNIST.
//!
//! An idx file is a header of big-endian 32-bit numbers and then one byte per value. Images: the magic number 2051, the
//! count, rows, columns, then the pixels row by row. Labels: the magic number 2049, the count, then one byte per label.
//! Source: <http://yann.lecun.com/exdb/mnist/>, "File formats for this basis of handwritten characters".
//!
//! A header is not trusted. Memory grows with the data that is really there, never with the declared size, and the gzip
//! checksum is always verified before anything is returned.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;

use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// Magic number of an idx file of images: unsigned bytes in three dimensions.
pub const IMAGES_MAGIC: u32 = 2051;
/// Magic number of an idx file of labels: unsigned bytes in one dimension.
pub const LABELS_MAGIC: u32 = 2049;
/// Maximum number of uncompressed bytes in one file: 22 times the training images of Fashion-MNIST.
pub const MAX_BYTES: u64 = 1 << 30;

/// Images of one idx file: at least one, square, with one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Images {
    /// Side of each image in pixels.
    pub side: usize,
    /// Pixels, one byte each, image after image, row after row: `count * side * side` bytes.
    pub pixels: Vec<u8>,
}

impl Images {
    /// Returns the number of images.
    pub fn count(&self) -> usize {
        self.pixels.len() / (self.side * self.side)
    }
}

/// Reads a file of images.
///
/// # Errors
/// Names the file and the fault: missing, not gzip, truncated, corrupt, labels instead of images, not square, empty,
/// larger than [`MAX_BYTES`], fewer or more bytes than the header declares.
pub fn read_images(path: &Path) -> Result<Images> {
    decode_images(&path.display().to_string(), open(path)?)
}

/// Reads a file of labels, each of which must be below `classes`.
///
/// # Errors
/// Those of [`read_images`], and a label that is out of range.
pub fn read_labels(path: &Path, classes: usize) -> Result<Vec<u8>> {
    decode_labels(&path.display().to_string(), open(path)?, classes)
}

/// Decodes images from gzip bytes; `name` is the name of the file for errors.
///
/// # Errors
/// Those of [`read_images`].
pub fn decode_images(name: &str, gz: impl BufRead) -> Result<Images> {
    let mut file = IdxFile::open(name, gz)?;
    file.expect_magic(IMAGES_MAGIC)?;
    let [count, rows, columns] = [file.word()?, file.word()?, file.word()?];
    if count == 0 {
        return Err(Error::input(name, "holds no images"));
    }
    if rows != columns || rows == 0 {
        return Err(Error::input(name, format!("its images are {columns}x{rows} pixels; they must be square")));
    }
    let declared = u128::from(count) * u128::from(rows) * u128::from(columns);
    let what = format!("{} of {columns}x{rows} pixels", counted(count, "image"));
    let pixels = file.values(declared, &what)?;
    // A side whose square is over the limit was refused above, so it fits.
    Ok(Images { side: rows as usize, pixels })
}

/// Decodes labels from gzip bytes; `name` is the name of the file for errors.
///
/// # Errors
/// Those of [`read_labels`].
pub fn decode_labels(name: &str, gz: impl BufRead, classes: usize) -> Result<Vec<u8>> {
    let mut file = IdxFile::open(name, gz)?;
    file.expect_magic(LABELS_MAGIC)?;
    let count = file.word()?;
    if count == 0 {
        return Err(Error::input(name, "holds no labels"));
    }
    let labels = file.values(u128::from(count), &counted(count, "label"))?;
    if let Some(at) = labels.iter().position(|label| usize::from(*label) >= classes) {
        let reason =
            format!("label {} of image {at} is out of range: there are {}", labels[at], counted(classes, "class"));
        return Err(Error::input(name, reason));
    }
    Ok(labels)
}

/// Opens a file, with a better error than the system's if it does not exist.
fn open(path: &Path) -> Result<BufReader<File>> {
    let plain = path.with_extension("");
    if !path.exists() && plain.is_file() {
        return Err(Error::file(path, "there is no such file, only one that is not compressed")
            .remedy(format!("run gzip --keep {}", plain.display())));
    }
    files::open(path).map(BufReader::new)
}

struct IdxFile<'a, R> {
    name: &'a str,
    gz: GzDecoder<R>,
}

impl<'a, R: BufRead> IdxFile<'a, R> {
    fn open(name: &'a str, mut raw: R) -> Result<Self> {
        let start = raw.fill_buf().map_err(|e| Error::input(name, format!("cannot be read: {e}")))?;
        match start {
            [] => return Err(Error::input(name, "is empty")),
            [0x1f, 0x8b, ..] | [0x1f] => {}
            [0, 0, 8, 1 | 3, ..] => {
                return Err(Error::input(name, "is an idx file that is not compressed")
                    .remedy("compress it with gzip, or give it its name without .gz and run gzip --keep on it"));
            }
            _ => return Err(Error::input(name, "is not a gzip file")),
        }
        Ok(Self { name, gz: GzDecoder::new(raw) })
    }

    fn bytes(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.gz.by_ref().take(limit).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(e) => Err(self.failure(&e)),
        }
    }

    fn failure(&self, e: &io::Error) -> Error {
        let reason = match e.kind() {
            io::ErrorKind::UnexpectedEof => "is truncated: its gzip data ends early".to_owned(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => format!("is corrupt: {e}"),
            _ => format!("cannot be read: {e}"),
        };
        Error::input(self.name, reason)
    }

    /// Reads one number of the header.
    fn word(&mut self) -> Result<u32> {
        let bytes = self.bytes(4)?;
        let word = <[u8; 4]>::try_from(bytes).map_err(|_| Error::input(self.name, "is truncated within its header"))?;
        Ok(u32::from_be_bytes(word))
    }

    fn expect_magic(&mut self, expected: u32) -> Result<()> {
        let found = self.word()?;
        if found == expected {
            return Ok(());
        }
        let noun = |magic| if magic == IMAGES_MAGIC { "images" } else { "labels" };
        if found == IMAGES_MAGIC || found == LABELS_MAGIC {
            let reason = format!("holds {} where {} are expected", noun(found), noun(expected));
            return Err(Error::input(self.name, reason).remedy("are the files of images and labels swapped?"));
        }
        let reason = format!("is not an idx file of {}: it begins with {found}, not {expected}", noun(expected));
        Err(Error::input(self.name, reason))
    }

    /// Reads the `declared` values that follow the header, and requires the end of the file after them.
    fn values(&mut self, declared: u128, what: &str) -> Result<Vec<u8>> {
        let declared = u64::try_from(declared).ok().filter(|bytes| *bytes <= MAX_BYTES).ok_or_else(|| {
            Error::input(self.name, format!("declares {what}, more than the {} MiB it may hold", MAX_BYTES >> 20))
        })?;
        let values = self.bytes(declared)?;
        // Asking for one more byte makes the decoder verify the checksum.
        let more = self.bytes(1)?;
        if (values.len() as u64) < declared {
            let reason =
                format!("is truncated: it declares {what} ({}) and holds {}", counted(declared, "byte"), values.len());
            return Err(Error::input(self.name, reason));
        }
        if !more.is_empty() {
            return Err(Error::input(self.name, format!("holds more than the {what} it declares")));
        }
        match self.gz.get_mut().fill_buf() {
            Ok([]) => Ok(values),
            Ok(_) => Err(Error::input(self.name, "has bytes after the end of its gzip data")),
            Err(e) => Err(self.failure(&e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::testing::{gzip, idx_images, idx_labels, idx_raw};

    fn images_error(gz: &[u8]) -> String {
        decode_images("some.gz", gz).unwrap_err().to_string()
    }

    fn labels_error(gz: &[u8]) -> String {
        decode_labels("some.gz", gz, 10).unwrap_err().to_string()
    }

    #[test]
    fn a_file_comes_back_as_it_was_written() {
        let pixels: Vec<u8> = (0..3 * 25).collect();
        let images = decode_images("x", &idx_images(5, &pixels)[..]).unwrap();
        assert_eq!((images.count(), images.side, &images.pixels), (3, 5, &pixels));
        assert_eq!(decode_labels("x", &idx_labels(&[0, 9, 4])[..], 10).unwrap(), [0, 9, 4]);
    }

    #[test]
    fn every_wrong_content_is_named() {
        let good = idx_images(4, &[7; 32]);
        let raw = idx_raw(IMAGES_MAGIC, &[2, 4, 4], &[7; 32]);
        let mut corrupt = good.clone();
        let checksum = corrupt.len() - 8;
        corrupt[checksum] ^= 1;
        let cases: [(Vec<u8>, &str); 15] = [
            (vec![], "some.gz: is empty"),
            (b"<html>not found</html>".to_vec(), "some.gz: is not a gzip file"),
            (raw.clone(), "some.gz: is an idx file that is not compressed"),
            (good[..5].to_vec(), "some.gz: is truncated: its gzip data ends early"),
            (good[..good.len() - 3].to_vec(), "some.gz: is truncated: its gzip data ends early"),
            (corrupt, "some.gz: is corrupt"),
            (gzip(&raw[..10]), "some.gz: is truncated within its header"),
            (gzip(&raw[..40]), "is truncated: it declares 2 images of 4x4 pixels (32 bytes) and holds 24"),
            (gzip(&[raw.clone(), vec![0]].concat()), "holds more than the 2 images of 4x4 pixels it declares"),
            ([good.clone(), vec![0]].concat(), "some.gz: has bytes after the end of its gzip data"),
            (idx_labels(&[1, 2]), "some.gz: holds labels where images are expected"),
            (gzip(&idx_raw(2052, &[1, 1, 1], &[0])), "is not an idx file of images: it begins with 2052, not 2051"),
            (gzip(&idx_raw(IMAGES_MAGIC, &[1, 4, 5], &[0; 20])), "its images are 5x4 pixels; they must be square"),
            (gzip(&idx_raw(IMAGES_MAGIC, &[0, 4, 4], &[])), "some.gz: holds no images"),
            (gzip(&idx_raw(IMAGES_MAGIC, &[u32::MAX; 3], &[0])), "more than the 1024 MiB it may hold"),
        ];
        for (bytes, says) in cases {
            let error = images_error(&bytes);
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
    }

    #[test]
    fn every_wrong_label_file_is_named() {
        let cases: [(Vec<u8>, &str); 5] = [
            (idx_images(1, &[0]), "some.gz: holds images where labels are expected"),
            (idx_labels(&[0, 1, 10]), "some.gz: label 10 of image 2 is out of range: there are 10 classes"),
            (idx_labels(&[]), "some.gz: holds no labels"),
            (gzip(&idx_raw(LABELS_MAGIC, &[3], &[1, 1])), "is truncated: it declares 3 labels (3 bytes) and holds 2"),
            (gzip(&idx_raw(LABELS_MAGIC, &[u32::MAX], &[1])), "more than the 1024 MiB it may hold"),
        ];
        for (bytes, says) in cases {
            let error = labels_error(&bytes);
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
    }

    #[test]
    fn a_declared_size_is_not_allocated() {
        let gz = gzip(&[1, 2, 3]);
        let Ok(mut file) = IdxFile::open("x", &gz[..]) else { panic!("a gzip file opens") };
        let read = file.bytes(MAX_BYTES).unwrap();
        assert_eq!(read, [1, 2, 3]);
        assert!(read.capacity() < 1 << 16, "{} bytes were reserved", read.capacity());
    }

    #[test]
    fn a_file_on_disk_is_named_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("train-images-idx3-ubyte.gz");
        let error = read_images(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: there is no such file", path.display()));
        assert!(read_images(dir.path()).unwrap_err().to_string().contains("is a folder where a file is expected"));
        std::fs::write(dir.path().join("train-images-idx3-ubyte"), b"").unwrap();
        let error = read_images(&path).unwrap_err();
        assert!(error.to_string().contains("only one that is not compressed"), "{error}");
        assert!(error.remedy_text().unwrap().contains("gzip --keep"));
        std::fs::write(&path, idx_images(2, &[1, 2, 3, 4])).unwrap();
        assert_eq!(read_images(&path).unwrap().pixels, [1, 2, 3, 4]);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode_images("x", &bytes[..]);
            let _ = decode_labels("x", &bytes[..], 10);
            let inside = gzip(&bytes);
            let _ = decode_images("x", &inside[..]);
            let _ = decode_labels("x", &inside[..], 10);
        }

        #[test]
        fn a_random_header_is_believed_only_when_it_is_true(
            header in proptest::collection::vec(prop_oneof![0..4u32, any::<u32>()], 3),
            payload in proptest::collection::vec(any::<u8>(), 0..40),
        ) {
            let product: u128 = header.iter().map(|n| u128::from(*n)).product();
            let true_header = header[1] == header[2] && product > 0 && product == payload.len() as u128;
            let read = decode_images("x", &gzip(&idx_raw(IMAGES_MAGIC, &header, &payload))[..]);
            prop_assert_eq!(read.is_ok(), true_header);
            if let Ok(images) = read {
                prop_assert_eq!(images.pixels, payload);
            }
        }

        #[test]
        fn a_changed_byte_never_changes_a_pixel(at in any::<prop::sample::Index>(), flip in 1..=255u8) {
            let pixels: Vec<u8> = (0..200).map(|i| (i * i % 251) as u8).collect();
            let mut bytes = idx_images(10, &pixels);
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
            // Bytes of the gzip header that carry no meaning may change; any other change is detected.
            if let Ok(images) = decode_images("x", &bytes[..]) {
                prop_assert_eq!(images.pixels, pixels);
            }
        }
    }
}
