//! A layered layout of a directed acyclic graph, top to bottom, after Sugiyama, Tagawa and Toda (IEEE Trans. Syst. Man
//! Cybern. 11, 1981): rows by longest path ([`rank`]), few crossings ([`order`]), places ([`place`]).
//!
//! A net (one value and all who read it) is one tree of lines: its readers share a trunk for as long as they can, so
//! that a value read in many rows costs one line and not many. The same graph gives the same layout.

pub mod nest;
mod order;
mod place;
mod rank;

/// A vertex to be placed.
#[derive(Debug, Clone, PartialEq)]
pub struct Vertex {
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// Where it belongs among its neighbours when nothing else decides: its place in the file.
    pub order: usize,
    /// Whether it must be in the first or the last row.
    pub pin: Pin,
}

/// A row that a vertex is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// None.
    Free,
    /// The first row.
    First,
    /// The last row.
    Last,
}

/// One end of a net.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    /// The vertex.
    pub vertex: usize,
    /// Where the line meets it, right of its centre; `None` lets the layout choose.
    pub at: Option<f64>,
}

/// A value: where it is made and where it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// The maker.
    pub from: End,
    /// The readers, each once.
    pub to: Vec<End>,
}

/// A piece of a net: straight down from `top` at `x.0` to `bend.0`, over to `x.1` at `bend.1`, straight down to `bottom`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    /// Where it begins and ends, from the left.
    pub x: (f64, f64),
    /// Where it begins.
    pub top: f64,
    /// Between these heights it changes over.
    pub bend: (f64, f64),
    /// Where it ends.
    pub bottom: f64,
    /// The vertex it ends at, when it does not lead on.
    pub end: Option<usize>,
}

/// Where everything is, from the upper left corner.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// Width of all.
    pub width: f64,
    /// Height of all.
    pub height: f64,
    /// Centre of each vertex from the left, and its upper edge.
    pub places: Vec<(f64, f64)>,
    /// The pieces of each net.
    pub strokes: Vec<Vec<Stroke>>,
}

/// What stands in a row: a vertex, or a net that passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Vertex(usize),
    Net(usize),
}

/// A line between neighbouring rows, by the numbers of its slots.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    net: usize,
    upper: usize,
    lower: usize,
    /// Where it meets its slots, right of their centres.
    at: (f64, f64),
    /// Whether [`order`] may choose these places.
    open: (bool, bool),
}

/// The graph in rows.
#[derive(Debug, Default)]
struct Rows {
    slots: Vec<Slot>,
    /// Width and place in the file of each slot.
    widths: Vec<f64>,
    keys: Vec<usize>,
    /// Row of each slot.
    row: Vec<usize>,
    /// Slots of each row, left to right.
    rows: Vec<Vec<usize>>,
    /// Lines sorted by row; `lines[first[r]..first[r + 1]]` leave row `r`.
    lines: Vec<Line>,
    first: Vec<usize>,
}

impl Rows {
    fn new(vertices: &[Vertex], nets: &[Net], ranks: &[usize]) -> Self {
        let count = ranks.iter().max().map_or(0, |last| last + 1);
        let mut rows = Self { rows: vec![Vec::new(); count], first: vec![0; count + 1], ..Self::default() };
        for (v, vertex) in vertices.iter().enumerate() {
            rows.add(Slot::Vertex(v), vertex.width, vertex.order, ranks[v]);
        }
        for (number, net) in nets.iter().enumerate() {
            let mut ends: Vec<End> = net.to.clone();
            ends.sort_by_key(|end| (ranks[end.vertex], vertices[end.vertex].order));
            let last = ends.last().map_or(0, |end| ranks[end.vertex]);
            let (mut upper, mut at, mut open) = (net.from.vertex, net.from.at.unwrap_or(0.0), net.from.at.is_none());
            let mut ends = ends.into_iter().peekable();
            for row in ranks[net.from.vertex] + 1..=last {
                while let Some(end) = ends.next_if(|end| ranks[end.vertex] == row) {
                    let at = (at, end.at.unwrap_or(0.0));
                    let line = Line { net: number, upper, lower: end.vertex, at, open: (open, end.at.is_none()) };
                    rows.lines.push(line);
                }
                if row < last {
                    let slot = rows.add(Slot::Net(number), 0.0, vertices[net.from.vertex].order, row);
                    rows.lines.push(Line { net: number, upper, lower: slot, at: (at, 0.0), open: (open, false) });
                    (upper, at, open) = (slot, 0.0, false);
                }
            }
        }
        let row = &rows.row;
        rows.lines.sort_by_key(|line| row[line.upper]);
        rows.lines.iter().for_each(|line| rows.first[row[line.upper] + 1] += 1);
        for r in 0..count {
            rows.first[r + 1] += rows.first[r];
        }
        rows
    }

    fn add(&mut self, slot: Slot, width: f64, key: usize, row: usize) -> usize {
        let number = self.slots.len();
        self.slots.push(slot);
        self.widths.push(width);
        self.keys.push(key);
        self.row.push(row);
        self.rows[row].push(number);
        number
    }

    /// The lines that leave row `r`.
    fn below(&self, r: usize) -> &[Line] {
        &self.lines[self.first[r]..self.first[r + 1]]
    }
}

/// Lays out a graph. Its nets must make no cycle; a vertex that only cycles reach stands in the first row.
pub fn layout(vertices: &[Vertex], nets: &[Net]) -> Layout {
    let ranks = rank::ranks(vertices, nets);
    let mut rows = Rows::new(vertices, nets, &ranks);
    order::sort(&mut rows);
    order::spread(&mut rows);
    let x = place::columns(&rows);
    let heights = place::heights(&rows, vertices, &x);
    finished(&rows, vertices, nets.len(), &x, &heights)
}

/// The upper edge and the height of each row.
type Heights = Vec<(f64, f64)>;

fn finished(rows: &Rows, vertices: &[Vertex], nets: usize, x: &[f64], heights: &Heights) -> Layout {
    let left = x.iter().zip(&rows.widths).map(|(x, width)| x - width / 2.0).fold(f64::INFINITY, f64::min);
    let right = x.iter().zip(&rows.widths).map(|(x, width)| x + width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let left = if left.is_finite() { left } else { 0.0 };
    let x = |slot: usize| x[slot] - left;
    // Upper and lower edge of what stands in a slot, in the middle of its row.
    let edges = |slot: usize| {
        let (top, height) = heights[rows.row[slot]];
        match rows.slots[slot] {
            Slot::Vertex(v) => {
                let idle = (height - vertices[v].height) / 2.0;
                (top + idle, top + height - idle)
            }
            Slot::Net(_) => (top, top + height),
        }
    };
    let mut strokes = vec![Vec::new(); nets];
    for line in &rows.lines {
        let ((_, top), (bottom, _)) = (edges(line.upper), edges(line.lower));
        let (upper, lower) = (heights[rows.row[line.upper]], heights[rows.row[line.lower]]);
        let end = match rows.slots[line.lower] {
            Slot::Vertex(v) => Some(v),
            Slot::Net(_) => None,
        };
        // A net that passes through a row takes its height along.
        let bottom = if end.is_none() { lower.0 + lower.1 } else { bottom };
        strokes[line.net].push(Stroke {
            x: (x(line.upper) + line.at.0, x(line.lower) + line.at.1),
            top,
            bend: (upper.0 + upper.1, lower.0),
            bottom,
            end,
        });
    }
    Layout {
        width: (right - left).max(0.0),
        height: heights.last().map_or(0.0, |(top, height)| top + height),
        places: (0..vertices.len()).map(|v| (x(v), edges(v).0)).collect(),
        strokes,
    }
}

#[cfg(test)]
mod tests;
