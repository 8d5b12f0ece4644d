//! Index arithmetic: the correspondence between elements of tensors.

/// Returns the number of elements of a shape; `None` beyond `usize`.
pub(super) fn count(shape: &[usize]) -> Option<usize> {
    // A zero anywhere makes an empty tensor, whatever the other sizes.
    match shape.contains(&0) {
        true => Some(0),
        false => shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)),
    }
}

/// Iterates over every position of a shape in row-major order, as coordinates.
pub(super) fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let total = count(shape).unwrap_or(0);
    let shape = shape.to_vec();
    (0..total).map(move |flat| unravel(flat, &shape))
}

pub(super) fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for (coordinate, size) in position.iter_mut().zip(shape).rev() {
        (*coordinate, flat) = (flat % size, flat / size);
    }
    position
}

pub(super) fn ravel(position: &[usize], shape: &[usize]) -> usize {
    position.iter().zip(shape).fold(0, |flat, (coordinate, size)| flat * size + coordinate)
}

/// Returns the shape that all `shapes` broadcast to (numpy's rule, which is also ONNX's); `None` if they do not.
pub(super) fn broadcast<'a>(shapes: impl IntoIterator<Item = &'a [usize]>) -> Option<Vec<usize>> {
    let mut result: Vec<usize> = Vec::new();
    for shape in shapes {
        let rank = result.len().max(shape.len());
        let padded = |s: &[usize]| [vec![1; rank - s.len()], s.to_vec()].concat();
        let pairs = padded(&result).into_iter().zip(padded(shape));
        let side = |(a, b)| match (a, b) {
            (1, size) | (size, 1) => Some(size),
            _ => (a == b).then_some(a),
        };
        result = pairs.map(side).collect::<Option<_>>()?;
    }
    Some(result)
}

/// Returns the index in a tensor of `shape` of the element at `position` of the broadcast shape.
pub(super) fn broadcast_index(position: &[usize], shape: &[usize]) -> usize {
    let last = &position[position.len() - shape.len()..];
    last.iter().zip(shape).fold(0, |flat, (coordinate, size)| flat * size + if *size == 1 { 0 } else { *coordinate })
}

/// Splits a shape at an axis: the number of elements before it, its length, and the number after it.
pub(super) fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    let product = |part: &[usize]| count(part).unwrap_or(0);
    (product(&shape[..axis]), shape[axis], product(&shape[axis + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_run_row_by_row() {
        let all: Vec<_> = positions(&[2, 3]).collect();
        assert_eq!(all[..4], [[0, 0], [0, 1], [0, 2], [1, 0]]);
        assert!(all.iter().enumerate().all(|(i, position)| ravel(position, &[2, 3]) == i));
        assert_eq!((positions(&[]).count(), positions(&[2, 0]).count()), (1, 0));
        assert_eq!((count(&[usize::MAX, 2]), count(&[usize::MAX, 2, 0])), (None, Some(0)));
    }

    #[test]
    fn shapes_broadcast_from_the_last_axis() {
        let of = |a: &[usize], b: &[usize]| broadcast([a, b]);
        assert_eq!(of(&[2, 1, 4], &[3, 1]), Some(vec![2, 3, 4]));
        assert_eq!((of(&[2], &[3]), of(&[0], &[1]), of(&[], &[2])), (None, Some(vec![0]), Some(vec![2])));
        assert_eq!((broadcast_index(&[1, 2, 3], &[3, 1]), broadcast_index(&[1, 2], &[])), (2, 0));
    }
}
