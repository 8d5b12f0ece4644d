//! Small idx files and data sets for the tests of this module.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Split;
use super::idx::{IMAGES_MAGIC, LABELS_MAGIC};

/// Compresses bytes.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Builds an idx file before compression.
pub fn idx_raw(magic: u32, dimensions: &[u32], payload: &[u8]) -> Vec<u8> {
    let header = std::iter::once(&magic).chain(dimensions).flat_map(|n| n.to_be_bytes());
    header.chain(payload.iter().copied()).collect()
}

/// Builds a whole file of square images.
pub fn idx_images(side: usize, pixels: &[u8]) -> Vec<u8> {
    let count = pixels.len() / (side * side);
    gzip(&idx_raw(IMAGES_MAGIC, &[count as u32, side as u32, side as u32], pixels))
}

/// Builds a whole file of labels.
pub fn idx_labels(labels: &[u8]) -> Vec<u8> {
    gzip(&idx_raw(LABELS_MAGIC, &[labels.len() as u32], labels))
}

/// Returns `count` labels that cycle through the ten classes.
pub fn round_labels(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 10) as u8).collect()
}

/// Returns pixels that differ between images and between values of `salt`.
pub fn pixels(count: usize, side: usize, salt: usize) -> Vec<u8> {
    (0..count * side * side).map(|i| ((i / (side * side)) * 31 + i * 7 + salt * 13) as u8).collect()
}

/// Writes the two files of one part ("train" or "t10k").
pub fn write_part(dir: &Path, part: &str, side: usize, pixels: &[u8], labels: &[u8]) {
    std::fs::write(dir.join(format!("{part}-images-idx3-ubyte.gz")), idx_images(side, pixels)).unwrap();
    std::fs::write(dir.join(format!("{part}-labels-idx1-ubyte.gz")), idx_labels(labels)).unwrap();
}

/// Writes a whole folder: 40 training images and 20 test images of 3x3 pixels.
pub fn write_folder(dir: &Path) {
    write_part(dir, "train", 3, &pixels(40, 3, 0), &round_labels(40));
    write_part(dir, "t10k", 3, &pixels(20, 3, 5), &round_labels(20));
}

/// Builds a split of one-channel images.
pub fn split(count: usize, side: usize) -> Split {
    Split::new(side, 1, pixels(count, side, 0), round_labels(count)).unwrap()
}
