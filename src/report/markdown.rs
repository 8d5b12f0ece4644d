//! Markdown tables, as GitHub reads them.

use std::fmt::Write;

use super::{Align, Table};

/// The table under a third-level heading, its notes as lines below.
pub(super) fn render(table: &Table) -> String {
    let mut out = String::new();
    if !table.title.is_empty() {
        out += &format!("### {}\n\n", table.title);
    }
    line(&mut out, table.columns.iter().map(|column| escaped(&column.heading())));
    out.push('|');
    for column in &table.columns {
        out += if column.align == Align::Left { ":---|" } else { "---:|" };
    }
    out.push('\n');
    for row in &table.rows {
        line(&mut out, row.iter().map(|cell| escaped(&cell.human())));
    }
    for note in &table.notes {
        out += &format!("\n{note}\n");
    }
    out
}

fn line(out: &mut String, cells: impl Iterator<Item = String>) {
    out.push('|');
    for cell in cells {
        // Writing to a string cannot fail.
        let _ = write!(out, " {cell} |");
    }
    out.push('\n');
}

/// A bar would end the cell, a line break the row.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    #[test]
    fn a_cell_cannot_break_out_of_its_table() {
        let mut table = Table::new("", [Column::text("a")]);
        table.row(["x | y\nz".into()]);
        assert_eq!(render(&table), "| a |\n|:---|\n| x \\| y z |\n");
    }
}
