//! What is known of an operator stands in its row: no list of operators' names stands elsewhere in the sources, but where
//! names are the point, in the patterns that a pass rewrites and in what a trace is lowered to.

use std::collections::HashSet;

use gnet::operators;

use super::page::sections;
use super::tokens::{Token, tokens};
use super::{crates, holds, shown, text};

/// Rooms in which operators are named on purpose.
const NAMING: [&str; 3] = ["operators", "passes", "trace"];

/// As many alternatives of one pattern, or elements of one array, are a list.
const LIST: usize = 3;

/// Returns the names of operators that stand together, and the line in which they begin: texts with nothing but a comma or a
/// bar between them.
fn lists(source: &str) -> Vec<(usize, Vec<&str>)> {
    let known: HashSet<&str> = operators::all().map(|operator| operator.name).collect();
    let name = |token: &Token<'_>| token.text.starts_with('"') && known.contains(token.text.trim_matches('"'));
    let mut found: Vec<(usize, Vec<&str>)> = Vec::new();
    let all = tokens(source);
    for (at, token) in all.iter().enumerate().filter(|(_, token)| name(token)) {
        let goes_on = at >= 2 && [",", "|"].contains(&all[at - 1].text) && name(&all[at - 2]);
        match found.last_mut().filter(|_| goes_on) {
            Some((_, names)) => names.push(token.text),
            None => found.push((token.line, vec![token.text])),
        }
    }
    found.retain(|(_, names)| names.len() >= LIST);
    found
}

/// Returns a source without the module of its tests, which stands at its end.
fn without_tests(source: &str) -> &str {
    source.split("#[cfg(test)]\nmod tests {").next().unwrap()
}

#[test]
fn no_list_of_operators_stands_beside_the_table() {
    let page = sections(&text());
    let mut faults = Vec::new();
    for of in crates(&page) {
        for (room, module) in of.inhabitants().filter(|(room, _)| !NAMING.contains(room)) {
            let source = std::fs::read_to_string(&module.file).unwrap();
            for (line, names) in lists(without_tests(&source)) {
                faults.push(format!("{}:{line}: {} ({room})", shown(&module.file), names.join(", ")));
            }
        }
    }
    holds(&faults);
}

#[test]
fn a_list_is_seen_in_an_array_and_in_a_pattern() {
    let fault = r#"
        let few = ["Conv", "Gemm"]; // "Conv", "Gemm", "MatMul"
        let all = ["Conv",
            "Gemm", "MatMul"];
        matches!(op, "Exp" | "Log" | "Tanh")
        match op { "Add" => 1, "Sub" => 2, "Mul" => 3 }
        ["one", "two", "three"]
    "#;
    let found: Vec<_> = lists(fault).into_iter().map(|(line, names)| (line, names.len())).collect();
    assert_eq!(found, [(3, 3), (5, 3)]);
}
