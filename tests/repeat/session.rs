//! Repeatability of sessions: the same outputs for the same inputs, whatever ran before.

use gnet::runtime::{self, Array, EngineOptions, Provider, Session};

/// The engines at hand: tract, and ONNX Runtime where a library of it is found: the one of `GNET_TEST_ORT_LIB`, else any.
pub fn engines() -> Vec<(Provider, EngineOptions)> {
    let mut engines = vec![(Provider::Tract, EngineOptions::default())];
    if cfg!(feature = "ort") {
        engines.extend(onnx_runtime().map(|options| (Provider::Cpu, options)));
    }
    engines
}

#[cfg(feature = "ort")]
fn onnx_runtime() -> Option<EngineOptions> {
    let ort_lib = std::env::var_os("GNET_TEST_ORT_LIB").map(Into::into);
    let engine = EngineOptions { ort_lib, ..EngineOptions::default() };
    match runtime::library(&engine) {
        Ok(_) => Some(engine),
        Err(error) => {
            let required = std::env::var("GNET_ORT_TESTS").is_ok_and(|value| value == "required");
            assert!(!required && engine.ort_lib.is_none(), "{error}");
            eprintln!("not tested in ONNX Runtime: {error}");
            None
        }
    }
}

#[cfg(not(feature = "ort"))]
fn onnx_runtime() -> Option<EngineOptions> {
    None
}

/// Runs a session twice, and a third time after other inputs, on which it may fail. Says what is not the same as in the
/// first run, bit for bit; an error is that of the first run.
pub fn differs(session: &mut dyn Session, inputs: &[Array], others: &[Array]) -> gnet::Result<Option<String>> {
    session.bind(inputs)?;
    session.run()?;
    let first = bits(&session.outputs()?);
    let again = |session: &mut dyn Session| session.run().and_then(|()| session.outputs()).map(|found| bits(&found));
    let second = again(session);
    let _ = session.bind(others).and_then(|()| session.run());
    let third = session.bind(inputs).and_then(|()| again(session));
    let runs = [("second run", second), ("run after other inputs", third)];
    Ok(runs.into_iter().find_map(|(which, found)| match found {
        Ok(found) if found == first => None,
        Ok(found) => Some(format!("the {which} gives {found:x?} and not {first:x?}")),
        Err(error) => Some(format!("the {which} fails: {error}")),
    }))
}

fn bits(arrays: &[Array]) -> Vec<(Vec<usize>, Vec<u32>)> {
    let bits = |array: &Array| array.data.iter().map(|value| value.to_bits()).collect();
    arrays.iter().map(|array| (array.shape.clone(), bits(array))).collect()
}
