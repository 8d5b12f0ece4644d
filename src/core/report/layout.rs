//! Layout of a table on a terminal of limited width: which columns are shown, how wide each is, and how their cells are
//! fitted.
//!
//! Columns are taken in the order of their ranks while there is room for them. Numbers and shapes are never broken;
//! names are shortened in the middle; text and headings wrap between words.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{Column, Flow, Table};

/// Terminal columns between two columns of a table.
pub(super) const GAP: usize = 1;

/// Before another column is taken, a name or a text gets two fifths of the terminal and at least this many terminal
/// columns; the minimum is [`LEAST`].
const COMFORT: usize = 20;
const LEAST: usize = 7;

pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// The columns that are shown, from left to right: index and width.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub columns: Vec<(usize, usize)>,
}

struct Needs {
    cells: usize,
    heading: usize,
    /// Width of the longest word of its heading.
    word: usize,
    /// Width of the longest number or shape in its cells.
    rigid: usize,
}

impl Needs {
    fn of(table: &Table, place: usize) -> Self {
        let heading = table.columns[place].heading();
        let widest =
            |text: &str, of: fn(&str) -> bool| words(text).filter(|word| of(word)).map(width).max().unwrap_or(0);
        let mut needs = Self { cells: 0, heading: width(&heading), word: widest(&heading, |_| true), rigid: 0 };
        for row in &table.rows {
            let text = row[place].human();
            needs.cells = needs.cells.max(width(&text));
            needs.rigid = needs.rigid.max(widest(&text, is_rigid));
        }
        needs
    }

    /// Returns the width with everything on one line.
    fn natural(&self) -> usize {
        self.cells.max(self.heading)
    }

    /// Returns the minimum width, if a name or a text is to have `room`.
    fn least(&self, flow: Flow, room: usize) -> usize {
        let cells = match flow {
            Flow::Whole => self.cells,
            Flow::Path => self.cells.min(room),
            Flow::Words => self.cells.min(room.max(self.rigid)),
        };
        cells.max(self.word)
    }
}

/// Splits a text where a line may be broken: into words, where a shape such as `1 x 3 x 224` counts as one.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let mut end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        while let Some(next) = rest[end..].strip_prefix(" x ") {
            end += 3 + next.find(char::is_whitespace).unwrap_or(next.len());
        }
        let (word, behind) = rest.split_at(end);
        rest = behind;
        (!word.is_empty()).then_some(word)
    })
}

/// Returns `true` if a word must not be shortened: a number or a shape.
fn is_rigid(word: &str) -> bool {
    word.contains(" x ") || !word.contains(char::is_alphabetic)
}

/// Chooses the columns shown on a terminal of `room` columns; `None` if the table fits as it is.
pub(super) fn fit(table: &Table, room: usize) -> Option<Layout> {
    let needs: Vec<_> = (0..table.columns.len()).map(|place| Needs::of(table, place)).collect();
    // In the full table there is room on both sides of a cell.
    if needs.iter().map(|needs| needs.natural() + 2 * GAP).sum::<usize>() <= room {
        return None;
    }
    let comfort = (room * 2 / 5).max(COMFORT);
    let least = |place: usize, name: usize| needs[place].least(table.columns[place].flow, name) + GAP;
    let total = |columns: &[usize], name: usize| columns.iter().map(|place| least(*place, name)).sum::<usize>();
    let mut taken = taken(&table.columns, |columns| total(columns, comfort) <= room);
    // The columns that must stay may need more than there is: names give way first, then the last of the columns.
    let name = (LEAST..=comfort).rev().find(|name| total(&taken, *name) <= room).unwrap_or(LEAST);
    while taken.len() > 1 && total(&taken, name) > room {
        taken.pop();
    }
    let columns = taken.iter().map(|place| (*place, least(*place, name) - GAP)).collect();
    let mut layout = Layout { columns };
    layout.widen(table, &needs, room);
    Some(layout)
}

/// Returns the indices of the columns that stay and of those that still fit, by rank.
fn taken(columns: &[Column], fits: impl Fn(&[usize]) -> bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|place| columns[*place].rank);
    let mut taken: Vec<usize> = Vec::new();
    for place in order {
        taken.push(place);
        if columns[place].rank > 0 && !fits(&taken) {
            taken.pop();
        }
    }
    taken.sort_unstable();
    taken
}

impl Layout {
    /// Distributes the remaining room to the columns that lack most, cells before headings.
    fn widen(&mut self, table: &Table, needs: &[Needs], room: usize) {
        let used: usize = self.columns.iter().map(|(_, width)| width + GAP).sum();
        for _ in used..room {
            let lack = |(place, width): &(usize, usize)| {
                let cells = needs[*place].cells.saturating_sub(*width);
                (cells, needs[*place].natural().saturating_sub(*width))
            };
            match self.columns.iter_mut().max_by_key(|column| lack(column)) {
                Some(column) if lack(column).1 > 0 => column.1 += 1,
                _ => break,
            }
        }
        // A single column that is still too wide.
        if let [(place, width)] = &mut self.columns[..]
            && table.columns[*place].flow != Flow::Whole
        {
            *width = (*width).min(room.saturating_sub(GAP)).max(1);
        }
    }

    /// Returns the headings of the columns that are not shown.
    pub fn left_out<'a>(&self, table: &'a Table) -> Vec<&'a str> {
        let shown = |place: usize| self.columns.iter().any(|(its, _)| *its == place);
        let columns = table.columns.iter().enumerate();
        columns.filter(|(place, _)| !shown(*place)).map(|(_, column)| column.name.as_str()).collect()
    }
}

/// Fits a cell into a column of this flow and width, on several lines if necessary.
pub(super) fn cell(text: &str, flow: Flow, room: usize) -> Cow<'_, str> {
    match flow {
        _ if width(text) <= room => Cow::Borrowed(text),
        Flow::Whole => Cow::Borrowed(text),
        Flow::Path => Cow::Owned(shortened(text, room)),
        Flow::Words => {
            let fitted = |word| if is_rigid(word) { Cow::Borrowed(word) } else { Cow::Owned(shortened(word, room)) };
            let words: Vec<_> = words(text).map(fitted).collect();
            Cow::Owned(wrapped(&words.join(" "), room, 0).join("\n"))
        }
    }
}

/// Shortens a name to at most `room` columns by leaving out its middle: whole components if the first and the last one
/// fit, else letters.
pub fn shortened(name: &str, room: usize) -> String {
    if width(name) <= room {
        return name.to_owned();
    }
    let parts: Vec<&str> = name.split_inclusive(['/', '.', ':', '>']).collect();
    if let [first, .., before, last] = &parts[..] {
        // `a/…/b`: the separator before the last component stays.
        let middle = |before: &str| format!("…{}", before.chars().next_back().unwrap_or('/'));
        let (mut head, mut tail) = ((*first).to_owned(), format!("{}{last}", middle(before)));
        if width(&head) + width(&tail) <= room {
            let (mut from, mut to) = (1, parts.len() - 1);
            // Alternates between the end and the beginning while there is something to leave out.
            while from + 1 < to {
                let longer = format!("{}{}", middle(parts[to - 2]), parts[to - 1..].concat());
                if width(&head) + width(&longer) > room {
                    break;
                }
                (tail, to) = (longer, to - 1);
                if from + 1 < to && width(&head) + width(parts[from]) + width(&tail) <= room {
                    head += parts[from];
                    from += 1;
                }
            }
            return head + &tail;
        }
    }
    // The end of a name says more than its beginning.
    let head = taken_chars(name.chars(), room.saturating_sub(1) * 2 / 5);
    let rest = room.saturating_sub(1 + width(&head));
    let tail: String = taken_chars(name.chars().rev(), rest).chars().rev().collect();
    format!("{head}…{tail}")
}

fn taken_chars(chars: impl Iterator<Item = char>, room: usize) -> String {
    let mut used = 0;
    let fits = |c: &char| {
        used += c.width().unwrap_or(0);
        used <= room
    };
    chars.take_while(fits).collect()
}

/// Wraps a text into lines of at most `room` columns, broken between words; lines after the first are indented by
/// `indent`. A word that is wider than a line is broken.
pub(super) fn wrapped(text: &str, room: usize, indent: usize) -> Vec<String> {
    let begin = text.len() - text.trim_start().len();
    let indent = if begin + indent < room { begin + indent } else { 0 };
    let mut lines = vec![text[..begin].to_owned()];
    let mut blank = true;
    for mut word in words(text) {
        let used = |lines: &[String]| lines.last().map_or(0, |line| width(line));
        if !blank && used(&lines) + 1 + width(word) > room {
            lines.push(" ".repeat(indent));
            blank = true;
        }
        while blank && used(&lines) + width(word) > room {
            let part = taken_chars(word.chars(), room.saturating_sub(used(&lines)));
            // A terminal narrower than one letter.
            if part.is_empty() {
                break;
            }
            word = &word[part.len()..];
            if let Some(line) = lines.last_mut() {
                *line += &part;
            }
            lines.push(" ".repeat(indent));
        }
        if let Some(line) = lines.last_mut() {
            if !blank {
                line.push(' ');
            }
            *line += word;
        }
        blank = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_loses_its_middle() {
        for (name, room, shown) in [
            ("inception3a/branch1/conv/Conv", 40, "inception3a/branch1/conv/Conv"),
            ("inception3a/branch1/conv/Conv", 24, "inception3a/…/conv/Conv"),
            ("inception3a/branch1/conv/Conv", 20, "inception3a/…/Conv"),
            ("inception3a/branch1/conv/Conv", 12, "ince…nv/Conv"),
            ("a.b.c.d.e.f/Conv", 14, "a.b.….e.f/Conv"),
            ("overlongname", 7, "ov…name"),
            ("重み重み重み", 7, "重…重み"),
            ("ab", 1, "…"),
        ] {
            let short = shortened(name, room);
            assert!(width(&short) <= room, "{short}");
            assert_eq!(short, shown);
        }
    }

    #[test]
    fn text_goes_on_between_words() {
        assert_eq!(wrapped("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrapped("one", 7, 2), ["one"]);
        assert_eq!(wrapped("  help: use it", 9, 2), ["  help:", "    use", "    it"]);
        assert_eq!(wrapped("a 0123456789", 6, 2), ["a", "  0123", "  4567", "  89"]);
        assert_eq!(wrapped("f32 1 x 3 x 9 to 1 x 4", 9, 0), ["f32", "1 x 3 x 9", "to 1 x 4"], "a shape stays whole");
        assert_eq!(wrapped("", 7, 2), [""]);
        assert_eq!(wrapped("ab", 0, 2), ["ab"]);
    }
}
