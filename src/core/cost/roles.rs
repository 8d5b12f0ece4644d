//! Roles of each operation's constants and attributes: weights, other learned numbers, or nothing learned.
//!
//! An operation that is in no table here has no roles: the meaning of its constants is unknown, and they are never
//! assumed to be nothing.

use crate::graph::{Attribute, Node};

use super::operators::{is_any, makes_no_product, microsoft, ml, own};

/// Role of a constant for a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A kernel or matrix: a parameter that is a weight.
    Weight,
    /// Another learned number.
    Parameter,
    /// Nothing learned: a running statistic, a scale of quantisation, a bound, a size.
    Fixed,
}

/// Returns the role of the operand at `position`, and whether integers of any width there are learned numbers,
/// quantised; `None` if unknown.
pub(super) fn role(node: &Node, position: usize) -> Option<(Role, bool)> {
    let table: &[Operands] = match (own(node) || node.domain == "ai.onnx.preview", microsoft(node)) {
        (true, _) => ONNX,
        (_, true) => MICROSOFT,
        _ => &[],
    };
    let row = table.iter().find(|row| row.ops.split_ascii_whitespace().any(|op| op == node.op_type));
    match row {
        Some(row) if (row.weights)(position) => Some((Role::Weight, row.quantised)),
        Some(row) if (row.others)(position) => Some((Role::Parameter, row.quantised)),
        Some(_) => Some((Role::Fixed, false)),
        None => makes_no_product(node).then_some((Role::Parameter, false)),
    }
}

/// Positions of the learned operands of operations; operands elsewhere are never learned. The data input of a
/// convolution is not a weight even if it is constant; of a matrix product either side can be one.
struct Operands {
    /// Names of the operations, separated by spaces.
    ops: &'static str,
    weights: fn(usize) -> bool,
    others: fn(usize) -> bool,
    /// Whether both may be integers of any width.
    quantised: bool,
}

/// Rows of a table, with positions as patterns: `_ if false` for none.
macro_rules! operands {
    (@plain) => { false };
    (@quantised) => { true };
    ($($kind:ident $ops:literal: $weights:pat $(if $no_weights:literal)?, $others:pat $(if $no_others:literal)?,)*) => {
        &[$(Operands {
            ops: $ops,
            weights: |position| matches!(position, $weights $(if $no_weights)?),
            others: |position| matches!(position, $others $(if $no_others)?),
            quantised: operands!(@$kind),
        }),*]
    };
}

static ONNX: &[Operands] = operands! {
    plain "Conv ConvTranspose CausalConvWithState": 1, 0 | 2,
    plain "DeformConv": 1, 0 | 2 | 3 | 4,
    plain "Gemm": 0 | 1, 2,
    plain "MatMul Einsum": 0 | 1, _ if false,
    plain "RNN GRU LSTM": 1 | 2, 0 | 3 | 7,
    quantised "ConvInteger": 1, 0,
    quantised "MatMulInteger": 0 | 1, _ if false,
    quantised "QLinearConv": 3, 0 | 8,
    quantised "QLinearMatMul": 0 | 3, _ if false,
    plain "BatchNormalization": _ if false, 0..=2,
    plain "QuantizeLinear DequantizeLinear Resize Upsample Clip Pad Dropout RotaryEmbedding": _ if false, 0,
    plain "OneHot STFT": _ if false, 0 | 1,
    plain "Attention LinearAttention FlexAttention": _ if false, 0..=2,
    plain "NonMaxSuppression Range If Loop Scan SequenceMap": _ if false, _ if false,
};

static MICROSOFT: &[Operands] = operands! {
    plain "FusedConv NhwcConv NhwcFusedConv": 1, 0 | 2 | 3,
    plain "ConvTransposeWithDynamicPads VarlenCausalConvWithState": 1, 0 | 3,
    plain "CausalConvWithState": 1, 0 | 2,
    plain "FusedGemm GemmFastGelu GemmFloat8": 0 | 1, 2,
    plain "FusedMatMul FusedMatMulActivation TransposeMatMul SparseToDenseMatMul": 0 | 1, _ if false,
    quantised "MatMulInteger16": 0 | 1, _ if false,
    quantised "MatMulIntegerToFloat": 0 | 1, 6,
    quantised "DynamicQuantizeMatMul": 1, 0 | 4,
    quantised "QGemm": 0 | 3, 6,
    quantised "QLinearConv": 3, 0 | 8,
    quantised "MatMulNBits MatMulBlockQuantizedFp4Weight": 1, 5,
    quantised "MatMulBlockQuantizedFp8Weight": 1, 4,
    quantised "MatMulBnb4 MatMulFpQ4": 1, _ if false,
    quantised "MatMulNBitsMlp": 3 | 6, 1 | 2 | 5 | 8,
    quantised "MatMulNBitsQkv": 3 | 6 | 9, 1 | 2 | 5 | 8 | 11,
    quantised "GatherBlockQuantized": _ if false, 0,
    plain "MoE": 2 | 4 | 6, 3 | 5 | 7,
    quantised "QMoE": 2 | 5 | 8, 4 | 7 | 10,
    plain "Attention PackedAttention DecoderMaskedSelfAttention": 1, 0 | 2,
    quantised "QAttention": 1, 0 | 2,
    plain "MultiHeadAttention PackedMultiHeadAttention": _ if false, 0..=3,
    plain "DecoderMaskedMultiHeadAttention": _ if false, 0..=2 | 10,
    plain "GroupQueryAttention": _ if false, 0..=2 | 11 | 14 | 15,
    plain "DecoderAttention": 2 | 3, 0 | 1 | 4,
    plain "LongformerAttention": 1 | 4, 0 | 2 | 5,
    plain "PagedAttention": _ if false, 0..=2 | 11..=13,
    plain "SparseAttention LinearAttention": _ if false, 0..=2,
    quantised "DynamicQuantizeLSTM": 1 | 2, 0 | 3 | 7,
    plain "AttnLSTM": 1 | 2 | 8..=10 | 13, 0 | 3 | 7 | 11,
    plain "EmbedLayerNormalization QEmbedLayerNormalization": _ if false, 2..=6,
    plain "SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization": _ if false, 0..=4,
    plain "GroupNorm SimplifiedLayerNormalization GatedAdd GatedRMSNorm BiasAdd": _ if false, 0..=2,
    plain "BiasDropout BitmaskBiasDropout": _ if false, 0..=2,
    plain "BiasGelu BiasSoftmax BiasSplitGelu FastGelu BranchwiseRMSNorm ScaledSiLU": _ if false, 0 | 1,
    plain "GridSample ComplexMul ComplexMulConj CDist": _ if false, 0 | 1,
    quantised "QLinearAdd QLinearMul": _ if false, 0 | 3,
    quantised "MulInteger": _ if false, 0 | 2,
    quantised "QLinearWhere": _ if false, 1 | 4,
    quantised "QLinearConcat": _ if false, 2 | 5 | 8 | 11 | 14 | 17 | 20 | 23,
    plain "GatedRelativePositionBias": 3, 0 | 1 | 4 | 5,
    plain "WordConvEmbedding": 1, 2 | 3,
    quantised "QOrderedMatMul": 0 | 2, 5 | 6,
    quantised "QOrderedAttention": 5..=7, 0 | 11..=13,
    quantised "QOrderedLongformerAttention": 2 | 8, 0 | 4 | 10,
    plain "QOrderedLayerNormalization": _ if false, 0 | 2 | 3,
    plain "BeamSearch GreedySearch Sampling WhisperBeamSearch GemmaRotaryEmbedding Range": _ if false, _ if false,
    plain "QLinearAveragePool QLinearGlobalAveragePool QLinearLeakyRelu QLinearReduceMean QLinearSigmoid": _ if false, 0,
    plain "QLinearSoftmax QOrderedGelu QuantizeLinear DequantizeLinear QuantizeBFP DequantizeBFP": _ if false, 0,
    plain "QuantizeWithOrder DequantizeWithOrder RotaryEmbedding MRotaryEmbedding": _ if false, 0,
    plain "Pad CropAndResize TorchEmbedding RelativePositionBias": _ if false, 0,
};

/// Returns the attributes of a node that hold learned numbers, by name: an empty list if it is known that none does,
/// `None` if unknown.
pub(super) fn attributes(node: &Node) -> Option<&'static [(&'static str, Role)]> {
    use Role::{Parameter, Weight};
    let learned: &[(&str, Role)] = match (ml(node), node.op_type.as_str()) {
        (true, "LinearClassifier" | "LinearRegressor") => &[("coefficients", Weight), ("intercepts", Parameter)],
        (true, "SVMClassifier" | "SVMRegressor") => &[
            ("coefficients", Weight),
            ("support_vectors", Weight),
            ("rho", Parameter),
            ("prob_a", Parameter),
            ("prob_b", Parameter),
        ],
        (true, "TreeEnsembleClassifier" | "TreeEnsembleRegressor") => &[
            ("nodes_values", Parameter),
            ("nodes_values_as_tensor", Parameter),
            ("target_weights", Parameter),
            ("target_weights_as_tensor", Parameter),
            ("class_weights", Parameter),
            ("class_weights_as_tensor", Parameter),
            ("base_values", Parameter),
            ("base_values_as_tensor", Parameter),
        ],
        (true, "TreeEnsemble") => &[("nodes_splits", Parameter), ("leaf_weights", Parameter)],
        (true, "Scaler") => &[("offset", Parameter), ("scale", Parameter)],
        (true, "Imputer") => &[("imputed_value_floats", Parameter)],
        (false, "TfIdfVectorizer") if own(node) => &[("weights", Parameter)],
        _ if role(node, 0).is_some() => &[],
        _ => return None,
    };
    Some(learned)
}

/// Returns the number of learned numbers in an attribute of the node. In a tree only decision nodes have a threshold.
pub(super) fn learned_elements(node: &Node, name: &str) -> u64 {
    let elements = match node.attributes.get(name) {
        Some(Attribute::Floats(values)) => values.len(),
        Some(Attribute::Tensor(tensor)) => tensor.len(),
        _ => 0,
    };
    let leaves = match node.attributes.get("nodes_modes") {
        Some(Attribute::Strings(modes)) if name.starts_with("nodes_values") => {
            modes.iter().filter(|mode| *mode == "LEAF").count()
        }
        _ => 0,
    };
    elements.saturating_sub(leaves) as u64
}

/// Returns `true` if an attribute holds more numbers than a kernel's shape, a padding or a permutation has, or bytes
/// that may hold them.
pub(super) fn may_hold_weights(attribute: &Attribute) -> bool {
    /// The pads of an image in three dimensions with batch and channels are this many.
    const SIZES: usize = 10;
    /// Names and equations are shorter.
    const TEXT: usize = 4096;
    match attribute {
        Attribute::Floats(values) => values.len() > 1,
        Attribute::Tensor(tensor) => tensor.len() > 1,
        Attribute::Ints(values) => values.len() > SIZES,
        Attribute::String(text) => text.len() > TEXT,
        Attribute::Strings(texts) => texts.iter().map(String::len).sum::<usize>() > TEXT,
        Attribute::Opaque(bytes) => bytes.len() > TEXT,
        Attribute::Int(_) | Attribute::Float(_) | Attribute::Graph(_) | Attribute::Graphs(_) => false,
    }
}

/// Returns `true` if the operation presents its first operand's numbers in another form: the result for a parameter is
/// that parameter.
pub(super) fn shows_the_same(node: &Node) -> bool {
    const SAME: [&str; 12] = [
        "Identity",
        "Cast",
        "CastLike",
        "Transpose",
        "Reshape",
        "Flatten",
        "Squeeze",
        "Unsqueeze",
        "QuantizeLinear",
        "DequantizeLinear",
        "Expand",
        "Tile",
    ];
    (own(node) && is_any(node, &SAME)) || (microsoft(node) && is_any(node, &["QuantizeLinear", "DequantizeLinear"]))
}
