//! Assignment of vertices to rows.

use super::{Net, Pin, Vertex};
use crate::draw::acyclic;

const ROUNDS: usize = 3;

/// Assigns rows by longest path, then shortens lines: a vertex that produces more values than it reads moves down to
/// its readers.
pub fn ranks(vertices: &[Vertex], nets: &[Net]) -> Vec<usize> {
    let mut leaves: Vec<Vec<usize>> = vec![Vec::new(); vertices.len()];
    let mut enters: Vec<Vec<usize>> = vec![Vec::new(); vertices.len()];
    for (number, net) in nets.iter().enumerate() {
        leaves[net.from.vertex].push(number);
        net.to.iter().for_each(|end| enters[end.vertex].push(number));
    }
    let readers = |v: usize| leaves[v].iter().flat_map(|n| &nets[*n].to).map(|end| end.vertex);
    let order = acyclic::order(vertices.len(), |v| vertices[v].order, readers);
    let first = usize::from(vertices.iter().any(|v| v.pin == Pin::First));
    let mut ranks: Vec<usize> =
        vertices.iter().map(|vertex| if vertex.pin == Pin::First { 0 } else { first }).collect();
    for &v in &order {
        up(v, vertices, nets, &enters, first, &mut ranks);
    }
    for _ in 0..ROUNDS {
        for &v in order.iter().rev() {
            let nearest = readers(v).map(|reader| ranks[reader]).min();
            if let (Some(nearest), Pin::Free, true) =
                (nearest, vertices[v].pin, weight(v, nets, &leaves, &enters).is_gt())
            {
                ranks[v] = ranks[v].max(nearest - 1);
            }
        }
        for &v in &order {
            if weight(v, nets, &leaves, &enters).is_lt() {
                up(v, vertices, nets, &enters, first, &mut ranks);
            }
        }
    }
    // Rows that are now empty, and the last one.
    let last = ranks.iter().max().copied().unwrap_or(0);
    let mut used = vec![false; last + 1];
    ranks.iter().zip(vertices).filter(|(_, v)| v.pin != Pin::Last).for_each(|(rank, _)| used[*rank] = true);
    let mut next = 0;
    let mut packed = Vec::with_capacity(used.len());
    for used in used {
        packed.push(next);
        next += usize::from(used);
    }
    ranks.iter().zip(vertices).map(|(rank, v)| if v.pin == Pin::Last { next } else { packed[*rank] }).collect()
}

/// Compares the number of lines that moving a vertex down would shorten with the number that it would lengthen. Nets
/// are counted rather than readers, since the readers of a net share its trunk.
fn weight(v: usize, nets: &[Net], leaves: &[Vec<usize>], enters: &[Vec<usize>]) -> std::cmp::Ordering {
    // An incoming line that continues further down anyway costs nothing.
    let held = enters[v].iter().filter(|n| nets[**n].to.len() == 1).count();
    leaves[v].len().cmp(&held)
}

/// Returns the highest row that the vertices it reads allow.
fn up(v: usize, vertices: &[Vertex], nets: &[Net], enters: &[Vec<usize>], first: usize, ranks: &mut [usize]) {
    if vertices[v].pin != Pin::First {
        ranks[v] = enters[v].iter().map(|n| ranks[nets[*n].from.vertex] + 1).max().unwrap_or(first);
    }
}
