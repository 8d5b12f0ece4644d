//! Sizes against naive loops that count.

use gnet_core::graph::{Attribute, Dim};
use proptest::prelude::*;

use super::build::{Builder, list, one_node, sizes, text};

/// NumPy's rule, one dimension at a time from the end.
fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let at = |shape: &[usize], from_end: usize| shape.iter().rev().nth(from_end).copied().unwrap_or(1);
    let mut made = Vec::new();
    for from_end in 0..a.len().max(b.len()) {
        match (at(a, from_end), at(b, from_end)) {
            (x, y) if x == y => made.insert(0, x),
            (1, y) => made.insert(0, y),
            (x, 1) => made.insert(0, x),
            _ => return None,
        }
    }
    Some(made)
}

/// Places of a window, found by putting it everywhere.
fn places(input: i64, (before, after): (i64, i64), kernel: i64, stride: i64, dilation: i64, ceil: bool) -> usize {
    let span = (kernel - 1) * dilation + 1;
    let mut count = 0;
    let mut start = -before;
    loop {
        let fits = start + span <= input + after;
        // With ceil the window may stick out, if it starts in the input or in the padding before it.
        let sticks = ceil && count > 0 && start < input && start - stride + span < input + after;
        if !fits && !sticks {
            return count;
        }
        count += 1;
        start += stride;
    }
}

fn small_shape() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(prop_oneof![Just(1usize), 0usize..5], 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn broadcasting_is_numpys(a in small_shape(), b in small_shape()) {
        let made = one_node(13, "Add", &[a.clone(), b.clone()], &[]);
        prop_assert_eq!(made.ok(), broadcast(&a, &b));
    }

    #[test]
    fn a_matrix_product_broadcasts_its_batches(
        a in small_shape(), b in small_shape(), m in 1usize..4, k in 1usize..3, other in 1usize..3, n in 1usize..4,
    ) {
        let whole = |batch: &[usize], matrix: [usize; 2]| batch.iter().chain(&matrix).copied().collect::<Vec<_>>();
        let made = one_node(13, "MatMul", &[whole(&a, [m, k]), whole(&b, [other, n])], &[]);
        let want = broadcast(&a, &b).filter(|_| k == other).map(|batch| whole(&batch, [m, n]));
        prop_assert_eq!(made.ok(), want);
    }

    #[test]
    fn a_window_goes_where_a_loop_puts_it(
        input in 1i64..20, before in 0i64..3, after in 0i64..3, kernel in 1i64..5, stride in 1i64..5, dilation in 1i64..3,
        ceil: bool,
    ) {
        // Runtimes refuse a padding as wide as the kernel; then every window touches the input.
        prop_assume!(before < kernel && after < kernel);
        let count = places(input, (before, after), kernel, stride, dilation, ceil);
        let attributes = [
            ("kernel_shape", list(&[kernel])),
            ("strides", list(&[stride])),
            ("dilations", list(&[dilation])),
            ("pads", list(&[before, after])),
            ("ceil_mode", Attribute::Int(ceil.into())),
        ];
        let pooled = one_node(22, "MaxPool", &[vec![2, 3, input as usize]], &attributes);
        match count {
            0 => prop_assert!(pooled.is_err() || ceil, "{:?}", pooled),
            _ => prop_assert_eq!(pooled.unwrap(), vec![2, 3, count]),
        }
        if !ceil && count > 0 {
            let weight = vec![4, 3, kernel as usize];
            let convolved = one_node(22, "Conv", &[vec![2, 3, input as usize], weight], &attributes[1..4]);
            prop_assert_eq!(convolved.unwrap(), vec![2, 4, count]);
        }
    }

    #[test]
    fn a_symbolic_window_holds_for_every_size(
        size in 1usize..30, kernel in 1i64..5, stride in 1i64..4, pad in 0i64..3, scale in 1i64..5,
    ) {
        let pooled = |dim: Dim| {
            let mut builder = Builder::new(22);
            let x = builder.model.graph.add_value("x", None, Some(vec![Dim::symbol("N"), Dim::Known(3), dim]));
            builder.model.graph.inputs.push(x);
            let attributes =
                [("kernel_shape", list(&[kernel])), ("strides", list(&[stride])), ("pads", list(&[pad, pad]))];
            let y = builder.node("AveragePool", &[x], &attributes);
            gnet_core::infer::infer(&mut builder.model, &gnet_core::graph::Sizes::none()).ok()?;
            builder.model.graph.value(y).shape.clone().map(|shape| shape[2].clone())
        };
        let symbolic = pooled(Dim::Symbolic { symbol: "H".into(), scale, offset: 0 }).unwrap();
        if let Some(fixed) = pooled(Dim::Known(scale as usize * size)) {
            prop_assert!(symbolic == Dim::Unknown || symbolic.at(size) == fixed.known(), "{} and {}", symbolic, fixed);
        }
        prop_assert!(scale % stride != 0 || symbolic != Dim::Unknown);
    }

    #[test]
    fn a_transposed_convolution_undoes_a_convolution(
        places in 1usize..12, kernel in 1i64..5, stride in 1i64..4, dilation in 1i64..3, pad in 0i64..2,
    ) {
        let attributes =
            [("strides", list(&[stride])), ("dilations", list(&[dilation])), ("pads", list(&[pad, pad]))];
        let weight = |channels: [usize; 2]| vec![channels[0], channels[1], kernel as usize];
        let wide = one_node(22, "ConvTranspose", &[vec![1, 5, places], weight([5, 2])], &attributes);
        prop_assume!(wide.is_ok());
        let wide = wide.unwrap();
        prop_assume!(wide[2] > 0);
        prop_assert_eq!(wide[1], 2);
        prop_assert_eq!(one_node(22, "Conv", &[wide, weight([5, 2])], &attributes).unwrap(), vec![1, 5, places]);
    }

    #[test]
    fn same_padding_keeps_the_quotient(input in 1usize..40, kernel in 1i64..6, stride in 1i64..5, lower: bool) {
        let attributes = [
            ("kernel_shape", list(&[kernel])),
            ("strides", list(&[stride])),
            ("auto_pad", text(if lower { "SAME_LOWER" } else { "SAME_UPPER" })),
        ];
        let made = one_node(22, "MaxPool", &[vec![1, 1, input]], &attributes).unwrap();
        prop_assert_eq!(made, vec![1, 1, input.div_ceil(stride as usize)]);
    }

    #[test]
    fn what_is_split_can_be_joined(whole in 1usize..40, parts in 1usize..6) {
        let mut builder = Builder::new(18);
        let x = builder.input("x", &format!("2,{whole}"));
        let split = [("axis", Attribute::Int(-1)), ("num_outputs", Attribute::Int(parts as i64))];
        let made = builder.outputs("Split", &[x], &split, parts);
        let joined = builder.node("Concat", &made, &[("axis", Attribute::Int(1))]);
        let part = whole.div_ceil(parts);
        if (parts - 1) * part > whole {
            prop_assert!(builder.error().contains("a size is -"));
        } else {
            prop_assert_eq!(builder.shape(joined), format!("2 x {whole}"));
            prop_assert_eq!(builder.shape_now(made[0]), format!("2 x {}", part.min(whole)));
        }
    }

    #[test]
    fn an_open_size_of_a_reshape_is_what_is_left(shape in proptest::collection::vec(1usize..6, 1..5), open in 0usize..5) {
        let count: usize = shape.iter().product();
        let mut target: Vec<i64> = shape.iter().rev().map(|size| *size as i64).collect();
        let open = open.min(target.len() - 1);
        let missing = target[open];
        target[open] = -1;
        let mut builder = Builder::new(13);
        let x = builder.model.graph.add_value("x", None, Some(sizes(&shape)));
        builder.model.graph.inputs.push(x);
        let t = builder.ints(&target);
        let y = builder.node("Reshape", &[x, t], &[]);
        builder.run();
        let made = builder.model.graph.value(y).shape.clone().unwrap();
        prop_assert_eq!(made[open].known(), Some(missing as usize));
        prop_assert_eq!(made.iter().map(|dim| dim.known().unwrap()).product::<usize>(), count);
    }

    #[test]
    fn a_range_has_as_many_numbers_as_a_loop_makes(start in -9i64..9, limit in -9i64..9, delta in -4i64..5) {
        let mut builder = Builder::new(13);
        let inputs = [start, limit, delta].map(|value| builder.int(value));
        let y = builder.node("Range", &inputs, &[]);
        if delta == 0 {
            prop_assert!(builder.error().contains("the step is 0"));
            return Ok(());
        }
        let (mut at, mut count) = (start, 0);
        while if delta > 0 { at < limit } else { at > limit } {
            count += 1;
            at += delta;
        }
        prop_assert_eq!(builder.shape(y), count.to_string());
    }
}

/// Returns how many elements ONNX's `Slice` takes, counted by walking: a walk forwards begins and ends between the
/// elements, a walk backwards begins at an element, the nearest one if there is none.
fn taken(size: i64, start: i64, end: i64, step: i64) -> usize {
    let wide = |at: i64| i128::from(at) + if at < 0 { i128::from(size) } else { 0 };
    let (mut at, mut end, size) = (wide(start), wide(end), i128::from(size));
    match step > 0 {
        true => (at, end) = (at.max(0).min(size), end.max(0).min(size)),
        false => (at, end) = (at.max(0).min(size - 1), end.max(-1).min(size - 1)),
    }
    let mut count = 0;
    while (0..size).contains(&at) && if step > 0 { at < end } else { at > end } {
        count += 1;
        at += i128::from(step);
    }
    count
}

/// The first dimension of `x[start:end:step]`, where `x` has the shape `[dim, 3]`.
fn sliced(dim: &str, start: i64, end: i64, step: i64) -> Dim {
    let mut builder = Builder::new(13);
    let x = builder.input("x", &format!("{dim},3"));
    let [s, e, a, t] = [start, end, 0, step].map(|value| builder.ints(&[value]));
    let y = builder.node("Slice", &[x, s, e, a, t], &[]);
    builder.run();
    builder.model.graph.value(y).shape.clone().unwrap()[0].clone()
}

const FAR: [i64; 4] = [i64::MIN, i32::MIN as i64, i32::MAX as i64, i64::MAX];

/// Every start, end and step around sizes from nothing up, as ONNX Runtime 1.32 was seen to take them, and the same of an open
/// size: what is said of it holds for every size that it can have, or for all that reach as far as the slice.
#[test]
fn a_slice_is_what_a_loop_takes() {
    let bounds: Vec<i64> = (-9..=9).chain(FAR).collect();
    for (start, end) in bounds.iter().flat_map(|start| bounds.iter().map(|end| (*start, *end))) {
        for step in [-9, -3, -2, -1, 1, 2, 3, 9, i64::MIN, i64::MAX] {
            let place = format!("[{start}:{end}:{step}]");
            // Backwards to the largest number is all to ONNX Runtime and nothing to ONNX.
            let told = step > 0 || ![i64::from(i32::MAX), i64::MAX].contains(&end);
            for size in 0..=5 {
                let want = Dim::Known(taken(size, start, end, step));
                let made = sliced(&size.to_string(), start, end, step);
                assert!(
                    made == want || (!told && size > 0 && made == Dim::Unknown),
                    "{size}{place}: {made}, not {want}"
                );
            }
            let open = sliced("N", start, end, step);
            let reach = [start, end].iter().filter(|i| !FAR.contains(i)).map(|i| i.abs()).sum::<i64>();
            for size in 1..=20usize {
                let want = taken(size as i64, start, end, step);
                match &open {
                    Dim::Unknown => {}
                    Dim::Known(made) => assert_eq!(*made, want, "N{place} at {size}"),
                    line if (size as i64) < reach => {
                        assert!(line.at(size).is_none_or(|made| made <= want), "N{place} at {size}")
                    }
                    line => assert_eq!(line.at(size), Some(want), "N{place} at {size}"),
                }
            }
        }
    }
}

#[test]
fn a_slice_of_an_open_size_is_known_where_it_can_be() {
    for (start, end, step, known) in [
        (0, i64::MAX, 1, "N"),
        (0, -1, 1, "N-1"),
        (2, i32::MAX as i64, 1, "N-2"),
        (i64::MIN, -2, 1, "N-2"),
        (-1, i64::MIN, -1, "N"),
        (-1, i64::MAX, 1, "1"),
        (-1, -3, 1, "0"),
        (4, 2, 1, "0"),
        // At N = 1 there are not two to take.
        (-2, i64::MAX, 1, "?"),
        (0, 3, 1, "?"),
        (-1, 3, 1, "?"),
    ] {
        let open = sliced("N", start, end, step).to_string();
        assert_eq!(open, known, "[{start}:{end}:{step}]");
    }
}

/// Automatic padding as ONNX Runtime was seen to do it (`auto_pad.py` wrote the table). Where it does not follow ONNX, in
/// dilated pools, nothing is said.
#[test]
fn automatic_padding_is_onnx_runtimes() {
    let mut known = 0;
    let rows: Vec<&str> = include_str!("auto_pad.csv").lines().skip(1).collect();
    for row in &rows {
        let cells: Vec<&str> = row.split(',').collect();
        let (op, pad) = (cells[0], cells[1]);
        let numbers: Vec<i64> = cells[2..].iter().map(|cell| cell.parse().unwrap()).collect();
        let [length, kernel, stride, dilation, extra, size] = numbers[..] else { panic!("{row}") };
        let mut attributes =
            vec![("auto_pad", text(pad)), ("strides", list(&[stride])), ("dilations", list(&[dilation]))];
        let mut shapes = vec![vec![1, 2, length as usize]];
        match op {
            "Conv" => shapes.push(vec![3, 2, kernel as usize]),
            "ConvTranspose" => {
                shapes.push(vec![2, 3, kernel as usize]);
                attributes.push(("output_padding", list(&[extra])));
            }
            _ => attributes.extend([("kernel_shape", list(&[kernel])), ("ceil_mode", Attribute::Int(extra))]),
        }
        match one_node(22, op, &shapes, &attributes) {
            Ok(made) => {
                assert_eq!(made[2], size as usize, "{row}");
                known += 1;
            }
            Err(open) => assert!(open == "?" && dilation > 1 && op.ends_with("Pool"), "{row}: {open}"),
        }
    }
    assert!(known > 700 && rows.len() > known, "{known} of {} are known", rows.len());
}

#[test]
fn a_transposed_convolution_of_a_small_window_pads_nothing() {
    let made = one_node(
        22,
        "ConvTranspose",
        &[vec![1, 2, 4, 4], vec![2, 3, 2, 2]],
        &[("auto_pad", text("SAME_UPPER")), ("strides", list(&[3, 3]))],
    );
    assert_eq!(made.unwrap(), [1, 3, 11, 11]);
}
