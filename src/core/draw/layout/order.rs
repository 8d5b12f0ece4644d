//! The order within each row: that of the file, unless another one has fewer crossings.

use super::{Line, Rows};

/// Maximum number of sweeps over all rows. The cost of a sweep grows with the number of lines.
const SWEEPS: usize = 24;

/// Maximum number of sweeps for graphs of more than [`LARGE`] slots.
const SWEEPS_LARGE: usize = 6;
const LARGE: usize = 20_000;

/// Sorts the rows: first by position in the file, then by barycentres, downwards and upwards in turn, for as long as it
/// helps. The order of the file is kept where no other has fewer crossings.
pub fn sort(rows: &mut Rows) {
    for row in &mut rows.rows {
        row.sort_by_key(|slot| (rows.keys[*slot], *slot));
    }
    let mut place = places(rows);
    let (mut least, mut best) = (crossings(rows, &place), rows.rows.clone());
    let sweeps = if rows.slots.len() > LARGE { SWEEPS_LARGE } else { SWEEPS };
    let mut idle = 0;
    for sweep in 0..sweeps {
        if least == 0 || idle == 4 {
            break;
        }
        let down = sweep % 2 == 0;
        let count = rows.rows.len();
        for step in 1..count {
            let (fixed, row) = if down { (step - 1, step) } else { (count - step, count - 1 - step) };
            barycentre(rows, &mut place, fixed, row);
        }
        let crossed = crossings(rows, &place);
        idle += 1;
        if crossed < least {
            (least, best, idle) = (crossed, rows.rows.clone(), 0);
        }
    }
    rows.rows = best;
}

/// Returns the place of each slot in its row.
fn places(rows: &Rows) -> Vec<usize> {
    let mut place = vec![0; rows.slots.len()];
    rows.rows.iter().flat_map(|row| row.iter().enumerate()).for_each(|(i, slot)| place[*slot] = i);
    place
}

/// Returns the place where a line meets a slot, measured in slots from the left: lines at the left of a wide box come
/// before those at its right.
fn spot(rows: &Rows, place: &[usize], slot: usize, at: f64) -> f64 {
    place[slot] as f64 + if rows.widths[slot] > 0.0 { at / (rows.widths[slot] * 1.01) } else { 0.0 }
}

/// Sorts `row` by the mean position of its neighbours in `fixed`.
fn barycentre(rows: &mut Rows, place: &mut [usize], fixed: usize, row: usize) {
    let mut sums = vec![(0.0, 0usize); rows.rows[row].len()];
    for line in rows.below(fixed.min(row)) {
        let upper = spot(rows, place, line.upper, line.at.0);
        let lower = spot(rows, place, line.lower, line.at.1);
        let (own, other) = if row > fixed { (line.lower, upper) } else { (line.upper, lower) };
        let sum = &mut sums[place[own]];
        *sum = (sum.0 + other, sum.1 + 1);
    }
    // A slot without neighbours follows the one at its left.
    let mut last = 0.0;
    let mut keyed: Vec<(f64, usize)> = Vec::with_capacity(sums.len());
    for (slot, (sum, count)) in rows.rows[row].iter().zip(sums) {
        last = if count > 0 { sum / count as f64 } else { last };
        keyed.push((last, *slot));
    }
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.rows[row] = keyed.into_iter().map(|(_, slot)| slot).collect();
    rows.rows[row].iter().enumerate().for_each(|(i, slot)| place[*slot] = i);
}

pub fn crossings(rows: &Rows, place: &[usize]) -> u64 {
    (0..rows.rows.len()).map(|row| crossings_below(rows, place, row)).sum()
}

/// Counts the inversions among the lower ends of lines sorted by their upper ends, in a tree of sums (Barth, Jünger and
/// Mutzel, "Simple and Efficient Bilayer Cross Counting", 2002).
fn crossings_below(rows: &Rows, place: &[usize], row: usize) -> u64 {
    let lines = rows.below(row);
    if lines.len() < 2 {
        return 0;
    }
    let ends = |line: &Line| (spot(rows, place, line.upper, line.at.0), spot(rows, place, line.lower, line.at.1));
    let mut ends: Vec<(f64, f64)> = lines.iter().map(ends).collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut lower: Vec<f64> = ends.iter().map(|end| end.1).collect();
    lower.sort_by(f64::total_cmp);
    lower.dedup();
    let mut sums = vec![0u64; lower.len() + 1];
    let (mut crossed, mut seen) = (0, 0u64);
    // Lines from the same place do not cross each other.
    let mut group = 0;
    for at in 0..ends.len() {
        if at + 1 < ends.len() && ends[at + 1].0 == ends[at].0 {
            continue;
        }
        for end in &ends[group..=at] {
            crossed += seen - up_to(&sums, lower.partition_point(|y| *y <= end.1));
        }
        for end in &ends[group..=at] {
            add(&mut sums, lower.partition_point(|y| *y < end.1) + 1);
            seen += 1;
        }
        group = at + 1;
    }
    crossed
}

fn up_to(sums: &[u64], mut at: usize) -> u64 {
    let mut sum = 0;
    while at > 0 {
        sum += sums[at];
        at &= at - 1;
    }
    sum
}

fn add(sums: &mut [u64], mut at: usize) {
    while at < sums.len() {
        sums[at] += 1;
        at += at & at.wrapping_neg();
    }
}

/// Maximum distance between two lines that meet the same box.
const SPREAD: f64 = 26.0;

/// Chooses where lines meet the boxes that leave it open: side by side, in the order of their other ends.
pub fn spread(rows: &mut Rows) {
    let place = places(rows);
    let mut tops: Vec<Vec<usize>> = vec![Vec::new(); rows.slots.len()];
    let mut bottoms: Vec<Vec<usize>> = vec![Vec::new(); rows.slots.len()];
    for (number, line) in rows.lines.iter().enumerate() {
        if line.open.1 {
            tops[line.lower].push(number);
        }
        if line.open.0 {
            bottoms[line.upper].push(number);
        }
    }
    for (slot, mut lines) in tops.into_iter().enumerate() {
        lines.sort_by(|a, b| {
            let from = |n: usize| spot(rows, &place, rows.lines[n].upper, rows.lines[n].at.0);
            from(*a).total_cmp(&from(*b)).then(a.cmp(b))
        });
        for (number, at) in lines.iter().zip(offsets(lines.len(), rows.widths[slot])) {
            rows.lines[*number].at.1 = at;
        }
    }
    for (slot, lines) in bottoms.into_iter().enumerate() {
        // All lines of a net leave from the same point.
        let mut nets: Vec<(usize, f64, usize)> = Vec::new();
        for n in lines.iter().map(|n| &rows.lines[*n]) {
            let to = spot(rows, &place, n.lower, n.at.1);
            match nets.iter_mut().find(|(net, _, _)| *net == n.net) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + to, *count + 1),
                None => nets.push((n.net, to, 1)),
            }
        }
        nets.sort_by(|a, b| (a.1 / a.2 as f64).total_cmp(&(b.1 / b.2 as f64)).then(a.0.cmp(&b.0)));
        let offsets = offsets(nets.len(), rows.widths[slot]);
        for number in lines {
            let line = &mut rows.lines[number];
            if let Some(at) = nets.iter().position(|(net, _, _)| *net == line.net) {
                line.at.0 = offsets[at];
            }
        }
    }
}

/// Returns `count` positions around the centre of a box.
fn offsets(count: usize, width: f64) -> Vec<f64> {
    let step = if count > 1 { SPREAD.min((width - 24.0).max(0.0) / (count - 1) as f64) } else { 0.0 };
    (0..count).map(|i| step * (i as f64 - (count as f64 - 1.0) / 2.0)).collect()
}
