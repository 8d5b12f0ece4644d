//! Finds the parts of a contracted graph that lie on a cycle: nodes merged into one box must not be left and entered
//! again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Returns, for each of `count` vertices, whether it lies on a cycle through other vertices. Uses Tarjan's strongly
/// connected components (SIAM J. Comput. 1, 1972), without recursion, since a graph may be thousands of nodes deep.
pub fn on_cycle(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut targets = vec![Vec::new(); count];
    edges.iter().for_each(|(from, to)| targets[*from].push(*to));
    let mut tarjan = Tarjan {
        targets: &targets,
        index: vec![usize::MAX; count],
        low: vec![0; count],
        open: Vec::new(),
        is_open: vec![false; count],
        next: 0,
        found: vec![false; count],
    };
    (0..count).for_each(|root| tarjan.visit(root));
    tarjan.found
}

/// Returns the vertices of a graph in topological order; among several candidates, the one with the smallest `key`.
pub fn order<K: Ord, T: IntoIterator<Item = usize>>(
    count: usize,
    key: impl Fn(usize) -> K,
    targets: impl Fn(usize) -> T,
) -> Vec<usize> {
    let mut waits = vec![0usize; count];
    (0..count).flat_map(&targets).for_each(|to| waits[to] += 1);
    let entry = |v: usize| Reverse((key(v), v));
    let mut ready: BinaryHeap<_> = (0..count).filter(|v| waits[*v] == 0).map(entry).collect();
    let mut order = Vec::with_capacity(count);
    while let Some(Reverse((_, v))) = ready.pop() {
        order.push(v);
        for to in targets(v) {
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(entry(to));
            }
        }
    }
    order
}

struct Tarjan<'a> {
    targets: &'a [Vec<usize>],
    index: Vec<usize>,
    low: Vec<usize>,
    open: Vec<usize>,
    is_open: Vec<bool>,
    next: usize,
    found: Vec<bool>,
}

impl Tarjan<'_> {
    fn visit(&mut self, root: usize) {
        if self.index[root] != usize::MAX {
            return;
        }
        // Each entry is a vertex and the edge of it to be visited next.
        self.enter(root);
        let mut path = vec![(root, 0)];
        while let Some((v, edge)) = path.last_mut() {
            let v = *v;
            let Some(to) = self.targets[v].get(*edge).copied() else {
                path.pop();
                self.leave(v);
                if let Some((parent, _)) = path.last() {
                    self.low[*parent] = self.low[*parent].min(self.low[v]);
                }
                continue;
            };
            *edge += 1;
            if self.index[to] == usize::MAX {
                self.enter(to);
                path.push((to, 0));
            } else if self.is_open[to] {
                self.low[v] = self.low[v].min(self.index[to]);
            }
        }
    }

    fn enter(&mut self, v: usize) {
        (self.index[v], self.low[v]) = (self.next, self.next);
        self.next += 1;
        self.open.push(v);
        self.is_open[v] = true;
    }

    /// Closes the component whose first vertex is `v`.
    fn leave(&mut self, v: usize) {
        if self.low[v] != self.index[v] {
            return;
        }
        let alone = self.open.last() == Some(&v);
        while let Some(w) = self.open.pop() {
            self.is_open[w] = false;
            self.found[w] = !alone;
            if w == v {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_vertices_of_cycles_are_found() {
        let edges = [(0, 1), (1, 2), (2, 1), (2, 3), (3, 4), (4, 5), (5, 3), (5, 6), (6, 6)];
        assert_eq!(on_cycle(7, &edges), [false, true, true, true, true, true, false]);
        assert_eq!(on_cycle(0, &[]), [false; 0]);
    }

    #[test]
    fn a_deep_graph_is_no_deep_recursion() {
        let chain: Vec<_> = (0..200_000).map(|v| (v, v + 1)).collect();
        assert!(on_cycle(200_001, &chain).iter().all(|found| !found));
        let ring: Vec<_> = chain.iter().copied().chain([(200_000, 0)]).collect();
        assert!(on_cycle(200_001, &ring).iter().all(|found| *found));
    }
}
