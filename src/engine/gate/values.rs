//! Values of a gate's file: numbers as people write them, names, and sections that may be given several times.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor, value};

use gnet_core::check::{Amount, Figure};
use gnet_core::{Error, Result};

/// Separates an error's reason from its remedy in the one text that an error of serde holds.
pub const REMEDY: char = '\n';

/// A value that is read from a text or a number, as it stands in the file.
pub trait Written: Sized {
    /// Description of what is expected, as in "invalid type: boolean, expected a size such as 24MiB".
    const EXPECTED: &'static str;

    /// Reads it.
    fn read(text: &str) -> Result<Self>;
}

/// A [`Written`] value for serde.
#[derive(Debug, Clone, PartialEq)]
pub struct As<T>(pub T);

impl<'de, T: Written> Deserialize<'de> for As<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalar<T>(PhantomData<T>);
        impl<T: Written> Visitor<'_> for Scalar<T> {
            type Value = As<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::EXPECTED)
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<As<T>, E> {
                T::read(text).map(As).map_err(custom)
            }

            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<As<T>, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<As<T>, E> {
                self.visit_str(&number.to_string())
            }
        }
        deserializer.deserialize_any(Scalar(PhantomData))
    }
}

/// Returns an error of serde that holds the remedy as well.
fn custom<E: serde::de::Error>(error: Error) -> E {
    match error.remedy_text() {
        Some(remedy) => E::custom(format!("{error}{REMEDY}{remedy}")),
        None => E::custom(error),
    }
}

/// A limit of a count.
#[derive(Debug, Clone, PartialEq)]
pub struct Count(pub Amount);

impl Written for Count {
    const EXPECTED: &'static str = "a count such as 163328 or \"1.5M\"";

    fn read(text: &str) -> Result<Self> {
        Amount::count(text).map(Self)
    }
}

/// A limit of a size in bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Size(pub Amount);

impl Written for Size {
    const EXPECTED: &'static str = "a size such as 24000000 or \"24MiB\"";

    fn read(text: &str) -> Result<Self> {
        Amount::bytes(text).map(Self)
    }
}

impl Written for Figure {
    const EXPECTED: &'static str = "a count such as 163328 or \"0.16M\"";

    fn read(text: &str) -> Result<Self> {
        Self::count(text)
    }
}

/// A share between 0 and 1, and its notation.
#[derive(Debug, Clone, PartialEq)]
pub struct Share {
    /// The share.
    pub value: f64,
    /// Text as it was given.
    pub text: String,
}

impl Written for Share {
    const EXPECTED: &'static str = "a share such as 0.88 or \"88%\"";

    fn read(text: &str) -> Result<Self> {
        match portion(text).filter(|share| (0.0..=1.0).contains(share)) {
            Some(value) => Ok(Self { value, text: text.to_owned() }),
            None => Err(Error::input(text, "is no share between 0 and 1").remedy("write 0.88 or \"88%\"")),
        }
    }
}

/// A fraction that is not negative, and its notation.
#[derive(Debug, Clone, PartialEq)]
pub struct Fraction {
    /// The fraction.
    pub value: f64,
    /// Text as it was given.
    pub text: String,
}

impl Written for Fraction {
    const EXPECTED: &'static str = "a fraction such as 0.05 or \"5%\"";

    fn read(text: &str) -> Result<Self> {
        match portion(text).filter(|fraction| (0.0..=MOST).contains(fraction)) {
            Some(value) => Ok(Self { value, text: text.to_owned() }),
            None => Err(Error::input(text, "is no fraction between 0 and 10").remedy("write 0.05 or \"5%\"")),
        }
    }
}

/// Ten times as slow: more than that is surely a typing error.
const MOST: f64 = 10.0;

/// Parses a number, or one of hundredths.
fn portion(text: &str) -> Option<f64> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    Some(number.trim().parse::<f64>().ok()? / unit)
}

/// A span of time, and its notation.
#[derive(Debug, Clone, PartialEq)]
pub struct Time {
    /// The time in milliseconds, above 0.
    pub ms: f64,
    /// Text as it was given.
    pub text: String,
}

/// Units of time in milliseconds, the longest names first.
const TIMES: [(&str, f64); 5] = [("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1.0), ("s", 1e3)];

impl Written for Time {
    const EXPECTED: &'static str = "a time such as \"2ms\" or \"800us\"";

    fn read(text: &str) -> Result<Self> {
        let found = TIMES.iter().find_map(|(name, ms)| Some((text.strip_suffix(name)?.trim_end(), ms)));
        let ms = found.and_then(|(number, unit)| Some(number.parse::<f64>().ok()? * unit));
        match ms.filter(|ms| ms.is_finite() && *ms > 0.0) {
            Some(ms) => Ok(Self { ms, text: text.to_owned() }),
            None => {
                Err(Error::input(text, "is no time")
                    .remedy("write a number with its unit: \"2ms\", \"800us\", \"1.5s\""))
            }
        }
    }
}

/// A value that is read by its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Name<T>(pub T);

impl<'de, T: FromStr<Err = Error>> Deserialize<'de> for Name<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(custom)
    }
}

/// Sections of one name: `[latency]` once, or `[[latency]]` several times.
#[derive(Debug, Clone)]
pub struct Several<T>(pub Vec<T>);

impl<T> Default for Several<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Several<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sections<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Sections<T> {
            type Value = Several<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section, or several in double brackets")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Several<T>, A::Error> {
                T::deserialize(value::MapAccessDeserializer::new(map)).map(|one| Several(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Several<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(one) = list.next_element()? {
                    all.push(one);
                }
                Ok(Several(all))
            }
        }
        deserializer.deserialize_any(Sections(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_and_times_are_read_in_their_units() {
        for (text, value) in [("0.88", 0.88), ("88%", 0.88), ("5 %", 0.05), ("0", 0.0), ("1", 1.0), ("100%", 1.0)] {
            assert!((Share::read(text).unwrap().value - value).abs() < 1e-12, "{text}");
        }
        for text in ["", "%", "88", "-0.1", "nan", "101%", "x"] {
            assert!(Share::read(text).unwrap_err().to_string().ends_with("is no share between 0 and 1"), "{text}");
        }
        for (text, ms) in [("2ms", 2.0), ("800us", 0.8), ("800 µs", 0.8), ("1.5s", 1500.0), ("250000ns", 0.25)] {
            assert!((Time::read(text).unwrap().ms - ms).abs() < 1e-12, "{text}");
        }
        for text in ["2", "ms", "0ms", "-1ms", "infs", "2m", "2 min", ""] {
            let error = Time::read(text).unwrap_err();
            assert!(
                error.to_string().ends_with("is no time") && error.remedy_text().unwrap().contains("2ms"),
                "{text}"
            );
        }
    }
}
