//! `[engine]`: the options of ONNX Runtime and its providers, for every rule that runs the model.

use serde::Deserialize;

use super::values::Name;
use crate::runtime::{ConvSearch, EngineOptions, GraphOptimization, Precision};

/// The section. What it leaves out stays as the caller has it. The keys are the flags of `gnet bench`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Engine {
    spinning: Option<bool>,
    graph_optimization: Option<Name<GraphOptimization>>,
    arena: Option<bool>,
    cuda_device: Option<u32>,
    cuda_tf32: Option<bool>,
    cuda_conv_search: Option<Name<ConvSearch>>,
    cuda_nhwc: Option<bool>,
    cuda_graph: Option<bool>,
    tensorrt_fp16: Option<bool>,
    tensorrt_builder_level: Option<u8>,
    openvino_precision: Option<Name<Precision>>,
    openvino_streams: Option<u32>,
}

fn set<T>(option: &mut T, stated: Option<T>) {
    if let Some(stated) = stated {
        *option = stated;
    }
}

fn name<T: Copy>(stated: Option<&Name<T>>) -> Option<T> {
    stated.map(|Name(value)| *value)
}

impl Engine {
    /// Returns options with those that are stated.
    pub fn applied(&self, mut to: EngineOptions) -> EngineOptions {
        set(&mut to.spinning, self.spinning);
        set(&mut to.graph_optimization, name(self.graph_optimization.as_ref()));
        set(&mut to.arena, self.arena);
        set(&mut to.cuda.device, self.cuda_device);
        set(&mut to.cuda.tf32, self.cuda_tf32);
        set(&mut to.cuda.conv_search, name(self.cuda_conv_search.as_ref()));
        set(&mut to.cuda.nhwc, self.cuda_nhwc);
        set(&mut to.cuda.graph, self.cuda_graph);
        set(&mut to.tensorrt.fp16, self.tensorrt_fp16);
        set(&mut to.tensorrt.builder_level, self.tensorrt_builder_level);
        set(&mut to.openvino.precision, name(self.openvino_precision.as_ref()));
        set(&mut to.openvino.streams, self.openvino_streams);
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stated_reaches_its_option_and_the_rest_stays() {
        let text = "spinning = false\ngraph_optimization = \"basic\"\narena = false\ncuda_device = 1\ncuda_tf32 = true\n\
                    cuda_conv_search = \"heuristic\"\ncuda_nhwc = true\ncuda_graph = true\ntensorrt_fp16 = true\n\
                    tensorrt_builder_level = 5\nopenvino_precision = \"bf16\"\nopenvino_streams = 2\n";
        let of = |text: &str, to| toml::from_str::<Engine>(text).unwrap().applied(to);
        let stated = serde_json::to_value(of(text, EngineOptions::default())).unwrap();
        let expected = serde_json::json!({
            "ort_lib": null,
            "spinning": false,
            "graph_optimization": "basic",
            "arena": false,
            "min_placement": 1.0,
            "allow_fallback": false,
            "cuda": { "device": 1, "tf32": true, "conv_search": "heuristic", "nhwc": true, "graph": true },
            "tensorrt": { "fp16": true, "cache": null, "builder_level": 5, "batches": null },
            "openvino": { "plugin": null, "precision": "bf16", "streams": 2 },
            "profile": null,
        });
        assert_eq!(stated, expected);
        let callers = EngineOptions { spinning: false, ..EngineOptions::default() };
        assert_eq!(of("", callers.clone()), callers);
        assert_eq!(of("spinning = true", callers), EngineOptions::default());
    }
}
