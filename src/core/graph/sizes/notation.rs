//! Notation of an input's shape.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Stated;
use crate::graph::Dim;
use crate::words::counted;
use crate::{Error, Result};

/// `NAME=SHAPE` or `SHAPE`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct Shape {
    text: String,
    name: Option<String>,
    /// Possible readings of the text, at least one: an `x` separates two axes or belongs to a symbol.
    readings: Vec<Vec<Dim>>,
    /// Whether the first reading applies if the file does not state the number of axes: each `x` is next to a digit.
    is_plain: bool,
}

impl Shape {
    pub(super) fn parse(text: &str) -> Result<Self> {
        // A name may contain an equals sign, a shape cannot.
        let (name, shape) = match text.rsplit_once('=') {
            Some((name, shape)) => (Some(name.to_owned()), shape),
            None => (None, text),
        };
        let readings = readings(shape.trim());
        if readings.is_empty() {
            let error = Error::input(format!("shape {text}"), format!("{shape} is no list of sizes"));
            return Err(error.remedy(
                "write NAME=SIZE,SIZE,.. with numbers or symbols, such as x=1,3,224,224, x=N,3,224,224 or x=Nx3x224x224",
            ));
        }
        let is_plain = readings.len() == 1 || parted_beside_digits(shape).len() == shape.split('x').count();
        Ok(Self { text: text.to_owned(), name, readings, is_plain })
    }

    /// Returns the index of its input; one without a name is that of a model with one input.
    pub(super) fn place(&self, inputs: &[Stated<'_>]) -> Result<usize> {
        let names = || inputs.iter().map(|input| input.name).collect::<Vec<_>>().join(", ");
        let Some(name) = &self.name else {
            if inputs.len() == 1 {
                return Ok(0);
            }
            let reason = format!("has no name, and the model has {}", counted(inputs.len(), "input"));
            let error = Error::input(format!("input shape {}", self.text), reason);
            return Err(error.remedy(format!("write NAME=SHAPE; the inputs are {}", names())));
        };
        let find = |name: &str| inputs.iter().position(|input| input.name == name);
        find(name).or_else(|| find(name.trim())).ok_or_else(|| {
            Error::input(format!("input {name}"), "the model has no input of this name")
                .remedy(format!("the inputs are {}", names()))
        })
    }

    /// Returns its reading for an input with this number of axes, or with an unknown number. The caller refuses a
    /// different number of axes.
    pub(super) fn at_rank(&self, rank: Option<usize>) -> Result<&[Dim]> {
        let first = &self.readings[0];
        match (rank, &self.readings[..]) {
            (None, _) if self.is_plain => Ok(first),
            (Some(rank), readings) => Ok(readings.iter().find(|dims| dims.len() == rank).unwrap_or(first)),
            (None, _) => {
                let error = Error::input(format!("shape {}", self.text), "an x may part two axes or belong to a name");
                Err(error.remedy("write commas between the sizes: the file does not say how many axes the input has"))
            }
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl TryFrom<String> for Shape {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        Self::parse(&text)
    }
}

impl From<Shape> for String {
    fn from(shape: Shape) -> Self {
        shape.text
    }
}

/// Returns every reading of a shape: with commas there is one; without, each `x` separates axes, or those next to a
/// digit or `?` do, or none does.
fn readings(shape: &str) -> Vec<Vec<Dim>> {
    if shape.is_empty() {
        return vec![Vec::new()];
    }
    let mut readings: Vec<Vec<Dim>> = Vec::new();
    let mut add = |parts: Vec<&str>| {
        let dims = parts.into_iter().map(|part| size(part.trim())).collect::<Option<Vec<_>>>();
        readings.extend(dims.filter(|dims| !readings.contains(dims)));
    };
    if shape.contains(',') {
        add(shape.split(',').collect());
        return readings;
    }
    add(shape.split('x').collect());
    add(parted_beside_digits(shape));
    add(vec![shape]);
    readings
}

/// Splits a text at each `x` with a digit or `?` before or after it.
fn parted_beside_digits(text: &str) -> Vec<&str> {
    let is_digit = |c: char| c.is_ascii_digit() || c == '?';
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices('x') {
        if text[..at].trim_end().ends_with(is_digit) || text[at + 1..].trim_start().starts_with(is_digit) {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

fn size(text: &str) -> Option<Dim> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok().map(Dim::Known);
    }
    if text == "?" {
        return Some(Dim::Unknown);
    }
    match Dim::parse(text) {
        Dim::Symbolic { symbol, scale, offset } if symbol.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            let plain = symbol.chars().all(|c| c.is_alphanumeric() || c == '_');
            plain.then_some(Dim::Symbolic { symbol, scale, offset })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::shape_text;

    fn read(text: &str, rank: Option<usize>) -> (Option<String>, String) {
        let shape = Shape::parse(text).unwrap();
        let read = shape.at_rank(rank).map_or_else(|e| e.to_string(), shape_text);
        (shape.name, read)
    }

    #[test]
    fn commas_and_crosses_say_the_same() {
        for (text, name, rank, says) in [
            ("x=1,3,224,224", Some("x"), None, "1 x 3 x 224 x 224"),
            ("x=1x3x224x224", Some("x"), None, "1 x 3 x 224 x 224"),
            ("x=Nx3x224x224", Some("x"), Some(4), "N x 3 x 224 x 224"),
            ("N,3", None, None, "N x 3"),
            (" 3 x N ", None, Some(2), "3 x N"),
            ("?x4x?", None, Some(3), "? x 4 x ?"),
            ("2*N+1x3", None, Some(2), "2*N+1 x 3"),
            ("7", None, Some(1), "7"),
            ("x=", Some("x"), Some(0), "scalar"),
            // Names may contain anything.
            ("a=b=4,7", Some("a=b"), Some(2), "4 x 7"),
            ("a,b=4x7", Some("a,b"), Some(2), "4 x 7"),
            ("1x2=4x7", Some("1x2"), Some(2), "4 x 7"),
            // So may symbols: the number of axes decides.
            ("NxT", None, Some(2), "N x T"),
            ("NxT", None, Some(1), "NxT"),
            ("max_len", None, Some(1), "max_len"),
            ("max_lenx64", None, Some(2), "max_len x 64"),
            ("max_len,64", None, None, "max_len x 64"),
            ("Nx3", None, Some(4), "N x 3"),
            ("x=Nx3x224x224", Some("x"), None, "N x 3 x 224 x 224"),
            ("dim_x2", None, Some(1), "dim_x2"),
            ("max", None, None, "max"),
        ] {
            assert_eq!(read(text, rank), (name.map(str::to_owned), says.to_owned()), "{text}");
        }
        assert!(read("NxT", None).1.contains("an x may part two axes or belong to a name"));
    }

    #[test]
    fn what_is_no_shape_is_refused() {
        for text in ["x=1,-3", "x=1,,3", "1x2x", "3x-1", "x=1.5", "x=a b", "x=,", "x=99999999999999999999", "1;3"] {
            let error = Shape::parse(text).unwrap_err();
            assert!(error.to_string().contains("is no list of sizes"), "{error}");
            assert!(error.remedy_text().unwrap().contains("x=N,3,224,224 or x=Nx3x224x224"));
        }
    }

    #[test]
    fn a_shape_survives_json() {
        let shape = Shape::parse("a=b=Nx3").unwrap();
        let text = serde_json::to_string(&shape).unwrap();
        assert_eq!((text.as_str(), serde_json::from_str::<Shape>(&text).unwrap()), ("\"a=b=Nx3\"", shape));
        assert!(serde_json::from_str::<Shape>("\"1,,2\"").is_err());
    }
}
