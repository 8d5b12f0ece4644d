//! What a file goes through: reading, counting, rewriting, writing. Shared with the fuzz targets.

use gnet::graph::Model;
use gnet::infer::{Overrides, infer};
use gnet::{Result, cost, onnx, passes};

/// Reads the bytes of a model and does with it what gnet can do.
///
/// # Errors
/// The reader's refusal. What comes after may refuse as well, which is no news here.
///
/// # Panics
/// Something that may never happen with a file that was accepted.
pub fn exercise(bytes: &[u8]) -> Result<()> {
    survive(&onnx::read(bytes.to_vec().into())?);
    Ok(())
}

/// Does with a model what gnet can do.
pub fn survive(model: &Model) {
    model.graph.check().expect("what the reader accepts holds");
    counted(model);
    inferred(model);
    written_back(model);
    rewritten(model);
}

/// Counting ends, with a count or a refusal.
pub fn counted(model: &Model) {
    let _ = cost::count(&model.graph);
}

/// Inference ends, with shapes or a refusal; what it found holds, and a second time finds the same.
pub fn inferred(model: &Model) {
    let mut once = model.clone();
    let Ok(found) = infer(&mut once, &Overrides::default()) else { return };
    once.graph.check().expect("inference leaves the graph as it was");
    counted(&once);
    let mut again = once.clone();
    let second = infer(&mut again, &Overrides::default()).expect("what was inferred once is inferred again");
    assert!(second.known >= found.known, "{} values were known, now {}", found.known, second.known);
}

/// What was read can be written, and writing what was written changes nothing.
pub fn written_back(model: &Model) {
    let Ok(bytes) = onnx::write(model) else { return };
    let back = onnx::read(bytes.clone().into()).expect("what gnet writes, gnet reads");
    assert!(onnx::write(&back).expect("what was written once is written again") == bytes, "a second writing differs");
}

/// The passes leave a graph that holds, or refuse.
pub fn rewritten(model: &Model) {
    let mut model = model.clone();
    if let Err(reason) = passes::run(&mut model, &passes::ALL, &passes::Options::default()) {
        panic!("a pass failed: {reason}");
    }
}
