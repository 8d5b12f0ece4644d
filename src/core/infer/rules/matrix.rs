//! Matrix products.

use std::collections::BTreeMap;

use super::super::context::Context;
use super::super::fact::{Answer, Known, Shape, fault, one};
use super::super::merge;
use crate::graph::{DType, Dim, shape_text};
use crate::words::counted;

/// Infers NumPy's `matmul`: the last two dimensions are matrices, those before are broadcast; a vector loses its
/// dimension.
pub(crate) fn product(cx: &Context, dtype: Option<DType>, left: usize, right: usize) -> Answer {
    one(dtype, || {
        let (a, b) = (cx.shape_from_rank(left, 1)?, cx.shape_from_rank(right, 1)?);
        let (rows, inner) = a.split_at(a.len() - 1);
        let (batch_a, rows) = rows.split_at(rows.len().saturating_sub(1));
        let (batch_b, other, columns) = match b {
            [only] => (&[][..], only, None),
            [batch @ .., inner, columns] => (batch, inner, Some(columns)),
            [] => return fault("the second matrix is a scalar"),
        };
        if merge::dims(&inner[0], other).is_none() {
            return fault(format!("{} cannot be multiplied by {}", shape_text(a), shape_text(b)));
        }
        Ok(merge::broadcast(batch_a, batch_b)?.into_iter().chain(rows.iter().chain(columns).cloned()).collect())
    })
}

/// Infers `Gemm`: `[M, K]` by `[K, N]`, each optionally transposed.
pub(crate) fn gemm(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || {
        let flat = |index, flag| {
            let dims = cx.shape_of_rank(index, 2)?;
            Ok(if cx.flag(flag, false)? { [&dims[1], &dims[0]] } else { [&dims[0], &dims[1]] })
        };
        let ([m, k], [other, n]) = (flat(0, "transA")?, flat(1, "transB")?);
        merge::equal(k, other, "the inner sizes of the two matrices")?;
        let made = vec![m.clone(), n.clone()];
        if let (true, Ok(c)) = (cx.has(2) && cx.opset >= 7, cx.shape(2)) {
            let both = merge::broadcast(&made, c)?;
            if merge::shapes(&made, &both).is_none() {
                return fault(format!("{} does not broadcast to {}", shape_text(c), shape_text(&made)));
            }
        }
        Ok(made)
    })
}

/// Infers `Det`: a batch of square matrices becomes a batch of numbers.
pub(crate) fn det(cx: &Context) -> Answer {
    one(cx.dtype(0), || {
        let x = cx.shape_from_rank(0, 2)?;
        let (batch, matrix) = x.split_at(x.len() - 2);
        merge::equal(&matrix[0], &matrix[1], "the sides of the matrix")?;
        Ok(batch.to_vec())
    })
}

/// One or more dimensions in an equation: a letter, or the ellipsis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Letter(char),
    Ellipsis,
}

pub(crate) fn einsum(cx: &Context) -> Answer {
    one(cx.common_dtype(0), || einsum_shape(cx))
}

fn einsum_shape(cx: &Context) -> Known<Shape> {
    let equation: String = cx.text_or("equation", "")?.split_whitespace().collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&equation[..], None),
    };
    let operands = left.split(',').map(terms).collect::<Known<Vec<_>>>()?;
    if operands.len() != cx.inputs() {
        return fault(format!(
            "the equation {equation} has {}, not {}",
            counted(operands.len(), "operand"),
            cx.inputs()
        ));
    }
    let mut letters: Vec<(char, Dim)> = Vec::new();
    let mut dots: Shape = Vec::new();
    for (index, operand) in operands.iter().enumerate() {
        let shape = cx.shape(index)?;
        let named = operand.iter().filter(|term| **term != Term::Ellipsis).count();
        let has_dots = named < operand.len();
        if shape.len() < named || !has_dots && shape.len() != named {
            return fault(format!("the equation {equation} does not fit {}", shape_text(shape)));
        }
        let mut rest = shape;
        for term in operand {
            let width = if *term == Term::Ellipsis { shape.len() - named } else { 1 };
            let (dims, after) = rest.split_at(width);
            rest = after;
            match term {
                Term::Ellipsis => dots = merge::broadcast(&dots, dims)?,
                Term::Letter(letter) => match letters.iter_mut().find(|(known, _)| known == letter) {
                    Some((_, dim)) => match merge::broadcast_dim(dim, &dims[0]) {
                        Some(both) => *dim = both,
                        None => return fault(format!("{letter} of {equation} is both {dim} and {}", dims[0])),
                    },
                    None => letters.push((*letter, dims[0].clone())),
                },
            }
        }
    }
    let result = match right {
        Some(right) => terms(right)?,
        None => implied(&operands),
    };
    let mut shape = Vec::new();
    for term in result {
        match term {
            Term::Ellipsis => shape.extend(dots.iter().cloned()),
            Term::Letter(letter) => match letters.iter().find(|(known, _)| *known == letter) {
                Some((_, dim)) => shape.push(dim.clone()),
                None => return fault(format!("{letter} of {equation} is in no operand")),
            },
        }
    }
    Ok(shape)
}

/// Returns the implicit right side: the ellipsis, then the letters that occur once, in alphabetical order.
fn implied(operands: &[Vec<Term>]) -> Vec<Term> {
    let mut counts: BTreeMap<char, usize> = BTreeMap::new();
    let mut dots = None;
    for term in operands.iter().flatten() {
        match term {
            Term::Letter(letter) => *counts.entry(*letter).or_default() += 1,
            Term::Ellipsis => dots = Some(Term::Ellipsis),
        }
    }
    let once = counts.into_iter().filter(|(_, count)| *count == 1);
    dots.into_iter().chain(once.map(|(letter, _)| Term::Letter(letter))).collect()
}

fn terms(text: &str) -> Known<Vec<Term>> {
    let (before, after) = match text.split_once("...") {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    };
    let letters = |text: &str| {
        text.chars()
            .map(|c| if c.is_ascii_alphabetic() { Ok(Term::Letter(c)) } else { fault(format!("{c} in an equation")) })
            .collect::<Known<Vec<_>>>()
    };
    // Every operand has at most 52 letters, each possibly repeated; more cannot be dimensions of a tensor.
    if text.len() > 256 {
        return fault("the equation has an operand of more than 256 letters");
    }
    let mut all = letters(before)?;
    if let Some(after) = after {
        all.push(Term::Ellipsis);
        all.extend(letters(after)?);
    }
    Ok(all)
}
