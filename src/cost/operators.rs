//! What is known of each operation besides its products: what it reads as a parameter, what it moves.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::graph::Node;

/// Whether the node is of ONNX's own operator set.
pub(super) fn own(node: &Node) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx")
}

/// Whether the node is of ONNX Runtime's operator set.
fn microsoft(node: &Node) -> bool {
    node.domain == "com.microsoft"
}

/// Whether the operation is one of `names`, of whatever domain.
pub(super) fn is_any(node: &Node, names: &[&str]) -> bool {
    names.contains(&node.op_type.as_str())
}

/// What a node takes a constant operand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A kernel or matrix: a parameter that is a weight.
    Weight,
    /// Another learned number.
    Parameter,
    /// Nothing learned: a running statistic, a scale of quantisation, a bound, a size.
    Fixed,
}

/// What the node takes its operand at `position` for, and whether integers there are learned numbers, quantised.
pub(super) fn role(node: &Node, position: usize) -> (Role, bool) {
    let table: &[Product] = match (own(node), microsoft(node)) {
        (true, _) => &ONNX_PRODUCTS,
        (_, true) => &MICROSOFT_PRODUCTS,
        _ => &[],
    };
    match table.iter().find(|product| is_any(node, product.ops)) {
        Some(product) if product.weights.contains(&position) => (Role::Weight, product.quantised),
        Some(product) if product.others.contains(&position) => (Role::Parameter, product.quantised),
        Some(_) => (Role::Fixed, false),
        None if own(node) && is_fixed(node, position) => (Role::Fixed, false),
        None => (Role::Parameter, false),
    }
}

/// Where operations with products have their learned operands. What a convolution convolves is no weight even when it is
/// constant; of a matrix product either side can be one.
struct Product {
    ops: &'static [&'static str],
    /// Positions of the weights.
    weights: &'static [usize],
    /// Positions of other parameters.
    others: &'static [usize],
    /// Whether both are integers.
    quantised: bool,
}

const fn plain(ops: &'static [&'static str], weights: &'static [usize], others: &'static [usize]) -> Product {
    Product { ops, weights, others, quantised: false }
}

const fn quantised(ops: &'static [&'static str], weights: &'static [usize], others: &'static [usize]) -> Product {
    Product { ops, weights, others, quantised: true }
}

const ONNX_PRODUCTS: [Product; 11] = [
    plain(&["Conv", "ConvTranspose"], &[1], &[0, 2]),
    plain(&["CausalConvWithState"], &[1], &[0, 2]),
    plain(&["DeformConv"], &[1], &[0, 2, 3, 4]),
    plain(&["Gemm"], &[0, 1], &[2]),
    plain(&["MatMul"], &[0, 1], &[]),
    plain(&["Einsum"], &[0, 1], &[]),
    plain(&["RNN", "GRU", "LSTM"], &[1, 2], &[0, 3, 7]),
    quantised(&["ConvInteger"], &[1], &[0]),
    quantised(&["MatMulInteger"], &[0, 1], &[]),
    quantised(&["QLinearConv"], &[3], &[0, 8]),
    quantised(&["QLinearMatMul"], &[0, 3], &[]),
];

const MICROSOFT_PRODUCTS: [Product; 6] = [
    plain(&["FusedConv"], &[1], &[0, 2, 3]),
    plain(&["FusedGemm"], &[0, 1], &[2]),
    plain(&["FusedMatMul", "TransposeMatMul"], &[0, 1], &[]),
    quantised(&["MatMulIntegerToFloat"], &[0, 1], &[6]),
    quantised(&["DynamicQuantizeMatMul"], &[1], &[0, 4]),
    quantised(&["QGemm"], &[0, 3], &[6]),
];

/// Operands of ONNX's other operations that are never learned, whatever their type.
fn is_fixed(node: &Node, position: usize) -> bool {
    match node.op_type.as_str() {
        "BatchNormalization" => position >= 3,
        "QuantizeLinear" | "DequantizeLinear" | "Resize" | "Upsample" | "Clip" | "Pad" | "Dropout" => position >= 1,
        "OneHot" | "STFT" => position == 2,
        "RotaryEmbedding" => position >= 1,
        "Attention" | "LinearAttention" => position >= 3,
        "NonMaxSuppression" | "Range" | "If" | "Loop" | "Scan" | "SequenceMap" => true,
        _ => false,
    }
}

/// Whether the node only shows its first operand in another shape: runtimes move nothing for it.
pub(super) fn is_view(node: &Node) -> bool {
    own(node) && is_any(node, &["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"])
}

/// Whether the node reads of its first operand only as much as it makes.
pub(super) fn selects(node: &Node) -> bool {
    own(node) && is_any(node, &["Gather", "GatherElements", "GatherND", "Slice"])
}

/// Whether the node looks at the shape of its operand and not at its elements.
pub(super) fn reads_shape_only(node: &Node) -> bool {
    own(node) && is_any(node, &["Shape", "Size"])
}

/// Whether all that the node does is to run its subgraphs.
pub(super) fn only_runs_subgraphs(node: &Node) -> bool {
    own(node) && is_any(node, &["If", "Loop", "Scan", "SequenceMap"]) && node.subgraphs().next().is_some()
}

/// Whether the operation is known to make no product of the kinds that are counted.
pub(super) fn makes_no_product(node: &Node) -> bool {
    let op = node.op_type.as_str();
    (own(node) && WITHOUT_PRODUCTS.contains(op)) || (microsoft(node) && WITHOUT_PRODUCTS_MICROSOFT.contains(op))
}

/// ONNX's operations up to opset 28 whose work is element-wise, pooling, reduction, normalisation or moving data, and the
/// Fourier transforms, which no table of networks counts in MACs.
static WITHOUT_PRODUCTS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
    Abs Acos Acosh Add AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Bernoulli BitCast \
    BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike Ceil Celu CenterCropPad Clip Col2Im \
    Compress Concat ConcatFromSequence Constant ConstantOfShape Cos Cosh CumProd CumSum DFT DepthToSpace DequantizeLinear \
    Det Div Dropout DynamicQuantizeLinear Elu Equal Erf Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND \
    Gelu GlobalAveragePool GlobalLpPool GlobalMaxPool Greater GreaterOrEqual GridSample GroupNormalization HammingWindow \
    HannWindow HardSigmoid HardSwish Hardmax Identity ImageDecoder InstanceNormalization IsInf IsNaN LRN \
    LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool Max MaxPool MaxRoiPool MaxUnpool \
    Mean MeanVarianceNormalization MelWeightMatrix Min Mish Mod Mul Multinomial Neg NegativeLogLikelihoodLoss \
    NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement OptionalHasElement Or PRelu Pad Pow QuantizeLinear \
    RMSNormalization RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2 \
    ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu \
    Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scatter ScatterElements ScatterND Selu SequenceAt \
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign Sin Sinh Size \
    Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat \
    StringNormalizer StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK \
    Transpose Trilu Unique Unsqueeze Upsample Where Xor"
        .split_ascii_whitespace()
        .collect()
});

/// The same of the operations that ONNX Runtime puts in when it optimizes or quantises a file.
static WITHOUT_PRODUCTS_MICROSOFT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
    BiasAdd BiasGelu BiasSoftmax BiasSplitGelu DequantizeLinear FastGelu Gelu GroupNorm QLinearAdd QLinearAveragePool \
    QLinearConcat QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax \
    QLinearWhere QuantizeLinear QuickGelu SimplifiedLayerNormalization SkipGroupNorm SkipLayerNormalization \
    SkipSimplifiedLayerNormalization"
        .split_ascii_whitespace()
        .collect()
});
