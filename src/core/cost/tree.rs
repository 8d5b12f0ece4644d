//! Layers summed up by module: to a depth of the module tree, or as a tree.

use crate::words::counted;
use std::collections::HashMap;

use super::Layer;
use super::analysis::Row;

/// Maximum level: deeper modules are shown at this one, so that a name with thousands of parts costs no more than
/// others.
const DEEPEST: usize = 32;

impl Row {
    /// Adds the counts of another one, which runs after it. Unknown counts are excluded: the sum is then a lower bound, and
    /// `uncounted` says so.
    fn absorb(&mut self, other: &Self) {
        let add = |a: &mut Option<u64>, b: Option<u64>| *a = a.map_or(b, |a| Some(a.saturating_add(b.unwrap_or(0))));
        add(&mut self.params, other.params);
        add(&mut self.weights, other.weights);
        add(&mut self.macs, other.macs);
        add(&mut self.flops, other.flops);
        add(&mut self.batch_flops, other.batch_flops);
        add(&mut self.read_bytes, other.read_bytes);
        add(&mut self.written_bytes, other.written_bytes);
        self.live_bytes = self.live_bytes.max(other.live_bytes);
        self.uncounted += other.uncounted;
        self.output_shape.clone_from(&other.output_shape);
        self.set_intensity();
    }

    /// Turns it into a module of `nodes` nodes.
    fn rename(&mut self, module: &str, nodes: usize) {
        self.name = module.to_owned();
        if nodes > 1 {
            self.op = match self.uncounted {
                0 => counted(nodes, "node"),
                uncounted => format!("{}, {uncounted} uncounted", counted(nodes, "node")),
            };
        }
    }
}

/// Sums up layers whose module paths share their first `depth` parts, in the order of first appearance.
///
/// A name is a path and, after its last slash, an operation. The parts of the path are separated by slashes, as
/// PyTorch's and TensorFlow's exporters write them, or if it has none by dots, as gnet does: at depth 1
/// `inception3a.b1x1.conv/Conv` belongs to `inception3a`, and `/layer1/layer1.0/conv1/Conv` to `layer1`. A group has
/// the output shape of its last layer.
pub fn group(layers: &[Layer], depth: usize) -> Vec<Layer> {
    let rows: Vec<Row> = layers.iter().map(Row::from).collect();
    modules(&rows, depth).into_iter().map(Layer::from).collect()
}

/// Does the same as [`group`] for the rows of an analysis.
pub fn modules(rows: &[Row], depth: usize) -> Vec<Row> {
    let mut groups: Vec<(Row, usize)> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    for row in rows {
        let name = module(&row.name, depth);
        match index.get(name) {
            Some(at) => {
                groups[*at].0.absorb(row);
                groups[*at].1 += 1;
            }
            None => {
                index.insert(name, groups.len());
                groups.push((row.clone(), 1));
            }
        }
    }
    let mut named: Vec<_> = index.into_iter().collect();
    named.sort_unstable_by_key(|(_, at)| *at);
    let finish = |((mut group, nodes), (name, _)): ((Row, usize), (&str, usize))| {
        group.rename(name, nodes);
        group
    };
    groups.into_iter().zip(named).map(finish).collect()
}

/// Returns the module at a depth that the node of this name belongs to, as [`group`] sees it.
#[doc(hidden)]
pub fn module(name: &str, depth: usize) -> &str {
    prefix(path(name), depth)
}

/// Returns the modules as a tree, each before those inside it, with its level in [`Row::depth`] and the sums of all its
/// nodes. Levels from `depth` on are summed up in their parents.
pub fn tree(rows: &[Row], depth: Option<usize>) -> Vec<Row> {
    let levels = depth.unwrap_or(DEEPEST).clamp(1, DEEPEST);
    let mut branches: Vec<(Row, usize, Vec<usize>)> = Vec::new();
    let mut index: HashMap<&str, usize> = HashMap::new();
    let mut roots = Vec::new();
    for row in rows {
        let path = path(&row.name);
        let mut parent: Option<usize> = None;
        for level in 1..=levels {
            let name = prefix(path, level);
            let at = match index.get(name) {
                Some(at) => {
                    branches[*at].0.absorb(row);
                    branches[*at].1 += 1;
                    *at
                }
                None => {
                    let at = branches.len();
                    index.insert(name, at);
                    let mut branch = Row { depth: Some(level - 1), ..row.clone() };
                    branch.rename(name, 1);
                    branches.push((branch, 1, Vec::new()));
                    parent.map_or(&mut roots, |parent| &mut branches[parent].2).push(at);
                    at
                }
            };
            parent = Some(at);
            if name.len() == path.len() {
                break;
            }
        }
    }
    roots.reverse();
    let mut out = Vec::with_capacity(branches.len());
    while let Some(at) = roots.pop() {
        let (mut row, nodes) = (branches[at].0.clone(), branches[at].1);
        let name = row.name.clone();
        row.rename(&name, nodes);
        out.push(row);
        roots.extend(branches[at].2.iter().rev());
    }
    out
}

pub(super) fn last_part(module: &str) -> &str {
    let separator = separator(module);
    module.rsplit(separator).next().unwrap_or(module)
}

/// Returns a name without its operation.
fn path(name: &str) -> &str {
    let name = name.trim_matches('/');
    name.rsplit_once('/').map_or(name, |(path, _)| path).trim_end_matches('/')
}

fn separator(path: &str) -> char {
    if path.contains('/') { '/' } else { '.' }
}

fn prefix(path: &str, depth: usize) -> &str {
    let end = path.match_indices(separator(path)).nth(depth.max(1) - 1).map_or(path.len(), |(at, _)| at);
    &path[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, params: u64) -> Layer {
        Layer { name: name.into(), op: "Conv".into(), output_shape: None, params, weights: params, macs: 2 * params }
    }

    #[test]
    fn groups_sum_to_the_whole_at_any_depth() {
        let layers = [layer("a.b.c/Conv", 1), layer("a.b/Relu", 2), layer("a.d/Conv", 4), layer("e/Conv", 8)];
        for (depth, names) in [(1, vec!["a", "e"]), (2, vec!["a.b", "a.d", "e"]), (3, vec!["a.b.c", "a.b", "a.d", "e"])]
        {
            let groups = group(&layers, depth);
            assert_eq!(groups.iter().map(|g| g.name.as_str()).collect::<Vec<_>>(), names);
            assert_eq!(groups.iter().map(|g| g.macs).sum::<u64>(), 30);
        }
        let groups = group(&layers, 1);
        assert_eq!((groups[0].op.as_str(), groups[0].params, groups[1].op.as_str()), ("3 nodes", 7, "Conv"));
    }

    #[test]
    fn names_of_other_exporters_have_modules_too() {
        for (name, parts) in [
            ("/layer1/layer1.0/conv1/Conv", ["layer1", "layer1/layer1.0", "layer1/layer1.0/conv1"]),
            ("/conv1/Conv", ["conv1"; 3]),
            ("model/conv/Conv2D", ["model", "model/conv", "model/conv"]),
            ("Conv_0", ["Conv_0"; 3]),
            ("/Add", ["Add"; 3]),
            ("a.b", ["a", "a.b", "a.b"]),
            ("", [""; 3]),
        ] {
            assert_eq!([1, 2, 3].map(|depth| prefix(path(name), depth)), parts, "{name}");
        }
        assert_eq!((last_part("a/b.0/c"), last_part("a.b.c"), last_part("a")), ("c", "c", "a"));
    }

    fn row(name: &str, macs: Option<u64>) -> Row {
        Row {
            name: name.into(),
            op: "Conv".into(),
            params: Some(1),
            weights: Some(1),
            macs,
            flops: macs.map(|m| 2 * m),
            live_bytes: 7,
            read_bytes: Some(10),
            written_bytes: Some(10),
            uncounted: usize::from(macs.is_none()),
            batch_flops: macs.map(|m| 2 * m),
            ..Row::default()
        }
    }

    #[test]
    fn a_tree_sums_each_module_before_its_parts() {
        let rows = ["a.b.c/Conv", "e/Conv", "a.b/Relu", "a.d/Conv"].map(|name| row(name, Some(10)));
        let shown = |depth| -> Vec<(usize, String, u64)> {
            let rows = tree(&rows, depth);
            rows.into_iter().map(|r| (r.depth.unwrap(), r.name, r.macs.unwrap())).collect()
        };
        let entry = |level, name: &str, macs| (level, name.to_owned(), macs);
        let whole =
            [entry(0, "a", 30), entry(1, "a.b", 20), entry(2, "a.b.c", 10), entry(1, "a.d", 10), entry(0, "e", 10)];
        assert_eq!(shown(None), whole);
        assert_eq!(shown(Some(1)), [entry(0, "a", 30), entry(0, "e", 10)]);
        assert_eq!(tree(&rows, None)[0].intensity, Some(1.0));
        assert_eq!(tree(&rows, None)[0].op, "3 nodes");
    }

    #[test]
    fn a_sum_that_is_not_whole_says_so() {
        let rows = [row("a.b/Conv", Some(10)), row("a.c/Odd", None), row("a.d/Conv", Some(5))];
        let sums = modules(&rows, 1);
        assert_eq!((sums[0].macs, sums[0].uncounted, sums[0].intensity), (Some(15), 1, None));
        assert_eq!(sums[0].op, "3 nodes, 1 uncounted");
    }

    #[test]
    fn a_name_of_very_many_parts_has_a_bounded_tree() {
        let rows = [row(&"a.".repeat(10_000), Some(1))];
        assert_eq!(tree(&rows, None).len(), DEEPEST);
    }
}
