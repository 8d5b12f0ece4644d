//! Bisection: finds the layer in which two files diverge, by reading out few values at a time.
//!
//! A *cut* of a graph is a position between two nodes in topological order; its values are all those that nodes before
//! it produce and nodes after it read, across every branch. If all values of a cut agree, the cause of a difference is
//! after it; if one does not, the cause is before it. Bisection over the cuts therefore ends at two adjacent ones, the
//! first of which agrees and the second does not; the node between them only reads values of the first. It is then run
//! once more with its inputs and outputs read out, which must show that its inputs agree and its output does not.
//!
//! Memory holds the values of one cut for one sample: no more than the engines themselves hold at that position. For
//! `n` nodes it takes about `log2(n) + 2` runs of each side, each only up to the cut.

use schemars::JsonSchema;
use serde::Serialize;

use super::pairing::{Cut, Pairing, cuts, differences};
use super::probe::{Probe, Seen};
use super::{FileSide, Port, Side, Tolerance};
use crate::runtime::Array;
use gnet_core::Result;
use gnet_core::graph::{Graph, ValueId};
use gnet_core::words::{counted, one_or};

/// The layer in which two sides diverge.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Culprit {
    /// Name of the node in the reference.
    pub node: String,
    /// Operation of the node.
    pub op: String,
    /// Its inputs other than constants, with their ranges on the reference's side.
    pub inputs: Vec<InputRange>,
    /// Largest error of its inputs, each relative to the input's largest value; `null` if that is unknown.
    #[schemars(with = "Option<f64>")]
    pub error_before: f64,
    /// The same for its outputs; `null` if their shapes differ or a value is not finite.
    pub error_after: Option<f64>,
    /// Remark on what `error_after` cannot express.
    pub remark: Option<String>,
    /// Differences between what the two files give the node: attributes, constants, inputs. Empty if there are none, so
    /// that the engines differ.
    pub differences: Vec<String>,
    /// Preceding nodes without a partner in the other file, since the last position where the sides agreed.
    pub unpaired: Vec<String>,
    /// Whether a run with its inputs and outputs read out showed that the former agree and the latter do not.
    pub confirmed: bool,
    /// Contrary result of that run; repeated in the search's note.
    #[serde(skip)]
    doubt: Option<&'static str>,
}

/// An input of the culprit.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct InputRange {
    /// Name of the value.
    pub name: String,
    /// Shape of the value.
    pub shape: Vec<usize>,
    /// Smallest value; `null` if one is not finite.
    #[schemars(with = "Option<f32>")]
    pub min: f32,
    /// Largest value; `null` if one is not finite.
    #[schemars(with = "Option<f32>")]
    pub max: f32,
    /// Error; `null` if it has no partner in the other file.
    pub error: Option<f64>,
}

/// Result of a search for the layer.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Search {
    /// The layer, if one was found.
    pub culprit: Option<Culprit>,
    /// Reason why none was found, or a remark on the one that was.
    pub note: Option<String>,
    /// Number of nodes of the reference.
    pub nodes: usize,
    /// Number of runs of both sides.
    pub runs: usize,
}

impl Search {
    /// Creates the result of a search that found nothing.
    pub fn none(note: impl Into<String>) -> Self {
        Self { culprit: None, note: Some(note.into()), nodes: 0, runs: 0 }
    }
}

/// Number of values read out in one run while sweeping.
const CHUNK: usize = 8;

/// An error that grows by less than this factor in a node did not originate there.
const GRADUAL: f64 = 4.0;

/// Finds the first layer, in topological order, whose inputs agree and whose output does not, on the first of `runs`
/// (the inputs of the reference and of the other side) whose outputs disagree.
///
/// # Errors
/// Fails if an engine cannot run a part of the file.
pub fn bisect(
    reference: &FileSide,
    other: &FileSide,
    runs: &[(Vec<Array>, Vec<Array>)],
    tolerance: &Tolerance,
    say: &mut dyn FnMut(&str),
) -> Result<Search> {
    let hunt = Hunt::new(reference, other)?;
    let mut looked = 0;
    let Some(mut probe) = hunt.disagreeing(runs, tolerance, &mut looked)? else {
        return Ok(Search { note: Some(hunt.agreeing_note(runs.len())), ..hunt.found(None, looked) });
    };
    let cuts = cuts(&hunt.graph, &hunt.pairing);
    let (mut agrees, mut differs) = (None::<usize>, cuts.len());
    while let Some(middle) = middle(agrees, differs) {
        let cut = &cuts[middle];
        say(&format!("layer {} of {}: {}", cut.position, hunt.graph.nodes.len(), counted(cut.values.len(), "value")));
        if hunt.all_agree(&mut probe, cut)? { agrees = Some(middle) } else { differs = middle }
    }
    let first = agrees.map_or(0, |i| cuts[i].position);
    let end = cuts.get(differs).map_or(hunt.graph.nodes.len(), |cut| cut.position);
    let culprit = hunt.blame(&mut probe, first, end)?;
    Ok(hunt.found(Some(culprit), probe.runs))
}

/// Examines every layer in order, a few at a time, even if the outputs agree in the end.
///
/// # Errors
/// Those of [`bisect()`].
pub fn sweep(
    reference: &FileSide,
    other: &FileSide,
    run: &(Vec<Array>, Vec<Array>),
    tolerance: &Tolerance,
    say: &mut dyn FnMut(&str),
) -> Result<Search> {
    let hunt = Hunt::new(reference, other)?;
    let mut probe = Probe::new(reference, other, run.clone(), *tolerance);
    let nodes = hunt.graph.nodes.len();
    for start in (0..nodes).step_by(CHUNK) {
        let end = (start + CHUNK).min(nodes);
        say(&format!("layers {} to {end} of {nodes}", start + 1));
        if let Some(node) = hunt.first_differing(&mut probe, start, end)? {
            let culprit = hunt.examine(&mut probe, node, 0)?;
            return Ok(hunt.found(Some(culprit), probe.runs));
        }
    }
    let seen = hunt.graph.nodes.iter().filter(|node| node.makes().any(|id| hunt.pairing.partner(id).is_some())).count();
    let note = match nodes - seen {
        0 => "every layer agrees".to_owned(),
        unseen => format!(
            "every layer that both files have agrees; {unseen} of {nodes} have no counterpart and were not seen"
        ),
    };
    Ok(Search { note: Some(note), ..hunt.found(None, probe.runs) })
}

/// Returns a position between the last that agrees (`None`: the inputs) and the first that differs.
fn middle(agrees: Option<usize>, differs: usize) -> Option<usize> {
    let first = agrees.map_or(0, |i| i + 1);
    (first < differs).then(|| first + (differs - first) / 2)
}

/// An engine's fusion of adjacent layers can no longer be observed once a value between them is read out.
const JOINED: &str = "with its values read out the layer agrees: what parts the sides is how an engine joins it with its \
                      neighbours, or does not come back";

struct Hunt<'a> {
    reference: &'a FileSide,
    other: &'a FileSide,
    graph: Graph,
    other_graph: Graph,
    pairing: Pairing,
    outputs: Vec<(ValueId, ValueId)>,
    /// Names of outputs that no layer produces.
    unmade: Vec<String>,
}

impl<'a> Hunt<'a> {
    fn new(reference: &'a FileSide, other: &'a FileSide) -> Result<Self> {
        let (graph, other_graph) = (reference.live_graph()?, other.live_graph()?);
        let places = reference.signature().match_outputs(other.signature())?;
        let outputs = graph.outputs.iter().zip(places).map(|(id, place)| (*id, other_graph.outputs[place]));
        let made: Vec<ValueId> = graph.nodes.iter().flat_map(|node| node.makes()).collect();
        // An output that is an input or a constant is produced by no layer.
        let (outputs, unmade): (Vec<_>, Vec<_>) = outputs.partition(|(id, _)| made.contains(id));
        let unmade = unmade.into_iter().map(|(id, _)| graph.value(id).name.clone()).collect();
        let pairing = Pairing::of(&graph, &other_graph, &outputs);
        Ok(Self { reference, other, graph, other_graph, pairing, outputs, unmade })
    }

    fn found(&self, culprit: Option<Culprit>, runs: usize) -> Search {
        let note = culprit.as_ref().and_then(note_on);
        Search { culprit, note, nodes: self.graph.nodes.len(), runs }
    }

    /// Explains why there is nothing to search in, as far as it was observed.
    fn agreeing_note(&self, runs: usize) -> String {
        if self.outputs.is_empty() {
            return format!("no layer makes {}: there is none to be found", self.unmade.join(", "));
        }
        let (reference, other) = (self.reference.label(), self.other.label());
        let rest = match self.unmade.is_empty() {
            true => String::new(),
            false => format!(" (but for {}, which no layer makes)", self.unmade.join(", ")),
        };
        format!(
            "when {} {} repeated, {reference} and {other} agreed in each{rest}: what parts the sides did not come \
             back, or is not in these two files; no layer was looked at",
            counted(runs, "run"),
            one_or(runs, "was", "were")
        )
    }

    /// Creates a probe on the inputs of the first run whose outputs differ, or on its worst sample if that is enough.
    /// `looked` counts how often both sides were run.
    fn disagreeing(
        &self,
        runs: &[(Vec<Array>, Vec<Array>)],
        tolerance: &Tolerance,
        looked: &mut usize,
    ) -> Result<Option<Probe<'a>>> {
        if self.outputs.is_empty() {
            return Ok(None);
        }
        let probe_on = |inputs| Probe::new(self.reference, self.other, inputs, *tolerance);
        for run in runs {
            let mut whole = probe_on(run.clone());
            let (differ, worst) = whole.outputs(&self.outputs)?;
            *looked += whole.runs;
            whole.runs = *looked;
            if !differ {
                continue;
            }
            let worst = worst.and_then(|sample| self.single(run, sample));
            if let Some(mut single) = worst.map(probe_on)
                && single.see(&self.outputs)?.iter().any(|seen| !seen.agrees)
            {
                single.runs += whole.runs;
                return Ok(Some(single));
            }
            return Ok(Some(whole));
        }
        Ok(None)
    }

    /// Extracts one sample of a run, if the batch is open on both sides.
    fn single(&self, run: &(Vec<Array>, Vec<Array>), sample: usize) -> Option<(Vec<Array>, Vec<Array>)> {
        let cut = |side: &FileSide, arrays: &[Array]| -> Option<Vec<Array>> {
            let ports = &side.signature().inputs;
            if side.signature().fixed_batch().is_some() || !ports.iter().all(Port::has_plain_batch) {
                return None;
            }
            let one = |(array, batched): (&Array, bool)| match batched {
                true => {
                    Some(Array { shape: [&[1], &array.shape[1..]].concat(), data: array.rows().nth(sample)?.to_vec() })
                }
                false => Some(array.clone()),
            };
            arrays.iter().zip(ports.iter().map(|port| port.batched())).map(one).collect()
        };
        Some((cut(self.reference, &run.0)?, cut(self.other, &run.1)?))
    }

    fn all_agree(&self, probe: &mut Probe, cut: &Cut) -> Result<bool> {
        let pairs: Vec<_> = cut.values.iter().filter_map(|id| self.pairing.partner(*id)).collect();
        Ok(probe.see(&pairs)?.iter().all(|seen| seen.agrees))
    }

    /// Finds the first node of a stretch with an output that differs, with one run that reads all its outputs.
    fn first_differing(&self, probe: &mut Probe, start: usize, end: usize) -> Result<Option<usize>> {
        let made = (start..end).flat_map(|i| self.graph.nodes[i].makes().map(move |id| (i, id)));
        let (nodes, pairs): (Vec<_>, Vec<_>) = made.filter_map(|(i, id)| Some((i, self.pairing.partner(id)?))).unzip();
        let seen = probe.see(&pairs)?;
        Ok(nodes.into_iter().zip(seen).find(|(_, seen)| !seen.agrees).map(|(node, _)| node))
    }

    /// Finds the culprit among the nodes of a stretch, before which everything agrees and after which something does
    /// not.
    fn blame(&self, probe: &mut Probe, start: usize, end: usize) -> Result<Culprit> {
        let mut node = end - 1;
        if end - start > 1 {
            for first in (start..end).step_by(CHUNK) {
                if let Some(found) = self.first_differing(probe, first, (first + CHUNK).min(end))? {
                    node = found;
                    break;
                }
            }
        }
        self.examine(probe, node, start)
    }

    /// Reads out the inputs and outputs of a node in one run. Before `start` everything is known to agree.
    fn examine(&self, probe: &mut Probe, index: usize, start: usize) -> Result<Culprit> {
        let node = &self.graph.nodes[index];
        let mut reads: Vec<ValueId> = node.reads().filter(|id| self.graph.initializer(*id).is_none()).collect();
        reads.sort_unstable();
        reads.dedup();
        let pairs: Vec<_> =
            reads.iter().copied().chain(node.makes()).filter_map(|id| self.pairing.partner(id)).collect();
        let seen = probe.see(&pairs)?;
        let seen_of = |id: ValueId| pairs.iter().position(|(here, _)| *here == id).map(|place| seen[place].clone());
        let inputs: Vec<(ValueId, Seen)> = reads
            .iter()
            .filter_map(|id| Some((*id, seen_of(*id).or_else(|| probe.input(&self.graph.value(*id).name))?)))
            .collect();
        let all_seen = inputs.len() == reads.len();
        let outputs: Vec<Seen> = node.makes().filter_map(seen_of).collect();
        let parts = outputs.iter().any(|seen| !seen.agrees);
        let largest =
            |seen: &[&Seen]| seen.iter().map(|seen| seen.error).try_fold(0.0, |max: f64, e| Some(max.max(e?)));
        let inputs_agree = inputs.iter().all(|(_, seen)| seen.agrees);
        Ok(Culprit {
            node: self.graph.node_name(node).to_owned(),
            op: node.op_type.clone(),
            error_before: largest(&inputs.iter().map(|(_, seen)| seen).collect::<Vec<_>>()).unwrap_or(f64::INFINITY),
            error_after: largest(&outputs.iter().collect::<Vec<_>>()),
            remark: outputs.iter().find_map(|seen| seen.remark.clone()),
            inputs: inputs.into_iter().map(|(id, seen)| self.range(id, seen)).collect(),
            differences: self.pairing.node(index).map_or_else(Vec::new, |other| {
                differences((&self.graph, node), (&self.other_graph, &self.other_graph.nodes[other]), &self.pairing)
            }),
            unpaired: self.unpaired(start, index),
            confirmed: all_seen && inputs_agree && parts,
            doubt: match () {
                () if outputs.is_empty() => {
                    Some("what it makes has no counterpart in the other file, and was not seen")
                }
                () if !inputs_agree => Some("what it reads differs already when it is read out beside what it makes"),
                () if parts && !all_seen => {
                    Some("some of what it reads has no counterpart in the other file, and was not seen")
                }
                () if !parts => Some(JOINED),
                () => None,
            },
        })
    }

    fn range(&self, id: ValueId, seen: Seen) -> InputRange {
        let (min, max) = seen.range;
        InputRange { name: self.graph.value(id).name.clone(), shape: seen.shape, min, max, error: seen.error }
    }

    fn unpaired(&self, start: usize, end: usize) -> Vec<String> {
        let alone = |i: &usize| self.graph.nodes[*i].makes().all(|id| self.pairing.partner(id).is_none());
        (start..end).filter(alone).map(|i| self.graph.node_name(&self.graph.nodes[i]).to_owned()).collect()
    }
}

fn note_on(culprit: &Culprit) -> Option<String> {
    if !culprit.unpaired.is_empty() {
        return Some(format!(
            "not seen apart from {}, which the other file does not have",
            culprit.unpaired.join(", ")
        ));
    }
    if let Some(doubt) = culprit.doubt {
        return Some(doubt.to_owned());
    }
    let after = culprit.error_after?;
    let gradual =
        culprit.differences.is_empty() && culprit.error_before > 0.0 && after < GRADUAL * culprit.error_before;
    gradual.then(|| "the error grows gradually and passes the tolerance here: no single layer is at fault".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_moves_until_the_ends_meet() {
        assert_eq!(middle(None, 0), None);
        assert_eq!(middle(None, 1), Some(0));
        assert_eq!(middle(Some(0), 1), None);
        for fault in 0..=9 {
            let (mut agrees, mut differs, mut steps) = (None, 9, 0);
            while let Some(i) = middle(agrees, differs) {
                if i < fault {
                    agrees = Some(i)
                } else {
                    differs = i
                }
                steps += 1;
            }
            assert_eq!((differs, agrees.map_or(0, |i| i + 1)), (fault, fault));
            assert!(steps <= 4);
        }
    }

    #[test]
    fn a_culprit_that_is_not_the_plain_case_is_explained() {
        let plain = Culprit {
            node: "n".into(),
            op: "Conv".into(),
            inputs: Vec::new(),
            error_before: 9e-6,
            error_after: Some(2e-5),
            remark: None,
            differences: Vec::new(),
            unpaired: Vec::new(),
            confirmed: true,
            doubt: None,
        };
        let says = |culprit: Culprit| note_on(&culprit).unwrap_or_default();
        assert!(says(plain.clone()).contains("grows gradually"), "the engines differ, and not by this layer alone");
        assert_eq!(says(Culprit { error_after: Some(4e-5), ..plain.clone() }), "", "a jump");
        assert_eq!(says(Culprit { differences: vec!["w".into()], ..plain.clone() }), "", "the files differ here");
        assert_eq!(says(Culprit { error_before: 0.0, ..plain.clone() }), "");
        assert_eq!(says(Culprit { error_after: None, ..plain.clone() }), "", "other shapes");
        assert!(
            says(Culprit { confirmed: false, doubt: Some(JOINED), ..plain.clone() }).contains("how an engine joins it")
        );
        assert!(says(Culprit { unpaired: vec!["bn".into()], ..plain }).contains("not seen apart from bn"));
    }
}
