//! `gnet doctor` as a shell sees it, on whatever machine runs the tests.
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// A home with nothing installed, and no variable that names a library.
fn gnet(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gnet"));
    command.args(args).env("HOME", home);
    for variable in ["XDG_DATA_HOME", "GNET_ORT_LIB", "ORT_DYLIB_PATH", "GNET_OPENVINO_PLUGIN", "LD_LIBRARY_PATH"] {
        command.env_remove(variable);
    }
    command.output().unwrap()
}

fn doctor(args: &[&str]) -> (Output, Value) {
    let home = tempfile::tempdir().unwrap();
    let output = gnet(home.path(), &[&["doctor", "--format", "json"], args].concat());
    let json = serde_json::from_slice(&output.stdout).unwrap();
    (output, json)
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn provider<'a>(diagnosis: &'a Value, name: &str) -> &'a Value {
    diagnosis["providers"].as_array().unwrap().iter().find(|provider| provider["provider"] == name).unwrap()
}

fn keys(value: &Value) -> String {
    let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys.join(" ")
}

#[test]
fn the_document_has_the_documented_keys() {
    let (output, json) = doctor(&[]);
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(keys(&json), "cpu gpus limits onnxruntime providers schema_version");
    assert_eq!(keys(&json["cpu"]), "arch features logical_cores name physical_cores vendor");
    assert_eq!(
        keys(&json["limits"]),
        "affinity_cores available_bytes cpu_quota memory_bytes memory_limit_bytes usable_cores"
    );
    assert_eq!(keys(&json["gpus"]), "device_files devices driver");
    assert_eq!(keys(&json["onnxruntime"]), "library reason remedy");
    let names: Vec<_> = json["providers"].as_array().unwrap().iter().map(|p| p["provider"].as_str().unwrap()).collect();
    assert_eq!(names, ["tract", "cpu", "cuda", "tensorrt", "openvino"]);
    let cuda = provider(&json, "cuda");
    assert_eq!(keys(cuda), "checks dependencies provider reason remedy usable");
    let questions: Vec<_> =
        cuda["checks"].as_array().unwrap().iter().map(|c| c["question"].as_str().unwrap()).collect();
    assert_eq!(questions, ["built_in", "library", "compiled", "device", "dependencies", "session"]);
    assert_eq!(keys(&cuda["checks"][0]), "answer found question reason remedy");
    assert_eq!(keys(&cuda["dependencies"][0]), "found name product required");
    assert!(json["limits"]["usable_cores"].as_u64().unwrap() >= 1);
}

/// Every provider that cannot be used says why, and every check that is a no does.
#[test]
fn every_no_has_a_reason() {
    let (_, json) = doctor(&["--ort-lib", "/no/such/library.so"]);
    for provider in json["providers"].as_array().unwrap() {
        assert_eq!(provider["usable"] == true, provider["reason"].is_null(), "{provider}");
        for check in provider["checks"].as_array().unwrap() {
            assert_eq!(check["answer"] == "no", check["reason"].is_string(), "{check}");
        }
    }
    assert_eq!(provider(&json, "cpu")["usable"], false);
    let library = &json["onnxruntime"];
    assert!(library["library"].is_null() && library["reason"].is_string());
}

#[cfg(feature = "tract")]
#[test]
fn tract_really_ran() {
    let (output, json) = doctor(&["--require", "tract"]);
    assert!(output.status.success(), "{}", said(&output));
    let tract = provider(&json, "tract");
    let session = &tract["checks"][5];
    assert_eq!((&tract["usable"], &session["answer"], &session["found"]), (&true.into(), &"yes".into(), &"ran".into()));
}

#[cfg(feature = "ort")]
#[test]
fn an_explicit_library_that_is_none_is_named_and_never_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("libonnxruntime.so");
    std::fs::write(&library, "no library").unwrap();
    let (output, json) = doctor(&["--require", "cpu,cuda", "--ort-lib", library.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3));
    let text = said(&output);
    let path = library.display().to_string();
    assert!(text.contains(&format!("error: provider cpu: {path}: ")), "{text}");
    assert!(text.contains(&format!("also missing: provider cuda: {path}: ")), "{text}");
    assert!(json["onnxruntime"]["reason"].as_str().unwrap().starts_with(&path));
}

/// Without a GPU: the usual machine. With one this says nothing.
#[test]
fn cuda_without_a_gpu_exits_with_3_and_the_reason() {
    let (output, json) = doctor(&["--require", "cuda"]);
    if json["gpus"]["device_files"].as_array().is_some_and(|files| !files.is_empty()) {
        return;
    }
    assert_eq!(output.status.code(), Some(3));
    assert!(said(&output).contains("error: provider cuda: "), "{}", said(&output));
    let device = &provider(&json, "cuda")["checks"][3];
    assert_eq!((&device["question"], &device["answer"]), (&"device".into(), &"no".into()));
    assert!(device["reason"].as_str().unwrap().contains("/dev/nvidia0"));
}

/// The whole check of a GPU says so before it builds or fetches anything.
#[cfg(target_os = "linux")]
#[test]
fn the_gpu_check_without_a_gpu_says_so_at_once() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/gpu-check");
    let output = Command::new(&script).arg("--speed").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let (_, json) = doctor(&[]);
    if json["gpus"]["device_files"].as_array().is_some_and(|files| !files.is_empty()) {
        return;
    }
    let output = Command::new(&script).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(output.stdout.is_empty() && said(&output).contains("no NVIDIA GPU is seen"), "{}", said(&output));
}

#[test]
fn the_table_shows_the_machine_the_providers_and_what_mends_them() {
    let home = tempfile::tempdir().unwrap();
    let output = gnet(home.path(), &["doctor"]);
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    for part in ["Machine\n", "usable cores", "Providers\n", "openvino", "Libraries\n"] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(said(&output).contains("trying tract\n"), "progress on stderr");
    assert_eq!(gnet(home.path(), &["doctor", "--require", "gpu"]).status.code(), Some(2));
}

/// The installed libraries and plugins, really loaded: where the tests are told that they must be there, by the variables
/// `GNET_ORT_LIB` and `GNET_OPENVINO_PLUGIN` or in gnet's data directory.
#[cfg(feature = "ort")]
#[test]
fn the_installed_runtime_really_ran() {
    if std::env::var_os("GNET_ORT_TESTS").is_none_or(|value| value != "required") {
        return;
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_gnet"));
    let output = command.args(["doctor", "--format", "json", "--require", "cpu"]).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let json: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(json["onnxruntime"]["library"]["version"].as_str().unwrap().starts_with("1."));
    let session = &provider(&json, "cpu")["checks"][5];
    assert_eq!(session["found"], "ran on CPUExecutionProvider");
}

/// A library that needs `libcudart.so.13`, as the CUDA provider does; `None` where there is no C compiler.
#[cfg(all(feature = "ort", target_os = "linux", target_arch = "x86_64"))]
fn provider_for_cuda_13(path: &Path) -> Option<()> {
    let folder = tempfile::tempdir().unwrap();
    let runtime = folder.path().join("libcudart.so.13");
    let build = |out: &Path, arguments: &[&str]| {
        let mut cc = Command::new("cc");
        cc.args(["-x", "c", "/dev/null", "-x", "none", "-shared", "-Wl,--no-as-needed", "-o"]).arg(out).args(arguments);
        cc.status().is_ok_and(|status| status.success())
    };
    if !build(&runtime, &["-Wl,-soname,libcudart.so.13"]) {
        eprintln!("not tested: there is no C compiler");
        return None;
    }
    assert!(build(path, &[runtime.to_str().unwrap()]));
    Some(())
}

/// In a home where ONNX Runtime for the CPU plays the one for CUDA, beside a provider that is an empty library.
#[cfg(all(feature = "ort", target_os = "linux", target_arch = "x86_64"))]
#[test]
fn what_gnet_has_installed_of_cuda_is_found_in_its_folder() {
    use gnet::install::CUDA_LIBRARIES;
    let Some(ort) = super::runtimes::ort() else { return };
    let home = tempfile::tempdir().unwrap();
    let runtimes = home.path().join(".local/share/gnet/runtime");
    let runtime = runtimes.join("cuda-1.31.1");
    std::fs::create_dir_all(&runtime).unwrap();
    std::os::unix::fs::symlink(ort, runtime.join("libonnxruntime.so")).unwrap();
    if provider_for_cuda_13(&runtime.join("libonnxruntime_providers_cuda.so")).is_none() {
        return;
    }
    let examined = || {
        let output = gnet(home.path(), &["doctor", "--format", "json"]);
        let json: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", said(&output)));
        let cuda = provider(&json, "cuda").clone();
        (cuda["dependencies"].as_array().unwrap().clone(), cuda["checks"][4].clone())
    };
    let (dependencies, check) = examined();
    if dependencies.iter().any(|its| !its["found"].is_null()) {
        eprintln!("not tested: this machine has libraries of CUDA");
        return;
    }
    assert_eq!(check["remedy"], "`gnet runtime install cuda` brings CUDA's and cuDNN's libraries");
    for package in CUDA_LIBRARIES {
        let folder = runtimes.join("libraries").join(format!("{}-{}", package.package, package.version));
        std::fs::create_dir_all(&folder).unwrap();
        for name in package.provides {
            std::fs::write(folder.join(name), "").unwrap();
        }
    }
    let (dependencies, check) = examined();
    let names: Vec<_> = dependencies.iter().map(|its| its["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["libcudart.so.13", "libcudnn.so.9", "libcufft.so.12", "libnvrtc.so.13"]);
    for its in &dependencies {
        let name = its["name"].as_str().unwrap();
        let package = CUDA_LIBRARIES.into_iter().find(|package| package.provides.contains(&name)).unwrap();
        let folder = format!("/gnet/runtime/libraries/{}-{}/{name}", package.package, package.version);
        let found = &its["found"];
        assert_eq!((&found["by"], &found["version"]), (&"installed".into(), &package.version.into()), "{its}");
        assert!(found["path"].as_str().unwrap().ends_with(&folder), "{its}");
    }
    let [runtime, _, _, cudnn, ..] = CUDA_LIBRARIES.map(|package| package.version);
    assert_eq!(check["found"], format!("CUDA runtime {runtime}, cuDNN {cudnn}"));
    let table = String::from_utf8(gnet(home.path(), &["doctor"]).stdout).unwrap();
    assert_eq!(table.matches("installed by gnet").count(), 5, "and cuBLAS, which TensorRT needs: {table}");
}
