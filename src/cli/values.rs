//! Values of flags: an invalid one is refused in words, with the choices there are.

use std::num::{IntErrorKind, ParseIntError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use gnet::Error;
use gnet::runtime::Provider;

/// Parses a whole number. Whether it is within range is checked by the command, which knows what it counts.
pub fn whole<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: ParseIntError| match e.kind() {
        IntErrorKind::PosOverflow => "is too large".to_owned(),
        _ if text.starts_with('-') => "must not be negative".to_owned(),
        _ => "is not a whole number".to_owned(),
    })
}

/// Parses seconds. The limit is a day, since more is surely a typing error.
pub fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = text.parse().map_err(|_| "is not a number of seconds".to_owned())?;
    if (0.0..=86_400.0).contains(&value) {
        Ok(Duration::from_secs_f64(value))
    } else {
        Err("is not between 0 and 86400 seconds".to_owned())
    }
}

/// Parses `99.5%` or `0.995`.
pub fn fraction(text: &str) -> Result<f64, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    Ok(number.trim().parse::<f64>().map_err(|_| "is not a number".to_owned())? / unit)
}

#[cfg(feature = "burn")]
pub fn real(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "is not a number".to_owned())
}

/// Parses a name from a list, which the help and a refusal show.
pub fn one_of<T>(names: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err = Error> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(names).try_map(|name| name.parse::<T>())
}

/// Parses the name of a file to write. `-` is refused: elsewhere it means standard output, where the report goes.
pub fn file_to_write() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path == Path::new("-") {
        true => Err("standard output holds the report; give a file"),
        false => Ok(path),
    })
}

pub fn provider() -> impl TypedValueParser<Value = Provider> {
    one_of(Provider::ALL.map(Provider::name))
}

pub fn source(text: &str) -> Result<gnet::data::Source, String> {
    text.parse().map_err(|e| in_words(&e))
}

/// Parses with a function of the library, whose error clap completes with the value.
pub fn parsed<T: 'static>(parse: fn(&str) -> gnet::Result<T>) -> impl Fn(&str) -> Result<T, String> + Clone {
    move |text| parse(text).map_err(|e| behind_flag(text, &e))
}

/// Returns the error of a value that clap names itself, with its remedy.
pub fn behind_flag(value: &str, error: &Error) -> String {
    let text = in_words(error);
    text.strip_prefix(&format!("{value}: ")).unwrap_or(&text).to_owned()
}

/// Formats the error and its remedy on one line, as clap shows them after the flag.
fn in_words(error: &Error) -> String {
    match error.remedy_text() {
        Some(remedy) => format!("{error}; {remedy}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_whole_number_is_told_so() {
        assert_eq!(whole::<usize>("7"), Ok(7));
        assert_eq!(whole::<i64>("-7"), Ok(-7));
        for (text, says) in [
            ("x", "is not a whole number"),
            ("", "is not a whole number"),
            ("1.5", "is not a whole number"),
            ("-1", "must not be negative"),
            ("99999999999999999999", "is too large"),
        ] {
            assert_eq!(whole::<usize>(text), Err(says.to_owned()), "{text}");
        }
    }

    #[test]
    fn a_refused_source_keeps_its_remedy() {
        assert_eq!(source("").unwrap_err(), "data: is empty; give fashion-mnist, embedded or a folder");
    }
}
