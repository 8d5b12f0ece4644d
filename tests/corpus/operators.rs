//! The table of operators against the definitions in the Python package `onnx`: every operator of its domains has its row, so
//! that one which ONNX gains is noticed.
//!
//! `scripts/oracle` makes the Python environment. Without it these tests say so and pass, unless `GNET_ORACLE=required`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use gnet::operators::{self, Domain};

use crate::python;

/// What both sides say of an operator: the first version of its domain that has it, and whether its result may differ from
/// run to run.
type Rows = BTreeMap<(String, String), (i64, bool)>;

/// Prints domain, name and first version of every operator, and whether its newest definition is not deterministic.
const SCRIPT: &str = "
import onnx.defs as d
since = {}
for s in d.get_all_schemas_with_history():
    since[s.domain, s.name] = min(s.since_version, since.get((s.domain, s.name), s.since_version))
newest = {(s.domain, s.name): s for s in sorted(d.get_all_schemas_with_history(), key=lambda s: s.since_version)}
for key, version in since.items():
    loose = newest[key].node_determinism == d.OpSchema.NodeDeterminism.NonDeterministic
    print(*key, version, int(loose), sep=',')
";

/// What ONNX calls not deterministic beside random numbers and subgraphs: a Dropout in training, and an operator that ONNX
/// defines by a graph with a branch in it.
const LOOSE: [&str; 2] = ["Dropout", "AffineGrid"];

fn defined() -> Option<Rows> {
    let output = Command::new(python::interpreter()?).args(["-c", SCRIPT]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let row = |line: &str| {
        let [domain, name, since, loose] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        ((domain.to_owned(), name.to_owned()), (since.parse().unwrap(), loose == "1"))
    };
    Some(String::from_utf8(output.stdout).unwrap().lines().map(row).collect())
}

/// The rows of what ONNX defines.
fn table() -> Rows {
    let of_onnx = |operator: &&operators::Operator| {
        !operator.of_onnx_runtime && !matches!(operator.domain, Domain::Microsoft | Domain::Nchwc)
    };
    let rows = operators::all().filter(of_onnx).map(|operator| {
        let loose = operator.random || operator.control.is_some() || LOOSE.contains(&operator.name);
        ((operator.domain.name().to_owned(), operator.name.to_owned()), (operator.since, loose))
    });
    rows.collect()
}

fn differences(table: &Rows, defined: &Rows) -> Vec<String> {
    let keys = table.keys().chain(defined.keys()).collect::<BTreeSet<_>>();
    let differing = keys.into_iter().filter(|key| table.get(*key) != defined.get(*key));
    differing.map(|key| format!("{key:?}: {:?} here, {:?} in onnx", table.get(key), defined.get(key))).collect()
}

#[test]
fn every_operator_of_onnx_has_its_row_and_no_other() {
    let Some(defined) = defined() else { return };
    assert!(defined.len() > 200, "{}", defined.len());
    assert_eq!(differences(&table(), &defined), [""; 0]);
}

#[test]
fn a_fault_in_a_row_is_seen() {
    let Some(defined) = defined() else { return };
    let key = |name: &str| (String::new(), name.to_owned());
    type Fault = (&'static str, fn(&mut Rows, (String, String)));
    let faults: [Fault; 4] = [
        ("Conv", |rows, key| rows.get_mut(&key).unwrap().0 += 1),
        ("RandomNormal", |rows, key| rows.get_mut(&key).unwrap().1 = false),
        ("SwiGLU", |rows, key| assert!(rows.remove(&key).is_some())),
        ("Frobnicate", |rows, key| assert!(rows.insert(key, (1, false)).is_none())),
    ];
    for (name, plant) in faults {
        let mut rows = table();
        plant(&mut rows, key(name));
        let found = differences(&rows, &defined);
        assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
    }
}
