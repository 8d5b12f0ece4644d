//! Counting of an ONNX file: reading it, applying sizes to its open dimensions, inferring shapes.

use std::path::Path;

use clap::Args;
#[cfg(feature = "burn")]
use gnet::Error;
use gnet::cost::{Analysis, BatchChoice, Counting};
use gnet::graph::{Dim, Graph, Value};
use gnet::{OnnxFile, Result};

use super::sizes::SizesArgs;
use super::{file, output, values};

#[derive(Debug, Args)]
pub struct CountArgs {
    #[command(flatten)]
    pub sizes: SizesArgs,
    /// Items of the batch that memory and bytes moved are counted for [default: 1, or what the file is fixed to].
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    pub batch: Option<usize>,
    /// The axis that is the batch, such as x=0, or none [default: the first axis of the first input].
    #[arg(long, value_name = "INPUT=AXIS", value_parser = batch_axis)]
    pub batch_axis: Option<BatchChoice>,
}

fn batch_axis(text: &str) -> Result<BatchChoice, String> {
    text.parse().map_err(|e| values::behind_flag(&format!("batch axis {text}"), &e))
}

impl CountArgs {
    pub fn file(&self, path: &Path) -> Result<(OnnxFile, Analysis)> {
        let file = file::open(path)?;
        let counted = self.counted(&file).map_err(|e| e.in_file(path))?;
        Ok((file, counted))
    }

    fn counted(&self, file: &OnnxFile) -> Result<Analysis> {
        let (sizes, counting) = (self.sizes.sizes(), self.counting());
        let shaped = file.shaped(&sizes, &counting.axis)?;
        let counted = file.analysis(&sizes, counting).map_err(|e| match e.remedy_text() {
            None => e.remedy("give the input's shape with --input NAME=SHAPE"),
            Some(_) => e,
        })?;
        let flags = input_flags(&shaped.graph);
        if !counted.uncounted.is_empty() && !flags.is_empty() {
            output::note(format_args!("sizes that the file leaves open can be given: {flags}"));
        }
        Ok(counted)
    }

    fn counting(&self) -> Counting {
        let mut counting = Counting::default();
        (counting.batch, counting.axis) = (self.batch, self.batch_axis.clone().unwrap_or_default());
        counting
    }

    /// Counts a graph whose shapes are all stated.
    #[cfg(feature = "burn")]
    pub fn graph(&self, graph: &Graph) -> Result<Analysis> {
        let sizes = self.sizes.sizes();
        match sizes.is_empty() {
            true => Analysis::counted(graph, &self.counting()),
            false => Err(Error::input(sizes, "is for ONNX files")),
        }
    }
}

/// Returns `--input x=N,3,H,W` for every input with an open size besides the batch.
fn input_flags(graph: &Graph) -> String {
    let flag = |value: &Value| {
        let shape = value.shape.as_ref()?;
        let sizes: Vec<_> = shape.iter().map(Dim::to_string).collect();
        let open = shape.iter().skip(1).any(|dim| dim.known().is_none());
        open.then(|| format!("--input {}={}", value.name, sizes.join(",")))
    };
    graph.inputs.iter().filter_map(|id| flag(graph.value(*id))).collect::<Vec<_>>().join(" ")
}
