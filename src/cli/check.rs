//! `gnet check`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use gnet::Result;
use gnet::check::{self, Amount, Facts, Figure, Metric, Rule};

use super::counted::CountArgs;
use super::format::FormatArgs;
use super::values;

/// Flags that are rules, of which at least one is required.
const RULES: [&str; 12] = [
    "max_params",
    "max_weights",
    "max_macs",
    "max_flops",
    "max_bytes",
    "max_peak_memory",
    "max_moved_bytes",
    "expect_params",
    "expect_weights",
    "expect_macs",
    "ops_allowed",
    "opset_max",
];

/// Text below the flags in the help.
const NUMBERS: &str = "A COUNT takes k, M, G or T. A SIZE takes kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of \
                       1024). An expected count with a prefix is what tables print, cut off after its last digit: 0.16M stands \
                       for 160000 to 169999, 163328 for itself. At least one rule is needed.";

/// Arguments of `gnet check`.
#[derive(Debug, Args)]
#[command(override_usage = "gnet check <FILE.onnx> <RULE>.. [OPTIONS]", after_help = NUMBERS)]
#[command(group(ArgGroup::new("rules").args(RULES).required(true).multiple(true)))]
pub struct CheckArgs {
    /// The ONNX file to check.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// At most so many learned parameters.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_params: Option<Amount>,
    /// At most so many weights: elements of kernels and matrices.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_weights: Option<Amount>,
    /// At most so many multiply-accumulates for one item of the batch.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_macs: Option<Amount>,
    /// At most so many floating-point operations for one item, two a MAC.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    max_flops: Option<Amount>,
    /// At most so many bytes of the file, constants that stand beside it included.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_bytes: Option<Amount>,
    /// At most so many bytes of activations in use at once.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_peak_memory: Option<Amount>,
    /// At most so many bytes read and written by the nodes.
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    max_moved_bytes: Option<Amount>,
    /// This many parameters, in full or as printed: 163328 or 0.16M.
    #[arg(long, value_name = "COUNT", value_parser = figure)]
    expect_params: Option<Figure>,
    /// This many weights, in full or as printed.
    #[arg(long, value_name = "COUNT", value_parser = figure)]
    expect_weights: Option<Figure>,
    /// This many multiply-accumulates, in full or as printed.
    #[arg(long, value_name = "COUNT", value_parser = figure)]
    expect_macs: Option<Figure>,
    /// No operations but these; one of another domain than ONNX's own is written domain:Op.
    #[arg(long, value_name = "OPS", value_delimiter = ',')]
    ops_allowed: Option<Vec<String>>,
    /// At most this version of ONNX's operator set.
    #[arg(long, value_name = "N", value_parser = values::whole::<u32>)]
    opset_max: Option<u32>,
    #[command(flatten)]
    count: CountArgs,
    #[command(flatten)]
    format: FormatArgs,
}

impl CheckArgs {
    fn rules(&self) -> Vec<Rule> {
        let most = [
            (Metric::Params, &self.max_params),
            (Metric::Weights, &self.max_weights),
            (Metric::Macs, &self.max_macs),
            (Metric::Flops, &self.max_flops),
            (Metric::Bytes, &self.max_bytes),
            (Metric::PeakMemory, &self.max_peak_memory),
            (Metric::MovedBytes, &self.max_moved_bytes),
        ];
        let expected = [
            (Metric::Params, &self.expect_params),
            (Metric::Weights, &self.expect_weights),
            (Metric::Macs, &self.expect_macs),
        ];
        let most = most.into_iter().filter_map(|(metric, limit)| Some(Rule::AtMost(metric, limit.clone()?)));
        let expected = expected.into_iter().filter_map(|(metric, figure)| Some(Rule::Expect(metric, figure.clone()?)));
        let ops = self.ops_allowed.iter().map(|ops| Rule::OpsAllowed(ops.iter().cloned().collect()));
        let opset = self.opset_max.iter().map(|most| Rule::OpsetAtMost(i64::from(*most)));
        most.chain(expected).chain(ops).chain(opset).collect()
    }
}

/// Runs `gnet check`.
pub fn run(args: &CheckArgs) -> Result<()> {
    let (file, analysis) = args.count.file(&args.file)?;
    let model = file.model()?;
    let facts = Facts {
        subject: args.file.display().to_string(),
        analysis,
        bytes: file.size()?,
        opset: model.opset,
        ops: check::operations(&model.graph),
    };
    let verdict = check::check(&facts, &args.rules());
    args.format.write(&verdict)?;
    verdict.check()
}

fn count(text: &str) -> Result<Amount, String> {
    Amount::count(text).map_err(|e| values::behind_flag(text, &e))
}

fn bytes(text: &str) -> Result<Amount, String> {
    Amount::bytes(text).map_err(|e| values::behind_flag(text, &e))
}

fn figure(text: &str) -> Result<Figure, String> {
    Figure::count(text).map_err(|e| values::behind_flag(text, &e))
}
