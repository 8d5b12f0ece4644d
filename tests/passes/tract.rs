//! An engine that knows nothing of gnet computes the same before and after.

use gnet::OnnxFile;
use gnet::graph::{Model, Tensor};
use gnet::passes::{self, DEAD_CODE, DEFAULT, PassOptions};
use gnet::runtime::{self, Array, Provider, RunOptions};

use super::generate::{Sample, network, series};
use super::judge::computed;

/// Sums in f32 against sums in f64, through some twenty layers.
const TOLERANCE: f32 = 1e-3;

fn in_tract(model: &Model, input: &Tensor) -> gnet::Result<Vec<Array>> {
    let batch = input.shape()[0];
    let mut session = runtime::load(Provider::Tract, &OnnxFile::of_model(model.clone()), &RunOptions::new(1, batch))?;
    runtime::run(session.as_mut(), &Array::new(input.shape().to_vec(), input.to_f32().unwrap())?)
}

fn agree(expected: &[Tensor], found: &[Array]) -> bool {
    expected.len() == found.len()
        && expected.iter().zip(found).all(|(e, f)| {
            let values = e.to_f32().unwrap();
            let scale = values.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
            let close = |(a, b): (&f32, &f32)| a == b || (a - b).abs() <= TOLERANCE * scale;
            e.shape() == f.shape && values.iter().zip(&f.data).all(close)
        })
}

#[test]
fn tract_computes_the_same_before_and_after() {
    let (mut compared, mut refused) = (0, Vec::new());
    for number in 0..150 {
        let Sample { mut model, input } = network(&series(number));
        let expected = computed(&model, &input);
        passes::run(&mut model, &[DEAD_CODE], &PassOptions::default()).unwrap();
        let before = match in_tract(&model, &input) {
            Ok(found) => found,
            Err(error) => {
                refused.push(error.to_string());
                continue;
            }
        };
        assert!(agree(&expected, &before), "network {number}: the reference and tract differ");
        passes::run(&mut model, &DEFAULT, &PassOptions::default()).unwrap();
        let after = in_tract(&model, &input).unwrap_or_else(|e| panic!("network {number} after the passes: {e}"));
        assert!(agree(&expected, &after), "network {number}: tract differs after the passes");
        compared += 1;
    }
    assert!(compared >= 100, "tract took {compared} of 150 networks: {refused:#?}");
}
