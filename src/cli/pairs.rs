//! Progress of every comparison in pairs.

use gnet::ab::PairDone;

/// Returns what a pair told, on one line.
pub fn line(done: &PairDone) -> String {
    let slower = |fraction: f64| {
        let word = if fraction < 0.0 { "faster" } else { "slower" };
        format!("{:.1} % {word}", 100.0 * fraction.abs())
    };
    let told = match (done.clean, done.estimate) {
        (true, Some(estimate)) => format!("B {}; in {} so far {}", slower(done.slower), done.pairs, slower(estimate)),
        _ => "other work disturbed it; it does not count".to_owned(),
    };
    format!("pair {}: {told}", done.tried)
}
