//! Classification of images with an exported file: the file's own preprocessing, any runtime.

use crate::data::{Dataset, Prepared, Source, Split};
use crate::evaluation::Evaluation;
use crate::runtime::{self, Array, EngineOptions, Provider, RunOptions, Session};
use gnet_core::metadata::Metadata;
use gnet_core::words::counted;
use gnet_core::{Error, ErrorKind, OnnxFile, Result};

/// Number of images per run if the file's batch is dynamic.
const BATCH: usize = 32;

/// A file that states its preprocessing and class names, loaded in a runtime.
pub struct Classifier {
    metadata: Metadata,
    session: Box<dyn Session>,
    batch: usize,
}

impl Classifier {
    /// Loads an exported file that was [opened whole](OnnxFile::open_whole). `engine` is for providers of ONNX Runtime.
    ///
    /// # Errors
    /// Fails if the file lacks gnet's metadata or cannot be run by the provider, and names it; also fails if the provider
    /// cannot be used here.
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

    /// Checks that the file accepts the images that its metadata describes.
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

    /// Returns the metadata of the file.
    pub fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Returns the name of a class; its number if the file has no names.
    pub fn class_name(&self, class: usize) -> String {
        self.metadata.classes.get(class).cloned().unwrap_or_else(|| class.to_string())
    }

    /// Returns class scores before softmax, one row per image, for prepared images (NCHW, one after another).
    ///
    /// # Errors
    /// Fails if the pixels are not a whole number of images, or if a run fails.
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
            // The last batch is padded: a loaded session runs one batch size.
            let mut data = chunk.to_vec();
            data.resize(self.batch * image, 0.0);
            let outputs = runtime::run(self.session.as_mut(), &Array::new(shape.clone(), data)?)?;
            let logits = outputs.first().ok_or_else(|| Error::input("the file", "has no output"))?;
            rows.extend(logits.rows().take(chunk.len() / image).map(<[f32]>::to_vec));
        }
        Ok(rows)
    }

    /// Evaluates the file on labelled images.
    ///
    /// # Errors
    /// Fails on images that the file does not accept, or labels beyond its classes.
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

/// Returns the data set of this name in a file's metadata; that of a folder says nothing about where the folder is.
///
/// # Errors
/// Fails if the metadata names none, or a folder; does not name the file ([`Error::THE_FILE`]).
pub fn trained_on(dataset: Option<&str>) -> Result<Source> {
    let reason = match dataset.map(|name| (name, name.parse())) {
        Some((_, Ok(source @ (Source::Embedded | Source::FashionMnist)))) => return Ok(source),
        Some((name, _)) => format!("was trained on a folder called {name}; where that is, a file does not say"),
        None => "was not trained on any data".to_owned(),
    };
    let remedy = "give --data FOLDER, --data fashion-mnist or --data embedded";
    Err(Error::input(Error::THE_FILE, reason).remedy(remedy))
}

/// Loads a data set for a network that knows these classes; any, if it does not name them.
///
/// # Errors
/// Those of [`Source::load`]; also fails if the numbers of classes differ.
pub fn images(source: &Source, classes: &[String]) -> Result<Dataset> {
    let data = source.load()?;
    let (has, knows) = (data.classes.len(), classes.len());
    if knows != 0 && has != knows {
        let reason = format!("has {}, the network {knows}", counted(has, "class"));
        return Err(Error::input(format!("--data {source}"), reason));
    }
    Ok(data)
}
