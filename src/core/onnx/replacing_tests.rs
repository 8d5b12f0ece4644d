//! A model and its data are replaced as one, however the writer ends and whoever writes at the same time.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use super::{DataFile, ExternalData, open, read_file, write, write_bytes, write_file};
use crate::Result;
use crate::files::steps::ending;
use crate::graph::{DType, Graph, Model, Node, Tensor};

/// Builds a model whose graph and weights both identify it. The first has an additional constant.
fn model(which: u8) -> Model {
    let mut g = Graph::new(format!("model {which}"));
    let (x, y) = (g.add_value("x", Some(DType::F32), None), g.add_value("y", Some(DType::F32), None));
    let names = if which == 1 { &["a", "b"][..] } else { &["a"] };
    let constants = names.iter().map(|name| {
        let values = vec![f32::from(which); 3000];
        g.add_initializer(*name, Tensor::from_f32(vec![3000], &values).unwrap())
    });
    let inputs = [x].into_iter().chain(constants.collect::<Vec<_>>()).collect();
    g.nodes = vec![Node::new("n", "Sum", inputs, vec![y])];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    Model::new(g, 18)
}

/// As a command reads that computes with the constants.
fn whole(path: &Path) -> Result<Model> {
    let found = open(path)?;
    found.data.iter().try_for_each(DataFile::check)?;
    Ok(found.model)
}

/// Returns which model is at `path`: it must be complete, and have its own weights.
fn read(path: &Path) -> u8 {
    let found = whole(path).unwrap_or_else(|e| panic!("{e}"));
    let which = [1, 2].into_iter().find(|which| found.graph.name == format!("model {which}")).unwrap();
    assert_eq!(write(&found).unwrap(), write(&model(which)).unwrap(), "graph and weights are of one model");
    which
}

fn data_files(folder: &Path) -> Vec<PathBuf> {
    let all = folder.read_dir().unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = all.filter(|path| path.extension().is_some_and(|ending| ending == "data")).collect();
    all.sort();
    all
}

const FOLDER: &str = "GNET_TEST_REPLACE_IN";
const HOW: &str = "GNET_TEST_REPLACE_HOW";

/// The writer that the other tests start in a separate process; does nothing if it was not started by them.
#[test]
fn a_writer() {
    let (Some(folder), Ok(how)) = (std::env::var_os(FOLDER), std::env::var(HOW)) else { return };
    ending::count();
    let path = Path::new(&folder).join("m.onnx");
    let write = |which, external| write_file(&model(which), &path, external).unwrap();
    match how.as_str() {
        "beside" => drop(write(2, ExternalData::Always)),
        "inside" => drop(write(2, ExternalData::Never)),
        "bytes" => write_bytes(&super::write(&model(2)).unwrap(), &path).unwrap(),
        turns => (0..40).for_each(|turn| {
            drop(write(if (turn % 2 == 0) == (turns == "odd") { 1 } else { 2 }, ExternalData::Always))
        }),
    }
}

fn writer(folder: &Path, how: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "onnx::replacing_tests::a_writer"]).env(FOLDER, folder).env(HOW, how);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    command
}

/// Runs the writer, which ends before its step `at`.
fn ended(folder: &Path, how: &str, at: usize) -> ExitStatus {
    writer(folder, how).env(ending::AT, at.to_string()).status().unwrap()
}

#[test]
fn a_writer_that_ends_at_any_step_leaves_the_model_before_or_the_new_one() {
    for (how, before) in [
        ("beside", Some(ExternalData::Always)),
        ("beside", Some(ExternalData::Never)),
        ("beside", None),
        ("inside", Some(ExternalData::Always)),
        ("bytes", Some(ExternalData::Always)),
    ] {
        let mut seen = Vec::new();
        for at in 0.. {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("m.onnx");
            if let Some(external) = before {
                write_file(&model(1), &path, external).unwrap();
            }
            let ended = ended(dir.path(), how, at);
            seen.push(if path.exists() { read(&path) } else { 0 });
            if ended.success() {
                let expected = usize::from(how == "beside");
                assert_eq!(data_files(dir.path()).len(), expected, "{how}: what nothing refers to is gone");
                break;
            }
            // The next writer continues from that state as from any other.
            assert!(writer(dir.path(), how).status().unwrap().success());
            assert_eq!(read(&path), 2, "{how} after step {at}");
        }
        let old = u8::from(before.is_some());
        let expected = match (how, before) {
            // Before the data's rename, before the model's, before the removal of the old data, and to the end.
            ("beside", Some(ExternalData::Always)) => vec![old, old, 2, 2],
            ("beside", _) => vec![old, old, 2],
            _ => vec![old, 2, 2],
        };
        assert_eq!(seen, expected, "{how} over {before:?}");
    }
}

#[test]
fn writers_at_the_same_time_leave_a_whole_model_at_every_moment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.onnx");
    write_file(&model(1), &path, ExternalData::Always).unwrap();
    let mut writers = ["odd", "even"].map(|how| writer(dir.path(), how).spawn().unwrap());
    let mut reads = 0;
    while writers.iter_mut().any(|writer| writer.try_wait().unwrap().is_none()) || reads == 0 {
        read(&path);
        reads += 1;
    }
    assert!(writers.iter_mut().all(|writer| writer.wait().unwrap().success()));
    read(&path);
    assert_eq!(data_files(dir.path()).len(), 1, "its own");
}

#[test]
fn data_that_something_else_names_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.onnx");
    let first = write_file(&model(1), &path, ExternalData::Always).unwrap().data.unwrap();
    // A copy of the model refers to the same data, whatever its name.
    std::fs::copy(&path, dir.path().join("before.bak")).unwrap();
    let foreign = dir.path().join("m.onnx.data");
    std::fs::write(&foreign, "not written by gnet").unwrap();
    let second = write_file(&model(2), &path, ExternalData::Always).unwrap().data.unwrap();
    assert_ne!(first.name, second.name);
    assert_eq!((read(&path), read(&dir.path().join("before.bak"))), (2, 1));
    std::fs::remove_file(dir.path().join("before.bak")).unwrap();
    // The model that referred to the first is gone: nobody can tell whose it is, so it stays.
    write_file(&model(2), &path, ExternalData::Never).unwrap();
    assert_eq!(data_files(dir.path()).len(), 2, "the first model's and the foreign one");
    assert!(foreign.is_file());
}

#[cfg(unix)]
#[test]
fn a_model_behind_a_link_has_its_data_where_it_lies() {
    let dir = tempfile::tempdir().unwrap();
    let (inner, link) = (dir.path().join("v3"), dir.path().join("latest.onnx"));
    std::fs::create_dir(&inner).unwrap();
    std::os::unix::fs::symlink("v3/m.onnx", &link).unwrap();
    write_file(&model(1), &inner.join("m.onnx"), ExternalData::Always).unwrap();
    write_file(&model(2), &link, ExternalData::Always).unwrap();
    assert_eq!((read(&link), read(&inner.join("m.onnx"))), (2, 2));
    assert_eq!((data_files(&inner).len(), data_files(dir.path()).len()), (1, 0));
}

#[test]
fn data_that_is_not_what_its_name_says_is_noticed_by_who_computes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("m.onnx");
    let data = dir.path().join(write_file(&model(1), &path, ExternalData::Always).unwrap().data.unwrap().name);
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&data, &bytes).unwrap();
    let says = "is damaged: it does not hold what the hash in its name says";
    assert!(whole(&path).unwrap_err().to_string().contains(says));
    read_file(&path).unwrap();
    // Writing it again repairs it, although a file of that name exists.
    write_file(&model(1), &path, ExternalData::Always).unwrap();
    assert_eq!(read(&path), 1);
}
