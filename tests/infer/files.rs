//! Every file of the tests is inferred twice; long names and vectors.

use std::path::{Path, PathBuf};

use gnet_core::graph::{DType, Dim, Model};
use gnet_core::onnx;

use super::again::twice;
use super::build::Builder;

/// Every ONNX file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<PathBuf> = entries
        .flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "onnx"))
        .collect();
    found.sort();
    found
}

#[test]
fn every_file_is_inferred_again_as_it_was() {
    let tests = crate::tests();
    let files = [files(&tests.join("fixtures")), files(&tests.join("hostile"))].concat();
    let read: Vec<(&PathBuf, Model)> =
        files.iter().filter_map(|path| Some((path, onnx::read_file(path).ok()?))).collect();
    assert!(read.len() > 25, "{} files", read.len());
    for (path, model) in read {
        twice(&path.display().to_string(), &model);
    }
}

#[test]
fn long_names_and_vectors_do_not_multiply() {
    let mut b = Builder::new(17);
    let long = Dim::symbol("s".repeat(1 << 20));
    let x = b.model.graph.add_value("x", Some(DType::F32), Some(vec![long; 4]));
    b.model.graph.inputs.push(x);
    let mut last = x;
    for _ in 0..2000 {
        last = b.node("Relu", &[last], &[]);
    }
    let mut vector = b.ints(&[1; 1024]);
    for _ in 0..5000 {
        vector = b.node("Add", &[vector, vector], &[]);
    }
    let huge = b.ints(&[i64::MAX]);
    let filled = b.node("ConstantOfShape", &[huge], &[]);
    let (zero, one, many) = (b.int(0), b.int(1), b.int(i64::MAX));
    let range = b.node("Range", &[zero, many, one], &[]);
    assert_eq!(b.shape(last), "? x ? x ? x ?");
    assert_eq!((b.shape_now(filled), b.shape_now(range)), (i64::MAX.to_string(), i64::MAX.to_string()));
}
