//! The order of imports: between rooms, as the code map says, and between crates, as each Cargo.toml says.

use std::collections::{BTreeMap, BTreeSet};

use super::leads::{Leads, Room};
use super::page::{Row, Section, sections};
use super::source::Crate;
use super::{crates, holds, root, shown, text};

/// Rooms that every room may know; the page does not list them.
const EVERYWHERE: [&str; 2] = ["words", "error"];

/// The imports of each room, with one place of each.
type Edges = BTreeMap<Room, BTreeMap<Room, String>>;

/// The edges between rooms, and the paths that lead to no room.
fn edges(all: &[Crate]) -> (Edges, Vec<String>) {
    let (mut edges, mut lost) = (Edges::new(), Vec::new());
    let leads = Leads::new(all);
    for own in all {
        for (name, module) in own.inhabitants() {
            for path in &module.paths {
                let place = format!("{}:{}", shown(&module.file), path.line);
                let from = (own.name.clone(), name.to_owned());
                match leads.room(path) {
                    Ok(Some(to)) if to != from => _ = edges.entry(from).or_default().entry(to).or_insert(place),
                    Ok(_) => {}
                    Err(whole) => lost.push(format!("{place}: {whole} leads to no room")),
                }
            }
        }
    }
    (edges, lost)
}

/// Lists where the page and the sources differ.
fn faults(page: &[Section], all: &[Crate]) -> Vec<String> {
    let (edges, mut faults) = edges(all);
    let rows: Vec<(Room, &Row)> = page
        .iter()
        .flat_map(|section| {
            section.rooms.iter().map(|row| ((section.package.replace('-', "_"), row.room.clone()), row))
        })
        .collect();
    for own in all {
        let rooms: BTreeSet<&str> = own.rooms().map(|module| &*module.place[0]).collect();
        let named: Vec<&str> = rows.iter().filter(|(room, _)| room.0 == own.name).map(|(room, _)| &*room.1).collect();
        faults.extend(
            rooms
                .iter()
                .filter(|room| !named.contains(room))
                .map(|room| format!("`{room}` of {} has no row", own.name)),
        );
        faults.extend(
            named
                .iter()
                .filter(|room| !rooms.contains(*room))
                .map(|room| format!("`{room}` has a row and is no room of {}", own.name)),
        );
    }
    let none = BTreeMap::new();
    for (at, (from, row)) in rows.iter().enumerate() {
        let imports = edges.get(from).unwrap_or(&none);
        for (to, place) in imports {
            if !rows[..at].iter().any(|(above, _)| above == to) {
                faults.push(format!("{place}: `{}` imports `{}`, which does not stand above it", from.1, to.1));
            }
            let unlisted = row.knows.as_ref().is_some_and(|knows| !knows.contains(&to.1));
            if unlisted && !EVERYWHERE.contains(&&*to.1) {
                faults.push(format!("{place}: `{}` imports `{}`, and its row does not say so", from.1, to.1));
            }
        }
        let idle = row.knows.iter().flatten().filter(|known| !imports.keys().any(|to| to.1 == **known));
        faults.extend(idle.map(|known| format!("the row of `{}` names `{known}`, which it never imports", from.1)));
    }
    faults
}

/// The keys of the tables of dependencies of a Cargo.toml, development and build dependencies among them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let (mut found, mut inside) = (BTreeSet::new(), false);
    for line in manifest.lines().map(str::trim) {
        if let Some(table) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (before, last) = table.rsplit_once('.').unwrap_or(("", table));
            // [dependencies.name] is a dependency by itself.
            found.extend(before.ends_with("dependencies").then(|| last.to_owned()));
            inside = last.ends_with("dependencies") && !table.starts_with("workspace");
        } else if let (true, Some((name, _))) = (inside && !line.starts_with('#'), line.split_once(['=', '.'])) {
            found.insert(name.trim().trim_matches('"').to_owned());
        }
    }
    found
}

/// Lists the forbidden dependencies of the crates: one of ours that is not above, and those that the page keeps out of
/// a crate.
fn walls(packages: &[(&str, String)]) -> Vec<String> {
    const OUTSIDE: [(&str, &[&str]); 2] = [("gnet-core", &["burn", "tract", "ort"]), ("gnet-engine", &["burn"])];
    let mut faults = Vec::new();
    for (at, (package, manifest)) in packages.iter().enumerate() {
        for dependency in dependencies(manifest) {
            let above = packages[..at].iter().any(|(above, _)| *above == dependency);
            if packages.iter().any(|(ours, _)| *ours == dependency) && !above {
                faults.push(format!("{package} depends on {dependency}, which does not stand above it"));
            }
            let keeps = OUTSIDE.iter().filter(|(its, _)| its == package).flat_map(|(_, names)| *names);
            let of = |name: &&&str| dependency == **name || dependency.starts_with(&format!("{name}-"));
            faults.extend(keeps.filter(of).map(|_| format!("{package} depends on {dependency}")));
        }
    }
    faults
}

#[test]
fn the_code_map_says_who_imports_whom() {
    let page = sections(&text());
    holds(&faults(&page, &crates(&page)));
}

#[test]
fn a_crate_depends_on_those_above_it_alone() {
    let page = sections(&text());
    let mut folders: Vec<String> = page.iter().map(|section| section.folder.clone()).collect();
    let manifest = |section: &Section| {
        // The root package's sources lie in a folder of its own.
        let folder = if section.folder == "src" { root() } else { root().join(&section.folder) };
        std::fs::read_to_string(folder.join("Cargo.toml")).unwrap()
    };
    let packages: Vec<_> = page.iter().map(|section| (&*section.package, manifest(section))).collect();
    for (package, manifest) in &packages {
        assert!(manifest.contains(&format!("name = \"{package}\"")), "{package}");
    }
    holds(&walls(&packages));
    folders.retain(|folder| folder != "src");
    let mut found: Vec<String> = std::fs::read_dir(root().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| shown(&path))
        .collect();
    found.sort();
    folders.sort();
    assert_eq!(folders, found, "the crates of the code map and those in src");
}

#[test]
fn a_false_row_is_found() {
    let page = text();
    let all = crates(&sections(&page));
    let before = faults(&sections(&page), &all);
    let row = |room: &str| page.lines().find(|line| line.starts_with(&format!("| `{room}` |"))).unwrap();
    let (graph, cost) = (row("graph"), row("cost"));
    let found = |page: String| {
        let found = faults(&sections(&page), &all).into_iter().filter(|fault| !before.contains(fault));
        found.collect::<Vec<_>>().join("\n")
    };
    let with = |from: &str, to: &str| found(page.replacen(from, to, 1));
    assert!(with(graph, "").contains("`graph` of gnet_core has no row"));
    let more = with(graph, &format!("{graph}\n| `attic` | old things | nothing |"));
    assert_eq!(more, "`attic` has a row and is no room of gnet_core");
    let idle = with(cost, &cost.replace("`graph`", "`graph`, `bench`"));
    assert_eq!(idle, "the row of `cost` names `bench`, which it never imports");
    let silent = with(cost, &cost.replace("`graph`", "`words`"));
    assert!(silent.contains("`cost` imports `graph`, and its row does not say so"), "{silent}");
    let above = found(page.replacen(cost, "", 1).replacen(graph, &format!("{cost}\n{graph}"), 1));
    assert!(above.contains("`cost` imports `graph`, which does not stand above it"), "{above}");
}

#[test]
fn a_dependency_that_must_not_be_is_found() {
    let core = "[package]\nname = \"gnet-core\"\n[dependencies]\nprost = \"0.14\"\n".to_owned();
    let engine = "[dependencies]\ngnet-core = { path = \"../core\" }\n".to_owned();
    let with = |more: &str| walls(&[("gnet-core", format!("{core}{more}")), ("gnet-engine", engine.clone())]);
    assert_eq!(with(""), [""; 0]);
    let ours = ["gnet-core depends on gnet-engine, which does not stand above it"];
    assert_eq!(with("gnet-engine.workspace = true\n"), ours);
    assert_eq!(with("[dev-dependencies]\ngnet-engine = { path = \"../engine\" }\n"), ours);
    assert_eq!(with("[target.'cfg(unix)'.dependencies.gnet-engine]\npath = \"../engine\"\n"), ours);
    assert_eq!(with("tract-onnx = \"0.23\"\n"), ["gnet-core depends on tract-onnx"]);
    assert_eq!(with("[features]\ngnet-engine = []\n"), [""; 0]);
}
