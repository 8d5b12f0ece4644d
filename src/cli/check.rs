//! `gnet check`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};
use gnet::Result;
use gnet::check::{self, Amount, Facts, Figure, Metric, Rule};

use super::counted::CountArgs;
use super::format::FormatArgs;
use super::values;

const NUMBERS: &str = "A COUNT takes k, M, G or T. A SIZE takes kB, MB, GB, TB (powers of 1000) or KiB, MiB, GiB, TiB (powers of \
                       1024). An expected count with a prefix is what tables print, cut off after its last digit: 0.16M stands \
                       for 160000 to 169999, 163328 for itself. At least one rule is needed.";

#[derive(Debug, Args)]
#[command(override_usage = "gnet check <FILE.onnx> <RULE>.. [OPTIONS]", after_help = NUMBERS)]
#[command(group(ArgGroup::new("rules").required(true).multiple(true)))]
pub struct CheckArgs {
    /// The ONNX file to check.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// At most so many learned parameters.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Amount::count))]
    max_params: Option<Amount>,
    /// At most so many weights: elements of kernels and matrices.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Amount::count))]
    max_weights: Option<Amount>,
    /// At most so many multiply-accumulates for one item of the batch.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Amount::count))]
    max_macs: Option<Amount>,
    /// At most so many floating-point operations for one item, two a MAC.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Amount::count))]
    max_flops: Option<Amount>,
    /// At most so many bytes of the file, constants that stand beside it included.
    #[arg(long, group = "rules", value_name = "SIZE", value_parser = values::parsed(Amount::bytes))]
    max_bytes: Option<Amount>,
    /// At most so many bytes of activations in use at once.
    #[arg(long, group = "rules", value_name = "SIZE", value_parser = values::parsed(Amount::bytes))]
    max_peak_memory: Option<Amount>,
    /// At most so many bytes read and written by the nodes.
    #[arg(long, group = "rules", value_name = "SIZE", value_parser = values::parsed(Amount::bytes))]
    max_moved_bytes: Option<Amount>,
    /// This many parameters, in full or as printed: 163328 or 0.16M.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Figure::count))]
    expect_params: Option<Figure>,
    /// This many weights, in full or as printed.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Figure::count))]
    expect_weights: Option<Figure>,
    /// This many multiply-accumulates, in full or as printed.
    #[arg(long, group = "rules", value_name = "COUNT", value_parser = values::parsed(Figure::count))]
    expect_macs: Option<Figure>,
    /// No operations but these; one of another domain than ONNX's own is written domain:Op.
    #[arg(long, group = "rules", value_name = "OPS", value_delimiter = ',')]
    ops_allowed: Option<Vec<String>>,
    /// At most this version of ONNX's operator set.
    #[arg(long, group = "rules", value_name = "N", value_parser = values::whole::<u32>)]
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

pub fn run(args: &CheckArgs) -> Result<()> {
    let (file, analysis) = args.count.file(&args.file)?;
    let facts = Facts::of_file(&file, analysis)?;
    let verdict = check::check(&facts, &args.rules());
    args.format.write(&verdict)?;
    verdict.check()
}
