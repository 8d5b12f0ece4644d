//! A folder with the four files of Fashion-MNIST, or another data set under the same names.

use std::path::Path;

use super::idx::{self, Images};
use super::{Dataset, FASHION_MNIST_CLASSES, Split};
use gnet_core::words::counted;
use gnet_core::{Error, Result, files};

/// The four files, as published.
pub const FILES: [&str; 4] = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
];

const CLASSES_FILE: &str = "classes.txt";

/// Numbers of training and test images of Fashion-MNIST as published.
const PUBLISHED: (usize, usize) = (60_000, 10_000);

/// Returns `true` if all four files are in `dir`.
pub fn is_complete(dir: &Path) -> bool {
    FILES.iter().all(|name| dir.join(name).is_file())
}

/// Loads the four files of `dir`; the last tenth of the training images of every class is held out for validation.
///
/// The classes are those of Fashion-MNIST, or the lines of `classes.txt` if `dir` has that file.
pub fn load(dir: &Path, name: &str) -> Result<Dataset> {
    if !dir.is_dir() {
        let reason = if dir.exists() { "is a file where a folder is expected" } else { "there is no such folder" };
        return Err(Error::file(dir, reason).remedy(format!("it must hold {}", FILES.join(", "))));
    }
    let classes = classes(dir)?;
    let part = |images: &str, labels: &str| read_part(&dir.join(images), &dir.join(labels), classes.len());
    let train = part(FILES[0], FILES[1])?;
    let test = part(FILES[2], FILES[3])?;
    check_parts(dir, &train, &test)?;
    let (train, validation) = train.hold_out_tenth().map_err(|e| Error::file(&dir.join(FILES[0]), e.to_string()))?;
    Ok(Dataset { name: name.to_owned(), classes, train, validation, test })
}

fn read_part(images: &Path, labels: &Path, classes: usize) -> Result<Split> {
    let decoded = idx::read_images(images).map_err(with_file_list)?;
    let numbers = idx::read_labels(labels, classes).map_err(with_file_list)?;
    join(decoded, numbers, &images.display().to_string(), &labels.display().to_string())
}

fn with_file_list(error: Error) -> Error {
    match error.remedy_text() {
        Some(_) => error,
        None => error.remedy(format!("the folder must hold {}, whole and as published", FILES.join(", "))),
    }
}

/// Joins images and their labels; the names are those of the files, for errors.
pub fn join(images: Images, labels: Vec<u8>, images_name: &str, labels_name: &str) -> Result<Split> {
    if images.count() != labels.len() {
        let reason = format!(
            "holds {}, but {images_name} holds {}",
            counted(labels.len(), "label"),
            counted(images.count(), "image")
        );
        return Err(Error::input(labels_name, reason).remedy("both files must come from the same part of the data"));
    }
    Split::new(images.side, 1, images.pixels, labels).map_err(|e| Error::input(images_name, e.to_string()))
}

fn check_parts(dir: &Path, train: &Split, test: &Split) -> Result<()> {
    let (train_file, test_file) = (dir.join(FILES[0]), dir.join(FILES[2]));
    let fail = |reason: String| Err(Error::file(&train_file, reason));
    if train.side() != test.side() {
        let (a, b) = (train.side(), test.side());
        return fail(format!("its images are {a}x{a} pixels, those of {} are {b}x{b}", test_file.display()));
    }
    if (test.len(), train.len()) == PUBLISHED {
        let reason = "holds 10,000 images and the test file 60,000: training and test files are swapped";
        return fail(reason.to_owned());
    }
    if train.pixels() == test.pixels() {
        return fail(format!("holds the same images as {}: one of them is a copy", test_file.display()));
    }
    Ok(())
}

fn classes(dir: &Path) -> Result<Vec<String>> {
    let path = dir.join(CLASSES_FILE);
    if !path.exists() {
        return Ok(FASHION_MNIST_CLASSES.map(str::to_owned).to_vec());
    }
    let text = String::from_utf8(files::read(&path)?).map_err(|_| Error::file(&path, "is not UTF-8 text"))?;
    let names: Vec<String> = text.lines().map(|line| line.trim().to_owned()).collect();
    if !(2..=256).contains(&names.len()) {
        return Err(Error::file(&path, format!("names {}; there must be 2 to 256", counted(names.len(), "class"))));
    }
    for (at, name) in names.iter().enumerate() {
        let line = at + 1;
        if name.is_empty() || name.contains(',') {
            return Err(Error::file(&path, format!("line {line} must be a name without commas")));
        }
        if names[..at].contains(name) {
            return Err(Error::file(&path, format!("line {line} repeats the name '{name}'")));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{idx_images, idx_labels, pixels, round_labels, write_folder, write_part};

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        write_folder(dir.path());
        dir
    }

    #[test]
    fn a_folder_of_four_files_is_a_data_set() {
        let dir = folder();
        let data = load(dir.path(), "mine").unwrap();
        assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (30, 10, 20));
        assert_eq!(data.validation.pixels(), &pixels(40, 3, 0)[30 * 9..], "one image of each class, the last ones");
        assert_eq!(data.test.pixels(), pixels(20, 3, 5));
        assert_eq!((data.name.as_str(), data.classes.len()), ("mine", 10));
        assert!(is_complete(dir.path()));
    }

    #[test]
    fn each_missing_file_is_named() {
        for name in FILES {
            let dir = folder();
            std::fs::remove_file(dir.path().join(name)).unwrap();
            assert!(!is_complete(dir.path()));
            let error = load(dir.path(), "x").unwrap_err();
            assert!(error.to_string().contains(&format!("{name}: there is no such file")), "{error}");
            assert!(error.remedy_text().unwrap().contains("t10k-labels-idx1-ubyte.gz"));
        }
    }

    #[test]
    fn each_truncated_file_is_named() {
        for name in FILES {
            let dir = folder();
            let path = dir.path().join(name);
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
            let error = load(dir.path(), "x").unwrap_err().to_string();
            assert!(error.contains(&format!("{name}: is truncated")), "{error}");
        }
    }

    #[test]
    fn images_and_labels_that_are_swapped_are_noticed() {
        let dir = folder();
        std::fs::write(dir.path().join(FILES[0]), idx_labels(&round_labels(40))).unwrap();
        std::fs::write(dir.path().join(FILES[1]), idx_images(3, &pixels(40, 3, 0))).unwrap();
        let error = load(dir.path(), "x").unwrap_err();
        assert!(error.to_string().contains("train-images-idx3-ubyte.gz: holds labels where images are"), "{error}");
        assert!(error.remedy_text().unwrap().contains("swapped"));
    }

    #[test]
    fn a_label_file_of_the_other_part_is_noticed() {
        let dir = folder();
        std::fs::copy(dir.path().join(FILES[3]), dir.path().join(FILES[1])).unwrap();
        let error = load(dir.path(), "x").unwrap_err().to_string();
        assert!(error.contains("train-labels-idx1-ubyte.gz: holds 20 labels, but "), "{error}");
        assert!(error.contains("train-images-idx3-ubyte.gz holds 40 images"), "{error}");
    }

    #[test]
    fn published_sizes_the_wrong_way_round_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        write_part(dir.path(), "train", 1, &pixels(10_000, 1, 0), &round_labels(10_000));
        write_part(dir.path(), "t10k", 1, &pixels(60_000, 1, 0), &round_labels(60_000));
        let error = load(dir.path(), "x").unwrap_err().to_string();
        assert!(error.contains("train-images-idx3-ubyte.gz") && error.contains("files are swapped"), "{error}");
    }

    #[test]
    fn parts_that_cannot_belong_together_are_noticed() {
        let dir = folder();
        write_part(dir.path(), "t10k", 4, &pixels(20, 4, 5), &round_labels(20));
        let error = load(dir.path(), "x").unwrap_err().to_string();
        assert!(error.contains("its images are 3x3 pixels") && error.contains("are 4x4"), "{error}");
        write_part(dir.path(), "t10k", 3, &pixels(40, 3, 0), &round_labels(40));
        let error = load(dir.path(), "x").unwrap_err().to_string();
        assert!(error.contains("holds the same images as"), "{error}");
    }

    #[test]
    fn a_folder_may_name_its_classes() {
        let dir = folder();
        let path = dir.path().join("classes.txt");
        let names: Vec<String> = (0..10).map(|i| format!("digit {i}")).collect();
        std::fs::write(&path, names.join("\n") + "\n").unwrap();
        assert_eq!(load(dir.path(), "x").unwrap().classes, names);
        for (text, says) in [
            ("a\nb\n", "label 2 of image 2 is out of range: there are 2 classes"),
            ("a\n", "classes.txt: names 1 class"),
            ("a\na,b\n", "classes.txt: line 2 must be a name without commas"),
            ("a\n\nb\n", "classes.txt: line 2"),
            ("a\nb\na\n", "classes.txt: line 3 repeats the name 'a'"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = load(dir.path(), "x").unwrap_err().to_string();
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
        std::fs::write(&path, [0xff, 0xfe]).unwrap();
        assert!(load(dir.path(), "x").unwrap_err().to_string().contains("is not UTF-8 text"));
    }

    #[test]
    fn a_folder_that_is_none_is_named() {
        let dir = folder();
        let missing = dir.path().join("nowhere");
        let error = load(&missing, "x").unwrap_err();
        assert_eq!(error.to_string(), format!("{}: there is no such folder", missing.display()));
        let file = dir.path().join(FILES[0]);
        assert!(load(&file, "x").unwrap_err().to_string().contains("is a file where a folder is expected"));
    }
}
