//! ONNX Runtime from outside: where its library is looked for, what happens when it or a provider cannot be had, and that
//! its answers are tract's.
//!
//! What needs a library takes that of `GNET_TEST_ORT_LIB`, else any that is found; the CUDA build is that of
//! `GNET_TEST_ORT_CUDA_LIB`, else the installed one. Without them those tests pass and say so, unless `GNET_ORT_TESTS` is
//! `required`.

use std::path::{Path, PathBuf};

use gnet::OnnxFile;
use gnet::install::{self, Kind};
use gnet::runtime::{Array, EngineOptions, Provider, RunOptions, library, load, run};

use super::shell::{Shell, UNAVAILABLE};

/// One quick row.
const BENCH: &str = "bench model.onnx --samples 2 --min-time 0 --warmup 1";

/// Every command that runs a file.
const COMMANDS: [&str; 3] = [BENCH, "eval model.onnx --data data", "predict model.onnx x.png"];

/// The library to test with; `None` where there is none.
pub fn ort() -> Option<PathBuf> {
    let ort_lib: Option<PathBuf> = std::env::var_os("GNET_TEST_ORT_LIB").map(Into::into);
    let is_required = ort_lib.is_some() || is_required();
    match library(&EngineOptions::default().ort_lib(ort_lib)) {
        Ok(library) => Some(library.path),
        Err(error) if is_required => panic!("{error}"),
        Err(error) => {
            eprintln!("not tested: {error}");
            None
        }
    }
}

/// The library with CUDA to test with.
fn ort_with_cuda() -> Option<PathBuf> {
    let installed = || install::installed().into_iter().find(|place| place.kind == Kind::Cuda);
    let path = std::env::var_os("GNET_TEST_ORT_CUDA_LIB").map(PathBuf::from).or_else(|| Some(installed()?.library()));
    if path.is_none() {
        eprintln!("not tested: no ONNX Runtime with CUDA is installed");
    }
    path
}

fn is_required() -> bool {
    std::env::var("GNET_ORT_TESTS").is_ok_and(|value| value == "required")
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_library_that_cannot_be_loaded_is_one_error_with_its_reason_in_every_command() {
    let shell = Shell::with_model();
    shell.write("text.so", "no library");
    let program = std::fs::read(env!("CARGO_BIN_EXE_gnet")).unwrap();
    shell.write("cut.so", &program[..program.len() / 2]);
    for (library, says) in [
        ("missing.so", "missing.so: there is no such file (from --ort-lib)"),
        ("text.so", "text.so: is no shared library (from --ort-lib)"),
        ("cut.so", "cut.so: is cut off after "),
        ("data", "data: is a folder where a library is expected (from --ort-lib)"),
    ] {
        for command in COMMANDS {
            let line = format!("{command} --provider cpu --ort-lib {library}");
            shell.refuses(
                &line,
                UNAVAILABLE,
                &[says, "help: point --ort-lib at ", "`gnet runtime install cpu` gets it"],
            );
        }
    }
}

/// A library with the one function that ONNX Runtime exports; `None` where there is no C compiler.
#[cfg(unix)]
fn stub(shell: &Shell, name: &str, base: &str, version: &str) -> Option<()> {
    let source = format!(
        "struct base {{ const void *(*api)(unsigned); const char *(*version)(void); }};\n\
         static const void *api(unsigned wanted) {{ (void)wanted; return 0; }}\n\
         static const char *version(void) {{ return {version}; }}\n\
         static const struct base it = {{ api, version }};\n\
         const struct base *OrtGetApiBase(void) {{ (void)it; return {base}; }}\n"
    );
    shell.write("stub.c", source);
    let done = std::process::Command::new("cc")
        .args(["-shared", "-fPIC", "-o", name, "stub.c"])
        .current_dir(shell.path(""))
        .output();
    match done {
        Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        Err(error) => {
            eprintln!("not tested: cc: {error}");
            return None;
        }
    }
    Some(())
}

#[cfg(unix)]
#[test]
fn a_library_that_is_too_old_or_empty_is_refused_by_its_version() {
    let shell = Shell::with_model();
    for (name, base, version, says) in [
        ("old.so", "&it", "\"1.20.1\"", "is version 1.20.1; gnet needs 1.24 or later"),
        ("other.so", "&it", "\"2.0.0\"", "is version 2.0.0; gnet needs 1.24 or later"),
        ("odd.so", "&it", "\"\"", "is version ; gnet needs 1.24 or later"),
        ("silent.so", "&it", "(const char *)0", "is no ONNX Runtime: "),
        ("nothing.so", "(const struct base *)0", "\"1.31.1\"", "is no ONNX Runtime: "),
        ("hollow.so", "&it", "\"1.31.1\"", "says it is version 1.31.1 and lacks that version's interface"),
    ] {
        if stub(&shell, name, base, version).is_none() {
            return;
        }
        for command in COMMANDS {
            let line = format!("{command} --provider cpu --ort-lib {name}");
            shell.refuses(&line, UNAVAILABLE, &[&format!("{name}: "), says, "(from --ort-lib)"]);
        }
    }
}

#[test]
fn what_is_named_explicitly_never_falls_through_to_the_next() {
    let shell = Shell::with_model();
    shell.write("good-looking.so", "no library");
    let words: Vec<&str> = BENCH.split_whitespace().chain(["--provider", "cpu"]).collect();
    let all = [("GNET_ORT_LIB", "gnet.so"), ("ORT_DYLIB_PATH", "good-looking.so")];
    let says = "gnet.so: there is no such file (from GNET_ORT_LIB)";
    shell.refuses_with(&all, &words, UNAVAILABLE, &[says, "help: point GNET_ORT_LIB at "]);
    let says = "good-looking.so: is no shared library (from ORT_DYLIB_PATH)";
    shell.refuses_with(&all[1..], &words, UNAVAILABLE, &[says]);
    let with_flag: Vec<&str> = words.iter().copied().chain(["--ort-lib", "flag.so"]).collect();
    shell.refuses_with(&all, &with_flag, UNAVAILABLE, &["flag.so: there is no such file (from --ort-lib)"]);
}

#[test]
fn a_broken_installation_is_told_and_mended_by_installing_anew() {
    let shell = Shell::with_model();
    let folder = shell.path("share/gnet/runtime/cpu-1.31.1");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("libonnxruntime.so"), "half a library").unwrap();
    let data = shell.path("share");
    let unset = [("XDG_DATA_HOME", text(&data)), ("GNET_ORT_LIB", ""), ("ORT_DYLIB_PATH", "")];
    let words: Vec<&str> = BENCH.split_whitespace().chain(["--provider", "cpu"]).collect();
    let says = ["libonnxruntime.so: is no shared library (from installed)", "help: `gnet runtime install cpu --force`"];
    shell.refuses_with(&unset, &words, UNAVAILABLE, &says);
}

#[test]
fn the_answers_of_the_cpu_are_those_of_tract() {
    let Some(ort) = ort() else { return };
    let shell = Shell::with_model();
    let of = |provider: &str| {
        let line = format!("eval model.onnx --data data --split train --provider {provider} --ort-lib {}", text(&ort));
        shell.json(&line)
    };
    let (tract, cpu) = (of("tract"), of("cpu"));
    assert_eq!(tract["predictions"], cpu["predictions"]);
    assert!((tract["loss"].as_f64().unwrap() - cpu["loss"].as_f64().unwrap()).abs() < 1e-5);

    let file = OnnxFile::open(&shell.path("model.onnx")).unwrap();
    let engine = EngineOptions::default().ort_lib(Some(ort));
    for (batch, threads) in [(1, 1), (3, 2), (8, 1)] {
        let options = RunOptions::new(threads, batch).engine(engine.clone());
        let outputs = |provider| {
            let mut session = load(provider, &file, &options).unwrap();
            let images = Array::noise(session.inputs()[0].shape.clone(), 7);
            run(session.as_mut(), &images).unwrap().remove(0)
        };
        let (tract, cpu) = (outputs(Provider::Tract), outputs(Provider::Cpu));
        assert_eq!(tract.shape, cpu.shape);
        let largest = tract.data.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
        let differs = tract.data.iter().zip(&cpu.data).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(differs <= 2e-5 * largest, "{differs} of {largest} at batch {batch}");
        assert!(batch == 1 || tract.rows().next() != tract.rows().nth(1), "else equality would say nothing");
    }
}

#[test]
fn a_row_states_its_settings_and_where_every_node_went() {
    let Some(ort) = ort() else { return };
    let shell = Shell::with_model();
    let line = format!("{BENCH} --provider tract,cpu --batch 2 --spinning off --no-arena --ort-lib {}", text(&ort));
    let document = shell.json(&line);
    let [tract, cpu] = document["runs"].as_array().unwrap().as_slice() else { panic!("{document}") };
    assert_eq!(tract["settings"]["engine"], "tract");
    assert!(tract["placement"].is_null() && tract["copies"].is_null() && cpu["copies"].is_null());
    let settings = &cpu["settings"];
    assert!(settings["engine"].as_str().unwrap().starts_with("onnxruntime 1."), "{settings}");
    for (name, value) in [
        ("library", "--ort-lib"),
        ("threads", "1"),
        ("spinning", "off"),
        ("arena", "off"),
        ("graph_optimization", "all"),
    ] {
        assert_eq!(settings[name], value, "{name}");
    }
    let placement = &cpu["placement"];
    assert_eq!((&placement["requested"], &placement["share"]), (&"CPUExecutionProvider".into(), &1.0.into()));
    assert_eq!((&placement["by"], &placement["others"]), (&"macs".into(), &serde_json::json!([])));
    assert_eq!(
        placement["per_provider"][0]["macs"].as_u64(),
        Some(shell.json("summary model.onnx")["macs"].as_u64().unwrap())
    );
    let table = shell.ok(&line);
    let nodes = placement["per_provider"][0]["nodes"].as_u64().unwrap();
    let sentence = format!("cpu, batch 2, 1 thread: {nodes} of {nodes} nodes on CPUExecutionProvider");
    assert!(table.contains(&sentence), "{table}");
    assert!(table.contains("cpu: arena off, engine onnxruntime "), "{table}");
}

#[test]
fn the_cpu_library_refuses_the_providers_it_lacks() {
    let Some(ort) = ort() else { return };
    if library(&EngineOptions::default().ort_lib(Some(ort.clone()))).unwrap().has("CUDAExecutionProvider") {
        return;
    }
    let shell = Shell::with_model();
    for (provider, name) in [("cuda", "CUDA"), ("tensorrt", "TensorRT")] {
        for command in COMMANDS {
            let line = format!("{command} --provider {provider} --ort-lib {}", text(&ort));
            let says = [&*format!("provider {provider}: ONNX Runtime "), &format!(" is built without {name}")];
            shell.refuses(&line, UNAVAILABLE, &says);
        }
    }
    // A provider that fails leaves the rows of the others, and its own reason as the outcome.
    let line = format!("{BENCH} --provider cpu,cuda --ort-lib {}", text(&ort));
    let ran = shell.gnet(&line);
    assert_eq!(ran.code, Some(UNAVAILABLE), "{ran}");
    assert!(ran.out.contains(" nodes on CPUExecutionProvider"), "{ran}");
    assert!(ran.error().contains("is built without CUDA"), "{ran}");
}

#[test]
fn the_cuda_library_without_a_gpu_names_what_is_missing_and_runs_nothing() {
    let Some(ort) = ort_with_cuda() else { return };
    if Path::new("/dev/nvidiactl").exists() {
        eprintln!("not tested: this machine has a GPU");
        return;
    }
    let shell = Shell::with_model();
    for provider in ["cuda", "tensorrt"] {
        for command in COMMANDS {
            let line = format!("{command} --provider {provider} --ort-lib {}", text(&ort));
            let ran = shell.refuses(&line, UNAVAILABLE, &[&format!("provider {provider}: "), "use --provider cpu"]);
            let error = ran.error();
            let is_plain = error.contains(" is not found; ") || error.contains("(CUDA error ");
            assert!(is_plain && !error.contains("onnxruntime_src"), "{error}");
        }
    }
    // The same library runs the CPU.
    let document = shell.json(&format!("{BENCH} --provider cpu --ort-lib {}", text(&ort)));
    assert_eq!(document["runs"][0]["placement"]["share"], 1.0);
}

#[test]
fn openvino_asks_for_its_plugin() {
    let Some(ort) = ort() else { return };
    let shell = Shell::with_model();
    let line = format!("{BENCH} --provider openvino --ort-lib {} --openvino-plugin plugin.so", text(&ort));
    shell.refuses(
        &line,
        UNAVAILABLE,
        &["plugin.so: there is no such file (OpenVINO's plugin)", "help: `gnet runtime install openvino"],
    );
}

/// OpenVINO's plugin to test with: that of `GNET_TEST_OPENVINO_PLUGIN`, else the installed one.
fn openvino() -> Option<PathBuf> {
    let installed = || install::installed().into_iter().find(|place| place.kind == Kind::OpenVino);
    let named = std::env::var_os("GNET_TEST_OPENVINO_PLUGIN").map(PathBuf::from);
    let plugin = named.or_else(|| Some(installed()?.library()));
    if plugin.is_none() {
        eprintln!("not tested: OpenVINO's plugin is not installed");
    }
    plugin
}

#[test]
fn openvino_runs_on_a_processor_of_intels_and_says_elsewhere_whom_it_serves() {
    let (Some(ort), Some(plugin)) = (ort(), openvino()) else { return };
    let shell = Shell::with_model();
    let with = format!("openvino --ort-lib {} --openvino-plugin {}", text(&ort), text(&plugin));
    let vendor = shell.json("doctor")["cpu"]["vendor"].as_str().unwrap_or_default().to_owned();
    if vendor != "GenuineIntel" {
        eprintln!("OpenVINO was not run: its plugin serves processors of Intel's, and this one is of {vendor}");
        let says = ["provider openvino: it serves Intel processors, and this one is of ", "help: use --provider cpu"];
        shell.refuses(&format!("{BENCH} --provider {with}"), UNAVAILABLE, &says);
        return;
    }
    let document = shell.json(&format!("{BENCH} --provider {with}"));
    let placement = &document["runs"][0]["placement"];
    assert_eq!((&placement["requested"], &placement["share"]), (&"OpenVINOExecutionProvider".into(), &1.0.into()));
    shell.ok(&format!("verify model.onnx --provider tract,cpu,{with}"));
}
