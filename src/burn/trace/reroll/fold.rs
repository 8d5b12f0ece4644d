//! Folding of a loop's iterations into one, if each performs the same operations on the results of the one before.

use std::collections::{HashMap, HashSet};

use burn::backend::TensorData;
use burn::backend::ir::{BaseOperationIr as B, OperationIr, TensorId, TensorIr};

use super::ids::{Fresh, Renamed, renamed};
use super::marks::{Along, Mark};
use super::step::{Step, base, reshape, step, written};
use super::{Tape, tokens};

/// Operations that may form a loop: `turns` repetitions of the `period` operations from `start` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Region {
    pub start: usize,
    pub period: usize,
    pub turns: usize,
}

pub(super) struct Folded {
    pub run: Tape,
    /// Index of the first operation after the loop.
    pub end: usize,
}

/// Returns the run with the region folded to one iteration between two [marks](Mark); `None` if the region is not a
/// loop.
pub(super) fn fold(
    run: &Tape,
    values: &HashMap<TensorId, TensorData>,
    region: Region,
    fresh: &mut Fresh,
) -> Option<Folded> {
    let turns = Turns::of(run, values, region);
    let mut body = Body::default();
    for place in 0..region.period {
        let role = turns.role(place, &body)?;
        body.roles.push(role);
    }
    body.states = turns.states(&body)?;
    let (after, outputs) = turns.after(&mut body, fresh)?;
    let (before, inside) = turns.operations(&body);
    let (begin, inside, end) = turns.enclose(&body, inside)?;
    let mut operations = run.operations[..region.start].to_vec();
    operations.extend(before);
    operations.push(begin.begin());
    operations.extend(inside);
    operations.push(end.end());
    let end = operations.len();
    operations.extend(after);
    Some(Folded { run: Tape { operations, outputs, sizes: run.sizes.clone() }, end })
}

/// Origin of the operand at one position, across all iterations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Source {
    /// From outside the loop: the same in each iteration.
    Outside,
    /// From the same iteration.
    Same(Spot),
    /// From the previous iteration; in the first iteration it is this tensor.
    Before(TensorId, Spot),
}

/// The `out`-th result of the operation at a position within the iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Spot {
    place: usize,
    out: usize,
}

/// Role of an operation in the loop.
#[derive(Debug, Clone)]
enum Role {
    /// Computes the same in each iteration.
    Invariant,
    /// Takes the iteration's element of a tensor.
    Item(Along),
    /// Writes this result of the iteration into a tensor.
    Store(Spot, Along),
    /// Computes something else.
    Plain(Vec<Source>),
}

/// A tensor carried from iteration to iteration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct State {
    first: TensorId,
    next: Spot,
}

/// Results of all iterations, joined.
struct Collected {
    spot: Spot,
    along: Along,
    whole: TensorIr,
}

#[derive(Default)]
struct Body {
    roles: Vec<Role>,
    states: Vec<State>,
    /// Final value of each state.
    last: Vec<TensorIr>,
    collected: Vec<Collected>,
}

struct Turns<'a> {
    run: &'a Tape,
    values: &'a HashMap<TensorId, TensorData>,
    region: Region,
    made: HashMap<TensorId, (usize, Spot)>,
}

impl<'a> Turns<'a> {
    fn of(run: &'a Tape, values: &'a HashMap<TensorId, TensorData>, region: Region) -> Self {
        let mut made = HashMap::new();
        let inside = &run.operations[region.start..region.start + region.period * region.turns];
        for (index, op) in inside.iter().enumerate() {
            let (turn, place) = (index / region.period, index % region.period);
            made.extend(op.outputs().enumerate().map(|(out, tensor)| (tensor.id, (turn, Spot { place, out }))));
        }
        Self { run, values, region, made }
    }

    fn op(&self, turn: usize, place: usize) -> &'a OperationIr {
        &self.run.operations[self.region.start + turn * self.region.period + place]
    }

    fn tensor(&self, turn: usize, spot: Spot) -> Option<&'a TensorIr> {
        self.op(turn, spot.place).outputs().nth(spot.out)
    }

    fn role(&self, place: usize, body: &Body) -> Option<Role> {
        let all: Vec<&OperationIr> = (0..self.region.turns).map(|turn| self.op(turn, place)).collect();
        if let Some(steps) = all.iter().map(|op| step(op)).collect::<Option<Vec<_>>>()
            && steps.iter().any(|step| step.at != steps[0].at)
        {
            let sources: Vec<TensorId> = steps.iter().map(|step| step.source).collect();
            let outside = self.source(&sources)? == Source::Outside;
            return outside.then(|| Some(Role::Item(self.along(&steps)?)))?;
        }
        if let Some(stores) = all.iter().map(|op| written(op)).collect::<Option<Vec<_>>>()
            && stores.iter().any(|(step, _)| step.at != stores[0].0.at)
        {
            let (steps, values): (Vec<Step>, Vec<TensorId>) =
                stores.iter().map(|(step, value)| (*step, value.id)).unzip();
            let sources: Vec<TensorId> = steps.iter().map(|step| step.source).collect();
            let chained = matches!(self.source(&sources)?, Source::Before(_, spot) if spot == Spot { place, out: 0 });
            let Source::Same(value) = self.source(&values)? else { return None };
            if matches!(body.roles.get(value.place), Some(Role::Store(..))) {
                return None;
            }
            return chained.then(|| Some(Role::Store(value, self.along(&steps)?)))?;
        }
        let first = tokens::strict(all[0]);
        let same = all.iter().all(|op| tokens::strict(op) == first);
        let operands: Vec<Vec<TensorId>> = all.iter().map(|op| op.inputs().map(|tensor| tensor.id).collect()).collect();
        let count = operands[0].len();
        if !same || operands.iter().any(|list| list.len() != count) {
            return None;
        }
        let operand = |at: usize| self.source(&operands.iter().map(|list| list[at]).collect::<Vec<_>>());
        let sources = (0..count).map(operand).collect::<Option<Vec<_>>>()?;
        let fixed = |source: &Source| match source {
            Source::Outside => true,
            Source::Same(spot) => matches!(body.roles.get(spot.place), Some(Role::Invariant)),
            Source::Before(..) => false,
        };
        Some(if sources.iter().all(fixed) { Role::Invariant } else { Role::Plain(sources) })
    }

    /// Returns the origin of these tensors, one for each iteration.
    fn source(&self, ids: &[TensorId]) -> Option<Source> {
        let made: Vec<Option<(usize, Spot)>> = ids.iter().map(|id| self.made.get(id).copied()).collect();
        if made.iter().all(Option::is_none) {
            let value = |id: &TensorId| self.values.get(id);
            let alike = |id: &TensorId| match (value(id), value(&ids[0])) {
                (Some(a), Some(b)) => a.shape() == b.shape() && a.dtype() == b.dtype() && a.as_bytes() == b.as_bytes(),
                _ => false,
            };
            return ids.iter().all(|id| *id == ids[0] || alike(id)).then_some(Source::Outside);
        }
        let (_, spot) = made.last().copied().flatten()?;
        let from = |turn: usize, by: usize| made[turn] == turn.checked_sub(by).map(|turn| (turn, spot));
        if (0..ids.len()).all(|turn| from(turn, 0)) {
            return Some(Source::Same(spot));
        }
        (0..ids.len()).all(|turn| from(turn, 1)).then_some(Source::Before(ids[0], spot))
    }

    /// Returns the axis along which steps go from one end to the other.
    fn along(&self, steps: &[Step]) -> Option<Along> {
        let axis = steps[0].axis;
        let on_axis = steps.iter().all(|step| step.axis == axis && step.length == self.region.turns);
        self.direction(axis, steps.iter().map(|step| step.at)).filter(|_| on_axis)
    }

    /// Returns the direction in which the iterations go along an axis, from the place of each.
    fn direction(&self, axis: usize, places: impl Iterator<Item = usize> + Clone) -> Option<Along> {
        let (forwards, turns) = (places.clone().eq(0..self.region.turns), 0..self.region.turns);
        (forwards || places.eq(turns.rev())).then_some(Along { axis, backwards: !forwards })
    }

    fn states(&self, body: &Body) -> Option<Vec<State>> {
        let mut states: Vec<State> = Vec::new();
        for (place, role) in body.roles.iter().enumerate() {
            let Role::Plain(sources) = role else { continue };
            for (at, source) in sources.iter().enumerate() {
                let (Source::Same(spot) | Source::Before(_, spot)) = *source else { continue };
                // Tensors that a loop collects cannot be read before it ends.
                if matches!(body.roles[spot.place], Role::Store(..)) {
                    return None;
                }
                let Source::Before(first, next) = *source else { continue };
                let (begins, goes_on) = (self.op(0, place).inputs().nth(at)?, self.tensor(0, next)?);
                let same_next = states.iter().find(|state| state.next == next);
                if begins.shape != goes_on.shape
                    || begins.dtype != goes_on.dtype
                    || same_next.is_some_and(|s| s.first != first)
                {
                    return None;
                }
                if same_next.is_none() {
                    states.push(State { first, next });
                }
            }
        }
        Some(states)
    }

    /// Returns the operations after the loop, reading the loop's outputs, and the outputs of the run.
    fn after(&self, body: &mut Body, fresh: &mut Fresh) -> Option<(Vec<OperationIr>, Vec<TensorId>)> {
        let last = |state: &State| Some(fresh.like(self.tensor(0, state.next)?));
        body.last = body.states.iter().map(last).collect::<Option<_>>()?;
        let mut names = HashMap::new();
        let mut operations = Vec::new();
        let rest = &self.run.operations[self.region.start + self.region.period * self.region.turns..];
        let reshapes = rest.iter().filter_map(reshape).map(|(input, out)| (out.id, input)).collect();
        let together: Vec<Option<Collected>> = rest.iter().map(|op| self.collected(op, &reshapes)).collect();
        let others =
            rest.iter().zip(&together).filter(|(_, collected)| collected.is_none()).flat_map(|(op, _)| op.inputs());
        let read: HashSet<TensorId> = others.map(|tensor| tensor.id).chain(self.run.outputs.iter().copied()).collect();
        for (op, collected) in rest.iter().zip(together) {
            if let Some(collected) = collected {
                body.collected.push(collected);
                continue;
            }
            // A reshape whose only purpose was to collect a result is no longer needed.
            if reshape(op).is_some_and(|(_, out)| !read.contains(&out.id)) {
                continue;
            }
            let mut op = op.clone();
            for tensor in op.inputs() {
                self.leave(tensor.id, body, &mut names)?;
            }
            op.visit_mut(&mut Renamed(&names));
            operations.push(op);
        }
        let mut output = |id: &TensorId| {
            self.leave(*id, body, &mut names)?;
            Some(renamed(&names, *id))
        };
        let outputs = self.run.outputs.iter().map(&mut output).collect::<Option<_>>()?;
        Some((operations, outputs))
    }

    /// Finds the new name of a tensor that is read after the loop.
    fn leave(&self, id: TensorId, body: &mut Body, names: &mut HashMap<TensorId, TensorId>) -> Option<()> {
        let Some((turn, spot)) = self.made.get(&id).copied() else { return Some(()) };
        let is_last = turn + 1 == self.region.turns;
        match &body.roles[spot.place] {
            Role::Invariant => {
                names.insert(id, self.tensor(1, spot)?.id);
            }
            Role::Store(value, along) if is_last => {
                let (spot, along) = (*value, *along);
                if body.collected.iter().all(|collected| collected.whole.id != id) {
                    body.collected.push(Collected {
                        spot,
                        along,
                        whole: self.tensor(turn, Spot { place: self.made[&id].1.place, out: 0 })?.clone(),
                    });
                }
            }
            _ if is_last => {
                let state = body.states.iter().position(|state| state.next == spot)?;
                names.insert(id, body.last[state].id);
            }
            _ => return None,
        }
        Some(())
    }

    /// Recognises a concatenation of one result of every iteration, as produced or with an additional axis.
    fn collected(&self, op: &OperationIr, reshapes: &HashMap<TensorId, &TensorIr>) -> Option<Collected> {
        let B::Cat(cat) = base(op)? else { return None };
        let axis = cat.dim;
        let result = |tensor: &TensorIr| match self.made.get(&tensor.id) {
            Some(made) => Some(*made),
            None => {
                let input = reshapes.get(&tensor.id).filter(|input| drops(tensor, axis, input))?;
                self.made.get(&input.id).copied()
            }
        };
        let made: Vec<(usize, Spot)> = cat.tensors.iter().map(result).collect::<Option<_>>()?;
        let spot = made.first()?.1;
        let single = cat.tensors.iter().all(|tensor| tensor.shape[axis] == 1);
        let along = self.direction(axis, made.iter().map(|(turn, _)| *turn))?;
        let all = single && made.iter().all(|(_, its)| *its == spot);
        all.then(|| Collected { spot, along, whole: cat.out.clone() })
    }

    /// Splits the operations of an iteration into the invariant ones, which move before the loop, and the others.
    fn operations(&self, body: &Body) -> (Vec<OperationIr>, Vec<OperationIr>) {
        let (mut before, mut inside) = (Vec::new(), Vec::new());
        for (place, role) in body.roles.iter().enumerate() {
            // The second iteration reads the state under its name in the first.
            let op = self.op(1, place).clone();
            match role {
                Role::Invariant => before.push(op),
                Role::Plain(_) => inside.push(op),
                Role::Item(_) | Role::Store(..) => {}
            }
        }
        (before, inside)
    }

    /// Encloses the operations inside between their marks.
    fn enclose(&self, body: &Body, mut inside: Vec<OperationIr>) -> Option<(Mark, Vec<OperationIr>, Mark)> {
        let (mut begin, mut end) = (Mark::default(), Mark::default());
        for (state, last) in body.states.iter().zip(&body.last) {
            let first = TensorIr { id: state.first, ..last.clone() };
            begin.push(first, self.tensor(0, state.next)?.clone());
            end.push(self.tensor(1, state.next)?.clone(), last.clone());
        }
        let mut names: HashMap<TensorId, TensorId> = HashMap::new();
        for (place, role) in body.roles.iter().enumerate() {
            let Role::Item(along) = *role else { continue };
            let (whole, item) = (self.op(1, place).inputs().next()?, self.tensor(1, Spot { place, out: 0 })?);
            match begin.find(whole.id, along) {
                Some(known) => drop(names.insert(item.id, known)),
                None => begin.push_along(whole.clone(), item.clone(), along),
            }
        }
        for Collected { spot, along, whole } in &body.collected {
            end.push_along(self.tensor(1, *spot)?.clone(), whole.clone(), *along);
        }
        inside.iter_mut().for_each(|op| op.visit_mut(&mut Renamed(&names)));
        end.inputs.iter_mut().for_each(|tensor| tensor.id = renamed(&names, tensor.id));
        squeeze_items(&mut begin, &mut inside, &mut end);
        squeeze_collected(&inside, &mut end);
        // A loop must iterate along something, which gives its number of iterations. Loops are not nested.
        let nests = inside.iter().any(|op| matches!(op, OperationIr::Custom(_)));
        let stored = body.collected.iter().any(|of| matches!(body.roles[of.spot.place], Role::Store(..)));
        (!begin.along.is_empty() && !nests && !stored).then_some((begin, inside, end))
    }
}

/// Drops the iterated axis from an item that is read without it.
fn squeeze_items(begin: &mut Mark, inside: &mut Vec<OperationIr>, end: &mut Mark) {
    for (at, along) in begin.along.clone().into_iter().enumerate() {
        let place = begin.states() + at;
        let item = begin.outputs[place].clone();
        let reads = |op: &OperationIr| op.inputs().any(|tensor| tensor.id == item.id);
        let squeezed = |op: &&OperationIr| reshape(op).is_some_and(|(_, out)| drops(&item, along.axis, out));
        let readers: Vec<&OperationIr> = inside.iter().filter(|op| reads(op)).collect();
        let kept = end.inputs.iter().any(|tensor| tensor.id == item.id);
        if kept || readers.is_empty() || !readers.iter().all(squeezed) {
            continue;
        }
        let outs: Vec<TensorIr> = readers.iter().filter_map(|op| op.outputs().next().cloned()).collect();
        inside.retain(|op| !reads(op));
        let names: HashMap<TensorId, TensorId> = outs.iter().map(|out| (out.id, outs[0].id)).collect();
        inside.iter_mut().for_each(|op| op.visit_mut(&mut Renamed(&names)));
        end.inputs.iter_mut().for_each(|tensor| tensor.id = renamed(&names, tensor.id));
        begin.outputs[place] = outs[0].clone();
    }
}

/// Drops the axis from a result that got it only to be joined along it.
fn squeeze_collected(inside: &[OperationIr], end: &mut Mark) {
    for (at, along) in end.along.clone().into_iter().enumerate() {
        let place = end.states() + at;
        let made = end.inputs[place].clone();
        let maker = inside.iter().filter_map(reshape).find(|(_, out)| out.id == made.id);
        if let Some((input, _)) = maker.filter(|(input, _)| drops(&made, along.axis, input)) {
            end.inputs[place] = input.clone();
        }
    }
}

/// Returns `true` if a shape is that of another tensor without an axis of length 1.
fn drops(whole: &TensorIr, axis: usize, other: &TensorIr) -> bool {
    let mut shape = whole.shape.to_vec();
    axis < shape.len() && shape.remove(axis) == 1 && other.shape.to_vec() == shape
}
