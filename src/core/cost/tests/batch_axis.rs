//! Detection of the batch axis.

use super::*;

/// Builds y = h + x * w, where the batch is the second axis of the first input, which is the state.
fn state_first() -> Graph {
    let (mut b, h) = Build::new(&[2, 1, 4]);
    let x = b.value("in", &[1, 3]);
    b.0.inputs.push(x);
    let w = b.constant("w", &[3, 4]);
    let a = b.node("MatMul", "a", &[x, w], &[1, 4]);
    let y = b.node("Add", "y", &[a, h], &[2, 1, 4]);
    b.0.outputs = vec![y];
    b.0
}

#[test]
fn a_batch_that_is_a_guess_is_said_and_settled() {
    let counted = |graph: &Graph, axis: &str| {
        let axis = if axis.is_empty() { BatchChoice::Guess } else { axis.parse().unwrap() };
        let analysis = Analysis::counted(graph, &Counting { axis, ..Counting::default() }).unwrap();
        (analysis.macs, analysis.batch_axis.to_string())
    };
    let graph = state_first();
    let (macs, says) = counted(&graph, "");
    assert_eq!(macs, 12);
    assert!(says.contains("axis 0 of x (2) may be it, but input in has no such axis; --batch-axis x=0"), "{says}");
    assert_eq!(counted(&graph, "none"), (12, "batch: none, all that the file computes is counted".to_owned()));
    assert_eq!(counted(&graph, "x=0"), (6, "batch: axis 0 of x (2)".to_owned()));
    assert_eq!(counted(&graph, "in=-2"), (12, "batch: axis 0 of in (1)".to_owned()));
    let mut turned = one("Gemm", dims(&[3, 5]), &[3, 4], dims(&[5, 4]));
    turned.nodes[0].set("transA", 1i64);
    let (macs, says) = counted(&turned, "");
    assert!(macs == 60 && says.contains("output y has no such axis"), "{macs} {says}");
    assert_eq!(counted(&turned, "x=1").0, 12);
    let open = |items| Some(vec![items, Dim::Known(5)]);
    let x = turned.inputs[0];
    turned.value_mut(x).shape = open(Dim::symbol("N"));
    assert!(counted(&turned, "").1.contains("batch: axis 0 of x (N); that is a guess, which output y"));
    // A batch of one item changes nothing, and one that all inputs and outputs have is not in doubt.
    for items in [1, 4] {
        assert_eq!(
            counted(&one("Gemm", dims(&[items, 10]), &[10, 3], dims(&[items, 3])), "").1,
            format!("batch: axis 0 of x ({items})")
        );
    }
    for (axis, says) in [("z=0", "no input of this name"), ("x=3", "has 3 dimensions"), ("x=-4", "has 3 dimensions")] {
        let axis: BatchChoice = axis.parse().unwrap();
        let error = Analysis::counted(&graph, &Counting { axis, ..Counting::default() }).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    assert!("x".parse::<BatchChoice>().is_err() && "x=a".parse::<BatchChoice>().is_err());
    assert!(Analysis::of(&graph, Some(8)).unwrap_err().to_string().contains("--batch-axis"));
}
