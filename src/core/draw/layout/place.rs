//! Coordinates of the slots: horizontally by their neighbours, vertically by row.

use super::{Heights, Line, Rows, Slot, Vertex};

/// Tolerance for missing space: sums of floats are not exact.
const ROUNDING: f64 = 1e-7;

/// Free space between two boxes, and between a box and a line that passes it.
const GAP: f64 = 24.0;
const GAP_LINE: f64 = 15.0;

const SWEEPS: usize = 16;

/// Distance between two rows: the minimum, the minimum to a row of ports, the share of the widest horizontal shift that
/// is added, and the maximum.
const ROW_GAP: f64 = 24.0;
const ROW_GAP_PORTS: f64 = 10.0;
const ROW_GAP_SHARE: f64 = 0.10;
const ROW_GAP_MOST: f64 = 72.0;

/// Computes the centre of every slot.
///
/// Each row in turn is placed as near to where its lines pull it as the order and the gaps allow: a weighted least
/// squares problem under these constraints, which the pool-adjacent-violators algorithm solves exactly (Ayer et al.,
/// Ann. Math. Stat. 26, 1955). Lines that pass through rows pull hardest, so that they stay straight.
pub fn columns(rows: &Rows) -> Vec<f64> {
    let mut x = vec![0.0; rows.slots.len()];
    for row in &rows.rows {
        let separations = separations(rows, row);
        let width: f64 = separations.iter().sum();
        let mut at = -width / 2.0;
        for (slot, separation) in row.iter().zip(separations) {
            at += separation;
            x[*slot] = at;
        }
    }
    let (anchors, weights) = (anchors(rows), pulls(rows));
    anchors.iter().flatten().for_each(|(slot, at)| x[*slot] = *at);
    let count = rows.rows.len();
    for sweep in 0..SWEEPS {
        let (above, below) = if sweep + 4 >= SWEEPS { (true, true) } else { (sweep % 2 == 0, sweep % 2 == 1) };
        for step in 0..count {
            let row = if sweep % 2 == 0 { step } else { count - 1 - step };
            if anchors[row].is_none() {
                settle_row(rows, &weights, &mut x, row, above, below);
            }
        }
    }
    straighten(rows, &anchors, &mut x);
    x
}

/// Finds the rows of a single slot, with its position: everything passes through there, and all of these slots share
/// one vertical line. Without this each fork and join of uneven branches would shift what follows a little further to
/// one side.
fn anchors(rows: &Rows) -> Vec<Option<(usize, f64)>> {
    // For each slot, the sum of the positions of its lines and their number.
    let mut met = vec![(0.0, 0usize); rows.slots.len()];
    for line in &rows.lines {
        for (slot, at) in [(line.upper, line.at.0), (line.lower, line.at.1)] {
            met[slot] = (met[slot].0 + at, met[slot].1 + 1);
        }
    }
    let anchor = |slot: usize| (slot, if met[slot].1 > 0 { -met[slot].0 / met[slot].1 as f64 } else { 0.0 });
    rows.rows.iter().map(|row| if let [slot] = row[..] { Some(anchor(slot)) } else { None }).collect()
}

/// Returns the minimum distance of each slot of a row from the one at its left; 0 for the first.
fn separations(rows: &Rows, row: &[usize]) -> Vec<f64> {
    let gap = |a: usize, b: usize| {
        let boxes = [a, b].iter().filter(|slot| matches!(rows.slots[**slot], Slot::Vertex(_))).count();
        if boxes == 2 { GAP } else { GAP_LINE }
    };
    let between = |pair: &[usize]| (rows.widths[pair[0]] + rows.widths[pair[1]]) / 2.0 + gap(pair[0], pair[1]);
    let mut separations = vec![0.0; row.len().min(1)];
    separations.extend(row.windows(2).map(between));
    separations
}

/// Returns the weight of each line: greatest where a net passes through, then where one box follows another and no
/// other line forks or joins.
fn pulls(rows: &Rows) -> Vec<f64> {
    let degrees = degrees(rows);
    let pull = |line: &Line| match (rows.slots[line.upper], rows.slots[line.lower]) {
        (Slot::Net(_), Slot::Net(_)) => 8.0,
        (Slot::Vertex(_), Slot::Vertex(_)) if degrees[line.upper].0 == 1 && degrees[line.lower].1 == 1 => 6.0,
        (Slot::Vertex(_), Slot::Vertex(_)) => 1.0,
        _ => 2.0,
    };
    rows.lines.iter().map(pull).collect()
}

fn settle_row(rows: &Rows, weights: &[f64], x: &mut [f64], row: usize, above: bool, below: bool) {
    let slots = &rows.rows[row];
    let mut pulls: Vec<(f64, f64)> = vec![(0.0, 0.0); slots.len()];
    let mut place = std::collections::HashMap::with_capacity(slots.len());
    slots.iter().enumerate().for_each(|(i, slot)| _ = place.insert(*slot, i));
    let mut pulled = |slot: usize, to: f64, weight: f64| {
        if let Some(i) = place.get(&slot) {
            pulls[*i].0 += to * weight;
            pulls[*i].1 += weight;
        }
    };
    if above && row > 0 {
        for (line, weight) in rows.below(row - 1).iter().zip(&weights[rows.first[row - 1]..]) {
            pulled(line.lower, x[line.upper] + line.at.0 - line.at.1, *weight);
        }
    }
    if below {
        for (line, weight) in rows.below(row).iter().zip(&weights[rows.first[row]..]) {
            pulled(line.upper, x[line.lower] + line.at.1 - line.at.0, *weight);
        }
    }
    // A slot without any pull stays where it is, but gives way.
    let wanted: Vec<(f64, f64)> = slots
        .iter()
        .zip(pulls)
        .map(|(slot, (sum, weight))| if weight > 0.0 { (sum / weight, weight) } else { (x[*slot], 0.01) })
        .collect();
    for (slot, at) in slots.iter().zip(settled(&wanted, &separations(rows, slots))) {
        x[*slot] = at;
    }
}

/// Returns the positions closest to the wanted ones (position, weight) that keep the separations.
fn settled(wanted: &[(f64, f64)], separations: &[f64]) -> Vec<f64> {
    // After subtracting the separations, positions only have to be non-decreasing.
    let mut offset = 0.0;
    let offsets: Vec<f64> = separations
        .iter()
        .map(|separation| {
            offset += separation;
            offset
        })
        .collect();
    // Blocks that move together: mean, weight, count.
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new();
    for ((place, weight), offset) in wanted.iter().zip(&offsets) {
        let mut block = (place - offset, *weight, 1);
        while let Some((mean, weight, count)) = blocks.pop_if(|last| last.0 >= block.0) {
            let sum = weight + block.1;
            block = ((mean * weight + block.0 * block.1) / sum, sum, count + block.2);
        }
        blocks.push(block);
    }
    let places = blocks.into_iter().flat_map(|(mean, _, count)| std::iter::repeat_n(mean, count));
    places.zip(offsets).map(|(place, offset)| place + offset).collect()
}

/// Puts lines that pass through rows, and boxes that follow each other, into one column over as many rows as their
/// neighbours leave room for. Anchored slots stay.
fn straighten(rows: &Rows, anchors: &[Option<(usize, f64)>], x: &mut [f64]) {
    let mut place = vec![(0, 0); rows.slots.len()];
    for (r, row) in rows.rows.iter().enumerate() {
        row.iter().enumerate().for_each(|(i, slot)| place[*slot] = (r, i));
    }
    let separations: Vec<Vec<f64>> = rows.rows.iter().map(|row| separations(rows, row)).collect();
    // Free space at the left and right of a slot.
    let room = |x: &[f64], slot: usize| {
        let (r, i) = place[slot];
        if anchors[r].is_some() {
            return (x[slot], x[slot]);
        }
        let low = if i > 0 { x[rows.rows[r][i - 1]] + separations[r][i] } else { f64::NEG_INFINITY };
        let next = rows.rows[r].get(i + 1);
        (low, next.map_or(f64::INFINITY, |next| x[*next] - separations[r][i + 1]))
    };
    // In the second round each finds the space that the others have freed.
    let chains = chains(rows);
    for chain in chains.iter().chain(chains.iter().rev()) {
        let mut begin = 0;
        while begin < chain.len() {
            let (mut low, mut high) = room(x, chain[begin]);
            let (mut end, mut sum) = (begin + 1, x[chain[begin]]);
            while let Some(slot) = chain.get(end) {
                let (l, h) = room(x, *slot);
                if low.max(l) > high.min(h) + ROUNDING {
                    break;
                }
                (low, high) = (low.max(l), high.min(h));
                sum += x[*slot];
                end += 1;
            }
            let middle = sum / (end - begin) as f64;
            let straight = if low <= high { middle.clamp(low, high) } else { (low + high) / 2.0 };
            chain[begin..end].iter().for_each(|slot| x[*slot] = straight);
            begin = end;
        }
    }
}

/// Returns the slots that should share a column: first those of each net that passes through rows, then boxes that are
/// each the only successor of the one before and have no other predecessor.
fn chains(rows: &Rows) -> Vec<Vec<usize>> {
    let degrees = degrees(rows);
    let mut next: Vec<Option<usize>> = vec![None; rows.slots.len()];
    let mut follows = vec![false; rows.slots.len()];
    for line in &rows.lines {
        let passes = matches!((rows.slots[line.upper], rows.slots[line.lower]), (Slot::Net(_), Slot::Net(_)));
        let alone = degrees[line.upper].0 == 1 && degrees[line.lower].1 == 1 && line.at.0 == line.at.1;
        if passes || alone {
            next[line.upper] = Some(line.lower);
            follows[line.lower] = true;
        }
    }
    let chain = |first: usize| std::iter::successors(Some(first), |slot| next[*slot]).collect::<Vec<_>>();
    let begins = (0..rows.slots.len()).filter(|slot| !follows[*slot] && next[*slot].is_some());
    let (nets, boxes): (Vec<_>, Vec<_>) =
        begins.map(chain).partition(|chain| chain.iter().any(|slot| matches!(rows.slots[*slot], Slot::Net(_))));
    nets.into_iter().chain(boxes).collect()
}

/// Returns how many lines leave each slot, and how many enter it.
fn degrees(rows: &Rows) -> Vec<(usize, usize)> {
    let mut degrees = vec![(0, 0); rows.slots.len()];
    for line in &rows.lines {
        degrees[line.upper].0 += 1;
        degrees[line.lower].1 += 1;
    }
    degrees
}

/// Computes the upper edge and height of each row. A row of ports has height zero; all others are higher.
pub fn heights(rows: &Rows, vertices: &[Vertex], x: &[f64]) -> Heights {
    let mut heights = Vec::with_capacity(rows.rows.len());
    let mut top = 0.0;
    let height_of = |row: &Vec<usize>| {
        let height = |slot: &usize| match rows.slots[*slot] {
            Slot::Vertex(v) => vertices[v].height,
            Slot::Net(_) => 0.0,
        };
        row.iter().map(height).fold(0.0, f64::max)
    };
    for (r, row) in rows.rows.iter().enumerate() {
        let height = height_of(row);
        heights.push((top, height));
        let next = rows.rows.get(r + 1).map_or(0.0, height_of);
        let least = if height == 0.0 || next == 0.0 { ROW_GAP_PORTS } else { ROW_GAP };
        let over = |line: &Line| (x[line.upper] + line.at.0 - x[line.lower] - line.at.1).abs();
        let widest = rows.below(r).iter().map(over).fold(0.0, f64::max);
        top += height + (least + ROW_GAP_SHARE * widest).min(ROW_GAP_MOST);
    }
    heights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_settle_as_near_as_they_may() {
        assert_eq!(settled(&[(5.0, 1.0)], &[0.0]), [5.0]);
        assert_eq!(settled(&[(0.0, 1.0), (100.0, 1.0)], &[0.0, 10.0]), [0.0, 100.0]);
        // Both want 0 and must be 10 apart: each gives way by half, or the lighter one by more.
        assert_eq!(settled(&[(0.0, 1.0), (0.0, 1.0)], &[0.0, 10.0]), [-5.0, 5.0]);
        assert_eq!(settled(&[(0.0, 3.0), (0.0, 1.0)], &[0.0, 10.0]), [-2.5, 7.5]);
        // In the wrong order.
        let three = settled(&[(9.0, 1.0), (3.0, 1.0), (0.0, 1.0)], &[0.0, 2.0, 2.0]);
        assert_eq!(three, [2.0, 4.0, 6.0]);
    }
}
