//! Assignment of operations to modules.
//!
//! The capture device does not record modules, but parameters carry their path. An operation that reads a parameter
//! belongs to the module that owns it; the others are placed by what they read, or by their one reader when that is
//! deeper in the module tree (the pool of an Inception branch reads the block before and feeds its own projection).

use std::collections::HashMap;

use burn::backend::ir::{OperationIr, TensorId};

use super::Trace;

/// Returns, for each operation of a trace, the dotted path of its module; empty for the root.
pub(super) fn scopes(trace: &Trace) -> Vec<String> {
    let operations = &trace.operations;
    let mut owners: Vec<Option<&str>> = operations.iter().map(|op| owner(trace, op)).collect();
    let producers: HashMap<TensorId, usize> =
        operations.iter().enumerate().flat_map(|(i, op)| op.outputs().map(move |t| (t.id, i))).collect();
    let mut readers: HashMap<usize, Vec<usize>> = HashMap::new();
    for (i, op) in operations.iter().enumerate() {
        for producer in op.inputs().filter_map(|t| producers.get(&t.id)) {
            readers.entry(*producer).or_default().push(i);
        }
    }
    let mut scopes: Vec<String> = Vec::with_capacity(operations.len());
    for (i, op) in operations.iter().enumerate() {
        if let Some(owner) = owners[i] {
            scopes.push(owner.to_owned());
            continue;
        }
        // Next to a layer with parameters, such as a convolution, an operation belongs to the module that contains the
        // layer.
        let around = |j: usize| owners[j].map_or_else(|| scopes[j].clone(), |owner| parent(owner).to_owned());
        let makers: Vec<usize> = op.inputs().filter_map(|t| producers.get(&t.id).copied()).collect();
        let layer = same_owner(&owners, &makers);
        let before = match layer {
            Some(layer) => layer.to_owned(),
            None => common(makers.iter().map(|j| around(*j))),
        };
        let after = match readers.get(&i).map(Vec::as_slice) {
            Some([reader]) => owners[*reader].map(parent).unwrap_or_default(),
            _ => "",
        };
        let deeper = depth(after) > depth(&before);
        owners[i] = layer.filter(|_| !deeper);
        scopes.push(if deeper { after.to_owned() } else { before });
    }
    scopes
}

/// Returns the layer that several operands come from: the sum of its product and its bias still belongs to the layer.
fn same_owner<'a>(owners: &[Option<&'a str>], makers: &[usize]) -> Option<&'a str> {
    let [first, rest @ ..] = makers else { return None };
    let owner = owners[*first]?;
    (!rest.is_empty() && rest.iter().all(|j| owners[*j] == Some(owner))).then_some(owner)
}

/// Returns the module whose parameter an operation reads.
fn owner<'a>(trace: &'a Trace, op: &OperationIr) -> Option<&'a str> {
    op.inputs().find_map(|t| trace.names.get(&t.id)).map(|name| parent(name))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('.').map_or("", |(parent, _)| parent)
}

fn depth(path: &str) -> usize {
    path.split('.').filter(|part| !part.is_empty()).count()
}

/// Returns the longest common prefix of all paths.
pub(super) fn common(mut paths: impl Iterator<Item = String>) -> String {
    let first = paths.next().unwrap_or_default();
    let shared = paths.fold(first.split('.').collect::<Vec<_>>(), |shared, path| {
        shared.into_iter().zip(path.split('.')).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    });
    shared.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_share_their_beginning() {
        let common = |paths: &[&str]| common(paths.iter().map(|p| (*p).to_owned()));
        assert_eq!(common(&["a.b.c", "a.b.d", "a.b"]), "a.b");
        assert_eq!(common(&["ab", "a"]), "");
        assert_eq!(common(&[]), "");
        assert_eq!((parent("a.b.weight"), parent("weight"), depth("a.b"), depth("")), ("a.b", "", 2, 0));
    }
}
