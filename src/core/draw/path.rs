//! Module paths inside the names of nodes.
//!
//! There are three common spellings: `inception3a.b1x1.conv/Conv` (gnet), `/layer1/layer1.0/conv1/Conv` (PyTorch) and
//! `block/conv/Conv2D` (TensorFlow, Caffe). What follows the last slash is the node itself. Where a slash separates
//! modules, dots belong to their names; where the only slash is the one before the operation, dots separate modules, as
//! in [`crate::cost::group`].

/// Returns the modules of a name, outermost first, each as the prefix of the name that ends with it.
///
/// `a.b/Conv` yields `a` and `a.b`. A name without a slash consists entirely of modules, as in [`crate::cost::group`].
pub fn modules(name: &str) -> Vec<&str> {
    let name = name.trim_start_matches('/');
    let (path, separator) = match name.rsplit_once('/') {
        None => (name, '.'),
        Some((path, _)) if path.contains('/') => (path, '/'),
        Some((path, _)) => (path, '.'),
    };
    let inner = path.match_indices(separator).map(|(at, _)| at).filter(|at| *at > 0);
    inner.chain([path.len()]).map(|end| &path[..end]).filter(|part| !part.ends_with(separator)).collect()
}

/// Returns the modules that can be a frame around a node. The last part of a name without a slash is the node itself.
pub fn around(name: &str) -> Vec<&str> {
    let mut modules = modules(name);
    if !name.trim_start_matches('/').contains('/') {
        modules.pop();
    }
    modules
}

/// Returns the module that a node belongs to at `depth`, counted from 1; the whole path if that is shorter.
pub fn module(name: &str, depth: usize) -> &str {
    let modules = modules(name);
    modules.get(depth.max(1) - 1).or(modules.last()).copied().unwrap_or(name)
}

/// Returns the rest of `name` inside the frame `outer`, without the operation after the last slash; empty for the
/// frame's own operations.
pub fn inside<'a>(name: &'a str, outer: &str) -> &'a str {
    let path = modules(name).last().copied().unwrap_or(name);
    path.strip_prefix(outer).unwrap_or(path).trim_start_matches(['.', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::{self, Layer};

    #[test]
    fn each_spelling_of_a_path_is_understood() {
        assert_eq!(modules("a.b.conv/Conv"), ["a", "a.b", "a.b.conv"]);
        assert_eq!(modules("/layer1/layer1.0/conv1/Conv"), ["layer1", "layer1/layer1.0", "layer1/layer1.0/conv1"]);
        assert_eq!(modules("/relu/Relu"), ["relu"]);
        assert_eq!(modules("fire2/squeeze_1"), ["fire2"]);
        assert_eq!((modules("a.b"), around("a.b")), (vec!["a", "a.b"], vec!["a"]));
        assert_eq!((modules("123"), around("123")), (vec!["123"], vec![]));
    }

    #[test]
    fn odd_names_have_some_path_and_no_panic() {
        for name in ["", "/", "//", ".", "a//b", "...x/y", "a./b", "/a", "ü.é/ß", "a/b/", ".a.b"] {
            for depth in 0..4 {
                module(name, depth);
                inside(name, "a");
            }
        }
        assert_eq!(module("", 1), "");
    }

    #[test]
    fn a_depth_means_what_it_means_in_a_summary() {
        for name in
            ["inception3a.b1x1.conv/Conv", "conv1/Relu", "a.b", "x", "/layer1/layer1.0/conv1/Conv", "/relu/Relu"]
        {
            for depth in 1..4 {
                let layer = |op: &str| Layer {
                    name: name.into(),
                    op: op.into(),
                    output_shape: None,
                    params: 0,
                    weights: 0,
                    macs: 0,
                };
                let groups = cost::group(&[layer("A"), layer("B")], depth);
                assert_eq!(groups[0].name, module(name, depth), "{name} at {depth}");
            }
        }
    }

    #[test]
    fn a_name_is_short_inside_its_frame() {
        assert_eq!(inside("inception3a.b1x1.conv/Conv", "inception3a"), "b1x1.conv");
        assert_eq!(inside("inception3a/Concat", "inception3a"), "");
        assert_eq!(inside("/layer1/layer1.0/conv1/Conv", "layer1/layer1.0"), "conv1");
        assert_eq!(inside("fc/Gemm", ""), "fc");
    }
}
