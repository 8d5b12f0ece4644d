//! Records become what a person or a program reads: one table model, one renderer a format.
//!
//! A record implements [`Report`]: its `Serialize` is the JSON document, its [`Report::tables`] is everything else.
//! Nothing here prints or looks at the terminal; the caller says how wide and how plain the text should be ([`Style`]).

mod csv;
pub mod curve;
mod format;
pub mod json;
mod markdown;
pub mod number;
mod table;
mod terminal;

use serde::Serialize;

pub use format::Format;
pub use table::{Align, Cell, Column, Table};
pub use terminal::Style;

use crate::Result;

/// A record that can be shown in every [`Format`].
pub trait Report: Serialize {
    /// The record as tables, in the order a reader wants them.
    fn tables(&self) -> Vec<Table>;
}

/// The record in `format`, as plain text that depends on nothing but the record. Ends with a newline.
///
/// # Errors
/// A record that serde cannot write as a JSON object or that CSV cannot hold.
pub fn render<R: Report>(report: &R, format: Format) -> Result<String> {
    render_styled(report, format, Style::PLAIN)
}

/// As [`render`], with `style` for the terminal table; the other formats look the same everywhere.
pub fn render_styled<R: Report>(report: &R, format: Format, style: Style) -> Result<String> {
    match format {
        Format::Table => Ok(joined(&report.tables(), |table| terminal::render(table, style))),
        Format::Markdown => Ok(joined(&report.tables(), markdown::render)),
        Format::Csv => csv::render(&report.tables()),
        Format::Json => json::document(report),
    }
}

fn joined(tables: &[Table], render: impl Fn(&Table) -> String) -> String {
    tables.iter().map(render).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Sample {
        name: &'static str,
        macs: u64,
        ms: Option<f64>,
    }

    impl Report for Sample {
        fn tables(&self) -> Vec<Table> {
            let mut table =
                Table::new("Cost", [Column::text("name"), Column::number("MACs"), Column::number("p50").unit("ms")]);
            table.row([self.name.into(), self.macs.into(), Cell::float(self.ms, 2)]);
            table.note("1 MAC = 2 FLOPs");
            vec![table]
        }
    }

    fn shown(sample: &Sample, format: Format) -> String {
        render(sample, format).unwrap()
    }

    const SAMPLE: Sample = Sample { name: "a|b, c", macs: 128_049_152, ms: Some(1.0 / 3.0) };

    #[test]
    fn one_record_in_every_format() {
        assert_eq!(
            shown(&SAMPLE, Format::Table),
            "Cost\n name           MACs  p50 (ms) \n───────────────────────────────\n a|b, c  128,049,152      0.33 \n1 MAC = 2 FLOPs\n"
        );
        assert_eq!(
            shown(&SAMPLE, Format::Markdown),
            "### Cost\n\n| name | MACs | p50 (ms) |\n|:---|---:|---:|\n| a\\|b, c | 128,049,152 | 0.33 |\n\n1 MAC = 2 FLOPs\n"
        );
        assert_eq!(
            shown(&SAMPLE, Format::Csv),
            "name,macs,p50_ms\n\"a|b, c\",128049152,0.3333333333333333\n",
            "values for a program are neither rounded nor grouped"
        );
        let json: serde_json::Value = serde_json::from_str(&shown(&SAMPLE, Format::Json)).unwrap();
        assert_eq!(json["macs"], 128_049_152);
    }

    #[test]
    fn a_missing_value_is_a_dash_for_people_and_empty_or_null_for_programs() {
        let missing = Sample { ms: None, ..SAMPLE };
        assert!(shown(&missing, Format::Table).contains("         - \n"));
        assert!(shown(&missing, Format::Markdown).contains("| - |"));
        assert!(shown(&missing, Format::Csv).ends_with("128049152,\n"));
        assert!(shown(&missing, Format::Json).contains("\"ms\": null"));
    }
}
