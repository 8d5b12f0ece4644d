//! Numbers in the notation of limits: `1.5M`, `24MiB`, `163328`.

use crate::{Error, Result};

/// A limit: a number and its notation.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Amount {
    /// The number.
    pub value: u64,
    /// Text as it was given.
    pub text: String,
}

/// An expected figure: a number in full, or truncated after the digits that are written.
///
/// Tables in the literature print 163,328 weights as `0.16M`, truncated rather than rounded. `0.16M` therefore stands
/// for every number printed that way, 160,000 to 169,999; `163328` stands for itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Figure {
    /// Smallest number that is printed this way.
    pub low: u64,
    /// Largest number that is printed this way.
    pub high: u64,
    /// Text as it was given.
    pub text: String,
}

const COUNTS: [(&str, u64); 5] =
    [("k", 1_000), ("K", 1_000), ("M", 1_000_000), ("G", 1_000_000_000), ("T", 1_000_000_000_000)];

const BYTES: [(&str, u64); 10] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("B", 1),
];

impl Amount {
    /// Parses a count: a number, with `k`, `M`, `G` or `T` for thousands, millions and so on.
    ///
    /// # Errors
    /// Fails if the text is not a number, has another unit, is not whole, or exceeds 64 bits.
    pub fn count(text: &str) -> Result<Self> {
        let remedy = "write a number such as 163328, 128k or 1.5M";
        match Self::parse(text, &COUNTS, remedy)? {
            (amount, true) => Ok(amount),
            (_, false) => Err(Error::input(text, "is not a whole number").remedy(remedy)),
        }
    }

    /// Parses a number of bytes: a number, with `kB`, `MB`, `GB`, `TB` for powers of 1000 and `KiB`, `MiB`, `GiB`,
    /// `TiB` for powers of 1024. Fractions of a byte are truncated: at most 1.6 KiB is at most 1638 bytes.
    ///
    /// # Errors
    /// Fails if the text is not a number, has another unit, or exceeds 64 bits.
    pub fn bytes(text: &str) -> Result<Self> {
        Ok(Self::parse(text, &BYTES, "write a number of bytes such as 24000000, 24MB or 24MiB")?.0)
    }

    /// Parses an amount, truncated to a whole number, and returns whether it was whole.
    fn parse(text: &str, units: &[(&str, u64)], remedy: &str) -> Result<(Self, bool)> {
        let (digits, unit) = split(text, units);
        let (value, step) = scaled(digits, unit).map_err(|reason| Error::input(text, reason).remedy(remedy))?;
        Ok((Self { value, text: text.to_owned() }, step.is_some()))
    }
}

impl Figure {
    /// Parses an expected count, in full or as tables print it.
    ///
    /// # Errors
    /// Those of [`Amount::count`].
    pub fn count(text: &str) -> Result<Self> {
        let (_, unit) = split(text, &COUNTS);
        let Amount { value: low, text } = Amount::count(text)?;
        let step =
            if unit == 1 { 1 } else { scaled(split(&text, &COUNTS).0, unit).ok().and_then(|(_, s)| s).unwrap_or(1) };
        Ok(Self { low, high: low.saturating_add(step - 1), text })
    }
}

/// Splits a text into the digits of a number and the value of its unit.
fn split<'a>(text: &'a str, units: &[(&str, u64)]) -> (&'a str, u64) {
    let found = units.iter().find_map(|(name, size)| Some((text.strip_suffix(name)?.trim_end(), *size)));
    found.unwrap_or((text, 1))
}

/// Parses a decimal number of units; also returns the value of its last digit, which is `None` if the number is not
/// whole.
fn scaled(digits: &str, unit: u64) -> Result<(u64, Option<u64>), &'static str> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if !(plain(whole) && plain(fraction)) || whole.len() + fraction.len() == 0 || digits.ends_with('.') {
        return Err("is not a number");
    }
    // 38 digits fit in 128 bits.
    if whole.len() + fraction.len() > 30 {
        return Err("has too many digits");
    }
    let number: u128 = format!("{whole}{fraction}").parse().map_err(|_| "is not a number")?;
    let places = 10_u128.pow(fraction.len() as u32);
    let product = number.checked_mul(unit.into()).ok_or("is too large")?;
    let value = u64::try_from(product / places).map_err(|_| "is too large")?;
    let step = u64::try_from(u128::from(unit) / places).unwrap_or(1).max(1);
    Ok((value, (product % places == 0).then_some(step)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_bytes_are_exact() {
        for (text, value) in [
            ("163328", 163_328),
            ("0", 0),
            ("128k", 128_000),
            ("128K", 128_000),
            ("1.5M", 1_500_000),
            ("1.50 M", 1_500_000),
            (".5M", 500_000),
            ("2G", 2_000_000_000),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(Amount::count(text).unwrap(), Amount { value, text: text.into() });
        }
        for (text, value) in [
            ("24MB", 24_000_000),
            ("24MiB", 24 << 20),
            ("0.5KiB", 512),
            ("12B", 12),
            ("12", 12),
            ("1kB", 1000),
            ("1.5 GiB", 3 << 29),
            ("1.6KiB", 1638),
        ] {
            assert_eq!(Amount::bytes(text).unwrap().value, value, "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for (text, reason) in [
            ("", "is not a number"),
            ("M", "is not a number"),
            ("1.5", "is not a whole number"),
            ("0.0000001M", "is not a whole number"),
            ("1.", "is not a number"),
            ("-1", "is not a number"),
            ("1e6", "is not a number"),
            ("1,5M", "is not a number"),
            ("1.2.3M", "is not a number"),
            ("24MB", "is not a number"),
            ("18446744073709551616", "is too large"),
            ("999999999T", "is too large"),
            ("0000000000000000000000000000000000000000001", "has too many digits"),
        ] {
            let error = Amount::count(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{text}: {reason}"));
            assert!(error.remedy_text().unwrap().contains("1.5M"));
        }
        // M alone might be either kind of megabyte.
        assert!(Amount::bytes("24M").is_err());
    }

    #[test]
    fn a_printed_figure_stands_for_all_that_is_printed_so() {
        for (text, low, high) in [
            ("163328", 163_328, 163_328),
            ("0.16M", 160_000, 169_999),
            ("0.44M", 440_000, 449_999),
            ("1.22M", 1_220_000, 1_229_999),
            ("128M", 128_000_000, 128_999_999),
            ("0.160000M", 160_000, 160_000),
            ("7k", 7_000, 7_999),
        ] {
            assert_eq!(Figure::count(text).unwrap(), Figure { low, high, text: text.into() });
        }
        assert!(Figure::count("0.1600001M").is_err());
    }
}
