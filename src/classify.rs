//! Classifying images with an exported file: its own preprocessing, any runtime.

use crate::data::{Prepared, Split};
use crate::evaluation::Evaluation;
use crate::metadata::Metadata;
use crate::runtime::{self, Array, EngineOptions, Provider, RunOptions, Session};
use crate::words::counted;
use crate::{Error, ErrorKind, OnnxFile, Result};

/// Images of one run when the file's batch is dynamic.
const BATCH: usize = 32;

/// A file that says how its images are prepared and what its classes are called, loaded in a runtime.
pub struct Classifier {
    metadata: Metadata,
    session: Box<dyn Session>,
    batch: usize,
}

impl Classifier {
    /// Loads an exported file that was [opened whole](OnnxFile::open_whole). `engine` is for providers of ONNX Runtime.
    ///
    /// # Errors
    /// A file without gnet's metadata, or that the provider cannot run; it is named. A provider that cannot be used here.
    pub fn load(file: &OnnxFile, provider: Provider, threads: usize, engine: &EngineOptions) -> Result<Self> {
        let options = RunOptions { threads, engine: engine.clone(), ..RunOptions::new(1, BATCH) };
        options.check()?;
        let named = |e: Error| file.named(e);
        let model = file.model()?;
        let metadata = Metadata::from_props(&model.metadata).map_err(named)?.ok_or_else(|| {
            named(
                Error::input(Error::THE_FILE, "does not say how its images are prepared (no gnet metadata)")
                    .remedy("export it with `gnet export`"),
            )
        })?;
        provider.ensure_available()?;
        let input = model.graph.inputs.first().and_then(|id| model.graph.value(*id).shape.as_ref()?.first()?.known());
        let batch = input.unwrap_or(BATCH);
        let session = runtime::load(provider, file, &RunOptions { batch, ..options })
            .map_err(|e| if e.kind() == ErrorKind::Input { named(e) } else { e })?;
        let this = Self { metadata, session, batch };
        this.check().map_err(named)?;
        Ok(this)
    }

    /// The file takes the images that its metadata describes.
    fn check(&self) -> Result<()> {
        let p = &self.metadata.preprocessing;
        let expected = [self.batch, p.channels, p.image_size, p.image_size];
        match self.session.inputs() {
            [input] if input.shape == expected => Ok(()),
            inputs => {
                let shapes: Vec<_> = inputs.iter().map(|input| format!("{} {:?}", input.name, input.shape)).collect();
                Err(Error::input("its inputs", format!("are {}, its metadata says {expected:?}", shapes.join(", "))))
            }
        }
    }

    /// What the file says about itself.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// The name of a class; its number where the file names none.
    pub fn class_name(&self, class: usize) -> String {
        self.metadata.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Class scores before softmax, one row an image, of prepared images (NCHW, one after another).
    ///
    /// # Errors
    /// Pixels that are no whole number of images, or a run that fails.
    pub fn scores(&mut self, pixels: &[f32]) -> Result<Vec<Vec<f32>>> {
        let p = &self.metadata.preprocessing;
        let image = p.channels * p.image_size * p.image_size;
        if pixels.is_empty() || !pixels.len().is_multiple_of(image) {
            return Err(Error::input(
                "images",
                format!("hold {}, and one of them takes {image}", counted(pixels.len(), "value")),
            ));
        }
        let shape = vec![self.batch, p.channels, p.image_size, p.image_size];
        let mut rows = Vec::with_capacity(pixels.len() / image);
        for chunk in pixels.chunks(self.batch * image) {
            // The last batch is filled up: a loaded session runs one batch size.
            let mut data = chunk.to_vec();
            data.resize(self.batch * image, 0.0);
            let outputs = runtime::infer(self.session.as_mut(), &Array::new(shape.clone(), data)?)?;
            let logits = outputs.first().ok_or_else(|| Error::input("the file", "has no output"))?;
            rows.extend(logits.rows().take(chunk.len() / image).map(<[f32]>::to_vec));
        }
        Ok(rows)
    }

    /// Judges the file on labelled images.
    ///
    /// # Errors
    /// Images the file does not take, or labels beyond its classes.
    pub fn evaluate(&mut self, split: &Split) -> Result<Evaluation> {
        let images = Prepared::new(&self.metadata.preprocessing, split)?;
        let indices: Vec<usize> = (0..images.len()).collect();
        let mut scores = Vec::with_capacity(images.len());
        for chunk in indices.chunks(self.batch.max(BATCH)) {
            scores.extend(self.scores(&images.batch(chunk)?)?);
        }
        let classes = scores.first().map_or(0, Vec::len);
        Evaluation::of(&scores.concat(), split.labels(), classes)
    }
}
