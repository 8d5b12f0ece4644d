//! Numbers for computing shapes: exact, symbolic if a dimension is, never wrapping.

use std::sync::Arc;

use crate::graph::{DType, Dim};

/// Maximum length of a symbol: longer ones are not computed with, so that a hostile file cannot multiply a long name.
pub(super) const MAX_SYMBOL: usize = 256;

/// A number: whole, real, a line `scale * symbol + offset`, or unknown.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Num {
    /// A whole number, also as the value of an element of a floating-point tensor.
    Int(i64),
    Real(f64),
    /// A number that is linear in a symbol; `scale` is never 0.
    Line {
        symbol: Arc<str>,
        scale: i64,
        offset: i64,
    },
    Unknown,
}

impl From<&Dim> for Num {
    fn from(dim: &Dim) -> Self {
        match dim {
            Dim::Known(size) => i64::try_from(*size).map_or(Self::Unknown, Self::Int),
            Dim::Symbolic { symbol, scale, offset } if symbol.len() <= MAX_SYMBOL => {
                Self::line(&Arc::from(symbol.as_str()), Some(*scale), Some(*offset))
            }
            _ => Self::Unknown,
        }
    }
}

impl Num {
    fn line(symbol: &Arc<str>, scale: Option<i64>, offset: Option<i64>) -> Self {
        match (scale, offset) {
            (Some(0), Some(offset)) => Self::Int(offset),
            (Some(scale), Some(offset)) => Self::Line { symbol: symbol.clone(), scale, offset },
            _ => Self::Unknown,
        }
    }

    /// Creates a real number; whole ones become [`Num::Int`], so that both kinds of tensors are comparable.
    pub(super) fn real(value: f64) -> Self {
        /// Beyond 2^53 not every whole number is a float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match value {
            v if v.fract() == 0.0 && v.abs() <= EXACT => Self::Int(v as i64),
            v if v.is_nan() => Self::Unknown,
            v => Self::Real(v),
        }
    }

    /// Converts the number to a size, `None` if it is negative. A number that is not whole is [`Dim::Unknown`].
    pub(super) fn dim(&self) -> Option<Dim> {
        match self {
            Self::Int(value) => usize::try_from(*value).ok().map(Dim::Known),
            Self::Line { symbol, scale, offset } => {
                Some(Dim::Symbolic { symbol: symbol.to_string(), scale: *scale, offset: *offset })
            }
            Self::Real(_) | Self::Unknown => Some(Dim::Unknown),
        }
    }

    pub(super) fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns the number as a float unless it is a line.
    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            _ => None,
        }
    }

    pub(super) fn add(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.checked_add(*b).map_or(Self::Unknown, Self::Int),
            (Self::Line { symbol, scale, offset }, Self::Int(b))
            | (Self::Int(b), Self::Line { symbol, scale, offset }) => {
                Self::line(symbol, Some(*scale), offset.checked_add(*b))
            }
            (
                Self::Line { symbol, scale, offset },
                Self::Line { symbol: other_symbol, scale: other_scale, offset: other_offset },
            ) if symbol == other_symbol => {
                Self::line(symbol, scale.checked_add(*other_scale), offset.checked_add(*other_offset))
            }
            _ => self.reals(other, |a, b| a + b),
        }
    }

    pub(super) fn neg(&self) -> Self {
        self.mul(&Self::Int(-1))
    }

    pub(super) fn sub(&self, other: &Self) -> Self {
        self.add(&other.neg())
    }

    pub(super) fn mul(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.checked_mul(*b).map_or(Self::Unknown, Self::Int),
            (Self::Line { symbol, scale, offset }, Self::Int(b))
            | (Self::Int(b), Self::Line { symbol, scale, offset }) => {
                Self::line(symbol, scale.checked_mul(*b), offset.checked_mul(*b))
            }
            (Self::Line { symbol, scale, offset }, Self::Real(b))
            | (Self::Real(b), Self::Line { symbol, scale, offset }) => {
                let times = |a: i64| Self::real(a as f64 * b).int();
                Self::line(symbol, times(*scale), times(*offset))
            }
            _ => self.reals(other, |a, b| a * b),
        }
    }

    pub(super) fn product<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Self {
        dims.into_iter().fold(Self::Int(1), |product, dim| product.mul(&Self::from(dim)))
    }

    /// Returns the quotient if it is exact: a whole number, or a line all of whose values are divisible.
    pub(super) fn div_exact(&self, other: &Self) -> Self {
        match (self, other) {
            (_, Self::Int(0)) => Self::Unknown,
            (Self::Int(a), Self::Int(b)) if a.checked_rem(*b) == Some(0) => Self::Int(a / b),
            (Self::Line { symbol, scale, offset }, Self::Int(b)) => {
                let exact = |a: i64| a.checked_rem(*b).filter(|rest| *rest == 0).map(|_| a / b);
                Self::line(symbol, exact(*scale), exact(*offset))
            }
            (
                Self::Line { symbol, scale, offset },
                Self::Line { symbol: other_symbol, scale: other_scale, offset: other_offset },
            ) if symbol == other_symbol => match scale.checked_rem(*other_scale) {
                Some(0) if other_offset.checked_mul(scale / other_scale) == Some(*offset) => {
                    Self::Int(scale / other_scale)
                }
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// Returns the quotient rounded towards minus infinity. A line is divisible if its scale is, whatever its symbol.
    pub(super) fn div_floor(&self, by: i64) -> Self {
        match self {
            Self::Int(a) => floor_div(*a, by).map_or(Self::Unknown, Self::Int),
            Self::Line { symbol, scale, offset } => match scale.checked_rem(by) {
                Some(0) => Self::line(symbol, scale.checked_div(by), floor_div(*offset, by)),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    pub(super) fn div_ceil(&self, by: i64) -> Self {
        self.neg().div_floor(by).neg()
    }

    /// Applies a function of real numbers; for lines the result is unknown.
    pub(super) fn reals(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        match (self.float(), other.float()) {
            (Some(a), Some(b)) => Self::real(f(a, b)),
            _ => Self::Unknown,
        }
    }

    /// Converts the number to the form in which an element of type `dtype` holds it: rounded to a 32-bit float, or
    /// truncated to a whole number.
    pub(super) fn stored_as(self, dtype: Option<DType>) -> Self {
        match (self, dtype) {
            (Self::Real(value), Some(DType::F32)) => Self::real(f64::from(value as f32)),
            (Self::Int(value), Some(DType::F32)) if value.unsigned_abs() > 1 << 24 => {
                Self::real(f64::from(value as f32))
            }
            (Self::Real(value), Some(DType::F64)) => Self::Real(value),
            (Self::Real(value), Some(DType::I64 | DType::I32)) => Self::real(value.trunc()),
            (Self::Int(value), Some(DType::I32)) if i32::try_from(value).is_err() => Self::Unknown,
            (Self::Int(value), Some(DType::Bool)) => Self::Int(i64::from(value != 0)),
            (number @ (Self::Int(_) | Self::Line { .. }), Some(DType::I64 | DType::I32 | DType::F32 | DType::F64)) => {
                number
            }
            (Self::Int(value), Some(DType::U8)) if u8::try_from(value).is_ok() => Self::Int(value),
            (Self::Int(value), Some(DType::I8)) if i8::try_from(value).is_ok() => Self::Int(value),
            (Self::Int(value), Some(DType::U64 | DType::U32)) if u32::try_from(value).is_ok() => Self::Int(value),
            _ => Self::Unknown,
        }
    }
}

/// Returns `a / by` rounded towards minus infinity; `None` if `by` is 0 or the result does not fit.
pub(super) fn floor_div(a: i64, by: i64) -> Option<i64> {
    let quotient = a.checked_div(by)?;
    let down = a.checked_rem(by)? != 0 && (a < 0) != (by < 0);
    Some(quotient - i64::from(down))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn number() -> impl Strategy<Value = Num> {
        let line = |scale, offset| Num::line(&Arc::from("N"), Some(scale), Some(offset));
        prop_oneof![
            (-9i64..9).prop_map(Num::Int),
            (-9i64..9, -9i64..9).prop_map(move |(scale, offset)| line(scale, offset)),
            (any::<i64>(), any::<i64>()).prop_map(move |(scale, offset)| line(scale, offset)),
            any::<i64>().prop_map(Num::Int),
        ]
    }

    /// Evaluates the number at `n` for the symbol, without bounds.
    fn at(number: &Num, n: i128) -> Option<i128> {
        match number {
            Num::Int(value) => Some(i128::from(*value)),
            Num::Line { scale, offset, .. } => Some(i128::from(*scale) * n + i128::from(*offset)),
            _ => None,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Every result other than [`Num::Unknown`] is right for every value of the symbol.
        #[test]
        fn lines_are_exact(a in number(), b in number(), by in prop_oneof![-5i64..6, any::<i64>()], n in 0i128..1000) {
            let (Some(x), Some(y)) = (at(&a, n), at(&b, n)) else { return Ok(()) };
            let right = |made: Num, want: Option<i128>| at(&made, n).is_none() || at(&made, n) == want;
            prop_assert!(right(a.add(&b), Some(x + y)));
            prop_assert!(right(a.sub(&b), Some(x - y)));
            prop_assert!(right(a.neg(), Some(-x)));
            prop_assert!(right(a.mul(&b), x.checked_mul(y)));
            let quotient = at(&a.div_exact(&b), n);
            prop_assert!(y == 0 || quotient.is_none_or(|quotient| quotient * y == x));
            let floor = |x: i128, by: i128| (by != 0).then(|| x.div_euclid(by) - i128::from(by < 0 && x.rem_euclid(by) != 0));
            prop_assert!(right(a.div_floor(by), floor(x, by.into())));
            prop_assert!(right(a.div_ceil(by), floor(-x, by.into()).map(|floor| -floor)));
        }
    }

    #[test]
    fn small_lines_are_known() {
        let line = |scale, offset| Num::from(&Dim::Symbolic { symbol: "N".into(), scale, offset });
        assert_eq!(line(2, 1).add(&line(-2, 4)), Num::Int(5));
        assert_eq!(line(6, 4).div_exact(&line(3, 2)), Num::Int(2));
        assert_eq!(line(6, 3).div_floor(2), line(3, 1));
        assert_eq!(line(4, 2).mul(&Num::Real(1.5)), line(6, 3));
        assert_eq!(line(1, 0).mul(&line(1, 0)), Num::Unknown);
        assert_eq!(Num::from(&Dim::symbol("x".repeat(MAX_SYMBOL + 1))), Num::Unknown);
        assert_eq!((Num::Int(-1).dim(), line(1, -1).dim()), (None, Some(Dim::parse("N-1"))));
    }

    #[test]
    fn elements_are_stored_as_their_type_holds_them() {
        let stored = |number: Num, dtype| number.stored_as(Some(dtype));
        assert_eq!(stored(Num::Real(2.7), DType::I64), Num::Int(2));
        assert_eq!(stored(Num::Real(-2.7), DType::I32), Num::Int(-2));
        assert_eq!(stored(Num::Int(1 << 40), DType::I32), Num::Unknown);
        assert_eq!(stored(Num::Int(7), DType::Bool), Num::Int(1));
        assert_eq!(stored(Num::Real(0.1), DType::F32), Num::Real(f64::from(0.1f32)));
        assert_eq!(stored(Num::Int((1 << 24) + 1), DType::F32), Num::Int(1 << 24));
        assert_eq!(stored(Num::Real(0.1), DType::F16), Num::Unknown);
    }
}
