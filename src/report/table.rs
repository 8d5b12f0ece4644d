//! The one table model every tabular format is rendered from.

use super::{number, visible};

/// A table: a title, columns, rows of typed cells, and notes below.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Title above the table; empty for none.
    pub title: String,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows; each has as many cells as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// Lines for the reader below the table. CSV leaves them out.
    pub notes: Vec<Note>,
}

impl Table {
    /// A table without rows.
    pub fn new(title: impl Into<String>, columns: impl IntoIterator<Item = Column>) -> Self {
        Self { title: title.into(), columns: columns.into_iter().collect(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a row.
    ///
    /// # Panics
    /// If the row has not one cell for each column: that is a mistake in the caller's code, never in its data.
    pub fn row(&mut self, cells: impl IntoIterator<Item = Cell>) -> &mut Self {
        let row: Vec<_> = cells.into_iter().collect();
        assert_eq!(row.len(), self.columns.len(), "cells of a row in table '{}'", self.title);
        self.rows.push(row);
        self
    }

    /// Adds a line below the table.
    pub fn note(&mut self, line: impl Into<String>) -> &mut Self {
        self.notes.push(Note { text: line.into(), tone: None });
        self
    }

    /// Adds a line below the table that tells how it went. What stands before its colon shows the tone.
    pub fn verdict(&mut self, line: impl Into<String>, tone: Tone) -> &mut Self {
        self.notes.push(Note { text: line.into(), tone: Some(tone) });
        self
    }

    /// The table with every text as [`visible`] shows it.
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

/// A line below a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The line.
    pub text: String,
    /// How it went, where the line tells it.
    pub tone: Option<Tone>,
}

/// How something went: green, yellow or red where colour is welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should.
    Good,
    /// So that it proves nothing.
    Doubtful,
    /// Not as it should.
    Bad,
}

/// What happens to a cell that is wider than its column on a narrow terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// It goes on in the next line, between words.
    Words,
    /// It is shortened in the middle: `inception3a/…/Conv`.
    Path,
    /// It cannot be: the column is as wide as its widest cell. Numbers and shapes.
    Whole,
}

/// Where a column's cells stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    /// At the left: text.
    Left,
    /// At the right: numbers.
    Right,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// What the column holds.
    pub name: String,
    /// Unit of its numbers, such as `ms`.
    pub unit: Option<String>,
    /// Where its cells stand.
    pub align: Align,
    /// What happens to a cell that is too wide.
    pub flow: Flow,
    /// On a terminal too narrow for all, columns of a larger rank are left out first; those of rank 0 stay.
    pub rank: u8,
}

impl Column {
    /// A column of text, at the left.
    pub fn text(name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: None, align: Align::Left, flow: Flow::Words, rank: 0 }
    }

    /// A column of names and paths, at the left, which are shortened in the middle where there is no room.
    pub fn path(name: impl Into<String>) -> Self {
        Self { flow: Flow::Path, ..Self::text(name) }
    }

    /// A column of text that is never broken, such as shapes, at the left.
    pub fn whole(name: impl Into<String>) -> Self {
        Self { flow: Flow::Whole, ..Self::text(name) }
    }

    /// A column of numbers, at the right.
    pub fn number(name: impl Into<String>) -> Self {
        Self { align: Align::Right, ..Self::whole(name) }
    }

    /// The column with a rank: 0, which is the default, stays; of the others the largest is left out first.
    pub fn rank(self, rank: u8) -> Self {
        Self { rank, ..self }
    }

    /// The column with a unit.
    pub fn unit(self, unit: impl Into<String>) -> Self {
        Self { unit: Some(unit.into()), ..self }
    }

    /// The heading for people: `p50 (ms)`.
    pub fn heading(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }

    /// The heading for programs: `p50_ms`, `accuracy_percent`; lower case, everything but letters and digits an
    /// underscore.
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
pub enum Cell {
    /// Text.
    Text(String),
    /// Text that tells how something went.
    Verdict(String, Tone),
    /// A whole number; people read it with thousands separators.
    Integer(i128),
    /// A real number; people read it with so many decimal places, programs in full.
    Float {
        /// The value.
        value: f64,
        /// Decimal places for people.
        digits: usize,
    },
    /// Nothing was measured, or it does not apply.
    Missing,
}

impl Cell {
    /// A real number with `digits` decimal places for people, or a missing cell.
    pub fn float(value: impl Into<Option<f64>>, digits: usize) -> Self {
        value.into().map_or(Self::Missing, |value| Self::Float { value, digits })
    }

    /// Text that tells how something went.
    pub fn verdict(text: impl Into<String>, tone: Tone) -> Self {
        Self::Verdict(text.into(), tone)
    }

    /// The value for people.
    pub fn human(&self) -> String {
        match self {
            Self::Text(text) | Self::Verdict(text, _) => text.clone(),
            Self::Integer(value) => number::thousands(*value),
            Self::Float { value, digits } => number::decimal(*value, *digits),
            Self::Missing => "-".to_owned(),
        }
    }

    /// The value for programs: neither rounded nor grouped, empty when missing.
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
