//! Names are data: characters that a terminal would act on, or would not show, are escaped.
//!
//! A file's names, the responses of a server and the paths on a command line may hold anything: a newline that forges a
//! line of its own, an escape sequence, a mark that reverses the rest of the line. [`visible`] writes such a character
//! as Rust does (`\n`, `\u{1b}`, `\u{202e}`) and leaves all others alone. It is applied in one place for stdout
//! ([`render_styled`](super::render_styled)) and in one for stderr (the program's `output`), so that a new command need
//! not think of it.

use std::borrow::Cow;
use std::fmt::Write;

/// Ranges of characters that are escaped, in ascending order: the general categories Cc (C0, DEL, C1), Cf
/// (bidirectional marks, zero-width characters, byte order mark, tags), Zl and Zp (separators of lines and paragraphs),
/// and the others with the property `Default_Ignorable_Code_Point` (fillers, variation selectors), of Unicode 16.
const HIDDEN: [(u32, u32); 31] = [
    (0x0000, 0x001f),
    (0x007f, 0x009f),
    (0x00ad, 0x00ad),
    (0x034f, 0x034f),
    (0x0600, 0x0605),
    (0x061c, 0x061c),
    (0x06dd, 0x06dd),
    (0x070f, 0x070f),
    (0x0890, 0x0891),
    (0x08e2, 0x08e2),
    (0x115f, 0x1160),
    (0x17b4, 0x17b5),
    (0x180b, 0x180f),
    (0x200b, 0x200f),
    (0x2028, 0x202e),
    (0x2060, 0x206f),
    (0x3164, 0x3164),
    (0xfe00, 0xfe0f),
    (0xfeff, 0xfeff),
    (0xffa0, 0xffa0),
    (0xfff0, 0xfffb),
    (0x110bd, 0x110bd),
    (0x110cd, 0x110cd),
    (0x13430, 0x1343f),
    (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a),
    (0xe0000, 0xe0fff),
    // Noncharacters, which do not occur in text.
    (0xfdd0, 0xfdef),
    (0xfffe, 0xffff),
    (0x1fffe, 0x1ffff),
    (0x10fffe, 0x10ffff),
];

/// Returns `true` if a terminal would act on the character, or would not show it.
pub(super) fn is_hidden(c: char) -> bool {
    // Most text is printable ASCII.
    !(' '..='~').contains(&c) && HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(c)))
}

/// Escapes every hidden character in the text: a newline as `\n`, an escape as `\u{1b}`, a right-to-left override as
/// `\u{202e}`. The result is a single line that a terminal merely displays.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::report::visible;
///
/// assert_eq!(visible("a\n::error ::b\u{1b}[31m"), r"a\n::error ::b\u{1b}[31m");
/// assert_eq!(visible("größe/重み"), "größe/重み");
/// ```
///
/// The log of a CI job is a terminal too: GitHub obeys lines that begin with `::`, and both GitHub and Azure obey lines
/// that contain `##[` or `##vso[`. These are escaped as well.
pub fn visible(text: &str) -> Cow<'_, str> {
    let shown = replaced(text, |c, out| match c {
        '\n' | '\r' | '\t' => out.extend(c.escape_default()),
        // Writing to a string cannot fail.
        _ => _ = write!(out, "{}", c.escape_unicode()),
    });
    let begin = shown.len() - shown.trim_start().len();
    match (shown[begin..].starts_with("::"), shown.contains("##")) {
        (false, false) => shown,
        (true, _) => {
            Cow::Owned(format!(r"{}\u{{3a}}{}", &shown[..begin], shown[begin + 1..].replace("##", r"#\u{23}")))
        }
        (false, true) => Cow::Owned(shown.replace("##", r"#\u{23}")),
    }
}

/// Replaces every hidden character in the text with the output of `write`.
pub(super) fn replaced(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let Some(first) = text.find(is_hidden) else { return Cow::Borrowed(text) };
    let mut out = String::with_capacity(text.len() + 16);
    out += &text[..first];
    for c in text[first..].chars() {
        if is_hidden(c) { write(c, &mut out) } else { out.push(c) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_written_out() {
        for (text, shown) in [
            ("two\nlines\r\n", r"two\nlines\r\n"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}"),
            ("\u{9b}31m nul\0 del\u{7f}\ttab", r"\u{9b}31m nul\u{0} del\u{7f}\ttab"),
            ("abc\u{202e}fdp.exe\u{200f}", r"abc\u{202e}fdp.exe\u{200f}"),
            ("\u{feff}zero\u{200b}width\u{2028}line", r"\u{feff}zero\u{200b}width\u{2028}line"),
            ("tag\u{e0041}", r"tag\u{e0041}"),
            ("::error ::forged", r"\u{3a}:error ::forged"),
            (" ::error ::a##[b]", r" \u{3a}:error ::a#\u{23}[b]"),
            ("a ##vso[task.complete]###", r"a #\u{23}vso[task.complete]#\u{23}#"),
        ] {
            assert_eq!(visible(text), shown);
            assert_eq!(visible(shown), shown, "what is written out stays as it is");
        }
    }

    #[test]
    fn what_people_read_stays_as_it_is() {
        for text in [
            "",
            "conv1/Conv",
            "a::b",
            "#1 #2",
            r"C:\net\n.onnx",
            "größe",
            "重み",
            "e\u{301}",
            "😀",
            "1 × 3",
            "a\u{a0}b",
        ] {
            assert!(matches!(visible(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn every_control_character_is_hidden() {
        let all = (0..=0x10_ffff).filter_map(char::from_u32);
        assert!(all.filter(|c| c.is_control()).all(is_hidden));
    }
}
