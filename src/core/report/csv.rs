//! CSV: for spreadsheets and scripts.

use std::borrow::Cow;

use super::{Cell, Table};
use crate::{Error, Result};

/// Renders each table as a header line and its rows, with an empty line between two tables. Titles and notes are left
/// out.
pub(super) fn render(tables: &[Table]) -> Result<String> {
    let parts = tables.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(parts.join("\n"))
}

fn one(table: &Table) -> Result<String> {
    let fail = |reason: String| Error::input("CSV", reason);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.key())).map_err(|e| fail(e.to_string()))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(value)).map_err(|e| fail(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| fail(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| fail(e.to_string()))
}

/// Returns the value of a cell. Text that a spreadsheet would take as a formula is prefixed with an apostrophe, which
/// marks it as text; numbers stay numbers.
fn value(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Verdict(text, _) => inert(text).into_owned(),
        Cell::Integer(_) | Cell::Float { .. } | Cell::Missing => cell.raw(),
    }
}

fn inert(text: &str) -> Cow<'_, str> {
    // Spreadsheets in East Asian languages treat the full-width forms in the same way.
    const SIGNS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    match text.starts_with(SIGNS) && text.parse::<f64>().is_err() {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Column;
    use super::*;

    #[test]
    fn every_value_survives_a_csv_reader() {
        let mut table = Table::new("title", [Column::text("name"), Column::number("n")]);
        let awkward = "a \"quoted\", two-line\nname";
        table.row([awkward.into(), 7_u64.into()]).row(["".into(), Cell::Missing]);
        let text = render(&[table]).unwrap();
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), vec!["name", "n"]);
        let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
        assert_eq!(rows[0], vec![awkward, "7"]);
        assert_eq!(rows[1], vec!["", ""]);
    }

    #[test]
    fn a_spreadsheet_computes_no_name() {
        for text in ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "-"] {
            assert_eq!(value(&text.into()), format!("'{text}"));
        }
        for text in ["-1.5", "+2", "-1.23e-4", "a=b", "", "1 x 3", "-inf"] {
            assert_eq!(value(&text.into()), text);
        }
        assert_eq!(value(&Cell::from(-7_i64)), "-7");
        assert_eq!(value(&Cell::float(-0.5, 1)), "-0.5");
    }

    #[test]
    fn tables_are_apart() {
        let table = |name: &str| Table::new(name, [Column::text(name)]);
        assert_eq!(render(&[table("a"), table("b")]).unwrap(), "a\n\nb\n");
    }
}
