//! The table of operations, written from what the cases lower.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use gnet::onnx::OPSETS;
use gnet::trace::{Lowering, Operation, Standing, operations};

use super::case::Engine;
use super::judge::{Outcome, Refusal};

/// Findings of the cases about one operation.
#[derive(Default)]
struct Seen {
    elements: BTreeSet<&'static str>,
    /// The ONNX operations of each way in which it was lowered, in order, each once.
    ways: BTreeSet<Vec<String>>,
    oldest: Option<i64>,
    /// Cases that it keeps from older opsets, by the first opset that takes them.
    newer: BTreeMap<i64, BTreeSet<String>>,
    cases: usize,
    tract: usize,
    onnx_runtime: usize,
    open: usize,
}

type Key = (&'static str, &'static str);

fn key(operation: &Operation) -> Key {
    (operation.family, operation.name)
}

/// The table as Markdown, or what is wrong between the list of operations and the cases.
pub fn table<'a>(
    outcomes: impl Iterator<Item = &'a Outcome>,
    refusals: impl Iterator<Item = &'a Refusal>,
) -> Result<String, Vec<String>> {
    let mut seen: BTreeMap<Key, Seen> = BTreeMap::new();
    let mut cases = 0;
    for outcome in outcomes {
        cases += 1;
        let mut counted = BTreeSet::new();
        for lowering in &outcome.log {
            let of = seen.entry(key(&lowering.operation)).or_default();
            of.add(outcome, lowering, counted.insert(key(&lowering.operation)));
        }
    }
    let wrong: Vec<String> = operations().filter_map(|operation| lie(operation, seen.get(&key(operation)))).collect();
    if wrong.is_empty() { Ok(render(&seen, cases, refusals)) } else { Err(wrong) }
}

/// Returns the contradiction between the standing of an operation and the cases.
fn lie(operation: &Operation, seen: Option<&Seen>) -> Option<String> {
    let name = format!("{} {}", operation.family, operation.name);
    match (operation.standing, seen) {
        (Standing::Lowered, None) => Some(format!("{name} is called lowered, and no case lowers it")),
        (Standing::Lowered, Some(_)) | (_, None) => None,
        (standing, Some(_)) => Some(format!("{name} is called {standing:?}, and a case lowers it")),
    }
}

impl Seen {
    fn add(&mut self, outcome: &Outcome, lowering: &Lowering, first_in_case: bool) {
        self.elements.extend(lowering.elements);
        let mut way: Vec<String> = Vec::new();
        for node in &lowering.nodes {
            if !way.contains(&node.op_type) {
                way.push(node.op_type.clone());
            }
        }
        self.ways.insert(way);
        if !first_in_case {
            return;
        }
        self.cases += 1;
        self.oldest = Some(self.oldest.map_or(outcome.oldest, |oldest| oldest.min(outcome.oldest)));
        let guilty = format!("operation {} ", lowering.operation.name);
        if outcome.refusal.as_ref().is_some_and(|refusal| refusal.starts_with(&guilty)) {
            self.newer.entry(outcome.oldest).or_default().insert(outcome.case.name.clone());
        }
        self.tract += usize::from(outcome.case.excuse(Engine::Tract).is_none());
        self.onnx_runtime += usize::from(outcome.case.excuse(Engine::OnnxRuntime).is_none());
        self.open += usize::from(!outcome.case.open.is_empty() || !outcome.case.symbols.is_empty());
    }

    /// The ways that do not merely add to another one, such as the sizes of a shape that depends on the batch.
    fn ways(&self) -> String {
        let more_than =
            |way: &Vec<String>, other: &Vec<String>| way != other && other.iter().all(|op| way.contains(op));
        let own = self.ways.iter().filter(|way| !self.ways.iter().any(|other| more_than(way, other)));
        own.map(|way| way.join(", ")).collect::<Vec<_>>().join("; or ")
    }

    fn opset(&self) -> String {
        let mut text = self.oldest.map(|oldest| oldest.to_string()).unwrap_or_default();
        for (opset, cases) in self.newer.iter().filter(|(opset, _)| Some(**opset) != self.oldest) {
            let cases: Vec<_> = cases.iter().map(String::as_str).collect();
            let _ = write!(text, "; {opset}: {}", cases.join(", "));
        }
        text
    }
}

fn share(part: usize, whole: usize) -> String {
    match part {
        0 => "no".to_owned(),
        _ if part == whole => "yes".to_owned(),
        _ => format!("{part} of {whole}"),
    }
}

fn render<'a>(seen: &BTreeMap<Key, Seen>, cases: usize, refusals: impl Iterator<Item = &'a Refusal>) -> String {
    let count = |wanted: fn(&Standing) -> bool| operations().filter(|operation| wanted(&operation.standing)).count();
    let mut text = String::from(HEAD);
    let _ = writeln!(
        text,
        "Of Burn's {} operations {} are lowered, {} are missing, {} never reach a trace, and {} are no part of a forward. \
         {cases} cases test them.\n",
        operations().count(),
        count(|standing| *standing == Standing::Lowered),
        count(|standing| matches!(standing, Standing::Missing(_))),
        count(|standing| matches!(standing, Standing::Replaced(_))),
        count(|standing| matches!(standing, Standing::Outside(_))),
    );
    let _ = writeln!(text, "## Lowered\n");
    let _ = writeln!(
        text,
        "| operation | elements | ONNX operations | from opset | cases | tract | ONNX Runtime | random shapes |"
    );
    let _ = writeln!(text, "| --- | --- | --- | --- | --- | --- | --- | --- |");
    for operation in operations() {
        let Some(seen) = seen.get(&key(operation)) else { continue };
        let elements: Vec<_> = seen.elements.iter().copied().collect();
        let _ = writeln!(
            text,
            "| {} `{}` | {} | {} | {} | {} | {} | {} | {} |",
            operation.family,
            operation.name,
            elements.join(", "),
            seen.ways(),
            seen.opset(),
            seen.cases,
            share(seen.tract, seen.cases),
            share(seen.onnx_runtime, seen.cases),
            share(seen.open, seen.cases),
        );
    }
    let _ =
        writeln!(text, "\n## Refused forms\n\nWhat is lowered otherwise, with the error that an export ends with.\n");
    let _ = writeln!(text, "| forward | error |\n| --- | --- |");
    for (form, error) in refusals {
        // As code, or the brackets of a shape would be links.
        let _ = writeln!(text, "| {form} | `{error}` |");
    }
    for (title, about, reason) in OTHERS {
        let _ = writeln!(text, "\n## {title}\n\n{about}\n");
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for operation in operations() {
            if let Some(reason) = reason(&operation.standing) {
                let name = format!("{} `{}`", operation.family, operation.name);
                by_reason.entry(reason).or_default().push(name.trim().to_owned());
            }
        }
        let _ = writeln!(text, "| operations | reason |\n| --- | --- |");
        for (reason, names) in by_reason {
            let _ = writeln!(text, "| {} | {reason} |", names.join(", "));
        }
    }
    text
}

type Reason = fn(&Standing) -> Option<&'static str>;

/// Operations that are not lowered: a title, its meaning, and the reason if an operation belongs there.
const OTHERS: [(&str, &str, Reason); 3] = [
    (
        "Missing",
        "An export that needs one of these ends with an error that names it, its module and its shapes.",
        |standing| {
            if let Standing::Missing(reason) = standing { Some(*reason) } else { None }
        },
    ),
    ("Never traced", "Burn has these, but what is traced are other operations, which are lowered.", |standing| {
        if let Standing::Replaced(reason) = standing { Some(*reason) } else { None }
    }),
    ("Outside", "No part of a forward that a file could hold.", |standing| {
        if let Standing::Outside(reason) = standing { Some(*reason) } else { None }
    }),
];

const HEAD: &str = "\
<!-- Written by `GNET_BLESS=1 cargo test --release --test networks lowering`. The same test fails when this page is out of date. -->

# What becomes of Burn's operations

Every operation of Burn 0.22's intermediate representation, which is what a forward leaves on the capture device, and the
ONNX operations that an export writes for it. A row stands here because a case of `tests/lowering` exported the operation and
compared the result with Burn's own: in tract when the tests run, and in ONNX Runtime, after ONNX's checker and strict shape
inference, where the oracle's environment is there, as in CI. Each case runs at two batches that were not traced, in the
oldest opset that takes it, the default one and the newest; most run again with random lengths of axes. *Elements* are the kinds
that the cases cover where Burn has the operation for several. *ONNX operations* are those before any pass; where a size
depends on the batch, the ones that compute it come before them.

";

/// The file of the table, beside the code that it describes.
pub const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/burn/trace/operations.md");

/// Checks that the file says what `OPSETS` and the cases say.
pub fn compare(text: &str) -> Result<(), String> {
    let stated = std::fs::read_to_string(FILE).unwrap_or_default();
    let differs = |(a, b): &(&str, &str)| a != b;
    if stated == text {
        return Ok(());
    }
    let first = stated.lines().zip(text.lines()).find(differs).unwrap_or(("another number of lines", ""));
    Err(format!(
        "src/burn/trace/operations.md is stale (opsets {OPSETS:?}); GNET_BLESS=1 writes it.\n- {}\n+ {}",
        first.0, first.1
    ))
}
