//! Shapes fed to a file's inputs: the sizes that the caller gives, and a batch.

use std::collections::{BTreeMap, HashSet};

use super::{Fit, Rule, Sizes, Stated};
use crate::graph::{Dim, shape_text};
use crate::{Error, Result};

/// The shapes in which a file's inputs are fed. A first axis that stays open is the batch; if the same symbol occurs in
/// another axis, that has the size of the batch as well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fed {
    /// Shape of each input; dimensions that are not numbers depend on the batch.
    pub shapes: Vec<Vec<Dim>>,
    symbols: BTreeMap<String, Dim>,
    batch: HashSet<String>,
    /// Whether the file itself fixes the batch, without the given sizes.
    fixed_by_file: bool,
}

impl Sizes {
    /// Returns the shapes in which an engine is fed a file with these inputs. The file is not changed: an engine
    /// accepts any size for what the graph's inputs leave open.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit) when fixed sizes are refused; also fails on an input of unknown shape, an open axis
    /// that is not the batch, or an axis of length 0. The error says how to give the size.
    pub fn fed(&self, inputs: &[Stated<'_>]) -> Result<Fed> {
        let Fit { shapes, symbols, .. } = self.fit(inputs, Rule::Refuse)?;
        let shapes = inputs.iter().zip(shapes).map(|(input, shape)| {
            let remedy = format!("say it with --input {}=Nx3x224x224, where N leaves the batch open", input.name);
            shape.ok_or_else(|| Error::input(place(input), "has no shape").remedy(remedy))
        });
        let shapes = shapes.collect::<Result<Vec<_>>>()?;
        let batch = shapes.iter().filter_map(|shape| match shape.first()? {
            Dim::Symbolic { symbol, scale: 1, offset: 0 } => Some(symbol.clone()),
            _ => None,
        });
        let open = |shape: &[Dim]| shape.first().is_some_and(|dim| dim.known().is_none());
        let fixed_by_file = inputs.iter().all(|input| input.shape.is_some_and(|shape| !open(shape)));
        let fed = Fed { batch: batch.collect(), shapes, symbols, fixed_by_file };
        inputs.iter().zip(&fed.shapes).try_for_each(|(input, shape)| fed.check(input, shape))?;
        Ok(fed)
    }
}

fn place(input: &Stated<'_>) -> String {
    format!("input '{}'", input.name)
}

impl Fed {
    /// Returns the batch if it is fixed: the first axis of the first input, if no input has an open one.
    pub fn fixed_batch(&self) -> Option<usize> {
        if (0..self.shapes.len()).any(|input| self.is_batched(input)) {
            return None;
        }
        Some(self.shapes.first().and_then(|shape| shape.first()?.known()).unwrap_or(1))
    }

    /// Returns `true` if the first axis of an input is the batch.
    pub fn is_batched(&self, input: usize) -> bool {
        self.shapes.get(input).and_then(|shape| shape.first()).is_some_and(|dim| dim.known().is_none())
    }

    /// Returns `true` if the batch only occurs in first axes, so that it can be split along them.
    pub fn has_plain_batch(&self) -> bool {
        let first = |dim: &Dim| !matches!(dim, Dim::Symbolic { scale, offset, .. } if (*scale, *offset) != (1, 0));
        self.shapes
            .iter()
            .all(|shape| shape.first().is_none_or(first) && shape.iter().skip(1).all(|dim| dim.known().is_some()))
    }

    /// Returns the size of a dimension of this file at a batch; `None` if it depends on more than the batch and the
    /// given sizes.
    pub fn size(&self, dim: &Dim, batch: usize) -> Option<usize> {
        let mut dim = dim.clone();
        dim.replace_symbol(&self.symbols);
        match &dim {
            Dim::Symbolic { symbol, .. } if !self.batch.contains(symbol) => None,
            dim => dim.at(batch),
        }
    }

    /// Returns the shape of each input at a batch.
    ///
    /// # Errors
    /// Fails if the batch is fixed to another size, or if an axis would not have a positive length.
    pub fn at(&self, batch: usize) -> Result<Vec<Vec<usize>>> {
        if let Some(fixed) = self.fixed_batch().filter(|fixed| *fixed != batch) {
            let thing = format!("batch {batch}");
            return Err(match self.fixed_by_file {
                true => Error::input(thing, format!("the file's batch is fixed at {fixed}"))
                    .remedy(format!("use batch {fixed}, or export with a dynamic batch")),
                false => Error::input(thing, format!("the sizes given fix it at {fixed}"))
                    .remedy(format!("use batch {fixed}, or leave it open: --input x=N,3,224,224")),
            });
        }
        self.shapes.iter().map(|shape| self.shape_at(shape, batch)).collect()
    }

    fn shape_at(&self, shape: &[Dim], batch: usize) -> Result<Vec<usize>> {
        let size = |dim: &Dim| match dim {
            Dim::Unknown => Ok(batch),
            dim => dim.at(batch).filter(|size| *size > 0).ok_or_else(|| {
                Error::input(format!("batch {batch}"), format!("the size {dim} of an input is none at it"))
            }),
        };
        shape.iter().map(size).collect()
    }

    /// Refuses an axis whose size is not given.
    fn check(&self, input: &Stated<'_>, shape: &[Dim]) -> Result<()> {
        for (axis, dim) in shape.iter().enumerate() {
            let is_batch = match dim {
                Dim::Known(0) => return Err(Error::input(place(input), format!("axis {axis} has no positive length"))),
                Dim::Known(_) => true,
                Dim::Symbolic { symbol, .. } => self.batch.contains(symbol),
                // The value of a formula is unknown while a part of it is open.
                Dim::Unknown => axis == 0 && !matches!(input.shape, Some([Dim::Symbolic { .. }, ..])),
            };
            if !is_batch {
                let reason = format!("axis {axis} is dynamic; only the first, the batch, may be");
                let shape = shape_text(shape).replace(' ', "");
                let flag = format!("its shape with --input {}={shape}, with a number for that axis", input.name);
                return Err(Error::input(place(input), reason).remedy(match dim {
                    Dim::Symbolic { symbol, .. } => format!("fix its size with --dim {symbol}=SIZE, or give {flag}"),
                    _ => match input.shape.and_then(|stated| stated.get(axis)) {
                        Some(Dim::Symbolic { symbol, .. }) => {
                            format!("fix every size that {symbol} is made of with --dim, or give {flag}")
                        }
                        _ => format!("it has no name to fix it by; give {flag}"),
                    },
                }));
            }
        }
        Ok(())
    }
}
