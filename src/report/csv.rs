//! CSV: for spreadsheets and scripts.

use super::Table;
use crate::{Error, Result};

/// Each table as a header line and its rows, an empty line between two tables. Titles and notes are left out.
pub(super) fn render(tables: &[Table]) -> Result<String> {
    let parts = tables.iter().map(one).collect::<Result<Vec<_>>>()?;
    Ok(parts.join("\n"))
}

fn one(table: &Table) -> Result<String> {
    let fail = |reason: String| Error::input("CSV", reason);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(table.columns.iter().map(|column| column.key())).map_err(|e| fail(e.to_string()))?;
    for row in &table.rows {
        writer.write_record(row.iter().map(|cell| cell.raw())).map_err(|e| fail(e.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|e| fail(e.to_string()))?;
    String::from_utf8(bytes).map_err(|e| fail(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::{Cell, Column};
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
    fn tables_are_apart() {
        let table = |name: &str| Table::new(name, [Column::text(name)]);
        assert_eq!(render(&[table("a"), table("b")]).unwrap(), "a\n\nb\n");
    }
}
