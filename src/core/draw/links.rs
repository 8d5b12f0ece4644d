//! Wires that would cross most of the picture become links: a small box at the far end that names the value.

use std::collections::HashMap;

use super::acyclic;
use super::scene::{Item, Kind, Scene, Wire};

/// Maximum number of rows that all wires together may cross. Each crossing is a point of the layout, and beyond this
/// limit a picture consists of wires only.
const BUDGET: usize = 200_000;

/// Cuts the longest wires until the rest cross at most [`BUDGET`] rows.
pub fn cut(scene: Scene) -> Scene {
    cut_to(scene, BUDGET)
}

fn cut_to(mut scene: Scene, budget: usize) -> Scene {
    let depth = depths(&scene);
    let span = |wire: &Wire, to: usize| depth[to].saturating_sub(depth[wire.from]);
    let longest = |wire: &Wire| wire.to.iter().map(|to| span(wire, *to)).max().unwrap_or(0);
    let mut spans: Vec<usize> = scene.wires.iter().map(longest).collect();
    if spans.iter().sum::<usize>() <= budget {
        return scene;
    }
    spans.sort_unstable();
    // Greatest length that all wires can be cut to.
    let (mut limit, mut used) = (1, 0);
    for (at, span) in spans.iter().enumerate() {
        let rest = spans.len() - at;
        if used + span * rest > budget {
            limit = ((budget - used) / rest).max(1);
            break;
        }
        used += span;
    }
    let mut links: HashMap<(usize, usize), usize> = HashMap::new();
    let mut added: Vec<Wire> = Vec::new();
    let boxes = scene.items.len();
    for (number, wire) in scene.wires.iter_mut().enumerate() {
        let (near, far): (Vec<_>, Vec<_>) = wire.to.iter().copied().partition(|to| span(wire, *to) <= limit);
        for to in far {
            // Readers in the same row share a link.
            let link = *links.entry((number, depth[to])).or_insert_with(|| {
                let from = &scene.items[wire.from];
                let name = if from.name.is_empty() { wire.label.clone() } else { from.name.clone() };
                added.push(Wire { label: wire.label.clone(), from: scene.items.len(), to: Vec::new() });
                scene.items.push(Item::free(Kind::Link, "from above", name, None));
                scene.items.len() - 1
            });
            added[link - boxes].to.push(to);
        }
        wire.to = near;
    }
    scene.wires.retain(|wire| !wire.to.is_empty());
    scene.wires.extend(added);
    scene
}

/// Computes the length of the longest path to each box.
pub fn depths(scene: &Scene) -> Vec<usize> {
    let mut leaves: Vec<Vec<usize>> = vec![Vec::new(); scene.items.len()];
    scene.wires.iter().enumerate().for_each(|(number, wire)| leaves[wire.from].push(number));
    let readers = |item: usize| leaves[item].iter().flat_map(|number| &scene.wires[*number].to).copied();
    let mut depth = vec![0; scene.items.len()];
    for item in acyclic::order(scene.items.len(), |_| (), readers) {
        readers(item).for_each(|to| depth[to] = depth[to].max(depth[item] + 1));
    }
    depth
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::facts::Facts;

    /// Builds a chain in which the last box also reads every box before it.
    fn dense(count: usize) -> Scene {
        let item = |name: usize| Item {
            kind: Kind::Layer,
            heading: "Add".into(),
            name: name.to_string(),
            shape: None,
            facts: Facts::default(),
            strip: vec![],
            nodes: vec![name],
        };
        let readers = |from: usize| if from + 2 < count { vec![from + 1, count - 1] } else { vec![from + 1] };
        Scene {
            items: (0..count).map(item).collect(),
            wires: (0..count - 1).map(|from| Wire { label: from.to_string(), from, to: readers(from) }).collect(),
        }
    }

    #[test]
    fn a_picture_that_fits_is_left_alone() {
        assert_eq!(cut_to(dense(20), 1000), dense(20));
    }

    #[test]
    fn the_longest_wires_become_links_and_every_reader_keeps_its_values() {
        let scene = cut_to(dense(20), 60);
        let depth = depths(&scene);
        let crossed: usize =
            scene.wires.iter().map(|w| w.to.iter().map(|to| depth[*to] - depth[w.from]).max().unwrap()).sum();
        let links = scene.items.iter().filter(|item| item.kind == Kind::Link).count();
        assert!(links > 0 && links < 18, "{links}");
        // Once laid out, a link is directly above its reader; here it starts at depth 0.
        let drawn: usize = scene.wires.iter().filter(|w| scene.items[w.from].kind != Kind::Link).count();
        assert!(drawn == 19 && crossed > 0);
        let mut values: Vec<&str> =
            scene.wires.iter().filter(|w| w.to.contains(&19)).map(|w| w.label.as_str()).collect();
        values.sort_unstable();
        let mut all: Vec<String> = (0..19).map(|i| i.to_string()).collect();
        all.sort_unstable();
        assert_eq!(values, all);
    }
}
