//! MACs of operations outside ONNX's own domain: those of ONNX Runtime, and of classical machine learning.

use super::packed;
use super::roles::learned_elements;
use super::rule::{Rule, of_rank_2, times};
use super::sizes::{Counted, product, too_large};

/// Counts the MACs for the whole batch of an operation of ONNX Runtime; `None` if there is no rule.
pub(super) fn microsoft(rule: &Rule) -> Option<Counted<u64>> {
    let node = rule.node;
    Some(match node.op_type.as_str() {
        "FusedConv" | "NhwcConv" | "NhwcFusedConv" | "CausalConvWithState" => rule.convolution(1),
        "QLinearConv" => rule.convolution(3),
        "ConvTransposeWithDynamicPads" => rule.transposed_convolution(),
        "FusedGemm" | "QGemm" | "GemmFloat8" => rule.gemm(),
        "MatMulIntegerToFloat" | "DynamicQuantizeMatMul" | "MatMulInteger16" | "GemmFastGelu" | "MatMulFpQ4" => {
            rule.matrix_product()
        }
        "FusedMatMul" | "FusedMatMulActivation" | "TransposeMatMul" | "SparseToDenseMatMul" => {
            rule.fused_matrix_product()
        }
        "MatMulNBits" | "MatMulBnb4" => columns(rule, &[("N", 1)]),
        "MatMulNBitsMlp" => columns(rule, &[("N", 2)]),
        "MatMulNBitsQkv" => columns(rule, &[("Nq", 1), ("Nkv", 2)]),
        "DynamicQuantizeLSTM" => rule.recurrent(),
        "Attention" => projected_attention(rule, 4),
        "QAttention" => projected_attention(rule, 8),
        "MultiHeadAttention" => multi_head_attention(rule),
        "GroupQueryAttention" => grouped_attention(rule),
        "MoE" => experts(rule, &[2, 4, 6]),
        "QMoE" => experts(rule, &[2, 5, 8]),
        _ => return None,
    })
}

/// Does the same for an operation of classical machine learning: each row of the input is multiplied with each
/// coefficient and support vector.
pub(super) fn ml(rule: &Rule) -> Option<Counted<u64>> {
    let learned = |name: &str| learned_elements(rule.node, name);
    let numbers = match rule.node.op_type.as_str() {
        "LinearClassifier" | "LinearRegressor" => learned("coefficients"),
        "SVMClassifier" | "SVMRegressor" => learned("coefficients").saturating_add(learned("support_vectors")),
        _ => return None,
    };
    Some(rows(rule).and_then(|rows| product(&[rows, numbers])))
}

/// Returns the number of rows of the first operand, where a vector is one.
fn rows(rule: &Rule) -> Counted<u64> {
    let dims = rule.operand(0)?;
    product(&dims[..dims.len().saturating_sub(1)])
}

/// Multiplies each element of the first operand with the number of columns: that of an attribute, times a factor.
fn columns(rule: &Rule, columns: &[(&str, u64)]) -> Counted<u64> {
    let mut all = 0u64;
    for (name, times) in columns {
        all = packed::size(rule.node, name)?
            .checked_mul(*times)
            .and_then(|n| all.checked_add(n))
            .ok_or_else(too_large)?;
    }
    times(&rule.operand(0)?, &[all])
}

/// Counts attention with projection: queries, keys and values are projected from the input by one matrix; then each
/// query is multiplied with each key, including past ones.
fn projected_attention(rule: &Rule, past: usize) -> Counted<u64> {
    let (x, w) = (rule.operand(0)?, rule.of_rank_2(1)?);
    let [items, length, _] = x[..] else { return Err("its input has not three dimensions".to_owned()) };
    let (query, value) = match rule.node.ints("qkv_hidden_sizes") {
        Some([query, _, value]) => (*query as u64, *value as u64),
        _ => (w[1] / 3, w[1] / 3),
    };
    let keys = length.checked_add(past_keys(rule, past, 3)?).ok_or_else(too_large)?;
    let both = query.checked_add(value).ok_or_else(too_large)?;
    let met = product(&[items, length, keys, both])?;
    times(&x, &w[1..])?.checked_add(met).ok_or_else(too_large)
}

/// Returns the length of a state of earlier keys, 0 without one.
fn past_keys(rule: &Rule, position: usize, axis: usize) -> Counted<u64> {
    match rule.node.input(position) {
        None => Ok(0),
        Some(_) => {
            rule.operand(position)?.get(axis).copied().ok_or_else(|| "its past has too few dimensions".to_owned())
        }
    }
}

/// Counts multi-head attention: each query is multiplied with each key and weights each value; they may come in one
/// tensor.
fn multi_head_attention(rule: &Rule) -> Counted<u64> {
    let query = rule.operand(0)?;
    let keys = |dims: &[u64]| match dims {
        [_, length, _] | [_, _, length, _] | [_, length, _, _, _] => Ok(*length),
        _ => Err("its keys have another form".to_owned()),
    };
    let width = |dims: &[u64]| match dims {
        [_, _, width] => Ok(*width),
        [_, heads, _, width] | [_, _, heads, _, width] => product(&[*heads, *width]),
        _ => Err("its values have another form".to_owned()),
    };
    let (rows, of_query) = match query[..] {
        [items, length, width] => (product(&[items, length])?, width),
        [items, length, heads, 3, width] => (product(&[items, length])?, product(&[heads, width])?),
        _ => return Err("its queries have another form".to_owned()),
    };
    let key = if rule.node.input(1).is_some() { rule.operand(1)? } else { query.clone() };
    let value = if rule.node.input(2).is_some() { rule.operand(2)? } else { key.clone() };
    let keys = keys(&key)?.checked_add(past_keys(rule, 6, 2)?).ok_or_else(too_large)?;
    let both = of_query.checked_add(width(&value)?).ok_or_else(too_large)?;
    product(&[rows, keys, both])
}

/// Does the same with fewer heads of keys and values than of queries, which come in three tensors or in one.
fn grouped_attention(rule: &Rule) -> Counted<u64> {
    let query = rule.operand(0)?;
    let [items, length, width] = query[..] else { return Err("its queries have not three dimensions".to_owned()) };
    let (heads, groups) = (packed::size(rule.node, "num_heads")?, packed::size(rule.node, "kv_num_heads")?);
    let width = match rule.node.input(1) {
        Some(_) => width,
        None => (width / heads.saturating_add(groups.saturating_mul(2)).max(1)).saturating_mul(heads),
    };
    let keys = length.checked_add(past_keys(rule, 3, 2)?).ok_or_else(too_large)?;
    product(&[items, length, keys, width, 2])
}

/// Counts a mixture of experts: each row passes through `k` of them.
fn experts(rule: &Rule, matrices: &[usize]) -> Counted<u64> {
    let chosen = rule.node.int("k").and_then(|k| u64::try_from(k).ok()).unwrap_or(1);
    let mut of_one = 0u64;
    for position in matrices.iter().filter(|position| rule.node.input(**position).is_some()) {
        let stored = of_rank_2(rule.operand(*position)?)?;
        let graph = rule.sizes.graph();
        let dtype = rule.node.input(*position).and_then(|id| graph.value(id).dtype);
        let dtype = dtype.ok_or("the element type of its experts is not known")?;
        let all = packed::weights(graph, rule.node, *position, dtype, product(&stored)?)?;
        of_one = all.checked_div(stored[0]).and_then(|one| of_one.checked_add(one)).ok_or_else(too_large)?;
    }
    product(&[rows(rule)?, chosen, of_one])
}
