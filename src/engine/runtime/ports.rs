//! Inputs of a session: the file's declarations combined with the given sizes and the batch.

use super::{Input, RunOptions};
use gnet_core::graph::{DType, Dim, Fed, Stated};
use gnet_core::{Error, Result};

/// An input as the engine found it declared in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Declared {
    pub(super) name: String,
    pub(super) dtype: DType,
    /// Shape; `None` if the file states none.
    pub(super) shape: Option<Vec<Dim>>,
}

/// Returns the inputs of a session, and the shapes that they follow from.
///
/// # Errors
/// Fails if there is no input; also those of [`Sizes::fed`](gnet_core::graph::Sizes::fed) and [`Fed::at`].
pub(super) fn inputs(declared: &[Declared], options: &RunOptions) -> Result<(Vec<Input>, Fed)> {
    if declared.is_empty() {
        return Err(Error::input("model", "its graph has no input"));
    }
    let stated = declared.iter().map(|input| Stated { name: &input.name, shape: input.shape.as_deref() });
    let fed = options.sizes.fed(&stated.collect::<Vec<_>>())?;
    let input = |(input, shape): (&Declared, Vec<usize>)| Input { name: input.name.clone(), shape, dtype: input.dtype };
    let inputs = declared.iter().zip(fed.at(options.batch)?).map(input).collect();
    Ok((inputs, fed))
}
