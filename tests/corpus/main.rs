//! Every model that the Python package `onnx` tests its backends with: read, written, and compared by the package.
//!
//! `scripts/oracle` makes the Python environment. Without it these tests say so and pass, unless `GNET_ORACLE=required`.
//! tests/oracle/corpus.py says what counts as equal. `scripts/onnx-corpus` prints the counts and keeps them as JSON.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod classics;
mod judge;
mod operators;
#[path = "../oracle/python.rs"]
mod python;
mod reference;
mod round_trip;
mod shapes;

use judge::Judge;
use round_trip::Tally;
use shapes::Shapes;

#[test]
fn every_model_is_written_as_it_was_read() {
    let Some(judge) = Judge::new() else { return };
    let corpus = judge.corpus();
    assert!(corpus.files.len() > 2000, "the package holds {} models", corpus.files.len());
    let tally = Tally::of(&judge, &corpus);
    eprintln!("{tally}");
    tally.keep();
    let wrong: Vec<_> = tally.cases.iter().filter(|case| case.outcome.is_wrong()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(tally.refused(), 0, "every model of the package was read");
}

/// Values of which the package knows more than gnet. The number may only fall.
const LESS: usize = 63;

/// Values on which both have to agree, so that nothing passes by saying nothing.
const EQUAL: usize = 17_000;

#[test]
fn shapes_are_those_that_the_package_infers() {
    let Some(judge) = Judge::new() else { return };
    let shapes = Shapes::of(&judge, &judge.corpus());
    eprintln!("{shapes}");
    shapes.keep();
    assert!(shapes.panics.is_empty(), "{:#?}", shapes.panics);
    assert!(shapes.contradictions.is_empty(), "{:#?}", shapes.contradictions);
    assert!(shapes.less() <= LESS && shapes.equal() >= EQUAL, "{shapes}");
}

#[test]
fn the_comparison_catches_what_is_planted() {
    let Some(judge) = Judge::new() else { return };
    let (pairs, places) = judge.planted();
    let verdicts = judge.compare(&pairs);
    assert!(places.iter().filter(|place| place.is_some()).count() > 10);
    for ((pair, place), differences) in pairs.iter().zip(&places).zip(&verdicts) {
        match place {
            None => assert!(differences.is_empty(), "{}: {differences:?}", pair.name),
            Some(place) => {
                assert!(differences.iter().any(|d| d.contains(place)), "{}, {place}: {differences:?}", pair.name);
            }
        }
    }
}
