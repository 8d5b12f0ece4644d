//! Table of the operations of Burn's intermediate representation and gnet's support for each.
//!
//! The compiler checks this table against Burn's: a version with another operation does not build until the operation
//! is listed here. The tests check it against the lowerings they observe, and write `operations.md` from both.

use burn::backend::ir::{
    ActivationOperationIr, BaseOperationIr, BoolOperationIr, DistributedOperationIr, FloatOperationIr, IntOperationIr,
    ModuleOperationIr, NumericOperationIr, OperationIr,
};
use serde::Serialize;

/// gnet's support for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// Lowered to ONNX operations.
    Lowered,
    /// Never recorded by the capture device: other operations take its place in a trace.
    Replaced(&'static str),
    /// Has no lowering, for this reason.
    Missing(&'static str),
    /// Not part of a forward, or meaningless in a file.
    Outside(&'static str),
}

/// One operation of Burn's intermediate representation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Operation {
    /// Family of the operation, such as `Module`, from the enumeration `ModuleOperationIr`.
    pub family: &'static str,
    /// Name in that enumeration, such as `Conv2d`.
    pub name: &'static str,
    /// gnet's support for it.
    pub standing: Standing,
}

/// One operation of a trace and the ONNX nodes that it became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Lowering {
    /// The operation that Burn recorded.
    pub operation: Operation,
    /// Kind of its elements, `float`, `int` or `bool`, if Burn has the operation for several.
    pub elements: Option<&'static str>,
    /// Dotted path of the module that performed it; empty for the root.
    pub module: String,
    /// The nodes, in order, before any pass.
    pub nodes: Vec<LoweredNode>,
}

/// A node that a lowering added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LoweredNode {
    /// ONNX operator.
    pub op_type: String,
    /// Name of the node.
    pub name: String,
}

use Standing::{Lowered, Missing, Outside, Replaced};

const BACKWARD: Standing = Outside("computes a gradient");
const RANDOM: Standing = Outside("comes from a generator of Burn's, which no runtime has");
const QUANTIZED: Standing = Missing("Burn packs quantized numbers and their scales into one tensor of its own format");
const IN_PARTS: Standing = Replaced("recorded as the operations that it is made of");

/// Lists the operations of one of Burn's enumerations by standing: as a slice, and as a match that must name them all.
macro_rules! family {
    ($list:ident, $of:ident, $ir:ident, $family:literal, {$($standing:expr => [$($name:ident),* $(,)?]),* $(,)?}) => {
        const $list: &[Operation] =
            &[$($(Operation { family: $family, name: stringify!($name), standing: $standing },)*)*];

        fn $of(op: &$ir) -> Operation {
            let (name, standing) = match op {
                $($($ir::$name { .. } => (stringify!($name), $standing),)*)*
            };
            Operation { family: $family, name, standing }
        }
    };
}

family!(BASE, base, BaseOperationIr, "Base", {
    Lowered => [
        Reshape, SwapDims, Permute, Flip, Expand, Unfold, Slice, SliceAssign, Select, SelectAssign, MaskWhere, MaskFill,
        Gather, Scatter, ScatterNd, GatherNd, Equal, EqualElem, NotEqual, NotEqualElem, RepeatDim, Cat, Cast, Empty, Ones,
        Zeros, All, Any, AllDim, AnyDim,
    ],
});

family!(NUMERIC, numeric, NumericOperationIr, "Numeric", {
    Lowered => [
        Add, AddScalar, Sub, SubScalar, Mul, MulScalar, Div, DivScalar, Rem, RemScalar, Powi, PowiScalar, Abs, Neg, Sign,
        Clamp, ClampMin, ClampMax, Greater, GreaterElem, GreaterEqual, GreaterEqualElem, Lower, LowerElem, LowerEqual,
        LowerEqualElem, Sum, SumDim, SumDims, Mean, MeanDim, Prod, ProdDim, Max, MaxDim, MaxDimWithIndices, MaxAbs,
        MaxAbsDim, Min, MinDim, MinDimWithIndices, ArgMax, ArgMin, TopK, TopKWithIndices, ArgTopK, Sort, SortWithIndices,
        ArgSort, CumSum, CumProd, CumMin, CumMax, Pad, Full,
    ],
    RANDOM => [IntRandom],
});

family!(FLOAT, float, FloatOperationIr, "Float", {
    Lowered => [
        Exp, Log, Log1p, Sqrt, Recip, Powf, PowfScalar, Hypot, Erf, Sin, Cos, Tan, Sinh, Cosh, Tanh, ArcSin, ArcCos, ArcTan,
        ArcTan2, ArcSinh, ArcCosh, ArcTanh, Round, Floor, Ceil, Trunc, IntoInt, Matmul, Cross, GridSample2d,
    ],
    IN_PARTS => [IsNan, IsInf],
    QUANTIZED => [Quantize, Dequantize],
    RANDOM => [Random],
});

family!(INT, int, IntOperationIr, "Int", {
    Lowered => [
        IntoFloat, Matmul, BitwiseAnd, BitwiseAndScalar, BitwiseOr, BitwiseOrScalar, BitwiseXor, BitwiseXorScalar,
        BitwiseNot, BitwiseLeftShift, BitwiseLeftShiftScalar, BitwiseRightShift, BitwiseRightShiftScalar,
    ],
});

family!(BOOL, bool, BoolOperationIr, "Bool", {
    Lowered => [IntoFloat, IntoInt, Not, And, Or, Xor],
});

family!(MODULE, module, ModuleOperationIr, "Module", {
    Lowered => [
        Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, DeformableConv2d, Linear, Embedding,
        Attention, BatchNorm, LayerNorm, MaxPool1d, MaxPool1dWithIndices, MaxPool2d, MaxPool2dWithIndices, AvgPool1d,
        AvgPool2d, AdaptiveAvgPool1d, AdaptiveAvgPool2d, AdaptiveAvgPool3d, Interpolate, Unfold4d,
    ],
    Replaced("a training loss, recorded as the operations that it is made of; no export of one has been tried") => [CtcLoss],
    BACKWARD => [
        EmbeddingBackward, LinearXBackward, LinearWeightBackward, LinearBiasBackward, Conv1dXBackward,
        Conv1dWeightBackward, Conv1dBiasBackward, Conv2dXBackward, Conv2dWeightBackward, Conv2dBiasBackward,
        Conv3dXBackward, Conv3dWeightBackward, Conv3dBiasBackward, DeformableConv2dBackward, AvgPool1dBackward,
        AvgPool2dBackward, AdaptiveAvgPool1dBackward, AdaptiveAvgPool2dBackward, AdaptiveAvgPool3dBackward,
        MaxPool1dWithIndicesBackward, MaxPool2dWithIndicesBackward, InterpolateBackward, CtcLossBackward,
        ConvTranspose1dWeightBackward, ConvTranspose1dBiasBackward, ConvTranspose2dWeightBackward,
        ConvTranspose2dBiasBackward, ConvTranspose3dWeightBackward, ConvTranspose3dBiasBackward,
    ],
});

family!(ACTIVATION, activation, ActivationOperationIr, "Activation", {
    Lowered => [
        Relu, LeakyRelu, PRelu, Gelu, Sigmoid, HardSigmoid, LogSigmoid, Softmax, LogSoftmax, Softmin,
    ],
    BACKWARD => [ReluBackward, GeluBackward, SigmoidBackward, LogSigmoidBackward],
});

family!(DISTRIBUTED, distributed, DistributedOperationIr, "Distributed", {
    Outside("works on several devices, and a file runs on one") => [AllReduce, SyncCollective],
});

/// Operations outside the enumerations.
const OTHERS: &[Operation] = &[CUSTOM, INIT, DROP];
const CUSTOM: Operation =
    Operation { family: "", name: "Custom", standing: Missing("only the program that added it knows what it means") };
const INIT: Operation = Operation { family: "", name: "Init", standing: Outside("a constant, which a trace keeps") };
const DROP: Operation = Operation { family: "", name: "Drop", standing: Outside("frees memory") };

/// Returns every operation of Burn's intermediate representation, family by family.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    [MODULE, ACTIVATION, FLOAT, NUMERIC, BASE, INT, BOOL, DISTRIBUTED, OTHERS].into_iter().flatten()
}

impl Operation {
    pub(super) fn of(op: &OperationIr) -> Self {
        match op {
            OperationIr::BaseFloat(op) | OperationIr::BaseInt(op) | OperationIr::BaseBool(op) => base(op),
            OperationIr::NumericFloat(_, op) | OperationIr::NumericInt(_, op) => numeric(op),
            OperationIr::Float(_, op) => float(op),
            OperationIr::Int(op) => int(op),
            OperationIr::Bool(op) => bool(op),
            OperationIr::Module(op) => module(op),
            OperationIr::Activation(op) => activation(op),
            OperationIr::Distributed(op) => distributed(op),
            OperationIr::Custom(_) => CUSTOM,
            OperationIr::Init(_) => INIT,
            OperationIr::Drop(_) => DROP,
        }
    }
}

/// Returns the kind of element that an operation works on, if Burn has it for several.
pub(super) fn elements(op: &OperationIr) -> Option<&'static str> {
    match op {
        OperationIr::BaseFloat(_) | OperationIr::NumericFloat(..) => Some("float"),
        OperationIr::BaseInt(_) | OperationIr::NumericInt(..) => Some("int"),
        OperationIr::BaseBool(_) => Some("bool"),
        _ => None,
    }
}
