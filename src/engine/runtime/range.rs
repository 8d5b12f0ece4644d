//! Ranges of the whole numbers that an input is fed if the user provides none.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::element::{EXACT, whole_numbers};
use gnet_core::graph::{DType, Graph, ValueId};
use gnet_core::{Error, Result};

/// A range of whole numbers, excluding the upper end: `LOW..HIGH`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^-?[0-9]+\.\.-?[0-9]+$"))]
pub struct ValueRange {
    low: i64,
    high: i64,
}

impl ValueRange {
    /// 0 and 1, which any model accepts, as tokens or as booleans.
    pub const BITS: Self = Self { low: 0, high: 2 };

    /// Creates the range from `low` up to `high`, which is excluded.
    ///
    /// # Errors
    /// Fails if the range is empty, or if it holds a number beyond 2^24, which an [`Array`](super::Array) does not hold
    /// exactly.
    pub fn new(low: i64, high: i64) -> Result<Self> {
        let refuse = |reason: String| Err(Error::input(format!("range {low}..{high}"), reason));
        if low >= high {
            return refuse("holds no number: its end is left out".to_owned());
        }
        if low < -EXACT || high > EXACT + 1 {
            return refuse(format!("goes beyond {EXACT}, up to which whole numbers are exact"));
        }
        Ok(Self { low, high })
    }

    /// Returns the smallest number.
    pub fn low(self) -> i64 {
        self.low
    }

    /// Returns the upper end, one more than the largest number.
    pub fn high(self) -> i64 {
        self.high
    }

    /// Returns how many numbers there are.
    pub fn count(self) -> u64 {
        self.high.abs_diff(self.low)
    }

    /// Returns the intersection of two ranges; `None` if it is empty.
    pub fn and(self, other: Self) -> Option<Self> {
        Self::new(self.low.max(other.low), self.high.min(other.high)).ok()
    }

    /// Returns the range that an input of a graph accepts, as far as the graph tells: 0 up to the number of rows of the
    /// smallest table that it selects from ([`Graph::selected_rows`]), else 0 and 1. `None` for an input that takes no
    /// whole numbers.
    pub fn of(graph: &Graph, input: ValueId) -> Option<Self> {
        let dtype = graph.value(input).dtype?;
        let rows = graph.selected_rows(input).and_then(|rows| i64::try_from(rows).ok());
        let tokens = rows.and_then(|rows| Self::new(0, rows.min(EXACT)).ok());
        tokens.map_or_else(|| Self::of_type(dtype), |tokens| tokens.and(Self::held(dtype)?))
    }

    /// Returns 0 and 1 for an integer or boolean type, `None` for any other.
    pub fn of_type(dtype: DType) -> Option<Self> {
        Self::BITS.and(Self::held(dtype)?)
    }

    /// Returns the exact whole numbers of an element type; `None` if it is neither an integer nor a boolean.
    fn held(dtype: DType) -> Option<Self> {
        let (low, end) = if dtype == DType::Bool { (0.0, 2.0) } else { whole_numbers(dtype)? };
        let exact = EXACT as f64;
        Some(Self { low: low.max(-exact) as i64, high: end.min(exact + 1.0) as i64 })
    }
}

impl fmt::Display for ValueRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.low, self.high)
    }
}

impl FromStr for ValueRange {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers =
            text.split_once("..").and_then(|(low, high)| Some((low.trim().parse().ok()?, high.trim().parse().ok()?)));
        let Some((low, high)) = numbers else {
            return Err(Error::input(format!("range {text}"), "is not LOW..HIGH").remedy("write 0..100 for 0 to 99"));
        };
        Self::new(low, high)
    }
}

impl TryFrom<String> for ValueRange {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<ValueRange> for String {
    fn from(range: ValueRange) -> Self {
        range.to_string()
    }
}

/// Ranges of whole numbers given by a user, by the inputs' names.
#[derive(Debug, Clone, PartialEq, Eq, Default, JsonSchema, Serialize, Deserialize)]
pub struct Ranges(Vec<(String, ValueRange)>);

impl Ranges {
    /// Creates ranges of inputs by name.
    ///
    /// # Errors
    /// Fails if an input is named twice.
    pub fn new(ranges: Vec<(String, ValueRange)>) -> Result<Self> {
        for (place, (name, _)) in ranges.iter().enumerate() {
            if ranges[..place].iter().any(|(other, _)| other == name) {
                return Err(Error::input(format!("range of input '{name}'"), "is given twice"));
            }
        }
        Ok(Self(ranges))
    }

    /// Returns the inputs' names and ranges, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueRange)> {
        self.0.iter().map(|(name, range)| (name.as_str(), *range))
    }

    /// Applies the given ranges to those of inputs: name, element type, range.
    ///
    /// # Errors
    /// Fails on a name that no input has, an input that takes no whole numbers, or a range that its type does not hold.
    pub fn apply<'a>(
        &self,
        inputs: impl IntoIterator<Item = (&'a str, DType, &'a mut Option<ValueRange>)>,
    ) -> Result<()> {
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        for (name, range) in &self.0 {
            let thing = format!("range of input '{name}'");
            let names = inputs.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
            let Some((_, dtype, place)) = inputs.iter_mut().find(|(known, ..)| known == name) else {
                return Err(Error::input(thing, "there is no such input").remedy(format!("the inputs are {names}")));
            };
            match ValueRange::held(*dtype) {
                None => return Err(Error::input(thing, format!("it takes {dtype}, and ranges are of whole numbers"))),
                Some(held) if held.and(*range) != Some(*range) => {
                    return Err(Error::input(thing, format!("{range} is not within its type {dtype}")));
                }
                Some(_) => **place = Some(*range),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{Node, Tensor};

    #[test]
    fn a_range_is_read_and_written() {
        for (text, count) in [("0..2", 2), ("-5..5", 10), ("7..8", 1), ("-16777216..16777217", 33_554_433)] {
            let range: ValueRange = text.parse().unwrap();
            assert_eq!((range.to_string().as_str(), range.count()), (text, count));
            let json = serde_json::to_string(&range).unwrap();
            assert_eq!((json.as_str(), serde_json::from_str(&json).unwrap()), (&*format!("\"{text}\""), range));
        }
        for (text, says) in [
            ("5", "range 5: is not LOW..HIGH"),
            ("a..5", "range a..5: is not LOW..HIGH"),
            ("0..1..2", "is not LOW..HIGH"),
            ("3..3", "range 3..3: holds no number"),
            ("4..3", "holds no number"),
            ("0..16777218", "goes beyond 16777216"),
            ("0..99999999999999999999", "is not LOW..HIGH"),
        ] {
            let error = text.parse::<ValueRange>().unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn the_graph_says_what_an_input_takes() {
        let range = |dtype: DType, rows: usize| {
            let mut graph = Graph::new("g");
            let x = graph.add_value("x", Some(dtype), None);
            let table = graph.add_initializer("table", Tensor::from_f32(vec![rows, 1], &vec![0.0; rows]).unwrap());
            let y = graph.add_value("y", None, None);
            if rows > 0 {
                graph.nodes = vec![Node::new("", "Gather", vec![table, x], vec![y])];
            }
            ValueRange::of(&graph, x).map(|range| range.to_string())
        };
        let of = |text: &str| Some(text.to_owned());
        assert_eq!((range(DType::I64, 9), range(DType::I64, 0)), (of("0..9"), of("0..2")));
        assert_eq!((range(DType::U8, 300), range(DType::I8, 300)), (of("0..256"), of("0..128")));
        assert_eq!((range(DType::Bool, 300), range(DType::F32, 300)), (of("0..2"), None));
    }

    #[test]
    fn what_the_user_says_must_fit_the_inputs() {
        let apply = |name: &str, text: &str| {
            let ranges = Ranges::new(vec![(name.to_owned(), text.parse().unwrap())]).unwrap();
            let (mut ids, mut mask, mut image) = (Some(ValueRange::BITS), Some(ValueRange::BITS), None);
            let inputs =
                [("ids", DType::I32, &mut ids), ("mask", DType::Bool, &mut mask), ("image", DType::F32, &mut image)];
            ranges
                .apply(inputs)
                .map(|()| [ids, mask].map(|range| range.unwrap().to_string()))
                .map_err(|e| e.to_string())
        };
        assert_eq!(apply("ids", "-1..7").unwrap(), ["-1..7", "0..2"]);
        assert_eq!(apply("mask", "1..2").unwrap(), ["0..2", "1..2"]);
        assert_eq!(apply("mask", "1..3").unwrap_err(), "range of input 'mask': 1..3 is not within its type bool");
        assert_eq!(
            apply("image", "0..2").unwrap_err(),
            "range of input 'image': it takes f32, and ranges are of whole numbers"
        );
        assert_eq!(apply("tokens", "0..2").unwrap_err(), "range of input 'tokens': there is no such input");
        let twice = Ranges::new(vec![("a".into(), ValueRange::BITS), ("a".into(), ValueRange::BITS)]);
        assert_eq!(twice.unwrap_err().to_string(), "range of input 'a': is given twice");
    }
}
