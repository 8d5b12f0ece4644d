//! Conversion of 16-bit floats to and from 64-bit floats.
//!
//! The crate `half` does not serve: from 64 bits it rounds twice where the processor has F16C and drops the lower half of the
//! bits elsewhere, so that a constant would be folded to other bytes on another machine.

/// A binary format with a sign bit, `exponent` bits and `mantissa` bits, in the layout of IEEE 754.
#[derive(Clone, Copy)]
pub(super) struct Format {
    exponent: u32,
    mantissa: u32,
}

pub(super) const F16: Format = Format { exponent: 5, mantissa: 10 };
/// bfloat16, the upper half of binary32.
pub(super) const BF16: Format = Format { exponent: 8, mantissa: 7 };

impl Format {
    fn bias(self) -> i32 {
        (1 << (self.exponent - 1)) - 1
    }

    fn special(self) -> u16 {
        (1 << self.exponent) - 1
    }

    pub fn decode(self, bits: u16) -> f64 {
        let fraction = f64::from(bits & ((1 << self.mantissa) - 1)) / f64::from(1u32 << self.mantissa);
        let exponent = (bits >> self.mantissa) & self.special();
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(1 - self.bias()),
            e if e == self.special() && fraction == 0.0 => f64::INFINITY,
            e if e == self.special() => f64::NAN,
            e => (1.0 + fraction) * 2f64.powi(i32::from(e) - self.bias()),
        };
        if bits >> 15 == 1 { -magnitude } else { magnitude }
    }

    /// Rounds to the nearest value, ties to even.
    pub fn encode(self, value: f64) -> u16 {
        let sign = u16::from(value.is_sign_negative()) << 15;
        let infinity = self.special() << self.mantissa;
        if value.is_nan() {
            return sign | infinity | 1 << (self.mantissa - 1);
        }
        let magnitude = value.abs();
        // Spacing of the format's numbers around the value; below the smallest normal one it stays the same.
        let smallest = 1 - self.bias();
        let power = (((magnitude.to_bits() >> 52) as i32) - 1023).max(smallest);
        if power > self.bias() {
            return sign | infinity;
        }
        let units = (magnitude / 2f64.powi(power - self.mantissa as i32)).round_ties_even() as u32;
        // `units` includes the implicit leading one, which carries into the exponent; so does a carry.
        sign | ((((power - smallest) as u32) << self.mantissa) + units) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_16_bit_number_survives() {
        for format in [F16, BF16] {
            for bits in 0..=u16::MAX {
                let value = format.decode(bits);
                let back = format.encode(value);
                assert!(back == bits || value.is_nan() && format.decode(back).is_nan(), "{bits:#x} {value} {back:#x}");
            }
        }
    }

    #[test]
    fn numbers_are_rounded_to_the_nearest_and_to_even() {
        // Half an ulp above 1 rounds down to the even mantissa, above that it rounds up.
        let ulp = 2f64.powi(-10);
        for (value, bits) in [
            (1.0 + ulp / 2.0, 0x3c00),
            (1.0 + ulp * 0.51, 0x3c01),
            // Rounded once: through 32 bits, or without the lower half of its bits, this is the tie above.
            (1.0 + ulp / 2.0 + 2f64.powi(-50), 0x3c01),
            (1.0 + ulp * 1.5, 0x3c02),
            (65504.0, 0x7bff),
            (65519.9, 0x7bff),
            (65520.0, 0x7c00),
            (f64::INFINITY, 0x7c00),
            (2f64.powi(-24), 0x0001),
            (2f64.powi(-25), 0x0000),
            (-0.0, 0x8000),
        ] {
            assert_eq!(F16.encode(value), bits, "{value}");
        }
        assert_eq!(BF16.encode(f64::from(1.0f32 + f32::EPSILON)), 0x3f80);
    }
}
