//! Many tests at once: Holm's step-down procedure.

/// Adjusts p values so that rejecting those of at most alpha rejects a true hypothesis with a probability of at most
/// alpha in the whole family, however the tests depend on each other (Holm 1979). The result is in the order of `p`.
///
/// ```
/// # use gnet_core as gnet;
/// assert_eq!(gnet::stats::holm(&[0.01, 0.5, 0.02]), [0.03, 0.5, 0.04]);
/// ```
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    let mut adjusted = vec![1.0; p.len()];
    let mut least = 0.0_f64;
    for (before, row) in order.into_iter().enumerate() {
        least = least.max(p[row] * (p.len() - before) as f64).min(1.0);
        adjusted[row] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adjusted_values_are_those_of_r() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.2), method = "holm")
        let found = holm(&[0.01, 0.04, 0.03, 0.005, 0.2]);
        for (found, known) in found.iter().zip([0.04, 0.09, 0.09, 0.025, 0.2]) {
            assert!((found - known).abs() < 1e-12, "{found} is {known}");
        }
        assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
        assert_eq!(holm(&[0.004]), [0.004], "a single test pays nothing");
        assert!(holm(&[]).is_empty());
    }
}
