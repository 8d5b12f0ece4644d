//! No circle of files: in every folder below a room the modules import each other one way. A module and those inside of it are
//! one thought, and may know each other.

use std::collections::BTreeMap;

use super::leads::Leads;
use super::page::sections;
use super::source::Crate;
use super::{crates, holds, shown, text};

/// The modules of one folder: whom each imports, and one place where.
type Edges = BTreeMap<String, BTreeMap<String, String>>;

/// The imports between the modules of each folder of a crate, be they in files below.
fn folders(own: &Crate, leads: &Leads) -> BTreeMap<Vec<String>, Edges> {
    let mut folders = BTreeMap::<Vec<String>, Edges>::new();
    for (_, module) in own.inhabitants() {
        for path in &module.paths {
            let Some((_, target)) = leads.steps(path).pop().filter(|(into, _)| *into == own.name) else { continue };
            let common = module.place.iter().zip(&target.place).take_while(|(a, b)| a == b).count();
            let (Some(from), Some(to)) = (module.place.get(common), target.place.get(common)) else { continue };
            // The order of rooms is the code map's.
            if common > 0 {
                let edges = folders.entry(module.place[..common].to_vec()).or_default();
                let place = || format!("{}:{}", shown(&module.file), path.line);
                edges.entry(from.clone()).or_default().entry(to.clone()).or_insert_with(place);
            }
        }
    }
    folders
}

/// The shortest way along imports from a module back to itself.
fn circle(edges: &Edges, start: &String) -> Option<Vec<String>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = Vec::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way.last().and_then(|last| edges.get(last)).into_iter().flat_map(BTreeMap::keys) {
                let further = [&way[..], std::slice::from_ref(next)].concat();
                if next == start {
                    return Some(further);
                }
                if !seen.contains(next) {
                    seen.push(next.clone());
                    longer.push(further);
                }
            }
        }
        ways = longer;
    }
    None
}

/// Each circle once, with the places of its imports.
fn faults(all: &[Crate]) -> Vec<String> {
    let leads = Leads::new(all);
    let mut faults = Vec::new();
    for own in all {
        for (folder, edges) in folders(own, &leads) {
            let mut met: Vec<String> = Vec::new();
            for module in edges.keys() {
                let Some(circle) = circle(&edges, module).filter(|circle| !circle.iter().any(|it| met.contains(it)))
                else {
                    continue;
                };
                let places: Vec<_> = circle.windows(2).map(|pair| edges[&pair[0]][&pair[1]].as_str()).collect();
                let [folder, way] = [folder.join("::"), circle.join(" -> ")];
                faults.push(format!("{}::{folder}: {way} ({})", own.name, places.join(", ")));
                met.extend(circle);
            }
        }
    }
    faults
}

#[test]
fn files_of_a_room_import_each_other_one_way() {
    holds(&faults(&crates(&sections(&text()))));
}

#[test]
fn a_circle_is_found_through_what_a_module_passes_on() {
    let folder = tempfile::tempdir().unwrap();
    let found = |files: &[(&str, &str)]| {
        for (name, text) in files {
            let file = folder.path().join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        }
        let found = faults(&[Crate::read("house", &[folder.path().join("lib.rs")], &["house"])]);
        found.into_iter().map(|fault| fault.split(" (").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let one_way = [
        ("lib.rs", "pub mod room;\nmod attic;\n"),
        ("attic.rs", "use crate::room::A;\n"),
        ("room/mod.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\n"),
        ("room/a.rs", "use super::b::B;\npub struct A;\n#[cfg(test)]\nmod tests { use crate::room::c::C; }\n"),
        ("room/b.rs", "mod inside;\npub struct B;\nfn f() { super::c::f() }\n"),
        ("room/b/inside.rs", "use super::B;\n"),
        ("room/c.rs", "use super::helper;\npub struct C;\n"),
    ];
    assert_eq!(found(&one_way), [""; 0]);
    assert_eq!(found(&[("room/b.rs", "pub struct B;\nuse super::A;\n")]), ["house::room: a -> b -> a"]);
    let longer = [
        ("room/b.rs", "mod inside;\npub struct B;\n"),
        ("room/b/inside.rs", "fn f() { crate::room::c::f() }\n"),
        ("room/c.rs", "use crate::room::A as Other;\n"),
    ];
    assert_eq!(found(&longer), ["house::room: a -> b -> c -> a"]);
}
