//! One line of a log.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Subject;
use crate::bench::{Run, Spec};
use crate::host::Machine;
use gnet_core::Result;
use gnet_core::report::json;

/// One line: a process that measured one row, or one arm of a comparison.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Line {
    /// Kind of line: [`Line::ROW`] or [`Line::PAIR`]. A reader passes over kinds that it does not know.
    pub kind: String,
    /// Name of the call that the line belongs to: the time at which it began, and its process.
    pub call: String,
    /// Number of the row within its call, from 0; in a comparison 0 for A and 1 for B.
    pub index: usize,
    /// Number of the process in the order in which they ran, from 0.
    pub order: usize,
    /// Seed of the order in which the processes of a comparison ran; `None` for a row.
    pub seed: Option<u64>,
    /// The program.
    pub gnet: Build,
    /// The machine.
    pub machine: Machine,
    /// The model.
    pub model: Subject,
    /// The row: provider, batch, threads, limits, options of the engine, sizes and ranges of the inputs.
    pub spec: Spec,
    /// The result, with every sample.
    #[serde(with = "whole")]
    #[schemars(with = "whole::Whole")]
    pub run: Run,
}

/// The program that measured.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Build {
    /// Version of gnet.
    pub version: String,
    /// Commit that it was built from, with `-dirty` behind it if the sources differed from that; `None` if it was not built in
    /// a repository of its own.
    pub commit: Option<String>,
    /// `release`, or `debug` for a build whose times are meaningless.
    pub profile: String,
}

impl Build {
    /// Describes this program, which alone knows what `commit` it was built from.
    pub fn this(commit: Option<&str>) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: commit.map(str::to_owned),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" }.to_owned(),
        }
    }
}

impl Line {
    /// The kind of a line that holds a row.
    pub const ROW: &'static str = "row";

    /// The kind of a line that holds a process of a comparison in pairs.
    pub const PAIR: &'static str = "pair";

    /// Returns the line as text, without a newline.
    pub(super) fn text(&self) -> Result<String> {
        json::line(self)
    }
}

/// A row with its samples, which [`Run`] itself leaves out of documents.
mod whole {
    use std::borrow::Cow;

    use schemars::JsonSchema;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Run;

    #[derive(JsonSchema, Serialize, Deserialize)]
    pub struct Whole<'a> {
        #[serde(flatten)]
        run: Cow<'a, Run>,
        /// Time of each run of the steady state in nanoseconds, in their order.
        samples_ns: Cow<'a, [u64]>,
    }

    pub fn serialize<S: Serializer>(run: &Run, to: S) -> Result<S::Ok, S::Error> {
        Whole { run: Cow::Borrowed(run), samples_ns: Cow::Borrowed(&run.samples_ns) }.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Run, D::Error> {
        let whole = Whole::deserialize(from)?;
        Ok(Run { samples_ns: whole.samples_ns.into_owned(), ..whole.run.into_owned() })
    }
}
