//! Properties of stdout and stderr: the width of a line, and whether colour is wanted.
//!
//! Output that does not go to a terminal is never shortened: a pipe gets complete lines of any length, whatever
//! `COLUMNS` says.

use std::io::{self, IsTerminal};
use std::sync::OnceLock;

use clap::ColorChoice;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Names of the values of `--color`.
pub const NAMES: [&str; 3] = ["auto", "always", "never"];

/// The value of `--color`, once it is read.
static COLOR: OnceLock<ColorChoice> = OnceLock::new();

/// Returns the parser of `--color`. Its value stays a word: `draw` accepts additional ones.
pub fn colors() -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(NAMES)
}

/// Makes a value of `--color` the setting from now on.
pub fn set_color(name: &str) {
    // A program reads its command line once.
    let _ = COLOR.set(name.parse().unwrap_or_default());
}

/// Returns the value of `--color` on the command line, for messages about the command line itself.
pub fn asked() -> ColorChoice {
    let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    in_words(&words)
}

fn in_words(words: &[String]) -> ColorChoice {
    let words = words.iter().take_while(|word| *word != "--");
    let values =
        words.clone().zip(words.clone().skip(1)).filter(|(flag, _)| *flag == "--color").map(|(_, v)| v.as_str());
    let joined = words.filter_map(|word| word.strip_prefix("--color="));
    values.chain(joined).filter_map(|value| value.parse().ok()).last().unwrap_or_default()
}

/// Returns `true` if there is colour on a stream, which may be a terminal, in an environment: no-color.org and
/// bixense.com/clicolors.
fn welcome(choice: ColorChoice, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
    let is = |name: &str, value: &str| variable(name).is_some_and(|its| its == value);
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto if set("NO_COLOR") => false,
        ColorChoice::Auto if set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => true,
        ColorChoice::Auto => is_terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
    }
}

fn color(is_terminal: bool) -> bool {
    welcome(COLOR.get().copied().unwrap_or_default(), is_terminal, variable)
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns `true` if stdout gets colours.
pub fn stdout_color() -> bool {
    color(io::stdout().is_terminal())
}

/// Returns `true` if stderr gets colours.
pub fn stderr_color() -> bool {
    color(io::stderr().is_terminal())
}

/// Returns the columns of the terminal behind stdout; `None` if it is not a terminal.
pub fn stdout_width() -> Option<u16> {
    width(io::stdout().is_terminal(), terminal_size::terminal_size_of(io::stdout()))
}

/// Returns `true` if a question can be asked: what is written to stderr is read by a person, who can answer on stdin.
pub fn answers() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns the columns of the terminal behind stderr; `None` if it is not a terminal.
pub fn stderr_width() -> Option<u16> {
    width(io::stderr().is_terminal(), terminal_size::terminal_size_of(io::stderr()))
}

/// Returns the width of a terminal; one that does not know its width reports 0.
fn width(is_terminal: bool, size: Option<(terminal_size::Width, terminal_size::Height)>) -> Option<u16> {
    const USUAL: u16 = 80;
    is_terminal.then(|| size.map(|(width, _)| width.0).filter(|width| *width > 0).unwrap_or(USUAL))
}

/// Returns the style of a bar on stderr's terminal: `wide` if there is room for it, else `narrow`, else only its
/// message.
pub fn bar(wide: &str, narrow: &str) -> indicatif::ProgressStyle {
    let template = match stderr_width().unwrap_or(u16::MAX) {
        70.. => wide,
        40.. => narrow,
        _ => "{wide_msg}",
    };
    // A template that indicatif cannot parse would be a bug of a command; the plain bar will do.
    indicatif::ProgressStyle::with_template(template)
        .unwrap_or_else(|_| indicatif::ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_outranks_the_environment_and_that_outranks_the_terminal() {
        let welcome = |choice: ColorChoice, terminal: bool, variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| (*value).to_owned());
            welcome(choice, terminal, value)
        };
        for (when, terminal, variables, expected) in [
            (ColorChoice::Auto, true, &[][..], true),
            (ColorChoice::Auto, false, &[], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "1")], false),
            (ColorChoice::Auto, true, &[("NO_COLOR", "")], true),
            (ColorChoice::Auto, true, &[("TERM", "dumb")], false),
            (ColorChoice::Auto, true, &[("CLICOLOR", "0")], false),
            (ColorChoice::Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (ColorChoice::Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (ColorChoice::Auto, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (ColorChoice::Always, false, &[("NO_COLOR", "1")], true),
            (ColorChoice::Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            assert_eq!(welcome(when, terminal, variables), expected, "{when:?} {terminal} {variables:?}");
        }
    }

    #[test]
    fn the_flag_is_found_wherever_it_stands() {
        let asked = |line: &str| in_words(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(asked("gnet --color always sumary"), ColorChoice::Always);
        assert_eq!(asked("gnet summary --color=never x"), ColorChoice::Never);
        assert_eq!(asked("gnet summary --color=params -- --color always"), ColorChoice::Auto);
        assert_eq!(asked("gnet"), ColorChoice::Auto);
    }

    #[test]
    fn a_terminal_without_a_width_has_the_usual_one() {
        use terminal_size::{Height, Width};
        assert_eq!(width(true, Some((Width(0), Height(0)))), Some(80));
        assert_eq!(width(true, Some((Width(120), Height(40)))), Some(120));
        assert_eq!(width(false, Some((Width(120), Height(40)))), None);
    }
}
