//! Sums of many terms that are added up in another order: what that changes is rounding, however equal the terms are.

use gnet::graph::{Attribute, DType, Dim, Graph, Model, Node, Sizes, Tensor, ValueId};
use gnet::runtime::{Provider, RunOptions};
use gnet::verify::{self, Bisect, Comparison, Distribution, FileSide, InputSet, Plan, Precision, Verdict};

/// A plane of this side is summed.
const SIDE: usize = 128;

/// Images of three channels and open sides through a convolution, what `middle` makes of that, and a convolution.
struct Build(Graph);

impl Build {
    fn node(&mut self, op: &str, inputs: &[ValueId]) -> ValueId {
        let name = format!("{op}{}", self.0.nodes.len());
        let value = self.0.add_value(&name, None, None);
        self.0.nodes.push(Node::new(name, op, inputs.to_vec(), vec![value]));
        value
    }

    fn set(&mut self, name: &str, value: impl Into<Attribute>) {
        self.0.nodes.last_mut().unwrap().set(name, value);
    }

    fn real(&mut self, shape: &[usize], by: f32) -> ValueId {
        let count = shape.iter().product::<usize>();
        let values: Vec<f32> = (0..count).map(|i| by * ((i * 37 % 101) as f32 / 101.0 - 0.37)).collect();
        let name = format!("real{}", self.0.initializers().count());
        self.0.add_initializer(name, Tensor::from_f32(shape.to_vec(), &values).unwrap())
    }

    fn conv(&mut self, x: ValueId, from: usize, to: usize, by: f32) -> ValueId {
        let (w, b) = (self.real(&[to, from, 3, 3], by), self.real(&[to], by));
        let y = self.node("Conv", &[x, w, b]);
        self.set("pads", Attribute::Ints(vec![1; 4]));
        y
    }

    /// The mean of each plane: at once, or row by row and then of the rows.
    fn mean(&mut self, of: ValueId, by_rows: bool) -> ValueId {
        self.reduced("ReduceMean", of, by_rows)
    }

    fn reduced(&mut self, op: &str, of: ValueId, by_rows: bool) -> ValueId {
        let mut of = of;
        if !by_rows {
            // A plane as one axis is summed from its first term to its last.
            let shape = self.sizes(&[0, 0, 1, -1]);
            of = self.node("Reshape", &[of, shape]);
        }
        for axis in [3, 2] {
            of = self.node(op, &[of]);
            self.set("axes", Attribute::Ints(vec![axis]));
            // No engine makes one sum of two with something between them.
            of = self.node("Neg", &[of]);
        }
        if op == "ReduceL2" { self.node("Abs", &[of]) } else { of }
    }

    fn sizes(&mut self, sizes: &[i64]) -> ValueId {
        let name = format!("sizes{}", self.0.initializers().count());
        self.0.add_initializer(name, Tensor::from_i64(sizes))
    }
}

fn network(by: f32, middle: impl FnOnce(&mut Build, ValueId) -> ValueId) -> Model {
    let mut build = Build(Graph::new("g"));
    let shape = |channels| Some(vec![Dim::symbol("N"), Dim::Known(channels), Dim::symbol("H"), Dim::symbol("W")]);
    let x = build.0.add_value("x", Some(DType::F32), shape(3));
    let first = build.conv(x, 3, 4, 0.3);
    let inside = middle(&mut build, first);
    let y = build.conv(inside, 4, 4, by);
    (build.0.inputs, build.0.outputs) = (vec![x], vec![y]);
    let value = build.0.value_mut(y);
    value.dtype = Some(DType::F32);
    Model::new(build.0, 17)
}

fn compared(reference: &Model, other: &Model, kind: Distribution) -> Comparison {
    let sizes = Sizes::input(&format!("x=N,3,{SIDE},{SIDE}")).unwrap();
    let options = RunOptions { sizes, ..RunOptions::new(1, 1) };
    let side = |model, label| FileSide::of_model(label, model, Provider::Tract, &options).unwrap();
    let (mut reference, other) = (side(reference, "reference"), side(other, "other"));
    let plan = Plan { batch: 4, runs: 1 };
    let sets = [InputSet::random(kind, verify::Side::signature(&reference), &plan, 1).unwrap()];
    let options = verify::VerifyOptions { tolerance: Precision::F32.tolerance(), bisect: Bisect::Never, seed: 1 };
    verify::verify(&mut reference, &mut [other], &sets, &options, &mut |_| {}).unwrap().comparisons.remove(0)
}

/// Takes the mean of each plane away and divides by the deviation.
fn standardised(by_rows: bool, by: f32) -> Model {
    network(by, |build, x| {
        let mean = build.mean(x, by_rows);
        let centred = build.node("Sub", &[x, mean]);
        let squares = build.node("Mul", &[centred, centred]);
        let variance = build.mean(squares, by_rows);
        let least = build.0.add_initializer("least", Tensor::from_f32(vec![], &[1e-5]).unwrap());
        let variance = build.node("Add", &[variance, least]);
        let deviation = build.node("Sqrt", &[variance]);
        build.node("Div", &[centred, deviation])
    })
}

/// The same by the operation made for it.
fn normalised(by: f32) -> Model {
    network(by, |build, x| {
        let ones = build.0.add_initializer("ones", Tensor::from_f32(vec![4], &[1.0; 4]).unwrap());
        let zeros = build.0.add_initializer("zeros", Tensor::from_f32(vec![4], &[0.0; 4]).unwrap());
        build.node("InstanceNormalization", &[x, ones, zeros])
    })
}

/// Each plane divided by its length, which is one sum, or a sum of sums.
fn of_length_one(by_rows: bool) -> Model {
    network(100.0, |build, x| {
        let length = build.reduced("ReduceL2", x, by_rows);
        build.node("Div", &[x, length])
    })
}

#[test]
fn equal_terms_that_are_summed_in_another_order_agree() {
    let (at_once, by_rows) = (standardised(false, 1.0), standardised(true, 1.0));
    for (reference, other) in [
        (&at_once, &by_rows),
        (&normalised(1.0), &by_rows),
        (&normalised(1.0), &at_once),
        (&of_length_one(false), &of_length_one(true)),
    ] {
        let comparison = compared(reference, other, Distribution::Constant);
        assert_eq!(comparison.verdict, Verdict::Agree, "{:?} {:#?}", comparison.reason, comparison.rows);
    }
    // Equal terms alone: what lies apart on constant images is more than 32 times what single roundings explain.
    let judgement = &compared(&at_once, &by_rows, Distribution::Constant).rows[0].judgement;
    assert!(judgement.agreement.max_abs_diff > 1e-4 && judgement.draws > 0, "{judgement:#?}");
}

#[test]
fn a_sum_of_many_terms_hides_no_fault_on_other_inputs() {
    for kind in [Distribution::Normal, Distribution::Pattern] {
        for reference in [standardised(false, 1.0), normalised(1.0)] {
            let comparison = compared(&reference, &standardised(true, 1.001), kind);
            assert_eq!(comparison.verdict, Verdict::Disagree, "{kind:?} {:#?}", comparison.rows);
        }
    }
}
