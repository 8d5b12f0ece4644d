//! Everything done with a file: reading, counting, rewriting, writing. Shared with the fuzz targets.

use gnet_core::graph::{Model, Sizes};
use gnet_core::infer::infer;
use gnet_core::{Result, cost, onnx, passes};

/// Reads the bytes of a model and does everything with it that gnet can do.
///
/// # Errors
/// Returns the reader's refusal. Later steps may refuse as well, which is ignored here.
///
/// # Panics
/// Panics on anything that must never happen with a file that was accepted.
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
    let Ok(found) = infer(&mut once, &Sizes::default()) else { return };
    once.graph.check().expect("inference leaves the graph as it was");
    counted(&once);
    let mut again = once.clone();
    let second = infer(&mut again, &Sizes::default()).expect("what was inferred once is inferred again");
    assert_eq!((second.known, second.unknown), (found.known, found.unknown), "a second inference says something else");
    // An attribute may be NaN, which is not equal to itself: what inference says is said of values.
    let stated = |model: &Model| -> Vec<_> {
        let graphs = model.graph.with_subgraphs();
        graphs.iter().flat_map(|graph| graph.values().map(|(_, value)| value.clone()).collect::<Vec<_>>()).collect()
    };
    assert!(stated(&again) == stated(&once), "a second inference changes what the first found");
}

/// Checks that a model that was read can be written, and that writing the result again changes nothing.
pub fn written_back(model: &Model) {
    let Ok(bytes) = onnx::write(model) else { return };
    let back = onnx::read(bytes.clone().into()).expect("what gnet writes, gnet reads");
    assert!(onnx::write(&back).expect("what was written once is written again") == bytes, "a second writing differs");
}

/// Each pass alone, and all that run by default: the graph holds, asks for the same and hands back the same.
pub fn rewritten(model: &Model) {
    let outputs: Vec<_> = ends(model)[1].iter().map(|name| (*name).to_owned()).collect();
    let prunable = !outputs.is_empty();
    let options = passes::PassOptions { outputs, ..Default::default() };
    let lists = passes::ALL.iter().map(std::slice::from_ref).chain([&passes::DEFAULT[..]]);
    let mut unchanged_seen = false;
    for list in lists.filter(|list| prunable || list[0].name != passes::PRUNE.name) {
        let mut rewritten = model.clone();
        let ran = passes::run(&mut rewritten, list, &options);
        // Only what has been asked for by name can be refused.
        match ran {
            Err(_) if list[0].name == passes::PRUNE.name => continue,
            Err(reason) => panic!("{}: {reason}", list[0].name),
            Ok(_) => {}
        }
        rewritten.graph.check().expect("a pass leaves a graph that holds");
        assert_eq!(ends(&rewritten), ends(model), "after {}", list[0].name);
        // What passes left as it was is written and read once.
        if rewritten == *model && std::mem::replace(&mut unchanged_seen, true) {
            continue;
        }
        let bytes = onnx::write(&rewritten).expect("what a pass made can be written");
        onnx::read(bytes.into()).expect("what a pass made can be read");
    }
}

/// The names of what a model asks for and hands back.
fn ends(model: &Model) -> [Vec<&str>; 2] {
    [&model.graph.inputs, &model.graph.outputs]
        .map(|ids| ids.iter().map(|id| model.graph.value(*id).name.as_str()).collect())
}
