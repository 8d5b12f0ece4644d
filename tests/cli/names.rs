//! Names are data: whatever a file, a path or a word of the command line holds, it forges no line, moves no cursor, is no
//! markup and no formula.

use std::fs;
use std::path::Path;

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::onnx;
use gnet::report::visible;

use super::shell::{DONE, INPUT, Ran, Shell};

/// Newlines that would forge lines: a command to a CI, a total, a verdict.
const LINES: &str = "x\n::error file=evil::forged\r\ntotal: 0 forged\nevery rule holds";

/// Characters that a terminal acts on or hides: OSC, CSI in seven and eight bits, BEL, DEL, marks of direction, a
/// separator, a tag.
const ESCAPES: &str =
    "\u{1b}]0;pwned\u{7}\u{1b}[2J\u{9b}31m\u{7f}\t\u{202e}\u{200f}\u{2066}\u{61c}\u{feff}\u{200b}\u{2028}\u{e0041}";

/// Commands that the log of a CI obeys without a newline.
const COMMANDS: &str = "::error file=evil::forged ##[error]forged ##vso[task.complete result=Failed]";

/// Markup and formulas.
const MARKUP: &str = "=cmd|' /C calc'!A0<script>`c`[x](javascript:alert(1))";

const NAMES: [&str; 4] = [LINES, ESCAPES, COMMANDS, MARKUP];

const FORMATS: [&str; 4] = ["table", "json", "csv", "markdown"];

/// `foreign` is what is not ONNX's own: an operation that no engine has.
fn hostile(name: &str, foreign: bool) -> Vec<u8> {
    // Only a path cannot hold it.
    let name = &format!("{name}\0");
    let mut graph = Graph::new(name);
    let shape = || Some(vec![Dim::symbol(format!("N{name}")), Dim::Known(4)]);
    let x = graph.add_value(format!("{name}x"), Some(DType::F32), shape());
    let z = graph.add_value(format!("{name}z"), Some(DType::F32), shape());
    let y = graph.add_value(format!("{name}y"), Some(DType::F32), shape());
    let w = graph.add_initializer(format!("{name}w"), Tensor::from_f32(vec![4, 4], &[0.5; 16]).unwrap());
    let mut second = Node::new(format!("{name}.b/Relu"), "Relu", vec![z], vec![y]);
    let mut model = Model::new(Graph::default(), 18);
    if foreign {
        (second.op_type, second.domain) = (format!("Op{name}"), format!("domain{name}"));
        model.other_opsets.insert(second.domain.clone(), 1);
    }
    graph.nodes = vec![Node::new(format!("{name}.a/MatMul"), "MatMul", vec![x, w], vec![z]), second];
    (graph.inputs, graph.outputs) = (vec![x], vec![y]);
    model.graph = graph;
    (model.producer_name, model.doc) = (name.clone(), name.clone());
    model.metadata.insert(name.clone(), name.clone());
    onnx::write(&model).unwrap()
}

/// Fails on a hidden character and on a line that a name began.
#[track_caller]
fn is_inert(ran: &Ran) {
    for text in [&ran.out, &ran.err] {
        // The headings of Markdown are the program's own.
        let text = text.replace("\n### ", "\n").trim_start_matches("### ").replace('\n', "");
        assert_eq!(visible(&text), text, "{}", visible(&format!("{ran}")));
    }
    for line in ran.out.lines().chain(ran.err.lines()) {
        let forged = ["::", "total: 0 forged", "every rule"].iter().any(|start| line.trim_start().starts_with(start));
        assert!(!forged && !line.contains("##["), "{line:?} in {}", visible(&format!("{ran}")));
    }
    assert!(matches!(ran.code, Some(0..=3)), "{ran}");
}

/// Every command line that shows something of a file, with what it takes for words of its own.
fn lines(file: &str, other: &str, path: &str, name: &str) -> Vec<Vec<String>> {
    let (input, dim) = (format!("{name}x=2,9"), format!("N{name}=3"));
    let quick = ["--samples", "1", "--min-time", "0", "--warmup", "0"];
    let lines: Vec<Vec<&str>> = vec![
        vec!["summary", file],
        vec!["summary", file, "--tree"],
        vec!["summary", file, "--depth", "1"],
        vec!["summary", file, "--input", &input],
        vec!["check", file, "--max-macs", "1", "--ops-allowed", name],
        vec!["check", file, "--max-params", "1", "--opset-max", "99"],
        vec!["diff", file, other],
        vec!["diff", other, file],
        vec!["optimize", file, "-o", path],
        vec!["optimize", file, "-o", path, "--outputs", name],
        [&["bench", file][..], &quick].concat(),
        [&["bench", file, "--dim", &dim][..], &quick].concat(),
        vec!["verify", file, "--against", file, "--samples", "2"],
        vec!["verify", file, "--against", other, "--samples", "2", "--bisect=always"],
        vec!["verify", file, "--against", file, "--samples", "2", "--dim", &dim],
        vec!["verify", file, "--against", file, "--range", name],
        vec!["eval", file, "--data", path],
        vec!["predict", file, path],
        vec!["export", path, "-o", path],
        vec!["export", path, "-o", "x.onnx"],
        vec!["train", "--out", path, "--data", path],
        vec!["train", "--out", path, "--resume"],
        vec!["runtime", "list"],
        vec!["doctor", "--ort-lib", path],
    ];
    lines.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
}

#[test]
fn no_name_gets_out_of_its_place_in_any_command_and_format() {
    for name in NAMES {
        let shell = Shell::new();
        // What no path may hold, and what its slashes would be.
        let path = &name.replace('/', "_");
        let (plain, foreign) = (format!("{path}.onnx"), format!("{path}.foreign.onnx"));
        shell.write(&plain, hostile(name, false)).write(&foreign, hostile(name, true));
        let home = shell.path(path);
        let variables = [("XDG_DATA_HOME", home.to_str().unwrap()), ("GNET_ORT_LIB", "")];
        let mut lines = lines(&plain, &foreign, path, name);
        lines.extend(self::lines(&foreign, &plain, path, name));
        for words in lines {
            for format in FORMATS {
                // It takes a second, and shows little.
                if words[0] == "doctor" && format != "table" {
                    continue;
                }
                let words: Vec<&str> = words.iter().map(String::as_str).chain(["--format", format]).collect();
                is_inert(&shell.gnet_with(&variables, &words));
            }
        }
        #[cfg(feature = "ort")]
        if let Some(ort) = super::runtimes::ort() {
            let ort = ort.to_str().unwrap();
            for file in [&plain, &foreign] {
                for words in [
                    &["bench", file, "--provider", "cpu", "--samples", "1", "--min-time", "0", "--profile", "p.json"][..],
                    &["bench", file, "--provider", "cpu,cuda", "--samples", "1", "--min-time", "0"],
                    &["verify", file, "--provider", "tract,cpu", "--samples", "2"],
                ] {
                    is_inert(&shell.gnet_with(&variables, &[words, &["--ort-lib", ort]].concat()));
                }
            }
        }
        is_inert(&shell.gnet_with(&variables, &["draw", &plain, "-o", &format!("{path}.svg")]));
        is_inert(&shell.gnet_with(&variables, &["draw", &plain, "-o", "x.svg", "--times", &foreign]));
        is_inert(&shell.gnet_with(&variables, &["page", &plain, "-o", &format!("{path}.md"), "--title", name]));
    }
}

#[test]
fn the_words_of_the_command_line_are_names_too() {
    let shell = Shell::new();
    for name in NAMES {
        let flag = format!("--{name}");
        let value = format!("--format={name}");
        for words in [
            &[name][..],
            &["summary"],
            &["summary", "--preset", name],
            &["summary", "x.onnx", &flag],
            &["summary", "x.onnx", &value],
            &["summary", "x.onnx", name],
            &["summary", name],
            &["bench", "x.onnx", "--batch", name],
            &["bench", "x.onnx", "--dim", name],
            &["check", "x.onnx", "--max-params", name],
            &["verify", "x.onnx", "--input", name],
            &["optimize", name, "-o", name, "--passes", name],
            &["draw", name, "-o", name],
            &["page", name, "-o", "x.md"],
            &["page", "x.json", "-o", name],
            &["train", "--out", name, "--data", name],
            &["completions", name],
        ] {
            let ran = shell.gnet_with(&[], words);
            is_inert(&ran);
            assert_eq!(ran.code, Some(INPUT), "{ran}");
        }
    }
    let ran = shell.gnet_with(&[], &["bench", "x.onnx", "--batch", "a\nb\u{1b}c"]);
    assert!(ran.error().contains(r"invalid value 'a\nb\u{1b}c' for '--batch <LIST>'"), "{ran}");
}

#[test]
fn a_program_reads_the_names_as_they_are() {
    let shell = Shell::new();
    for name in NAMES {
        shell.write("model.onnx", hostile(name, false));
        let words = ["summary", "model.onnx", "--format", "json"];
        let document: serde_json::Value = serde_json::from_str(&shell.gnet_with(&[], &words).out).unwrap();
        assert_eq!(document["layers"][0]["name"], format!("{name}\0.a/MatMul"));
    }
}

/// The files of [`no_name_gets_out_of_its_place_in_any_command_and_format`] as others make them.
#[test]
fn files_of_others_stay_in_their_cells() {
    let shell = Shell::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/foreign");
    let shown = |file: &str, format: &str| {
        shell.write(file, fs::read(folder.join(file)).unwrap());
        let ran = shell.gnet(&format!("summary {file} --format {format}"));
        is_inert(&ran);
        assert_eq!(ran.code, Some(DONE), "{ran}");
        ran.out
    };
    assert!(shown("name_lines.onnx", "table").contains(r"x\n::error file=evil::injected workflow command\ntotal: 0"));
    assert!(shown("name_escapes.onnx", "table").contains(r"\u{1b}]0;pwned\u{7}\u{1b}[31mred"));
    let markdown = shown("name_markdown.onnx", "markdown");
    assert!(markdown.contains(r"a\|b\`c\`\\n\|---\|\\n\[x\](javascript:alert(1)) &lt;b&gt;/n1 |"), "{markdown}");
    let csv = shown("name_csv.onnx", "csv");
    assert!(csv.lines().nth(1).unwrap().starts_with("'=cmd|' /C calc'!A0/n1,MatMul,"), "{csv}");
    for file in ["name_lines.onnx", "name_escapes.onnx", "name_markdown.onnx", "name_csv.onnx"] {
        for format in FORMATS {
            shown(file, format);
        }
    }
}
