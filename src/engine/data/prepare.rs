//! From bytes to a network's input: resize, scale to 0..1, normalise, NCHW.
//!
//! Resizing is bilinear with half-pixel centres: output pixel `o` samples `(o + 0.5) * from / to - 0.5`, with the edges
//! repeated; when shrinking, the triangle filter widens with the ratio so that every pixel contributes (`antialias` in
//! other libraries). Resized pixels are rounded to bytes. An image that already has the right size is left alone.

use std::num::NonZero;
use std::thread;

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma};

use super::Split;
use gnet_core::metadata::Preprocessing;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// Maximum side of a network's input, in pixels. Larger values in metadata are taken as corrupt.
const MAX_IMAGE_SIZE: usize = 4096;

/// Maximum number of bytes of resized images that [`Prepared`] keeps: the training images of Fashion-MNIST at 128
/// pixels per side.
const MAX_KEPT_BYTES: usize = 1 << 30;

/// Prepares the images at `indices` as `indices.len() * channels * image_size * image_size` values in NCHW order.
///
/// Grey images are repeated for a network with three channels. For many batches of one split, use [`Prepared`].
///
/// # Errors
/// Fails on invalid preprocessing, RGB images for a grey network, or an index that is out of range.
pub fn prepare(preprocessing: &Preprocessing, split: &Split, indices: &[usize]) -> Result<Vec<f32>> {
    gather(&Recipe::new(preprocessing)?, split, indices)
}

/// A split ready for training: resized once, normalised batch by batch.
///
/// Gives exactly the results of [`prepare`]. If the resized images would take more than 1 GiB they are not kept; each
/// batch is then resized on demand.
#[derive(Debug, Clone)]
pub struct Prepared {
    recipe: Recipe,
    split: Split,
}

impl Prepared {
    /// Resizes the whole split, on all cores.
    ///
    /// # Errors
    /// Fails on invalid preprocessing, or RGB images for a grey network.
    pub fn new(preprocessing: &Preprocessing, split: &Split) -> Result<Self> {
        Self::keeping(preprocessing, split, MAX_KEPT_BYTES)
    }

    fn keeping(preprocessing: &Preprocessing, split: &Split, most: usize) -> Result<Self> {
        let recipe = Recipe::new(preprocessing)?;
        recipe.check_channels(split.channels())?;
        let bytes = split.len() as u128 * (split.channels() * recipe.side * recipe.side) as u128;
        let split = if split.side() == recipe.side || bytes > most as u128 {
            split.clone()
        } else {
            Split::new(recipe.side, split.channels(), resize_all(split, recipe.side), split.labels().to_vec())?
        };
        Ok(Self { recipe, split })
    }

    /// Returns the images at `indices`, as [`prepare`] does.
    ///
    /// # Errors
    /// Fails if an index is out of range.
    pub fn batch(&self, indices: &[usize]) -> Result<Vec<f32>> {
        gather(&self.recipe, &self.split, indices)
    }

    /// Returns the shape of a batch of `count` images: `[count, channels, side, side]`.
    pub fn shape(&self, count: usize) -> [usize; 4] {
        [count, self.recipe.channels(), self.recipe.side, self.recipe.side]
    }

    /// Returns the number of images.
    // Like the split, it is never empty.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.split.len()
    }

    /// Returns all labels.
    pub fn labels(&self) -> &[u8] {
        self.split.labels()
    }
}

/// A checked [`Preprocessing`], with the normalised value of each of the 256 bytes tabulated for each channel.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub side: usize,
    tables: Vec<[f32; 256]>,
}

/// Checks the preprocessing; the metadata of a file may say anything.
pub(super) fn check(preprocessing: &Preprocessing) -> Result<()> {
    let Preprocessing { image_size, channels, mean, std } = preprocessing;
    let fail = |reason: String| Err(Error::input("preprocessing", reason));
    if !(1..=MAX_IMAGE_SIZE).contains(image_size) {
        return fail(format!("image size {image_size} is not between 1 and {MAX_IMAGE_SIZE}"));
    }
    if *channels != 1 && *channels != 3 {
        return fail(format!("{}; images have 1 (grey) or 3 (RGB)", counted(channels, "input channel")));
    }
    if mean.len() != *channels || std.len() != *channels {
        return fail(format!(
            "{} and {} for {}",
            counted(mean.len(), "mean"),
            counted(std.len(), "deviation"),
            counted(channels, "channel")
        ));
    }
    if let Some(bad) = mean.iter().find(|m| !m.is_finite()) {
        return fail(format!("mean {bad} is not a finite number"));
    }
    if let Some(bad) = std.iter().find(|s| !s.is_normal() || **s < 0.0) {
        return fail(format!("standard deviation {bad} is not above zero"));
    }
    Ok(())
}

impl Recipe {
    pub(super) fn new(preprocessing: &Preprocessing) -> Result<Self> {
        check(preprocessing)?;
        let table = |(mean, std): (&f32, &f32)| -> [f32; 256] {
            std::array::from_fn(|byte| (byte as f32 / 255.0 - mean) / std)
        };
        let tables = preprocessing.mean.iter().zip(&preprocessing.std).map(table).collect();
        Ok(Self { side: preprocessing.image_size, tables })
    }

    pub(super) fn channels(&self) -> usize {
        self.tables.len()
    }

    fn check_channels(&self, channels: usize) -> Result<()> {
        if channels == 1 || channels == self.channels() {
            return Ok(());
        }
        let reason = format!("have {}, the network takes {}", counted(channels, "channel"), self.channels());
        Err(Error::input("images", reason))
    }

    /// Appends one image of `side * side` planes: one per channel of the network, or a single one that is repeated.
    pub(super) fn normalise(&self, planes: &[u8], out: &mut Vec<f32>) {
        let size = self.side * self.side;
        for (table, plane) in self.tables.iter().zip(planes.chunks_exact(size).cycle()) {
            out.extend(plane.iter().map(|pixel| table[usize::from(*pixel)]));
        }
    }
}

fn gather(recipe: &Recipe, split: &Split, indices: &[usize]) -> Result<Vec<f32>> {
    recipe.check_channels(split.channels())?;
    let mut out = Vec::with_capacity(indices.len() * recipe.channels() * recipe.side * recipe.side);
    for &index in indices {
        let image = split.expect_image(index)?;
        if split.side() == recipe.side {
            recipe.normalise(image, &mut out);
        } else {
            let planes = image.chunks_exact(split.side() * split.side());
            let resized: Vec<u8> = planes.flat_map(|plane| resize_plane(plane, split.side(), recipe.side)).collect();
            recipe.normalise(&resized, &mut out);
        }
    }
    Ok(out)
}

fn resize_plane(plane: &[u8], from: usize, to: usize) -> Vec<u8> {
    let (from, to) = (from as u32, to as u32);
    let image = ImageBuffer::<Luma<u8>, _>::from_raw(from, from, plane).expect("a plane holds side * side bytes");
    imageops::resize(&image, to, to, FilterType::Triangle).into_raw()
}

fn resize_all(split: &Split, to: usize) -> Vec<u8> {
    let (small, large) = (split.side() * split.side(), to * to);
    let planes = split.len() * split.channels();
    let mut out = vec![0; planes * large];
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = planes.div_ceil(threads);
    thread::scope(|scope| {
        for (pixels, resized) in split.pixels().chunks(share * small).zip(out.chunks_mut(share * large)) {
            scope.spawn(move || {
                for (plane, into) in pixels.chunks_exact(small).zip(resized.chunks_exact_mut(large)) {
                    into.copy_from_slice(&resize_plane(plane, split.side(), to));
                }
            });
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Normalization, Source};

    fn plain(image_size: usize, channels: usize) -> Preprocessing {
        Preprocessing { image_size, channels, mean: vec![0.0; channels], std: vec![1.0; channels] }
    }

    /// Converts values back to bytes, under `plain`.
    fn bytes(values: &[f32]) -> Vec<u8> {
        values.iter().map(|v| (v * 255.0).round() as u8).collect()
    }

    #[test]
    fn enlarging_is_bilinear_with_half_pixel_centres() {
        // 2 -> 4: output centres lie at -0.25, 0.25, 0.75, 1.25, so a row [a, b] becomes
        // [a, (3a + b) / 4, (a + 3b) / 4, b], and columns likewise.
        let split = Split::new(2, 1, vec![0, 100, 200, 40], vec![0]).unwrap();
        let expected = [
            [0, 25, 75, 100],
            [50, 59, 76, 85],   // 50, 58.75, 76.25, 85: between the rows at one quarter
            [150, 126, 79, 55], // 150, 126.25, 78.75, 55
            [200, 160, 80, 40],
        ];
        let values = prepare(&plain(4, 1), &split, &[0]).unwrap();
        assert_eq!(bytes(&values), expected.concat());
    }

    #[test]
    fn shrinking_weighs_every_pixel() {
        // 4 -> 2: the triangle is two pixels wide, so the weights of [a, b, c, d] are 3:3:1:0 and 0:1:3:3 over 7.
        let split = Split::new(4, 1, [0, 70, 140, 210].repeat(4), vec![0]).unwrap();
        let values = prepare(&plain(2, 1), &split, &[0]).unwrap();
        assert_eq!(bytes(&values), [50, 160, 50, 160]);
    }

    #[test]
    fn normalised_training_images_have_mean_0_and_deviation_1() {
        let train = Source::Embedded.load().unwrap().train;
        let preprocessing = Normalization::of(&train).unwrap().preprocessing(28, 1).unwrap();
        let all: Vec<usize> = (0..train.len()).collect();
        let values = prepare(&preprocessing, &train, &all).unwrap();
        let count = values.len() as f64;
        let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / count;
        let variance = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
    }

    #[test]
    fn a_batch_holds_the_images_asked_for_in_that_order() {
        let split = Split::new(2, 1, (0..12).map(|i| i * 20).collect(), vec![0, 1, 2]).unwrap();
        let pre = Preprocessing { image_size: 2, channels: 1, mean: vec![0.2], std: vec![0.5] };
        let values = prepare(&pre, &split, &[2, 0, 2]).unwrap();
        assert_eq!(values.len(), 12);
        assert_eq!(values[..4], values[8..]);
        assert_eq!(values[0], (160.0 / 255.0 - 0.2) / 0.5);
        assert_eq!(values[5], (20.0 / 255.0 - 0.2) / 0.5);
    }

    #[test]
    fn grey_is_repeated_for_three_channels_and_rgb_keeps_its_planes() {
        let three = Preprocessing { image_size: 2, channels: 3, mean: vec![0.0, 0.5, 0.0], std: vec![1.0, 1.0, 2.0] };
        let grey = Split::new(2, 1, vec![0, 255, 51, 102], vec![0]).unwrap();
        let values = prepare(&three, &grey, &[0]).unwrap();
        assert_eq!(values[..4], [0.0, 1.0, 0.2, 0.4]);
        assert_eq!(values[4..8], [-0.5, 0.5, 0.2 - 0.5, 0.4 - 0.5]);
        assert_eq!(values[8..], [0.0, 0.5, 0.1, 0.2]);
        let rgb = Split::new(2, 3, [[51; 4], [102; 4], [255; 4]].concat(), vec![0]).unwrap();
        let values = prepare(&plain(4, 3), &rgb, &[0]).unwrap();
        assert_eq!(bytes(&values), [[51; 16], [102; 16], [255; 16]].concat());
        let error = prepare(&plain(2, 1), &rgb, &[0]).unwrap_err().to_string();
        assert_eq!(error, "images: have 3 channels, the network takes 1");
        assert!(Prepared::new(&plain(2, 1), &rgb).is_err());
    }

    #[test]
    fn what_is_kept_is_what_is_prepared() {
        let split = crate::data::testing::split(23, 5);
        let some = [22, 0, 7, 7];
        for (size, most) in [(5, 0), (9, MAX_KEPT_BYTES), (9, 0), (3, MAX_KEPT_BYTES)] {
            for channels in [1, 3] {
                let pre = plain(size, channels);
                let prepared = Prepared::keeping(&pre, &split, most).unwrap();
                assert_eq!(prepared.split.side() == size, size == 5 || most > 0);
                assert_eq!(prepared.batch(&some).unwrap(), prepare(&pre, &split, &some).unwrap());
                assert_eq!(prepared.shape(4).iter().product::<usize>(), prepared.batch(&some).unwrap().len());
                assert_eq!((prepared.len(), prepared.labels()), (23, split.labels()));
            }
        }
    }

    #[test]
    fn a_wrong_index_is_an_error() {
        let split = crate::data::testing::split(2, 5);
        let says = "image 2: there are 2 images, from 0";
        assert_eq!(prepare(&plain(5, 1), &split, &[0, 2]).unwrap_err().to_string(), says);
        assert_eq!(Prepared::new(&plain(5, 1), &split).unwrap().batch(&[2]).unwrap_err().to_string(), says);
    }

    #[test]
    fn a_preparation_that_makes_no_sense_is_named() {
        let split = crate::data::testing::split(2, 5);
        let with = |mean: f32, std: f32| Preprocessing { mean: vec![mean], std: vec![std], ..plain(5, 1) };
        for (pre, says) in [
            (plain(0, 1), "image size 0 is not between 1 and 4096"),
            (plain(usize::MAX, 1), "is not between 1 and 4096"),
            (plain(5, 4), "4 input channels"),
            (Preprocessing { mean: vec![], ..plain(5, 1) }, "0 means and 1 deviation for 1 channel"),
            (with(f32::NAN, 1.0), "mean NaN"),
            (with(0.0, 0.0), "standard deviation 0 is not above zero"),
            (with(0.0, -1.0), "standard deviation -1"),
            (with(0.0, f32::INFINITY), "standard deviation inf"),
        ] {
            let error = prepare(&pre, &split, &[0]).unwrap_err().to_string();
            assert!(error.starts_with("preprocessing: ") && error.contains(says), "'{error}' does not say '{says}'");
        }
    }
}
