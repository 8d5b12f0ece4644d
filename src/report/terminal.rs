//! Aligned columns for a terminal.

use comfy_table::{Attribute, CellAlignment, ContentArrangement};

use super::{Align, Table};

/// What the place the text goes to can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Headings are bold. Off where the text is not for a terminal or `NO_COLOR` is set.
    pub bold: bool,
    /// Columns available; longer cells wrap. `None` leaves lines as long as they are.
    pub width: Option<u16>,
}

impl Style {
    /// No escape sequences, lines as long as they are: for files, pipes and tests.
    pub const PLAIN: Self = Self { bold: false, width: None };
}

/// A rule below the headings and nothing else: ` heading ──── cell `.
const PRESET: &str = "     ─             ";

/// Title, table, notes; each line ends with a newline.
pub(super) fn render(table: &Table, style: Style) -> String {
    let mut out = String::new();
    if !table.title.is_empty() {
        out += &emphasised(&table.title, style);
        out.push('\n');
    }
    out += &grid(table, style).to_string();
    out.push('\n');
    for note in &table.notes {
        out += note;
        out.push('\n');
    }
    out
}

fn emphasised(text: &str, style: Style) -> String {
    if style.bold { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn grid(table: &Table, style: Style) -> comfy_table::Table {
    let mut grid = comfy_table::Table::new();
    // The caller knows where the text goes; the crate would look at stdout itself.
    grid.force_no_tty().load_preset(PRESET);
    if style.bold {
        grid.enforce_styling();
    }
    if let Some(width) = style.width {
        grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    let align = |column: usize| match table.columns[column].align {
        Align::Left => CellAlignment::Left,
        Align::Right => CellAlignment::Right,
    };
    let heading = |(i, text): (usize, String)| {
        let cell = comfy_table::Cell::new(text).set_alignment(align(i));
        if style.bold { cell.add_attribute(Attribute::Bold) } else { cell }
    };
    grid.set_header(table.columns.iter().map(|column| column.heading()).enumerate().map(heading));
    for row in &table.rows {
        grid.add_row(
            row.iter().enumerate().map(|(i, cell)| comfy_table::Cell::new(cell.human()).set_alignment(align(i))),
        );
    }
    grid
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    fn sample() -> Table {
        let mut table = Table::new("Layers", [Column::text("name"), Column::number("n")]);
        table.row(["a name of several words".into(), 12_345_u64.into()]);
        table
    }

    #[test]
    fn plain_text_holds_no_escape_sequences() {
        assert!(!render(&sample(), Style::PLAIN).contains('\u{1b}'));
        assert!(render(&sample(), Style { bold: true, width: None }).contains("\u{1b}[1mLayers\u{1b}[0m"));
    }

    #[test]
    fn a_narrow_terminal_wraps_cells_and_loses_nothing() {
        let text = render(&sample(), Style { bold: false, width: Some(24) });
        assert!(text.lines().all(|line| line.chars().count() <= 24), "{text}");
        for word in ["several", "words", "12,345"] {
            assert!(text.contains(word), "{text}");
        }
    }
}
