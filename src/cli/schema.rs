//! `gnet schema`: the JSON Schemas of the documents that this program writes.

use clap::Args;
use clap::builder::PossibleValuesParser;
use gnet::Result;
use gnet::report::{Column, Report, Table, json};
use schemars::JsonSchema;
use serde::Serialize;

use super::format::{Document, FormatArgs};
use super::output;

#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// The document; without it, the documents are listed.
    #[arg(conflicts_with = "format", value_parser = PossibleValuesParser::new(DOCUMENTS.iter().map(|document| document.name)))]
    name: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

struct Entry {
    name: &'static str,
    command: &'static str,
    schema: fn() -> Result<String>,
}

/// Lists the documents: the name, the record, the command that writes it, with `--format json` or line by line into a file.
macro_rules! documents {
    ($($(#[$if:meta])* $name:literal $record:ty, $command:literal;)+) => {
        $($(#[$if])* impl Document for $record {})+

        const DOCUMENTS: &[Entry] = &[
            $($(#[$if])* Entry { name: $name, command: $command, schema: json::schema::<$record> },)+
        ];
    };
}

documents! {
    #[cfg(feature = "burn")]
    "reproduce" gnet::reproduce::Reproduction, "gnet reproduce";
    #[cfg(feature = "burn")]
    "train" gnet::train::Outcome, "gnet train";
    "eval" super::eval::EvalRecord, "gnet eval";
    "predict" super::predict::Predictions, "gnet predict";
    #[cfg(feature = "burn")]
    "export" gnet::export::ExportRecord, "gnet export";
    "optimize" gnet::passes::OptimizeRecord, "gnet optimize";
    "optimize-list" gnet::passes::PassList, "gnet optimize --list";
    "summary" gnet::cost::Summary, "gnet summary";
    "diff" gnet::diff::Diff, "gnet diff";
    "check" gnet::check::Verdict, "gnet check";
    "gate" gnet::gate::Record, "gnet gate";
    #[cfg(feature = "burn")]
    "compare" gnet::compare::Comparison, "gnet compare";
    #[cfg(feature = "burn")]
    "compare-paper" gnet::compare::PaperTable, "gnet compare --paper";
    "verify" gnet::verify::Verification, "gnet verify";
    "bench" gnet::ab::Held, "gnet bench";
    "bench-save" gnet::bench::log::Line, "gnet bench --save";
    "ab" gnet::ab::Comparison, "gnet ab";
    #[cfg(feature = "ort")]
    "runtime-install" gnet::install::Installation, "gnet runtime install";
    #[cfg(feature = "ort")]
    "runtime-list" gnet::install::Listing, "gnet runtime list";
    #[cfg(feature = "ort")]
    "runtime-remove" gnet::install::Removed, "gnet runtime remove";
    "doctor" gnet::doctor::Diagnosis, "gnet doctor";
    "schema" List, "gnet schema";
}

/// The documents that have a schema.
#[derive(Debug, JsonSchema, Serialize)]
pub struct List {
    /// The documents, in the order of the commands.
    documents: Vec<Row>,
}

/// A document.
#[derive(Debug, JsonSchema, Serialize)]
struct Row {
    /// Name of the document, which `gnet schema` takes.
    name: &'static str,
    /// Command that writes it: with `--format json`, or as the lines of a file.
    command: &'static str,
}

impl Report for List {
    fn tables(&self) -> Vec<Table> {
        let mut table = Table::new("", [Column::text("document"), Column::text("written by")]);
        for row in &self.documents {
            table.row([row.name.into(), row.command.into()]);
        }
        vec![table]
    }
}

pub fn run(args: &SchemaArgs) -> Result<()> {
    let asked = args.name.as_ref().and_then(|name| DOCUMENTS.iter().find(|document| document.name == name));
    match asked {
        Some(document) => output::data(&(document.schema)()?),
        None => {
            let row = |document: &Entry| Row { name: document.name, command: document.command };
            args.format.write(&List { documents: DOCUMENTS.iter().map(row).collect() })
        }
    }
}
