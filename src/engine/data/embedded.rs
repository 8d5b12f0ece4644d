//! Embedded subset of Fashion-MNIST: 2,000 training, 500 validation and 1,000 test images, the same number of every
//! class.
//!
//! The files in `embedded/` were drawn from the published ones by `scripts/make-embedded-subset.py`; `embedded/NOTICE`
//! holds their licence.

use super::folder::join;
use super::{Dataset, FASHION_MNIST_CLASSES, Split, idx};
use gnet_core::Result;

struct Files {
    name: &'static str,
    images: &'static [u8],
    labels: &'static [u8],
}

const TRAIN: Files = Files {
    name: "train",
    images: include_bytes!("embedded/train-images-idx3-ubyte.gz"),
    labels: include_bytes!("embedded/train-labels-idx1-ubyte.gz"),
};
const VALIDATION: Files = Files {
    name: "validation",
    images: include_bytes!("embedded/validation-images-idx3-ubyte.gz"),
    labels: include_bytes!("embedded/validation-labels-idx1-ubyte.gz"),
};
const TEST: Files = Files {
    name: "test",
    images: include_bytes!("embedded/test-images-idx3-ubyte.gz"),
    labels: include_bytes!("embedded/test-labels-idx1-ubyte.gz"),
};

impl Files {
    fn load(&self) -> Result<Split> {
        let images_name = format!("embedded {}-images-idx3-ubyte.gz", self.name);
        let labels_name = format!("embedded {}-labels-idx1-ubyte.gz", self.name);
        let images = idx::decode_images(&images_name, self.images)?;
        let labels = idx::decode_labels(&labels_name, self.labels, FASHION_MNIST_CLASSES.len())?;
        join(images, labels, &images_name, &labels_name)
    }
}

/// Loads the embedded subset. It has its own validation images; none are held out of the training images.
pub fn load() -> Result<Dataset> {
    Ok(Dataset {
        name: "embedded".to_owned(),
        classes: FASHION_MNIST_CLASSES.map(str::to_owned).to_vec(),
        train: TRAIN.load()?,
        validation: VALIDATION.load()?,
        test: TEST.load()?,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_subset_has_the_promised_images() {
        let data = load().unwrap();
        for (split, count) in [(&data.train, 2000), (&data.validation, 500), (&data.test, 1000)] {
            assert_eq!((split.len(), split.side(), split.channels()), (count, 28, 1));
            for class in 0..10 {
                assert_eq!(split.labels().iter().filter(|l| **l == class).count(), count / 10, "class {class}");
            }
        }
        assert_eq!(data.classes.len(), 10);
    }

    #[test]
    fn no_image_is_there_twice() {
        let data = load().unwrap();
        let mut seen = HashSet::new();
        for split in [&data.train, &data.validation, &data.test] {
            assert!((0..split.len()).all(|i| seen.insert(split.image(i).unwrap())));
        }
        assert_eq!(seen.len(), 3500);
    }

    #[test]
    fn the_files_stay_small() {
        let bytes: usize = [&TRAIN, &VALIDATION, &TEST].iter().map(|f| f.images.len() + f.labels.len()).sum();
        assert!(bytes < 2_000_000, "{bytes} bytes");
    }

    #[test]
    fn labels_belong_to_their_images() {
        // Trousers (1) and sandals (5) cover little of the picture, pullovers (2) and coats (4) much. Labels that were
        // shifted or shuffled against the images would give all classes about the same mean.
        for split in [TRAIN.load().unwrap(), VALIDATION.load().unwrap(), TEST.load().unwrap()] {
            let mean = |class: u8| {
                let images: Vec<&[u8]> = (0..split.len())
                    .filter(|i| split.label(*i) == Some(class))
                    .filter_map(|i| split.image(i))
                    .collect();
                images.iter().flat_map(|i| i.iter()).map(|p| f64::from(*p)).sum::<f64>() / (images.len() * 784) as f64
            };
            let dark = mean(1).max(mean(5));
            let bright = mean(2).min(mean(4));
            assert!(dark + 20.0 < bright, "{dark} {bright}");
        }
    }
}
