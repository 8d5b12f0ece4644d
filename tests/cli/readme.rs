//! The examples of README.md, run in the order in which a reader meets them. The lines are taken from the page.

use std::process::{Command, Stdio};

use gnet::compare::Comparison;

use super::shell::{CHECK, DONE, Ran, Shell, UNDECIDED, gnet};

/// The lines of indented blocks that call the program, continued ones as one.
fn examples() -> Vec<String> {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let (mut found, mut open) = (Vec::new(), String::new());
    for line in page.lines().filter_map(|line| line.strip_prefix("    ")).map(str::trim) {
        open += line.strip_suffix('\\').unwrap_or(line);
        if !line.ends_with('\\') {
            found.push(std::mem::take(&mut open));
        }
    }
    found.retain(|line| line.starts_with("gnet "));
    found
}

/// Shortens a run of minutes to seconds, without changing anything that the example is about.
fn quick(line: &str) -> String {
    line.replace("gnet train", "gnet train --data data --epochs 1")
        .replace("gnet eval", "gnet eval --data data")
        .replace("gnet bench", "gnet bench --samples 2 --min-time 0 --warmup 1")
        .replace("gnet ab", "gnet ab --samples 2 --min-time 0")
}

#[test]
fn every_example_of_the_readme_runs() {
    let shell = Shell::with_data();
    for block in Comparison::count().unwrap().blocks {
        shell.write(&format!("{}.onnx", block.name), &block.file);
    }
    let examples = examples();
    for needed in ["train", "eval", "export", "summary", "bench", "ab", "draw", "check"] {
        assert!(examples.iter().any(|line| line.starts_with(&format!("gnet {needed} "))), "no example of {needed}");
    }
    #[cfg(feature = "ort")]
    let library = super::runtimes::ort();
    #[cfg(not(feature = "ort"))]
    let library: Option<std::path::PathBuf> = None;
    for example in examples {
        // What needs ONNX Runtime runs where there is one; tract profiles nothing.
        let needs_library = example.contains("--provider cpu") || example.contains("--times times.json");
        if needs_library && library.is_none() {
            continue;
        }
        if example.contains("images.npz") {
            images(&shell);
        }
        let ran = in_a_shell(&shell, &quick(&example), library.as_deref());
        // Which of two settings is slower is this machine's affair.
        let compares = example.starts_with("gnet ab") || example.contains("--baseline");
        let verdict = compares && matches!(ran.code, Some(CHECK | UNDECIDED));
        assert!(verdict || ran.code == Some(DONE), "README.md: {example}\n{ran}");
    }
    assert!(shell.exists("runs/a/best") && shell.exists("googlenet.onnx"));
}

/// What a reader has written with NumPy: three images for the exported network.
fn images(shell: &Shell) {
    let model = gnet::onnx::read_file(&shell.path("googlenet.onnx")).unwrap();
    let input = model.graph.value(model.graph.inputs[0]);
    let shape = input.shape.as_ref().unwrap().iter().map(|dim| dim.at(3).unwrap()).collect();
    let noise = gnet::runtime::Array::noise(shape, 1);
    let tensor = gnet::graph::Tensor::from_f32(noise.shape, &noise.data).unwrap();
    gnet::arrays::write(&shell.path("images.npz"), &[(input.name.clone(), tensor)]).unwrap();
}

/// Runs a line as a shell reads it, with `gnet` for the program.
fn in_a_shell(shell: &Shell, line: &str, library: Option<&std::path::Path>) -> Ran {
    let environment = gnet(&shell.path(""));
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("gnet() {{ \"$0\" \"$@\"; }}\n{line}")).arg(environment.get_program());
    for (name, value) in environment.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    if let Some(library) = library {
        command.env("GNET_ORT_LIB", library);
    }
    let output = command.current_dir(shell.path("")).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let ran =
        Ran { line: line.to_owned(), code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
    ran.check_manners();
    ran
}
