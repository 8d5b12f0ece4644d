use super::*;
use crate::ErrorKind;
use crate::graph::{DType, Dim, Node, Tensor};

/// Returns facts about y = Relu(x * w): 12 weights, 12 MACs; with an unknown node if `odd`.
fn facts(odd: bool) -> Facts {
    let mut graph = Graph::new("g");
    let dims = |sizes: &[usize]| Some(sizes.iter().map(|size| Dim::Known(*size)).collect());
    let x = graph.add_value("x", Some(DType::F32), dims(&[1, 3]));
    let w = graph.add_initializer("w", Tensor::from_f32(vec![3, 4], &[0.5; 12]).unwrap());
    let [y, z] = ["y", "z"].map(|name| graph.add_value(name, Some(DType::F32), dims(&[1, 4])));
    graph.nodes = vec![Node::new("fc", "MatMul", vec![x, w], vec![y]), Node::new("act", "Relu", vec![y], vec![z])];
    if odd {
        graph.nodes[1].op_type = "Frobnicate".into();
        graph.nodes[1].domain = "some.one".into();
    }
    (graph.inputs, graph.outputs) = (vec![x], vec![z]);
    let analysis = Analysis::of(&graph, None).unwrap();
    Facts { subject: "a.onnx".into(), analysis, bytes: 1000, opset: 17, ops: operations(&graph) }
}

fn most(metric: Metric, text: &str) -> Rule {
    Rule::AtMost(metric, Amount { value: Amount::count(text).unwrap().value, text: text.into() })
}

fn expect(metric: Metric, text: &str) -> Rule {
    Rule::Expect(metric, Figure::count(text).unwrap())
}

fn allowed(ops: &[&str]) -> Rule {
    Rule::OpsAllowed(ops.iter().map(|op| (*op).to_owned()).collect())
}

/// Every metric of the network above.
const COUNTS: [(Metric, u64); 7] = [
    (Metric::Params, 12),
    (Metric::Weights, 12),
    (Metric::Macs, 12),
    (Metric::Flops, 24),
    (Metric::Bytes, 1000),
    (Metric::PeakMemory, 32),
    (Metric::MovedBytes, 12 + 48 + 16 + 16 + 16),
];

#[test]
fn a_limit_holds_up_to_itself_and_no_further() {
    for (metric, count) in COUNTS {
        for (limit, passed, off) in [(count + 1, true, 0), (count, true, 0), (count - 1, false, 1)] {
            let verdict = check(&facts(false), &[most(metric, &limit.to_string())]);
            let outcome = &verdict.rules[0];
            assert_eq!((verdict.passed, outcome.found, outcome.off_by), (passed, Some(count), Some(off)), "{metric:?}");
            assert_eq!(outcome.rule, format!("max-{}", metric.name()));
        }
    }
}

#[test]
fn an_expected_count_is_missed_on_either_side() {
    for (text, off) in [("12", 0), ("11", 1), ("14", -2), ("1k", -988)] {
        let verdict = check(&facts(false), &[expect(Metric::Macs, text)]);
        assert_eq!((verdict.passed, verdict.rules[0].off_by), (off == 0, Some(off)), "{text}");
    }
}

#[test]
fn every_rule_that_is_broken_is_named() {
    let rules = [
        most(Metric::Params, "10"),
        most(Metric::Macs, "1.5M"),
        expect(Metric::Weights, "16"),
        allowed(&["MatMul", "Gemm"]),
        Rule::OpsetAtMost(13),
    ];
    let error = check(&facts(false), &rules).check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Check);
    assert_eq!(
        error.to_string(),
        "a.onnx: 4 of 5 rules do not hold: max-params 10 but is 12, 2 too many; expect-weights 16 but is 12, 4 too few; \
         ops-allowed Gemm,MatMul: not allowed: 1 Relu; opset-max 13 but is 17, 4 too many"
    );
    check(&facts(false), &[allowed(&["MatMul", "Relu"]), Rule::OpsetAtMost(17)]).check().unwrap();
}

#[test]
fn what_cannot_be_counted_never_passes() {
    let facts = facts(true);
    for (rule, off) in [
        (most(Metric::Macs, "1M"), None),
        (most(Metric::Macs, "11"), Some(1)),
        (expect(Metric::Macs, "12"), None),
        (most(Metric::Flops, "1M"), None),
    ] {
        let verdict = check(&facts, std::slice::from_ref(&rule));
        let outcome = &verdict.rules[0];
        assert_eq!((verdict.passed, outcome.at_least, outcome.off_by), (false, true, off), "{rule:?}");
        assert!(outcome.reason.as_ref().unwrap().contains("act (Frobnicate)"), "{outcome:?}");
    }
    let error = check(&facts, &[most(Metric::Macs, "1M")]).check().unwrap_err().to_string();
    assert!(error.contains("max-macs 1M but is at least 12, MACs of act (Frobnicate) cannot be counted"), "{error}");
    // Its shapes are stated, so that its parameters and its memory are known.
    check(&facts, &[most(Metric::Params, "12"), most(Metric::PeakMemory, "32")]).check().unwrap();
    assert!(check(&facts, &[allowed(&["MatMul", "some.one:Frobnicate"])]).passed);
    assert!(!check(&facts, &[allowed(&["MatMul", "Frobnicate"])]).passed);
}
