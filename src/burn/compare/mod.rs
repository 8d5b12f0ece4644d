//! The comparison table of the literature: an Inception block against plain 3x3 and 5x5 convolutions, 192 to 256
//! channels on a 28x28 feature map.
//!
//! Each block is a real Burn module, traced by the same exporter as any network and counted on the resulting graph. How
//! much of what is saved in MACs is saved in time as well is measured in pairs of fresh processes ([`ab`]).

mod measured;
mod paper;
mod reasons;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use burn::tensor::Device;
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Serialize;

use crate::export::{ExportOptions, export};
use crate::nets::{Block, BlockModule};
use gnet_core::cost::{self, Analysis, Row};
use gnet_core::graph::Dim;
use gnet_core::report::{Column, Report, Table, number};
use gnet_core::{Error, ErrorKind, Result, files};
use gnet_engine::ab::{self, AbOptions, Workers};
use gnet_engine::bench::{self, Limits, Spec, SystemClock};
use gnet_engine::runtime::{EngineOptions, Provider};

pub use measured::{Absent, BlockTime, Measured, Saving};
pub use paper::{PaperRow, PaperTable};

/// Side of the feature map that the literature counts on.
pub const SIDE: usize = 28;

/// Expected counts of each block: weights, parameters, MACs. Exact values computed from the widths; the printed form is
/// that of the lecture notes on GoogLeNet (the d2l course).
const EXPECTED: [(&str, [u64; 3]); 3] = [
    ("inception", [163_328, 163_696, 128_049_152]),
    ("conv3x3", [442_368, 442_624, 346_816_512]),
    ("conv5x5", [1_228_800, 1_229_056, 963_379_200]),
];

/// One block.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct BlockCost {
    /// `inception`, `conv3x3` or `conv5x5`.
    pub name: String,
    /// Number of elements of the kernels.
    pub weights: u64,
    /// Number of learned parameters: weights and biases.
    pub params: u64,
    /// Multiply-accumulates for one feature map.
    pub macs: u64,
    /// Floating-point operations: twice the MACs.
    pub flops: u64,
    /// Parameters as papers print them: millions, truncated to two decimals.
    pub printed_params: String,
    /// MACs as papers print them, under the heading "FLOPS": millions, truncated.
    pub printed_flops: String,
    /// Number of nodes of the graph.
    pub nodes: usize,
    /// Number of those that multiply: convolutions.
    pub products: usize,
    /// Fewest and most output channels of one of these.
    pub channels: [usize; 2],
    /// Bytes that the nodes read and write for one feature map, each as if it went to memory.
    pub moved_bytes: u64,
    /// Bytes of these that nodes without MACs move.
    pub moved_without_macs_bytes: u64,
    /// The exported block.
    #[serde(skip)]
    pub file: Bytes,
}

/// The three blocks side by side.
#[derive(Debug, Clone, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// The blocks, smallest first.
    pub blocks: Vec<BlockCost>,
    /// Their times in each provider; empty unless measured.
    pub measured: Vec<Measured>,
    /// Providers that were tried and are not there.
    pub absent: Vec<Absent>,
}

/// Options of a measurement.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MeasureOptions {
    /// Program whose [worker](gnet_core::process::serve) takes the measurements.
    pub exe: PathBuf,
    /// Providers to measure; if empty, all that are there.
    pub providers: Vec<Provider>,
    /// Number of clean pairs for each ratio: 12.
    pub pairs: usize,
    /// Limits of each process: 0.3 seconds and 10 samples, and two minutes to load.
    pub limits: Limits,
    /// Options of the engines.
    pub engine: EngineOptions,
}

/// As many pairs are tried at most, with those that other work disturbs.
const MOST_PAIRS: usize = 48;

impl MeasureOptions {
    /// Creates the default options for measurements in processes of `exe`.
    pub fn new(exe: impl Into<PathBuf>) -> Self {
        let mut limits = Limits::default();
        (limits.min_time, limits.min_samples) = (Duration::from_millis(300), 10);
        // TensorRT builds an engine; a driver that hangs must not hold up the others for ten minutes.
        limits.max_load = Duration::from_secs(120);
        Self { exe: exe.into(), providers: Vec::new(), pairs: 12, limits, engine: EngineOptions::default() }
    }
}

impl Comparison {
    /// Traces and counts the blocks.
    ///
    /// # Errors
    /// Those of [`export`] and [`cost::count`].
    pub fn count() -> Result<Self> {
        let blocks = Block::ALL.into_iter().map(count).collect::<Result<_>>()?;
        Ok(Self { blocks, measured: Vec::new(), absent: Vec::new() })
    }

    /// Checks every count against the expected one.
    ///
    /// # Errors
    /// Lists all counts that are off ([`ErrorKind::Check`]).
    pub fn check(&self) -> Result<()> {
        let mut wrong = Vec::new();
        for (block, (name, expected)) in self.blocks.iter().zip(EXPECTED) {
            let found = [block.weights, block.params, block.macs];
            for ((what, found), expected) in ["weights", "params", "macs"].iter().zip(found).zip(expected) {
                if found != expected || block.name != name {
                    wrong.push(format!("{} has {found} {what}, expected {expected}", block.name));
                }
            }
        }
        match wrong.is_empty() && self.blocks.len() == EXPECTED.len() {
            true => Ok(()),
            false => Err(Error::check("compare", wrong.join("; "))),
        }
    }

    /// Returns parameters and MACs of each block as papers print them.
    pub fn printed(&self) -> String {
        printed(self.blocks.iter().map(|block| (block.params, block.macs)))
    }

    /// Returns the expected ones as papers print them.
    pub fn expected() -> String {
        printed(EXPECTED.iter().map(|(_, [_, params, macs])| (*params, *macs)))
    }

    /// Measures the blocks in each provider, one feature map on one thread: the Inception block against each of the
    /// others, in pairs of processes. `seen` hears of each comparison before it begins, as text for a person. What was
    /// measured before is replaced.
    ///
    /// # Errors
    /// Those of [`ab::compare`]; fails on no pairs or more than 48. A provider that is not there is an error if it was named, and else noted in
    /// [`absent`](Self::absent); it is one if none is there.
    pub fn measure(&mut self, options: &MeasureOptions, seen: &mut dyn FnMut(&str)) -> Result<()> {
        if !(1..=MOST_PAIRS).contains(&options.pairs) {
            let thing = format!("pairs {}", options.pairs);
            return Err(Error::input(thing, format!("is not between 1 and {MOST_PAIRS}")));
        }
        let dir = files::temporary_folder()?;
        let place = |block: &BlockCost| dir.made.path().join(format!("{}.onnx", block.name));
        for block in &self.blocks {
            files::write(&place(block), &block.file)?;
        }
        let spec = |provider, block: &BlockCost| {
            let mut spec = Spec::new(place(block), provider);
            (spec.limits, spec.macs_per_image, spec.engine) =
                (options.limits, Some(block.macs), options.engine.clone());
            spec
        };
        let never = AtomicBool::new(false);
        let is_there = |provider, block: &BlockCost| {
            let mut spec = spec(provider, block);
            let limits = &mut spec.limits;
            (limits.min_time, limits.min_samples, limits.max_warmup) = (Duration::ZERO, 1, 0);
            bench::run_in_worker(&options.exe, &spec).map(drop)
        };
        self.measure_in(&options.providers, &is_there, &mut |provider, a, b| {
            seen(&format!("{provider}: {} and {}", a.name, b.name));
            let mut workers = Workers::new(&options.exe, spec(provider, a), spec(provider, b), &never);
            let mut test = AbOptions::default();
            test.pairs = Some(options.pairs);
            ab::compare(&mut workers, &SystemClock::start(), &test, &mut |_| true)
        })
    }

    /// Measures in the providers that were asked for, or else in those of which `is_there` says so, given a block to run.
    fn measure_in(
        &mut self,
        asked: &[Provider],
        is_there: &dyn Fn(Provider, &BlockCost) -> Result<()>,
        compare: &mut dyn FnMut(Provider, &BlockCost, &BlockCost) -> Result<ab::Comparison>,
    ) -> Result<()> {
        (self.measured, self.absent) = Default::default();
        let tried = if asked.is_empty() { &Provider::ALL[..] } else { asked };
        for provider in tried {
            let there = self.blocks.iter().take(1).try_for_each(|block| is_there(*provider, block));
            match there {
                Err(error) if asked.is_empty() && error.kind() == ErrorKind::Unavailable => {
                    self.absent.push(Absent { provider: *provider, reason: error.to_string() });
                }
                there => {
                    there?;
                    let mut compare = |a: &BlockCost, b: &BlockCost| compare(*provider, a, b);
                    self.measured.push(Measured::of(*provider, &self.blocks, &mut compare)?);
                }
            }
        }
        match self.measured.is_empty() {
            true => Err(Error::unavailable("compare --measure", "no provider is there to run the blocks")
                .remedy("`gnet doctor` says why for each of them")),
            false => Ok(()),
        }
    }
}

fn printed(counts: impl Iterator<Item = (u64, u64)>) -> String {
    let printed = |(params, macs)| format!("{}/{}", number::printed_params(params), number::printed_macs(macs));
    counts.map(printed).collect::<Vec<_>>().join(", ")
}

fn count(block: Block) -> Result<BlockCost> {
    // The counts do not depend on the weights.
    let module = block.init_seeded(0, &Device::flex());
    let exported = export(&module, &ExportOptions::new([Block::INPUT, SIDE, SIDE]), BlockModule::forward)?;
    let graph = &exported.model.graph;
    let cost = cost::count(graph)?;
    let all = Analysis::of(graph, None)?;
    let (products, others): (Vec<&Row>, Vec<&Row>) = all.rows.iter().partition(|row| row.macs > Some(0));
    let channels = products.iter().filter_map(|row| match row.output_shape.as_deref() {
        Some([_, Dim::Known(channels), ..]) => Some(*channels),
        _ => None,
    });
    let channels = [channels.clone().min(), channels.max()].map(Option::unwrap_or_default);
    let moved = |row: &&Row| row.read_bytes.unwrap_or_default() + row.written_bytes.unwrap_or_default();
    Ok(BlockCost {
        name: block.name().to_owned(),
        weights: cost.weights,
        params: cost.params,
        macs: cost.macs,
        flops: cost.flops,
        printed_params: number::printed_params(cost.params),
        printed_flops: number::printed_macs(cost.macs),
        nodes: all.rows.len(),
        products: products.len(),
        channels,
        moved_bytes: all.read_bytes + all.written_bytes,
        moved_without_macs_bytes: others.iter().map(moved).sum(),
        file: exported.bytes,
    })
}

impl Report for Comparison {
    /// Returns the counts; if the blocks were measured, also their times, and in two paragraphs why these are not saved
    /// like the MACs.
    fn tables(&self) -> Vec<Table> {
        let columns = [
            Column::text("block"),
            Column::number("weights"),
            Column::number("params").rank(1),
            Column::number("MACs"),
            Column::number("printed params").rank(3),
            Column::number("printed \"FLOPS\"").rank(2),
        ];
        let title = format!("{} to {} channels on {SIDE} x {SIDE}", Block::INPUT, Block::OUTPUT);
        let mut table = Table::new(title, columns);
        for block in &self.blocks {
            table.row([
                block.name.as_str().into(),
                block.weights.into(),
                block.params.into(),
                block.macs.into(),
                block.printed_params.as_str().into(),
                block.printed_flops.as_str().into(),
            ]);
        }
        table.note("printed as in the field: truncated, and what is called \"FLOPS\" is MACs (1 MAC = 2 FLOPs)");
        let mut tables = vec![table];
        if !self.measured.is_empty() {
            let mut times = measured::table(&self.measured, &self.absent);
            for paragraph in reasons::paragraphs(&self.blocks, &self.measured) {
                times.note(paragraph);
            }
            tables.push(times);
        }
        tables
    }
}

#[cfg(test)]
mod tests {
    use gnet_engine::ab::{Coin, Measure, Pair, Sample, Side};

    use super::*;
    use gnet_core::report::{Format, Style, render, render_styled};

    #[test]
    fn the_blocks_count_to_the_known_table() {
        let comparison = Comparison::count().unwrap();
        comparison.check().unwrap();
        assert_eq!(comparison.printed(), "0.16M/128M, 0.44M/346M, 1.22M/963M");
        assert_eq!(Comparison::expected(), comparison.printed());
    }

    #[test]
    fn a_count_that_is_off_by_one_is_named() {
        let mut comparison = Comparison::count().unwrap();
        comparison.blocks[1].macs -= 1;
        let error = comparison.check().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Check);
        assert_eq!(error.to_string(), "compare: conv3x3 has 346816511 macs, expected 346816512");
    }
    /// Twelve pairs of processes: A takes 2 ms, B the ratio of the pair times that.
    struct Scripted(std::vec::IntoIter<f64>);

    impl Measure for Scripted {
        fn sides(&self) -> [Side; 2] {
            ["a", "b"].map(|name| Side::new(name, name))
        }

        fn pair(&mut self, coin: &mut Coin) -> Result<Option<Pair>> {
            let pair = |ratio| Pair::new(coin.toss(), [2.0, 2.0 * ratio].map(|ms| Sample::new(ms, ms, ms)));
            Ok(self.0.next().map(pair))
        }
    }

    /// Result of twelve pairs whose ratios lie around `ratio`, by -5.5 to 5.5 %.
    fn twelve(ratio: f64) -> ab::Comparison {
        let ratios: Vec<f64> = (0..12).map(|i| ratio * (f64::from(i) / 100.0 - 0.055).exp()).collect();
        let mut options = AbOptions::default();
        options.pairs = Some(12);
        ab::compare(&mut Scripted(ratios.into_iter()), &SystemClock::start(), &options, &mut |_| true).unwrap()
    }

    fn measured(asked: &[Provider], there: &[Provider]) -> Result<Comparison> {
        let mut comparison = Comparison::count().unwrap();
        let is_there = |provider, block: &BlockCost| {
            assert_eq!(block.name, "inception");
            if there.contains(&provider) { Ok(()) } else { Err(Error::unavailable(provider, "its library is odd")) }
        };
        let mut compare = |_, a: &BlockCost, b: &BlockCost| {
            assert_eq!(a.name, "inception");
            Ok(twelve(if b.name == "conv3x3" { 2.0 } else { 8.0 }))
        };
        comparison.measure_in(asked, &is_there, &mut compare)?;
        Ok(comparison)
    }

    #[test]
    fn what_is_saved_in_time_comes_from_the_pairs() {
        let comparison = measured(&[Provider::Tract], &[Provider::Tract]).unwrap();
        let [over3, over5] = &comparison.measured[0].savings[..] else { panic!("{comparison:?}") };
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        close(over3.in_macs, 346_816_512.0 / 128_049_152.0);
        close(over3.in_time.unwrap(), 2.0);
        close(over5.in_time.unwrap(), 8.0);
        // Wilcoxon's table has 17 for 12 pairs and 5 % on a side: the ends are the 18th mean of two from either end.
        let [low, high] = over3.interval.unwrap();
        close(low, 2.0 * (-0.02f64).exp());
        close(high, 2.0 * 0.02f64.exp());
        assert_eq!((over3.pairs, over3.disturbed, over3.confidence), (12, 0, 0.9));
        let times = &comparison.measured[0].times;
        assert_eq!(
            times.iter().map(|time| time.name.as_str()).collect::<Vec<_>>(),
            ["inception", "conv3x3", "conv5x5"]
        );
        close(times[0].p50_ms.unwrap(), 2.0);
        close(times[0].gmacs_per_s.unwrap(), 128_049_152.0 / 2.0 / 1e6);
    }

    #[test]
    fn a_provider_that_is_not_there_is_a_note_unless_it_was_asked_for() {
        let found = measured(&[], &[Provider::Tract, Provider::Cuda]).unwrap();
        let names: Vec<_> = found.measured.iter().map(|its| its.provider).collect();
        assert_eq!(names, [Provider::Tract, Provider::Cuda]);
        assert_eq!(
            found.absent.iter().map(|its| its.provider.name()).collect::<Vec<_>>(),
            ["cpu", "tensorrt", "openvino"]
        );
        assert_eq!(found.absent[0].reason, "cpu: its library is odd");
        let text = render(&found, Format::Table).unwrap();
        assert!(text.contains("not there: cpu, tensorrt, openvino; `gnet doctor` says why"), "{text}");
        let asked = measured(&[Provider::Tract, Provider::Cpu], &[Provider::Tract]).unwrap_err();
        assert_eq!((asked.kind(), asked.to_string()), (ErrorKind::Unavailable, "cpu: its library is odd".to_owned()));
        assert_eq!(measured(&[], &[]).unwrap_err().kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn the_paragraphs_say_what_was_counted_and_measured() {
        let text = render(&measured(&[Provider::Tract], &[Provider::Tract]).unwrap(), Format::Markdown).unwrap();
        for part in [
            "inception moves 9.2 MiB (26 FLOPs for each byte), conv3x3 4.6 MiB (145) and conv5x5 7.6 MiB (243)",
            "14 nodes, with 6 products of 16 to 128 channels",
            "In tract inception computes 64.0 GMAC/s, conv3x3 86.7 and conv5x5 60.2",
            "2.00 of the 2.71 times over conv3x3 and all of the 7.52 times over conv5x5",
        ] {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let counted = render(&Comparison::count().unwrap(), Format::Markdown).unwrap();
        assert!(!counted.contains("FLOPs for each byte"), "nothing was measured: {counted}");
    }

    #[test]
    fn the_times_fit_a_terminal() {
        let found = measured(&[], &Provider::ALL).unwrap();
        let style = Style { width: Some(80), ..Style::PLAIN };
        let text = render_styled(&found, Format::Table, style).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("time saved") && text.contains("from"), "{text}");
    }

    #[test]
    fn no_pairs_are_no_measurement() {
        let mut options = MeasureOptions::new("/no/such/program");
        for pairs in [0, 49] {
            options.pairs = pairs;
            let error = Comparison::count().unwrap().measure(&options, &mut |_| {}).unwrap_err();
            assert_eq!(error.to_string(), format!("pairs {pairs}: is not between 1 and 48"));
        }
    }
}
