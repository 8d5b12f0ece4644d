//! The table model that every tabular format is rendered from.

use super::{number, visible};

/// A table: a title, columns, rows of typed cells, and notes below.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// Title above the table; may be empty.
    pub title: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows; each has one cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// Notes below the table. CSV leaves them out.
    pub notes: Vec<Note>,
}

impl Table {
    /// Creates a table without rows.
    pub fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { title: title.into(), columns: columns.into_iter().collect(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// Panics if the row does not have exactly one cell per column, which is a bug in the caller, never a matter of its
    /// data.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        let row: Vec<_> = cells.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "cells of a row in table '{}'", self.title);
        self.rows.push(row);
        self
    }

    /// Adds a note below the table.
    pub fn note(&mut self, line: impl Into<String>) -> &mut Self {
        self.notes.push(Note { text: line.into(), tone: None });
        self
    }

    /// Adds a note below the table that states a verdict. The part before its colon is shown in the tone's colour.
    pub fn verdict(&mut self, line: impl Into<String>, tone: Tone) -> &mut Self {
        self.notes.push(Note { text: line.into(), tone: Some(tone) });
        self
    }

    /// Returns the table with every text as [`visible`] shows it.
    pub(super) fn visible(mut self) -> Self {
        let cells = self.rows.iter_mut().flatten().filter_map(|cell| match cell {
            Cell::Text(text) | Cell::Verdict(text, _) => Some(text),
            Cell::Integer(_) | Cell::Float { .. } | Cell::Missing => None,
        });
        let headings = self.columns.iter_mut().map(|column| &mut column.name);
        let notes = self.notes.iter_mut().map(|note| &mut note.text);
        for text in std::iter::once(&mut self.title).chain(headings).chain(cells).chain(notes) {
            if let std::borrow::Cow::Owned(shown) = visible(text) {
                *text = shown;
            }
        }
        self
    }
}

/// A note below a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// Text of the note.
    pub text: String,
    /// Tone of the verdict, if the note states one.
    pub tone: Option<Tone>,
}

/// Tone of a verdict: green, yellow or red where colour is available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tone {
    /// As expected.
    Good,
    /// Inconclusive.
    Doubtful,
    /// Not as expected.
    Bad,
}

/// Treatment of a cell that is wider than its column on a narrow terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Flow {
    /// Wraps to the next line, between words.
    Words,
    /// Shortened in the middle: `inception3a/…/Conv`.
    Path,
    /// Never shortened: the column is as wide as its widest cell. For numbers and shapes.
    Whole,
}

/// Alignment of a column's cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Align {
    /// Left, for text.
    Left,
    /// Right, for numbers.
    Right,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Column {
    /// Name of the column.
    pub name: String,
    /// Unit of its numbers, such as `ms`.
    pub unit: Option<String>,
    /// Alignment of its cells.
    pub align: Align,
    /// Treatment of a cell that is too wide.
    pub flow: Flow,
    /// Rank: on a terminal too narrow for all columns, those of larger rank are left out first; those of rank 0 stay.
    pub rank: u8,
}

impl Column {
    /// Creates a left-aligned column of text.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: None, align: Align::Left, flow: Flow::Words, rank: 0 }
    }

    /// Creates a left-aligned column of names and paths, which are shortened in the middle if space is short.
    pub fn path(name: impl Into<String>) -> Self {
        Self { flow: Flow::Path, ..Self::text(name) }
    }

    /// Creates a left-aligned column of text that is never broken, such as shapes.
    pub fn whole(name: impl Into<String>) -> Self {
        Self { flow: Flow::Whole, ..Self::text(name) }
    }

    /// Creates a right-aligned column of numbers.
    pub fn number(name: impl Into<String>) -> Self {
        Self { align: Align::Right, ..Self::whole(name) }
    }

    /// Sets the rank: columns of rank 0, the default, stay; of the others, the largest rank is left out first.
    pub fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// Sets the unit.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), ..self }
    }

    /// Returns the heading for people: `p50 (ms)`.
    pub fn heading(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }

    /// Returns the heading for programs: `p50_ms`, `accuracy_percent`; lower case, with underscores for everything
    /// except letters and digits.
    pub fn key(&self) -> String {
        let mut key = String::new();
        for c in self.heading().replace('%', "percent").chars() {
            if c.is_ascii_alphanumeric() {
                key.push(c.to_ascii_lowercase());
            } else if !key.is_empty() && !key.ends_with('_') {
                key.push('_');
            }
        }
        key.truncate(key.trim_end_matches('_').len());
        key
    }
}

/// One value of a table.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Cell {
    /// Text.
    Text(String),
    /// Text that states a verdict.
    Verdict(String, Tone),
    /// A whole number, shown to people with thousands separators.
    Integer(i128),
    /// A real number, shown to people with a limited number of decimal places and to programs in full.
    Float {
        /// The value.
        value: f64,
        /// Decimal places for people.
        digits: usize,
    },
    /// Not measured, or not applicable.
    Missing,
}

impl Cell {
    /// Creates a real number with `digits` decimal places for people, or a missing cell.
    pub fn float(value: impl Into<Option<f64>>, digits: usize) -> Self {
        value.into().map_or(Self::Missing, |value| Self::Float { value, digits })
    }

    /// Creates text that states a verdict.
    pub fn verdict(text: impl Into<String>, tone: Tone) -> Self {
        Self::Verdict(text.into(), tone)
    }

    /// Returns the value for people.
    pub fn human(&self) -> String {
        match self {
            Self::Text(text) | Self::Verdict(text, _) => text.clone(),
            Self::Integer(value) => number::thousands(*value),
            Self::Float { value, digits } => number::decimal(*value, *digits),
            Self::Missing => "-".to_owned(),
        }
    }

    /// Returns the value for programs: neither rounded nor grouped, empty if missing.
    pub fn raw(&self) -> String {
        match self {
            Self::Text(text) | Self::Verdict(text, _) => text.clone(),
            Self::Integer(value) => value.to_string(),
            Self::Float { value, .. } => value.to_string(),
            Self::Missing => String::new(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(value: u64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<i64> for Cell {
    fn from(value: i64) -> Self {
        Self::Integer(value.into())
    }
}

impl From<usize> for Cell {
    fn from(value: usize) -> Self {
        Self::Integer(value as i128)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_of_name_and_unit() {
        assert_eq!(Column::number("p50").unit("ms").key(), "p50_ms");
        assert_eq!(Column::number("rate").unit("images/s").key(), "rate_images_s");
        assert_eq!(Column::text("  Output  shape ").key(), "output_shape");
        assert_eq!(Column::text("#").key(), "");
    }

    #[test]
    fn cells_read_differently_for_people_and_programs() {
        let cell = Cell::float(1234.5678, 2);
        assert_eq!((cell.human(), cell.raw()), ("1,234.57".into(), "1234.5678".into()));
        let cell = Cell::from(-1_234_567_i64);
        assert_eq!((cell.human(), cell.raw()), ("-1,234,567".into(), "-1234567".into()));
        assert_eq!(Cell::from(None::<u64>), Cell::Missing);
        assert_eq!(Cell::float(None, 1), Cell::Missing);
    }
}
