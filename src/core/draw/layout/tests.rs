//! Layouts: nothing overlaps, lines meet the vertices that they join, and the order of the file is kept.

use proptest::prelude::*;

use super::nest::{Nested, Rect, nested};
use super::*;
use crate::draw::frames::{Frame, Frames};

fn vertices(count: usize) -> Vec<Vertex> {
    (0..count).map(|order| Vertex { width: 100.0, height: 40.0, order, pin: Pin::Free }).collect()
}

fn net(from: usize, to: &[usize]) -> Net {
    let end = |vertex| End { vertex, at: None };
    Net { from: end(from), to: to.iter().map(|to| end(*to)).collect() }
}

fn nets(nets: &[(usize, &[usize])]) -> Vec<Net> {
    nets.iter().map(|(from, to)| net(*from, to)).collect()
}

/// Returns the row of each vertex, from their heights.
fn rows(layout: &Layout) -> Vec<usize> {
    let mut tops: Vec<i64> = layout.places.iter().map(|(_, y)| y.round() as i64).collect();
    let places = tops.clone();
    tops.sort_unstable();
    tops.dedup();
    places.iter().map(|y| tops.binary_search(y).unwrap()).collect()
}

#[test]
fn a_chain_is_one_straight_column() {
    let layout = layout(&vertices(4), &nets(&[(0, &[1]), (1, &[2]), (2, &[3])]));
    assert_eq!(rows(&layout), [0, 1, 2, 3]);
    assert!(layout.places.iter().all(|(x, _)| *x == 50.0));
    assert_eq!(layout.width, 100.0);
}

#[test]
fn nothing_is_a_layout_too() {
    assert_eq!(layout(&[], &[]), Layout { strokes: vec![], ..Layout::default() });
    assert_eq!(rows(&layout(&vertices(3), &[])), [0, 0, 0]);
}

/// Four branches as in Inception: 1x1; reduce, 3x3; reduce, 5x5; pool, projection.
const INCEPTION: [(usize, &[usize]); 9] =
    [(0, &[1, 2, 4, 6]), (1, &[8]), (2, &[3]), (3, &[8]), (4, &[5]), (5, &[8]), (6, &[7]), (7, &[8]), (8, &[9])];

#[test]
fn branches_stand_side_by_side_in_the_order_of_the_file() {
    let layout = layout(&vertices(10), &nets(&INCEPTION));
    let x = |v: usize| layout.places[v].0;
    assert!(x(1) < x(3) && x(3) < x(5) && x(5) < x(7), "{layout:?}");
    assert!(x(2) < x(4) && x(4) < x(6));
    let rows = rows(&layout);
    assert_eq!([rows[3], rows[5], rows[7]], [2; 3]);
    assert_eq!((rows[8], rows[9]), (3, 4));
    // A slot that everything passes through is aligned with the others of its kind.
    assert_eq!((x(0), x(8)), (x(9), x(9)));
    assert!(x(1) < x(8) && x(8) < x(7));
}

#[test]
fn blocks_in_a_chain_do_not_drift() {
    let count = 20;
    let wires: Vec<(usize, Vec<usize>)> = (0..count)
        .flat_map(|block| {
            INCEPTION[..8].iter().map(move |(from, to)| (from + 8 * block, to.iter().map(|t| t + 8 * block).collect()))
        })
        .collect();
    let nets: Vec<Net> = wires.iter().map(|(from, to)| net(*from, to)).collect();
    let layout = layout(&vertices(8 * count + 1), &nets);
    let forks: Vec<f64> = (0..=count).map(|block| layout.places[8 * block].0).collect();
    assert!(forks.iter().all(|x| *x == forks[0]), "{forks:?}");
    assert!(layout.width < 620.0, "{}", layout.width);
}

#[test]
fn boxes_that_follow_each_other_stand_in_one_column() {
    let mut vertices = vertices(10);
    // As wide as their texts, which all differ.
    for (vertex, width) in vertices.iter_mut().zip([90.0, 170.0, 160.0, 175.0, 168.0, 171.0, 110.0, 166.0, 92.0, 90.0])
    {
        vertex.width = width;
    }
    let layout = layout(&vertices, &nets(&INCEPTION));
    for (upper, lower) in [(2, 3), (4, 5), (8, 9)] {
        assert!((layout.places[upper].0 - layout.places[lower].0).abs() < 1e-6, "{upper} and {lower}: {layout:?}");
    }
}

#[test]
fn crossings_are_undone() {
    // Two columns whose second row is in reverse order in the file.
    let layout = layout(&vertices(6), &nets(&[(0, &[3]), (1, &[2]), (2, &[5]), (3, &[4])]));
    let x = |v: usize| layout.places[v].0;
    assert_eq!((x(0) < x(1), x(3) < x(2), x(4) < x(5)), (true, true, true));
}

#[test]
fn crossings_are_counted_as_pairs() {
    for (edges, expected) in [
        (vec![(0, 2), (1, 3)], 0),
        (vec![(0, 3), (1, 2)], 1),
        (vec![(0, 2), (0, 3), (1, 2), (1, 3)], 1),
        (vec![(0, 5), (1, 4), (2, 3)], 3),
    ] {
        let below = edges.iter().map(|(_, to)| *to).min().unwrap();
        let nets: Vec<Net> = edges.iter().map(|(from, to)| net(*from, &[*to])).collect();
        let vertices = vertices(6);
        let ranks: Vec<usize> = (0..6).map(|v| usize::from(v >= below)).collect();
        let built = Rows::new(&vertices, &nets, &ranks);
        let mut place = vec![0; 6];
        for row in &built.rows {
            row.iter().enumerate().for_each(|(i, slot)| place[*slot] = i);
        }
        assert_eq!(order::crossings(&built, &place), expected, "{edges:?}");
    }
}

#[test]
fn a_value_read_in_many_rows_has_one_trunk() {
    // 0 is read by 1, 2, 3 and 4, which form a chain.
    let layout = layout(&vertices(5), &nets(&[(0, &[1, 2, 3, 4]), (1, &[2]), (2, &[3]), (3, &[4])]));
    // Four ends, and three segments of trunk that they share.
    let strokes = &layout.strokes[0];
    assert_eq!(strokes.iter().filter(|s| s.end.is_some()).count(), 4);
    assert_eq!(strokes.len(), 4 + 3, "{strokes:?}");
}

#[test]
fn a_long_line_beside_a_chain_is_straight() {
    let chain: Vec<(usize, Vec<usize>)> =
        (0..20).map(|v| (v, if v == 0 { vec![1, 20] } else { vec![v + 1] })).collect();
    let nets: Vec<Net> = chain.iter().map(|(from, to)| net(*from, to)).collect();
    let layout = layout(&vertices(21), &nets);
    let inner: Vec<f64> = layout.strokes[0].iter().filter(|s| s.end.is_none()).map(|s| s.x.1).collect();
    assert_eq!(inner.len(), 19);
    assert!(inner.iter().all(|x| (x - inner[0]).abs() < 1e-6), "{inner:?}");
}

#[test]
fn pins_hold_the_first_and_the_last_row() {
    let mut vertices = vertices(5);
    vertices[4].pin = Pin::First;
    vertices[3].pin = Pin::Last;
    let rows = rows(&layout(&vertices, &nets(&[(4, &[1]), (0, &[3]), (1, &[2])])));
    assert_eq!((rows[4], rows[3]), (0, 3));
    assert!(rows[0] > 0 && rows[1] > 0 && rows[2] < 3);
}

fn overlap(a: &Rect, b: &Rect) -> bool {
    let apart = a.x + a.width <= b.x + 1e-6
        || b.x + b.width <= a.x + 1e-6
        || a.y + a.height <= b.y + 1e-6
        || b.y + b.height <= a.y + 1e-6;
    !apart
}

fn contains(outer: &Rect, inner: &Rect) -> bool {
    inner.x >= outer.x - 1e-6
        && inner.y >= outer.y - 1e-6
        && inner.x + inner.width <= outer.x + outer.width + 1e-6
        && inner.y + inner.height <= outer.y + outer.height + 1e-6
}

/// Checks everything that must hold for any layout.
fn check(sizes: &[(f64, f64)], wires: &[(usize, Vec<usize>)], frames: &Frames, found: &Nested) {
    for (i, a) in found.boxes.iter().enumerate() {
        assert_eq!((a.width, a.height), sizes[i]);
        for (j, b) in found.boxes.iter().enumerate().skip(i + 1) {
            assert!(!overlap(a, b), "boxes {i} and {j}: {a:?} {b:?}");
        }
        for (f, frame) in found.frames.iter().enumerate() {
            let mut around = frames.of[i];
            let mut inside = around == f;
            while around != 0 && !inside {
                around = frames.frames[around].parent;
                inside = around == f;
            }
            assert!(if inside { contains(frame, a) } else { !overlap(frame, a) }, "box {i} and frame {f}");
        }
    }
    for ((from, to), strokes) in wires.iter().zip(&found.strokes) {
        let mut ends: Vec<usize> = strokes.iter().filter_map(|stroke| stroke.end).collect();
        ends.sort_unstable();
        assert_eq!(&ends, to, "each reader has its arrow");
        let maker = found.boxes[*from];
        let on_maker = |s: &Stroke| {
            (s.top - maker.y - maker.height).abs() < 1e-6
                && s.x.0 >= maker.x - 1e-6
                && s.x.0 <= maker.x + maker.width + 1e-6
        };
        for stroke in strokes {
            // A segment begins at the producer or where another segment ends.
            let joined = |other: &Stroke| {
                other.end.is_none() && (other.bottom - stroke.top).abs() < 1e-6 && (other.x.1 - stroke.x.0).abs() < 1e-6
            };
            assert!(on_maker(stroke) || strokes.iter().any(joined), "{stroke:?} of {strokes:?}");
            assert!(
                stroke.top <= stroke.bend.0 + 1e-6
                    && stroke.bend.0 <= stroke.bend.1
                    && stroke.bend.1 <= stroke.bottom + 1e-6,
                "{stroke:?}"
            );
            if let Some(end) = stroke.end {
                let reader = found.boxes[end];
                assert!((stroke.bottom - reader.y).abs() < 1e-6, "{stroke:?} {reader:?}");
                assert!(stroke.x.1 >= reader.x && stroke.x.1 <= reader.x + reader.width);
            }
        }
    }
}

/// Builds frames from runs of boxes: runs in a topological order are convex.
fn runs(count: usize, cuts: &[usize]) -> Frames {
    let mut frames = vec![Frame { module: String::new(), parent: 0 }];
    let of = (0..count)
        .map(|i| {
            if cuts.contains(&i) {
                // Every third run lies within the one before.
                let parent = if frames.len() % 3 == 2 { frames.len() - 1 } else { 0 };
                frames.push(Frame { module: format!("m{i}"), parent });
            }
            frames.len() - 1
        })
        .collect();
    Frames { frames, of }
}

#[test]
fn a_wire_passes_the_edges_of_frames_without_a_gap() {
    // 0 outside, {1, {2, 3}} inside, 4 outside; 0 and 1 are read at every depth.
    let frame = |module: &str, parent| Frame { module: module.into(), parent };
    let frames = Frames { frames: vec![frame("", 0), frame("a", 0), frame("a.b", 1)], of: vec![0, 1, 2, 2, 0] };
    let wires = [(0, vec![1, 3, 4]), (1, vec![2, 4]), (2, vec![3]), (3, vec![4])];
    let sizes = [(80.0, 40.0), (90.0, 50.0), (100.0, 30.0), (60.0, 20.0), (120.0, 60.0)];
    check(&sizes, &wires, &frames, &nested(&sizes, &wires, &frames, &[0.0, 10.0, 300.0]));
}

proptest! {
    #[test]
    fn any_graph_has_a_layout_in_which_nothing_overlaps(
        sizes in proptest::collection::vec((1u8..200, 1u8..80), 1..40),
        picks in proptest::collection::vec((any::<prop::sample::Index>(), proptest::collection::vec(any::<prop::sample::Index>(), 1..5)), 0..60),
        cuts in proptest::collection::vec(0usize..40, 0..6),
    ) {
        let count = sizes.len();
        let sizes: Vec<(f64, f64)> = sizes.iter().map(|(w, h)| (f64::from(*w), f64::from(*h))).collect();
        let mut wires: Vec<(usize, Vec<usize>)> = Vec::new();
        for (from, to) in picks {
            let from = from.index(count);
            let mut to: Vec<usize> = to.iter().map(|i| i.index(count)).filter(|to| *to > from).collect();
            to.sort_unstable();
            to.dedup();
            if !to.is_empty() {
                wires.push((from, to));
            }
        }
        let frames = runs(count, &cuts);
        let labels = vec![20.0; frames.frames.len()];
        check(&sizes, &wires, &flat(count), &nested(&sizes, &wires, &flat(count), &[0.0]));
        let found = nested(&sizes, &wires, &frames, &labels);
        check(&sizes, &wires, &frames, &found);
        prop_assert_eq!(nested(&sizes, &wires, &frames, &labels), found, "the same each time");
    }
}

fn flat(count: usize) -> Frames {
    Frames { frames: vec![Frame { module: String::new(), parent: 0 }], of: vec![0; count] }
}
