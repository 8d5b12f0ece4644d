//! Matrix products.

use super::Operation;
use super::call::{Call, one};
use super::index::{broadcast, broadcast_index, positions, ravel};
use super::numbers::{Array, Numbers, of_floats, of_wholes};
use crate::Result;
use crate::graph::{DType, Tensor};

pub(super) fn find(op_type: &str) -> Option<Operation> {
    Some(match op_type {
        "MatMul" => mat_mul,
        "MatMulInteger" => mat_mul_integer,
        "Gemm" => gemm,
        _ => return None,
    })
}

/// Computes a product like numpy's `matmul`: vectors are rows or columns whose added axis is removed again, and all
/// axes before the last two broadcast.
fn mat_mul(call: &Call) -> Result<Vec<Tensor>> {
    one(product(call, call.array(0)?, call.array(1)?)?.tensor()?)
}

fn product(call: &Call, mut a: Array, mut b: Array) -> Result<Array> {
    let (row, column) = (a.shape.len() == 1, b.shape.len() == 1);
    if row {
        a.shape.insert(0, 1);
    }
    if column {
        b.shape.push(1);
    }
    let wrong = || call.wrong(format!("{:?} and {:?} cannot be multiplied", a.shape, b.shape));
    let ([.., rows, inner], [.., other, columns]) = (&a.shape[..], &b.shape[..]) else { return Err(wrong()) };
    if inner != other {
        return Err(wrong());
    }
    let (outer_a, outer_b) = (&a.shape[..a.shape.len() - 2], &b.shape[..b.shape.len() - 2]);
    let outer = broadcast([outer_a, outer_b]).ok_or_else(wrong)?;
    let shape = [&outer[..], &[*rows, *columns]].concat();
    call.room(&shape, *inner)?;
    // Start of the row of `a`, and of the column of `b`.
    let starts = |p: &[usize]| {
        let (outer, inside) = p.split_at(p.len() - 2);
        let at_a = (broadcast_index(outer, outer_a) * rows + inside[0]) * inner;
        (at_a, broadcast_index(outer, outer_b) * inner * columns + inside[1])
    };
    let numbers = match (&a.numbers, &b.numbers) {
        (Numbers::Float(x), Numbers::Float(y)) => {
            let sum = |(i, j): (usize, usize)| (0..*inner).map(|k| x[i + k] * y[j + k * columns]).sum();
            Numbers::Float(positions(&shape).map(|p| sum(starts(&p))).collect())
        }
        (Numbers::Whole(x), Numbers::Whole(y)) => {
            let sum = |(i, j): (usize, usize)| {
                (0..*inner).map(|k| x[i + k].wrapping_mul(y[j + k * columns])).fold(0, i128::wrapping_add)
            };
            Numbers::Whole(positions(&shape).map(|p| sum(starts(&p))).collect())
        }
        _ => return Err(call.wrong("its operands are of different kinds")),
    };
    let kept = shape.len();
    let shape = shape.into_iter().enumerate();
    let shape = shape.filter(|(i, _)| !(row && i + 2 == kept || column && i + 1 == kept)).map(|(_, size)| size);
    Ok(Array { dtype: a.dtype, shape: shape.collect(), numbers })
}

/// Computes a product of integers minus their zero points: one for all, one for each row of `a`, or one for each column
/// of `b`.
fn mat_mul_integer(call: &Call) -> Result<Vec<Tensor>> {
    let shifted = |index: usize, by_row: bool| -> Result<Array> {
        let (x, zero) = (call.array(index)?, call.optional_array(index + 2)?);
        let Some(mut zero) = zero else { return Ok(x) };
        if by_row && zero.shape.len() == 1 {
            zero.shape.push(1);
        }
        if broadcast([&x.shape[..], &zero.shape[..]]).as_ref() != Some(&x.shape) {
            return Err(call.wrong("a zero point does not fit its input"));
        }
        let (values, zeros) = (x.wholes()?, zero.wholes()?);
        let less = |(i, p): (usize, Vec<usize>)| values[i] - zeros[broadcast_index(&p, &zero.shape)];
        let values = positions(&x.shape).enumerate().map(less).collect();
        Ok(Array { numbers: Numbers::Whole(values), ..x })
    };
    let made = product(call, shifted(0, true)?, shifted(1, false)?)?;
    one(of_wholes(DType::I32, made.shape.clone(), made.wholes()?.to_vec())?)
}

/// Computes `alpha A B + beta C`, with either matrix optionally transposed and `C` broadcast to the result.
fn gemm(call: &Call) -> Result<Vec<Tensor>> {
    let (a, b, c) = (call.array(0)?, call.array(1)?, call.optional_array(2)?);
    let ([_, _], [_, _]) = (&a.shape[..], &b.shape[..]) else { return Err(call.wrong("takes matrices")) };
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 1.0));
    let turned =
        |shape: &[usize], flag: &str| if call.flag(flag) { [shape[1], shape[0]] } else { [shape[0], shape[1]] };
    let ([rows, inner], [other, columns]) = (turned(&a.shape, "transA"), turned(&b.shape, "transB"));
    if inner != other {
        return Err(call.wrong(format!("{:?} and {:?} cannot be multiplied", a.shape, b.shape)));
    }
    let shape = vec![rows, columns];
    call.room(&shape, inner)?;
    let (x, y) = (a.to_f64(), b.to_f64());
    let at = |values: &[f64], shape: &[usize], flag: &str, i: usize, j: usize| {
        values[if call.flag(flag) { ravel(&[j, i], shape) } else { ravel(&[i, j], shape) }]
    };
    let bias = |p: &[usize]| match &c {
        Some(c) => beta * c.to_f64()[broadcast_index(p, &c.shape)],
        None => 0.0,
    };
    if c.as_ref().is_some_and(|c| broadcast([&shape[..], &c.shape[..]]).as_ref() != Some(&shape)) {
        return Err(call.wrong("the bias does not broadcast to the result"));
    }
    let element = |p: Vec<usize>| {
        let term = |k| at(&x, &a.shape, "transA", p[0], k) * at(&y, &b.shape, "transB", k, p[1]);
        alpha * (0..inner).map(term).sum::<f64>() + bias(&p)
    };
    one(of_floats(a.dtype, shape.clone(), positions(&shape).map(element).collect())?)
}
