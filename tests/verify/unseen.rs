//! Messages of a search for the layer about what it has not observed: sides that do not diverge again, that never give
//! the same outputs twice, or that diverge where there is no layer.

use gnet::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor};
use gnet::runtime::Array;
use gnet::verify::{
    self, Bisect, Copies, Distribution, Draw, FileSide, InputSet, Plan, Precision, Search, Side, Signature, Verdict,
};

use super::side;

/// A side that answers wrongly from its second run on, as an engine does that goes on with the state of the run before. The
/// file that stands in for it in a search is right.
struct Drifting {
    inner: FileSide,
    runs: usize,
}

impl Side for Drifting {
    fn label(&self) -> &str {
        "drifting"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn precision(&self) -> Precision {
        self.inner.precision()
    }

    fn run(&mut self, inputs: &[Array]) -> gnet::Result<Vec<Array>> {
        let mut outputs = self.inner.run(inputs)?;
        if self.runs > 0 {
            outputs.iter_mut().flat_map(|output| &mut output.data).for_each(|value| *value += 1.0);
        }
        self.runs += 1;
        Ok(outputs)
    }

    fn moved(&self, draw: Draw) -> gnet::Result<Option<Box<dyn Side + '_>>> {
        self.inner.moved(draw)
    }

    fn redrawn(&self, other: &FileSide) -> gnet::Result<Option<Copies<'_>>> {
        self.inner.redrawn(other)
    }

    fn unit(&self, output: usize) -> f64 {
        self.inner.unit(output)
    }

    fn as_file(&self, like: &FileSide) -> gnet::Result<Option<FileSide>> {
        self.inner.as_file(like)
    }
}

/// `y = tanh(x)` of 3 numbers, and what `more` adds.
fn model(more: impl FnOnce(&mut Graph)) -> Model {
    let mut graph = Graph::new("g");
    let shape = || Some(vec![Dim::Known(2), Dim::Known(3)]);
    let x = graph.add_value("x", Some(DType::F32), shape());
    let y = graph.add_value("y", Some(DType::F32), shape());
    graph.nodes = vec![Node::new("tanh", "Tanh", vec![x], vec![y])];
    (graph.inputs, graph.outputs) = (vec![x], vec![y]);
    more(&mut graph);
    Model::new(graph, 18)
}

fn searched(reference: &mut dyn Side, other: &Model) -> (Verdict, String, Search) {
    let mut others = [side(other, "other")];
    let plan = Plan::new(8, &[reference.signature(), others[0].signature()]).unwrap();
    let sets = [InputSet::random(Distribution::Normal, reference.signature(), &plan, 3).unwrap()];
    assert!(sets[0].runs.len() > 1);
    let tolerance = Precision::F32.tolerance();
    let options = verify::VerifyOptions::new(tolerance).bisect(Bisect::OnFailure).seed(3);
    let mut verification = verify::verify(reference, &mut others, &sets, &options, &mut |_| {}).unwrap();
    let comparison = verification.comparisons.remove(0);
    (comparison.verdict, comparison.reason.unwrap_or_default(), comparison.search.unwrap())
}

/// Remark on a reference whose outputs for the same inputs vary.
const UNSTEADY: &str =
    "the reference does not repeat itself: output 'y' of drifting moves by 1.00e0 when it is run again";

#[test]
fn sides_that_part_only_in_later_runs_are_not_said_to_agree() {
    let file = model(|_| ());
    let (verdict, reason, search) = searched(&mut Drifting { inner: side(&file, "stand-in"), runs: 0 }, &file);
    assert_eq!((verdict, &search.culprit), (Verdict::Disagree, &None));
    assert!(reason.contains(UNSTEADY), "{reason}");
    let (note, runs) = (search.note.unwrap(), search.runs);
    assert!(note.contains("when 4 runs were repeated, stand-in and stand-in agreed in each"), "{note}");
    assert!(note.contains("no layer was looked at") && !note.contains("outside of the graph"), "{note}");
    assert!(runs >= 4, "every run was looked at: {runs}");
}

#[test]
fn a_side_that_never_answers_twice_alike_is_named() {
    let random = model(|graph| {
        let y = graph.outputs[0];
        let shape = graph.value(y).shape.clone();
        let noise = graph.add_value("noise", Some(DType::F32), shape.clone());
        let z = graph.add_value("z", Some(DType::F32), shape);
        let mut draw = Node::new("draw", "RandomNormal", vec![], vec![noise]);
        draw.set("shape", Attribute::Ints(vec![2, 3]));
        graph.nodes.push(draw);
        graph.nodes.push(Node::new("add", "Add", vec![y, noise], vec![z]));
        graph.outputs = vec![z];
    });
    let (verdict, reason, search) = searched(&mut side(&random, "reference"), &random);
    assert_eq!(verdict, Verdict::Disagree);
    assert!(reason.contains("the reference does not repeat itself: output 'z'"), "{reason}");
    // Drawn anew in each session, the numbers part the sides where they are drawn.
    assert_eq!(search.culprit.unwrap().op, "RandomNormal");
}

#[test]
fn an_output_that_no_layer_makes_is_no_layers_fault() {
    let constant = |value: f32| {
        model(|graph| {
            let c = graph.add_initializer("c", Tensor::from_f32(vec![2, 3], &[value; 6]).unwrap());
            graph.outputs = vec![c];
        })
    };
    let (verdict, _, search) = searched(&mut side(&constant(1.0), "reference"), &constant(2.0));
    assert_eq!((verdict, &search.culprit), (Verdict::Disagree, &None));
    assert_eq!(search.note.as_deref(), Some("no layer makes c: there is none to be found"));
}

#[test]
fn a_reference_that_drifts_is_named_even_where_the_first_answers_agree() {
    let file = model(|_| ());
    let mut reference = Drifting { inner: side(&file, "stand-in"), runs: 0 };
    let mut others = [side(&file, "other")];
    let plan = Plan { batch: 2, runs: 1 };
    let sets = [InputSet::random(Distribution::Normal, reference.signature(), &plan, 3).unwrap()];
    let options = verify::VerifyOptions::new(Precision::F32.tolerance()).bisect(Bisect::Never).seed(3);
    let verification = verify::verify(&mut reference, &mut others, &sets, &options, &mut |_| {}).unwrap();
    assert_eq!(verification.comparisons[0].rows[0].judgement.verdict, Verdict::Agree);
    let error = verification.check().unwrap_err().to_string();
    assert!(!verification.passed && error.contains(UNSTEADY), "{error}");
}
