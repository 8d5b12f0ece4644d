//! Resolution of sizes for the inputs of one file.

use std::collections::{BTreeMap, HashSet};

use super::formula::{self, mentions};
use super::{Sizes, no_symbol};
use crate::graph::{Dim, Graph, Value, ValueId, shape_text};
use crate::{Error, Result};

/// An input as a file states it.
#[derive(Debug, Clone, Copy)]
pub struct Stated<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Shape; `None` if the file states none.
    pub shape: Option<&'a [Dim]>,
}

/// Treatment of a given size that differs from one fixed by the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Replaced: what would the network cost at that size?
    Replace,
    /// Refused, as an engine would refuse it.
    Refuse,
}

/// Shapes of a file's inputs with the given sizes applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fit {
    /// Shape of each input; `None` if neither the file nor the caller states it.
    pub shapes: Vec<Option<Vec<Dim>>>,
    /// Replacement of each symbol that was given a size or another name.
    pub symbols: BTreeMap<String, Dim>,
    /// Indices of the inputs of which a fixed size was replaced.
    pub changed: Vec<usize>,
}

impl Sizes {
    /// Applies the sizes to a file with these inputs.
    ///
    /// # Errors
    /// Fails if no input's shape has a symbol; if an input does not exist, is given twice or has another number of
    /// axes; if sizes contradict one another; or if a size differs from one fixed by the file and `rule` refuses that.
    pub fn fit(&self, inputs: &[Stated<'_>], rule: Rule) -> Result<Fit> {
        let mut ties = Ties::default();
        let known = self.symbols(inputs);
        for (symbol, size) in &self.dims {
            if !is_known(symbol, &known) {
                return Err(no_symbol(format!("symbol {symbol}"), &known));
            }
            let size = Dim::Known(*size);
            match ties.0.insert(symbol.clone(), size.clone()) {
                Some(other) if other != size => {
                    return Err(Error::input(format!("symbol {symbol}"), format!("is given as {other} and as {size}")));
                }
                _ => {}
            }
        }
        let mut shapes: Vec<Option<Vec<Dim>>> = inputs.iter().map(|input| input.shape.map(<[Dim]>::to_vec)).collect();
        let mut changed = Vec::new();
        let mut seen = HashSet::new();
        for shape in &self.inputs {
            let place = shape.place(inputs)?;
            let stated = inputs[place];
            let thing = format!("shape of input {}", stated.name);
            if !seen.insert(place) {
                return Err(Error::input(thing, "is given twice"));
            }
            let given = shape.at_rank(stated.shape.map(<[Dim]>::len))?;
            let Some(old) = stated.shape else {
                shapes[place] = Some(given.to_vec());
                continue;
            };
            if old.len() != given.len() {
                let reason = format!("{} given, the file says {}", shape_text(given), shape_text(old));
                return Err(Error::input(thing, reason).remedy("give as many sizes as the file has"));
            }
            let mut new = Vec::with_capacity(old.len());
            for (axis, (old, given)) in old.iter().zip(given).enumerate() {
                new.push(match ties.unify(&thing, old, given, rule)? {
                    Unified::Same(dim) => dim,
                    Unified::Replaced if rule == Rule::Refuse => return Err(fixed(&thing, axis, old, given)),
                    Unified::Replaced => {
                        changed.push(place);
                        given.clone()
                    }
                });
            }
            shapes[place] = Some(new);
        }
        for input in inputs {
            ties.ensure_sizes(input.name, input.shape.unwrap_or_default())?;
        }
        changed.dedup();
        let symbols = ties.flat();
        ensure_formulas(&symbols)?;
        shapes.iter_mut().flatten().flatten().for_each(|dim| dim.replace_symbol(&symbols));
        Ok(Fit { shapes, symbols, changed })
    }

    /// Writes the sizes into the shapes that a graph states, in subgraphs too, so that it is counted or drawn with
    /// them. A size given for a symbol holds for that symbol everywhere; one given for a fixed size replaces it, and
    /// the stated shapes of values that depend on that input are dropped.
    ///
    /// # Errors
    /// Those of [`fit`](Self::fit); also fails if a stated size would become negative. The graph is then left
    /// unchanged.
    pub fn put_into(&self, graph: &mut Graph) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let fit = self.fit(&graph.stated_inputs(), Rule::Replace)?;
        let ids = graph.inputs.clone();
        let no_tensor = |(id, shape): (&ValueId, &Option<Vec<Dim>>)| {
            let value = graph.value(*id);
            shape.as_ref().and(value.other_type.as_ref()).map(|other| (value.name.clone(), other.kind))
        };
        if let Some((name, kind)) = ids.iter().zip(&fit.shapes).find_map(no_tensor) {
            let reason = format!("is of a type that is no tensor: {kind}");
            return Err(Error::input(format!("shape of input {name}"), reason));
        }
        let ties = Ties(fit.symbols.clone());
        for (_, Value { name, shape, .. }) in graph.with_subgraphs().iter().flat_map(|graph| graph.values()) {
            ties.ensure_sizes(name, shape.as_deref().unwrap_or_default())?;
        }
        graph.forget_shapes(fit.changed.iter().map(|place| ids[*place]).collect());
        graph.replace_symbols(&fit.symbols);
        for (id, shape) in ids.into_iter().zip(fit.shapes) {
            graph.value_mut(id).shape = shape;
        }
        Ok(())
    }
}

impl Graph {
    /// Returns the inputs in the form to which [`Sizes`] are applied.
    pub fn stated_inputs(&self) -> Vec<Stated<'_>> {
        let values = self.inputs.iter().map(|id| self.value(*id));
        values.map(|value| Stated { name: &value.name, shape: value.shape.as_deref() }).collect()
    }
}

/// Returns the symbols of some dimensions, each once, in order.
#[doc(hidden)]
pub fn symbols<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Vec<String> {
    let mut symbols: Vec<String> = Vec::new();
    for dim in dims {
        if let Dim::Symbolic { symbol, .. } = dim
            && !symbols.contains(symbol)
        {
            symbols.push(symbol.clone());
        }
    }
    symbols
}

/// Returns `true` if a symbol occurs by itself or in a formula.
pub(super) fn is_known(symbol: &str, known: &[String]) -> bool {
    known.iter().any(|text| text == symbol || mentions(text, symbol))
}

/// Evaluates a symbol that is a formula of others; `None` for one that does not depend on them.
pub(in crate::graph) fn formula(text: &str, symbols: &BTreeMap<String, Dim>) -> Option<Dim> {
    symbols.keys().any(|name| mentions(text, name)).then(|| {
        let size = |name: &str| i64::try_from(symbols.get(name)?.known()?).ok();
        formula::value(text, &size).and_then(|size| usize::try_from(size).ok()).map_or(Dim::Unknown, Dim::Known)
    })
}

/// Refuses a formula that was given a size other than its value.
fn ensure_formulas(symbols: &BTreeMap<String, Dim>) -> Result<()> {
    for (text, given) in symbols {
        let others = symbols.iter().filter(|(name, _)| *name != text).map(|(name, dim)| (name.clone(), dim.clone()));
        match formula(text, &others.collect()) {
            Some(Dim::Known(size)) if given.known().is_some_and(|given| given != size) => {
                return Err(Error::input(format!("symbol {text}"), format!("is given as {given} and comes to {size}")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn fixed(thing: &str, axis: usize, old: &Dim, given: &Dim) -> Error {
    Error::input(thing, format!("{given} given for axis {axis}, which the file fixes at {old}"))
        .remedy("an engine takes no other size than a file's own; export it with that axis open")
}

enum Unified {
    /// Both are this.
    Same(Dim),
    /// They contradict each other; the stated one was fixed by the file.
    Replaced,
}

/// The value of each symbol: a number, or linear in a symbol that has no value itself.
#[derive(Default)]
struct Ties(BTreeMap<String, Dim>);

impl Ties {
    /// Substitutes everything known about the dimension's symbol. A tie never leads back to its own symbol, so this
    /// terminates.
    fn resolve(&self, dim: &Dim) -> Dim {
        let mut dim = dim.clone();
        while let Dim::Symbolic { symbol, .. } = &dim
            && let Some(value) = self.0.get(symbol)
        {
            dim = dim.bind(value);
        }
        dim
    }

    fn unify(&mut self, thing: &str, stated: &Dim, given: &Dim, rule: Rule) -> Result<Unified> {
        let (old, new) = (self.resolve(stated), self.resolve(given));
        if old == new || new == Dim::Unknown {
            return Ok(Unified::Same(old));
        }
        let contradicts = || Error::input(thing, format!("{given} given, the file says {stated}"));
        match (&old, &new) {
            (Dim::Unknown, _) => {}
            (Dim::Known(_), _) if stated.known().is_some() && given.known().is_some() => return Ok(Unified::Replaced),
            // A name for a size that the file fixes opens it if replacement is allowed, and is equal to that size if not.
            (Dim::Known(_), Dim::Symbolic { .. }) if stated.known().is_some() && rule == Rule::Replace => {
                return Ok(Unified::Replaced);
            }
            (Dim::Known(size), Dim::Symbolic { symbol, scale, offset })
            | (Dim::Symbolic { symbol, scale, offset }, Dim::Known(size)) => {
                let value = solve(*size, *scale, *offset).ok_or_else(contradicts)?;
                self.0.insert(symbol.clone(), Dim::Known(value));
            }
            (Dim::Known(a), Dim::Known(b)) => return Err(self.both(thing, (stated, *a), (given, *b))),
            (Dim::Symbolic { symbol, scale: 1, offset: 0 }, Dim::Symbolic { symbol: other, .. }) if symbol != other => {
                self.0.insert(symbol.clone(), new.clone());
            }
            (Dim::Symbolic { symbol: other, .. }, Dim::Symbolic { symbol, scale: 1, offset: 0 }) if symbol != other => {
                self.0.insert(symbol.clone(), old.clone());
            }
            _ => return Err(contradicts()),
        }
        Ok(Unified::Same(new))
    }

    /// Returns the error for two numbers for one symbol.
    fn both(&self, thing: &str, (stated, a): (&Dim, usize), (given, b): (&Dim, usize)) -> Error {
        let reason = match (stated, given) {
            (Dim::Symbolic { symbol, scale, offset }, _) => match (self.0.get(symbol), solve(b, *scale, *offset)) {
                (Some(value), Some(other)) => format!("{symbol} would be both {value} and {other}"),
                _ => format!("{b} given, the file says {stated}, which is {a}"),
            },
            (_, given) => format!("{given} given, which is {b}, the file says {a}"),
        };
        Error::input(thing, reason)
    }

    /// Refuses sizes that would be negative or too large.
    fn ensure_sizes(&self, name: &str, dims: &[Dim]) -> Result<()> {
        for dim in dims {
            if let Dim::Symbolic { symbol, .. } = dim
                && self.resolve(dim) == Dim::Unknown
            {
                let value = self.resolve(&Dim::symbol(symbol.clone()));
                let reason = format!("its size {dim} is none at {symbol} = {value}");
                return Err(Error::input(format!("value {name}"), reason).remedy(format!("give {symbol} another size")));
            }
        }
        Ok(())
    }

    fn flat(&self) -> BTreeMap<String, Dim> {
        self.0.iter().map(|(symbol, value)| (symbol.clone(), self.resolve(value))).collect()
    }
}

/// Solves `scale * symbol + offset = size` for the symbol.
fn solve(size: usize, scale: i64, offset: i64) -> Option<usize> {
    let rest = i64::try_from(size).ok()?.checked_sub(offset)?;
    (rest.checked_rem(scale)? == 0).then(|| rest / scale).and_then(|value| usize::try_from(value).ok())
}
