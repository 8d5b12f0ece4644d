//! Text in a picture: estimating its width, shortening it, and escaping it for XML.

use crate::report::visible;

/// Estimates the width of `text` in pixels at `size` pixels, for a wide sans-serif face.
///
/// The viewer's font is not known. The classes below are those of Verdana and DejaVu Sans, which are wider than Arial
/// and Helvetica, so that a text fits its box in any of them.
pub fn width(text: &str, size: f64) -> f64 {
    text.chars().map(advance).sum::<f64>() * size
}

fn advance(c: char) -> f64 {
    match c {
        'i' | 'j' | 'l' | '\'' | '|' => 0.30,
        'I' | 'f' | 't' | 'r' | '.' | ',' | ':' | ';' | ' ' | '/' | '(' | ')' | '[' | ']' | '·' => 0.38,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' | '—' => 0.98,
        'A'..='Z' => 0.72,
        '×' => 0.84,
        'a'..='z' | '0'..='9' => 0.63,
        _ if c.is_ascii() => 0.66,
        // Han, kana, hangul and emoji take a full square.
        _ if c >= '\u{1100}' => 1.05,
        _ => 0.75,
    }
}

/// Shortens `text` to at most `limit` characters by dropping its middle, since names differ at their ends.
pub fn shortened(text: &str, limit: usize) -> String {
    let length = text.chars().count();
    if length <= limit {
        return text.to_owned();
    }
    let head = limit.saturating_sub(1) / 3;
    let tail = limit.saturating_sub(1) - head;
    text.chars().take(head).chain(['…']).chain(text.chars().skip(length - tail)).collect()
}

/// Shortens `text` until it takes at most `room` pixels at `size` pixels. What a terminal would hide is written out.
pub fn fitted(text: &str, size: f64, room: f64) -> String {
    // No more characters fit than the narrowest of them.
    let most = (room / (size * advance('i'))).ceil() as usize;
    let whole = shortened(&visible(text), most);
    let mut fitting = (1..=most).rev().map(|limit| shortened(&whole, limit));
    fitting.find(|text| width(text, size) <= room).unwrap_or_default()
}

/// Escapes `text` as the content of an element or attribute of XML 1.0.
///
/// Characters that XML forbids altogether (control characters, U+FFFE, U+FFFF) become U+FFFD; a line break becomes a
/// character reference.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

/// Formats a count with about three significant digits: `999`, `1.23k`, `12.3M`, `123M`.
pub fn compact(value: f64) -> String {
    const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let (mut value, mut index) = (value, 0);
    // 999.5 would print as 1000.
    while value >= 999.5 && index + 1 < PREFIXES.len() {
        value /= 1000.0;
        index += 1;
    }
    let digits = match value {
        _ if index == 0 && value.fract() == 0.0 => 0,
        v if v < 9.995 => 2,
        v if v < 99.95 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text}{}", PREFIXES[index])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_markup_is_escaped() {
        assert_eq!(escaped("<script>a && b</script>"), "&lt;script&gt;a &amp;&amp; b&lt;/script&gt;");
        assert_eq!(escaped("\" onload='x'"), "&quot; onload=&#39;x&#39;");
        assert_eq!(escaped("a\u{0}b\u{1b}\u{ffff}\n"), "a\u{fffd}b\u{fffd}\u{fffd}&#10;");
        assert_eq!(escaped("]]>"), "]]&gt;");
    }

    #[test]
    fn a_long_text_keeps_both_ends() {
        assert_eq!(shortened("inception", 9), "inception");
        assert_eq!(shortened("a_very_long_name.conv", 10), "a_v…e.conv");
        assert_eq!(shortened("äöüäöü", 4), "ä…öü");
        assert_eq!((shortened("abc", 1), shortened("abc", 0)), ("…".into(), "…".into()));
    }

    #[test]
    fn a_text_is_shortened_to_the_room_there_is() {
        assert_eq!(fitted("cuda, tf32", 12.0, 200.0), "cuda, tf32");
        assert_eq!(fitted("a\u{1b}b", 12.0, 200.0), r"a\u{1b}b");
        for name in ["m".repeat(100_000), "重".repeat(500), "i".repeat(500), "\u{202e}".repeat(90)] {
            let shown = fitted(&name, 12.0, 90.0);
            assert!(width(&shown, 12.0) <= 90.0 && shown.contains('…') && shown.chars().count() > 5, "{shown}");
        }
        assert_eq!(fitted("重", 12.0, 1.0), "", "nothing fits");
    }

    #[test]
    fn counts_have_three_digits() {
        for (value, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (999.0, "999"),
            (1000.0, "1k"),
            (3200.0, "3.2k"),
            (614_656.0, "615k"),
            (999_999.0, "1M"),
            (5_419_008.0, "5.42M"),
            (31.25, "31.2"),
            (0.014, "0.01"),
        ] {
            assert_eq!(compact(value), text, "{value}");
        }
    }

    #[test]
    fn width_grows_with_text_and_size() {
        assert!(width("ill", 10.0) < width("mmm", 10.0));
        assert!((width("Conv", 20.0) - 2.0 * width("Conv", 10.0)).abs() < 1e-9);
    }
}
