//! Output of the program: data to stdout, everything else to stderr, and one readable form for errors.
//!
//! Nothing else writes to stderr, and text that came from a file, a server or the command line only reaches it as
//! [`visible`] shows it: a name can neither forge a line nor move the cursor.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, CommandFactory};
use gnet::report::{Style, Tone, message, visible};
use gnet::{Error, Result};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{suggestions, terminal};

/// Writes `text` to stdout. A reader that has gone away (`gnet summary .. | head`) is not an error.
pub fn data(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::input("stdout", e)),
        _ => Ok(()),
    }
}

/// Writes a line of advice to stderr. Its prefix, such as `warning:`, is coloured.
pub fn note(line: impl std::fmt::Display) {
    let line = line.to_string();
    let tone = match line.trim_start().split(':').next() {
        Some("error") => Some(Tone::Bad),
        Some("warning") => Some(Tone::Doubtful),
        Some("help" | "next") => Some(Tone::Good),
        _ => None,
    };
    // If stderr cannot be written to, there is no place to report it.
    let _ = write!(io::stderr(), "{}", message(&line, tone, stderr_style()));
}

/// Writes one line of progress to stderr, cut to the width of a terminal.
pub fn progress(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", cut(&line.to_string(), terminal::stderr_width()));
}

/// Cuts a line to the width of a terminal.
pub fn cut(line: &str, width: Option<u16>) -> String {
    let line = visible(line);
    match width.map(usize::from) {
        Some(width) if line.width() > width => {
            let mut used = 1;
            let fits = |c: &char| {
                used += c.width().unwrap_or(0);
                used <= width
            };
            line.chars().take_while(fits).chain(['…']).collect()
        }
        _ => line.into_owned(),
    }
}

/// Asks a question on stderr, which is answered on stdin. Everything but a yes is a no.
pub fn ask(question: &str) -> Result<bool> {
    let mut err = io::stderr();
    // If stderr cannot be written to, nobody has seen the question, and nobody answers it.
    let _ = write!(err, "{} [y/N] ", visible(question)).and_then(|()| err.flush());
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(|e| Error::input("stdin", e))?;
    if !line.ends_with('\n') {
        let _ = writeln!(err);
    }
    Ok(["y", "yes"].contains(&line.trim().to_lowercase().as_str()))
}

/// Suggests the next command once this one is done, in the form in which it is typed.
pub fn next(words: &[&str]) {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    note(format_args!("next: {}", words.join(" ")));
}

/// Quotes a word for a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./=,:@%+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn stderr_style() -> Style {
    Style { color: terminal::stderr_color(), width: terminal::stderr_width() }
}

/// Prints an error and returns its exit code.
pub fn failure(error: &Error) -> ExitCode {
    note(format_args!("error: {}", error.to_string().trim_end()));
    if let Some(remedy) = error.remedy_text() {
        note(format_args!("  help: {}", remedy.trim_end()));
    }
    ExitCode::from(error.kind().exit_code())
}

/// Returns the words of the command line in visible form, and whether they differ from the original.
///
/// clap quotes them in its messages, where they can no longer be told apart from its own lines and colours.
fn visible_words() -> (Vec<String>, bool) {
    let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    let shown: Vec<_> = words.iter().map(|word| visible(word).into_owned()).collect();
    let differ = shown != words;
    (shown, differ)
}

/// Prints clap's message: help and version are data and succeed, the rest is bad usage.
pub fn usage(error: clap::Error) -> ExitCode {
    let (words, differ) = visible_words();
    let mut error = match differ.then(|| super::program().try_get_matches_from(words)) {
        None => error,
        Some(Err(shown)) => shown,
        Some(Ok(_)) => return failure(&Error::input("command line", error.kind())),
    };
    suggestions::correct(&mut error);
    match error.print() {
        Err(e) if !error.use_stderr() && e.kind() != io::ErrorKind::BrokenPipe => failure(&Error::input("stdout", e)),
        _ => ExitCode::from(if error.use_stderr() { 2 } else { 0 }),
    }
}

/// Writes a shell's completion script to stdout.
pub fn completions(shell: clap_complete::Shell) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut without_hidden(&super::Cli::command()), "gnet", &mut script);
    data(&String::from_utf8_lossy(&script))
}

/// Returns the program without its hidden commands, which some shells' scripts would otherwise offer.
fn without_hidden(program: &Command) -> Command {
    let shown = program.get_subcommands().filter(|command| !command.is_hide_set()).cloned();
    Command::new("gnet").version(env!("CARGO_PKG_VERSION")).subcommands(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_progress_is_cut_to_the_terminal() {
        assert_eq!(cut("[1/2] tract", None), "[1/2] tract");
        assert_eq!(cut("[1/2] tract", Some(11)), "[1/2] tract");
        assert_eq!(cut("[1/2] tract", Some(7)), "[1/2] …");
        assert_eq!(cut("重み重み", Some(6)), "重み…");
        assert_eq!(cut("a\nb", Some(3)), "a\\…");
    }

    #[test]
    fn a_word_is_quoted_where_a_shell_would_take_it_apart() {
        for (word, shown) in
            [("runs/a", "runs/a"), ("a b", "'a b'"), ("it's", r"'it'\''s'"), ("", "''"), ("$x", "'$x'")]
        {
            assert_eq!(quoted(word), shown);
        }
    }
}
