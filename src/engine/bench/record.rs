//! Record of a benchmark for JSON, and its tables.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::arrays::ArrayFile;
use crate::host::{Machine, Moment};
use crate::runtime::{Placement, Provider, Settings};
use gnet_core::report::{Cell, Column, Report, Table, number};
use gnet_core::words::counted;

use super::sweep::{Rated, Sweep};
use super::{Copies, Fed, Judgement, Latency, Profile};

/// A finished benchmark: its environment and the result of each row.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Measurement {
    /// The machine, the build and the file.
    pub environment: Environment,
    /// The rows in the order in which they ran.
    pub runs: Vec<Run>,
    /// Rows that were requested but skipped because of an interruption: [`Spec::label`](super::Spec::label) of each.
    #[serde(default)]
    pub not_run: Vec<String>,
    /// Summary of the rows; `null` for a single one.
    #[serde(default)]
    pub sweep: Option<Sweep>,
}

impl Measurement {
    /// Creates the record of rows that were measured, and of some that an interruption left out.
    pub fn new(environment: Environment, runs: Vec<Run>, not_run: Vec<String>) -> Self {
        let rated = |run: &Run| {
            Some(Rated {
                label: run.label(),
                provider: run.provider,
                threads: run.threads,
                batch: run.batch,
                p50_ms: run.latency_ms.p50,
                images_per_s: run.images_per_s?,
            })
        };
        let sweep = Sweep::of(&runs.iter().filter_map(rated).collect::<Vec<_>>());
        Self { environment, runs, not_run, sweep }
    }
}

/// Conditions that the numbers depend on besides the row. It holds no date, so that records can be compared.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Environment {
    /// Name of the measured file, without its folder.
    pub model: String,
    /// Size of the measured file.
    pub model_bytes: u64,
    /// Name of the processor, as reported by the system.
    pub cpu: String,
    /// Number of logical cores that this process may use.
    pub cores: usize,
    /// Operating system with its kernel version.
    pub os: String,
    /// Processor architecture.
    pub arch: String,
    /// Version of gnet.
    pub gnet: String,
    /// `release`, or `debug` for a build whose times are meaningless.
    pub profile: String,
}

impl Environment {
    /// Describes the machine that this process runs on and the file at `path`.
    pub fn detect(path: &std::path::Path) -> Self {
        let machine = Machine::this();
        Self {
            model: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
            model_bytes: std::fs::metadata(path).map_or(0, |file| file.len()),
            cpu: machine.cpu.name,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: machine.os,
            arch: std::env::consts::ARCH.to_owned(),
            gnet: env!("CARGO_PKG_VERSION").to_owned(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        }
    }
}

/// One row: a provider at one batch size and number of threads.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Run {
    /// Provider that ran the file.
    pub provider: Provider,
    /// Number of images per run.
    pub batch: usize,
    /// Number of threads requested; a note says if fewer are used.
    pub threads: usize,
    /// Number of threads that took part in a run.
    pub threads_used: usize,
    /// Time at which the row began, in UTC as RFC 3339 writes it, with milliseconds: `2026-11-28T07:04:01.123Z`.
    pub started: String,
    /// The machine before the first run.
    pub before: Moment,
    /// The machine after the last run of the steady state.
    pub after: Moment,
    /// Number of timed runs in the steady state.
    pub samples: usize,
    /// Number of them in each turn: one number, unless it took turns with the other process of its pair.
    #[serde(default)]
    pub turns: Vec<usize>,
    /// Time to parse and optimise the file, in milliseconds, without reading it from disk.
    pub load_ms: f64,
    /// Time of the first run after loading, in milliseconds.
    pub first_run_ms: f64,
    /// Number of runs between the first and the steady state, and of those that began a turn without being timed.
    pub warmup_runs: usize,
    /// Time of one run of the whole batch in the steady state, in milliseconds.
    pub latency_ms: Latency,
    /// Interval that holds the median of a steady state like this one with a confidence of 95 %, in milliseconds; `None` below 60
    /// samples.
    #[serde(default)]
    pub p50_interval_ms: Option<[f64; 2]>,
    /// CPU time of one run, summed over all threads, in milliseconds.
    pub cpu_ms: Option<f64>,
    /// Wall time of the steady state, in milliseconds.
    pub wall_ms: f64,
    /// CPU time over wall time of the steady state, over [`threads_used`](Self::threads_used): the share of it for which
    /// they had a core, 1 if nothing else ran and they never waited. `None` without a clock of CPU time, and for a device
    /// that computes with a processor of its own.
    pub occupancy: Option<f64>,
    /// Share of the steady state for which the thread that waited longest was ready to run and had no core; `None` where the
    /// system does not report it.
    #[serde(default)]
    pub waited: Option<f64>,
    /// Judgement of the row; its remarks are among the notes.
    #[serde(default)]
    pub judgement: Judgement,
    /// The batch divided by the mean latency.
    pub images_per_s: Option<f64>,
    /// Billions of multiply-accumulates per second; `None` if the file's MACs are unknown.
    pub gmacs_per_s: Option<f64>,
    /// Largest resident set of the process that measured this row, including program, file, weights and inputs.
    pub peak_rss_bytes: Option<u64>,
    /// Values of all settings that affect speed or outputs.
    #[serde(default)]
    pub settings: Settings,
    /// Symbols of the file that were given a size, with that size.
    #[serde(default)]
    pub dims: BTreeMap<String, usize>,
    /// Record of what each input was fed.
    #[serde(default)]
    pub inputs: Vec<Fed>,
    /// File whose arrays the inputs were fed; `None` for drawn numbers.
    #[serde(default)]
    pub arrays: Option<ArrayFile>,
    /// Placement of the file's nodes; `None` for an engine without providers.
    pub placement: Option<Placement>,
    /// Cost of copies between host and device; `None` on the host, which needs none.
    pub copies: Option<Copies>,
    /// Time by kernel, measured in separate runs; only if it was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// Remarks for the reader about this row.
    pub notes: Vec<String>,
    /// Time of each run of the steady state in nanoseconds, in their order. They are not in the JSON document.
    #[serde(skip)]
    pub samples_ns: Vec<u64>,
}

/// Formats milliseconds with three significant digits, more if there are more before the point.
pub(crate) fn ms(value: impl Into<Option<f64>>) -> Cell {
    let value = value.into();
    let digits = match value.map(f64::abs) {
        Some(v) if v >= 99.95 => 0,
        Some(v) if v >= 9.995 => 1,
        Some(v) if v >= 0.9995 => 2,
        _ => 3,
    };
    Cell::float(value, digits)
}

pub(super) fn row_label(provider: Provider, batch: usize, threads: usize) -> String {
    format!("{provider}, batch {batch}, {}", counted(threads, "thread"))
}

impl Run {
    /// Returns a short description of the row: `tract, batch 8, 2 threads`.
    pub fn label(&self) -> String {
        row_label(self.provider, self.batch, self.threads)
    }

    fn copy_cells(&self) -> [Cell; 3] {
        let median = |of: fn(&Copies) -> Latency| ms(self.copies.as_ref().map(|copies| of(copies).p50));
        [median(|c| c.to_device_ms), median(|c| c.from_device_ms), median(|c| c.with_copies_ms)]
    }

    fn item_ms(&self) -> f64 {
        self.latency_ms.p50 / self.batch as f64
    }

    /// Returns the row beside `first`, in the order of [`columns`].
    fn cells(&self, first: &Self) -> [Cell; 18] {
        let latency = &self.latency_ms;
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let peak = self.peak_rss_bytes.map(|bytes| bytes as f64 / f64::from(1 << 20));
        [
            self.provider.name().into(),
            self.batch.into(),
            self.threads.into(),
            ms(latency.p50),
            Cell::float(finite(self.item_ms() / first.item_ms()), 2),
            Cell::float(finite(100.0 * latency.spread()), 1),
            Cell::float(self.images_per_s, 1),
            ms(latency.mean),
            ms(latency.min),
            ms(latency.p90),
            ms(latency.p99),
            Cell::float(self.gmacs_per_s, 1),
            ms(self.cpu_ms),
            ms(self.load_ms),
            ms(self.first_run_ms),
            Cell::float(peak, 1),
            self.samples.into(),
            self.warmup_runs.into(),
        ]
    }
}

/// Returns the columns of every measurement: the most important first; the less important, the larger the rank.
fn columns() -> [Column; 18] {
    let time = |name: &str| Column::number(name).unit("ms");
    [
        Column::text("provider"),
        Column::number("batch"),
        Column::number("threads"),
        time("p50"),
        Column::number("ratio").rank(1),
        Column::number("spread").unit("%").rank(2),
        Column::number("images/s").rank(1),
        time("mean").rank(4),
        time("min").rank(6),
        time("p90").rank(3),
        time("p99").rank(7),
        Column::number("GMAC/s").rank(5),
        time("CPU").rank(5),
        time("load").rank(6),
        time("first").rank(7),
        Column::number("peak").unit("MiB").rank(4),
        Column::number("samples").rank(8),
        Column::number("warmup").rank(9),
    ]
}

impl Measurement {
    /// Returns each row's placement and notes, and the settings of each provider once if they are the same.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for run in &self.runs {
            let placement = run.placement.iter().map(ToString::to_string);
            let told = placement.chain(run.notes.iter().cloned());
            notes.extend(told.map(|note| format!("{}: {note}", run.label())));
        }
        for run in &self.runs {
            // The number of threads has its own column.
            let settings = run.settings.iter().filter(|(name, _)| *name != "threads");
            let settings: Vec<String> = settings.map(|(name, value)| format!("{name} {value}")).collect();
            let note = format!("{}: {}", run.provider, settings.join(", "));
            if settings.len() > 1 && !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes.extend(self.sweep.iter().flat_map(Sweep::notes));
        notes.extend(self.fed());
        notes
    }

    /// Describes the sizes, the whole numbers and the arrays that the file was fed, if any: the same in every row.
    fn fed(&self) -> Option<String> {
        let run = self.runs.first()?;
        let dims = run.dims.iter().map(|(symbol, size)| format!("{symbol} is {size}"));
        let ranges = run.inputs.iter().filter_map(|fed| Some(format!("{} within {}", fed.name, fed.range?)));
        let arrays = run.arrays.iter().map(|file| format!("fed the arrays of {}", file.path.display()));
        let all: Vec<String> = dims.chain(ranges).chain(arrays).collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

impl Report for Measurement {
    /// Returns one table; the CPU time and latencies are per run of the whole batch. The medians of the copies are
    /// shown if a row has them; its other times exclude copies.
    fn tables(&self) -> Vec<Table> {
        let env = &self.environment;
        let with_copies = self.runs.iter().any(|run| run.copies.is_some());
        let copies = [("to device", 5), ("from device", 5), ("with copies", 2)];
        let copies = copies.map(|(name, rank)| Column::number(name).unit("ms").rank(rank));
        let columns = columns().into_iter().chain(copies.into_iter().filter(|_| with_copies));
        let mut table = Table::new(format!("{} ({})", env.model, number::bytes(env.model_bytes)), columns);
        for run in &self.runs {
            let copies = if with_copies { run.copy_cells().to_vec() } else { Vec::new() };
            table.row(run.cells(&self.runs[0]).into_iter().chain(copies));
        }
        table.note(
            "ratio: median time of an item to the first row's; spread: of the middle half of the runs, to the median",
        );
        for note in self.notes() {
            table.note(note);
        }
        if !self.not_run.is_empty() {
            table.note(format!("interrupted; not run: {}", self.not_run.join("; ")));
        }
        table.note(format!(
            "{}, {}, {} {}, gnet {} ({})",
            env.cpu,
            counted(env.cores, "core"),
            env.os,
            env.arch,
            env.gnet,
            env.profile
        ));
        let profiles = self.runs.iter().filter_map(|run| run.profile.as_ref()).flat_map(Report::tables);
        std::iter::once(table).chain(profiles).collect()
    }
}

/// Returns a measurement of one row.
#[cfg(test)]
pub(super) fn sample() -> Measurement {
    Measurement {
        environment: Environment {
            model: "net.onnx".into(),
            model_bytes: 24_000_000,
            cpu: "A processor".into(),
            cores: 2,
            os: "linux 6.1".into(),
            arch: "x86_64".into(),
            gnet: "0.1.0".into(),
            profile: "release".into(),
        },
        runs: vec![Run {
            provider: Provider::Tract,
            batch: 8,
            threads: 2,
            threads_used: 2,
            started: "2026-11-28T07:04:01.123Z".into(),
            before: Moment::now(None),
            after: Moment::now(None),
            samples: 64,
            turns: vec![64],
            load_ms: 123.456,
            first_run_ms: 20.25,
            warmup_runs: 10,
            latency_ms: Latency { min: 9.5, mean: 10.0, p25: 9.7, p50: 9.876, p75: 10.1, p90: Some(12.0), p99: None },
            p50_interval_ms: Some([9.8, 9.9]),
            cpu_ms: Some(19.5),
            wall_ms: 641.0,
            occupancy: Some(0.975),
            waited: Some(0.01),
            judgement: Judgement::default(),
            images_per_s: Some(800.0),
            gmacs_per_s: None,
            peak_rss_bytes: Some(64 << 20),
            settings: [("engine".to_owned(), "tract".to_owned())].into(),
            dims: BTreeMap::new(),
            inputs: Vec::new(),
            arrays: None,
            placement: None,
            copies: None,
            profile: None,
            notes: vec!["a note".into()],
            samples_ns: Vec::new(),
        }],
        not_run: Vec::new(),
        sweep: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Assignment;
    use gnet_core::report::{Format, render};

    #[test]
    fn the_json_document_has_the_documented_keys() {
        let json: serde_json::Value = serde_json::from_str(&render(&sample(), Format::Json).unwrap()).unwrap();
        let keys = |value: &serde_json::Value| {
            let mut keys: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys.join(" ")
        };
        assert_eq!(keys(&json), "environment not_run runs schema_version sweep");
        assert_eq!(keys(&json["environment"]), "arch cores cpu gnet model model_bytes os profile");
        assert_eq!(
            keys(&json["runs"][0]),
            "after arrays batch before copies cpu_ms dims first_run_ms gmacs_per_s images_per_s inputs judgement latency_ms load_ms \
             notes occupancy p50_interval_ms peak_rss_bytes placement provider samples settings started threads \
             threads_used turns waited wall_ms warmup_runs"
        );
        assert_eq!(keys(&json["runs"][0]["latency_ms"]), "mean min p25 p50 p75 p90 p99");
        assert!(json["runs"][0]["latency_ms"]["p99"].is_null());
        assert_eq!(json["runs"][0]["provider"], "tract");
    }

    #[test]
    fn a_record_survives_json() {
        let measurement = sample();
        let text = serde_json::to_string(&measurement).unwrap();
        assert_eq!(serde_json::from_str::<Measurement>(&text).unwrap(), measurement);
    }

    #[test]
    fn the_table_shows_the_row_and_its_notes() {
        let text = render(&sample(), Format::Table).unwrap();
        for part in
            ["net.onnx (22.9 MiB)", "p50 (ms)", "9.88", "123", "800.0", "64.0", "tract, batch 8, 2 threads: a note"]
        {
            assert!(text.contains(part), "{part} in\n{text}");
        }
        let csv = render(&sample(), Format::Csv).unwrap();
        assert_eq!(
            csv,
            "provider,batch,threads,p50_ms,ratio,spread_percent,images_s,mean_ms,min_ms,p90_ms,p99_ms,gmac_s,cpu_ms,load_ms,\
             first_ms,peak_mib,samples,warmup\ntract,8,2,9.876,1,4.050222762251927,800,10,9.5,12,,,19.5,123.456,20.25,64,64,10\n"
        );
    }

    #[test]
    fn rows_are_held_against_the_first_by_the_time_of_an_item() {
        let mut measurement = sample();
        let mut run = measurement.runs[0].clone();
        (run.batch, run.latency_ms.p50, run.latency_ms.mean) = (1, 9.876 / 4.0, 9.876 / 2.0);
        measurement.runs.push(run);
        let csv = render(&measurement, Format::Csv).unwrap();
        assert!(csv.lines().nth(2).unwrap().starts_with("tract,1,2,2.469,2,"), "{csv}");
    }

    #[test]
    fn rows_that_were_not_run_are_named() {
        let not_run = vec!["tract, batch 1, 1 thread".to_owned(), "cpu, batch 1, 1 thread".to_owned()];
        let text = render(&Measurement { not_run, ..sample() }, Format::Table).unwrap();
        let note = "interrupted; not run: tract, batch 1, 1 thread; cpu, batch 1, 1 thread";
        assert!(text.contains(note) && !render(&sample(), Format::Table).unwrap().contains("interrupted"), "{text}");
    }

    #[test]
    fn copies_placement_and_settings_are_shown_where_there_are_any() {
        let mut measurement = sample();
        let of = |p50: f64| Latency { min: p50, mean: p50, p25: p50, p50, p75: p50, p90: None, p99: None };
        let mut run = Run { provider: Provider::Cuda, ..measurement.runs[0].clone() };
        run.settings = [("cuda_tf32", "off"), ("engine", "onnxruntime 1.31.1"), ("threads", "2")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let assignment = Assignment { requested: "CUDAExecutionProvider".into(), nodes: Vec::new() };
        run.placement = Some(Placement::of(&assignment, None));
        run.copies = Some(Copies {
            to_device_ms: of(0.25),
            from_device_ms: of(0.05),
            with_copies_ms: of(10.3),
            images_per_s: None,
        });
        measurement.runs.extend([run.clone(), run]);
        let csv = render(&measurement, Format::Csv).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert!(lines[0].ends_with(",warmup,to_device_ms,from_device_ms,with_copies_ms"), "{csv}");
        assert!(lines[1].ends_with(",10,,,") && lines[2].ends_with(",10,0.25,0.05,10.3"), "{csv}");
        let text = render(&measurement, Format::Table).unwrap();
        assert!(text.contains("cuda, batch 8, 2 threads: 0 of 0 nodes on CUDAExecutionProvider"), "{text}");
        assert_eq!(text.matches("cuda: cuda_tf32 off, engine onnxruntime 1.31.1").count(), 1, "{text}");
        assert!(!text.contains("tract: engine"), "{text}");
    }
}
