//! Attention and related operations.

use super::super::context::Context;
use super::super::fact::{Answer, Fact, Known, Shape, fault, one};
use super::super::merge;
use super::super::number::Num;
use super::constant::size;
use crate::graph::Dim;
use crate::words::counted;

/// One input of an attention, viewed as `[batch, heads, length, width]`.
struct Heads {
    batch: Dim,
    heads: Dim,
    length: Dim,
    width: Dim,
}

impl Heads {
    /// Creates the view: a tensor of 4 dimensions already has this form; one of 3 is `[batch, length, heads * width]`.
    fn new(cx: &Context, index: usize, heads: &str) -> Known<Self> {
        match cx.shape(index)? {
            [batch, heads, length, width] => {
                let [batch, heads, length, width] = [batch, heads, length, width].map(Dim::clone);
                Ok(Self { batch, heads, length, width })
            }
            [batch, length, all] => {
                let count = Num::Int(positive(cx, heads)?);
                let width = size(&Num::from(all).div_exact(&count))?;
                Ok(Self { batch: batch.clone(), heads: size(&count)?, length: length.clone(), width })
            }
            other => fault(format!("input {} has {}, not 3 or 4", cx.name(index), counted(other.len(), "dimension"))),
        }
    }
}

fn positive(cx: &Context, name: &str) -> Known<i64> {
    match cx.need_int(name)? {
        count @ 1.. => Ok(count),
        count => fault(format!("attribute {name} is {count}")),
    }
}

/// Infers `Attention`: the result has the form of the query, followed by the keys and values concatenated with past
/// ones, and the products.
pub(crate) fn attention(cx: &Context) -> Answer {
    let (types, [output, key, value, scores]) = ([cx.dtype(0), cx.dtype(0), cx.dtype(2), cx.dtype(0)], shapes(cx)?);
    let facts = types.into_iter().zip([output, key, value, scores]);
    Ok(facts.map(|(dtype, shape)| Fact::new(dtype, shape)).collect())
}

fn shapes(cx: &Context) -> Known<[Known<Shape>; 4]> {
    let query = Heads::new(cx, 0, "q_num_heads")?;
    let key = Heads::new(cx, 1, "kv_num_heads")?;
    let value = Heads::new(cx, 2, "kv_num_heads")?;
    let flat = cx.shape(0)?.len() == 3;
    let output = if flat {
        // With the same number of heads, the whole last dimension of the values, even if it is a symbol.
        let hidden = match cx.shape(2)? {
            [_, _, all] if query.heads == value.heads => all.clone(),
            _ => size(&Num::from(&query.heads).mul(&Num::from(&value.width)))?,
        };
        vec![query.batch.clone(), query.length.clone(), hidden]
    } else {
        vec![query.batch.clone(), query.heads.clone(), query.length.clone(), value.width.clone()]
    };
    let total = total_length(cx, &key);
    let kept = |heads: &Heads| Ok(vec![heads.batch.clone(), heads.heads.clone(), total.clone()?, heads.width.clone()]);
    let scores = total.clone().map(|total| vec![query.batch.clone(), query.heads.clone(), query.length.clone(), total]);
    Ok([Ok(output), kept(&key), kept(&value), scores])
}

/// Returns the total length of past and present keys.
fn total_length(cx: &Context, key: &Heads) -> Known<Dim> {
    if !cx.has(4) {
        return Ok(key.length.clone());
    }
    let past = cx.shape_of_rank(4, 4)?;
    merge::equal(&past[0], &key.batch, "the batches of key and past key")?;
    size(&Num::from(&past[2]).add(&Num::from(&key.length)))
}

/// Infers `LinearAttention`: `[batch, length, heads * width]` of the values, and the state.
pub(crate) fn linear_attention(cx: &Context) -> Answer {
    let output = || {
        let (query, value) = (cx.shape_of_rank(0, 3)?, Heads::new(cx, 2, "kv_num_heads")?);
        let heads = Num::Int(positive(cx, "q_num_heads")?);
        Ok(vec![query[0].clone(), query[1].clone(), size(&heads.mul(&Num::from(&value.width)))?])
    };
    let state = || {
        let (key, value) = (Heads::new(cx, 1, "kv_num_heads")?, Heads::new(cx, 2, "kv_num_heads")?);
        let state = vec![key.batch, key.heads, key.width, value.width];
        let past = if cx.has(3) { cx.shape(3).ok() } else { None };
        Ok(past.and_then(|past| merge::shapes(&state, past)).unwrap_or(state))
    };
    // Without a past state, the operator leaves its type open.
    let state_dtype = if cx.has(3) { cx.dtype(3) } else { cx.dtype(0) };
    Ok(vec![Fact::new(cx.dtype(0), output()), Fact::new(state_dtype, state())])
}

pub(crate) fn rotary(cx: &Context) -> Answer {
    one(cx.dtype(0), || match cx.shape(0)? {
        x if matches!(x.len(), 3 | 4) => Ok(x.to_vec()),
        x => fault(format!("the input has {}, not 3 or 4", counted(x.len(), "dimension"))),
    })
}
