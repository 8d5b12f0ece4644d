//! Names of the output formats.

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Aligned columns for a terminal.
    Table,
    /// One document with `schema_version` and documented keys.
    Json,
    /// A header line and one line per row; tables are separated by an empty line.
    Csv,
    /// A Markdown table.
    Markdown,
}

crate::named!(Format, "format", [Table = "table", Json = "json", Csv = "csv", Markdown = "markdown"]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_back_to_its_format() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        let error = "yaml".parse::<Format>().unwrap_err();
        assert_eq!(error.to_string(), "format 'yaml': is not known");
        assert_eq!(error.remedy_text(), Some("use one of table, json, csv, markdown"));
    }
}
