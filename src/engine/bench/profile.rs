//! Profiles: an engine's own trace, joined with the file's layers and their MACs.
//!
//! ONNX Runtime writes its profile in Chrome's trace event format (a JSON list of events, times in microseconds), which
//! chrome://tracing and Perfetto can open. An event of category `Node` is one execution of one kernel. The engine fuses
//! nodes: a convolution with the ReLU after it runs as one `Conv` under the ReLU's name. Such an event belongs to the
//! nearest preceding node of its own operation, starting from the node it is named after.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::cost;
use gnet_core::graph::{Dim, Graph, Node, ValueId};
use gnet_core::report::{Cell, Column, Report, Table};
use gnet_core::{Error, Result};

/// One kernel over all runs of a profile.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Operator {
    /// Name of the node that it computes; the engine's own name if the file has none.
    pub layer: String,
    /// Operation, under the engine's name.
    pub op: String,
    /// Execution provider that ran it.
    pub provider: String,
    /// Shape of its first output as it ran, including the batch.
    pub output_shape: Vec<u64>,
    /// Number of times it ran.
    pub calls: usize,
    /// Mean time per run, in milliseconds.
    pub mean_ms: f64,
    /// Fraction of the time of all kernels, 0..1.
    pub share: f64,
    /// Multiply-accumulates per run (the whole batch); `None` if the layer has none or is unknown.
    pub macs: Option<u64>,
    /// Billions of multiply-accumulates per second.
    pub gmacs_per_s: Option<f64>,
}

/// The kernels of a file, the slowest first.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// Time of all kernels over all runs, in milliseconds.
    pub kernels_ms: f64,
    /// The kernels, the one with the largest share first.
    pub operators: Vec<Operator>,
    /// Maximum number of kernels in a table; JSON holds all.
    #[serde(skip, default = "all")]
    pub top: usize,
}

fn all() -> usize {
    usize::MAX
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Event {
    cat: String,
    name: String,
    /// Start and duration, in microseconds.
    ts: f64,
    dur: f64,
    args: Args,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Args {
    op_name: String,
    provider: String,
    /// One object per value, from its element type to its dimensions.
    output_type_shape: Vec<HashMap<String, Vec<u64>>>,
}

/// Suffixes that the engine appends to a node's name: what was timed, and that the layout changed.
const SUFFIXES: [&str; 2] = ["_kernel_time", "_nchwc"];

impl Profile {
    /// Parses a profile of `graph`, which ran at a batch of `batch` items; the first `warmup` runs are skipped.
    ///
    /// # Errors
    /// Fails if the text is not a list of trace events, ends in the middle of one, or holds no kernel.
    pub fn parse(trace: &str, graph: &Graph, batch: usize, warmup: usize) -> Result<Self> {
        let events: Vec<Event> = serde_json::from_str(trace).map_err(|e| match e.is_eof() {
            // The engine does not report that it could not write all of it.
            true => Error::input("profile", "the engine's trace is cut off")
                .remedy("make room on the disk of the temporary folder, or set TMPDIR to a folder on another"),
            false => Error::input("profile", format!("is no list of trace events: {e}")),
        })?;
        let begin = end_of_run(&events, warmup);
        let layers = Layers::new(graph, batch);
        let mut found: Vec<(Operator, f64)> = Vec::new();
        let mut places: HashMap<(String, String), usize> = HashMap::new();
        let counts = |e: &Event| e.cat == "Node" && e.name.ends_with("_kernel_time") && e.ts >= begin;
        for event in events.into_iter().filter(counts) {
            let micros = event.dur;
            let key = (event.name.clone(), event.args.provider.clone());
            let place = *places.entry(key).or_insert_with(|| {
                found.push((layers.operator(event), 0.0));
                found.len() - 1
            });
            found[place].0.calls += 1;
            found[place].1 += micros;
        }
        let total: f64 = found.iter().map(|(_, micros)| micros).sum();
        if found.is_empty() || total <= 0.0 {
            return Err(Error::input("profile", "holds no time of any kernel"));
        }
        let mut operators: Vec<_> = found.into_iter().map(|(operator, micros)| operator.timed(micros, total)).collect();
        operators.sort_by(|a, b| b.share.total_cmp(&a.share));
        Ok(Self { kernels_ms: total / 1e3, operators, top: usize::MAX })
    }
}

/// Returns the time at which the `count`th run ended; 0 for none.
fn end_of_run(events: &[Event], count: usize) -> f64 {
    let mut ends: Vec<f64> = events.iter().filter(|e| e.name == "model_run").map(|e| e.ts + e.dur).collect();
    ends.sort_by(f64::total_cmp);
    count.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(0.0)
}

impl Operator {
    fn timed(self, micros: f64, total: f64) -> Self {
        let mean_ms = micros / 1e3 / self.calls as f64;
        // A kernel below the clock's resolution has no rate.
        let rate = self.macs.filter(|_| mean_ms > 0.0).map(|macs| macs as f64 / mean_ms / 1e6);
        Self { mean_ms, share: micros / total, gmacs_per_s: rate, ..self }
    }
}

struct Layers<'a> {
    graph: &'a Graph,
    by_name: HashMap<&'a str, usize>,
    producers: HashMap<ValueId, usize>,
    macs: Vec<u64>,
}

impl<'a> Layers<'a> {
    fn new(graph: &'a Graph, batch: usize) -> Self {
        // A file that cannot be counted still has times.
        let counted = cost::count(graph).map_or(vec![], |cost| cost.layers);
        let fixed = graph.inputs.first().and_then(|id| graph.value(*id).shape.as_ref()?.first().and_then(Dim::known));
        let batch = fixed.unwrap_or(batch) as u64;
        Self {
            graph,
            by_name: graph.nodes.iter().enumerate().map(|(i, node)| (node.name.as_str(), i)).collect(),
            producers: graph.producers(),
            macs: counted.iter().map(|layer| layer.macs * batch).collect(),
        }
    }

    fn operator(&self, event: Event) -> Operator {
        let name = SUFFIXES.iter().fold(event.name.as_str(), |name, suffix| name.strip_suffix(suffix).unwrap_or(name));
        let layer = self.layer(name, &event.args.op_name);
        let output = event.args.output_type_shape.into_iter().next().and_then(|value| value.into_values().next());
        Operator {
            layer: layer.map_or(name, |i| &self.graph.nodes[i].name).to_owned(),
            op: event.args.op_name,
            provider: event.args.provider,
            output_shape: output.unwrap_or_default(),
            calls: 0,
            mean_ms: 0.0,
            share: 0.0,
            macs: layer.and_then(|i| self.macs.get(i).copied()).filter(|macs| *macs > 0),
            gmacs_per_s: None,
        }
    }

    /// Returns the node named `name`, or the nearest one before it with the operation that ran.
    fn layer(&self, name: &str, op: &str) -> Option<usize> {
        let named = *self.by_name.get(name)?;
        let mut at = Some(named);
        while let Some(index) = at {
            let node: &Node = &self.graph.nodes[index];
            // `FusedConv` and the like: a fused kernel is named after its product.
            if node.op_type == op || op.strip_prefix("Fused") == Some(&node.op_type) {
                return Some(index);
            }
            // Only nodes that a fusion can absorb are passed: a chain of one input.
            at = node.input(0).and_then(|id| self.producers.get(&id).copied()).filter(|_| node.reads().count() == 1);
        }
        Some(named)
    }
}

impl Report for Profile {
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::path("layer"),
            Column::text("op").rank(3),
            Column::text("provider").rank(6),
            Column::whole("output shape").rank(5),
            Column::number("mean").unit("ms"),
            Column::number("share").unit("%"),
            Column::number("MACs").rank(4),
            Column::number("GMAC/s").rank(2),
        ];
        let shown = self.operators.len().min(self.top);
        let mut table = Table::new(format!("Operators by time: {shown} of {}", self.operators.len()), columns);
        for operator in &self.operators[..shown] {
            let shape: Vec<_> = operator.output_shape.iter().map(u64::to_string).collect();
            table.row([
                operator.layer.as_str().into(),
                operator.op.as_str().into(),
                operator.provider.as_str().into(),
                shape.join(" x ").into(),
                Cell::float(operator.mean_ms, 4),
                Cell::float(100.0 * operator.share, 1),
                operator.macs.map_or(Cell::Missing, Cell::from),
                Cell::float(operator.gmacs_per_s, 1),
            ]);
        }
        vec![table]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{DType, Tensor};

    /// Builds Conv (4 to 8 channels, 1x1, 3x3 map) and ReLU, batch N.
    fn graph() -> Graph {
        let mut g = Graph::new("g");
        let dims = |c: usize| Some(vec![Dim::symbol("N"), Dim::Known(c), Dim::Known(3), Dim::Known(3)]);
        let x = g.add_value("x", Some(DType::F32), dims(4));
        let [z, y] = ["z", "y"].map(|name| g.add_value(name, Some(DType::F32), dims(8)));
        let w = g.add_initializer("w", Tensor::from_f32(vec![8, 4, 1, 1], &[0.5; 32]).unwrap());
        g.nodes =
            vec![Node::new("a.conv/Conv", "Conv", vec![x, w], vec![z]), Node::new("a/Relu", "Relu", vec![z], vec![y])];
        (g.inputs, g.outputs) = (vec![x], vec![y]);
        g
    }

    /// Events in the form that ONNX Runtime 1.31 writes: a fused convolution under the ReLU's name, and a separate
    /// layout change.
    const TRACE: &str = r#"[
        {"cat": "Node", "dur": 999, "ts": 1100, "ph": "X", "name": "a/Relu_nchwc_kernel_time", "args": {"op_name": "Conv",
            "provider": "CPUExecutionProvider", "output_type_shape": [{"float": [2, 8, 3, 3]}]}},
        {"cat": "Session", "pid": 1, "tid": 1, "dur": 900, "ts": 1000, "ph": "X", "name": "model_run", "args": {}},
        {"cat": "Node", "dur": 30, "ts": 2000, "ph": "X", "name": "a/Relu_nchwc_kernel_time", "args": {"op_name": "Conv",
            "provider": "CPUExecutionProvider", "output_type_shape": [{"float": [2, 8, 3, 3]}], "node_index": "1"}},
        {"cat": "Node", "dur": 10, "ts": 3000, "ph": "X", "name": "ReorderOutput_kernel_time", "args": {"op_name": "ReorderOutput",
            "provider": "CPUExecutionProvider", "output_type_shape": [{"float": [2, 8, 3, 3]}]}},
        {"cat": "Node", "dur": 50, "ts": 9000, "ph": "X", "name": "a/Relu_nchwc_kernel_time", "args": {"op_name": "Conv",
            "provider": "CPUExecutionProvider", "output_type_shape": [{"float": [2, 8, 3, 3]}]}},
        {"cat": "Node", "dur": 7, "ts": 9000, "ph": "X", "name": "a/Relu_nchwc_fence_before", "args": {"op_name": "Conv"}}
    ]"#;

    #[test]
    fn a_fused_kernel_is_joined_to_the_convolution_it_computes() {
        // The first event belongs to the warm-up run.
        let profile = Profile::parse(TRACE, &graph(), 2, 1).unwrap();
        let [conv, reorder] = &profile.operators[..] else { panic!("{profile:?}") };
        assert_eq!((conv.layer.as_str(), conv.op.as_str(), conv.calls), ("a.conv/Conv", "Conv", 2));
        // 2 images x 8 channels x 9 positions x 4 inputs = 576 MACs in 40 us on average: 0.0144 GMAC/s.
        assert_eq!((conv.macs, conv.mean_ms), (Some(576), 0.04));
        assert!((conv.gmacs_per_s.unwrap() - 0.0144).abs() < 1e-9);
        assert!((conv.share - 80.0 / 90.0).abs() < 1e-12 && (profile.kernels_ms - 0.09).abs() < 1e-12);
        assert_eq!((reorder.layer.as_str(), reorder.macs), ("ReorderOutput", None));
    }

    #[test]
    fn an_unfused_activation_stays_what_it_is() {
        let trace = TRACE.replace(r#""op_name": "Conv""#, r#""op_name": "Relu""#);
        let profile = Profile::parse(&trace, &graph(), 2, 1).unwrap();
        assert_eq!((profile.operators[0].layer.as_str(), profile.operators[0].macs), ("a/Relu", None));
    }

    #[test]
    fn a_text_that_is_no_profile_is_refused() {
        for (text, says) in
            [("{}", "no list of trace events"), ("[]", "no time of any kernel"), ("[{\"cat\": 3}]", "no list")]
        {
            assert!(Profile::parse(text, &graph(), 1, 0).unwrap_err().to_string().contains(says), "{text}");
        }
    }
}
