//! A first file of rules for a model, from what it counts and what runs here. Each rule was tried and held.

use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};

use super::config::stated;
use super::record::{Outcome, Status};
use super::site::Means;
use super::{Gate, Record};
use crate::bench::Feed;
use crate::classify;
use crate::data::Source;
use crate::runtime::Provider;
use gnet_core::check::{Facts, operations};
use gnet_core::cost::{Analysis, Counting, Quantity};
use gnet_core::metadata::Metadata;
use gnet_core::report::{number, visible};
use gnet_core::words::counted;
use gnet_core::{Error, OnnxFile, Result};

/// Room that counts may grow into before the budget is broken: a tenth.
const HEADROOM: u64 = 10;

/// Returns a first file of rules for the model at `path`, to be written into `folder`.
///
/// Counts get a tenth of headroom; providers that agree here must agree, and an accuracy that can be found here may fall by a
/// point. What does not hold or cannot be tried here is a comment with the reason. `say` is called with the current activity.
///
/// # Errors
/// Fails on a file that is not a model, a path that is not text, or when it is stopped.
pub fn init(path: &Path, folder: &Path, feed: &Feed, means: &Means, say: &mut dyn FnMut(&str)) -> Result<String> {
    let file = OnnxFile::open_whole(path)?;
    let mut draft =
        Draft { path: path.to_path_buf(), feed: feed_section(feed), means: means.clone(), text: String::new() };
    draft.line(format!(
        "# Rules for `gnet gate`. `src/engine/gate/gate.md` in the repository of gnet has every key.\nmodel = {}\n",
        quoted(&from(folder, path)?)
    ));
    draft.text += &draft.feed.clone();
    draft.budget(&file, feed)?;
    draft.agreement(say)?;
    draft.accuracy(&file, say)?;
    draft.line(
        "# The model of the last release beside this one; keep it next to this file.\n\
         # [latency]\n# baseline = \"last.onnx\"\n# max_regression = \"5%\"\n\n\
         # [memory]\n# max_peak_rss = \"256MiB\""
            .to_owned(),
    );
    Ok(draft.text)
}

struct Draft {
    path: PathBuf,
    feed: String,
    means: Means,
    text: String,
}

impl Draft {
    fn line(&mut self, line: String) {
        self.text += &line;
        self.text.push('\n');
    }

    /// Adds a comment; what the file says in it stays within its line.
    fn comment(&mut self, text: &str) {
        self.line(format!("# {}", visible(text)));
    }

    /// Tries a section of one rule.
    fn tried(&self, section: &str, say: &mut dyn FnMut(&str)) -> Result<Outcome> {
        let path = std::path::absolute(&self.path).unwrap_or_else(|_| self.path.clone());
        let text = format!("model = {}\n{}{section}", quoted(&text_of(&path)?), self.feed);
        let Record { rules, interrupted, .. } =
            Gate::of("the new gate".to_owned(), stated("the new gate", Path::new("."), &text)?)?
                .run(self.means.clone(), say)?;
        match rules.into_iter().next() {
            Some(rule) if !interrupted => Ok(rule),
            _ => Err(Error::interrupted("gate", "was interrupted; nothing was written")),
        }
    }

    fn budget(&mut self, file: &OnnxFile, feed: &Feed) -> Result<()> {
        self.line(format!("[budget] # what is counted today, and a {HEADROOM}th more"));
        let model = file.model()?;
        match file.analysis(&feed.sizes, Counting::default()) {
            Ok(analysis) => self.counts(&Facts::of_file(file, analysis)?),
            Err(error) => {
                self.comment(&format!("not counted: {error}"));
                self.limit("max_bytes", file.size()?);
            }
        }
        let ops: Vec<_> = operations(&model.graph).into_keys().map(|op| quoted(&op)).collect();
        self.line(format!("ops_allowed = [{}]", ops.join(", ")));
        if let Ok(opset) = u32::try_from(model.opset) {
            self.line(format!("opset_max = {opset}"));
        }
        self.line(String::new());
        Ok(())
    }

    fn counts(&mut self, facts: &Facts) {
        let Facts { analysis, bytes, .. } = facts;
        for (key, count, quantity) in [
            ("max_params", analysis.params, Quantity::Params),
            ("max_macs", analysis.macs, Quantity::Macs),
            ("max_peak_memory", analysis.peak_bytes, Quantity::Bytes),
        ] {
            match missing(analysis, quantity) {
                None => self.limit(key, count),
                Some(reason) => self.comment(&format!("{key}: {reason}")),
            }
        }
        self.limit("max_bytes", *bytes);
    }

    fn limit(&mut self, key: &str, count: u64) {
        let today = number::thousands(count.into());
        self.line(format!("{key} = {} # {today} today", underscored(with_headroom(count))));
    }

    fn agreement(&mut self, say: &mut dyn FnMut(&str)) -> Result<()> {
        let mut reasons = Vec::new();
        for (place, first) in TRIED.into_iter().enumerate() {
            let mut agreeing = vec![quoted(first.name())];
            for other in &TRIED[place + 1..] {
                let section = format!("[agreement]\nproviders = [\"{first}\", \"{other}\"]\n");
                let rule = self.tried(&section, say)?;
                match rule.status {
                    Status::Held => agreeing.push(quoted(other.name())),
                    _ => reasons.push(format!("{other} against {first}: {}", rule.reason.unwrap_or_default())),
                }
            }
            if agreeing.len() > 1 {
                self.line("[agreement] # of providers that are here and agree today".to_owned());
                self.line(format!("providers = [{}]\n", agreeing.join(", ")));
                return Ok(());
            }
        }
        self.line("# [agreement]\n# providers = [\"tract\", \"cpu\"]".to_owned());
        reasons.iter().for_each(|reason| self.comment(&format!("not held here: {reason}")));
        self.line(String::new());
        Ok(())
    }

    /// Adds the accuracy of a file that says how it is fed with images, and which it was trained on.
    fn accuracy(&mut self, file: &OnnxFile, say: &mut dyn FnMut(&str)) -> Result<()> {
        let Ok(Some(metadata)) = Metadata::from_props(&file.model()?.metadata) else { return Ok(()) };
        let data = match classify::trained_on(metadata.dataset.as_deref()) {
            Ok(Source::FashionMnist) => "fashion-mnist",
            Ok(_) => "embedded",
            Err(error) => {
                self.line("# [accuracy]\n# min_top1 = \"90%\"\n# data = \"images\"".to_owned());
                self.comment(&error.to_string());
                self.line(String::new());
                return Ok(());
            }
        };
        let rule = self.tried(&format!("[accuracy]\nmin_top1 = 0\ndata = \"{data}\"\n"), say)?;
        match (rule.status, rule.found.map(super::Found::value)) {
            (Status::Held, Some(top1)) => {
                let percent = (100.0 * top1 - 1.0).floor().max(0.0);
                self.line(format!(
                    "[accuracy] # {:.1} % today\nmin_top1 = \"{percent}%\"\ndata = \"{data}\"\n",
                    100.0 * top1
                ));
            }
            _ => {
                self.line(format!("# [accuracy]\n# min_top1 = \"90%\"\n# data = \"{data}\""));
                self.comment(&format!("not held here: {}", rule.reason.unwrap_or_default()));
                self.line(String::new());
            }
        }
        Ok(())
    }
}

/// Providers that are tried, the reference first. TensorRT would build its engines for minutes.
const TRIED: [Provider; 4] = [Provider::Tract, Provider::Cpu, Provider::Cuda, Provider::OpenVino];

/// Returns why a count is a lower bound only, if it is.
fn missing(analysis: &Analysis, quantity: Quantity) -> Option<String> {
    let first = analysis.missing(quantity).next()?;
    let nodes = counted(analysis.missing(quantity).count(), "node");
    Some(format!("{nodes} cannot be counted; {} ({}): {}", first.name, first.op, first.reason))
}

/// Returns a tenth more, rounded up to three digits.
fn with_headroom(count: u64) -> u64 {
    let more = count.saturating_add(count.div_ceil(HEADROOM));
    let mut step = 1;
    while more / step >= 1000 {
        step *= 10;
    }
    // TOML's whole numbers have a sign.
    more.div_ceil(step).saturating_mul(step).min(i64::MAX as u64)
}

/// Formats `6_580_000`, as TOML writes it.
fn underscored(count: u64) -> String {
    number::thousands(count.into()).replace(',', "_")
}

/// Returns a text as a string of TOML on one line, which is JSON's but for one character.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn feed_section(feed: &Feed) -> String {
    let mut section = String::new();
    let shapes: Vec<_> = feed.sizes.shapes().map(|shape| quoted(&shape)).collect();
    let dims: Vec<_> = feed.sizes.dims().iter().map(|(symbol, size)| format!("{} = {size}", quoted(symbol))).collect();
    let ranges: Vec<_> = feed.ranges.iter().map(|(name, range)| format!("{} = \"{range}\"", quoted(name))).collect();
    for (key, open, values, close) in
        [("inputs", "[", shapes, "]"), ("dims", "{ ", dims, " }"), ("ranges", "{ ", ranges, " }")]
    {
        if !values.is_empty() {
            let _ = writeln!(section, "{key} = {open}{}{close}", values.join(", "));
        }
    }
    if section.is_empty() { section } else { format!("\n[feed]\n{section}\n") }
}

/// Returns the path of the model as one reads it in `folder`.
fn from(folder: &Path, path: &Path) -> Result<String> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if path.is_absolute() || folder == Path::new(".") {
        return text_of(path);
    }
    let (folder, path) = (absolute(folder), absolute(path));
    // A folder may be a link, through which `..` leads elsewhere.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    let parent = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok());
    let path = match (parent, path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path,
    };
    let same = folder.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir);
    text_of(&up.chain(path.components().skip(same)).collect::<PathBuf>())
}

fn text_of(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| Error::file(path, "TOML holds no name that is not UTF-8"));
    text.map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headroom_is_a_tenth_rounded_up_to_three_digits() {
        for (count, limit) in
            [(0, 0), (1, 2), (10, 11), (169, 186), (1000, 1100), (5_977_530, 6_580_000), (999_999, 1_100_000)]
        {
            assert_eq!(with_headroom(count), limit, "{count}");
            assert!(with_headroom(count) >= count);
        }
        assert_eq!(with_headroom(u64::MAX), i64::MAX as u64);
        assert_eq!(underscored(6_580_000), "6_580_000");
    }

    #[test]
    fn a_model_is_named_from_the_folder_of_the_gate() {
        let dir = tempfile::tempdir().unwrap();
        let root = std::fs::canonicalize(dir.path()).unwrap();
        for folder in ["ci/gates", "models"] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        let current = std::path::absolute(".").unwrap();
        assert_eq!(from(Path::new("."), Path::new("a/net.onnx")).unwrap(), "a/net.onnx");
        assert_eq!(from(&current.join("b"), Path::new("net.onnx")).unwrap(), "../net.onnx");
        assert_eq!(
            from(&root.join("ci/gates"), &root.join("models/net.onnx")).unwrap(),
            root.join("models/net.onnx").to_str().unwrap()
        );
        assert_eq!(quoted("a\"\\\n\u{1b}"), r#""a\"\\\n\u001b""#);
    }
}
