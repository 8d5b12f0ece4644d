//! Arrays from and to files of NumPy's: flags of the commands that run a file.

use std::path::PathBuf;

use clap::Args;
use gnet::Result;
use gnet::arrays::Given;

use super::values;

const HEADING: &str = "Arrays of one's own";

#[derive(Debug, Clone, Default, Args)]
pub struct ArraysArgs {
    /// Feed the arrays of this file in place of drawn numbers: of a .npz by the inputs' names, of a .npy the only input. They
    /// state the batch, and the sizes that the model leaves open.
    #[arg(long, value_name = "FILE.npz|.npy", conflicts_with_all = ["input", "ranges"], help_heading = HEADING)]
    inputs_from: Option<PathBuf>,
    /// Write the outputs of a run to this file, by their names, in the model's types (bfloat16 as float32).
    #[arg(long, value_name = "FILE.npz", value_parser = values::file_to_write(), help_heading = HEADING)]
    save_outputs: Option<PathBuf>,
}

impl ArraysArgs {
    /// Opens the file of the inputs, if one is given.
    pub fn given(&self) -> Result<Option<Given>> {
        self.inputs_from.as_deref().map(Given::open).transpose()
    }

    /// Returns the place for the outputs.
    pub fn outputs(&self) -> Option<PathBuf> {
        self.save_outputs.clone()
    }
}
