//! A small data set: the first images of the embedded one, in a folder of idx files.

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gnet::data::{Source, Split};

/// Writes 40 images to train on and 20 to test.
pub fn write(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    let all = Source::Embedded.load().unwrap();
    for (part, split, count) in [("train", &all.train, 40), ("t10k", &all.test, 20)] {
        let some: Split = split.subset(&(0..count).collect::<Vec<_>>()).unwrap();
        let side = u32::try_from(some.side()).unwrap();
        let count = u32::try_from(some.len()).unwrap();
        let images = idx(&[0x803, count, side, side], some.pixels());
        fs::write(folder.join(format!("{part}-images-idx3-ubyte.gz")), images).unwrap();
        fs::write(folder.join(format!("{part}-labels-idx1-ubyte.gz")), idx(&[0x801, count], some.labels())).unwrap();
    }
}

fn idx(header: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    header.iter().for_each(|number| encoder.write_all(&number.to_be_bytes()).unwrap());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
