//! Judges whether a pass changed a result, as the reference evaluator computes it before and after.

use gnet_core::graph::{Model, Tensor};
use gnet_core::passes::{self, ALL, FREEZE_DEFAULTS, PRUNE, Pass, PassOptions, Rewrites};
use gnet_core::reference;

use super::generate::Sample;

/// Distance by which a pass that is not exact may move a result, relative to the largest number in it.
const TOLERANCE: f32 = 1e-4;

pub fn computed(model: &Model, input: &Tensor) -> Vec<Tensor> {
    reference::run(model, std::slice::from_ref(input)).unwrap()
}

/// As [`computed`], of a model that a pass may have broken.
pub fn rewritten(model: &Model, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
    reference::run(model, inputs).map_err(|e| e.to_string())
}

/// Describes the difference between the results, if any: in a bit, or by more than rounding.
pub fn difference(before: &[Tensor], after: &[Tensor], exact: bool) -> Option<String> {
    if before.len() != after.len() {
        return Some(format!("{} results became {}", before.len(), after.len()));
    }
    before.iter().zip(after).enumerate().find_map(|(i, (a, b))| {
        if a.shape() != b.shape() || a.dtype() != b.dtype() {
            return Some(format!("result {i}: {a:?} became {b:?}"));
        }
        if exact {
            return (a != b).then(|| format!("result {i} differs in a bit"));
        }
        let (a, b) = (a.to_f32()?, b.to_f32()?);
        let scale = a.iter().fold(1e-3f32, |m, v| m.max(v.abs()));
        // A NaN is not close to anything.
        let close = |(a, b): &(&f32, &f32)| (*a - *b).abs() <= TOLERANCE * scale;
        let far = a.iter().zip(&b).find(|pair| !close(pair));
        far.map(|(a, b)| format!("result {i}: {a} became {b}"))
    })
}

/// Runs passes on a copy, and says what differs afterwards.
pub fn violation(sample: &Sample, passes: &[Pass], exact: bool) -> Result<(Model, Vec<Rewrites>), String> {
    let before = computed(&sample.model, &sample.input);
    let mut model = sample.model.clone();
    let log = passes::run(&mut model, passes, &PassOptions::default()).map_err(|e| e.to_string())?;
    match difference(&before, &rewritten(&model, std::slice::from_ref(&sample.input))?, exact) {
        Some(difference) => Err(difference),
        None => Ok((model, log)),
    }
}

/// Every pass that needs no words of its own.
pub fn each() -> impl Iterator<Item = Pass> {
    ALL.into_iter().filter(|pass| ![PRUNE.name, FREEZE_DEFAULTS.name].contains(&pass.name))
}
