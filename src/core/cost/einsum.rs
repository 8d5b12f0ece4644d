//! Products of an Einsum equation.

use crate::words::counted;
use std::collections::HashMap;

use super::sizes::{Counted, product};

/// Counts the MACs of an equation over operands of these shapes.
///
/// Two operands: the product of the sizes of all indices, summed over or not. One operand: there are no products. More:
/// ONNX does not specify in which order they are contracted, and the orders differ in cost.
pub(super) fn macs(equation: &str, operands: &[Vec<u64>]) -> Counted<u64> {
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let terms: Vec<&str> = equation.split("->").next().unwrap_or_default().split(',').collect();
    if terms.len() != operands.len() {
        return Err(format!(
            "its equation {equation} has {} for {}",
            counted(terms.len(), "term"),
            counted(operands.len(), "operand")
        ));
    }
    match operands.len() {
        1 => return Ok(0),
        2 => {}
        n => return Err(format!("the order in which its {} are contracted is not defined", counted(n, "operand"))),
    }
    let mut indices: HashMap<Index, u64> = HashMap::new();
    for (term, dims) in terms.iter().zip(operands) {
        let labels =
            labels(term, dims.len()).ok_or_else(|| format!("its equation {equation} does not fit its operands"))?;
        for (label, size) in labels.into_iter().zip(dims) {
            let known = indices.entry(label).or_insert(*size);
            // An index of size 1 is broadcast to the size in the other operand.
            *known = if *known == 1 { *size } else { *known };
        }
    }
    product(&indices.into_values().collect::<Vec<_>>())
}

/// A letter, or a dimension that the ellipsis stands for, counted from the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Index {
    Letter(char),
    Dots(usize),
}

/// Returns one index per dimension of an operand; `None` if term and rank do not match.
fn labels(term: &str, rank: usize) -> Option<Vec<Index>> {
    let letters = |part: &str| part.chars().map(Index::Letter).collect::<Vec<_>>();
    let Some((before, after)) = term.split_once("...") else {
        return Some(letters(term)).filter(|labels| labels.len() == rank);
    };
    let (before, after) = (letters(before), letters(after));
    let dots = rank.checked_sub(before.len() + after.len())?;
    Some([before, (0..dots).rev().map(Index::Dots).collect(), after].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_operands_cost_the_product_of_their_indices() {
        for (equation, a, b, macs) in [
            ("ij,jk->ik", vec![2, 3], vec![3, 4], 24),
            ("bij , bjk -> bik", vec![5, 2, 3], vec![5, 3, 4], 120),
            ("bhwc,hkc->bhwk", vec![2, 3, 4, 5], vec![3, 7, 5], 2 * 3 * 4 * 5 * 7),
            ("...ij,...jk->...ik", vec![6, 2, 3], vec![3, 4], 144),
            ("...ij,...jk", vec![1, 6, 2, 3], vec![8, 1, 3, 4], 8 * 6 * 24),
            ("i,i->", vec![9], vec![9], 9),
            ("i,j->ij", vec![9], vec![0], 0),
        ] {
            assert_eq!(super::macs(equation, &[a, b]), Ok(macs), "{equation}");
        }
        assert_eq!(macs("ij->ji", &[vec![2, 3]]), Ok(0));
    }

    #[test]
    fn what_cannot_be_counted_is_said() {
        for (equation, operands, says) in [
            ("ij,jk,kl->il", vec![vec![2, 2]; 3], "order"),
            ("ij,jk", vec![vec![2, 2]], "2 terms for 1 operand"),
            ("ij,jk", vec![vec![2], vec![2, 2]], "does not fit"),
            ("ijk...,jk", vec![vec![2, 2], vec![2, 2]], "does not fit"),
            ("i,j", vec![vec![u64::MAX], vec![2]], "too large"),
        ] {
            let reason = macs(equation, &operands).unwrap_err();
            assert!(reason.contains(says), "{equation}: {reason}");
        }
    }
}
