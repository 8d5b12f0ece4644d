//! The record of `gnet diff`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::{Cell, Column, Report, Table, Tone, number};
use crate::words::counted;
use crate::{Error, Result};

/// Differences between two models.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Diff {
    /// Whether there are no differences.
    pub equal: bool,
    /// Tolerance: weights whose elements differ by no more than this were taken as equal.
    pub tolerance: f64,
    /// The first model.
    pub a: Side,
    /// The second model.
    pub b: Side,
    /// Differences of the models' headers: opsets, producer, metadata, functions.
    pub model: Vec<Change>,
    /// Differences of inputs and outputs: names, types, shapes, order.
    pub interface: Vec<Change>,
    /// Nodes that were added, removed, changed or renamed, in the order of the graphs.
    pub nodes: Vec<NodeChange>,
    /// Constants that differ, the one with the largest difference first; then those that were added, removed or
    /// renamed.
    pub weights: Vec<WeightChange>,
    /// Number of shapes and types of intermediate values that only one of the two states. They do not count as
    /// differences.
    pub unstated_shapes: usize,
    /// Maximum number of differences that a table shows of each part of the models; `None` for all. JSON holds all.
    #[serde(skip)]
    pub limit: Option<usize>,
}

/// Size of one of the models.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Side {
    /// Name of the model.
    pub name: String,
    /// Number of nodes.
    pub nodes: usize,
    /// Number of learned parameters, as [`crate::cost`] counts them; a lower bound if a size is unknown.
    pub params: u64,
    /// Number of initializers.
    pub initializers: usize,
    /// Number of elements of its initializers.
    pub elements: u64,
    /// Size of its initializers in bytes.
    pub bytes: u64,
}

/// One property that differs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct Change {
    /// Name of the property.
    pub what: String,
    /// Value in the first model; `None` if it has none.
    pub a: Option<String>,
    /// Value in the second model.
    pub b: Option<String>,
}

impl Change {
    /// Returns the change of a property, if there is one.
    pub(super) fn of(what: impl Into<String>, a: Option<String>, b: Option<String>) -> Option<Self> {
        (a != b).then(|| Self { what: what.into(), a, b })
    }

    fn kind(&self) -> Kind {
        match (&self.a, &self.b) {
            (None, _) => Kind::Added,
            (_, None) => Kind::Removed,
            _ => Kind::Changed,
        }
    }
}

/// Kind of difference of a node or a constant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Kind {
    /// In both, and different.
    Changed,
    /// In both, with different types or shapes.
    Retyped,
    /// Only in the second.
    Added,
    /// Only in the first.
    Removed,
    /// In both, under different names and otherwise equal.
    Renamed,
}

impl Kind {
    /// All kinds, in the order of a summary.
    const ALL: [Self; 5] = [Self::Changed, Self::Retyped, Self::Added, Self::Removed, Self::Renamed];

    /// Returns the word in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Retyped => "retyped",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
        }
    }
}

/// One node that differs.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct NodeChange {
    /// Kind of difference.
    pub kind: Kind,
    /// Name in the first model; `None` if it was added.
    pub a: Option<String>,
    /// Name in the second model; `None` if it was removed.
    pub b: Option<String>,
    /// Operation; the first model's if that changed.
    pub op: String,
    /// Changes apart from its name.
    pub changes: Vec<Change>,
}

/// One constant that differs.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize)]
#[non_exhaustive]
pub struct WeightChange {
    /// Kind of difference.
    pub kind: Kind,
    /// Name in the first model; `None` if it was added.
    pub a: Option<String>,
    /// Name in the second model; `None` if it was removed.
    pub b: Option<String>,
    /// Type and shape in the first model.
    pub a_type: Option<String>,
    /// Type and shape in the second.
    pub b_type: Option<String>,
    /// Number of elements; the second model's if only that has it.
    pub elements: u64,
    /// Number of elements that differ by more than the tolerance.
    pub different: Option<u64>,
    /// Largest `|a - b|`; infinite (`null` in JSON) if one of the two is not finite.
    pub max_abs: Option<f64>,
    /// Mean of `|a - b|`.
    pub mean_abs: Option<f64>,
    /// `max_abs` divided by the largest `|a|`; `None` if that is 0.
    pub relative: Option<f64>,
    /// Cosine of the angle between both as vectors; `None` if one of them is 0 or not finite.
    pub cosine: Option<f64>,
}

impl WeightChange {
    /// Returns a difference of a constant of so many elements, of which nothing else is known.
    pub(super) fn unmeasured(kind: Kind, elements: usize) -> Self {
        Self {
            kind,
            a: None,
            b: None,
            a_type: None,
            b_type: None,
            elements: elements as u64,
            different: None,
            max_abs: None,
            mean_abs: None,
            relative: None,
            cosine: None,
        }
    }
}

impl Diff {
    /// Returns the number of differences.
    pub fn changes(&self) -> usize {
        self.model.len() + self.interface.len() + self.nodes.len() + self.weights.len()
    }

    /// Fails if the models differ.
    ///
    /// # Errors
    /// Reports a failed check that summarises the differences.
    pub fn check(&self) -> Result<()> {
        if self.equal {
            return Ok(());
        }
        let parts = [
            (self.model.len(), "in the header"),
            (self.interface.len(), "in inputs and outputs"),
            (self.nodes.len(), "in nodes"),
            (self.weights.len(), "in weights"),
        ];
        let parts: Vec<_> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, place)| format!("{n} {place}")).collect();
        Err(Error::check(&self.b.name, format!("differs from {}: {}", self.a.name, parts.join(", "))))
    }

    /// Returns the number of differences of each kind in each part; no rows if there are none.
    fn kinds(&self, title: &str) -> Table {
        let columns = Kind::ALL.map(|kind| Column::number(kind.name()));
        let mut table = Table::new(title, std::iter::once(Column::text("differences")).chain(columns));
        let changes = |changes: &[Change]| changes.iter().map(Change::kind).collect::<Vec<_>>();
        for (part, kinds) in [
            ("header", changes(&self.model)),
            ("inputs and outputs", changes(&self.interface)),
            ("nodes", self.nodes.iter().map(|node| node.kind).collect()),
            ("weights", self.weights.iter().map(|weight| weight.kind).collect()),
        ] {
            if !kinds.is_empty() {
                let of = |kind: Kind| kinds.iter().filter(|its| **its == kind).count();
                let counts = Kind::ALL.map(of).map(|count| if count == 0 { Cell::Missing } else { count.into() });
                table.row(std::iter::once(Cell::from(part)).chain(counts));
            }
        }
        table
    }

    fn sizes(&self, title: &str) -> Table {
        let columns =
            [Column::text("size"), Column::number("a"), Column::number("b"), Column::number("difference").rank(1)];
        let mut table = Table::new(title, columns);
        let (a, b) = (&self.a, &self.b);
        for (name, a, b) in [
            ("nodes", a.nodes as u64, b.nodes as u64),
            ("parameters", a.params, b.params),
            ("initializers", a.initializers as u64, b.initializers as u64),
            ("elements of initializers", a.elements, b.elements),
            ("bytes of initializers", a.bytes, b.bytes),
        ] {
            let difference = i128::from(b) - i128::from(a);
            table.row([name.into(), a.into(), b.into(), Cell::Integer(difference)]);
        }
        if self.unstated_shapes > 0 {
            let count = number::thousands(self.unstated_shapes as i128);
            table.note(format!(
                "{} with a type or shape in one of the two only: no difference",
                counted(count, "inner value")
            ));
        }
        match (self.equal, self.changes()) {
            (true, _) if self.tolerance > 0.0 => {
                table.verdict(format!("equal, weights within {:e}", self.tolerance), Tone::Good)
            }
            (true, _) => table.verdict("equal", Tone::Good),
            (false, 1) => table.verdict("1 difference", Tone::Bad),
            (false, all) => table.verdict(counted(number::thousands(all as i128), "difference"), Tone::Bad),
        };
        table
    }

    /// Returns the first of a part's differences, and a line that says how many more there are.
    fn limited<'a, T>(&self, all: &'a [T]) -> (&'a [T], Option<String>) {
        let shown = self.limit.unwrap_or(all.len()).min(all.len());
        let count = |count: usize| number::thousands(count as i128);
        let rest = format!("{} of {} are shown; --limit all shows the rest", count(shown), count(all.len()));
        (&all[..shown], (shown < all.len()).then_some(rest))
    }

    fn change_table(&self, title: &str, changes: &[Change]) -> Table {
        let mut table = Table::new(title, [Column::path("what"), Column::text("a"), Column::text("b")]);
        let (changes, rest) = self.limited(changes);
        for change in changes {
            table.row([change.what.as_str().into(), change.a.clone().into(), change.b.clone().into()]);
        }
        rest.map(|rest| table.note(rest));
        table
    }

    fn node_table(&self) -> Table {
        let columns = [
            Column::path("node"),
            Column::text("op").rank(2),
            Column::text("kind"),
            Column::text("what").rank(1),
            Column::text("a"),
            Column::text("b"),
        ];
        let mut table = Table::new("Nodes", columns);
        let (nodes, rest) = self.limited(&self.nodes);
        for node in nodes {
            let name = node.a.as_deref().or(node.b.as_deref()).unwrap_or_default();
            let names = (node.a != node.b && node.a.is_some() && node.b.is_some()).then(|| Change {
                what: "name".to_owned(),
                a: node.a.clone(),
                b: node.b.clone(),
            });
            let mut changes: Vec<&Change> = names.iter().chain(&node.changes).collect();
            let none = Change { what: String::new(), a: None, b: None };
            if changes.is_empty() {
                changes.push(&none);
            }
            for change in changes {
                table.row([
                    name.into(),
                    node.op.as_str().into(),
                    node.kind.name().into(),
                    change.what.as_str().into(),
                    change.a.clone().into(),
                    change.b.clone().into(),
                ]);
            }
        }
        rest.map(|rest| table.note(rest));
        table
    }

    fn weight_table(&self) -> Table {
        let columns = [
            Column::path("weight"),
            Column::text("kind"),
            Column::text("type").rank(3),
            Column::number("different").rank(1),
            Column::number("max abs"),
            Column::number("mean abs").rank(5),
            Column::number("relative").rank(2),
            Column::number("cosine").rank(4),
        ];
        let mut table = Table::new("Weights", columns);
        let small = |value: Option<f64>| value.map_or(Cell::Missing, |value| Cell::Text(format!("{value:.3e}")));
        let (weights, rest) = self.limited(&self.weights);
        for weight in weights {
            let both = |a: &Option<String>, b: &Option<String>| match (a, b) {
                (Some(a), Some(b)) if a != b => format!("{a} -> {b}"),
                (a, b) => a.as_ref().or(b.as_ref()).cloned().unwrap_or_default(),
            };
            table.row([
                both(&weight.a, &weight.b).into(),
                weight.kind.name().into(),
                both(&weight.a_type, &weight.b_type).into(),
                weight.different.into(),
                small(weight.max_abs),
                small(weight.mean_abs),
                small(weight.relative),
                Cell::float(weight.cosine, 9),
            ]);
        }
        rest.map(|rest| table.note(rest));
        table
    }
}

impl Report for Diff {
    /// Returns a summary by kind, the sizes, and then every difference up to the limit.
    fn tables(&self) -> Vec<Table> {
        let title = format!("{} (a) and {} (b)", self.a.name, self.b.name);
        let kinds = self.kinds(&title);
        let sizes = self.sizes(if kinds.rows.is_empty() { &title } else { "" });
        let all = [
            kinds,
            sizes,
            self.change_table("Model", &self.model),
            self.change_table("Inputs and outputs", &self.interface),
            self.node_table(),
            self.weight_table(),
        ];
        all.into_iter().filter(|table| !table.rows.is_empty()).collect()
    }
}
