//! Modules as frames around their boxes: a tree of clusters, each of which can be laid out as one box of its parent.

use std::collections::HashMap;

use super::scene::{Kind, Scene};
use super::{acyclic, path};

/// The frames around the boxes of a scene. Number 0 is the picture itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// All frames, each after the one that encloses it.
    pub frames: Vec<Frame>,
    /// Innermost frame of each box.
    pub of: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Full path of the module; empty for the picture.
    pub module: String,
    /// Index of the enclosing frame; 0 for the picture itself.
    pub parent: usize,
}

const DEEPEST: usize = 3;

/// Minimum number of boxes for a module to get a frame, at the outermost level and within another frame.
const LEAST: [usize; 2] = [2, 3];

impl Frames {
    /// Determines the frames of a scene.
    ///
    /// A module gets no frame if it holds too few boxes, if it holds all of them, or if data leaves it and comes back:
    /// it could then not be one box of the graph around it.
    pub fn new(scene: &Scene) -> Self {
        let mut trails: Vec<Vec<usize>> = Vec::with_capacity(scene.items.len());
        let mut modules: Vec<&str> = vec![""];
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        for item in &scene.items {
            let named = matches!(item.kind, Kind::Layer | Kind::Module) && !item.name.is_empty();
            let mut around = if named { path::around(&item.name) } else { Vec::new() };
            if item.kind == Kind::Module {
                around = path::modules(&item.name);
                around.pop();
            }
            let number = |module| {
                *numbers.entry(module).or_insert_with(|| {
                    modules.push(module);
                    modules.len() - 1
                })
            };
            trails.push(around.into_iter().take(DEEPEST + 8).map(number).collect());
        }
        prune(&mut trails, modules.len(), scene);
        while dissolve_cycles(&mut trails, modules.len(), scene) {}
        numbered(&trails, &modules)
    }
}

/// Removes modules from the trails that hold too few boxes, all boxes, or the same boxes as the module within.
fn prune(trails: &mut [Vec<usize>], modules: usize, scene: &Scene) {
    let named = scene.items.iter().filter(|item| matches!(item.kind, Kind::Layer | Kind::Module)).count();
    let mut boxes = vec![0; modules];
    trails.iter().flatten().for_each(|module| boxes[*module] += 1);
    for trail in trails {
        trail.retain(|module| boxes[*module] >= LEAST[0] && boxes[*module] < named);
        // Of modules with the same boxes, the inner one says more.
        let whole: Vec<usize> = trail.clone();
        let mut at = 0;
        trail.retain(|module| {
            at += 1;
            whole.get(at).is_none_or(|inner| boxes[*inner] < boxes[*module])
        });
        let mut depth = 0;
        trail.retain(|module| {
            let kept = depth < DEEPEST && (depth == 0 || boxes[*module] >= LEAST[1]);
            depth += usize::from(kept);
            kept
        });
    }
}

/// Removes every module from the trails that lies on a cycle at its level. Returns `true` if there was one.
fn dissolve_cycles(trails: &mut [Vec<usize>], modules: usize, scene: &Scene) -> bool {
    // Vertices are the modules, followed by the boxes.
    let mut edges = Vec::new();
    for wire in &scene.wires {
        for to in &wire.to {
            let (a, b) = (&trails[wire.from], &trails[*to]);
            let shared = a.iter().zip(b).take_while(|(a, b)| a == b).count();
            let end = |trail: &[usize], item: usize| trail.get(shared).copied().unwrap_or(modules + item);
            edges.push((end(a, wire.from), end(b, *to)));
        }
    }
    let on_cycle = acyclic::on_cycle(modules + scene.items.len(), &edges);
    trails.iter_mut().for_each(|trail| trail.retain(|module| !on_cycle[*module]));
    on_cycle[..modules].contains(&true)
}

fn numbered(trails: &[Vec<usize>], modules: &[&str]) -> Frames {
    let mut frames = vec![Frame { module: String::new(), parent: 0 }];
    let mut numbers: HashMap<usize, usize> = HashMap::new();
    let mut of = Vec::with_capacity(trails.len());
    for trail in trails {
        let mut parent = 0;
        for module in trail {
            parent = *numbers.entry(*module).or_insert_with(|| {
                frames.push(Frame { module: modules[*module].to_owned(), parent });
                frames.len() - 1
            });
        }
        of.push(parent);
    }
    Frames { frames, of }
}

#[cfg(test)]
mod tests {
    use super::super::facts::Facts;
    use super::super::scene::{Item, Wire};
    use super::*;

    fn scene(names: &[&str], edges: &[(usize, usize)]) -> Scene {
        let item = |(i, name): (usize, &&str)| Item {
            kind: Kind::Layer,
            heading: "Conv".into(),
            name: (*name).into(),
            shape: None,
            facts: Facts::default(),
            strip: vec![],
            nodes: vec![i],
        };
        Scene {
            items: names.iter().enumerate().map(item).collect(),
            wires: edges.iter().map(|(from, to)| Wire { label: "v".into(), from: *from, to: vec![*to] }).collect(),
        }
    }

    fn frames(names: &[&str], edges: &[(usize, usize)]) -> Vec<String> {
        let Frames { frames, of } = Frames::new(&scene(names, edges));
        of.iter().map(|frame| frames[*frame].module.clone()).collect()
    }

    #[test]
    fn a_module_of_two_boxes_has_a_frame_and_one_of_one_has_none() {
        let names = ["stem/Conv", "a.x.conv/Conv", "a.y/Conv", "b/Conv"];
        assert_eq!(frames(&names, &[(0, 1), (1, 2), (2, 3)]), ["", "a", "a", ""]);
    }

    #[test]
    fn a_module_that_is_left_and_entered_again_has_none() {
        let names = ["a.x/Conv", "b.x/Conv", "a.y/Conv", "b.y/Conv", "c.x/Conv", "c.y/Conv"];
        assert_eq!(frames(&names, &[(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]), ["", "", "", "", "c", "c"]);
    }

    #[test]
    fn frames_nest_and_a_shared_root_is_none() {
        let names = ["/m/l/b1/c1/Conv", "/m/l/b1/c2/Conv", "/m/l/b1/c3/Conv", "/m/l/b2/c1/Conv", "/m/fc/Gemm"];
        let edges = [(0, 1), (1, 2), (2, 3), (3, 4)];
        assert_eq!(frames(&names, &edges), ["m/l/b1", "m/l/b1", "m/l/b1", "m/l", ""]);
        let Frames { frames, .. } = Frames::new(&scene(&names, &edges));
        assert_eq!(frames.iter().map(|f| f.parent).collect::<Vec<_>>(), [0, 0, 1]);
    }

    #[test]
    fn names_of_any_depth_give_few_frames() {
        let deep = format!("{}x/Conv", "a.".repeat(5000));
        let deeper = format!("{}y/Conv", "a.".repeat(5000));
        assert_eq!(frames(&[&deep, &deeper, "b/Conv"], &[(0, 1), (1, 2)])[2], "");
    }
}
