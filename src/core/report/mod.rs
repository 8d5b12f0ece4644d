//! Rendering of records for people and programs: one table model, one renderer per format.
//!
//! A record implements [`Report`]: its `Serialize` is the JSON document, its `JsonSchema` what can be in it, and [`Report::tables`] is used for every other
//! format. Nothing here prints or inspects the terminal; the caller passes the width and style of the text ([`Style`]).
//! The renderers only see text that has passed through [`visible`].

pub mod bars;
mod csv;
pub mod curve;
mod described;
mod format;
pub mod json;
mod layout;
mod markdown;
pub mod number;
pub(crate) mod svg;
mod table;
mod terminal;
mod visible;

use schemars::JsonSchema;
use serde::Serialize;

pub use format::Format;
#[doc(hidden)]
pub use layout::shortened;
#[doc(hidden)]
pub use markdown::{literal, target};
pub use table::{Align, Cell, Column, Flow, Note, Table, Tone};
pub use terminal::{Style, message};
pub use visible::visible;

use crate::Result;

/// A record that can be shown in every [`Format`], and whose JSON document has a [schema](json::schema).
pub trait Report: Serialize + JsonSchema {
    /// Returns the record as tables, in the order in which they are shown.
    fn tables(&self) -> Vec<Table>;
}

/// Renders the record in `format` as plain text that depends only on the record. Ends with a newline.
///
/// # Errors
/// Fails if serde cannot write the record as a JSON object, or if CSV cannot hold it.
pub fn render<R: Report>(report: &R, format: Format) -> Result<String> {
    render_styled(report, format, Style::PLAIN)
}

/// Does the same as [`render`], with `style` applied to the terminal table; the other formats are not affected by it.
pub fn render_styled<R: Report>(report: &R, format: Format, style: Style) -> Result<String> {
    let tables = || visible_tables(report.tables());
    match format {
        Format::Table => Ok(joined(&tables(), |table| terminal::render(table, style))),
        Format::Markdown => Ok(markdown(report.tables())),
        Format::Csv => csv::render(&tables()),
        Format::Json => json::document(report),
    }
}

/// Renders tables as Markdown, as [`render`] does those of a record.
pub fn markdown(tables: Vec<Table>) -> String {
    joined(&visible_tables(tables), markdown::render)
}

fn visible_tables(tables: Vec<Table>) -> Vec<Table> {
    tables.into_iter().map(Table::visible).collect()
}

fn joined(tables: &[Table], render: impl Fn(&Table) -> String) -> String {
    tables.iter().map(render).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(JsonSchema, Serialize)]
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
    fn a_name_is_data_in_every_format() {
        let name = "a\n::error ::b\u{1b}[31m\u{202e}\u{7f}<script>`x`[y](javascript:z)";
        let shown = |format| shown(&Sample { name, ..SAMPLE }, format);
        for format in [Format::Table, Format::Csv] {
            assert!(shown(format).contains(r"a\n::error ::b\u{1b}[31m\u{202e}\u{7f}<script>"), "{}", shown(format));
        }
        let markdown = shown(Format::Markdown);
        assert!(
            markdown.contains(r"::b\\u{1b}\[31m\\u{202e}\\u{7f}&lt;script&gt;\`x\`\[y\](javascript:z) |"),
            "{markdown}"
        );
        let json = shown(Format::Json);
        assert!(json.contains(r"a\n::error ::b\u001b[31m\u202e\u007f<script>"), "{json}");
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["name"], name, "a program reads what the file says");
        for format in Format::ALL {
            assert!(!shown(format).chars().any(|c| visible::is_hidden(c) && c != '\n'), "{format}");
            assert!(!shown(format).lines().any(|line| line.starts_with("::")), "{format}");
        }
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
