//! A PNG or JPEG file as a network's input, for classifying pictures with a trained network.
//!
//! Processing of a picture: the format is detected from the content, never from the name; a photograph is turned
//! upright according to its EXIF data; transparency is composited on black, the background of Fashion-MNIST; a network
//! with one channel gets the luma (0.2126 R + 0.7152 G + 0.0722 B), one with three gets RGB, with grey repeated; the
//! whole picture is resized to the network's square in the same way as the images of a data set
//! ([`prepare`](super::prepare)), so a picture that is not square is squeezed rather than cropped. Nothing is inverted:
//! Fashion-MNIST shows light objects on black.

use std::io::{self, Cursor, Read};
use std::path::Path;

use image::error::LimitErrorKind;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use super::jpeg;
use super::prepare::Recipe;
use gnet_core::metadata::Preprocessing;
use gnet_core::{Error, Result, files};

/// Maximum size of a file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// Maximum side of a picture, in pixels.
pub const MAX_SIDE: u32 = 1 << 14;
/// Maximum memory of a decoded picture, in bytes: 89 megapixels of RGB.
pub const MAX_DECODED_BYTES: u64 = 256 << 20;

/// Loads a PNG or JPEG file as `channels * image_size * image_size` values, one image in NCHW order.
///
/// # Errors
/// Names the file and the fault: missing, not a picture, a format other than PNG and JPEG, truncated, corrupt, or
/// larger than [`MAX_FILE_BYTES`], [`MAX_SIDE`] or [`MAX_DECODED_BYTES`] allow.
pub fn load(path: &Path, preprocessing: &Preprocessing) -> Result<Vec<f32>> {
    decode(&path.display().to_string(), &read(path)?, preprocessing)
}

/// Decodes the content of a PNG or JPEG file; `name` is the name of the file for errors.
///
/// # Errors
/// Those of [`load`].
pub fn decode(name: &str, bytes: &[u8], preprocessing: &Preprocessing) -> Result<Vec<f32>> {
    let recipe = Recipe::new(preprocessing)?;
    let picture = on_black(upright(name, bytes)?);
    let side = recipe.side as u32;
    let planes = if recipe.channels() == 1 {
        let grey = DynamicImage::ImageLuma8(picture.to_luma8());
        grey.resize_exact(side, side, FilterType::Triangle).into_bytes()
    } else {
        let rgb = DynamicImage::ImageRgb8(picture.to_rgb8());
        planes_of(&rgb.resize_exact(side, side, FilterType::Triangle).into_bytes())
    };
    let mut out = Vec::with_capacity(planes.len());
    recipe.normalise(&planes, &mut out);
    Ok(out)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    if path.is_dir() {
        return Err(Error::file(path, "is a folder where a picture is expected"));
    }
    let fail = |e: io::Error| Error::file(path, format!("cannot be read: {e}"));
    let mut bytes = Vec::new();
    files::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(fail)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::file(path, format!("is too large: a picture may have {} MiB", MAX_FILE_BYTES >> 20)));
    }
    Ok(bytes)
}

fn upright(name: &str, bytes: &[u8]) -> Result<DynamicImage> {
    let fail = |e: ImageError| Error::input(name, describe(&e));
    let format = format_of(name, bytes)?;
    if format == ImageFormat::Jpeg && !jpeg::is_whole(bytes) {
        return Err(Error::input(name, "is truncated: the JPEG file has no end"));
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits.clone());
    let mut decoder = reader.into_decoder().map_err(fail)?;
    // The JPEG decoder itself has no memory limit.
    limits.reserve(decoder.total_bytes()).map_err(fail)?;
    // Unreadable EXIF data rotates nothing; the picture itself may still be intact.
    let orientation = decoder.orientation().unwrap_or(image::metadata::Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(fail)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn format_of(name: &str, bytes: &[u8]) -> Result<ImageFormat> {
    let remedy = "give a PNG or JPEG file";
    if bytes.is_empty() {
        return Err(Error::input(name, "is empty").remedy(remedy));
    }
    match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => Ok(format),
        Ok(other) => {
            let reason = format!("is a picture in a format that is not supported ({})", other.to_mime_type());
            Err(Error::input(name, reason).remedy(remedy))
        }
        Err(_) => Err(Error::input(name, "is not a picture: it is neither PNG nor JPEG").remedy(remedy)),
    }
}

fn describe(error: &ImageError) -> String {
    match error {
        ImageError::Limits(limit) if limit.kind() == LimitErrorKind::DimensionError => {
            format!("is too large: a picture may have {MAX_SIDE} pixels a side")
        }
        ImageError::Limits(_) => {
            format!("is too large: a decoded picture may take {} MiB", MAX_DECODED_BYTES >> 20)
        }
        ImageError::IoError(e) if e.kind() == io::ErrorKind::UnexpectedEof => "is truncated".to_owned(),
        other => format!("is corrupt: {}", other.to_string().lines().next().unwrap_or_default()),
    }
}

/// Composites a picture with transparency on black: every colour is multiplied by its opacity.
fn on_black(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return picture;
    }
    let mut rgba = picture.into_rgba8();
    for pixel in rgba.pixels_mut() {
        let [r, g, b, alpha] = pixel.0;
        let dim = |colour: u8| ((u16::from(colour) * u16::from(alpha) + 127) / 255) as u8;
        pixel.0 = [dim(r), dim(g), dim(b), u8::MAX];
    }
    DynamicImage::ImageRgba8(rgba)
}

fn planes_of(rgb: &[u8]) -> Vec<u8> {
    (0..3).flat_map(|channel| rgb.iter().skip(channel).step_by(3).copied()).collect()
}

#[cfg(test)]
mod tests;
