//! One dimension of a shape, which may depend on a symbol such as the batch size `N`.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A dimension: a number, `scale * symbol + offset`, or unknown.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::graph::Dim;
///
/// let twice = Dim::parse("2*N+1");
/// assert_eq!(twice.at(4), Some(9));
/// assert_eq!(twice.bind(&Dim::parse("3*T")).to_string(), "6*T+1");
/// assert_eq!((Dim::Known(224).known(), twice.known()), (Some(224), None));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Dim {
    /// A fixed size.
    Known(usize),
    /// A size that is linear in a symbol, such as the batch size.
    Symbolic {
        /// Name of the symbol, ONNX's `dim_param`.
        symbol: String,
        /// Factor of the symbol; never 0.
        scale: i64,
        /// Constant term.
        offset: i64,
    },
    /// Unknown size.
    Unknown,
}

impl Dim {
    /// Creates the symbol itself.
    pub fn symbol(name: impl Into<String>) -> Self {
        Self::Symbolic { symbol: name.into(), scale: 1, offset: 0 }
    }

    /// Returns a shape of fixed sizes.
    pub fn fixed(sizes: &[usize]) -> Vec<Self> {
        sizes.iter().copied().map(Self::Known).collect()
    }

    /// Parses the output of [`Dim`]'s `Display`; any other text is a symbol of that name.
    pub fn parse(text: &str) -> Self {
        let line = Self::parse_line(text).filter(|line| line.to_string() == text);
        line.unwrap_or_else(|| Self::symbol(text))
    }

    /// Parses `[scale*]symbol[+offset|-offset]` with a plain name as symbol.
    fn parse_line(text: &str) -> Option<Self> {
        let (scale, rest) = match text.split_once('*') {
            Some((scale, rest)) => (scale.parse().ok().filter(|s| *s != 0)?, rest),
            None => (1, text),
        };
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let (symbol, offset) = rest.split_at(end);
        let plain = !symbol.is_empty() && symbol.chars().all(|c| c.is_alphanumeric() || c == '_');
        let offset = if offset.is_empty() { 0 } else { offset.parse().ok()? };
        plain.then(|| Self::Symbolic { symbol: symbol.to_owned(), scale, offset })
    }

    /// Returns the size if it is fixed.
    pub fn known(&self) -> Option<usize> {
        match self {
            Self::Known(size) => Some(*size),
            _ => None,
        }
    }

    /// Substitutes `value` for the symbol; [`Dim::Unknown`] if the result is not a dimension.
    pub fn bind(&self, value: &Self) -> Self {
        let Self::Symbolic { scale, offset, .. } = self else { return self.clone() };
        match value {
            Self::Known(size) => self.at(*size).map_or(Self::Unknown, Self::Known),
            Self::Symbolic { symbol, scale: inner, offset: shift } => {
                let scaled = inner.checked_mul(*scale);
                match (scaled, shift.checked_mul(*scale).and_then(|shift| shift.checked_add(*offset))) {
                    (Some(scale), Some(offset)) => Self::Symbolic { symbol: symbol.clone(), scale, offset },
                    _ => Self::Unknown,
                }
            }
            Self::Unknown => Self::Unknown,
        }
    }

    /// Returns the size if every symbol has the value `value`; `None` if it is unknown or would be negative.
    pub fn at(&self, value: usize) -> Option<usize> {
        match self {
            Self::Known(size) => Some(*size),
            Self::Symbolic { scale, offset, .. } => {
                let value = i64::try_from(value).ok()?;
                usize::try_from(scale.checked_mul(value)?.checked_add(*offset)?).ok()
            }
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(size) => write!(f, "{size}"),
            Self::Symbolic { symbol, scale, offset } => {
                if *scale != 1 {
                    write!(f, "{scale}*")?;
                }
                f.write_str(symbol)?;
                if *offset != 0 { write!(f, "{offset:+}") } else { Ok(()) }
            }
            Self::Unknown => f.write_str("?"),
        }
    }
}

/// Serialized as a number if fixed, a text such as `N` if symbolic, null if unknown.
impl Serialize for Dim {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(size) => serializer.serialize_u64(*size as u64),
            Self::Symbolic { .. } => serializer.collect_str(self),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// The form that [`Serialize`] writes.
impl JsonSchema for Dim {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Dim".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["integer", "string", "null"],
            "minimum": 0,
            "description": "A number if it is fixed, a text such as `N` or `2*N+1` if it depends on a symbol, null if unknown.",
        })
    }
}

/// Converts an axis of `rank`, or an index into as many elements, to its place from the start: negative ones count from
/// the end. `None` if there is none.
pub(crate) fn place_of(axis: i64, rank: usize) -> Option<usize> {
    let counted = if axis < 0 { axis.checked_add(i64::try_from(rank).ok()?)? } else { axis };
    usize::try_from(counted).ok().filter(|place| *place < rank)
}

/// Formats a shape as text: `N x 64 x 14 x 14`.
pub fn shape_text(shape: &[Dim]) -> String {
    match shape {
        [] => "scalar".to_owned(),
        dims => dims.iter().map(Dim::to_string).collect::<Vec<_>>().join(" x "),
    }
}

/// Returns the number of elements if every symbol is `value`; `None` if unknown or beyond `u64`.
pub fn elements(shape: &[Dim], value: usize) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, dim| product.checked_mul(dim.at(value)? as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dimension_is_a_line_in_its_symbol() {
        let dim = Dim::Symbolic { symbol: "N".into(), scale: 3, offset: -1 };
        assert_eq!((dim.to_string().as_str(), dim.at(2), dim.at(0), dim.known()), ("3*N-1", Some(5), None, None));
        assert_eq!((Dim::symbol("N").to_string().as_str(), Dim::symbol("N").at(7)), ("N", Some(7)));
        assert_eq!((Dim::Known(4).at(9), Dim::Unknown.at(9)), (Some(4), None));
    }

    #[test]
    fn a_dimension_survives_its_text() {
        for (text, at_5) in [("N", Some(5)), ("3*N-1", Some(14)), ("2*batch_size+7", Some(17)), ("N+1", Some(6))] {
            let dim = Dim::parse(text);
            assert_eq!((dim.to_string().as_str(), dim.at(5)), (text, at_5));
        }
        for text in ["floor(h/2)", "N*N", "a+b", "0*N", "unk__1+", "-", "1*N", "N+01", "+2*N"] {
            assert_eq!(Dim::parse(text), Dim::symbol(text), "{text} is a name, not a line");
        }
    }

    #[test]
    fn a_symbol_is_replaced() {
        let line = Dim::parse("3*N-1");
        assert_eq!((line.bind(&Dim::Known(2)), line.bind(&Dim::Known(0))), (Dim::Known(5), Dim::Unknown));
        assert_eq!(line.bind(&Dim::parse("2*M+1")), Dim::parse("6*M+2"));
        assert_eq!(line.bind(&Dim::parse(&format!("{}*M", i64::MAX))), Dim::Unknown);
        assert_eq!(Dim::Known(4).bind(&Dim::Known(2)), Dim::Known(4));
    }

    #[test]
    fn elements_do_not_wrap() {
        let huge = [Dim::Known(usize::MAX), Dim::Known(usize::MAX)];
        assert_eq!(elements(&huge, 1), None);
        assert_eq!(elements(&[Dim::symbol("N"), Dim::Known(3)], 2), Some(6));
        assert_eq!(elements(&[], 2), Some(1));
    }
}
