//! Several comparisons that stand or fall together.

use super::record::{Comparison, Verdict};
use gnet_core::stats::{SequentialPlan, holm};

/// Returns the verdict of each comparison among all of them, with its p value of "slower than allowed" adjusted by Holm:
/// the risk that any row that is not slower is called so is that of a single comparison, 1 %. Rows that are not slower
/// need no such care: that all of them pass is wrong no more often than that one of them does.
pub fn family(rows: &[&Comparison]) -> Vec<(Verdict, f64)> {
    let alpha = SequentialPlan::allowing(0.0).fail_alpha;
    let adjusted = holm(&rows.iter().map(|row| row.p_slower).collect::<Vec<_>>());
    let judged = |(row, p): (&&Comparison, f64)| match row.verdict {
        _ if p <= alpha => (Verdict::Slower, p),
        Verdict::Slower => (Verdict::Undecided, p),
        other => (other, p),
    };
    rows.iter().zip(adjusted).map(judged).collect()
}
