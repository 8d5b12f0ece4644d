//! Conversion of options to a session builder for exactly one provider.

use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CPU, CUDA, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::{AutoDevicePolicy, BuilderResult, GraphOptimizationLevel, SessionBuilder};

use super::library::Loaded;
use super::settings::{self, device_id, on, set};
use super::{
    GraphOptimization, Provider, RunOptions, Settings, explain, failed, log, nvidia, openvino, tensorrt, toolkit,
};
use crate::runtime::{ConvSearch, CudaOptions};
use gnet_core::{Error, OnnxFile, Result};

pub(super) struct Configured {
    pub(super) builder: SessionBuilder,
    pub(super) settings: Settings,
}

/// Applies all options. The provider is registered so that a failure is an error.
///
/// # Errors
/// Fails with the reason if the provider is unavailable ([`ErrorKind::Unavailable`](gnet_core::ErrorKind::Unavailable)).
pub(super) fn configure(
    loaded: &Loaded,
    provider: Provider,
    file: &OnnxFile,
    options: &RunOptions,
) -> Result<Configured> {
    let engine = &options.engine;
    openvino::ensure_not_captured(provider)?;
    let is_part = !matches!(provider, Provider::Cpu | Provider::OpenVino);
    if is_part && provider.ort_name().is_none_or(|name| !loaded.library.has(name)) {
        return Err(explain::not_compiled_in(provider, &loaded.library));
    }
    if matches!(provider, Provider::Cuda | Provider::TensorRt) {
        toolkit::load(&loaded.library.path)?;
    }
    let mut settings = settings::common(loaded, options);
    // Earlier messages are not the reason for what happens now.
    log::take();
    let builder = common(loaded, options)?;
    let builder = match provider {
        Provider::OpenVino => openvino::register(builder, loaded, options, &mut settings)?,
        _ => {
            let dispatch = dispatch(provider, loaded, file, options, &mut settings)?;
            builder
                .with_execution_providers(dispatch)
                .map_err(|e| explain::unusable(provider, &loaded.library, e.message(), &log::take()))?
        }
    };
    if matches!(provider, Provider::Cuda | Provider::TensorRt) {
        nvidia::versions(&mut settings);
    }
    // The arena is set through the CPU provider, which every session has.
    let cpu = CPU::default().with_arena_allocator(engine.arena).build().error_on_failure();
    let builder = step(builder.with_execution_providers([cpu]))?;
    Ok(Configured { builder, settings })
}

fn common(loaded: &Loaded, options: &RunOptions) -> Result<SessionBuilder> {
    let engine = &options.engine;
    let builder = Session::builder(&loaded.environment).map_err(|e| failed(&e))?;
    // By default `ort` lets ONNX Runtime choose among devices; here a provider is named or it is the CPU.
    let builder = step(builder.with_auto_device(AutoDevicePolicy::PreferCPU))?;
    let builder = step(builder.with_intra_threads(options.threads))?;
    let builder = step(builder.with_intra_op_spinning(engine.spinning))?;
    let builder = step(builder.with_optimization_level(level(engine.graph_optimization)))?;
    let builder = step(builder.with_config_entry("session.record_ep_graph_assignment_info", "1"))?;
    match &engine.profile {
        Some(prefix) => step(builder.with_profiling(prefix)),
        None => Ok(builder),
    }
}

fn step(result: BuilderResult) -> Result<SessionBuilder> {
    result.map_err(|e| failed(&e))
}

fn level(level: GraphOptimization) -> GraphOptimizationLevel {
    match level {
        GraphOptimization::Off => GraphOptimizationLevel::Disable,
        GraphOptimization::Basic => GraphOptimizationLevel::Level1,
        GraphOptimization::Extended => GraphOptimizationLevel::Level2,
        GraphOptimization::Layout => GraphOptimizationLevel::Level3,
        GraphOptimization::All => GraphOptimizationLevel::All,
    }
}

/// Returns the providers to register, in the order in which they take nodes.
fn dispatch(
    provider: Provider,
    loaded: &Loaded,
    file: &OnnxFile,
    options: &RunOptions,
    settings: &mut Settings,
) -> Result<Vec<ExecutionProviderDispatch>> {
    let engine = &options.engine;
    Ok(match provider {
        Provider::Cuda => vec![cuda(&engine.cuda, settings)],
        Provider::TensorRt => {
            let first = tensorrt::configure(loaded, file, options, settings)?.build().error_on_failure();
            let rest = engine.allow_fallback.then(|| cuda(&engine.cuda, settings));
            std::iter::once(first).chain(rest).collect()
        }
        Provider::Cpu => Vec::new(),
        Provider::OpenVino | Provider::Tract => {
            return Err(Error::unavailable(format!("provider {provider}"), "is not built into ONNX Runtime"));
        }
    })
}

fn cuda(options: &CudaOptions, settings: &mut Settings) -> ExecutionProviderDispatch {
    let search = match options.conv_search {
        ConvSearch::Default => ConvAlgorithmSearch::Default,
        ConvSearch::Heuristic => ConvAlgorithmSearch::Heuristic,
        ConvSearch::Exhaustive => ConvAlgorithmSearch::Exhaustive,
    };
    set(settings, "cuda_device", options.device);
    set(settings, "cuda_tf32", on(options.tf32));
    set(settings, "cuda_conv_search", options.conv_search);
    set(settings, "cuda_nhwc", on(options.nhwc));
    set(settings, "cuda_graph", on(options.graph));
    CUDA::default()
        .with_device_id(device_id(options))
        .with_tf32(options.tf32)
        .with_conv_algorithm_search(search)
        .with_prefer_nhwc(options.nhwc)
        .with_cuda_graph(options.graph)
        .build()
        .error_on_failure()
}
