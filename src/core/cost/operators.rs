//! Properties of operations other than their products: their domain, and the data they move.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::graph::Node;

/// Returns `true` if the node is of ONNX's own operator set.
pub(super) fn own(node: &Node) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx")
}

/// Returns `true` if the node is of ONNX Runtime's operator set.
pub(super) fn microsoft(node: &Node) -> bool {
    node.domain == "com.microsoft"
}

/// Returns `true` if the node is of ONNX's operator set for classical machine learning.
pub(super) fn ml(node: &Node) -> bool {
    node.domain == "ai.onnx.ml"
}

/// Returns `true` if the operation is one of `names`, of whatever domain.
pub(super) fn is_any(node: &Node, names: &[&str]) -> bool {
    names.contains(&node.op_type.as_str())
}

/// Returns `true` if the node only presents its first operand in another shape, for which runtimes move no data.
pub(super) fn is_view(node: &Node) -> bool {
    own(node) && is_any(node, &["Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze"])
}

/// Returns `true` if the node only reads as much of its first operand as it outputs.
pub(super) fn selects(node: &Node) -> bool {
    own(node) && is_any(node, &["Gather", "GatherElements", "GatherND", "Slice"])
}

/// Returns `true` if the node reads the shape of its operand but not its elements.
pub(super) fn reads_shape_only(node: &Node) -> bool {
    own(node) && is_any(node, &["Shape", "Size"])
}

/// Returns `true` if the node does nothing but run its subgraphs.
pub(super) fn only_runs_subgraphs(node: &Node) -> bool {
    own(node) && is_any(node, &["If", "Loop", "Scan", "SequenceMap"]) && node.subgraphs().next().is_some()
}

/// Returns `true` if the operation is known to compute no product of the kinds that are counted.
pub(super) fn makes_no_product(node: &Node) -> bool {
    let op = node.op_type.as_str();
    (own(node) && WITHOUT_PRODUCTS.contains(op))
        || (microsoft(node) && WITHOUT_PRODUCTS_MICROSOFT.contains(op))
        || (ml(node) && WITHOUT_PRODUCTS_ML.contains(op))
}

/// ONNX's operations up to opset 28 whose work is element-wise, pooling, reduction, normalisation or moving data, and
/// the Fourier transforms, which no table of networks counts in MACs.
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
    SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength Shape Shrink Sigmoid Sign \
    SimplifiedLayerNormalization Sin Sinh Size \
    Slice Softmax SoftmaxCrossEntropyLoss Softplus Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat \
    StringNormalizer StringSplit Sub Sum SwiGLU Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK \
    Transpose Trilu Unique Unsqueeze Upsample Where Xor"
        .split_ascii_whitespace()
        .collect()
});

/// The same for the operations that ONNX Runtime adds, many of them when it optimizes or quantises a file.
static WITHOUT_PRODUCTS_MICROSOFT: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
    BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BifurcationDetector BitmaskBiasDropout BitmaskDropout \
    BranchwiseRMSNorm ComplexMul ComplexMulConj CropAndResize DequantizeBFP DequantizeLinear DequantizeWithOrder \
    DynamicTimeWarping EmbedLayerNormalization ExpandDims FastGelu GatedAdd GatedRMSNorm GatherBlockQuantized GatherND \
    Gelu GemmaRotaryEmbedding GridSample GroupNorm Inverse Irfft IsAllFinite MRotaryEmbedding MaxpoolWithMask MulInteger \
    MurmurHash3 NGramRepeatBlock NhwcMaxPool Pad QEmbedLayerNormalization QLinearAdd QLinearAveragePool QLinearConcat \
    QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere \
    QOrderedGelu QOrderedLayerNormalization QuantizeBFP QuantizeLinear QuantizeWithOrder QuickGelu Range ReduceSumInteger \
    RelativePositionBias RemovePadding RestorePadding Rfft RotaryEmbedding ScaledSiLU SimplifiedLayerNormalization \
    SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization Tokenizer TorchEmbedding Trilu UnfoldTensor \
    Unique"
        .split_ascii_whitespace()
        .collect()
});

/// The same for classical machine learning: comparisons, tables and scales.
static WITHOUT_PRODUCTS_ML: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    "\
    ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder \
    Normalizer OneHotEncoder Scaler TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor ZipMap"
        .split_ascii_whitespace()
        .collect()
});
