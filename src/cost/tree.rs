//! Layers summed up by module, to a depth of the module tree.

use super::Layer;

/// Sums layers whose module paths share their first `depth` parts, in the order of their first appearance.
///
/// The parts of a name are separated by dots, its operation by a slash: at depth 1 `inception3a.b1x1.conv/Conv` belongs
/// to `inception3a`. A group has the output shape of its last layer.
pub fn group(layers: &[Layer], depth: usize) -> Vec<Layer> {
    let mut groups: Vec<(Layer, usize)> = Vec::new();
    for layer in layers {
        let name = module(&layer.name, depth);
        match groups.iter_mut().find(|(group, _)| group.name == name) {
            Some((group, count)) => {
                *count += 1;
                group.params += layer.params;
                group.weights += layer.weights;
                group.macs += layer.macs;
                group.output_shape.clone_from(&layer.output_shape);
            }
            None => groups.push((Layer { name: name.to_owned(), ..layer.clone() }, 1)),
        }
    }
    let name_op = |(group, count): (Layer, usize)| match count {
        1 => group,
        _ => Layer { op: format!("{count} nodes"), ..group },
    };
    groups.into_iter().map(name_op).collect()
}

fn module(name: &str, depth: usize) -> &str {
    let path = name.split_once('/').map_or(name, |(path, _)| path);
    let end = path.match_indices('.').nth(depth.max(1) - 1).map_or(path.len(), |(at, _)| at);
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
}
