//! Mean and standard deviation of the training pixels.

use super::Split;
use gnet_core::metadata::Preprocessing;
use gnet_core::{Error, Result};

/// Mean and standard deviation of a split's pixels in 0..1, one value per channel.
///
/// The deviation is that of the population: the root of the mean squared distance from the mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Normalization {
    /// Mean of each channel.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, above zero.
    pub std: Vec<f32>,
}

impl Normalization {
    /// Measures a split, which should be the training images: validation and test images must not leak into the input's
    /// scale.
    ///
    /// Pixels are measured as they are stored, before any resizing.
    ///
    /// # Errors
    /// Fails if all pixels of a channel are equal: there is no deviation to divide by.
    pub fn of(split: &Split) -> Result<Self> {
        let counts = histograms(split);
        let mut measured = Self { mean: Vec::new(), std: Vec::new() };
        for (channel, counts) in counts.iter().enumerate() {
            let (mean, std) = moments(counts);
            if std == 0.0 {
                let reason = "every pixel has the same value, so there is nothing to learn from";
                return Err(Error::input(format!("channel {channel} of the training images"), reason));
            }
            measured.mean.push(mean as f32);
            measured.std.push(std as f32);
        }
        Ok(measured)
    }

    /// Returns the preprocessing for a network of `channels` input channels and `image_size` pixels per side.
    ///
    /// For a network with three channels, grey data is repeated, and so are its mean and deviation.
    ///
    /// # Errors
    /// Fails if the data has more channels than the network, or if the network's size is out of range.
    pub fn preprocessing(&self, image_size: usize, channels: usize) -> Result<Preprocessing> {
        let fit = |values: &[f32]| match values {
            [one] => vec![*one; channels],
            several => several.to_vec(),
        };
        let preprocessing = Preprocessing { image_size, channels, mean: fit(&self.mean), std: fit(&self.std) };
        super::prepare::check(&preprocessing)?;
        Ok(preprocessing)
    }
}

/// Counts how often each of the 256 values occurs in each channel, which is exact for any number of pixels.
fn histograms(split: &Split) -> Vec<[u64; 256]> {
    let mut counts = vec![[0u64; 256]; split.channels()];
    for (plane, pixels) in split.pixels().chunks_exact(split.side() * split.side()).enumerate() {
        let counts = &mut counts[plane % split.channels()];
        pixels.iter().for_each(|pixel| counts[usize::from(*pixel)] += 1);
    }
    counts
}

/// Computes the mean and population standard deviation of values in 0..1.
fn moments(counts: &[u64; 256]) -> (f64, f64) {
    let total: u64 = counts.iter().sum();
    let average = |f: &dyn Fn(f64) -> f64| {
        let sum: f64 = counts.iter().enumerate().map(|(value, n)| *n as f64 * f(value as f64 / 255.0)).sum();
        sum / total as f64
    };
    let mean = average(&|value| value);
    (mean, average(&|value| (value - mean).powi(2)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_those_of_the_definition() {
        // 0, 51, 102, 255 are 0, 0.2, 0.4, 1: mean 0.4, squares 0.16 + 0.04 + 0 + 0.36 = 0.56, over 4 is 0.14.
        let split = Split::new(2, 1, vec![0, 51, 102, 255], vec![0]).unwrap();
        let measured = Normalization::of(&split).unwrap();
        assert!((measured.mean[0] - 0.4).abs() < 1e-7, "{measured:?}");
        assert!((measured.std[0] - 0.14f32.sqrt()).abs() < 1e-7, "{measured:?}");
    }

    #[test]
    fn channels_are_measured_apart() {
        let image = |r, g, b| [[r, 0], [g, 0], [b, 0]].concat();
        let pixels = [image(255, 51, 102), image(255, 51, 102)].concat();
        // Two values per plane do not form a square, so each plane is two pixels of a 2x2 image with a dark lower half.
        let pixels: Vec<u8> = pixels.chunks(2).flat_map(|p| [p[0], p[0], 0, 0]).collect();
        let measured = Normalization::of(&Split::new(2, 3, pixels, vec![0, 1]).unwrap()).unwrap();
        for (channel, half) in [0.5, 0.1, 0.2].iter().enumerate() {
            assert!((measured.mean[channel] - half).abs() < 1e-7, "{measured:?}");
            assert!((measured.std[channel] - half).abs() < 1e-7, "{measured:?}");
        }
    }

    #[test]
    fn equal_pixels_are_refused() {
        let split = Split::new(2, 1, vec![9; 8], vec![0, 1]).unwrap();
        let error = Normalization::of(&split).unwrap_err().to_string();
        assert!(error.starts_with("channel 0 of the training images: every pixel has the same value"), "{error}");
    }

    #[test]
    fn the_embedded_images_have_the_known_moments() {
        // The training images of Fashion-MNIST have mean 0.2860 and deviation 0.3530; the subset is close.
        let data = crate::data::Source::Embedded.load().unwrap();
        let measured = Normalization::of(&data.train).unwrap();
        assert!((measured.mean[0] - 0.2860).abs() < 0.01, "{measured:?}");
        assert!((measured.std[0] - 0.3530).abs() < 0.01, "{measured:?}");
        let three = measured.preprocessing(96, 3).unwrap();
        assert_eq!((three.image_size, three.channels, three.mean.len(), three.std.len()), (96, 3, 3, 3));
        assert!(measured.preprocessing(0, 1).is_err());
        assert!(measured.preprocessing(28, 2).is_err());
    }
}
