//! Comparison of a model with its rewritten form: the same outputs on fresh inputs, at two sizes of each open axis.

use std::collections::HashMap;

use super::{Bisect, Distribution, FileSide, InputSet, Plan, Side, Verdict, VerifyOptions, verify};
use crate::runtime::{Provider, Ranges, RunOptions};
use gnet_core::graph::{self, Dim, Fit, Graph, Model, Rule, Sizes, ValueId};
use gnet_core::infer;
use gnet_core::passes::{Proof, draws_lots};
use gnet_core::{Error, ErrorKind, Result};

/// Engines in order of preference: the first that runs the model decides.
const ENGINES: [Provider; 2] = [Provider::Tract, Provider::Cpu];

/// Two sizes of a leading axis, which is a batch most of the time: one sample, which broadcasting could treat
/// differently, and a few.
const FRONT: [usize; 2] = [1, 3];

/// Two sizes of every other open axis, by rounds: a network takes short sequences, or images that it can halve five
/// times.
const OTHERS: [[usize; 2]; 4] = [[6, 5], [32, 64], [224, 256], [1, 2]];

const KINDS: usize = 2;

const SEED: u64 = 1;

/// Compares `after`, which passes derived from `before`, with it in the first engine that runs it. Only outputs that
/// both have are compared. The sizes of `options` apply to the axes that they fix. It is not an error if there is no
/// engine or if inputs cannot be created: the record states why nothing is proved.
///
/// # Errors
/// Fails on sizes that the model cannot be fed; if outputs differ, or if the rewritten model does not run although the
/// original one does ([`ErrorKind::Check`]).
pub fn rewritten(before: &Model, after: &Model, options: &RunOptions, say: &mut dyn FnMut(&str)) -> Result<Proof> {
    let whole = before.graph.with_subgraphs().into_iter().flat_map(|graph| &graph.nodes);
    if let Some(node) = whole.into_iter().find(|node| draws_lots(node)) {
        return Ok(Proof::none(format!("{} gives other results each time", node.op_type)));
    }
    let given = options.sizes.fit(&before.graph.stated_inputs(), Rule::Refuse)?;
    let before = prepared(before, &after.graph);
    let axes = match axes(&before.graph, given) {
        Ok(axes) => axes,
        Err(reason) => return Ok(Proof::none(reason.to_string())),
    };
    let mut reasons = Vec::new();
    for engine in ENGINES.into_iter().filter(|engine| engine.ensure_available().is_ok()) {
        say(&format!("comparing the model before and after in {engine}"));
        let pair = Pair { before: &before, after, engine, options };
        match pair.compare(&axes)? {
            Ok(proof) => return Ok(proof),
            Err(reason) => reasons.push(format!("{engine}: {reason}")),
        }
    }
    let none = || "this build has no engine (features tract and ort)".to_owned();
    Ok(Proof::none(if reasons.is_empty() { none() } else { reasons.join("; ") }))
}

/// Returns the model with the outputs of another one, by name, and without wrong statements, which an engine may
/// believe.
fn prepared(model: &Model, like: &Graph) -> Model {
    let mut model = model.clone();
    let ids: HashMap<&str, ValueId> = model.graph.values().map(|(id, value)| (value.name.as_str(), id)).collect();
    let outputs = like.outputs.iter().filter_map(|id| ids.get(like.value(*id).name.as_str()).copied()).collect();
    model.graph.outputs = outputs;
    let mut inferred = model.clone();
    match infer::infer(&mut inferred, &Sizes::none()) {
        Ok(_) => inferred,
        Err(_) => model,
    }
}

struct Axis {
    what: What,
    front: bool,
}

enum What {
    Symbol(String),
    Unnamed(ValueId, usize),
}

/// Returns every axis of the inputs that the given sizes leave open, each symbol once. Values of formulas of other
/// symbols follow from them.
fn axes(graph: &Graph, given: Fit) -> Result<Vec<Axis>> {
    let mut shapes = Vec::new();
    for (id, shape) in graph.inputs.iter().zip(given.shapes) {
        let value = graph.value(*id);
        let shape = shape.filter(|_| value.other_type.is_none());
        let missing = || Error::input(format!("input '{}'", value.name), "has no shape in the file");
        shapes.push((*id, shape.ok_or_else(missing)?));
    }
    let names = graph::symbols(shapes.iter().flat_map(|(_, shape)| shape));
    let follows = |name: &String| names.iter().any(|other| other != name && graph::mentions(name, other));
    let stands_in_front = |name: &str| {
        let mut fronts = shapes.iter().filter_map(|(_, shape)| shape.first());
        fronts.any(|dim| matches!(dim, Dim::Symbolic { symbol, .. } if symbol == name))
    };
    let named = names.iter().filter(|name| !follows(name));
    let named = named.map(|symbol| Axis { front: stands_in_front(symbol), what: What::Symbol(symbol.clone()) });
    let unnamed = shapes.iter().flat_map(|(id, shape)| {
        let open = shape.iter().enumerate().filter(|(_, dim)| **dim == Dim::Unknown);
        open.map(|(place, _)| Axis { front: place == 0, what: What::Unnamed(*id, place) })
    });
    Ok(named.chain(unnamed).collect())
}

struct Pair<'a> {
    before: &'a Model,
    after: &'a Model,
    engine: Provider,
    options: &'a RunOptions,
}

impl Pair<'_> {
    /// Returns the proof, or the reason why the engine does not run the first model.
    fn compare(&self, axes: &[Axis]) -> Result<Result<Proof, String>> {
        let mut proof = Proof { engine: Some(self.engine.to_string()), max_abs_diff: Some(0.0), ..Proof::default() };
        let (rounds, wanted) = if axes.is_empty() { (&OTHERS[..1], 1) } else { (&OTHERS[..], 2) };
        let mut reason = String::new();
        for round in rounds {
            for which in 0..wanted {
                let sizes: Vec<usize> =
                    axes.iter().map(|axis| if axis.front { FRONT[which] } else { round[which] }).collect();
                match self.at(axes, &sizes, &mut proof)? {
                    Ok(()) if axes.is_empty() => {}
                    Ok(()) => proof.sizes.push(self.named(axes, &sizes)),
                    Err(says) if reason.is_empty() => reason = says,
                    Err(_) => {}
                }
            }
            if proof.runs > 0 {
                return Ok(Ok(proof));
            }
        }
        Ok(Err(reason))
    }

    /// Compares at one size of each axis; returns the reason if the first model does not run there.
    fn at(&self, axes: &[Axis], sizes: &[usize], proof: &mut Proof) -> Result<Result<(), String>> {
        let prepared = self.fed(axes, sizes).and_then(|fed| {
            let mut side = self.side("the model as it was", self.before, &fed)?;
            let plan = Plan::new(2, &[side.signature()])?;
            let signature = side.signature().fed_as(&[], &Ranges::default())?;
            let kinds = Distribution::for_precision(side.precision()).iter().take(KINDS);
            let sets = kinds.map(|kind| InputSet::random(*kind, &signature, &plan, SEED));
            let sets = sets.collect::<Result<Vec<InputSet>>>()?;
            side.run(&sets[0].runs[0])?;
            Ok((fed, side, sets))
        });
        let (fed, mut before, sets) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let wrong = |e: Error| match e.kind() {
            ErrorKind::Check => e,
            _ => Error::check("the rewritten model", format!("does not run where the one before did: {e}")),
        };
        let after = self.side("the rewritten model", self.after, &fed).map_err(wrong)?;
        let tolerance = before.precision().max(after.precision()).tolerance();
        let options = VerifyOptions { tolerance, bisect: Bisect::Never, seed: SEED };
        let record = verify(&mut before, &mut [after], &sets, &options, &mut |_| ()).map_err(wrong)?;
        for comparison in record.comparisons {
            if comparison.verdict == Verdict::Disagree {
                let at = match self.named(axes, sizes) {
                    sizes if sizes.is_empty() => String::new(),
                    sizes => format!(" at {sizes}"),
                };
                let reason = comparison.reason.unwrap_or_default();
                return Err(Error::check(format!("the rewritten model in {}{at}", self.engine), reason).remedy(
                    "nothing was written; leave passes out with --passes to see which one it is, and report it",
                ));
            }
            let differences = comparison.rows.iter().map(|row| row.judgement.agreement.max_abs_diff);
            proof.max_abs_diff = differences.chain(proof.max_abs_diff).reduce(f64::max);
        }
        proof.runs += sets.iter().map(|set| set.runs.len()).sum::<usize>();
        Ok(Ok(()))
    }

    fn side(&self, label: &str, model: &Model, sizes: &Sizes) -> Result<FileSide> {
        let options = RunOptions { sizes: sizes.clone(), ..self.options.clone() };
        FileSide::of_model(label, model, self.engine, &options)
    }

    /// Returns the sizes fed to the inputs at one size of each axis; the files are not changed.
    fn fed(&self, axes: &[Axis], sizes: &[usize]) -> Result<Sizes> {
        let graph = &self.before.graph;
        let mut given = self.options.sizes.clone();
        for (axis, size) in axes.iter().zip(sizes) {
            if let What::Symbol(symbol) = &axis.what {
                given.extend(Sizes::dim(symbol, *size));
            }
        }
        let mut shapes = given.fit(&graph.stated_inputs(), Rule::Refuse)?.shapes;
        for (axis, size) in axes.iter().zip(sizes) {
            if let What::Unnamed(id, place) = axis.what {
                let input = graph.inputs.iter().position(|input| *input == id);
                let dim = input.and_then(|input| shapes[input].as_mut()?.get_mut(place));
                dim.into_iter().for_each(|dim| *dim = Dim::Known(*size));
            }
        }
        let mut fed = Sizes::none();
        for (id, shape) in graph.inputs.iter().zip(shapes) {
            fed.extend(Sizes::shape(&graph.value(*id).name, &shape.unwrap_or_default())?);
        }
        Ok(fed)
    }

    /// Formats `N = 1, T = 6`, or `x axis 1 = 6` if there is no symbol.
    fn named(&self, axes: &[Axis], sizes: &[usize]) -> String {
        let name = |axis: &Axis| match &axis.what {
            What::Symbol(symbol) => symbol.clone(),
            What::Unnamed(id, place) => format!("{} axis {place}", self.before.graph.value(*id).name),
        };
        let all = axes.iter().zip(sizes).map(|(axis, size)| format!("{} = {size}", name(axis)));
        all.collect::<Vec<_>>().join(", ")
    }
}
