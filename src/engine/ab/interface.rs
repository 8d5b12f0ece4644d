//! Whether two files are the same to their caller.

use gnet_core::graph::{Graph, Value, ValueId, shape_text};
use gnet_core::{Error, OnnxFile, Result};

/// Refuses files with other inputs or outputs than each other: names, types and shapes.
///
/// # Errors
/// Fails on a file that cannot be read, and with the first difference.
pub fn same_interface(a: &OnnxFile, b: &OnnxFile) -> Result<()> {
    let (a, b) = (&a.model()?.graph, &b.model()?.graph);
    same("input", &ports(a, &a.inputs), &ports(b, &b.inputs))?;
    same("output", &ports(a, &a.outputs), &ports(b, &b.outputs))
}

fn same(what: &str, a: &[String], b: &[String]) -> Result<()> {
    let differ = a.iter().zip(b).find(|(a, b)| a != b);
    let reason = match differ {
        Some((a, b)) => format!("its {what} is {b} and A's is {a}"),
        None if a.len() != b.len() => format!("its {what}s are {} and A's {}", b.len(), a.len()),
        None => return Ok(()),
    };
    Err(Error::input("arm B", reason))
}

/// Returns what can be seen of values from outside: `x f32 Nx1x28x28`. A symbol's name is not part of it.
fn ports(graph: &Graph, ids: &[ValueId]) -> Vec<String> {
    let port = |value: &Value| {
        let dtype = value.dtype.map_or("?".to_owned(), |dtype| dtype.to_string());
        let shape = value.shape.as_ref().map_or("?".to_owned(), |shape| {
            let open = |dim: &gnet_core::graph::Dim| match dim.known() {
                Some(_) => dim.clone(),
                None => gnet_core::graph::Dim::Unknown,
            };
            shape_text(&shape.iter().map(open).collect::<Vec<_>>()).to_string()
        });
        format!("{} {dtype} {shape}", value.name)
    };
    ids.iter().map(|id| port(graph.value(*id))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> OnnxFile {
        OnnxFile::open(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(name))
            .unwrap()
    }

    #[test]
    fn files_of_another_interface_are_told_apart() {
        same_interface(&file("dynamic.onnx"), &file("dynamic.onnx")).unwrap();
        let error = same_interface(&file("dynamic.onnx"), &file("fixed.onnx")).unwrap_err();
        assert!(
            error.to_string().starts_with("arm B: its input is x f32 2 x 2 x 5 x 5 and A's is x f32 ? x"),
            "{error}"
        );
        let error = same_interface(&file("dynamic.onnx"), &file("two_inputs.onnx")).unwrap_err();
        assert!(error.to_string().starts_with("arm B: its input"), "{error}");
    }
}
