//! Sizes as formulas of the symbols, fitted to runs at several values.
//!
//! A size is taken to be multilinear: for the symbols `N` and `T` it is `a + b N + c T + d N T`. One run at each corner
//! of a grid determines such a formula, and one more run off the grid shows whether it holds: a square, a ceiling or a
//! minimum also passes through any two points. A size without a formula is an error only where the graph needs it as a
//! number.

use super::inputs::Symbol;
use gnet_core::graph::Dim;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// Maximum number of symbols of a trace: each doubles the number of runs.
pub(super) const MOST_SYMBOLS: usize = 4;

/// For each symbol the two values of the grid and the one off the grid, in units of the symbol's multiple. None is 1,
/// which broadcasting would hide; those of a symbol are pairwise coprime.
const POINTS: [[usize; 3]; MOST_SYMBOLS] = [[2, 5, 7], [3, 4, 7], [2, 3, 5], [3, 5, 7]];

/// The runs of a trace, and the sizes fitted from them.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    pub symbols: Vec<Symbol>,
    /// For each run the value of each symbol, in units of its multiple.
    units: Vec<Vec<usize>>,
}

impl Grid {
    /// Plans one run without symbols; else one for each corner and one off the grid.
    ///
    /// # Errors
    /// Fails for more than [`MOST_SYMBOLS`] symbols.
    pub fn new(symbols: Vec<Symbol>) -> Result<Self> {
        if symbols.len() > MOST_SYMBOLS {
            let names: Vec<_> = symbols.iter().map(|symbol| symbol.name.as_str()).collect();
            return Err(Error::input(
                "inputs",
                format!("have {} ({})", counted(names.len(), "symbol"), names.join(", ")),
            )
            .remedy(format!("give fixed sizes to all but {MOST_SYMBOLS}")));
        }
        let value = |(j, symbol): (usize, &Symbol), point: usize| POINTS[j][point] + symbol.smallest_unit() - 1;
        let run = |point: &dyn Fn(usize) -> usize| -> Vec<usize> {
            symbols.iter().enumerate().map(|(j, symbol)| value((j, symbol), point(j))).collect()
        };
        let mut units: Vec<Vec<usize>> = (0..1 << symbols.len()).map(|corner| run(&|j| corner >> j & 1)).collect();
        if !symbols.is_empty() {
            units.push(run(&|_| 2));
        }
        Ok(Self { symbols, units })
    }

    pub fn runs(&self) -> usize {
        self.units.len()
    }

    /// Returns the size of a symbol in a run.
    pub fn size(&self, run: usize, symbol: &str) -> Option<usize> {
        let j = self.symbols.iter().position(|s| s.name == symbol)?;
        Some(self.units[run][j] * self.symbols[j].multiple_of)
    }

    /// Describes a run by its sizes, such as `N = 2, T = 3`.
    pub fn describe(&self, run: usize) -> String {
        let sizes = self.symbols.iter().zip(&self.units[run]);
        let sizes: Vec<_> =
            sizes.map(|(symbol, unit)| format!("{} = {}", symbol.name, unit * symbol.multiple_of)).collect();
        sizes.join(", ")
    }

    /// Lists the symbols whose sizes differ between two runs.
    pub fn changed(&self, a: usize, b: usize) -> String {
        let differs = |j: &usize| self.units[a][*j] != self.units[b][*j];
        let names: Vec<_> = (0..self.symbols.len()).filter(differs).map(|j| self.symbols[j].name.as_str()).collect();
        names.join(" and ")
    }

    /// Returns a symbol in units of its multiple.
    pub fn unit(&self, symbol: usize) -> Size {
        let coefficients = (0..1 << self.symbols.len()).map(|term| i64::from(term == 1 << symbol));
        Size::Formula(Formula(coefficients.collect()))
    }

    /// Fits a formula to these values in the runs.
    pub fn fit(&self, values: &[usize]) -> Size {
        let corners = 1 << self.symbols.len();
        let mut coefficients: Vec<i64> = values[..corners].iter().map(|value| *value as i64).collect();
        for j in 0..self.symbols.len() {
            let (low, high) = (self.units[0][j] as i64, self.units[1 << j][j] as i64);
            for corner in (0..corners).filter(|corner| corner >> j & 1 == 0) {
                let (at_low, at_high) = (coefficients[corner], coefficients[corner | 1 << j]);
                if (at_high - at_low) % (high - low) != 0 {
                    return Size::Unfit(values.to_vec());
                }
                let slope = (at_high - at_low) / (high - low);
                (coefficients[corner], coefficients[corner | 1 << j]) = (at_low - slope * low, slope);
            }
        }
        let size = Formula(coefficients);
        let holds = |(units, value): (&Vec<usize>, &usize)| size.at(units) == Some(*value as i64);
        if self.units.iter().zip(values).all(holds) { Size::Formula(size) } else { Size::Unfit(values.to_vec()) }
    }

    /// Converts a size to a dimension of the graph, which supports lines in one symbol.
    pub fn dim(&self, size: &Size) -> Dim {
        let Size::Formula(formula) = size else { return Dim::Unknown };
        match formula.terms().collect::<Vec<_>>()[..] {
            [] => Dim::Known(0),
            [(0, value)] => Dim::Known(value as usize),
            [(symbol, scale)] => self.line(symbol, scale, 0),
            [(0, offset), (symbol, scale)] => self.line(symbol, scale, offset),
            _ => Dim::Unknown,
        }
    }

    fn line(&self, term: usize, scale: i64, offset: i64) -> Dim {
        let symbol = &self.symbols[term.trailing_zeros() as usize];
        let multiple = symbol.multiple_of as i64;
        if term.count_ones() != 1 || scale % multiple != 0 {
            return Dim::Unknown;
        }
        Dim::Symbolic { symbol: symbol.name.clone(), scale: scale / multiple, offset }
    }

    /// Returns the error for a size without a formula where one is needed.
    pub fn unfit(&self, what: String, values: &[usize]) -> Error {
        let points = values.iter().enumerate().map(|(run, value)| format!("{value} at {}", self.describe(run)));
        let reason = format!("is no sum of products of the symbols: {}", points.collect::<Vec<_>>().join(", "));
        Error::input(what, reason).remedy("export with a fixed size in place of the symbol")
    }
}

/// A size of a tensor, or a number of an operation, over all runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Size {
    /// A formula that holds in every run.
    Formula(Formula),
    /// The values in the runs, if no formula fits them.
    Unfit(Vec<usize>),
}

impl Size {
    /// Creates a size that is the same number in all runs.
    pub fn fixed(size: usize) -> Self {
        Self::Formula(Formula(vec![size as i64]))
    }

    /// Returns the size if it is the same in all runs.
    pub fn known(&self) -> Option<usize> {
        match self {
            Self::Formula(formula) => formula.constant().and_then(|value| usize::try_from(value).ok()),
            Self::Unfit(_) => None,
        }
    }

    /// Evaluates the size at these values of the symbols, in units of their multiples.
    pub fn at(&self, units: &[usize]) -> Option<usize> {
        match self {
            Self::Formula(formula) => formula.at(units).and_then(|value| usize::try_from(value).ok()),
            Self::Unfit(_) => None,
        }
    }

    /// Returns its difference to another size, if that is the same number in all runs.
    pub fn minus(&self, other: &Self) -> Option<i64> {
        let (Self::Formula(Formula(a)), Self::Formula(Formula(b))) = (self, other) else { return None };
        let at = |terms: &[i64], term: usize| terms.get(term).copied().unwrap_or(0);
        Formula((0..a.len().max(b.len())).map(|term| at(a, term) - at(b, term)).collect()).constant()
    }
}

/// Coefficient of each product of symbols; bit `j` of the index says whether symbol `j`, in units of its multiple, is a
/// factor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Formula(Vec<i64>);

impl Formula {
    /// Returns the products with a non-zero coefficient, the constant first.
    pub fn terms(&self) -> impl Iterator<Item = (usize, i64)> {
        self.0.iter().copied().enumerate().filter(|(_, coefficient)| *coefficient != 0)
    }

    fn constant(&self) -> Option<i64> {
        self.terms().all(|(term, _)| term == 0).then(|| self.0[0])
    }

    fn at(&self, units: &[usize]) -> Option<i64> {
        self.terms().try_fold(0_i64, |sum, (term, coefficient)| {
            let factors = (0..units.len()).filter(|j| term >> j & 1 == 1);
            let product =
                factors.into_iter().try_fold(coefficient, |product, j| product.checked_mul(units[j] as i64))?;
            sum.checked_add(product)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(symbols: &[Symbol]) -> Grid {
        Grid::new(symbols.to_vec()).unwrap()
    }

    fn fit(grid: &Grid, f: impl Fn(&[usize]) -> usize) -> Size {
        let sizes = |run: usize| -> Vec<usize> {
            grid.symbols.iter().map(|symbol| grid.size(run, &symbol.name).unwrap()).collect()
        };
        grid.fit(&(0..grid.runs()).map(|run| f(&sizes(run))).collect::<Vec<_>>())
    }

    #[test]
    fn lines_are_found() {
        let grid = grid(&[Symbol::new("N")]);
        let dim = |f: fn(usize) -> usize| grid.dim(&fit(&grid, |sizes| f(sizes[0])));
        assert_eq!(dim(|_| 64), Dim::Known(64));
        assert_eq!(dim(|_| 0), Dim::Known(0));
        assert_eq!(dim(|n| n), Dim::symbol("N"));
        assert_eq!(dim(|n| 49 * n + 3).to_string(), "49*N+3");
        assert_eq!(dim(|n| 20 - 2 * n).to_string(), "-2*N+20");
    }

    #[test]
    fn without_symbols_one_run_says_it_all() {
        let grid = grid(&[]);
        assert_eq!((grid.runs(), grid.fit(&[8]).known()), (1, Some(8)));
    }

    #[test]
    fn products_of_symbols_are_found() {
        let grid = grid(&[Symbol::new("N"), Symbol::new("T")]);
        assert_eq!(grid.runs(), 5);
        let Size::Formula(formula) = fit(&grid, |s| 3 * s[0] * s[1] + 2 * s[1] + 1) else { panic!("has no formula") };
        assert_eq!(formula.terms().collect::<Vec<_>>(), [(0, 1), (2, 2), (3, 3)]);
        assert_eq!(grid.dim(&Size::Formula(formula)), Dim::Unknown);
        assert_eq!(grid.dim(&fit(&grid, |s| s[1] + 4)).to_string(), "T+4");
    }

    #[test]
    fn halves_of_a_multiple_are_found() {
        let grid = grid(&[Symbol::new("H").multiple_of(16)]);
        let half = fit(&grid, |s| s[0] / 2);
        assert!(matches!(&half, Size::Formula(f) if f.terms().eq([(1, 8)])), "{half:?}");
        assert_eq!(grid.dim(&half), Dim::Unknown);
        assert_eq!(grid.dim(&fit(&grid, |s| 2 * s[0])).to_string(), "2*H");
    }

    #[test]
    fn a_least_size_is_kept() {
        let grid = grid(&[Symbol::new("T").at_least(50).multiple_of(8)]);
        let sizes: Vec<_> = (0..grid.runs()).map(|run| grid.size(run, "T").unwrap()).collect();
        assert!(sizes.iter().all(|size| *size >= 50 && size % 8 == 0), "{sizes:?}");
    }

    #[test]
    fn what_the_corners_cannot_tell_from_a_formula_is_refused() {
        let one = grid(&[Symbol::new("N")]);
        for (name, f) in [
            ("a square", (|n| n * n) as fn(usize) -> usize),
            ("a ceiling", |n| n.div_ceil(2)),
            ("a ceiling that is even in two of three", |n| n.div_ceil(3) * 3),
            ("a minimum", |n| n.min(5)),
        ] {
            assert!(matches!(fit(&one, |s| f(s[0])), Size::Unfit(_)), "{name}");
            let two = grid(&[Symbol::new("N"), Symbol::new("T")]);
            for symbol in 0..2 {
                assert!(matches!(fit(&two, |s| s[1 - symbol] * f(s[symbol])), Size::Unfit(_)), "{name} of {symbol}");
            }
        }
        let error = one.unfit("a dimension".to_owned(), &[1, 3, 4]).to_string();
        assert_eq!(error, "a dimension: is no sum of products of the symbols: 1 at N = 2, 3 at N = 5, 4 at N = 7");
    }

    #[test]
    fn differences_are_numbers_when_they_are_the_same_everywhere() {
        let grid = grid(&[Symbol::new("N"), Symbol::new("T")]);
        let of = |f: fn(&[usize]) -> usize| fit(&grid, f);
        assert_eq!(of(|s| s[1] + 1).minus(&of(|s| s[1] + 3)), Some(-2));
        assert_eq!(of(|s| s[1]).minus(&of(|s| s[0])), None);
    }
}
