use image::codecs::jpeg::JpegEncoder;
use image::{GrayAlphaImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;
use crate::data::{Normalization, Source, Split, prepare};

/// Preprocessing without normalisation: values are bytes over 255.
fn plain(image_size: usize, channels: usize) -> Preprocessing {
    Preprocessing { image_size, channels, mean: vec![0.0; channels], std: vec![1.0; channels] }
}

fn png(picture: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn jpeg(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 100).encode_image(picture).unwrap();
    bytes
}

fn embedded_image(test: &Split, index: usize) -> GrayImage {
    GrayImage::from_raw(28, 28, test.image(index).unwrap().to_vec()).unwrap()
}

fn bytes_of(name: &str, picture: &[u8], preprocessing: &Preprocessing) -> Vec<u8> {
    let values = decode(name, picture, preprocessing).unwrap();
    values.iter().map(|v| (v * 255.0).round() as u8).collect()
}

fn error(picture: &[u8]) -> String {
    decode("a.png", picture, &plain(4, 1)).unwrap_err().to_string()
}

/// Builds a chunk of a PNG file.
fn chunk(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(kind);
    checksum.update(content);
    let length = (content.len() as u32).to_be_bytes();
    [&length[..], kind, content, &checksum.sum().to_be_bytes()].concat()
}

/// Builds a PNG file that declares RGB pixels and holds almost none.
fn png_that_declares(width: u32, height: u32) -> Vec<u8> {
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 2, 0, 0, 0]].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    [signature, chunk(b"IHDR", &header), chunk(b"IDAT", &[0x78, 0x9c]), chunk(b"IEND", &[])].concat()
}

/// Builds the JPEG file of a small RGB picture whose header declares another size.
fn jpeg_that_declares(width: u16, height: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new(&mut bytes).encode_image(&RgbImage::new(8, 8)).unwrap();
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    bytes[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
    bytes[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
    bytes
}

#[test]
fn a_png_of_an_embedded_image_is_prepared_exactly_alike() {
    let data = Source::Embedded.load().unwrap();
    let normalization = Normalization::of(&data.train).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (index, size, channels) in [(0, 28, 1), (1, 96, 1), (2, 28, 3), (3, 96, 3), (4, 13, 3)] {
        // The extension is wrong on purpose: the content decides.
        let path = dir.path().join(format!("{index}.jpg"));
        std::fs::write(&path, png(embedded_image(&data.test, index))).unwrap();
        let preprocessing = normalization.preprocessing(size, channels).unwrap();
        let loaded = load(&path, &preprocessing).unwrap();
        assert_eq!(loaded, prepare(&preprocessing, &data.test, &[index]).unwrap());
        assert_eq!(loaded.len(), channels * size * size);
    }
}

#[test]
fn a_jpeg_of_an_embedded_image_is_prepared_nearly_alike() {
    let test = Source::Embedded.load().unwrap().test;
    for index in 0..10 {
        let loaded = decode("a", &jpeg(&embedded_image(&test, index)), &plain(28, 1)).unwrap();
        let exact = prepare(&plain(28, 1), &test, &[index]).unwrap();
        let worst = loaded.iter().zip(&exact).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 6.0 / 255.0, "image {index}: {worst}");
    }
}

#[test]
fn every_way_to_store_grey_gives_the_same_input() {
    let grey = embedded_image(&Source::Embedded.load().unwrap().test, 7);
    let expected = bytes_of("a", &png(grey.clone()), &plain(28, 1));
    let dynamic = DynamicImage::ImageLuma8(grey);
    let forms = [
        png(dynamic.to_luma16()),
        png(dynamic.to_luma_alpha8()),
        png(dynamic.to_rgb8()),
        png(dynamic.to_rgba8()),
        png(dynamic.to_rgba16()),
    ];
    for form in forms {
        assert_eq!(bytes_of("a", &form, &plain(28, 1)), expected);
        assert_eq!(bytes_of("a", &form, &plain(28, 3)), expected.repeat(3));
    }
}

#[test]
fn colours_become_planes_or_luma() {
    let picture = png(RgbImage::from_fn(2, 1, |x, _| if x == 0 { Rgb([200, 100, 50]) } else { Rgb([0, 0, 255]) }));
    assert_eq!(bytes_of("a", &picture, &plain(1, 3)), [100, 50, 153], "squeezed to one pixel: the mean of the two");
    let red = png(RgbImage::from_pixel(3, 3, Rgb([255, 0, 0])));
    assert_eq!(bytes_of("a", &red, &plain(3, 1)), [54; 9], "0.2126 * 255 = 54.2");
    assert_eq!(bytes_of("a", &red, &plain(3, 3)), [[255; 9], [0; 9], [0; 9]].concat());
}

#[test]
fn transparency_lies_on_black() {
    let half = png(RgbaImage::from_pixel(2, 2, Rgba([200, 100, 51, 128])));
    // 200 * 128 / 255 = 100.4, 100 * 128 / 255 = 50.2, 51 * 128 / 255 = 25.6
    assert_eq!(bytes_of("a", &half, &plain(2, 3)), [[100; 4], [50; 4], [26; 4]].concat());
    let clear = png(GrayAlphaImage::from_pixel(2, 2, LumaA([255, 0])));
    assert_eq!(bytes_of("a", &clear, &plain(2, 1)), [0; 4]);
}

#[test]
fn a_photograph_is_turned_upright() {
    let bright_top = GrayImage::from_fn(16, 16, |_, y| Luma([if y < 8 { 255 } else { 0 }]));
    let plain_jpeg = jpeg(&bright_top);
    let shown = bytes_of("a", &plain_jpeg, &plain(2, 1));
    assert!(shown[0] > 200 && shown[1] > 200 && shown[2] < 50 && shown[3] < 50, "{shown:?}");
    // EXIF orientation 6: the top of the stored picture is the right side of the scene.
    let tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
    let exif = [&b"Exif\0\0"[..], tiff].concat();
    let length = (exif.len() as u16 + 2).to_be_bytes();
    let turned = [&plain_jpeg[..2], &[0xff, 0xe1], &length, &exif, &plain_jpeg[2..]].concat();
    let shown = bytes_of("a", &turned, &plain(2, 1));
    assert!(shown[1] > 200 && shown[3] > 200 && shown[0] < 50 && shown[2] < 50, "{shown:?}");
}

#[test]
fn what_is_no_picture_is_named() {
    let cases: [(&[u8], &str); 4] = [
        (b"", "a.png: is empty"),
        (b"class,probability\n", "a.png: is not a picture: it is neither PNG nor JPEG"),
        (b"GIF89a\x01\0\x01\0", "a.png: is a picture in a format that is not supported (image/gif)"),
        (b"\x89PNG\r\n\x1a\n", "a.png: is truncated"),
    ];
    for (bytes, says) in cases {
        assert!(error(bytes).starts_with(says), "'{}' does not say '{says}'", error(bytes));
    }
}

#[test]
fn a_truncated_picture_is_never_taken_for_a_whole_one() {
    let picture = embedded_image(&Source::Embedded.load().unwrap().test, 0);
    let whole = png(picture.clone());
    // All but the last chunk, which carries no pixels.
    for length in (8..whole.len() - 20).step_by(7) {
        let error = error(&whole[..length]);
        assert!(error.starts_with("a.png: is truncated"), "{length}: {error}");
    }
    let whole = jpeg(&picture);
    for length in (3..whole.len()).step_by(7) {
        let error = error(&whole[..length]);
        assert!(error.starts_with("a.png: is truncated"), "{length}: {error}");
    }
}

#[test]
fn a_corrupt_picture_is_named() {
    let mut picture = png(embedded_image(&Source::Embedded.load().unwrap().test, 0));
    let data = picture.windows(4).position(|kind| kind == b"IDAT").unwrap();
    picture[data + 60] ^= 0x55;
    assert!(error(&picture).starts_with("a.png: is corrupt: "), "{}", error(&picture));
}

#[test]
fn a_picture_that_unpacks_too_large_is_refused() {
    for (bytes, says) in [
        (png_that_declares(60_000, 2), "a.png: is too large: a picture may have 16384 pixels a side"),
        (png_that_declares(2, 60_000), "a.png: is too large: a picture may have 16384 pixels a side"),
        (png_that_declares(16_000, 16_000), "a.png: is too large: a decoded picture may take 256 MiB"),
        (jpeg_that_declares(60_000, 8), "a.png: is too large: a picture may have 16384 pixels a side"),
        (jpeg_that_declares(16_384, 16_384), "a.png: is too large: a decoded picture may take 256 MiB"),
    ] {
        let error = error(&bytes);
        assert!(error.starts_with(says), "'{error}' does not say '{says}'");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("shoe.png");
    let says = |reason: &str| format!("{}: {reason}", path.display());
    assert_eq!(load(&path, &plain(28, 1)).unwrap_err().to_string(), says("there is no such file"));
    std::fs::File::create(&path).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
    let too_large = says("is too large: a picture may have 64 MiB");
    assert_eq!(load(&path, &plain(28, 1)).unwrap_err().to_string(), too_large);
    let error = load(dir.path(), &plain(28, 1)).unwrap_err().to_string();
    assert!(error.ends_with("is a folder where a picture is expected"), "{error}");
    let error = decode("a", &png(GrayImage::new(2, 2)), &plain(0, 1)).unwrap_err().to_string();
    assert!(error.starts_with("preprocessing: image size 0"), "{error}");
}

proptest! {
    #[test]
    fn damaged_pictures_never_panic(
        at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>(), as_jpeg: bool,
    ) {
        let picture = GrayImage::from_fn(12, 9, |x, y| Luma([(x * 20 + y) as u8]));
        let mut bytes = if as_jpeg { jpeg(&picture) } else { png(picture) };
        let at = at.index(bytes.len());
        bytes[at] = with;
        let _ = decode("a", &bytes, &plain(5, 1));
        bytes.truncate(cut.index(bytes.len()));
        let _ = decode("a", &bytes, &plain(5, 3));
    }
}
