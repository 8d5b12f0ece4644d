//! A section of a page: a heading, sentences, pictures and tables.

use gnet_core::report::Table;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Section {
    pub heading: String,
    pub sentences: Vec<String>,
    pub pictures: Vec<Picture>,
    pub tables: Vec<Table>,
}

/// A picture in a file of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// Name of its kind, a part of the name of the file.
    pub kind: &'static str,
    /// Title and description, for readers who do not see it.
    pub told: String,
    pub svg: String,
}

impl Section {
    pub fn new(heading: impl Into<String>) -> Self {
        Self { heading: heading.into(), ..Self::default() }
    }
}

/// Greatest length of a name inside a sentence or a heading.
const LONGEST: usize = 100;

/// Shortens a name that someone else gave.
pub fn name(text: &str) -> String {
    gnet_core::report::shortened(text, LONGEST)
}
