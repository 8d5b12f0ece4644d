//! Rust's tokens, as far as it takes to find paths.

/// A word, a text or a mark.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    /// The token, in its quotes if it is a text.
    pub text: &'a str,
    /// The line that it begins in.
    pub line: usize,
}

impl Token<'_> {
    /// A path goes on behind it: `x::..`, `<X as Y>::..`.
    pub fn ends_a_path(&self) -> bool {
        self.is_name() || self.text == ">"
    }

    /// A word, but for `as`.
    pub fn is_name(&self) -> bool {
        self.text.starts_with(|first: char| first.is_alphabetic() || first == '_') && self.text != "as"
    }
}

/// The tokens of a source without its comments: words, `::`, texts in their quotes, and every other mark by itself.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut all, mut line, mut rest) = (Vec::new(), 1, text);
    while let Some(first) = rest.chars().next() {
        let length = token(rest, first);
        let token = &rest[..length];
        if !first.is_whitespace() && !token.starts_with("//") && !token.starts_with("/*") {
            all.push(Token { text: token, line });
        }
        line += token.matches('\n').count();
        rest = &rest[length..];
    }
    all
}

/// Returns the number of bytes of the token, comment or space at the beginning of a text.
fn token(rest: &str, first: char) -> usize {
    let word =
        |from: usize| from + rest[from..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - from);
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return comment(rest);
    }
    if let Some(length) = ['"', 'r', 'b', 'c'].contains(&first).then(|| text(rest)).flatten() {
        return length;
    }
    match first {
        '\'' => character(rest).unwrap_or_else(|| word(1)),
        _ if first.is_alphanumeric() || first == '_' => word(0),
        ':' if rest.starts_with("::") => 2,
        _ => first.len_utf8(),
    }
}

/// A block comment, which may hold others.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match &rest.as_bytes()[at..rest.len().min(at + 2)] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// `"..."`, `b"..."`, `r#"..."#` and the like.
fn text(rest: &str) -> Option<usize> {
    let opening = rest.find('"').filter(|&at| {
        let before = rest[..at].trim_start_matches(['b', 'c']);
        before.is_empty() || before.strip_prefix('r').is_some_and(|marks| marks.chars().all(|c| c == '#'))
    })?;
    if rest[..opening].contains('r') {
        let marks = rest[..opening].matches('#').count();
        let end = format!("\"{}", "#".repeat(marks));
        return Some(
            opening + 1 + rest[opening + 1..].find(&end).map_or(rest.len() - opening - 1, |at| at + end.len()),
        );
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(opening + 1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    Some(rest.len())
}

/// `'x'` or `'\n'`; a lifetime is none.
fn character(rest: &str) -> Option<usize> {
    let mut inside = rest.char_indices().skip(1);
    let (_, first) = inside.next()?;
    if first == '\\' {
        let from = inside.next().map(|(at, c)| at + c.len_utf8())?;
        return rest[from..].find('\'').map(|at| from + at + 1);
    }
    inside.next().filter(|(_, c)| *c == '\'').map(|(at, _)| at + 1)
}
