//! Aligned columns for a terminal.

use comfy_table::{Attribute, CellAlignment, Color};

use super::layout::{self, GAP, Layout};
use super::table::{Note, Tone};
use super::{Align, Cell, Table, visible};

/// Capabilities of the text's destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Bold headings and coloured verdicts. Off if the text does not go to a terminal, or if colour is not wanted.
    pub color: bool,
    /// Available columns: no line is longer. Content that does not fit is shortened, wrapped between words, or left out
    /// and named. `None` leaves lines at their full length.
    pub width: Option<u16>,
}

impl Style {
    /// No escape sequences and no limit on the length of lines: for files, pipes and tests.
    pub const PLAIN: Self = Self { color: false, width: None };

    fn room(self) -> Option<usize> {
        self.width.map(usize::from)
    }
}

/// A rule below the headings and nothing else: ` heading ──── cell `.
const PRESET: &str = "     ─             ";

/// Renders title, table and notes; each line ends with a newline.
pub(super) fn render(table: &Table, style: Style) -> String {
    let layout = style.room().and_then(|room| layout::fit(table, room));
    let mut out = String::new();
    if !table.title.is_empty() {
        let title = lines(&table.title, style).into_iter().map(|line| painted(&line, BOLD, style));
        title.for_each(|line| out += &(line + "\n"));
    }
    out += &grid(table, layout.as_ref(), style).to_string();
    out.push('\n');
    let left_out = layout.map(|layout| layout.left_out(table).join(", ")).filter(|names| !names.is_empty());
    let left_out = left_out.map(|names| Note { text: format!("no room for {names}: --wide"), tone: None });
    for note in left_out.iter().chain(&table.notes) {
        out += &below(note, style);
    }
    out
}

/// Formats a line that is written beside a report: made [`visible`] and wrapped to fit, each line with a newline. The
/// part before its colon is shown in the tone's colour.
pub fn message(text: &str, tone: Option<Tone>, style: Style) -> String {
    below(&Note { text: visible(text).into_owned(), tone }, style)
}

fn below(note: &Note, style: Style) -> String {
    let mut lines = lines(&note.text, style);
    if let (Some(tone), Some(first)) = (note.tone, lines.first_mut()) {
        let end = first.find(':').unwrap_or(first.len());
        *first = painted(&first[..end], code(tone), style) + &first[end..];
    }
    lines.join("\n") + "\n"
}

fn lines(text: &str, style: Style) -> Vec<String> {
    style.room().map_or_else(|| vec![text.to_owned()], |room| layout::wrapped(text, room, 2))
}

const BOLD: u8 = 1;

fn code(tone: Tone) -> u8 {
    match tone {
        Tone::Good => 32,
        Tone::Doubtful => 33,
        Tone::Bad => 31,
    }
}

fn painted(text: &str, code: u8, style: Style) -> String {
    if style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

fn grid(table: &Table, layout: Option<&Layout>, style: Style) -> comfy_table::Table {
    let mut grid = comfy_table::Table::new();
    // The caller knows where the text goes; the crate would inspect stdout itself.
    grid.force_no_tty().load_preset(PRESET);
    if style.color {
        grid.enforce_styling();
    }
    let all: Vec<_> = (0..table.columns.len()).map(|place| (place, usize::MAX)).collect();
    let shown = layout.map_or(&all, |layout| &layout.columns);
    let aligned = |place: usize, text: &str| {
        comfy_table::Cell::new(text).set_alignment(match table.columns[place].align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        })
    };
    grid.set_header(shown.iter().map(|(place, width)| {
        let heading = table.columns[*place].heading();
        let cell = aligned(*place, &layout::wrapped(&heading, *width, 0).join("\n"));
        if style.color { cell.add_attribute(Attribute::Bold) } else { cell }
    }));
    for row in &table.rows {
        grid.add_row(shown.iter().map(|(place, width)| {
            let text = row[*place].human();
            let cell = aligned(*place, &layout::cell(&text, table.columns[*place].flow, *width));
            match &row[*place] {
                Cell::Verdict(_, tone) if style.color => cell.fg(color(*tone)),
                _ => cell,
            }
        }));
    }
    if layout.is_some() {
        grid.column_iter_mut().for_each(|column| _ = column.set_padding((0, GAP as u16)));
    }
    grid
}

fn color(tone: Tone) -> Color {
    match tone {
        Tone::Good => Color::DarkGreen,
        Tone::Doubtful => Color::DarkYellow,
        Tone::Bad => Color::DarkRed,
    }
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

    /// Builds a table like that of a summary.
    fn layers() -> Table {
        let columns = [
            Column::path("layer"),
            Column::text("op").rank(3),
            Column::whole("output shape").rank(2),
            Column::number("params").rank(1),
            Column::number("MACs"),
            Column::number("bytes moved").rank(4),
        ];
        let mut table = Table::new("a/very/long/path/to/some/model/of/somebody.onnx", columns);
        for layer in ["inception3a/branch_of_three/conv_reduce/Conv", "inception3a/Relu"] {
            let shape = "1 x 128 x 112 x 112";
            table.row([
                layer.into(),
                "Conv".into(),
                shape.into(),
                1_204_224_u64.into(),
                128_049_152_u64.into(),
                9_633_792_u64.into(),
            ]);
        }
        table.note("total: 2,408,448 parameters and 256,098,304 MACs for one item of the batch; 1 MAC = 2 FLOPs");
        table
    }

    fn at(table: &Table, width: u16) -> String {
        render(table, Style { color: false, width: Some(width) })
    }

    #[test]
    fn plain_text_holds_no_escape_sequences() {
        assert!(!render(&sample(), Style::PLAIN).contains('\u{1b}'));
        assert!(render(&sample(), Style { color: true, width: None }).contains("\u{1b}[1mLayers\u{1b}[0m"));
    }

    #[test]
    fn verdicts_have_colours_where_colour_is_welcome() {
        let mut table = Table::new("", [Column::text("verdict")]);
        table.row([Cell::verdict("agree", Tone::Good)]).row([Cell::verdict("disagree", Tone::Bad)]);
        table.verdict("disagree: by far", Tone::Bad);
        let text = render(&table, Style { color: true, width: Some(40) });
        for shown in ["\u{1b}[38;5;2m agree", "\u{1b}[38;5;1m disagree", "\u{1b}[31mdisagree\u{1b}[0m: by far\n"] {
            assert!(text.contains(shown), "{shown:?} in {text:?}");
        }
        assert!(!render(&table, Style::PLAIN).contains('\u{1b}'));
    }

    #[test]
    fn a_wide_terminal_changes_nothing() {
        assert_eq!(at(&sample(), 80), render(&sample(), Style::PLAIN));
        assert_eq!(at(&layers(), 200), render(&layers(), Style::PLAIN));
    }

    #[test]
    fn no_line_is_longer_than_the_terminal_and_no_number_is_broken() {
        for width in (20..=140).chain([200, 1000]) {
            let text = at(&layers(), width);
            assert!(text.lines().all(|line| layout::width(line) <= width.into()), "{width}:\n{text}");
            assert!(text.contains("128,049,152") && text.contains("256,098,304"), "{width}:\n{text}");
            let shapes = text.matches("1 x ").count();
            assert!(shapes == text.matches("1 x 128 x 112 x 112").count(), "{width}:\n{text}");
        }
    }

    #[test]
    fn columns_leave_by_rank_and_are_named() {
        let text = at(&layers(), 80);
        assert!(text.contains("inception3a/…/conv_reduce/Conv") && text.contains("1 x 128 x 112 x 112"), "{text}");
        assert!(text.contains("\nno room for bytes moved: --wide\n"), "{text}");
        let text = at(&layers(), 60);
        assert!(text.contains("1,204,224"), "{text}");
        assert!(text.contains("\nno room for output shape, bytes moved: --wide\n"), "{text}");
    }

    #[test]
    fn words_stay_whole_on_the_narrowest_terminal() {
        let text = at(&sample(), 15);
        for word in ["several", "words", "12,345", "name"] {
            assert!(text.contains(word), "{text}");
        }
        for width in 0..14 {
            at(&sample(), width);
            at(&layers(), width);
        }
    }

    #[test]
    fn a_narrow_terminal_wraps_cells_and_loses_nothing() {
        let text = at(&sample(), 24);
        assert!(text.lines().all(|line| line.chars().count() <= 24), "{text}");
        for word in ["several", "words", "12,345"] {
            assert!(text.contains(word), "{text}");
        }
    }
}
