//! Sizes that exporters write as formulas of several symbols: `past + sequence`, `N*T`, `floor(T/2)`.

/// Maximum nesting of formulas: more than exporters write, less than a stack holds.
const DEPTH: usize = 32;

/// Evaluates a formula with a value for each symbol in it; `None` if one has none, if the text is not a formula, and if
/// the result is not a whole number.
pub(super) fn value(text: &str, symbol: &dyn Fn(&str) -> Option<i64>) -> Option<i64> {
    let mut reader = Reader { rest: text, symbol, depth: 0 };
    let value = reader.sum()?;
    reader.rest.trim_start().is_empty().then_some(value).and_then(Ratio::whole)
}

/// Returns `true` if a formula contains `name` as a symbol.
#[doc(hidden)]
pub fn mentions(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(at, _)| {
        !text[..at].ends_with(is_word) && !text[at + name.len()..].starts_with(is_word) && !name.is_empty()
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// A quotient with a positive divisor, not rounded yet.
#[derive(Clone, Copy)]
struct Ratio(i64, i64);

impl Ratio {
    fn whole(self) -> Option<i64> {
        (self.0 % self.1 == 0).then(|| self.0 / self.1)
    }
}

struct Reader<'a> {
    rest: &'a str,
    symbol: &'a dyn Fn(&str) -> Option<i64>,
    depth: usize,
}

impl<'a> Reader<'a> {
    fn sum(&mut self) -> Option<Ratio> {
        let mut sum = if self.take("-") { negated(self.product()?)? } else { self.product()? };
        loop {
            let next = match (self.take("+"), self.take("-")) {
                (true, _) => self.product()?,
                (_, true) => negated(self.product()?)?,
                _ => return Some(sum),
            };
            let (a, b) = (sum.0.checked_mul(next.1)?, next.0.checked_mul(sum.1)?);
            sum = Ratio(a.checked_add(b)?, sum.1.checked_mul(next.1)?);
        }
    }

    fn product(&mut self) -> Option<Ratio> {
        let mut product = self.factor()?;
        loop {
            product = match (self.take("//"), self.take("*"), self.take("/")) {
                (true, ..) => floor(quotient(product, self.factor()?)?),
                (_, true, _) => {
                    let factor = self.factor()?;
                    Ratio(product.0.checked_mul(factor.0)?, product.1.checked_mul(factor.1)?)
                }
                (_, _, true) => quotient(product, self.factor()?)?,
                _ => return Some(product),
            };
        }
    }

    fn factor(&mut self) -> Option<Ratio> {
        if self.take("(") {
            return self.inside();
        }
        let word = self.word()?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Ratio(word.parse().ok()?, 1));
        }
        if !self.take("(") {
            return Some(Ratio((self.symbol)(word)?, 1));
        }
        let inside = self.inside()?;
        match word {
            "floor" => Some(floor(inside)),
            "ceil" | "ceiling" => negated(floor(negated(inside)?)),
            _ => None,
        }
    }

    fn inside(&mut self) -> Option<Ratio> {
        self.depth += 1;
        let inside = if self.depth < DEPTH { self.sum()? } else { return None };
        self.depth -= 1;
        self.take(")").then_some(inside)
    }

    fn word(&mut self) -> Option<&'a str> {
        let rest = self.rest.trim_start();
        let (word, rest) = rest.split_at(rest.find(|c| !is_word(c) && c != '.').unwrap_or(rest.len()));
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    fn take(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        rest.map(|rest| self.rest = rest).is_some()
    }
}

fn negated(ratio: Ratio) -> Option<Ratio> {
    Some(Ratio(ratio.0.checked_neg()?, ratio.1))
}

fn floor(ratio: Ratio) -> Ratio {
    Ratio(ratio.0.div_euclid(ratio.1), 1)
}

/// Divides; `None` for a divisor that is not positive.
fn quotient(a: Ratio, b: Ratio) -> Option<Ratio> {
    (b.0 > 0).then_some(())?;
    Some(Ratio(a.0.checked_mul(b.1)?, a.1.checked_mul(b.0)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_comes_to_a_number() {
        let symbol = |name: &str| match name {
            "N" => Some(3),
            "past_len" => Some(7),
            "a.b" => Some(2),
            _ => None,
        };
        for (text, expected) in [
            ("past_len + N", Some(10)),
            ("N*past_len-1", Some(20)),
            ("2*(N + past_len) - a.b*3", Some(14)),
            ("floor(past_len/2)", Some(3)),
            ("floor(past_len/2 - 1/2) + 1", Some(4)),
            ("ceil(past_len/2)", Some(4)),
            ("past_len // 2", Some(3)),
            ("-N + 5", Some(2)),
            ("N - 5", Some(-2)),
            ("past_len/2", None),
            ("N*T", None),
            ("N/0", None),
            ("max(N, 2)", None),
            ("N N", None),
            ("(N", None),
            ("", None),
            ("9999999999*9999999999", None),
        ] {
            assert_eq!(value(text, &symbol), expected, "{text}");
        }
        assert_eq!(value(&"(".repeat(100_000), &symbol), None);
    }

    #[test]
    fn a_word_is_no_part_of_another() {
        assert!(mentions("N*T", "T") && mentions("floor(T/2)", "T") && mentions("past + a.b", "a.b"));
        assert!(!mentions("NT", "T") && !mentions("T_2", "T") && !mentions("a", ""));
    }
}
