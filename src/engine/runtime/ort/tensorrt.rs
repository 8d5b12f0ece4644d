//! TensorRT: options, the shape profile, and the cache of engines that take minutes to build.

use std::path::PathBuf;

use ort::ep::{ExecutionProvider, TensorRT};
use ort::session::Session;

use super::library::{Loaded, mapped};
use super::settings::{device_id, on, set};
use super::{Provider, RunOptions, Settings, explain, failed, log, prepare};
use crate::host::proc::values;
use crate::install;
use crate::runtime::{BatchRange, TensorRtOptions};
use gnet_core::graph::{Graph, Sizes};
use gnet_core::{Error, OnnxFile, Result, files};

pub(super) fn configure(
    loaded: &Loaded,
    file: &OnnxFile,
    options: &RunOptions,
    settings: &mut Settings,
) -> Result<TensorRT> {
    let tensorrt = &options.engine.tensorrt;
    let device = device_id(&options.engine.cuda);
    let range = tensorrt.batches.unwrap_or(BatchRange { min: options.batch, max: options.batch });
    let profile = Profile::of(&file.model()?.graph, &options.sizes, range, options.batch)?;
    load_library(loaded, device)?;
    let key = key(&[
        &prepare(Provider::TensorRt, file)?.bytes,
        driver().as_bytes(),
        format!("onnxruntime {}, {}", loaded.library.version, version().unwrap_or_default()).as_bytes(),
        format!("device {device}, {}", gpu_names().join(", ")).as_bytes(),
        format!("{tensorrt:?} {profile:?}").as_bytes(),
    ]);
    let folder = folder(tensorrt, &key)?;
    set(settings, "tensorrt_device", device);
    set(settings, "tensorrt_version", version().unwrap_or_else(|| "unknown".to_owned()));
    set(settings, "tensorrt_fp16", on(tensorrt.fp16));
    set(settings, "tensorrt_builder_level", tensorrt.builder_level);
    set(settings, "tensorrt_batches", format!("{}..{}", range.min, range.max));
    set(settings, "tensorrt_cache", &key);
    let path = folder.display();
    Ok(TensorRT::default()
        .with_device_id(device)
        .with_fp16(tensorrt.fp16)
        .with_builder_optimization_level(tensorrt.builder_level)
        .with_engine_cache(true)
        .with_engine_cache_path(&path)
        .with_timing_cache(true)
        .with_timing_cache_path(path)
        .with_profile_min_shapes(&profile.min)
        .with_profile_opt_shapes(&profile.opt)
        .with_profile_max_shapes(&profile.max))
}

/// Registers the provider once without using it, so that its libraries are loaded and their version can be part of the
/// key.
fn load_library(loaded: &Loaded, device: i32) -> Result<()> {
    let mut scratch = Session::builder(&loaded.environment).map_err(|e| failed(&e))?;
    TensorRT::default()
        .with_device_id(device)
        .register(&mut scratch)
        .map_err(|e| explain::unusable(Provider::TensorRt, &loaded.library, e.message(), &log::take()))
}

/// Shapes that an engine is built for, in TensorRT's own notation: `input:1x3x224x224,..`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Profile {
    min: String,
    opt: String,
    max: String,
}

impl Profile {
    fn of(graph: &Graph, sizes: &Sizes, range: BatchRange, batch: usize) -> Result<Self> {
        let inputs = graph.stated_inputs();
        let fed = sizes.fed(&inputs)?;
        let at = |batch: usize| -> Result<String> {
            let shapes = fed.at(fed.fixed_batch().unwrap_or(batch))?;
            let texts = inputs.iter().zip(shapes).map(|(input, shape)| {
                let sides: Vec<String> = shape.iter().map(usize::to_string).collect();
                format!("{}:{}", input.name, sides.join("x"))
            });
            Ok(texts.collect::<Vec<_>>().join(","))
        };
        Ok(Self { min: at(range.min)?, opt: at(batch)?, max: at(range.max)? })
    }
}

fn folder(options: &TensorRtOptions, key: &str) -> Result<PathBuf> {
    let root = options.cache.clone().or_else(|| install::cache_dir().map(|cache| cache.join("tensorrt")));
    let root = root.ok_or_else(|| {
        Error::input("TensorRT's cache", "there is no home directory to keep it in")
            .remedy("give --tensorrt-cache FOLDER")
    })?;
    let folder = root.join(key);
    files::create_dir(&folder)?;
    std::path::absolute(&folder).map_err(|e| Error::file(&folder, e))
}

/// Computes a 128-bit FNV-1a hash over parts that are separated by their lengths (Fowler, Noll, Vo; RFC 9923). A
/// cache's key must be the same everywhere and need not withstand an attacker.
fn key(parts: &[&[u8]]) -> String {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let lengths = parts.iter().map(|part| (part.len() as u64).to_le_bytes());
    let fnv =
        |hash: u128, bytes: &[u8]| bytes.iter().fold(hash, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    let hash = lengths.zip(parts).fold(OFFSET, |hash, (len, part)| fnv(fnv(hash, &len), part));
    format!("{hash:032x}")
}

/// Returns the file name of TensorRT's library with its full version, once it is loaded: `libnvinfer.so.10.3.0`.
fn version() -> Option<String> {
    Some(mapped("libnvinfer.so")?.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned())
}

fn driver() -> String {
    let text = std::fs::read_to_string("/proc/driver/nvidia/version").unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn gpu_names() -> Vec<String> {
    let gpus = std::fs::read_dir("/proc/driver/nvidia/gpus").into_iter().flatten().flatten();
    let texts = gpus.filter_map(|gpu| std::fs::read_to_string(gpu.path().join("information")).ok());
    let mut names: Vec<String> = texts.filter_map(|text| Some(values(&text, "Model").next()?.to_owned())).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::graph::{DType, Dim};

    #[test]
    fn a_profile_spans_the_batches_and_is_best_at_the_runs() {
        let mut graph = Graph::new("g");
        let dims = |batch: Dim| Some(vec![batch, Dim::Known(3), Dim::Known(8), Dim::Known(8)]);
        let x = graph.add_value("x", Some(DType::F32), dims(Dim::symbol("N")));
        let scale = graph.add_value("scale", Some(DType::F32), Some(vec![Dim::Known(1), Dim::Known(3)]));
        graph.inputs = vec![x, scale];
        let profile = Profile::of(&graph, &Sizes::none(), BatchRange { min: 1, max: 32 }, 8).unwrap();
        assert_eq!(profile.min, "x:1x3x8x8,scale:1x3");
        assert_eq!(profile.opt, "x:8x3x8x8,scale:1x3");
        assert_eq!(profile.max, "x:32x3x8x8,scale:1x3");
        graph.value_mut(x).shape = Some(vec![Dim::symbol("N"), Dim::Known(3), Dim::symbol("H"), Dim::Unknown]);
        let sizes = Sizes::input("x=Nx3x16x8").unwrap();
        let profile = Profile::of(&graph, &sizes, BatchRange { min: 1, max: 32 }, 8).unwrap();
        assert_eq!(profile.max, "x:32x3x16x8,scale:1x3");
        let bare = graph.add_value("bare", None, None);
        graph.inputs = vec![bare];
        let error = Profile::of(&graph, &Sizes::none(), BatchRange { min: 1, max: 1 }, 1).unwrap_err();
        assert_eq!(error.to_string(), "input 'bare': has no shape");
    }

    #[test]
    fn a_key_depends_on_every_part_and_on_where_it_ends() {
        let keys =
            [key(&[b"model", b"driver"]), key(&[b"mode", b"ldriver"]), key(&[b"model", b"drive"]), key(&[b"model"])];
        for (i, a) in keys.iter().enumerate() {
            assert!(keys[..i].iter().all(|b| a != b), "{keys:?}");
            assert_eq!(a.len(), 32);
        }
        assert_eq!(key(&[]), "6c62272e07bb014262b821756295c58d", "the offset basis of the standard");
    }

    #[test]
    fn engines_lie_below_the_given_folder() {
        let dir = tempfile::tempdir().unwrap();
        let options = TensorRtOptions { cache: Some(dir.path().join("a/b")), ..TensorRtOptions::default() };
        assert_eq!(folder(&options, "key").unwrap(), dir.path().join("a/b/key"));
        assert!(dir.path().join("a/b/key").is_dir());
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(folder(&TensorRtOptions { cache: Some(file), ..options }, "key").is_err());
    }
}
