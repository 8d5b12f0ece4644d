//! Options for the engine that runs a file, and those of ONNX Runtime's providers.

use std::path::PathBuf;

use clap::{ArgAction, Args};
use gnet::runtime::{BatchRange, ConvSearch, EngineOptions, GraphOptimization, Precision, TensorRtOptions};

use super::values;

const HEADING: &str = "Options of ONNX Runtime";

/// Parses the names of an enumeration of the library.
macro_rules! names {
    ($type:ident) => {
        values::one_of::<$type>($type::ALL.iter().map(|value| value.name()))
    };
}

#[derive(Debug, Clone, Default, Args)]
pub struct LibraryArgs {
    /// The library of ONNX Runtime [default: GNET_ORT_LIB, ORT_DYLIB_PATH, the installed one, the system's]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    ort_lib: Option<PathBuf>,
}

impl LibraryArgs {
    /// Returns `true` if a library was named on the command line.
    #[cfg(feature = "burn")]
    pub fn is_given(&self) -> bool {
        self.ort_lib.is_some()
    }

    /// Returns the default options with this library.
    pub fn options(&self) -> EngineOptions {
        EngineOptions::default().ort_lib(self.ort_lib.clone())
    }
}

/// All options of ONNX Runtime. Each value used is stated in the result.
#[derive(Debug, Clone, Args)]
pub struct EngineArgs {
    #[command(flatten)]
    library: LibraryArgs,
    /// Whether waiting threads spin before they sleep.
    #[arg(long, value_name = "on|off", action = ArgAction::Set, default_value = "on", value_parser = switch, help_heading = HEADING)]
    spinning: bool,
    /// Level of the rewrites that are applied to a file when it is loaded.
    #[arg(long, value_name = "LEVEL", default_value_t, value_parser = names!(GraphOptimization), help_heading = HEADING)]
    graph_optimization: GraphOptimization,
    /// Allocate the CPU's memory anew in every run instead of keeping it in an arena.
    #[arg(long, help_heading = HEADING)]
    no_arena: bool,
    /// The least share of the MACs on the requested provider; a run with less is void.
    #[arg(long, value_name = "PERCENT|SHARE", default_value = "100%", value_parser = share, help_heading = HEADING)]
    min_placement: f64,
    /// Accept any placement; what TensorRT does not take may go to CUDA.
    #[arg(long, help_heading = HEADING)]
    allow_fallback: bool,
    /// Number of the GPU, for CUDA and TensorRT.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole::<u32>, help_heading = HEADING)]
    cuda_device: u32,
    /// Let CUDA compute products of f32 in TF32.
    #[arg(long, help_heading = HEADING)]
    cuda_tf32: bool,
    /// Strategy by which cuDNN chooses the algorithm of a convolution.
    #[arg(long, value_name = "HOW", default_value_t, value_parser = names!(ConvSearch), help_heading = HEADING)]
    cuda_conv_search: ConvSearch,
    /// Run CUDA's convolutions in the layout NHWC.
    #[arg(long, help_heading = HEADING)]
    cuda_nhwc: bool,
    /// Replay a CUDA graph in place of single launches.
    #[arg(long, help_heading = HEADING)]
    cuda_graph: bool,
    /// Let TensorRT run layers in fp16.
    #[arg(long, help_heading = HEADING)]
    tensorrt_fp16: bool,
    /// Folder for TensorRT's engines and timing caches [default: gnet's cache directory]
    #[arg(long, value_name = "FOLDER", help_heading = HEADING)]
    tensorrt_cache: Option<PathBuf>,
    /// Effort of TensorRT's builder, 0 to 5.
    #[arg(long, value_name = "0..5", default_value_t = TensorRtOptions::default().builder_level, help_heading = HEADING,
          value_parser = clap::value_parser!(u8).range(0..=5))]
    tensorrt_builder_level: u8,
    /// Precision of OpenVINO's arithmetic; its own default would change the answers.
    #[arg(long, value_name = "PRECISION", default_value_t, value_parser = names!(Precision), help_heading = HEADING)]
    openvino_precision: Precision,
    /// Requests that OpenVINO may run at once.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = values::whole::<u32>, help_heading = HEADING)]
    openvino_streams: u32,
    /// OpenVINO's plugin [default: GNET_OPENVINO_PLUGIN, the installed one]
    #[arg(long, value_name = "FILE", help_heading = HEADING)]
    openvino_plugin: Option<PathBuf>,
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("is neither on nor off".to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share = values::fraction(text)?;
    if (0.0..=1.0).contains(&share) { Ok(share) } else { Err("is not between 0 and 100%".to_owned()) }
}

impl EngineArgs {
    /// Returns the library's options for a benchmark of these batches: one TensorRT engine serves them all.
    pub fn options(&self, batches: &[usize]) -> EngineOptions {
        let range =
            batches.iter().min().zip(batches.iter().max()).map(|(min, max)| BatchRange { min: *min, max: *max });
        let mut options = self.library.options();
        options.spinning = self.spinning;
        options.graph_optimization = self.graph_optimization;
        options.arena = !self.no_arena;
        options.min_placement = self.min_placement;
        options.allow_fallback = self.allow_fallback;
        options.cuda.device = self.cuda_device;
        options.cuda.tf32 = self.cuda_tf32;
        options.cuda.conv_search = self.cuda_conv_search;
        options.cuda.nhwc = self.cuda_nhwc;
        options.cuda.graph = self.cuda_graph;
        options.tensorrt.fp16 = self.tensorrt_fp16;
        options.tensorrt.cache = self.tensorrt_cache.clone();
        options.tensorrt.builder_level = self.tensorrt_builder_level;
        options.tensorrt.batches = range;
        options.openvino.plugin = self.openvino_plugin.clone();
        options.openvino.precision = self.openvino_precision;
        options.openvino.streams = self.openvino_streams;
        options
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: EngineArgs,
    }

    fn options(args: &[&str], batches: &[usize]) -> Result<EngineOptions, clap::Error> {
        Cli::try_parse_from([&["x"], args].concat()).map(|cli| cli.args.options(batches))
    }

    #[test]
    fn the_flags_defaults_are_the_librarys() {
        let batches = Some(BatchRange { min: 1, max: 8 });
        let mut expected = EngineOptions::default();
        expected.tensorrt.batches = batches;
        assert_eq!(options(&[], &[8, 1, 4]).unwrap(), expected);
        assert_eq!(LibraryArgs::default().options(), EngineOptions::default());
    }

    #[test]
    fn every_flag_reaches_its_option() {
        let args = "--ort-lib /l.so --spinning off --graph-optimization basic --no-arena --min-placement 99.5% \
                    --allow-fallback --cuda-device 1 --cuda-tf32 --cuda-conv-search heuristic --cuda-nhwc --cuda-graph \
                    --tensorrt-fp16 --tensorrt-cache /c --tensorrt-builder-level 5 --openvino-precision bf16 \
                    --openvino-streams 2 --openvino-plugin /p.so";
        let expected = json!({
            "ort_lib": "/l.so",
            "spinning": false,
            "graph_optimization": "basic",
            "arena": false,
            "min_placement": 0.995,
            "allow_fallback": true,
            "cuda": { "device": 1, "tf32": true, "conv_search": "heuristic", "nhwc": true, "graph": true },
            "tensorrt": { "fp16": true, "cache": "/c", "builder_level": 5, "batches": { "min": 4, "max": 4 } },
            "openvino": { "plugin": "/p.so", "precision": "bf16", "streams": 2 },
            "profile": null,
        });
        let options_of = options(&args.split_whitespace().collect::<Vec<_>>(), &[4]).unwrap();
        assert_eq!(serde_json::to_value(options_of).unwrap(), expected);
        assert_eq!(options(&["--min-placement", "0.5"], &[1]).unwrap().min_placement, 0.5);
    }

    #[test]
    fn values_that_mean_nothing_are_bad_usage() {
        for args in [
            ["--spinning", "maybe"],
            ["--min-placement", "101%"],
            ["--min-placement", "nan"],
            ["--graph-optimization", "most"],
            ["--tensorrt-builder-level", "6"],
            ["--openvino-precision", "int8"],
            ["--cuda-device", "-1"],
        ] {
            assert!(options(&args, &[1]).is_err(), "{args:?}");
        }
    }
}
