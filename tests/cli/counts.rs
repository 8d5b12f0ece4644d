//! Of one thing is spoken in the singular, whatever the command.

use gnet::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet::onnx;

use super::shell::{CHECK, DONE, Shell};

/// One node on one value, with one parameter.
fn one(weight: f32) -> Vec<u8> {
    let mut graph = Graph::new("one");
    let shape = || Some(vec![Dim::Known(1), Dim::Known(1)]);
    let x = graph.add_value("x".to_owned(), Some(DType::F32), shape());
    let y = graph.add_value("y".to_owned(), Some(DType::F32), shape());
    let w = graph.add_initializer("w".to_owned(), Tensor::from_f32(vec![1], &[weight]).unwrap());
    graph.nodes.push(Node::new("a".to_owned(), "Mul", vec![x, w], vec![y]));
    (graph.inputs, graph.outputs) = (vec![x], vec![y]);
    onnx::write(&Model::new(graph, 17)).unwrap()
}

#[test]
fn one_thing_is_one_thing_in_every_command() {
    let shell = Shell::new();
    shell.write("one.onnx", one(1.0)).write("other.onnx", one(2.0));
    for (line, code, says) in [
        ("summary one.onnx", DONE, "total: 1 parameter ("),
        ("diff one.onnx other.onnx", CHECK, "\n1 difference\n"),
        ("check one.onnx --max-params 0", CHECK, "1 of 1 rule does not hold"),
        ("check one.onnx --max-params 0 --max-macs 1", CHECK, "1 of 2 rules does not hold"),
        ("draw one.onnx -o one.svg", DONE, "one.svg: 1 node in "),
        ("optimize one.onnx -o new.onnx", DONE, "wrote new.onnx: "),
        ("verify one.onnx --against other.onnx", CHECK, "disagree"),
        ("bench one.onnx --provider tract --samples 1 --min-time 0", DONE, "tract, batch 1, 1 thread"),
    ] {
        let ran = shell.gnet(line);
        assert!(ran.code == Some(code) && (ran.out.contains(says) || ran.err.contains(says)), "{says}: {ran}");
        for text in [&ran.out, &ran.err] {
            let words: Vec<&str> = text.split([' ', '\n']).collect();
            let plural = |pair: &&[&str]| pair[0] == "1" && pair[1].ends_with('s') && pair[1].len() > 3;
            assert_eq!(words.windows(2).find(plural), None, "{ran}");
        }
    }
}
