//! One arm of a comparison: how a file is run, by the flags of the command and by what is particular to the arm.

use clap::{ArgAction, Args, Command, FromArgMatches};
use gnet::runtime::Provider;
use gnet::{Error, Result};

use super::engine::EngineArgs;
use super::values;

#[derive(Debug, Clone, Args)]
pub struct ArmArgs {
    /// Provider that runs the file.
    #[arg(long, value_name = "PROVIDER", default_value = "tract", value_parser = values::provider())]
    pub provider: Provider,
    /// Images of one run [default: 1, or what the file or the sizes given fix]
    #[arg(long, value_name = "N", value_parser = values::whole::<usize>)]
    pub batch: Option<usize>,
    /// Threads the engine may use.
    #[arg(long, value_name = "N", default_value = "1", value_parser = values::whole::<usize>)]
    pub threads: usize,
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl ArmArgs {
    /// Returns these with `words`, the values of `flag`, in place of what they name: each is the name of a flag and its
    /// value, as in `threads=2`, or a name alone.
    ///
    /// # Errors
    /// Fails on a name that no flag has, and on a value that the flag would refuse.
    pub fn with(&self, flag: &str, words: &[String]) -> Result<Self> {
        let command = particulars();
        for word in words {
            let name = word.split('=').next().unwrap_or_default();
            let names: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
            if !names.contains(&name) {
                let reason = format!("is no setting of an arm; they are {}", names.join(", "));
                return Err(Error::input(format!("{flag} {word}"), reason));
            }
        }
        let line = words.iter().map(|word| format!("--{word}"));
        let mut arm = self.clone();
        let given = command.try_get_matches_from(line);
        given.and_then(|given| arm.update_from_arg_matches(&given)).map_err(|e| {
            let text = e.to_string();
            let reason = text.lines().next().unwrap_or_default();
            Error::input(format!("{flag} {}", words.join(",")), reason.trim_start_matches("error: "))
        })?;
        Ok(arm)
    }
}

/// Returns the flags of an arm without their defaults, so that one that is not given changes nothing.
fn particulars() -> Command {
    let command = ArmArgs::augment_args_for_update(Command::new("arm").no_binary_name(true).disable_help_flag(true));
    command.color(clap::ColorChoice::Never).mut_args(|arg| {
        let switch = matches!(arg.get_action(), ArgAction::SetTrue);
        let arg = arg.default_value(None::<&str>);
        // A switch is off by default as well, unless it takes a value.
        if switch { arg.action(ArgAction::Set).num_args(0..=1).default_missing_value("true") } else { arg }
    })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        arm: ArmArgs,
    }

    fn arm(line: &str) -> ArmArgs {
        Cli::parse_from(["x"].into_iter().chain(line.split_whitespace())).arm
    }

    fn with(line: &str, words: &str) -> Result<ArmArgs> {
        let words: Vec<String> = words.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
        arm(line).with("--b", &words)
    }

    #[test]
    fn what_an_arm_does_not_name_stays_as_the_command_has_it() {
        let common = "--provider cpu --threads 3 --batch 4 --spinning off --no-arena --openvino-streams 2";
        let same = with(common, "").unwrap();
        assert_eq!(format!("{same:?}"), format!("{:?}", arm(common)));
        let other =
            with(common, "provider=openvino,threads=1,graph-optimization=basic,cuda-nhwc,no-arena=false").unwrap();
        let written = "--provider openvino --threads 1 --batch 4 --spinning off --openvino-streams 2 \
                       --graph-optimization basic --cuda-nhwc";
        assert_eq!(format!("{other:?}"), format!("{:?}", arm(written)));
    }

    #[test]
    fn what_is_no_setting_is_refused_with_the_settings() {
        for (words, says) in [
            ("thread=2", "--b thread=2: is no setting of an arm; they are provider, batch, threads, ort-lib"),
            ("=", "--b =: is no setting of an arm"),
            ("threads=x", "--b threads=x: invalid value 'x' for '--threads <N>': is not a whole number"),
            ("provider=gpu", "--b provider=gpu: invalid value 'gpu' for '--provider <PROVIDER>'"),
            ("threads", "--b threads: a value is required for '--threads <N>'"),
            ("spinning=", "--b spinning="),
        ] {
            let error = with("", words).unwrap_err().to_string();
            assert!(error.starts_with(says), "{error}");
        }
    }
}
