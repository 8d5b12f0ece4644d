//! Arrays of one's own: files that NumPy wrote as inputs, files of outputs that NumPy reads, both held against onnxruntime's own
//! run of the same arrays (`tests/oracle/arrays.py`); and every file that is refused.
//!
//! `scripts/oracle` makes the Python environment. Without it the tests that need it say so and pass, unless
//! `GNET_ORACLE=required`.

use std::path::Path;
use std::process::Command;

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::{arrays, onnx};
use serde_json::{Value, json};

use super::schemas::python::interpreter;
use super::shell::{INPUT, Shell};

const BENCH: &str = "--samples 1 --min-time 0 --warmup 0";

/// A folder with `dynamic`, `two_inputs`, `tokens`, `kinds`, `half` and `wide`.
fn shell() -> Shell {
    let shell = Shell::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for name in ["dynamic", "two_inputs", "tokens", "kinds", "half"] {
        shell.write(&format!("{name}.onnx"), std::fs::read(folder.join(format!("{name}.onnx"))).unwrap());
    }
    shell.write("wide.onnx", onnx::write(&wide()).unwrap());
    shell
}

/// `y = x + 1` in 64-bit integers and `z = d * 0.1` in 64-bit floats, neither of which 32-bit floats hold.
fn wide() -> Model {
    let mut graph = Graph::new("wide");
    let one = graph.add_initializer("one", Tensor::from_i64(&[1]));
    let tenth = Tensor::new(DType::F64, vec![1], 0.1_f64.to_le_bytes().to_vec()).unwrap();
    let tenth = graph.add_initializer("tenth", tenth);
    let mut add = |name: &str, dtype| graph.add_value(name, Some(dtype), Some(vec![Dim::symbol("N")]));
    let [x, y] = ["x", "y"].map(|name| add(name, DType::I64));
    let [d, z] = ["d", "z"].map(|name| add(name, DType::F64));
    graph.nodes =
        vec![Node::new("add", "Add", vec![x, one], vec![y]), Node::new("mul", "Mul", vec![d, tenth], vec![z])];
    (graph.inputs, graph.outputs) = (vec![x, d], vec![y, z]);
    Model::new(graph, 18)
}

/// Writes an archive of zeros.
fn zeros(shell: &Shell, file: &str, given: &[(&str, &[usize])]) {
    let zeros = |shape: &[usize]| Tensor::from_f32(shape.to_vec(), &vec![0.0; shape.iter().product()]).unwrap();
    let given: Vec<_> = given.iter().map(|(name, shape)| ((*name).to_owned(), zeros(shape))).collect();
    arrays::write(&shell.path(file), &given).unwrap();
}

/// Runs the oracle's script; returns what it prints.
fn python(shell: &Shell, verb: &str) -> Option<Vec<String>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/arrays.py");
    let ran = Command::new(interpreter()?).arg(script).arg(verb).arg(shell.path("")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    Some(String::from_utf8(ran.stdout).unwrap().lines().map(str::to_owned).collect())
}

/// The engines there are, each with the flags that choose it.
fn engines() -> Vec<(&'static str, String)> {
    let tract = ("tract", "--provider tract".to_owned());
    #[cfg(feature = "ort")]
    if let Some(ort) = super::runtimes::ort() {
        return vec![tract, ("cpu", format!("--provider cpu --ort-lib {}", ort.display()))];
    }
    vec![tract]
}

#[test]
fn numpys_files_feed_a_model_and_its_outputs_are_those_of_onnxruntime() {
    let shell = shell();
    if python(&shell, "make").is_none() {
        return;
    }
    let mut written = 0;
    for (engine, flags) in engines() {
        for model in ["dynamic", "two_inputs", "tokens", "kinds", "half", "wide"] {
            // The crate behind ONNX Runtime has no tensors of half floats here.
            if (engine, model) == ("cpu", "half") {
                continue;
            }
            let forms = [".npz", "_packed.npz", "_turned.npz", ".npy", "_unnamed.npz"];
            for (number, form) in forms.iter().enumerate().filter(|(_, form)| shell.exists(&format!("{model}{form}"))) {
                let (file, out) = (format!("{model}{form}"), format!("{model}.{engine}{number}.out.npz"));
                let line = format!("bench {model}.onnx --inputs-from {file} --save-outputs {out} {flags} {BENCH}");
                let run = shell.json(&line)["runs"][0].clone();
                assert_eq!((&run["batch"], &run["arrays"]["path"]), (&json!(3), &json!(file)), "{run}");
                let fed = run["inputs"].as_array().unwrap();
                assert!(fed.iter().all(|input| input["range"] == Value::Null), "{run}");
                written += 1;
            }
        }
    }
    let said = python(&shell, "judge").unwrap();
    assert_eq!(said, [format!("judged {written}")]);
}

#[test]
fn a_verification_compares_on_the_given_arrays_and_keeps_the_outputs_of_both_sides() {
    let shell = shell();
    if python(&shell, "make").is_none() {
        return;
    }
    let mut sides = vec!["--provider tract,tract".to_owned()];
    if let Some((_, flags)) = engines().get(1) {
        sides.push(flags.replacen("cpu", "tract,cpu", 1));
    }
    let mut written = 0;
    for (number, flags) in sides.iter().enumerate() {
        for model in ["dynamic", "two_inputs", "tokens", "wide"] {
            let line = format!("verify {model}.onnx {flags} --inputs-from {model}_packed.npz");
            let found = shell.json(&format!("{line} --save-outputs {model}.both{number}.out.npz"));
            assert_eq!((&found["passed"], &found["inputs"][0]["batch"]), (&json!(true), &json!(3)), "{found}");
            assert_eq!(found["arrays"]["path"], format!("{model}_packed.npz"), "{found}");
            let rows = found["comparisons"][0]["rows"].as_array().unwrap();
            assert!(!rows.is_empty() && rows.iter().all(|row| row["inputs"] == "given"), "{found}");
            written += 1;
        }
    }
    assert_eq!(python(&shell, "judge").unwrap(), [format!("judged {written}")]);
    // What NumPy writes and no engine takes.
    for (model, file, says) in [
        ("dynamic", "objects.npz", "objects.npz: array 'x': holds Python objects, which only running code"),
        ("dynamic", "text.npy", "text.npy: holds text (<U2)"),
        ("dynamic", "records.npy", "records.npy: holds records of several fields"),
        (
            "dynamic",
            "double.npz",
            "double.npz: array 'x': is float64, and the input takes float32\n  help: convert it where it is made: x.astype(np.float32)",
        ),
        ("dynamic", "more.npz", "more.npz: array 'y': the model has no input of this name"),
        (
            "dynamic",
            "two_inputs.npz",
            "two_inputs.npz: holds no array for the input 'x'\n  help: it holds a, b, scale; save what the model takes: np.savez(FILE, **{\"x\": ..})",
        ),
        ("two_inputs", "dynamic.npy", "dynamic.npy: holds one array without a name, and the model takes 3 inputs"),
    ] {
        let says = format!("error: {says}");
        shell.refuses(&format!("bench {model}.onnx --inputs-from {file} {BENCH}"), INPUT, &[&says]);
        shell.refuses(&format!("verify {model}.onnx --provider tract,tract --inputs-from {file}"), INPUT, &[&says]);
    }
}

/// `two_inputs` computes `sum = a * scale + b` and `difference = b - a`, here exactly.
#[test]
fn outputs_are_those_of_the_given_arrays() {
    let shell = shell();
    let tensor = |shape: &[usize], values: &[f32]| Tensor::from_f32(shape.to_vec(), values).unwrap();
    let a = tensor(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let b = tensor(&[2, 3], &[0.5, 0.25, -1.0, 8.0, 0.0, 7.0]);
    let given = [("scale", tensor(&[1, 3], &[1.0, -2.0, 0.5])), ("b", b), ("a", a)];
    arrays::write(&shell.path("x.npz"), &given.map(|(name, tensor)| (name.to_owned(), tensor))).unwrap();
    let read = |file: &str, sides: &[&str]| -> Vec<Vec<f32>> {
        let names: Vec<_> =
            sides.iter().flat_map(|side| ["sum", "difference"].map(|name| format!("{side}{name}"))).collect();
        let names: Vec<_> = names.iter().map(|name| (name.as_str(), DType::F32)).collect();
        let found = arrays::Given::open(&shell.path(file)).unwrap().arrays(&names).unwrap();
        found.into_iter().map(|array| array.data).collect()
    };
    let expected = [[1.5, -3.75, 0.5, 12.0, -10.0, 10.0], [-0.5, -1.75, -4.0, 4.0, -5.0, 1.0]];
    shell.ok(&format!("bench two_inputs.onnx --inputs-from x.npz --save-outputs y.npz --threads 2 {BENCH}"));
    assert_eq!(read("y.npz", &[""]), expected);
    shell.ok("verify two_inputs.onnx --provider tract,tract,tract --inputs-from x.npz --save-outputs z.npz");
    assert_eq!(read("z.npz", &["reference/", "other/", "other2/"]), [expected; 3].concat());
    // One sample proves little, and the table says so.
    let one =
        [("scale", tensor(&[1, 3], &[1.0; 3])), ("b", tensor(&[1, 3], &[2.0; 3])), ("a", tensor(&[1, 3], &[3.0; 3]))];
    arrays::write(&shell.path("one.npz"), &one.map(|(name, tensor)| (name.to_owned(), tensor))).unwrap();
    let said = shell.ok("verify two_inputs.onnx --provider tract,tract --inputs-from one.npz");
    assert!(said.contains("one sample does not show whether") && said.contains("fed the arrays of one.npz"), "{said}");
}

#[test]
fn files_and_flags_that_do_not_fit_are_refused_before_anything_is_written() {
    let shell = shell();
    zeros(&shell, "x.npz", &[("x", &[4, 2, 5, 5])]);
    zeros(&shell, "flat.npz", &[("x", &[2, 5, 5])]);
    zeros(&shell, "none.npz", &[("x", &[0, 2, 5, 5])]);
    zeros(&shell, "apart.npz", &[("a", &[4, 3]), ("b", &[5, 3]), ("scale", &[1, 3])]);
    zeros(&shell, "\u{1b}[31mred.npz", &[("\u{1b}[2Jz", &[1])]);
    shell.write("text.npz", "no arrays").write("empty.npz", "");
    let whole = shell.read("x.npz");
    shell.write("cut.npz", &whole[..whole.len() / 2]);
    for (flags, says) in [
        ("--inputs-from no.npz", "error: no.npz: there is no such file"),
        ("--inputs-from .", "error: .: is a folder where a file is expected"),
        ("--inputs-from text.npz", "error: text.npz: is neither a .npy nor a .npz file of NumPy's"),
        ("--inputs-from empty.npz", "error: empty.npz: is neither a .npy nor a .npz file of NumPy's"),
        ("--inputs-from cut.npz", "error: cut.npz: is a damaged archive"),
        ("--inputs-from dynamic.onnx", "error: dynamic.onnx: is neither a .npy nor a .npz file of NumPy's"),
        (
            "--inputs-from flat.npz",
            "flat.npz: array 'x': has the shape [2, 5, 5], and the input 'x' takes N x 2 x 5 x 5",
        ),
        ("--inputs-from none.npz", "none.npz: array 'x': has the shape [0, 2, 5, 5], which holds nothing"),
        ("--inputs-from \u{1b}[31mred.npz", "red.npz: holds no array for the input 'x'"),
        ("--inputs-from x.npz --input Nx2x5x5", "cannot be used with"),
        ("--inputs-from x.npz --range x=0..2", "cannot be used with"),
        ("--inputs-from x.npz --dim T=3", "symbol T: "),
        ("--inputs-from x.npz --save-outputs x.npz", "error: x.npz: is an input, and no input is replaced"),
        ("--inputs-from x.npz --save-outputs ./dynamic.onnx", "which is an input and is not replaced"),
        ("--inputs-from x.npz --save-outputs no/y.npz", "error: no/y.npz: there is no folder no"),
        ("--inputs-from x.npz --save-outputs -", "standard output holds the report; give a file"),
    ] {
        shell.refuses(&format!("bench dynamic.onnx {flags} {BENCH}"), INPUT, &[says]);
        shell.refuses(&format!("verify dynamic.onnx --provider tract,tract {flags}"), INPUT, &[says]);
    }
    for (line, says) in [
        (
            "bench dynamic.onnx --inputs-from x.npz --batch 8",
            "--batch 8: the arrays of x.npz have 4\n  help: leave --batch out",
        ),
        ("bench dynamic.onnx --save-outputs y.npz --batch 1,2", "--save-outputs: takes one row, and these are 2"),
        ("bench dynamic.onnx --save-outputs y --profile y", "--profile: names the file of --save-outputs"),
        ("bench dynamic.onnx --save-outputs y --log y", "--save-outputs: names the file of the log"),
        ("bench two_inputs.onnx --inputs-from apart.npz", "apart.npz: shape of input b: N would be both 4 and 5"),
        (
            "verify dynamic.onnx --provider tract,tract --save-outputs y.npz",
            "outputs: are saved for arrays of one's own",
        ),
        ("verify dynamic.onnx --inputs-from x.npz --samples 4", "cannot be used with"),
        ("verify dynamic.onnx --inputs-from x.npz --inputs normal", "cannot be used with"),
        ("verify dynamic.onnx --inputs-from x.npz --data embedded", "cannot be used with"),
    ] {
        shell.refuses(line, INPUT, &[says]);
    }
}

#[test]
fn a_row_is_held_against_those_that_were_fed_the_same_arrays() {
    let shell = shell();
    zeros(&shell, "x.npz", &[("x", &[4, 2, 5, 5])]);
    shell.ok(&format!("bench dynamic.onnx --inputs-from x.npz --batch 4 {BENCH} --save log.jsonl"));
    let line: Value = serde_json::from_slice(&shell.read("log.jsonl")).unwrap();
    let digest = &line["spec"]["feed"]["arrays"]["sha256"];
    assert!(digest.as_str().unwrap().len() == 64 && line["run"]["arrays"]["sha256"] == *digest, "{line}");
    let says = "was fed other sizes, ranges or arrays";
    shell.refuses(&format!("bench dynamic.onnx --batch 4 {BENCH} --baseline log.jsonl"), INPUT, &[says]);
    let ones = Tensor::from_f32(vec![4, 2, 5, 5], &[1.0; 200]).unwrap();
    arrays::write(&shell.path("x.npz"), &[("x".to_owned(), ones)]).unwrap();
    shell.refuses(&format!("bench dynamic.onnx --inputs-from x.npz {BENCH} --baseline log.jsonl"), INPUT, &[says]);
    let said = shell.ok(&format!("bench dynamic.onnx --inputs-from x.npz {BENCH}"));
    assert!(said.contains("fed the arrays of x.npz"), "{said}");
}
