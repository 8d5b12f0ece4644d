//! The file of a gate: its sections, and the rules that they hold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::accuracy::Accuracy;
use super::agreement::Agreement;
use super::budget::Budget;
use super::engine::Engine;
use super::explain::explained;
use super::latency::Latency;
use super::memory::Memory;
use super::placement::Placement;
use super::site::Rule;
use super::values::Several;
use crate::bench::Feed;
use crate::data::Source;
use crate::runtime::Ranges;
use gnet_core::graph::Sizes;
use gnet_core::{Error, Result, files};

/// The largest file that is read: a gate is written by hand.
const MAX_BYTES: u64 = 1 << 20;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    model: PathBuf,
    #[serde(default)]
    feed: FeedSection,
    #[serde(default)]
    engine: Engine,
    #[serde(default)]
    budget: Several<Budget>,
    #[serde(default)]
    agreement: Several<Agreement>,
    #[serde(default)]
    accuracy: Several<Accuracy>,
    #[serde(default)]
    placement: Several<Placement>,
    #[serde(default)]
    latency: Several<Latency>,
    #[serde(default)]
    memory: Several<Memory>,
}

/// Sizes and ranges that the model is fed where it leaves them open.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct FeedSection {
    inputs: Vec<String>,
    dims: BTreeMap<String, usize>,
    ranges: BTreeMap<String, String>,
}

impl FeedSection {
    fn feed(&self) -> Result<Feed> {
        let mut feed = Feed::default();
        for shape in &self.inputs {
            feed.sizes.extend(Sizes::input(shape)?);
        }
        for (symbol, size) in &self.dims {
            if *size == 0 {
                return Err(Error::input(format!("dims.{symbol}"), "a size of 0 leaves nothing to compute"));
            }
            feed.sizes.extend(Sizes::dim(symbol, *size));
        }
        let ranges = self.ranges.iter().map(|(name, range)| Ok((name.clone(), range.parse()?)));
        feed.ranges = Ranges::new(ranges.collect::<Result<_>>()?)?;
        Ok(feed)
    }
}

/// A gate as its file states it, with paths that lead from the current folder.
pub struct Stated {
    /// The model.
    pub model: PathBuf,
    /// Sizes and ranges that it is fed.
    pub feed: Feed,
    /// Options of the engines.
    pub engine: Engine,
    /// The rules, those that take least time first.
    pub rules: Vec<Box<dyn Rule>>,
}

/// Reads a file.
///
/// # Errors
/// Fails if it cannot be read, if it is not TOML, on a key that is unknown, missing or misplaced, on a value that means
/// nothing, or if there is no rule in it.
pub fn read(path: &Path) -> Result<Stated> {
    let bytes = files::read(path)?;
    let name = path.display().to_string();
    let fail = |reason: &str| Error::file(path, reason).remedy("`gnet gate --init MODEL.onnx` writes such a file");
    if bytes.len() as u64 > MAX_BYTES {
        return Err(fail("is too large for the rules of a gate"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| fail("is no text: a gate is a file of TOML"))?;
    stated(&name, &files::folder_of(path), text)
}

/// Reads the text of a file called `name` in `folder`.
pub fn stated(name: &str, folder: &Path, text: &str) -> Result<Stated> {
    let config: Config = toml::from_str(text).map_err(|e| explained(name, text, &e))?;
    config.stated(folder).map_err(|e| in_gate(name, e))
}

/// Names the file in an error about one of its sections.
fn in_gate(name: &str, error: Error) -> Error {
    Error::input(name, &error).with_remedy(error.remedy_text())
}

impl Config {
    fn stated(self, folder: &Path) -> Result<Stated> {
        let at = |path: PathBuf| if folder == Path::new(".") { path } else { folder.join(path) };
        let source = |data: &Option<String>| match data.as_deref().map(str::parse).transpose()? {
            Some(Source::Dir(path)) => Ok::<_, Error>(Some(Source::Dir(at(path)))),
            other => Ok(other),
        };
        let feed = self.feed.feed().map_err(|e| in_gate("feed", e))?;
        let mut rules: Vec<Box<dyn Rule>> = Vec::new();
        let budgets = self.budget.0.into_iter().filter(|budget| !budget.is_empty());
        rules.extend(budgets.map(|budget| Box::new(budget) as Box<dyn Rule>));
        for section in &self.placement.0 {
            rules.push(section.rule()?);
        }
        for mut section in self.agreement.0 {
            section.reference = section.reference.map(at);
            let data = source(&section.data)?;
            rules.extend(section.rules(data)?);
        }
        for section in &self.accuracy.0 {
            rules.push(section.rule(source(&section.data)?)?);
        }
        rules.extend(self.memory.0.into_iter().map(|memory| Box::new(memory) as Box<dyn Rule>));
        for mut section in self.latency.0 {
            section.baseline = section.baseline.map(at);
            rules.extend(section.rules()?);
        }
        if rules.is_empty() {
            let reason = "there is no rule in it";
            return Err(Error::input("gate", reason).remedy("add one, such as max_params = \"6M\" under [budget]"));
        }
        Ok(Stated { model: at(self.model), feed, engine: self.engine, rules })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> (String, String) {
        let error = stated("gate.toml", Path::new("."), text).err().unwrap_or_else(|| panic!("was read:\n{text}"));
        assert_eq!(error.kind(), gnet_core::ErrorKind::Input);
        (error.to_string(), error.remedy_text().unwrap_or_default().to_owned())
    }

    fn names(text: &str) -> Vec<String> {
        let stated = stated("gate.toml", Path::new("ci"), text).unwrap();
        assert_eq!(stated.model, Path::new("ci/net.onnx"));
        stated
            .rules
            .iter()
            .flat_map(|rule| rule.outcomes())
            .map(|rule| format!("{} {}", rule.name(), rule.limit))
            .collect()
    }

    #[test]
    fn every_key_is_read() {
        let text = r#"
model = "net.onnx"
[feed]
inputs = ["x=1,3,8,8"]
dims = { T = 4 }
ranges = { tokens = "0..7" }
[engine]
spinning = false
[budget]
max_params = 163328
max_weights = "1.5M"
max_macs = "1G"
max_flops = "2G"
max_bytes = "24MiB"
max_peak_memory = "4MB"
max_moved_bytes = 1000000
expect_params = "0.16M"
expect_weights = 163328
expect_macs = "128M"
ops_allowed = ["Relu", "Conv"]
opset_max = 18
batch = 8
batch_axis = "x=0"
[[agreement]]
providers = ["tract", "cpu", "cuda"]
samples = 4
seed = 3
inputs = ["normal", "sparse"]
data = "embedded"
precision = "fp16"
tolerance = 0.01
threads = 2
[[agreement]]
reference = "old.onnx"
[accuracy]
min_top1 = 0.88
data = "images"
split = "validation"
count = 100
provider = "cpu"
threads = 1
[placement]
provider = "cuda"
min = "99%"
batch = 1
[memory]
max_peak_rss = "100MiB"
provider = "cpu"
batch = 8
threads = 2
[[latency]]
max_p50 = "2ms"
provider = "cpu"
batch = 8
threads = 2
[[latency]]
baseline = "old.onnx"
max_regression = "3%"
statistic = "p50"
seed = 7
[[latency]]
baseline = "old.onnx"
max_p50 = "800us"
"#;
        assert_eq!(
            names(text),
            [
                "budget.max_params (batch 8) 163328",
                "budget.max_weights (batch 8) 1.5M",
                "budget.max_macs (batch 8) 1G",
                "budget.max_flops (batch 8) 2G",
                "budget.max_bytes (batch 8) 24MiB",
                "budget.max_peak_memory (batch 8) 4MB",
                "budget.max_moved_bytes (batch 8) 1000000",
                "budget.expect_params (batch 8) 0.16M",
                "budget.expect_weights (batch 8) 163328",
                "budget.expect_macs (batch 8) 128M",
                "budget.ops_allowed (batch 8) Conv,Relu",
                "budget.opset_max (batch 8) 18",
                "placement.min (cuda) 99%",
                "agreement.providers (cpu against tract) 0.01",
                "agreement.providers (cuda against tract) 0.01",
                "agreement.reference (tract against ci/old.onnx) within rounding",
                "accuracy.min_top1 (cpu) 0.88",
                "memory.max_peak_rss (cpu, batch 8, 2 threads) 100MiB",
                "latency.max_p50 (cpu, batch 8, 2 threads) 2ms",
                "latency.max_regression (tract against ci/old.onnx) 3%",
                "latency.max_p50 (tract) 800us",
                "latency.max_regression (tract against ci/old.onnx) 5%",
            ]
        );
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_line_and_the_one_that_was_meant() {
        let (error, remedy) = refused("model = \"net.onnx\"\n\n[budget]\nmax_parms = 7\n");
        assert_eq!(error, "gate.toml, line 4, budget.max_parms: there is no key 'max_parms' here");
        assert!(remedy.starts_with("write 'max_params'; the keys here are max_params, max_weights, "), "{remedy}");
        let (error, remedy) = refused("model = \"net.onnx\"\n[[memory]]\nmax_peak_rss = 1\n[[memory]]\nmax_rss = 1\n");
        assert!(error.starts_with("gate.toml, line 5, memory.max_rss: there is no key 'max_rss' here"), "{error}");
        assert!(remedy.contains("'max_peak_rss'"), "{remedy}");
        let (error, remedy) = refused("model = \"net.onnx\"\n[budgte]\nmax_params = 7\n");
        assert_eq!(error, "gate.toml, line 2, budgte: there is no key 'budgte' here");
        assert!(remedy.starts_with("write 'budget'; "), "{remedy}");
        let (error, remedy) = refused("model = \"net.onnx\"\nzzz = 1\n");
        assert!(
            error.ends_with("line 2, zzz: there is no key 'zzz' here") && remedy.starts_with("the keys here"),
            "{remedy}"
        );
    }

    #[test]
    fn a_value_that_means_nothing_is_named_with_its_place_and_remedy() {
        for (text, says, remedy) in [
            (
                "[budget]\nmax_params = \"6X\"",
                "line 3, budget.max_params: 6X: is not a number",
                "write a number such as",
            ),
            (
                "[budget]\nmax_params = true",
                "line 3, budget.max_params: invalid type: boolean `true`, expected a count",
                "",
            ),
            ("[budget]\nmax_bytes = \"24M\"", "line 3, budget.max_bytes: 24M: is not a number", "24MiB"),
            ("[budget]\nmax_params = -1", "line 3, budget.max_params: -1: is not a number", ""),
            ("[accuracy]\ndata = \"embedded\"", "line 2, accuracy: the key 'min_top1' is missing", ""),
            ("[accuracy]\nmin_top1 = 88", "line 3, accuracy.min_top1: 88: is no share between 0 and 1", "88%"),
            ("[accuracy]\nmin_top1 = 1\ncount = 0", "accuracy.count 0: an accuracy needs", ""),
            (
                "[memory]\nmax_peak_rss = 1\nprovider = \"gpu\"",
                "line 4, memory.provider: provider 'gpu': is not known",
                "",
            ),
            ("[placement]\nprovider = \"tract\"", "placement.provider \"tract\": tract places nothing", "ONNX Runtime"),
            (
                "[agreement]\nproviders = [\"cpu\"]",
                "gate.toml: agreement: there is nothing to compare",
                "two providers",
            ),
            ("[agreement]\nproviders = []\nreference = \"a\"", "agreement: there is nothing to compare", ""),
            (
                "[engine]\ncuda_grap = true",
                "line 3, engine.cuda_grap: there is no key 'cuda_grap' here",
                "write 'cuda_graph'",
            ),
            (
                "[engine]\ngraph_optimization = \"most\"",
                "line 3, engine.graph_optimization: graph optimisation 'most'",
                "",
            ),
            ("[feed]\ninputs = [\"x=1,,3\"]", "feed: shape x=1,,3: 1,,3 is no list of sizes", "NAME=SIZE"),
            ("[feed]\ndims = { T = 0 }", "feed: dims.T: a size of 0", ""),
            ("[feed]\nranges = { t = \"7\" }", "feed: ", ""),
            ("[latency]\nprovider = \"cpu\"", "gate.toml: latency: asks for nothing", "max_p50"),
            ("[latency]\nmax_p50 = 2", "line 3, latency.max_p50: 2: is no time", "2ms"),
            ("[latency]\nmax_p50 = \"2ms\"\nmax_regression = \"5%\"", "there is no baseline", "baseline = "),
            (
                "[latency]\nbaseline = \"a\"\nmax_regression = 11",
                "line 4, latency.max_regression: 11: is no fraction",
                "5%",
            ),
            ("[budget]\nbatch = 8", "gate.toml: gate: there is no rule in it", "max_params"),
            ("[budget\nbatch = 8", "gate.toml, line 2", ""),
            ("model = \"b.onnx\"", "gate.toml, line 2", ""),
        ] {
            let (error, mends) = refused(&format!("model = \"net.onnx\"\n{text}\n"));
            assert!(error.contains(says) && mends.contains(remedy), "{text}:\n{error}\n{mends}");
        }
        assert_eq!(refused("[budget]\nmax_params = 1\n").0, "gate.toml: the key 'model' is missing");
    }
}
