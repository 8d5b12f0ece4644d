//! Markdown tables, as GitHub reads them.

use std::fmt::Write;

use super::{Align, Table, visible};

/// Renders the table under a third-level heading, with its notes as lines below.
pub(super) fn render(table: &Table) -> String {
    let mut out = String::new();
    if !table.title.is_empty() {
        out += &format!("### {}\n\n", escaped(&table.title));
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
        out += &format!("\n{}\n", paragraph(&note.text));
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

/// Escapes text so that it is shown literally: without markup, links or additional cells.
///
/// HTML's characters become entities, which every Markdown renderer knows; other special characters get a backslash. An
/// underscore between letters or digits has no meaning and stays readable.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    for (at, c) in text.char_indices() {
        let rest = &text[at + c.len_utf8()..];
        let in_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        match c {
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '&' => out += "&amp;",
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' | '$' => out.extend(['\\', c]),
            '_' if !(in_word(before) && in_word(rest.chars().next())) => out += "\\_",
            // Text that looks like an address would be turned into a link.
            ':' if rest.starts_with("//") => out += "\\:",
            '.' if at >= 3 && text.as_bytes()[at - 3..at].eq_ignore_ascii_case(b"www") => out += "\\.",
            '\r' | '\n' => out.push(' '),
            _ => out.push(c),
        }
        before = Some(c);
    }
    out
}

/// Returns text as Markdown that shows it as it is, in a line or on one of its own. What a terminal would hide is written out.
pub fn literal(text: &str) -> String {
    paragraph(&visible(text.trim()))
}

/// Returns the target of a link to a path: characters with a meaning in Markdown or in an address are percent-encoded.
pub fn target(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'/' => out.push(char::from(byte)),
            // Writing to a string cannot fail.
            _ => _ = write!(out, "%{byte:02X}"),
        }
    }
    out
}

/// Does the same as [`escaped`] for text on a line of its own: it begins no heading, list or rule.
fn paragraph(text: &str) -> String {
    let escaped = escaped(text);
    let number =
        escaped.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0 && escaped[*at..].starts_with(['.', ')']));
    match number {
        Some(at) => format!("{}\\{}", &escaped[..at], &escaped[at..]),
        None if escaped.starts_with(['#', '-', '+', '=']) => format!("\\{escaped}"),
        None => escaped,
    }
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

    #[test]
    fn a_name_is_no_markup() {
        for (text, shown) in [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("[x](javascript:alert(1))", "\\[x\\](javascript:alert(1))"),
            ("![x](http://a.b/c)", "!\\[x\\](http\\://a.b/c)"),
            ("www.a.b &lt; `code` *a* ~b~ $c$", "www\\.a.b &amp;lt; \\`code\\` \\*a\\* \\~b\\~ \\$c\\$"),
            ("\\| a", "\\\\\\| a"),
            ("-1.5", "-1.5"),
            ("conv_1_a/b-c #1", "conv_1_a/b-c #1"),
            ("_a_ __init__", "\\_a\\_ \\_\\_init\\_\\_"),
            ("1 x 3 + 2 = 5; a: b, 0.33 %", "1 x 3 + 2 = 5; a: b, 0.33 %"),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn a_line_and_a_link_of_any_text_are_no_markup() {
        assert_eq!(literal("    # <b>\n[c]"), "\\# &lt;b&gt;\\\\n\\[c\\]");
        assert_eq!(target("h100/a b.svg"), "h100/a%20b.svg");
        assert_eq!(target("x)<y>\"\n://ö"), "x%29%3Cy%3E%22%0A%3A//%C3%B6");
    }

    #[test]
    fn title_and_notes_are_no_markup_either() {
        let mut table = Table::new("<a>", [Column::text("b")]);
        table.note("[c](d)");
        assert_eq!(render(&table), "### &lt;a&gt;\n\n| b |\n|:---|\n\n\\[c\\](d)\n");
        for (note, shown) in
            [("# a", "\\# a"), ("- a", "\\- a"), ("12. a", "12\\. a"), ("12 nodes", "12 nodes"), ("1.5", "1\\.5")]
        {
            assert_eq!(paragraph(note), shown);
        }
    }
}
