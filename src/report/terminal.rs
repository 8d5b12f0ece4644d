//! Aligned columns for a terminal.

use comfy_table::{Attribute, CellAlignment, ColumnConstraint, ContentArrangement, Width};

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
    if let Some(width) = style.width {
        fit(&mut grid, table, width);
    }
    grid
}

/// Wraps what is too wide for `width`: headings and text between words, numbers never. A table that is still too wide
/// keeps its words and numbers whole.
fn fit(grid: &mut comfy_table::Table, table: &Table, width: u16) {
    let natural: usize = grid.column_max_content_widths().iter().map(|content| usize::from(*content) + 2).sum();
    if natural <= usize::from(width) {
        return;
    }
    grid.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    for (i, column) in grid.column_iter_mut().enumerate() {
        let least = least_width(table, i) + 1;
        column.set_padding((0, 1));
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(u16::try_from(least).unwrap_or(u16::MAX))));
    }
}

/// The widest word of a column; a number is one word.
fn least_width(table: &Table, column: usize) -> usize {
    let heading = table.columns[column].heading();
    let cells: Vec<String> = table.rows.iter().map(|row| row[column].human()).collect();
    let words = cells.iter().chain([&heading]).flat_map(|text| text.split_whitespace());
    words.map(|word| word.chars().count()).max().unwrap_or(0)
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
    fn a_wide_terminal_changes_nothing() {
        assert_eq!(render(&sample(), Style { bold: false, width: Some(80) }), render(&sample(), Style::PLAIN));
    }

    #[test]
    fn numbers_and_words_stay_whole_on_the_narrowest_terminal() {
        let text = render(&sample(), Style { bold: false, width: Some(4) });
        for word in ["several", "words", "12,345", "name"] {
            assert!(text.contains(word), "{text}");
        }
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
