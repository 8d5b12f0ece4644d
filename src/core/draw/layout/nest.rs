//! Layout of a picture with frames: each frame is laid out separately and is then one vertex of the frame around it.
//!
//! Where a wire enters or leaves a frame it passes through a port: a vertex of zero size in the first or last row of
//! the frame, whose position tells the enclosing frame where to route the wire.

use std::collections::{BTreeSet, HashMap};

use super::{End, Layout, Net, Pin, Stroke, Vertex, layout};
use crate::draw::frames::Frames;

/// Padding inside a frame, at the sides and below.
pub const SIDE: f64 = 12.0;
/// Padding above, which holds the frame's name.
pub const ABOVE: f64 = 18.0;
const BELOW: f64 = 6.0;

#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nested {
    pub boxes: Vec<Rect>,
    /// Rectangles of the frames; the first is the whole picture.
    pub frames: Vec<Rect>,
    /// Segments of each wire; a segment that ends at a box gets an arrowhead.
    pub strokes: Vec<Vec<Stroke>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Box(usize),
    Frame(usize),
    Enter(usize),
    Leave(usize),
}

/// The graph of one frame: its parts, and for each of its nets the wire and the parts that it joins.
#[derive(Default)]
struct Inner {
    parts: Vec<Part>,
    wires: Vec<(usize, Part, Vec<Part>)>,
    layout: Layout,
    /// Positions of its ports, to the right of its centre.
    ports: HashMap<Part, f64>,
}

impl Inner {
    /// Returns the ports in the order of the wires; as vertices they follow the parts.
    fn port_parts(&self) -> impl Iterator<Item = Part> {
        let ends = self.wires.iter().flat_map(|(_, from, to)| [from].into_iter().chain(to));
        ends.copied().filter(|part| matches!(part, Part::Enter(_) | Part::Leave(_)))
    }
}

/// Lays out boxes of the given sizes, joined by the given wires (producer, readers). `labels` holds the width of each
/// frame's name.
pub fn nested(sizes: &[(f64, f64)], wires: &[(usize, Vec<usize>)], frames: &Frames, labels: &[f64]) -> Nested {
    let mut inner: Vec<Inner> = frames.frames.iter().map(|_| Inner::default()).collect();
    // The first box of a frame decides the frame's order.
    let mut orders = vec![usize::MAX; frames.frames.len()];
    for (number, &frame) in frames.of.iter().enumerate() {
        inner[frame].parts.push(Part::Box(number));
        let mut around = frame;
        loop {
            orders[around] = orders[around].min(number);
            if around == 0 {
                break;
            }
            around = frames.frames[around].parent;
        }
    }
    for (number, frame) in frames.frames.iter().enumerate().skip(1) {
        inner[frame.parent].parts.push(Part::Frame(number));
    }
    for (number, (from, to)) in wires.iter().enumerate() {
        split(number, *from, to, frames, &mut inner);
    }
    // Inner frames first: they come after those that enclose them.
    for number in (0..inner.len()).rev() {
        let layout = frame_layout(&inner, number, sizes, &orders, wires, labels);
        let own = &mut inner[number];
        let places = &layout.places[own.parts.len()..];
        own.ports = own.port_parts().zip(places).map(|(port, (x, _))| (port, x - layout.width / 2.0)).collect();
        own.layout = layout;
    }
    assembled(&inner, frames, sizes, wires.len(), labels)
}

/// Returns the frames around a box, outermost first.
fn trail(frames: &Frames, item: usize) -> Vec<usize> {
    let mut trail = vec![frames.of[item]];
    while let Some(&frame) = trail.last().filter(|frame| **frame != 0) {
        trail.push(frames.frames[frame].parent);
    }
    trail.reverse();
    trail
}

/// Adds a wire to every frame that it passes through.
fn split(number: usize, from: usize, to: &[usize], frames: &Frames, inner: &mut [Inner]) {
    let own = trail(frames, from);
    let mut ends: HashMap<usize, BTreeSet<Part>> = HashMap::new();
    let mut makers: HashMap<usize, Part> = HashMap::new();
    let step = |trail: &[usize], at: usize, item: usize| trail.get(at + 1).map_or(Part::Box(item), |f| Part::Frame(*f));
    for &item in to {
        let other = trail(frames, item);
        let shared = own.iter().zip(&other).take_while(|(a, b)| a == b).count() - 1;
        makers.insert(own[shared], step(&own, shared, from));
        ends.entry(own[shared]).or_default().insert(step(&other, shared, item));
        for (at, frame) in other.iter().enumerate().skip(shared + 1) {
            makers.insert(*frame, Part::Enter(number));
            ends.entry(*frame).or_default().insert(step(&other, at, item));
        }
        for (at, frame) in own.iter().enumerate().skip(shared + 1) {
            makers.insert(*frame, step(&own, at, from));
            ends.entry(*frame).or_default().insert(Part::Leave(number));
        }
    }
    for (frame, to) in ends {
        inner[frame].wires.push((number, makers[&frame], to.into_iter().collect()));
    }
}

fn frame_size(layout: &Layout, label: f64) -> (f64, f64) {
    ((layout.width + 2.0 * SIDE).max(label + 2.0 * SIDE), layout.height + ABOVE + BELOW)
}

/// Returns how far the content of a frame is shifted to the right to be centred in it.
fn margin(layout: &Layout, label: f64) -> f64 {
    (frame_size(layout, label).0 - layout.width) / 2.0
}

fn frame_layout(
    inner: &[Inner],
    number: usize,
    sizes: &[(f64, f64)],
    orders: &[usize],
    wires: &[(usize, Vec<usize>)],
    labels: &[f64],
) -> Layout {
    let own = &inner[number];
    let parts: Vec<Part> = own.parts.iter().copied().chain(own.port_parts()).collect();
    let numbers: HashMap<Part, usize> = parts.iter().enumerate().map(|(i, part)| (*part, i)).collect();
    let vertex = |part: &Part| match *part {
        Part::Box(i) => Vertex { width: sizes[i].0, height: sizes[i].1, order: i, pin: Pin::Free },
        Part::Frame(f) => {
            let (width, height) = frame_size(&inner[f].layout, labels[f]);
            Vertex { width, height, order: orders[f], pin: Pin::Free }
        }
        Part::Enter(wire) => Vertex { width: 0.0, height: 0.0, order: wires[wire].0, pin: Pin::First },
        Part::Leave(wire) => Vertex { width: 0.0, height: 0.0, order: wires[wire].0, pin: Pin::Last },
    };
    let end = |part: Part, wire: usize, down: bool| {
        let at = match part {
            Part::Box(_) => None,
            Part::Enter(_) | Part::Leave(_) => Some(0.0),
            Part::Frame(f) => {
                let port = if down { Part::Leave(wire) } else { Part::Enter(wire) };
                Some(inner[f].ports.get(&port).copied().unwrap_or(0.0))
            }
        };
        End { vertex: numbers[&part], at }
    };
    let net = |(wire, from, to): &(usize, Part, Vec<Part>)| Net {
        from: end(*from, *wire, true),
        to: to.iter().map(|part| end(*part, *wire, false)).collect(),
    };
    let vertices: Vec<Vertex> = parts.iter().map(vertex).collect();
    let nets: Vec<Net> = own.wires.iter().map(net).collect();
    layout(&vertices, &nets)
}

fn assembled(inner: &[Inner], frames: &Frames, sizes: &[(f64, f64)], wires: usize, labels: &[f64]) -> Nested {
    let mut nested = Nested {
        boxes: vec![Rect::default(); sizes.len()],
        frames: vec![Rect::default(); frames.frames.len()],
        strokes: vec![Vec::new(); wires],
    };
    let whole = &inner[0].layout;
    nested.frames[0] = Rect { x: 0.0, y: 0.0, width: whole.width, height: whole.height };
    for (number, frame) in inner.iter().enumerate() {
        let outer = nested.frames[number];
        let (left, top) =
            if number == 0 { (0.0, 0.0) } else { (outer.x + margin(&frame.layout, labels[number]), outer.y + ABOVE) };
        for (part, (centre, y)) in frame.parts.iter().zip(&frame.layout.places) {
            let rect = |(width, height): (f64, f64)| Rect { x: left + centre - width / 2.0, y: top + y, width, height };
            match *part {
                Part::Box(i) => nested.boxes[i] = rect(sizes[i]),
                Part::Frame(f) => nested.frames[f] = rect(frame_size(&inner[f].layout, labels[f])),
                Part::Enter(_) | Part::Leave(_) => {}
            }
        }
        let count = frame.parts.len();
        for ((wire, from, _), strokes) in frame.wires.iter().zip(&frame.layout.strokes) {
            for stroke in strokes {
                let ends_in = stroke.end.and_then(|v| frame.parts.get(v));
                let leaves = stroke.end.is_some_and(|v| v >= count);
                // From the frame's edge to the port, and from the port to the edge.
                let above = if matches!(from, Part::Enter(_)) && stroke.top == 0.0 { ABOVE } else { 0.0 };
                let below = if leaves { BELOW } else { 0.0 };
                nested.strokes[*wire].push(Stroke {
                    x: (stroke.x.0 + left, stroke.x.1 + left),
                    top: stroke.top + top - above,
                    bend: (stroke.bend.0 + top, stroke.bend.1 + top),
                    bottom: stroke.bottom + top + below,
                    end: match ends_in {
                        Some(Part::Box(i)) => Some(*i),
                        _ => None,
                    },
                });
            }
        }
    }
    nested
}
