//! Suggestions for misspelt words. clap looks for similar letters; it knows neither what is hidden nor what a word
//! means.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Command, CommandFactory};

/// Corrects clap's suggestions.
pub fn correct(error: &mut clap::Error) {
    keep(error, ContextKind::SuggestedSubcommand, |name| !is_hidden(name));
    // clap leaves an empty line for an empty list of tips.
    if matches!(error.get(ContextKind::Suggested), Some(ContextValue::StyledStrs(tips)) if tips.is_empty()) {
        error.remove(ContextKind::Suggested);
    }
    let Some(given) = text(error, ContextKind::InvalidValue) else { return };
    // A typing error is rarely in the first letter: `gpu` is not a misspelt `cpu` but something else.
    keep(error, ContextKind::SuggestedValue, |value| value.chars().next() == given.chars().next());
    if is_gpu(&given) && offers(error, "cuda") {
        let tip = StyledStr::from("a GPU of NVIDIA's is named 'cuda'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
}

fn is_hidden(name: &str) -> bool {
    let hidden = |command: &Command| command.is_hide_set() && command.get_name() == name;
    super::Cli::command().get_subcommands().any(hidden)
}

/// Returns `true` for words that mean what this program calls `cuda`.
fn is_gpu(given: &str) -> bool {
    ["gpu", "nvidia"].iter().any(|word| given.eq_ignore_ascii_case(word))
}

fn offers(error: &clap::Error, value: &str) -> bool {
    matches!(error.get(ContextKind::ValidValue), Some(ContextValue::Strings(all)) if all.iter().any(|one| one == value))
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// Keeps only the suggestions for which `keep` is true.
fn keep(error: &mut clap::Error, kind: ContextKind, keep: impl Fn(&str) -> bool) {
    let suggested = match error.remove(kind) {
        Some(ContextValue::String(one)) => vec![one],
        Some(ContextValue::Strings(several)) => several,
        _ => return,
    };
    let kept: Vec<String> = suggested.into_iter().filter(|word| keep(word)).collect();
    if !kept.is_empty() {
        error.insert(kind, ContextValue::Strings(kept));
    }
}

#[cfg(test)]
#[cfg(feature = "ort")]
mod tests {
    use super::super::program;

    fn refusal(line: &str) -> String {
        let mut error = program().try_get_matches_from(line.split(' ')).unwrap_err();
        super::correct(&mut error);
        error.to_string()
    }

    #[test]
    fn a_hidden_command_is_never_suggested() {
        let program = program();
        let hidden: Vec<_> = program.get_subcommands().filter(|command| command.is_hide_set()).collect();
        assert!(hidden.len() >= 2);
        for name in hidden.into_iter().map(clap::Command::get_name) {
            for at in 0..name.len() {
                // Each letter in turn is left out.
                let slip = format!("{}{}", &name[..at], &name[at + 1..]);
                for line in [format!("gnet {slip}"), format!("gnet help {slip}")] {
                    let text = refusal(&line);
                    assert!(text.contains("unrecognized subcommand"), "{line}: {text}");
                    let tips: Vec<_> = text.lines().filter(|line| line.contains("tip:")).collect();
                    assert!(!tips.concat().contains("worker"), "{line}: {text}");
                    assert!(!text.contains("\n\n\n"), "{line}: {text}");
                }
            }
        }
        let text = refusal("gnet verfy");
        assert!(text.contains("tip: a similar subcommand exists: 'verify'\n"), "{text}");
        assert!(refusal("gnet bench-wroker").contains("tip: a similar subcommand exists: 'bench'\n"));
    }

    #[test]
    fn another_word_is_no_slip() {
        for line in [
            "gnet bench a.onnx --provider gpu",
            "gnet verify a.onnx --provider tract,GPU",
            "gnet doctor --require gpu",
            "gnet runtime install gpu",
        ] {
            let text = refusal(line);
            assert!(
                !text.contains("'cpu'") && text.contains("tip: a GPU of NVIDIA's is named 'cuda'"),
                "{line}: {text}"
            );
        }
        let text = refusal("gnet bench a.onnx --provider cdua");
        assert!(text.contains("'cuda'"), "{text}");
        let text = refusal("gnet draw a.onnx -o a.svg --color gpu");
        assert!(!text.contains("cuda"), "{text}");
    }
}
