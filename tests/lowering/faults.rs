//! Files with one mistake each: every attribute, small constant, operation and order of operands of every case is changed in
//! turn, and the comparison has to notice.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use gnet::export::DEFAULT_OPSET;
use gnet::graph::{Attribute, DType, Model, Node, Tensor};
use gnet::onnx;

use super::judge::{Outcome, agrees};

/// A mistake in a case's file.
pub struct Mistake {
    outcome: &'static Outcome,
    /// Subject of the mistake: Burn's operation, its node and the change, without the numbers. One mistake of each kind
    /// has to be noticed: not every case can notice all of them.
    pub kind: String,
    /// The case and the change.
    pub name: String,
    change: Change,
}

type Change = Box<dyn Fn(&mut Model) + Send + Sync>;

/// Operations that a slip of the pen turns into one another.
const ALIKE: [&[&str]; 13] = [
    &["Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Equal"],
    &["Add", "Sub", "Mul", "Div"],
    &["Max", "Min"],
    &["And", "Or", "Xor"],
    &["BitwiseAnd", "BitwiseOr", "BitwiseXor"],
    &["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin"],
    &["ArgMax", "ArgMin"],
    &["Sin", "Cos", "Tan", "Tanh", "Sinh", "Asinh", "Atan"],
    &["Floor", "Ceil", "Round"],
    &["MaxPool", "AveragePool"],
    &["Softmax", "LogSoftmax"],
    &["Neg", "Abs"],
    &["Acos", "Asin"],
];

/// Words that mean one another's opposite or neighbour.
const WORDS: [(&str, &str); 12] = [
    ("constant", "edge"),
    ("reflect", "edge"),
    ("edge", "reflect"),
    ("nearest", "linear"),
    ("linear", "nearest"),
    ("bilinear", "nearest"),
    ("cubic", "linear"),
    ("floor", "ceil"),
    ("asymmetric", "half_pixel"),
    ("half_pixel", "align_corners"),
    ("align_corners", "half_pixel"),
    ("LEFT", "RIGHT"),
];

/// Mistakes that tract cannot notice: Burn's operations, the mistake, and why it has no effect there. ONNX's checker or
/// ONNX Runtime may notice.
pub const UNNOTICED: [(&[&str], &str, &str); 14] = [
    (ALL, "ReduceMin keepdims is off", KEPT),
    (ALL, "ReduceMax keepdims is off", KEPT),
    (&["Numeric Mean"], "ReduceMean keepdims is off", KEPT),
    (&["Numeric Prod"], "ReduceProd keepdims is off", KEPT),
    (&["Numeric Sum"], "ReduceSum keepdims is off", KEPT),
    (TRUTH, "ReduceMax -> ReduceSum", "a sum of ones and zeros is not 0 where their greatest is not"),
    (TRUTH, "ReduceMin -> ReduceMean", "a mean of ones and zeros is a whole number, and rounds down"),
    (&["Base MaskFill", "Base MaskWhere"], "Or -> Xor", "no element is of both masks"),
    (&["Base Flip"], "Slice operand 3 is swapped", "the axes of a flip have no order"),
    (&["Numeric SumDims"], "ReduceSum operand 1 is swapped", "the axes of a sum have no order"),
    (&["Numeric Sort"], "Shape end is off", "an end beyond the rank is the rank"),
    (&["Base Empty"], "Expand operand 0 is off", "what is empty may hold anything"),
    (&["Float ArcTan2"], "Where operand 1 is off", "the ratio with it is not used"),
    (&["Numeric Rem", "Numeric RemScalar"], "Add -> Sub", "tract's remainder has the divisor's sign already"),
];

/// Attributes that tract ignores.
pub const IGNORED: [(&str, &str); 4] = [
    ("TopK sorted is off", "tract sorts anyway"),
    ("ConvTranspose kernel_shape is off", "tract reads it off the weight"),
    ("ConvTranspose kernel_shape is swapped", "tract reads it off the weight"),
    ("Mod operands swapped", "tract takes a constant for the divisor on whichever side it stands"),
];

const ALL: &[&str] = &["Base All", "Base Any", "Numeric Max", "Numeric MaxAbs", "Numeric Min"];
const TRUTH: &[&str] = &["Base All", "Base AllDim", "Base Any", "Base AnyDim"];
const KEPT: &str = "a single number is reshaped anyway";

/// Why a mistake need not be noticed, as a pattern of which each has to excuse something.
pub fn excuse(kind: &str) -> Option<&'static str> {
    let (operation, mistake) = kind.split_once(": ")?;
    let here = UNNOTICED.iter().find(|(operations, known, _)| *known == mistake && operations.contains(&operation));
    let ignored = || IGNORED.iter().find(|(known, _)| *known == mistake).map(|(known, _)| *known);
    here.map(|(_, known, _)| *known).or_else(ignored)
}

/// Every mistake in a case's file.
pub fn mistakes(outcome: &'static Outcome) -> Vec<Mistake> {
    let model = onnx::read(bytes(outcome).clone()).unwrap();
    let mut found = Vec::new();
    let mut add = |node: &Node, what: &str, detail: String, change: Change| {
        let kind = format!("{}: {} {what}", lowered_from(outcome, node), node.op_type);
        let name = format!("{}: {} {what} {detail}", outcome.case.name, node.op_type);
        found.push(Mistake { outcome, kind, name, change });
    };
    for (i, node) in model.graph.nodes.iter().enumerate() {
        for (attribute, value) in &node.attributes {
            for (how, other) in others(value).into_iter().filter(|(_, other)| possible(attribute, value, other)) {
                let (key, detail) = (attribute.clone(), format!("{} -> {}", text(value), text(&other)));
                let change =
                    move |model: &mut Model| drop(model.graph.nodes[i].attributes.insert(key.clone(), other.clone()));
                add(node, &format!("{attribute} {how}"), detail, Box::new(change));
            }
        }
        for other in alike(&node.op_type) {
            let change = move |model: &mut Model| model.graph.nodes[i].op_type = other.to_owned();
            add(node, &format!("-> {other}"), String::new(), Box::new(change));
        }
        if in_order(node) {
            add(node, "operands swapped", String::new(), Box::new(move |model| model.graph.nodes[i].inputs.swap(0, 1)));
        }
        for (place, id) in node.inputs.iter().enumerate().filter_map(|(place, id)| Some((place, (*id)?))) {
            for (how, detail, other) in model.graph.initializer(id).map(other_numbers).unwrap_or_default() {
                let change = move |model: &mut Model| model.graph.set_initializer(id, other.clone());
                add(node, &format!("operand {place} {how}"), detail, Box::new(change));
            }
        }
    }
    found
}

/// The file that mistakes are planted in: of the default opset, or the first one after it.
fn bytes(outcome: &Outcome) -> &Bytes {
    outcome.files.range(DEFAULT_OPSET..).next().unwrap().1
}

/// The operation of Burn that a node was lowered from; a pass may have put it there.
fn lowered_from(outcome: &Outcome, node: &Node) -> String {
    let of = outcome.log.iter().find(|lowering| lowering.nodes.iter().any(|lowered| lowered.name == node.name));
    of.map_or("a pass".to_owned(), |lowering| format!("{} {}", lowering.operation.family, lowering.operation.name))
}

/// Returns `true` if an engine may be given an attribute: an order that names an axis twice is invalid, and tract never
/// ends with one.
fn possible(attribute: &str, value: &Attribute, other: &Attribute) -> bool {
    let sorted = |value: &Attribute| match value {
        Attribute::Ints(list) => list.iter().copied().collect::<BTreeSet<_>>(),
        _ => BTreeSet::new(),
    };
    // An integer of another width holds the same numbers: what type a value has is for ONNX's inference to judge.
    attribute != "to" && (attribute != "perm" || sorted(value) == sorted(other))
}

impl Mistake {
    /// Returns `true` if the comparison notices.
    pub fn is_noticed(&self) -> bool {
        let mut model = onnx::read(bytes(self.outcome).clone()).unwrap();
        (self.change)(&mut model);
        forget_shapes(&mut model);
        let bytes = onnx::write(&model).unwrap();
        let (x, y) = self.outcome.runs.last().unwrap();
        let judged = || agrees(&bytes, x, y).is_err();
        catch_unwind(AssertUnwindSafe(judged)).unwrap_or(true)
    }
}

fn others(value: &Attribute) -> Vec<(&'static str, Attribute)> {
    match value {
        Attribute::Int(number @ (0 | 1)) => vec![("is off", Attribute::Int(1 - number))],
        Attribute::Int(number) => vec![("is off", Attribute::Int(number + 1))],
        Attribute::Float(number) => vec![("is off", Attribute::Float(number * 1.5 + 0.1))],
        Attribute::String(word) => {
            let found = WORDS.iter().filter(|(from, _)| from == word);
            found.map(|(_, to)| ("is another", Attribute::String((*to).to_owned()))).collect()
        }
        Attribute::Ints(list) => varied(list).into_iter().map(|(how, list)| (how, Attribute::Ints(list))).collect(),
        _ => vec![],
    }
}

/// Lists with one number greater by 1, or with two neighbours swapped.
fn varied(list: &[i64]) -> Vec<(&'static str, Vec<i64>)> {
    let mut found = Vec::new();
    for i in 0..list.len() {
        let mut other = list.to_vec();
        other[i] = if other[i] == -1 { 1 } else { other[i] + 1 };
        found.push(("is off", other));
        if i > 0 && list[i] != list[i - 1] {
            let mut other = list.to_vec();
            other.swap(i, i - 1);
            found.push(("is swapped", other));
        }
    }
    found
}

fn alike(op_type: &str) -> Vec<&'static str> {
    let group = ALIKE.iter().find(|group| group.contains(&op_type)).copied().unwrap_or_default();
    group.iter().copied().filter(|other| *other != op_type).collect()
}

/// Returns `true` if the order of a node's first two operands matters, and they differ.
fn in_order(node: &Node) -> bool {
    let two = matches!(
        node.op_type.as_str(),
        "Sub"
            | "Div"
            | "Mod"
            | "Pow"
            | "Greater"
            | "GreaterOrEqual"
            | "Less"
            | "LessOrEqual"
            | "MatMul"
            | "Concat"
            | "BitShift"
    );
    two && node.inputs[0] != node.inputs[1]
}

/// Small constants with one number changed or two of them swapped.
fn other_numbers(tensor: &Tensor) -> Vec<(&'static str, String, Tensor)> {
    let (shape, count) = (tensor.shape().to_vec(), tensor.len());
    if count > 12 {
        return vec![];
    }
    if tensor.dtype() == DType::F32 {
        let values = tensor.to_f32().unwrap();
        let changed = |i: usize| {
            let mut values = values.clone();
            values[i] = values[i] * 1.5 + 0.1;
            ("is off", format!("number {i}"), Tensor::from_f32(shape.clone(), &values).unwrap())
        };
        return (0..count).filter(|i| values[*i].is_finite()).map(changed).collect();
    }
    let values: Vec<i64> = match tensor.dtype() {
        DType::I64 => tensor.to_i64().unwrap(),
        DType::I32 => {
            tensor.bytes().chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()).into()).collect()
        }
        _ => return vec![],
    };
    // An engine may take a step of 0 for work without end, and so many elements for what they are.
    if values.iter().any(|value| value.unsigned_abs() > 1000) {
        return vec![];
    }
    let with = |(how, other): (&'static str, Vec<i64>)| {
        let narrow = |value: &i64| value.to_le_bytes()[..tensor.dtype().size()].to_vec();
        let bytes: Vec<u8> = other.iter().flat_map(narrow).collect();
        (how, format!("{values:?} -> {other:?}"), Tensor::new(tensor.dtype(), shape.clone(), bytes).unwrap())
    };
    varied(&values).into_iter().map(with).collect()
}

fn text(value: &Attribute) -> String {
    match value {
        Attribute::Int(number) => number.to_string(),
        Attribute::Float(number) => number.to_string(),
        Attribute::String(word) => word.clone(),
        Attribute::Ints(list) => format!("{list:?}"),
        other => format!("{other:?}"),
    }
}

/// Shapes that no longer hold would give the mistake away before the numbers do.
fn forget_shapes(model: &mut Model) {
    let graph = &mut model.graph;
    let inner: Vec<_> = graph.nodes.iter().flat_map(Node::makes).filter(|id| !graph.outputs.contains(id)).collect();
    for id in inner {
        let value = graph.value_mut(id);
        (value.dtype, value.shape) = (None, None);
    }
}
