use std::path::PathBuf;

use super::*;
use crate::graph::{DType, Dim, Graph, Node, Tensor};
use crate::onnx::{ExternalData, decodes, write, write_file};

/// `reshape(x * w, s)`, whose weight is large and whose shape is small.
fn model() -> Model {
    let mut g = Graph::new("g");
    let x = g.add_value("x", Some(DType::F32), Some(vec![Dim::symbol("N"), Dim::Known(1000)]));
    let values: Vec<f32> = (0..8000).map(|v| v as f32).collect();
    let w = g.add_initializer("w", Tensor::from_f32(vec![1000, 8], &values).unwrap());
    let s = g.add_initializer("s", Tensor::from_i64(&[-1, 2, 4]));
    let [h, y] = ["h", "y"].map(|name| g.add_value(name, None, None));
    g.nodes = vec![Node::new("m", "MatMul", vec![x, w], vec![h]), Node::new("r", "Reshape", vec![h, s], vec![y])];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    Model::new(g, 18)
}

/// The model as it comes out of a file.
fn read() -> Model {
    onnx::read(write(&model()).unwrap().into()).unwrap()
}

/// A folder with the model in one file and in two, and the data of the second.
struct Written {
    dir: tempfile::TempDir,
    inside: PathBuf,
    beside: PathBuf,
    data: PathBuf,
}

fn written() -> Written {
    let dir = tempfile::tempdir().unwrap();
    let [inside, beside] = ["inside.onnx", "beside.onnx"].map(|name| dir.path().join(name));
    write_file(&model(), &inside, ExternalData::Never).unwrap();
    let data = write_file(&model(), &beside, ExternalData::Always).unwrap().data.unwrap().name;
    Written { inside, beside, data: dir.path().join(data), dir }
}

fn decoded<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = decodes();
    let done = work();
    (done, decodes() - before)
}

#[test]
fn everything_that_is_asked_of_a_file_takes_one_decode() {
    let (Written { dir, inside, beside, data }, whole) = (written(), read());
    for path in [inside, beside] {
        let (file, decodes) = decoded(|| {
            let file = OnnxFile::open_whole(&path).unwrap();
            for _ in 0..2 {
                assert_eq!(**file.model().unwrap(), whole);
                assert_eq!(file.cost(&Sizes::none()).unwrap().macs, 8000);
                file.shaped(&Sizes::dim("N", 3), &BatchChoice::Guess).unwrap();
                file.in_one_piece().unwrap();
                file.by_reference().unwrap();
            }
            file
        });
        assert_eq!(decodes, 1, "{}", path.display());
        let again = || file.shaped(&Sizes::dim("N", 3), &BatchChoice::Guess).unwrap();
        assert!(Arc::ptr_eq(&again(), &again()), "shapes are inferred once for each size");
        assert!(Arc::ptr_eq(&file.cost(&Sizes::none()).unwrap(), &file.cost(&Sizes::none()).unwrap()));
        let unknown = file.cost(&Sizes::dim("M", 3)).unwrap_err().to_string();
        assert!(
            unknown.contains("the shape of h is not known"),
            "sizes that it cannot have leave it as it is: {unknown}"
        );
        assert!(file.shaped(&Sizes::dim("M", 3), &BatchChoice::Guess).unwrap_err().to_string().contains('M'));
    }
    let (file, decodes) = decoded(|| OnnxFile::of_model(model()));
    assert_eq!(file.in_one_piece().unwrap().bytes, write(&model()).unwrap());
    assert_eq!((decodes, file.path(), data.parent()), (0, None, Some(dir.path())));
}

#[test]
fn nothing_of_the_content_is_copied() {
    let Written { inside, beside, data, dir: _dir } = written();
    let within = |part: &[u8], whole: &[u8]| whole.as_ptr_range().contains(&part.as_ptr());
    let file = OnnxFile::open_whole(&inside).unwrap();
    let bytes = file.bytes().unwrap();
    for form in [file.in_one_piece().unwrap(), file.by_reference().unwrap()] {
        assert_eq!(form.bytes.as_ptr(), bytes.as_ptr());
        let (handed, along) = form.handed();
        assert!(matches!(handed, Handed::File(..)) && along.is_empty(), "the other process opens it as well");
    }
    let weight = |file: &OnnxFile| {
        let graph = &file.model().unwrap().graph;
        graph.initializer(graph.find("w").unwrap()).unwrap().bytes().clone()
    };
    assert!(within(&weight(&file), bytes));
    let file = OnnxFile::open_whole(&beside).unwrap();
    assert_eq!(file.data[0].offset_of(&weight(&file)), Some(0));
    let reference = file.by_reference().unwrap();
    assert!(reference.bytes.len() < 1000, "the weight stays where it is: {}", reference.bytes.len());
    let size = |path: &Path| std::fs::metadata(path).unwrap().len();
    assert_eq!(file.size().unwrap(), size(&beside) + size(&data));
    assert!(file.has_data_beside());
}

#[test]
fn another_process_gets_the_same_model_and_decodes_it_only_where_it_must() {
    let Written { inside, beside, dir: _dir, .. } = written();
    for path in [inside, beside] {
        let file = OnnxFile::open_whole(&path).unwrap();
        for form in [file.in_one_piece().unwrap(), file.by_reference().unwrap()] {
            let (handed, along) = form.handed();
            let told = serde_json::from_str(&serde_json::to_string(&handed).unwrap()).unwrap();
            let (there, decodes) = decoded(|| OnnxFile::received(told, along.to_vec()).unwrap());
            assert_eq!(decodes, 0);
            assert_eq!(there.by_reference().unwrap().bytes, form.bytes, "what an engine loads here and there");
            assert_eq!(**there.model().unwrap(), read());
            assert_eq!(there.in_one_piece().unwrap().bytes, write(&model()).unwrap());
        }
    }
}

#[test]
fn small_constants_come_inside_and_large_ones_by_their_real_names() {
    let Written { dir, beside, data, .. } = written();
    #[cfg(unix)]
    let beside = {
        // As in a hub's cache: both names are links, into a folder beside.
        let (blobs, snapshot) = (dir.path().join("blobs"), dir.path().join("snapshot"));
        [&blobs, &snapshot].into_iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
        for (file, blob) in [(&beside, "1"), (&data, "2")] {
            std::fs::rename(file, blobs.join(blob)).unwrap();
            std::os::unix::fs::symlink(blobs.join(blob), snapshot.join(file.file_name().unwrap())).unwrap();
        }
        snapshot.join("beside.onnx")
    };
    let file = OnnxFile::open_whole(&beside).unwrap();
    let form = file.by_reference().unwrap();
    let folder = form.reference().unwrap().folder();
    #[cfg(unix)]
    assert_eq!(folder, dir.path().join("blobs").canonicalize().unwrap());
    let back = onnx::read_beside(form.bytes.clone(), folder).unwrap();
    assert_eq!(back, read());
    let alone = onnx::read(form.bytes.clone()).unwrap_err().to_string();
    assert!(alone.contains("initializer w: keeps its data beside the model"), "{alone}");
    assert!(data.file_name().is_some());
}

#[test]
fn data_that_is_damaged_or_replaced_is_refused() {
    let Written { inside, beside, data, dir: _dir } = written();
    let file = OnnxFile::open_whole(&beside).unwrap();
    let form = file.by_reference().unwrap().clone();
    form.reference().unwrap().check_in_place().unwrap();
    let other = OnnxFile::open(&inside).unwrap();
    let (handed, _) = other.in_one_piece().unwrap().handed();
    let mut bytes = std::fs::read(&data).unwrap();
    bytes[100] ^= 1;
    crate::files::write(&data, &bytes).unwrap();
    let says = "was replaced or changed while it was read";
    assert!(form.reference().unwrap().check_in_place().unwrap_err().to_string().contains(says));
    std::fs::write(&inside, "another").unwrap();
    assert!(OnnxFile::received(handed, Vec::new()).unwrap_err().to_string().contains(says));
    let damaged = "is damaged: it does not hold what the hash in its name says";
    let file = OnnxFile::open(&beside).unwrap();
    let refusals = [
        OnnxFile::open_whole(&beside).map(drop),
        file.in_one_piece().map(drop),
        file.by_reference().map(drop),
        file.check_data(),
    ];
    for refusal in refusals {
        let error = refusal.unwrap_err().to_string();
        assert!(error.starts_with(&beside.display().to_string()) && error.contains(damaged), "{error}");
    }
    file.model().unwrap();
}
