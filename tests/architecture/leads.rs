//! Resolution of a path: through the `use` declarations of modules, to the module that defines the item.

use std::collections::BTreeMap;

use super::source::{Crate, Module, Written};

/// A room: its crate, and its module below the root.
pub type Room = (String, String);

/// A place in a crate.
type Place = (String, Vec<String>);

/// All modules by their place, and what each passes on.
pub struct Leads<'a> {
    modules: BTreeMap<Place, &'a Module>,
    /// Names that a module imports from another place: the module, the name (or `*`), and the item it refers to.
    bound: BTreeMap<Place, Vec<Place>>,
}

/// Maximum number of times that a path is passed on; it takes two or three.
const STEPS: usize = 8;

impl<'a> Leads<'a> {
    /// Of all crates.
    pub fn new(all: &'a [Crate]) -> Self {
        let (mut modules, mut bound) = (BTreeMap::new(), BTreeMap::<Place, Vec<Place>>::new());
        for own in all {
            let inside = |place: &[String], name: &str| (own.name.clone(), [place, &[name.to_owned()]].concat());
            for module in &own.modules {
                // Tests of one name may be blocks in many files; other modules come first.
                let first = modules.entry((own.name.clone(), module.place.clone())).or_insert(module);
                if first.test {
                    *first = module;
                }
                for path in &module.paths {
                    let Some(alias) = &path.alias else { continue };
                    let target = (path.into.clone(), path.names.clone());
                    bound.entry(inside(&module.place, alias)).or_default().push(target);
                }
            }
            for (name, place) in &own.macros {
                bound.entry(inside(&[], name)).or_default().push(inside(place, name));
            }
        }
        Self { modules, bound }
    }

    /// The room that a path enters first; none where it ends at a block of a root that passes a room on, and the whole path
    /// where it leads to neither.
    pub fn room(&self, path: &Written) -> Result<Option<Room>, String> {
        let steps = self.steps(path);
        if let Some((own, module)) = steps.iter().find(|(_, module)| !module.root) {
            return Ok(Some((own.clone(), module.place[0].clone())));
        }
        let in_a_block = steps.last().is_some_and(|(_, module)| !module.place.is_empty());
        if in_a_block { Ok(None) } else { Err(format!("{}::{}", path.into, path.names.join("::"))) }
    }

    /// The modules that a path leads through, each with its crate: the last one makes the item. None where it is lost.
    pub fn steps(&self, path: &Written) -> Vec<(String, &'a Module)> {
        let (mut at, mut passed) = ((path.into.clone(), path.names.clone()), Vec::new());
        for _ in 0..STEPS {
            let Some((module, rest)) = self.longest(&at) else { break };
            passed.push((at.0.clone(), module));
            match self.passed_on(&at, rest, module) {
                Some(next) if next != at => at = next,
                _ => break,
            }
        }
        passed
    }

    /// The module that a place lies in, and how many names that takes.
    fn longest(&self, at: &Place) -> Option<(&'a Module, usize)> {
        let part = |length: usize| Some((*self.modules.get(&(at.0.clone(), at.1[..length].to_vec()))?, length));
        (0..=at.1.len()).rev().find_map(part)
    }

    /// The place that a module means by what follows it.
    fn passed_on(&self, at: &Place, length: usize, module: &Module) -> Option<Place> {
        let item = at.1.get(length)?;
        let whole = |target: &Place, from: usize| {
            let names = target.1.iter().filter(|name| *name != "*").chain(&at.1[from..]);
            (target.0.clone(), names.cloned().collect())
        };
        let named = (at.0.clone(), at.1[..=length].to_vec());
        if let (Some(targets), true) = (self.bound.get(&named), item != "*") {
            return targets.first().map(|target| whole(target, length + 1));
        }
        let all = (at.0.clone(), [&at.1[..length], &["*".to_owned()]].concat());
        let globs = self.bound.get(&all).map_or(&[][..], |targets| targets);
        let known = |place: &Place| {
            self.longest(place).is_some_and(|(_, found)| found == place.1.len()) || self.bound.contains_key(place)
        };
        // A root makes nothing itself; any other module may make what it does not pass on by name.
        let only = globs.first().filter(|_| module.root && globs.len() == 1);
        globs
            .iter()
            .map(|target| whole(target, length))
            .find(known)
            .or_else(|| only.map(|target| whole(target, length)))
    }
}
