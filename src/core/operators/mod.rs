//! Table of ONNX operators: one row for each operator of a domain.
//!
//! The table ([`all`]) has a row for every operator that ONNX defines, up to its opset 28, and for those of ONNX Runtime that
//! some rule is about. What a row does not say is not known: an operator without a shape rule has no known shape, and one
//! without a rule for its products has no known cost. [`Node::operator`](crate::graph::Node::operator) finds the row of a node.
//!
//! A row names functions too: the rule that infers shapes, the evaluator of the reference, the rule that counts MACs. These
//! belong to rooms above this one, so the table is a macro that each of those rooms expands for its own column, where the
//! names mean its functions. The compiler then demands that each exists.

pub(crate) mod table;

use table::facts;
pub(crate) use table::operators;

/// A set of operators that are defined together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Domain {
    /// ONNX's own operators.
    Onnx,
    /// ONNX's operators of classical machine learning.
    Classical,
    /// Operators that ONNX has on trial.
    Preview,
    /// Optimizers and gradients that ONNX has on trial.
    Training,
    /// Operators of ONNX Runtime, many of which it writes when it optimizes or quantises a file.
    Microsoft,
    /// Operators of ONNX Runtime on images whose channels lie in blocks, which it writes for one processor.
    Nchwc,
}

impl Domain {
    /// Every domain with a row in the table.
    pub const ALL: [Self; 6] =
        [Self::Onnx, Self::Classical, Self::Preview, Self::Training, Self::Microsoft, Self::Nchwc];

    /// The name in a file; ONNX's own domain may be written `ai.onnx` as well.
    pub fn name(self) -> &'static str {
        match self {
            Self::Onnx => "",
            Self::Classical => "ai.onnx.ml",
            Self::Preview => "ai.onnx.preview",
            Self::Training => "ai.onnx.preview.training",
            Self::Microsoft => "com.microsoft",
            Self::Nchwc => "com.microsoft.nchwc",
        }
    }

    fn of(name: &str) -> Option<Self> {
        if name == "ai.onnx" { Some(Self::Onnx) } else { Self::ALL.into_iter().find(|domain| domain.name() == name) }
    }
}

/// Role of an operand or an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// A kernel or matrix: a parameter that is a weight.
    Weight,
    /// Another learned number.
    Parameter,
    /// Nothing learned: a running statistic, a scale of quantisation, a bound, a size.
    Fixed,
}

/// Part of a learned operand in what a layer computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Factors of sums, one sum per index along this axis; the others are summed over.
    Weight(usize),
    /// A factor of a matrix product, with one sum per index along this axis, counted from the last.
    Matrix(usize),
    /// Factors of sums with this many leading axes of separate sums, such as the directions of an LSTM.
    Stacked(usize),
    /// Added to a sum, or the value to which a mean of 0 is moved.
    Bias,
    /// Factor of one channel.
    Scale,
    /// Mean that a normalisation subtracts.
    Mean,
    /// Variance that a normalisation divides by.
    Variance,
}

/// Way in which an operator runs its subgraphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// One of two, by a condition.
    Branch,
    /// One, as often as a count and a condition allow.
    Loop,
    /// One for each item along an axis.
    Scan,
    /// One for each element of a sequence.
    Map,
}

/// Form of the rounding error shared by all elements of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// By a share of 1, however small the result: engines compute a sigmoid as 1/2 and what an odd function adds to it.
    Unit,
    /// By a share of the result.
    Share,
    /// By a share that grows with the number of elements that go into one of the result.
    Terms,
    /// The same of a plain sum or mean of the first operand, so that what is lost can be measured on its terms.
    Sum,
    /// By a share of every result, and of the state at this operand that the gates let through.
    Gated(Option<usize>),
}

/// One operator of a domain.
#[derive(Debug)]
#[non_exhaustive]
pub struct Operator {
    /// Domain that it belongs to.
    pub domain: Domain,
    /// Name, which is unique in the domain.
    pub name: &'static str,
    /// First version of the domain's operator set that has it.
    pub since: i64,
    /// Whether it stands in ONNX's domain, and ONNX Runtime alone defines it.
    pub of_onnx_runtime: bool,
    /// Way in which it runs its subgraphs, if it has any.
    pub control: Option<Control>,
    /// Whether its result differs from one run to the next.
    pub random: bool,
    /// Whether its result is the first operand in another shape, for which runtimes move nothing.
    pub view: bool,
    /// Whether its result has the numbers of the first operand in another place, number or precision: what it makes of a
    /// parameter is that parameter.
    pub keeps_numbers: bool,
    /// Whether all elements of its results are elements of the first operand.
    pub hands_on: bool,
    /// Whether it reads no more of the first operand than it makes.
    pub selection: bool,
    /// Whether it reads the shape of its operand and no element.
    pub of_shape: bool,
    /// Whether it walks along a sequence, whose steps are the first axis unless its `layout` says otherwise.
    pub recurrent: bool,
    /// Whether its work is known to be element-wise, pooling, reduction, normalisation or moving data, or a Fourier transform,
    /// which no table of networks counts in MACs.
    pub without_products: bool,
    /// Whether it computes with whole numbers that stand for real ones.
    pub quantised: bool,
    /// Whether integers of any width at [`weights`](Self::weights) and [`learned`](Self::learned) are learned numbers.
    pub quantised_weights: bool,
    /// Operands that are weights where they are constant. Either side of a matrix product can be one; what a convolution
    /// convolves is none even when it is constant.
    pub weights: &'static [usize],
    /// Further operands that are learned where they are constant; what stands elsewhere is never learned. `None` without
    /// weights says that no operand is known.
    pub learned: Option<&'static [usize]>,
    /// Operands for which other numbers can be drawn, and the part that each has.
    pub parts: &'static [(usize, Part)],
    /// Attributes that hold learned numbers.
    pub attributes: &'static [(&'static str, Role)],
    /// Rounding error of its result; `None` if each element is rounded by itself, or not at all, or if files compute
    /// sizes with it.
    pub rounding: Option<Rounding>,
    /// The first operand that is read for what it says and not computed with, as all after it are.
    pub settings: Option<usize>,
    /// Whether a picture draws it as a strip of the layer before it.
    pub strip: bool,
    /// A shorter name for pictures.
    pub label: Option<&'static str>,
}

impl Operator {
    /// A row that says nothing.
    const UNKNOWN: Self = Self {
        domain: Domain::Onnx,
        name: "",
        since: 0,
        of_onnx_runtime: false,
        control: None,
        random: false,
        view: false,
        keeps_numbers: false,
        hands_on: false,
        selection: false,
        of_shape: false,
        recurrent: false,
        without_products: false,
        quantised: false,
        quantised_weights: false,
        weights: &[],
        learned: None,
        parts: &[],
        attributes: &[],
        rounding: None,
        settings: None,
        strip: false,
        label: None,
    };

    /// Returns the role of a constant operand at `position`; `None` if unknown.
    pub fn role(&self, position: usize) -> Option<Role> {
        if self.weights.contains(&position) {
            return Some(Role::Weight);
        }
        match self.learned {
            Some(learned) if learned.contains(&position) => Some(Role::Parameter),
            None if self.weights.is_empty() => self.without_products.then_some(Role::Parameter),
            _ => Some(Role::Fixed),
        }
    }
}

/// One array of operators for each domain, in the order of their names.
static TABLE: [&[Operator]; Domain::ALL.len()] = {
    use {Control::*, Rounding::*};
    operators!(facts)
};

/// Returns the operator `name` of a domain, or `None` when the table has no such row.
pub fn find(domain: &str, name: &str) -> Option<&'static Operator> {
    let rows = TABLE[Domain::of(domain)? as usize];
    rows.binary_search_by(|row| row.name.cmp(name)).ok().map(|row| &rows[row])
}

/// Returns every operator of the table, domain by domain and by name.
pub fn all() -> impl Iterator<Item = &'static Operator> {
    TABLE.into_iter().flatten()
}

/// Entries of another room for the operators: one for each row that names one.
pub(crate) struct Column<T: 'static>(pub(crate) [&'static [Option<T>]; Domain::ALL.len()]);

impl<T: Copy> Column<T> {
    /// Returns the entry of an operator.
    pub(crate) fn of(&self, operator: &'static Operator) -> Option<T> {
        let domain = operator.domain as usize;
        self.0[domain][TABLE[domain].element_offset(operator)?]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_domain_and_name() {
        for (domain, rows) in Domain::ALL.into_iter().zip(TABLE) {
            assert!(rows.is_sorted_by(|a, b| a.name < b.name), "{domain:?} is not in the order of the names");
            for row in rows {
                assert_eq!(row.domain, domain);
                assert!(std::ptr::eq(find(domain.name(), row.name).unwrap(), row), "{domain:?} {}", row.name);
            }
        }
        assert!(std::ptr::eq(find("ai.onnx", "Relu").unwrap(), find("", "Relu").unwrap()));
    }

    #[test]
    fn what_is_in_no_row_is_not_known() {
        for (domain, name) in [("", ""), ("", "Frobnicate"), ("my.domain", "Relu"), ("com.microsoft", "Relu")] {
            assert!(find(domain, name).is_none(), "{domain}.{name}");
        }
        // ONNX defines them, and nothing is known of them yet.
        for name in ["Gradient", "Adam"] {
            assert_eq!(find("ai.onnx.preview.training", name).unwrap().role(0), None);
        }
    }

    #[test]
    fn an_operand_has_the_role_that_its_row_says() {
        let role = |domain, name, position| find(domain, name).unwrap().role(position);
        assert_eq!([0, 1, 2, 3].map(|at| role("", "Conv", at).unwrap()), {
            use Role::{Fixed, Parameter, Weight};
            [Parameter, Weight, Parameter, Fixed]
        });
        assert_eq!(role("", "Add", 5), Some(Role::Parameter), "nothing else is done with a constant");
        assert_eq!(role("", "Range", 0), Some(Role::Fixed));
        assert_eq!(role("com.microsoft", "Attention", 1), Some(Role::Weight));
        assert_eq!(role("", "SequenceMap", 0), Some(Role::Fixed));
        assert_eq!(role("ai.onnx.ml", "SVMClassifier", 0), None);
    }
}
