//! Shapes that the caller gives for a model's inputs.

use std::collections::{HashMap, HashSet};

use crate::graph::{Dim, Graph, ValueId, shape_text};
use crate::{Error, Result};

/// Shapes for inputs of a model, in place of what its file says.
///
/// ```
/// use gnet::infer::Overrides;
///
/// let mut shapes = Overrides::parse("tokens=1,128")?;
/// shapes.extend(Overrides::parse("mask=1,S")?);
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    shapes: Vec<(Option<String>, Vec<Dim>)>,
}

impl Overrides {
    /// No overrides: shapes are those of the file.
    pub fn none() -> Self {
        Self::default()
    }

    /// Reads `NAME=SHAPE`, or `SHAPE` alone for a model with one input. A shape is sizes with commas between:
    /// numbers, symbols (`N`, `2*N+1`) or `?`; an empty shape is a scalar's.
    ///
    /// # Errors
    /// A size that is none of these.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, shape) = match text.rsplit_once('=') {
            Some((name, shape)) => (Some(name.trim().to_owned()), shape),
            None => (None, text),
        };
        let dims = shape.split(',').map(|dim| parse_dim(dim.trim())).collect::<Option<Vec<_>>>();
        let dims = if shape.trim().is_empty() { Some(Vec::new()) } else { dims };
        let dims = dims.ok_or_else(|| {
            Error::input(format!("shape {text}"), format!("{shape} is no list of sizes"))
                .remedy("write NAME=SIZE,SIZE,.. with numbers or symbols, such as x=1,3,224,224 or x=N,3,224,224")
        })?;
        Ok(Self { shapes: vec![(name, dims)] })
    }

    /// Adds the shape of one input.
    pub fn set(&mut self, name: impl Into<String>, shape: Vec<Dim>) {
        self.shapes.push((Some(name.into()), shape));
    }

    /// Adds the shapes of another list.
    pub fn extend(&mut self, other: Self) {
        self.shapes.extend(other.shapes);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }

    /// Writes the shapes into `graph`. A symbol of the file that gets a size has it in every value. What the file says of
    /// values that depend on an input whose fixed size changes is forgotten.
    pub(super) fn apply(&self, graph: &mut Graph) -> Result<()> {
        let mut bound: HashMap<String, Dim> = HashMap::new();
        let mut changed = HashSet::new();
        let mut seen = HashSet::new();
        for (name, shape) in &self.shapes {
            let id = find_input(graph, name.as_deref())?;
            let thing = format!("shape of input {}", graph.value(id).name);
            if !seen.insert(id) {
                return Err(Error::input(thing, "is given twice"));
            }
            if let Some(other) = &graph.value(id).other_type {
                return Err(Error::input(thing, format!("is of a type that is no tensor: {}", other.kind)));
            }
            let stated = graph.value(id).shape.clone();
            let stated = stated.unwrap_or_else(|| vec![Dim::Unknown; shape.len()]);
            if stated.len() != shape.len() {
                let reason = format!("{} given, the file says {}", shape_text(shape), shape_text(&stated));
                return Err(Error::input(thing, reason).remedy("give as many sizes as the file has"));
            }
            for (old, new) in stated.iter().zip(shape) {
                if old != new && !bind(&thing, old, new, &mut bound)? {
                    changed.insert(id);
                }
            }
            graph.value_mut(id).shape = Some(shape.clone());
        }
        forget(graph, changed);
        graph.replace_symbols(&bound);
        for (name, shape) in &self.shapes {
            let id = find_input(graph, name.as_deref())?;
            graph.value_mut(id).shape = Some(shape.clone());
        }
        Ok(())
    }
}

fn parse_dim(text: &str) -> Option<Dim> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit()) {
        return text.parse().ok().map(Dim::Known);
    }
    if text == "?" {
        return Some(Dim::Unknown);
    }
    match Dim::parse(text) {
        Dim::Symbolic { symbol, scale, offset } if symbol.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
            let plain = symbol.chars().all(|c| c.is_alphanumeric() || c == '_');
            plain.then_some(Dim::Symbolic { symbol, scale, offset })
        }
        _ => None,
    }
}

fn find_input(graph: &Graph, name: Option<&str>) -> Result<ValueId> {
    let names = || graph.inputs.iter().map(|id| graph.value(*id).name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, &graph.inputs[..]) {
        (None, [only]) => Ok(*only),
        (None, inputs) => {
            let reason = format!("has no name, and the model has {} inputs", inputs.len());
            Err(Error::input("input shape", reason).remedy(format!("write NAME=SHAPE; the inputs are {}", names())))
        }
        (Some(name), inputs) => inputs.iter().copied().find(|id| graph.value(*id).name == name).ok_or_else(|| {
            Error::input(format!("input {name}"), "the model has no input of this name")
                .remedy(format!("the inputs are {}", names()))
        }),
    }
}

/// Binds the symbol of a stated size to what was given; `false` when the stated size does not allow that.
fn bind(thing: &str, old: &Dim, new: &Dim, bound: &mut HashMap<String, Dim>) -> Result<bool> {
    let Dim::Symbolic { symbol, scale, offset } = old else { return Ok(*old == Dim::Unknown) };
    let value = match (new, scale, offset) {
        (_, 1, 0) => new.clone(),
        (Dim::Known(size), ..) => match solve(*size, *scale, *offset) {
            Some(value) => Dim::Known(value),
            None => return Err(Error::input(thing, format!("{size} given, the file says {old}"))),
        },
        _ => return Ok(false),
    };
    match bound.insert(symbol.clone(), value.clone()) {
        Some(other) if other != value => {
            Err(Error::input(thing, format!("{symbol} would be both {other} and {value}")))
        }
        _ => Ok(true),
    }
}

/// The symbol's value at which `scale * symbol + offset` is `size`.
fn solve(size: usize, scale: i64, offset: i64) -> Option<usize> {
    let rest = i64::try_from(size).ok()?.checked_sub(offset)?;
    (rest.checked_rem(scale)? == 0).then(|| rest / scale).and_then(|value| usize::try_from(value).ok())
}

/// Drops the stated shapes of all that depends on `changed`.
fn forget(graph: &mut Graph, mut changed: HashSet<ValueId>) {
    if changed.is_empty() {
        return;
    }
    for index in 0..graph.nodes.len() {
        let node = &mut graph.nodes[index];
        if node.reads().any(|id| changed.contains(&id)) {
            node.subgraphs_mut().for_each(|body| forget_all(&mut body.graph));
            let made: Vec<ValueId> = node.makes().collect();
            made.iter().for_each(|id| graph.value_mut(*id).shape = None);
            changed.extend(made);
        }
    }
}

/// Drops the stated shapes of all that is no constant.
fn forget_all(graph: &mut Graph) {
    let mut open = graph.inputs.clone();
    for node in &mut graph.nodes {
        open.extend(node.makes());
        node.subgraphs_mut().for_each(|body| forget_all(&mut body.graph));
    }
    open.into_iter().for_each(|id| graph.value_mut(id).shape = None);
}
