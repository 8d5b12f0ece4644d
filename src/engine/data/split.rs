//! Labelled images in memory, and the three sets for training, validation and testing.

use gnet_core::words::counted;
use gnet_core::{Error, Result, named};

/// Maximum side of an image of a split, in pixels.
const MAX_SIDE: usize = 1 << 15;

/// Labelled square images: one byte per pixel in NCHW order, one label per image. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    side: usize,
    channels: usize,
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Split {
    /// Creates a split of images of `side` x `side` pixels and `channels` channels, one for every label.
    ///
    /// # Errors
    /// Fails if there are no images, if the side or the number of channels is invalid, or if the pixels do not match
    /// the labels.
    pub fn new(side: usize, channels: usize, pixels: Vec<u8>, labels: Vec<u8>) -> Result<Self> {
        if !(1..=MAX_SIDE).contains(&side) || !(channels == 1 || channels == 3) {
            let reason =
                format!("{side}x{side} pixels and {}: 1 or 3 channels are supported", counted(channels, "channel"));
            return Err(Error::input("images", reason));
        }
        let size = side * side * channels;
        if labels.is_empty() {
            return Err(Error::input("images", "there are none"));
        }
        if labels.len().checked_mul(size) != Some(pixels.len()) {
            let reason = format!(
                "hold {}, not {} of {}",
                counted(pixels.len(), "byte"),
                counted(labels.len(), "image"),
                counted(size, "byte")
            );
            return Err(Error::input("images", reason));
        }
        Ok(Self { side, channels, pixels, labels })
    }

    /// Returns the number of images.
    // A split is never empty, so there is no `is_empty`.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Returns the side of every image in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Returns the number of channels of every image: 1 (grey) or 3 (RGB).
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Returns all pixels: image after image, channel after channel, row after row.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// Returns all labels.
    pub fn labels(&self) -> &[u8] {
        &self.labels
    }

    /// Returns the `channels * side * side` bytes of image `index`; `None` if there is no such image.
    pub fn image(&self, index: usize) -> Option<&[u8]> {
        let size = self.side * self.side * self.channels;
        self.pixels.chunks_exact(size).nth(index)
    }

    /// Returns the label of image `index`; `None` if there is no such image.
    pub fn label(&self, index: usize) -> Option<u8> {
        self.labels.get(index).copied()
    }

    /// Returns the images at `indices`, in that order; an index may occur more than once.
    ///
    /// # Errors
    /// Fails if there are no indices, or if one is out of range.
    pub fn subset(&self, indices: &[usize]) -> Result<Self> {
        let mut pixels = Vec::with_capacity(indices.len() * self.side * self.side * self.channels);
        let mut labels = Vec::with_capacity(indices.len());
        for &index in indices {
            pixels.extend_from_slice(self.expect_image(index)?);
            labels.push(self.labels[index]);
        }
        Self::new(self.side, self.channels, pixels, labels)
    }

    pub(super) fn expect_image(&self, index: usize) -> Result<&[u8]> {
        self.image(index).ok_or_else(|| {
            Error::input(format!("image {index}"), format!("there are {}, from 0", counted(self.len(), "image")))
        })
    }

    /// Splits off the last tenth of every class: `(training, validation)`.
    ///
    /// Of the `n` images of a class, the last `n / 10` (rounded down, but at least one of a class with two or more) are
    /// held out for validation. Both halves keep the order of the images. The rule is deterministic: the same images
    /// always give the same halves.
    ///
    /// # Errors
    /// Fails if no class has two images.
    pub fn hold_out_tenth(&self) -> Result<(Self, Self)> {
        let mut sizes = [0usize; 256];
        self.labels.iter().for_each(|label| sizes[usize::from(*label)] += 1);
        let mut seen = [0usize; 256];
        let (mut training, mut validation) = (Vec::new(), Vec::new());
        for (index, label) in self.labels.iter().enumerate() {
            let class = usize::from(*label);
            let held_out = if sizes[class] < 2 { 0 } else { (sizes[class] / 10).max(1) };
            let kept = sizes[class] - held_out;
            if seen[class] < kept { &mut training } else { &mut validation }.push(index);
            seen[class] += 1;
        }
        if validation.is_empty() {
            let reason = format!("{} are too few to hold some out for validation", self.len());
            return Err(Error::input("training images", reason).remedy("give at least two images of a class"));
        }
        Ok((self.subset(&training)?, self.subset(&validation)?))
    }
}

/// A data set: training, validation and test images.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Name for people and for a model's metadata, such as `fashion-mnist`.
    pub name: String,
    /// Names of the classes, in the order of the labels.
    pub classes: Vec<String>,
    /// Training images.
    pub train: Split,
    /// Images to choose the best checkpoint by. None of them are in `train`.
    pub validation: Split,
    /// Images for the final evaluation, used once.
    pub test: Split,
}

/// One of the three sets of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitName {
    /// Training images.
    Train,
    /// Validation images.
    Validation,
    /// Test images.
    Test,
}

named!(SplitName, "split", [Train = "train", Validation = "validation", Test = "test"]);

impl SplitName {
    /// Returns the images of this name.
    pub fn of(self, data: &Dataset) -> &Split {
        match self {
            Self::Train => &data.train,
            Self::Validation => &data.validation,
            Self::Test => &data.test,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::split;

    #[test]
    fn images_and_labels_are_found_by_index() {
        let split = split(4, 2);
        assert_eq!((split.len(), split.side(), split.channels()), (4, 2, 1));
        assert_eq!(split.image(3), Some(&split.pixels()[12..]));
        assert_eq!(split.label(3), Some(3));
        assert_eq!((split.image(4), split.label(4)), (None, None));
    }

    #[test]
    fn a_subset_keeps_the_order_it_is_asked_for() {
        let all = split(5, 2);
        let some = all.subset(&[4, 0, 4]).unwrap();
        assert_eq!(some.labels(), [4, 0, 4]);
        assert_eq!(some.image(0), all.image(4));
        assert_eq!(some.image(1), all.image(0));
        assert_eq!(all.subset(&[5]).unwrap_err().to_string(), "image 5: there are 5 images, from 0");
        assert_eq!(all.subset(&[]).unwrap_err().to_string(), "images: there are none");
    }

    #[test]
    fn pixels_that_do_not_fit_are_refused() {
        for (side, channels, bytes, labels, says) in [
            (2, 1, 9, 2, "hold 9 bytes, not 2 images of 4 bytes"),
            (2, 1, 12, 2, "hold 12 bytes, not 2 images"),
            (0, 1, 0, 1, "0x0 pixels"),
            (2, 2, 8, 1, "2 channels"),
            (usize::MAX, 1, 8, 1, "channels are supported"),
        ] {
            let error = Split::new(side, channels, vec![0; bytes], vec![0; labels]).unwrap_err().to_string();
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
    }

    #[test]
    fn the_last_tenth_of_every_class_is_held_out() {
        // Class 0: 20 images, class 1: 5, class 2: one; image i has the pixel i.
        let labels = [vec![0; 10], vec![1; 5], vec![0; 10], vec![2]].concat();
        let all = Split::new(1, 1, (0..26).collect(), labels).unwrap();
        let (training, validation) = all.hold_out_tenth().unwrap();
        assert_eq!(validation.pixels(), [14, 23, 24], "two of class 0, one of class 1, none of class 2");
        assert_eq!(validation.labels(), [1, 0, 0]);
        let kept: Vec<u8> = (0..26).filter(|i| ![14, 23, 24].contains(i)).collect();
        assert_eq!(training.pixels(), kept);
        let lonely = Split::new(1, 1, vec![1, 2], vec![0, 1]).unwrap();
        assert!(lonely.hold_out_tenth().unwrap_err().to_string().contains("2 are too few"));
    }
}
