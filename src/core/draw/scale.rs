//! Colour scale: light for small values, dark for large ones, with monotonic lightness, so that it is readable without
//! colour vision and in print.

/// Ends of the scale and the steps between, in sRGB: light sand, green-blue, deep blue. Lightness decreases throughout.
const STEPS: [[u8; 3]; 5] = [[253, 246, 220], [190, 224, 190], [95, 184, 186], [35, 116, 165], [18, 45, 104]];

/// Colour of dark text. On any background either black or white has a contrast of at least 4.58 to 1; a softer black
/// would not reach that.
pub const INK: &str = "#000000";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour(pub [u8; 3]);

impl Colour {
    pub fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Returns the text colour with the higher contrast on it: white or [`INK`].
    pub fn ink(self) -> &'static str {
        if contrast(self, Self([255; 3])) > contrast(self, Self([0; 3])) { "#ffffff" } else { INK }
    }

    /// Computes the relative luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

fn linear(channel: u8) -> f64 {
    let c = f64::from(channel) / 255.0;
    if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

fn encoded(linear: f64) -> u8 {
    let c = if linear <= 0.003_130_8 { 12.92 * linear } else { 1.055 * linear.powf(1.0 / 2.4) - 0.055 };
    (c.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// Computes the contrast ratio of two colours, 1 to 21 (WCAG 2.2).
pub fn contrast(a: Colour, b: Colour) -> f64 {
    let (a, b) = (a.luminance(), b.luminance());
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// Converts to Björn Ottosson's Oklab, in which equal steps look equal (bottosson.github.io/posts/oklab, 2020).
fn oklab(colour: [u8; 3]) -> [f64; 3] {
    let [r, g, b] = colour.map(linear);
    let l = (0.412_221_470_8 * r + 0.536_332_536_3 * g + 0.051_445_992_9 * b).cbrt();
    let m = (0.211_903_498_2 * r + 0.680_699_545_1 * g + 0.107_396_956_6 * b).cbrt();
    let s = (0.088_302_461_9 * r + 0.281_718_837_6 * g + 0.629_978_700_5 * b).cbrt();
    [
        0.210_454_255_3 * l + 0.793_617_785_0 * m - 0.004_072_046_8 * s,
        1.977_998_495_1 * l - 2.428_592_205_0 * m + 0.450_593_709_9 * s,
        0.025_904_037_1 * l + 0.782_771_766_2 * m - 0.808_675_766_0 * s,
    ]
}

fn from_oklab([light, a, b]: [f64; 3]) -> Colour {
    let l = (light + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
    let m = (light - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
    let s = (light - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
    Colour([
        encoded(4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s),
        encoded(-1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s),
        encoded(-0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s),
    ])
}

/// Returns the colour at `place` in 0..1; values outside are clamped.
pub fn colour(place: f64) -> Colour {
    let place = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 };
    let scaled = place * (STEPS.len() - 1) as f64;
    let step = (scaled as usize).min(STEPS.len() - 2);
    let (from, to) = (oklab(STEPS[step]), oklab(STEPS[step + 1]));
    let share = scaled - step as f64;
    from_oklab([0, 1, 2].map(|i| from[i] + (to[i] - from[i]) * share))
}

/// Returns the position of a value on the scale: the square root of its ratio to the largest value. This is a
/// compromise between a linear scale, on which a few heavy layers leave the rest white, and a logarithmic one, on which
/// nothing stands out.
pub fn place(value: f64, largest: f64) -> f64 {
    if largest > 0.0 && value > 0.0 { (value / largest).sqrt().min(1.0) } else { 0.0 }
}

/// Returns the value at `place`; the inverse of [`place`].
pub fn value(place: f64, largest: f64) -> f64 {
    place * place * largest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_always_darker() {
        let lights: Vec<f64> = (0..=100).map(|i| colour(f64::from(i) / 100.0).luminance()).collect();
        assert!(lights.windows(2).all(|pair| pair[1] < pair[0]), "{lights:?}");
        assert_eq!(colour(0.0), Colour(STEPS[0]));
        assert_eq!(colour(1.0), Colour(STEPS[4]));
        assert_eq!((colour(-3.0), colour(7.0), colour(f64::NAN)), (colour(0.0), colour(1.0), colour(0.0)));
    }

    #[test]
    fn text_stands_out_on_every_colour() {
        // WCAG 2.2 asks for 4.5 (level AA).
        for i in 0..=200 {
            let fill = colour(f64::from(i) / 200.0);
            let ink = if fill.ink() == INK { Colour([0; 3]) } else { Colour([255; 3]) };
            assert!(contrast(fill, ink) >= 4.5, "{} on {}: {}", fill.ink(), fill.hex(), contrast(fill, ink));
        }
    }

    #[test]
    fn a_place_leads_back_to_its_value() {
        for share in [0.0, 0.01, 0.25, 1.0] {
            assert!((value(place(share * 7e6, 7e6), 7e6) - share * 7e6).abs() < 1e-6);
        }
        assert_eq!((place(1.0, 0.0), place(-1.0, 2.0), place(f64::NAN, 2.0)), (0.0, 0.0, 0.0));
    }
}
