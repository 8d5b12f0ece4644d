//! `gnet optimize` from outside.

use std::path::Path;
use std::process::{Command, Output};

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::onnx;
use tempfile::TempDir;

/// x -> Identity -> Relu -> y, and x + (1 + 2) -> z.
fn model() -> Model {
    let mut g = Graph::new("g");
    let x = g.add_value("x", Some(DType::F32), Some(vec![Dim::symbol("N"), Dim::Known(2)]));
    let [same, y, three, z] = ["same", "y", "three", "z"].map(|n| g.add_value(n, Some(DType::F32), None));
    let [one, two] = [1.0, 2.0].map(|v| g.add_initializer(format!("c{v}"), Tensor::from_f32(vec![1], &[v]).unwrap()));
    g.nodes = vec![
        Node::new("id", "Identity", vec![x], vec![same]),
        Node::new("relu", "Relu", vec![same], vec![y]),
        Node::new("sum", "Add", vec![one, two], vec![three]),
        Node::new("shift", "Add", vec![x, three], vec![z]),
    ];
    (g.inputs, g.outputs) = (vec![x], vec![y, z]);
    Model::new(g, 18)
}

fn gnet(folder: &Path, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gnet")).current_dir(folder).args(line.split_whitespace()).output().unwrap()
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.onnx"), onnx::write(&model()).unwrap()).unwrap();
    folder
}

fn ran(folder: &TempDir, line: &str) -> String {
    let output = gnet(folder.path(), line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn operations(folder: &TempDir, file: &str) -> Vec<String> {
    let model = onnx::read_file(&folder.path().join(file)).unwrap();
    model.graph.nodes.iter().map(|node| node.op_type.clone()).collect()
}

#[test]
fn the_list_runs_and_the_log_says_what_each_did() {
    let folder = folder();
    let log: serde_json::Value =
        serde_json::from_str(&ran(&folder, "optimize a.onnx -o b.onnx --format json")).unwrap();
    assert_eq!(operations(&folder, "b.onnx"), ["Relu", "Add"]);
    let passes = log["passes"].as_array().unwrap();
    let of = |name: &str| passes.iter().find(|pass| pass["pass"] == name).unwrap();
    assert_eq!(of("drop-identity")["applied"][0], "id");
    assert_eq!(of("fold-constants")["applied"][0], "sum");
    assert_eq!((&log["nodes_before"], &log["nodes"], &log["opset"]), (&4.into(), &2.into(), &18.into()));
    assert_eq!(log["bytes"], std::fs::metadata(folder.path().join("b.onnx")).unwrap().len());
    assert_eq!(log["schema_version"], 1);
    let verified = &log["verified"];
    match cfg!(feature = "tract") {
        true => assert_eq!((&verified["engine"], &verified["runs"]), (&"tract".into(), &8.into()), "{verified}"),
        false => assert!(verified["reason"].as_str().unwrap().contains("this build has no"), "{verified}"),
    }
    let log = ran(&folder, "optimize a.onnx -o b.onnx --no-verify");
    assert!(log.contains("not verified: --no-verify"), "{log}");
}

/// A file that no engine can be fed is written all the same, and the reason is said where a person looks.
#[test]
fn a_file_that_cannot_be_run_says_why_it_is_not_verified() {
    let folder = folder();
    let mut odd = model();
    (odd.graph.nodes[1].domain, odd.graph.nodes[1].op_type) = ("some.where".into(), "MapRows".into());
    odd.other_opsets.insert("some.where".into(), 1);
    std::fs::write(folder.path().join("odd.onnx"), onnx::write(&odd).unwrap()).unwrap();
    let output = gnet(folder.path(), "optimize odd.onnx -o b.onnx");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.contains("not verified: "), "{said}");
    assert!(folder.path().join("b.onnx").exists());
}

#[test]
fn constants_go_beside_the_file_and_come_back() {
    let folder = folder();
    let mut large = model();
    let weights = Tensor::from_f32(vec![500, 2], &[0.5; 1000]).unwrap();
    let w = large.graph.add_initializer("w", weights);
    let out = large.graph.add_value("out", Some(DType::F32), None);
    large.graph.nodes.push(Node::new("scale", "Mul", vec![large.graph.inputs[0], w], vec![out]));
    large.graph.outputs.push(out);
    std::fs::write(folder.path().join("large.onnx"), onnx::write(&large).unwrap()).unwrap();
    ran(&folder, "optimize large.onnx -o inside.onnx");
    let table = ran(&folder, "optimize large.onnx -o beside.onnx --external-data always");
    let names =
        || std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let data = names().find(|name| name.starts_with("beside.onnx.") && name.ends_with(".data")).unwrap();
    assert!(table.contains(&format!("and {data} beside it: 4,000 bytes of constants")), "{table}");
    assert_eq!(std::fs::metadata(folder.path().join(&data)).unwrap().len(), 4000);
    ran(&folder, "optimize beside.onnx -o back.onnx");
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(read("beside.onnx").len() < 2000 && read("back.onnx") == read("inside.onnx"));
    std::fs::remove_file(folder.path().join(&data)).unwrap();
    let output = gnet(folder.path(), "optimize beside.onnx -o back.onnx");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("beside.onnx: initializer w: its data stands beside the model in beside.onnx.")
            && said.contains("the two belong together: copy beside.onnx."),
        "{said}"
    );
    assert_eq!(read("back.onnx"), read("inside.onnx"), "what was there is left");
}

#[test]
fn passes_run_alone_in_the_order_they_are_named() {
    let folder = folder();
    let log = ran(&folder, "optimize a.onnx -o b.onnx --passes fold-constants,drop-identity --format json");
    let log: serde_json::Value = serde_json::from_str(&log).unwrap();
    let order: Vec<_> = log["passes"].as_array().unwrap().iter().map(|pass| &pass["pass"]).collect();
    assert_eq!(order, ["dead-code", "fold-constants", "drop-identity"]);
    ran(&folder, "optimize a.onnx -o b.onnx --passes drop-identity");
    assert_eq!(operations(&folder, "b.onnx"), ["Relu", "Add", "Add"]);
    ran(&folder, "optimize a.onnx -o b.onnx --outputs z --passes dead-code");
    assert_eq!(operations(&folder, "b.onnx"), ["Add", "Add"]);
}

#[test]
fn what_cannot_be_is_said_and_nothing_is_written() {
    let folder = folder();
    for (line, says) in [
        ("optimize a.onnx -o b.onnx --passes fold", "pass 'fold': is not known"),
        ("optimize a.onnx -o b.onnx --passes prune", "no output is named"),
        ("optimize a.onnx -o b.onnx --outputs q", "output q: nothing in the graph makes it"),
        ("optimize none.onnx -o b.onnx", "there is no such file"),
        ("optimize a.onnx", "--output"),
    ] {
        let output = gnet(folder.path(), line);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(error.contains(says) && !folder.path().join("b.onnx").exists(), "{line}: {error}");
    }
    assert!(
        String::from_utf8_lossy(&gnet(folder.path(), "optimize a.onnx -o b --passes x").stderr)
            .contains("use some of prune,")
    );
}

#[test]
fn every_pass_is_listed_with_a_sentence() {
    let folder = folder();
    let list: serde_json::Value = serde_json::from_str(&ran(&folder, "optimize --list --format json")).unwrap();
    let passes = list["passes"].as_array().unwrap();
    assert_eq!(passes.len(), gnet::passes::ALL.len());
    assert!(passes.iter().all(|pass| pass["about"].as_str().is_some_and(|about| about.contains(' '))));
    assert!(
        ran(&folder, "optimize --list").contains("Default, in this order: dead-code, infer-shapes, drop-identity,")
    );
}

#[cfg(feature = "tract")]
#[test]
fn sizes_are_those_of_the_comparison_and_stay_out_of_the_file() {
    let folder = folder();
    let verified = |flags: &str| {
        let log = ran(&folder, &format!("optimize a.onnx -o b.onnx --format json {flags}"));
        let log: serde_json::Value = serde_json::from_str(&log).unwrap();
        log["verified"]["sizes"].clone()
    };
    assert_eq!(verified(""), serde_json::json!(["N = 1", "N = 3"]));
    for flags in ["--dim N=5", "--input x=5x2", "--input 5,2"] {
        assert_eq!(verified(flags), serde_json::json!([]), "{flags}");
        let model = onnx::read_file(&folder.path().join("b.onnx")).unwrap();
        let input = model.graph.value(model.graph.inputs[0]).shape.clone().unwrap();
        assert_eq!(input, [Dim::symbol("N"), Dim::Known(2)], "{flags}");
    }
    for (flags, says) in [
        ("--dim K=5", "a.onnx: symbol K: no input's shape has this symbol"),
        ("--input x=5,3", "3 given for axis 1, which the file fixes at 2"),
        ("--dim N=5 --no-verify", "--dim N=5: is for the comparison, which --no-verify leaves out"),
    ] {
        let output = gnet(folder.path(), &format!("optimize a.onnx -o c.onnx {flags}"));
        let err = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && err.contains(says), "{flags}: {err}");
        assert!(!folder.path().join("c.onnx").exists());
    }
}
