//! Options of engines.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use gnet_core::graph::Sizes;
use gnet_core::{Error, Result, named};

/// Values of all settings that affect speed or outputs, under the options' names: returned by
/// [`Session::settings`](super::Session::settings) and stored by benchmarks.
pub type Settings = BTreeMap<String, String>;

/// Options for running a file.
///
/// ```
/// # mod gnet { pub use {gnet_core::*, gnet_engine::*}; }
/// # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures")).unwrap();
/// use gnet::OnnxFile;
/// use gnet::graph::Sizes;
/// use gnet::runtime::{self, Provider, RunOptions};
///
/// # if Provider::Tract.ensure_available().is_err() { return Ok(()) }
/// // Eight rows at once on two threads, each of three tokens: the file leaves their number open, under the name T.
/// let options = RunOptions::new(2, 8).sizes(Sizes::dim("T", 3));
/// let session = runtime::load(Provider::Tract, &OnnxFile::open("tokens.onnx".as_ref())?, &options)?;
/// assert_eq!(session.inputs()[0].shape, [8, 3]);
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RunOptions {
    /// Number of threads that the engine may use, at least 1.
    pub threads: usize,
    /// Number of images per run, at least 1. A file whose batch is fixed runs with that batch only.
    pub batch: usize,
    /// Sizes of the inputs' axes that the file leaves open. The file itself is not changed.
    pub sizes: Sizes,
    /// Options of ONNX Runtime and its providers; tract only uses the level of rewrites.
    pub engine: EngineOptions,
}

impl Default for RunOptions {
    /// Returns one thread, one image.
    fn default() -> Self {
        Self { threads: 1, batch: 1, sizes: Sizes::none(), engine: EngineOptions::default() }
    }
}

impl RunOptions {
    /// Maximum number of threads: far more than any machine needs, and fewer than an operating system refuses.
    pub const MAX_THREADS: usize = 1024;
    /// Maximum number of images per run.
    pub const MAX_BATCH: usize = 65_536;

    /// Returns default options for a number of threads and images.
    pub fn new(threads: usize, batch: usize) -> Self {
        Self { threads, batch, ..Self::default() }
    }

    /// Sets the sizes.
    pub fn sizes(self, sizes: Sizes) -> Self {
        Self { sizes, ..self }
    }

    /// Sets the options of the engine.
    pub fn engine(self, engine: EngineOptions) -> Self {
        Self { engine, ..self }
    }

    /// Refuses what no engine could run.
    ///
    /// # Errors
    /// Fails on a batch or number of threads that is 0 or unreasonably large; also those of [`EngineOptions::check`].
    pub fn check(&self) -> Result<()> {
        for (name, value, most) in
            [("batch", self.batch, Self::MAX_BATCH), ("threads", self.threads, Self::MAX_THREADS)]
        {
            match value {
                0 => return Err(Error::input(format!("{name} 0"), "a run needs at least one")),
                _ if value > most => {
                    return Err(Error::input(format!("{name} {value}"), format!("is more than {most}")));
                }
                _ => {}
            }
        }
        self.engine.check(self.batch)
    }
}

/// Options of ONNX Runtime and its providers.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct EngineOptions {
    /// Path of the ONNX Runtime library, which takes precedence over every other place.
    pub ort_lib: Option<PathBuf>,
    /// Whether the threads of the pool spin for a while before they sleep: faster, at the cost of CPU time. On by
    /// default, as in ONNX Runtime.
    pub spinning: bool,
    /// Level of the rewrites that ONNX Runtime applies when it loads a file. tract has two levels: its own rewrites are
    /// on unless the level is off.
    pub graph_optimization: GraphOptimization,
    /// Whether the CPU's memory comes from an arena that keeps what it has. On by default, as in ONNX Runtime.
    pub arena: bool,
    /// Minimum fraction of the MACs (0..=1) that must be placed on the requested provider.
    pub min_placement: f64,
    /// Accept a smaller fraction, and let nodes that TensorRT does not take run on CUDA.
    pub allow_fallback: bool,
    /// Options of the CUDA provider.
    pub cuda: CudaOptions,
    /// Options of the TensorRT provider, which also uses the device of [`cuda`](Self::cuda).
    pub tensorrt: TensorRtOptions,
    /// Options of the OpenVINO provider.
    pub openvino: OpenVinoOptions,
    /// Path prefix of the file to which ONNX Runtime writes a profile of every run
    /// ([`Session::finish_profile`](super::Session::finish_profile)).
    pub profile: Option<PathBuf>,
}

impl Default for EngineOptions {
    /// Returns everything on the requested provider, with every optimisation.
    fn default() -> Self {
        Self {
            ort_lib: None,
            spinning: true,
            graph_optimization: GraphOptimization::All,
            arena: true,
            min_placement: 1.0,
            allow_fallback: false,
            cuda: CudaOptions::default(),
            tensorrt: TensorRtOptions::default(),
            openvino: OpenVinoOptions::default(),
            profile: None,
        }
    }
}

/// Level of TensorRT's slowest and most thorough builder.
const MAX_BUILDER_LEVEL: u8 = 5;

/// Maximum number of streams: OpenVINO runs that many requests at once, and more is surely a typing error.
const MAX_STREAMS: u32 = 1024;

impl EngineOptions {
    /// Sets the ONNX Runtime library.
    pub fn ort_lib(self, path: impl Into<Option<PathBuf>>) -> Self {
        Self { ort_lib: path.into(), ..self }
    }

    /// Refuses meaningless values, before anything is loaded.
    ///
    /// # Errors
    /// Fails on a fraction outside 0..=1, a builder level above 5, no stream or more than 1024, or a shape profile that
    /// excludes `batch`.
    pub fn check(&self, batch: usize) -> Result<()> {
        if !(0.0..=1.0).contains(&self.min_placement) {
            let thing = format!("minimum placement {}", self.min_placement);
            return Err(Error::input(thing, "is not a share between 0 and 1"));
        }
        if self.tensorrt.builder_level > MAX_BUILDER_LEVEL {
            let thing = format!("TensorRT's builder level {}", self.tensorrt.builder_level);
            return Err(Error::input(thing, format!("is above {MAX_BUILDER_LEVEL}")));
        }
        if !(1..=MAX_STREAMS).contains(&self.openvino.streams) {
            let thing = format!("OpenVINO's streams {}", self.openvino.streams);
            return Err(Error::input(thing, format!("are not between 1 and {MAX_STREAMS}")));
        }
        match self.tensorrt.batches {
            Some(range) if !(range.min..=range.max).contains(&batch) => {
                let thing = format!("TensorRT's shape profile {}..{}", range.min, range.max);
                Err(Error::input(thing, format!("does not hold the batch {batch}")))
            }
            _ => Ok(()),
        }
    }
}

/// Options of the CUDA provider.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct CudaOptions {
    /// Index of the GPU. TensorRT uses it as well.
    pub device: u32,
    /// Whether products of `f32` may be computed in TF32, with 10 bits of mantissa instead of 23. Off by default (ONNX
    /// Runtime's own default is on): it changes the outputs.
    pub tf32: bool,
    /// Strategy by which cuDNN chooses the algorithm of each convolution.
    pub conv_search: ConvSearch,
    /// Whether convolutions run in the layout NHWC.
    pub nhwc: bool,
    /// Whether the first runs are recorded as a CUDA graph, which later runs replay with a single launch.
    pub graph: bool,
}

/// Options of the TensorRT provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TensorRtOptions {
    /// Whether layers may run in fp16. Changes the outputs.
    pub fp16: bool,
    /// Folder for built engines and timing caches; gnet's cache directory by default. It contains one folder for each
    /// file, device, driver, version and set of options, so that a stale engine is never used.
    pub cache: Option<PathBuf>,
    /// Effort of the builder's search, 0..=5; 3 by default, as in TensorRT.
    pub builder_level: u8,
    /// Batches that one engine is built for; only the run's own by default.
    pub batches: Option<BatchRange>,
}

impl Default for TensorRtOptions {
    fn default() -> Self {
        Self { fp16: false, cache: None, builder_level: 3, batches: None }
    }
}

/// Smallest and largest batch of a shape profile. It is optimised for the batch of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct BatchRange {
    /// Smallest batch.
    pub min: usize,
    /// Largest batch.
    pub max: usize,
}

/// Options of the OpenVINO provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct OpenVinoOptions {
    /// Path of the plugin's library; the installed one by default.
    pub plugin: Option<PathBuf>,
    /// Precision of the computation. OpenVINO's own default is bf16 if the processor supports it, which changes the
    /// outputs.
    pub precision: Precision,
    /// Number of requests that may run at once; 1 by default, for the lowest latency.
    pub streams: u32,
}

impl Default for OpenVinoOptions {
    fn default() -> Self {
        Self { plugin: None, precision: Precision::F32, streams: 1 }
    }
}

/// Returns the error of a name that is not one of `names`.
fn none_of(thing: String, names: &[&str]) -> Error {
    Error::input(thing, format!("is none of {}", names.join(" ")))
}

/// Level of the rewrites that ONNX Runtime applies when it loads a file, from none to all; each level includes those
/// before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum GraphOptimization {
    /// No rewrites.
    Off,
    /// Rewrites that are valid on every provider: constant folding, removal of no-ops, simple fusions.
    Basic,
    /// Fusions for the CPU and CUDA providers, such as activations into convolutions.
    Extended,
    /// Memory layouts, such as NCHWc for convolutions on the CPU.
    Layout,
    /// Everything; ONNX Runtime's own default.
    #[default]
    All,
}

named!(
    GraphOptimization,
    "graph optimisation",
    [Off = "off", Basic = "basic", Extended = "extended", Layout = "layout", All = "all"],
    none_of
);

/// Strategy by which cuDNN chooses the algorithm of each convolution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ConvSearch {
    /// The implicit precomputed GEMM, without a search.
    Default,
    /// cuDNN's heuristics.
    Heuristic,
    /// Trial of all algorithms in the first run, which takes long; ONNX Runtime's own default.
    #[default]
    Exhaustive,
}

named!(
    ConvSearch,
    "convolution search",
    [Default = "default", Heuristic = "heuristic", Exhaustive = "exhaustive"],
    none_of
);

/// A precision of arithmetic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floating point.
    #[default]
    F32,
    /// 16-bit floating point with 10 bits of mantissa.
    F16,
    /// 16-bit floating point with 7 bits of mantissa.
    Bf16,
}

named!(Precision, "precision", [F32 = "f32", F16 = "f16", Bf16 = "bf16"], none_of);

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::str::FromStr;

    use super::*;

    #[test]
    fn names_lead_back_to_their_values_here_and_in_json() {
        fn check<T: FromStr<Err = Error> + fmt::Display + Serialize + PartialEq + fmt::Debug>(all: &[T]) {
            for value in all {
                assert_eq!(value.to_string().parse::<T>().unwrap(), *value);
                assert_eq!(serde_json::to_string(value).unwrap(), format!("\"{value}\""));
            }
        }
        check(&GraphOptimization::ALL);
        check(&ConvSearch::ALL);
        check(&Precision::ALL);
        let error = "int8".parse::<Precision>().unwrap_err();
        assert_eq!(error.to_string(), "precision 'int8': is none of f32 f16 bf16");
    }

    #[test]
    fn options_survive_json_and_missing_keys_have_their_defaults() {
        let mut options = RunOptions::new(2, 8);
        options.sizes = Sizes::input("x=Nx3").unwrap();
        options.sizes.extend(Sizes::dim("T", 4));
        options.engine.cuda.conv_search = ConvSearch::Heuristic;
        options.engine.tensorrt.batches = Some(BatchRange { min: 1, max: 8 });
        let text = serde_json::to_string(&options).unwrap();
        assert_eq!(serde_json::from_str::<RunOptions>(&text).unwrap(), options);
        let partial: EngineOptions = serde_json::from_str(r#"{"cuda": {"tf32": true}}"#).unwrap();
        assert!(partial.cuda.tf32 && partial.spinning && partial.arena);
        assert_eq!(partial.min_placement, 1.0);
    }

    #[test]
    fn values_that_mean_nothing_are_refused() {
        let refused = |change: fn(&mut EngineOptions), says: &str| {
            let mut options = EngineOptions::default();
            change(&mut options);
            assert_eq!(options.check(4).unwrap_err().to_string(), says);
        };
        refused(|o| o.min_placement = 1.5, "minimum placement 1.5: is not a share between 0 and 1");
        refused(|o| o.min_placement = f64::NAN, "minimum placement NaN: is not a share between 0 and 1");
        refused(|o| o.tensorrt.builder_level = 6, "TensorRT's builder level 6: is above 5");
        refused(|o| o.openvino.streams = 0, "OpenVINO's streams 0: are not between 1 and 1024");
        refused(
            |o| o.tensorrt.batches = Some(BatchRange { min: 8, max: 32 }),
            "TensorRT's shape profile 8..32: does not hold the batch 4",
        );
        EngineOptions::default().check(4).unwrap();
    }
}
