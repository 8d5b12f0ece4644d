//! Writing a log.

use std::path::{Path, PathBuf};

use super::{Build, Line, Subject, read};
use crate::bench::{Run, Spec};
use crate::host::{self, Machine};
use gnet_core::{OnnxFile, Result, files};

/// A log that rows are written to.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    /// Whether the next line replaces the file.
    replaces: bool,
    call: String,
    gnet: Build,
    machine: Machine,
    order: usize,
    seed: Option<u64>,
}

impl Log {
    /// Prepares a log that begins anew: its first line replaces an earlier log of that name, which stays if there is none.
    /// `gnet` is the program that measures.
    ///
    /// # Errors
    /// Fails if `path` is an input or no place for a file, or if there is a file that is not a log.
    pub fn begin(path: &Path, gnet: Build) -> Result<Self> {
        Self::new(path, gnet, true)
    }

    /// Prepares a log that goes on where it ends, or begins if there is none.
    ///
    /// # Errors
    /// Those of [`begin`](Self::begin).
    pub fn append(path: &Path, gnet: Build) -> Result<Self> {
        Self::new(path, gnet, false)
    }

    fn new(path: &Path, gnet: Build, replaces: bool) -> Result<Self> {
        files::check_place(path)?;
        // What is there was made by somebody: only a log is continued or replaced.
        if let Some(bytes) = files::read_own(path)? {
            read::parsed(&bytes).map_err(|e| {
                let kept = if replaces { "replaced" } else { "continued" };
                e.in_file(path).remedy(format!("only a log of gnet is {kept}: give another file"))
            })?;
        }
        let call = format!("{} {}", host::now(), std::process::id());
        Ok(Self { path: path.to_path_buf(), replaces, call, gnet, machine: Machine::this(), order: 0, seed: None })
    }

    /// Makes the lines to come those of a comparison whose order follows from `seed`: [`Line::PAIR`].
    pub fn of_pairs(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// Writes the line of row number `index` of this call, and returns when it is on the disk. `file` is the model as it was
    /// when the measurement began, and `model` its description.
    ///
    /// # Errors
    /// Fails if the model has changed meanwhile, on a full disk, or if a line can no longer be written to the file. No half
    /// line is left.
    pub fn row(&mut self, index: usize, spec: &Spec, run: &Run, file: &OnnxFile, model: &Subject) -> Result<()> {
        file.check_unchanged()?;
        let line = Line {
            kind: if self.seed.is_some() { Line::PAIR } else { Line::ROW }.to_owned(),
            call: self.call.clone(),
            index,
            order: self.order,
            seed: self.seed,
            gnet: self.gnet.clone(),
            machine: self.machine.clone(),
            model: model.clone(),
            spec: spec.clone(),
            run: run.clone(),
        };
        let text = line.text()?;
        match self.replaces {
            true => files::write(&self.path, (text + "\n").as_bytes())?,
            false => files::append_line(&self.path, &text)?,
        }
        (self.replaces, self.order) = (false, self.order + 1);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::sample;
    use crate::runtime::Provider;
    use gnet_core::graph::{DType, Graph, Model, Sizes, Tensor};
    use gnet_core::onnx;

    /// A folder with a model, opened.
    fn folder() -> (tempfile::TempDir, OnnxFile, Subject) {
        let dir = tempfile::tempdir().unwrap();
        let mut graph = Graph::new("nothing");
        let x = graph.add_value("x", Some(DType::F32), None);
        graph.add_initializer("w", Tensor::from_f32(vec![1], &[1.0]).unwrap());
        (graph.inputs, graph.outputs) = (vec![x], vec![x]);
        onnx::write_file(&Model::new(graph, 18), &dir.path().join("m.onnx"), Default::default()).unwrap();
        let file = OnnxFile::open(&dir.path().join("m.onnx")).unwrap();
        let subject = Subject::of(&file, &Sizes::none()).unwrap();
        (dir, file, subject)
    }

    fn run() -> Run {
        Run { samples_ns: vec![3, 1, u64::MAX], ..sample().runs.remove(0) }
    }

    #[test]
    fn a_line_comes_back_as_it_was() {
        let (dir, file, subject) = folder();
        let path = dir.path().join("log");
        let spec = Spec::new(dir.path().join("m.onnx"), Provider::Tract);
        let run = run();
        let mut log = Log::append(&path, Build::this(Some("abc"))).unwrap();
        log.row(0, &spec, &run, &file, &subject).unwrap();
        log.row(4, &spec, &run, &file, &subject).unwrap();
        Log::append(&path, Build::this(None)).unwrap().row(0, &spec, &run, &file, &subject).unwrap();
        let found = read(&path).unwrap();
        assert!(found.notes.is_empty(), "{:?}", found.notes);
        let [first, second, third] = &found.lines[..] else { panic!("three lines") };
        assert_eq!((&first.run, &first.spec, &first.model), (&run, &spec, &subject));
        assert_eq!((first.index, first.order, second.index, second.order, third.order), (0, 0, 4, 1, 0));
        assert_eq!((first.gnet.commit.as_deref(), &third.gnet.commit), (Some("abc"), &None));
        assert_eq!(first.call, second.call);
        assert_eq!(subject.files[0].bytes, std::fs::metadata(dir.path().join("m.onnx")).unwrap().len());
        assert_eq!((subject.weight_types.clone(), subject.params), (vec!["f32".to_owned()], Some(0)));
    }

    #[test]
    fn a_new_log_replaces_an_old_one_with_its_first_line_and_not_before() {
        let (dir, file, subject) = folder();
        let path = dir.path().join("log");
        let spec = Spec::new(dir.path().join("m.onnx"), Provider::Tract);
        for _ in 0..2 {
            Log::append(&path, Build::this(None)).unwrap().row(0, &spec, &run(), &file, &subject).unwrap();
        }
        let mut log = Log::begin(&path, Build::this(None)).unwrap();
        assert_eq!(read(&path).unwrap().lines.len(), 2);
        for lines in [1, 2] {
            log.row(lines, &spec, &run(), &file, &subject).unwrap();
            assert_eq!(read(&path).unwrap().lines.len(), lines);
        }
    }

    #[test]
    fn what_is_no_log_is_neither_continued_nor_replaced() {
        let (dir, ..) = folder();
        for (content, says) in [
            (&b"\x89PNG\r\n\x1a\n\0\0"[..], "line 1 is no line of a log"),
            (b"{\"schema_version\":1,\"environment\":{}}\n", "line 1 is no line of a log"),
            (b"{\n  \"schema_version\": 1\n}\n", "line 2 is no line of a log"),
            (b"[1, 2]\n", "line 1 is no line of a log"),
            (b"{\"schema_version\":2,\"kind\":\"row\"}\n", "line 1 is of version 2"),
        ] {
            let path = dir.path().join("other");
            std::fs::write(&path, content).unwrap();
            for open in [Log::begin, Log::append] {
                let error = open(&path, Build::this(None)).unwrap_err();
                assert!(error.to_string().contains(says), "{error}");
                assert!(error.remedy_text().unwrap().starts_with("only a log of gnet is"), "{error:?}");
            }
            assert_eq!(std::fs::read(&path).unwrap(), content);
        }
        std::fs::write(dir.path().join("empty"), "").unwrap();
        Log::begin(&dir.path().join("empty"), Build::this(None)).unwrap();
    }

    #[test]
    fn a_model_that_was_replaced_meanwhile_gets_no_line() {
        let (dir, file, subject) = folder();
        let path = dir.path().join("log");
        let spec = Spec::new(dir.path().join("m.onnx"), Provider::Tract);
        let mut log = Log::append(&path, Build::this(None)).unwrap();
        onnx::write_file(file.model().unwrap(), &dir.path().join("m.onnx"), Default::default()).unwrap();
        let error = log.row(0, &spec, &run(), &file, &subject).unwrap_err();
        assert!(error.to_string().contains("was replaced or changed"), "{error}");
        assert!(!path.exists());
    }
}
