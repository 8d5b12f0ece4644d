//! A layered layout of a directed acyclic graph, top to bottom, after Sugiyama, Tagawa and Toda (IEEE Trans. Syst. Man
//! Cybern. 11, 1981): layer assignment by longest path ([`rank`]), crossing reduction ([`order`]), coordinate
//! assignment ([`place`]).
//!
//! A net (one value and all its readers) is drawn as one tree of lines: the readers share a trunk for as long as they
//! can, so that a value read in many rows costs one line instead of many. The layout is deterministic.

pub mod nest;
mod order;
mod place;
mod rank;

#[derive(Debug, Clone, PartialEq)]
pub struct Vertex {
    pub width: f64,
    pub height: f64,
    /// Order among its neighbours when nothing else decides: the position in the file.
    pub order: usize,
    pub pin: Pin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    Free,
    First,
    Last,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct End {
    pub vertex: usize,
    /// Offset at which the line meets it, to the right of its centre; `None` lets the layout choose.
    pub at: Option<f64>,
}

/// A value: the vertex that produces it and those that read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    pub from: End,
    /// The readers, each listed once.
    pub to: Vec<End>,
}

/// A segment of a net: straight down from `top` at `x.0` to `bend.0`, across to `x.1` at `bend.1`, straight down to
/// `bottom`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stroke {
    pub x: (f64, f64),
    pub top: f64,
    /// Heights between which it crosses from one position to the other.
    pub bend: (f64, f64),
    pub bottom: f64,
    /// Vertex at which it ends; `None` if it continues.
    pub end: Option<usize>,
}

/// Coordinates of everything, measured from the upper left corner.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    pub width: f64,
    pub height: f64,
    /// Horizontal centre and upper edge of each vertex.
    pub places: Vec<(f64, f64)>,
    pub strokes: Vec<Vec<Stroke>>,
}

/// Occupant of a place in a row: a vertex, or a net that passes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    Vertex(usize),
    Net(usize),
}

/// A line between neighbouring rows, given by the indices of its slots.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    net: usize,
    upper: usize,
    lower: usize,
    /// Offsets at which it meets its slots, to the right of their centres.
    at: (f64, f64),
    /// Whether [`order`] may choose these offsets.
    open: (bool, bool),
}

#[derive(Debug, Default)]
struct Rows {
    slots: Vec<Slot>,
    /// Width and file position of each slot.
    widths: Vec<f64>,
    keys: Vec<usize>,
    row: Vec<usize>,
    rows: Vec<Vec<usize>>,
    /// Lines sorted by row; `lines[first[r]..first[r + 1]]` start in row `r`.
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

    /// Returns the lines that start in row `r`.
    fn below(&self, r: usize) -> &[Line] {
        &self.lines[self.first[r]..self.first[r + 1]]
    }
}

/// Lays out a graph. Its nets must form no cycle; a vertex that is reached only through cycles is put into the first
/// row.
pub fn layout(vertices: &[Vertex], nets: &[Net]) -> Layout {
    let ranks = rank::ranks(vertices, nets);
    let mut rows = Rows::new(vertices, nets, &ranks);
    order::sort(&mut rows);
    order::spread(&mut rows);
    let x = place::columns(&rows);
    let heights = place::heights(&rows, vertices, &x);
    finished(&rows, vertices, nets.len(), &x, &heights)
}

/// Upper edge and height of each row.
type Heights = Vec<(f64, f64)>;

fn finished(rows: &Rows, vertices: &[Vertex], nets: usize, x: &[f64], heights: &Heights) -> Layout {
    let left = x.iter().zip(&rows.widths).map(|(x, width)| x - width / 2.0).fold(f64::INFINITY, f64::min);
    let right = x.iter().zip(&rows.widths).map(|(x, width)| x + width / 2.0).fold(f64::NEG_INFINITY, f64::max);
    let left = if left.is_finite() { left } else { 0.0 };
    let x = |slot: usize| x[slot] - left;
    // Upper and lower edge of a slot's occupant, centred in its row.
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
        // A net that passes through a row also crosses that row's height.
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
