//! Constants that differ, and their distance.

use std::collections::{HashMap, HashSet};

use super::level::Level;
use super::print;
use super::{Kind, WeightChange};
use crate::graph::{Graph, SparseTensor, Tensor, ValueId};
use crate::reference;
use crate::words::counted;

/// Compares constants of paired nodes input by input, and the remaining ones by name.
pub fn changes(level: &Level, tolerance: f64) -> Vec<WeightChange> {
    let ([known_a, known_b], a, b) = (&level.known, level.a(), level.b());
    let mut seen: HashSet<(ValueId, ValueId)> = HashSet::new();
    let mut order: Vec<(ValueId, ValueId)> = Vec::new();
    let mut meet = |x: ValueId, y: ValueId| {
        let constants = known_a.constant(x).is_some() && known_b.constant(y).is_some();
        if constants && !level.both_captured(x, y) && seen.insert((x, y)) {
            order.push((x, y));
        }
    };
    for (place, of_b) in level.pairs.of_a.iter().enumerate() {
        let Some(of_b) = of_b else { continue };
        let (node_a, node_b) = (&a.nodes[place], &b.nodes[*of_b]);
        let both = node_a.inputs.iter().zip(&node_b.inputs);
        both.filter_map(|(x, y)| Some(((*x)?, (*y)?))).for_each(|(x, y)| meet(x, y));
    }
    let names: HashMap<&str, ValueId> = a.initializers().map(|(id, _)| (a.value(id).name.as_str(), id)).collect();
    let mut met_a: HashSet<ValueId> = order.iter().map(|(x, _)| *x).collect();
    let mut met_b: HashSet<ValueId> = order.iter().map(|(_, y)| *y).collect();
    // Names are unique: no two of `b` meet the same one of `a` here.
    for (y, _) in b.initializers() {
        if let Some(x) = names.get(b.value(y).name.as_str()).filter(|x| !met_a.contains(x) && !met_b.contains(&y)) {
            met_a.insert(*x);
            met_b.insert(y);
            order.push((*x, y));
        }
    }
    let mut changes: Vec<WeightChange> = order
        .iter()
        .filter_map(|(x, y)| {
            let named = |graph: &Graph, id: ValueId| graph.value(id).name.clone();
            // The output of a `Constant` node has the name of an intermediate value, which does not count.
            let renamed = a.is_given(*x) && b.is_given(*y);
            let (tensor_a, tensor_b) = (known_a.constant(*x)?, known_b.constant(*y)?);
            compared((&named(a, *x), tensor_a), (&named(b, *y), tensor_b), renamed, tolerance)
        })
        .collect();
    let gone = |id: &ValueId| !met_a.contains(id);
    let come = |id: &ValueId| !met_b.contains(id);
    changes.extend(a.initializers().filter(|(id, _)| gone(id)).map(|(id, tensor)| lone(Kind::Removed, a, id, tensor)));
    changes.extend(b.initializers().filter(|(id, _)| come(id)).map(|(id, tensor)| lone(Kind::Added, b, id, tensor)));
    changes.extend(sparse(a, b));
    changes
}

/// Sorts the changes so that the largest difference comes first.
pub fn sort(changes: &mut [WeightChange]) {
    // Types that differ come first, then differences by size, then the rest.
    let rank = |change: &WeightChange| (change.kind != Kind::Retyped, change.kind);
    let size = |change: &WeightChange| change.max_abs.unwrap_or(f64::INFINITY);
    changes.sort_by(|x, y| {
        let weighed = rank(x).cmp(&rank(y));
        weighed.then(size(y).total_cmp(&size(x))).then_with(|| (&x.a, &x.b).cmp(&(&y.a, &y.b)))
    });
}

fn lone(kind: Kind, graph: &Graph, id: ValueId, tensor: &Tensor) -> WeightChange {
    let (name, stated) = (Some(graph.value(id).name.clone()), Some(print::tensor_type(tensor)));
    let unmeasured = WeightChange::unmeasured(kind, tensor.len());
    match kind {
        Kind::Added => WeightChange { b: name, b_type: stated, ..unmeasured },
        _ => WeightChange { a: name, a_type: stated, ..unmeasured },
    }
}

/// Compares two constants; `None` if they are equal within the tolerance and either have the same name or need not.
fn compared(a: (&str, &Tensor), b: (&str, &Tensor), named: bool, tolerance: f64) -> Option<WeightChange> {
    let ((name_a, a), (name_b, b)) = (a, b);
    let measured = measured(a, b, tolerance);
    let retyped = a.dtype() != b.dtype() || a.shape() != b.shape();
    let equal = measured.different == Some(0);
    let kind = match (retyped, equal) {
        (true, _) => Kind::Retyped,
        (false, false) => Kind::Changed,
        (false, true) if named && name_a != name_b => Kind::Renamed,
        (false, true) => return None,
    };
    let found = if kind == Kind::Renamed { WeightChange::unmeasured(kind, b.len()) } else { measured };
    Some(WeightChange {
        kind,
        a: Some(name_a.to_owned()),
        b: Some(name_b.to_owned()),
        a_type: Some(print::tensor_type(a)),
        b_type: Some(print::tensor_type(b)),
        ..found
    })
}

fn sparse(a: &Graph, b: &Graph) -> Vec<WeightChange> {
    let of = |graph: &Graph| -> std::collections::BTreeMap<String, SparseTensor> {
        graph.sparse_initializers().map(|(id, tensor)| (graph.value(id).name.clone(), tensor.clone())).collect()
    };
    let (of_a, of_b) = (of(a), of(b));
    let names: std::collections::BTreeSet<&String> = of_a.keys().chain(of_b.keys()).collect();
    let stated = |tensor: Option<&SparseTensor>| {
        tensor.map(|t| format!("sparse {} {:?}, {}", t.values.dtype(), t.shape, counted(t.values.len(), "element")))
    };
    let change = |name: &String| {
        let (x, y) = (of_a.get(name), of_b.get(name));
        let kind = match (x, y) {
            _ if x == y => return None,
            (Some(_), Some(_)) => Kind::Changed,
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
        };
        Some(WeightChange {
            a: x.map(|_| name.clone()),
            b: y.map(|_| name.clone()),
            a_type: stated(x),
            b_type: stated(y),
            ..WeightChange::unmeasured(kind, y.or(x).map_or(0, |t| t.values.len()))
        })
    };
    names.into_iter().filter_map(change).collect()
}

/// Measures the distance of two constants in 64-bit floats; nothing is measured of different shapes, and of elements that
/// are not single numbers (text, complex numbers, packed types) and differ.
fn measured(a: &Tensor, b: &Tensor, tolerance: f64) -> WeightChange {
    let unmeasured = WeightChange::unmeasured(Kind::Changed, b.len());
    if a == b {
        let zero = Some(0.0);
        return WeightChange { different: Some(0), max_abs: zero, mean_abs: zero, relative: zero, ..unmeasured };
    }
    let numbers = reference::elements(a).zip(reference::elements(b)).filter(|_| a.shape() == b.shape());
    let Some((values_a, values_b)) = numbers else { return unmeasured };
    let (mut different, mut max_abs, mut sum, mut largest) = (0u64, 0f64, 0f64, 0f64);
    let (mut dot, mut square_a, mut square_b) = (0f64, 0f64, 0f64);
    for (x, y) in values_a.zip(values_b) {
        let same = x == y || (x.is_nan() && y.is_nan());
        let apart = if same { 0.0 } else { (x - y).abs() };
        // A NaN and a number are infinitely far apart.
        let apart = if apart.is_nan() { f64::INFINITY } else { apart };
        different += u64::from(apart > tolerance);
        max_abs = max_abs.max(apart);
        sum += apart;
        largest = largest.max(if x.is_finite() { x.abs() } else { 0.0 });
        (dot, square_a, square_b) = (dot + x * y, square_a + x * x, square_b + y * y);
    }
    let cosine = dot / (square_a.sqrt() * square_b.sqrt());
    WeightChange {
        different: Some(different),
        max_abs: Some(max_abs),
        mean_abs: Some(if a.is_empty() { 0.0 } else { sum / a.len() as f64 }),
        relative: (largest > 0.0).then(|| max_abs / largest),
        cosine: cosine.is_finite().then(|| cosine.clamp(-1.0, 1.0)),
        ..unmeasured
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::DType;

    fn measured(a: &[f32], b: &[f32], tolerance: f64) -> WeightChange {
        let tensor = |v: &[f32]| Tensor::from_f32(vec![v.len()], v).unwrap();
        super::measured(&tensor(a), &tensor(b), tolerance)
    }

    #[test]
    fn measures_are_those_of_their_definitions() {
        let found = measured(&[3.0, 4.0, 0.0], &[3.0, 4.5, -0.25], 0.3);
        let measures = (found.different, found.max_abs, found.mean_abs, found.relative);
        assert_eq!(measures, (Some(1), Some(0.5), Some(0.25), Some(0.125)));
        let cosine = (9.0 + 18.0) / (5.0 * (9.0f64 + 20.25 + 0.0625).sqrt());
        assert!((found.cosine.unwrap() - cosine).abs() < 1e-15);
        assert_eq!(measured(&[0.0], &[1.0], 0.0).relative, None);
        assert_eq!(measured(&[0.0], &[1.0], 0.0).cosine, None);
        assert_eq!(measured(&[], &[], 0.0).mean_abs, Some(0.0));
        assert_eq!(measured(&[0.0], &[-0.0], 0.0).different, Some(0), "both are zero");
    }

    #[test]
    fn what_is_not_finite_is_far_apart_or_the_same() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        assert_eq!(measured(&[nan, inf, -inf], &[-nan, inf, -inf], 0.0).different, Some(0));
        for (a, b) in [(nan, 1.0), (1.0, nan), (inf, 1.0), (inf, -inf), (nan, inf)] {
            let found = measured(&[a, 1.0], &[b, 1.0], 1e30);
            assert_eq!((found.different, found.max_abs, found.cosine), (Some(1), Some(f64::INFINITY), None), "{a} {b}");
        }
    }

    #[test]
    fn every_number_type_is_read() {
        let cases: [(DType, Vec<u8>, f64); 12] = [
            (DType::F16, 0xc500u16.to_le_bytes().to_vec(), -5.0),
            (DType::BF16, 0x4049u16.to_le_bytes().to_vec(), 3.140625),
            (DType::F64, 2.5f64.to_le_bytes().to_vec(), 2.5),
            (DType::I8, vec![0xff], -1.0),
            (DType::U8, vec![0xff], 255.0),
            (DType::Bool, vec![1], 1.0),
            (DType::I16, (-2i16).to_le_bytes().to_vec(), -2.0),
            (DType::U16, 65535u16.to_le_bytes().to_vec(), 65535.0),
            (DType::I32, (-3i32).to_le_bytes().to_vec(), -3.0),
            (DType::U32, u32::MAX.to_le_bytes().to_vec(), 4_294_967_295.0),
            (DType::I64, (-4i64).to_le_bytes().to_vec(), -4.0),
            (DType::U64, 7u64.to_le_bytes().to_vec(), 7.0),
        ];
        for (dtype, bytes, value) in cases {
            let tensor = Tensor::new(dtype, vec![1], bytes).unwrap();
            assert_eq!(reference::elements(&tensor).unwrap().collect::<Vec<_>>(), [value], "{dtype}");
        }
        assert!(reference::elements(&Tensor::new(DType::I4, vec![2], vec![0x21]).unwrap()).is_none());
    }

    #[test]
    fn halves_are_exact() {
        let half = |bits: u16| {
            let tensor = Tensor::new(DType::F16, vec![1], bits.to_le_bytes().to_vec()).unwrap();
            reference::elements(&tensor).unwrap().next().unwrap()
        };
        for (bits, value) in [
            (0x0000, 0.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x03ff, 6.097_555_160_522_461e-5),
            (0x0400, 6.103_515_625e-5),
            (0x3c00, 1.0),
            (0x7bff, 65504.0),
            (0xfc00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:04x}");
        }
        assert!(half(0x7e00).is_nan());
    }
}
