//! Properties of stdout and stderr: the width of a line, and whether colour is wanted.
//!
//! Output that does not go to a terminal is never shortened: a pipe gets complete lines of any length, whatever
//! `COLUMNS` says.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU8, Ordering};

use clap::ColorChoice;
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Condition for colour: the values of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum When {
    /// On a terminal that supports colours, unless the environment says otherwise.
    #[default]
    Auto,
    /// For any output.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Names of all values.
    pub const NAMES: [&str; 3] = ["auto", "always", "never"];

    /// Returns the value of this name.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "always" => Some(Self::Always),
            "never" => Some(Self::Never),
            _ => None,
        }
    }

    /// Returns the parser of `--color`. Its value stays a word: `draw` accepts additional ones.
    pub fn parser() -> impl TypedValueParser<Value = String> {
        PossibleValuesParser::new(Self::NAMES)
    }

    /// Returns the value on the command line, for messages about the command line itself.
    pub fn asked() -> Self {
        let words: Vec<_> = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
        Self::in_words(&words)
    }

    fn in_words(words: &[String]) -> Self {
        let words = words.iter().take_while(|word| *word != "--");
        let values =
            words.clone().zip(words.clone().skip(1)).filter(|(flag, _)| *flag == "--color").map(|(_, v)| v.as_str());
        let joined = words.filter_map(|word| word.strip_prefix("--color="));
        values.chain(joined).filter_map(Self::named).last().unwrap_or_default()
    }

    /// Makes this the setting from now on.
    pub fn set(self) {
        WHEN.store(self as u8, Ordering::Relaxed);
    }

    fn now() -> Self {
        match WHEN.load(Ordering::Relaxed) {
            1 => Self::Always,
            2 => Self::Never,
            _ => Self::Auto,
        }
    }

    /// Converts it for clap.
    pub fn choice(self) -> ColorChoice {
        match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        }
    }

    /// Returns `true` if there is colour on a stream, which may be a terminal, in an environment: no-color.org and
    /// bixense.com/clicolors.
    fn welcome(self, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
        let set = |name: &str| variable(name).is_some_and(|value| !value.is_empty());
        let is = |name: &str, value: &str| variable(name).is_some_and(|its| its == value);
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::Auto if set("NO_COLOR") => false,
            Self::Auto if set("CLICOLOR_FORCE") && !is("CLICOLOR_FORCE", "0") => true,
            Self::Auto => is_terminal && !is("TERM", "dumb") && !is("CLICOLOR", "0"),
        }
    }
}

static WHEN: AtomicU8 = AtomicU8::new(When::Auto as u8);

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// Returns `true` if stdout gets colours.
pub fn stdout_color() -> bool {
    When::now().welcome(io::stdout().is_terminal(), variable)
}

/// Returns `true` if stderr gets colours.
pub fn stderr_color() -> bool {
    When::now().welcome(io::stderr().is_terminal(), variable)
}

/// Returns the columns of the terminal behind stdout; `None` if it is not a terminal.
pub fn stdout_width() -> Option<u16> {
    width(io::stdout().is_terminal(), terminal_size::terminal_size_of(io::stdout()))
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
        let welcome = |when: When, terminal: bool, variables: &[(&str, &str)]| {
            let value =
                |name: &str| variables.iter().find(|(its, _)| *its == name).map(|(_, value)| (*value).to_owned());
            when.welcome(terminal, value)
        };
        for (when, terminal, variables, expected) in [
            (When::Auto, true, &[][..], true),
            (When::Auto, false, &[], false),
            (When::Auto, true, &[("NO_COLOR", "1")], false),
            (When::Auto, true, &[("NO_COLOR", "")], true),
            (When::Auto, true, &[("TERM", "dumb")], false),
            (When::Auto, true, &[("CLICOLOR", "0")], false),
            (When::Auto, false, &[("CLICOLOR_FORCE", "1")], true),
            (When::Auto, false, &[("CLICOLOR_FORCE", "0")], false),
            (When::Auto, true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false),
            (When::Always, false, &[("NO_COLOR", "1")], true),
            (When::Never, true, &[("CLICOLOR_FORCE", "1")], false),
        ] {
            assert_eq!(welcome(when, terminal, variables), expected, "{when:?} {terminal} {variables:?}");
        }
    }

    #[test]
    fn the_flag_is_found_wherever_it_stands() {
        let asked = |line: &str| When::in_words(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(asked("gnet --color always sumary"), When::Always);
        assert_eq!(asked("gnet summary --color=never x"), When::Never);
        assert_eq!(asked("gnet summary --color=params -- --color always"), When::Auto);
        assert_eq!(asked("gnet"), When::Auto);
    }

    #[test]
    fn a_terminal_without_a_width_has_the_usual_one() {
        use terminal_size::{Height, Width};
        assert_eq!(width(true, Some((Width(0), Height(0)))), Some(80));
        assert_eq!(width(true, Some((Width(120), Height(40)))), Some(120));
        assert_eq!(width(false, Some((Width(120), Height(40)))), None);
    }
}
