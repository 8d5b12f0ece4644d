//! Table of the operations of ONNX's own domain that inference supports, each with its rule.

use super::context::Context;
use super::fact::Answer;
use super::rules::{
    attention, constant, convolution, elementwise, gather, matrix, normalization, pooling, quantization, recurrent,
    reduction, reshape, resize, selection, signal, slicing,
};

/// Rule that computes types and shapes of a node's outputs.
pub(super) type Rule = fn(&Context) -> Answer;

/// Returns the rule of an operation.
pub(super) fn rule(op_type: &str) -> Option<Rule> {
    Some(match op_type {
        "Abs"
        | "Acos"
        | "Acosh"
        | "Asin"
        | "Asinh"
        | "Atan"
        | "Atanh"
        | "BitwiseNot"
        | "Ceil"
        | "Celu"
        | "Clip"
        | "Cos"
        | "Cosh"
        | "CumProd"
        | "CumSum"
        | "Elu"
        | "Erf"
        | "Exp"
        | "Floor"
        | "Gelu"
        | "HardSigmoid"
        | "HardSwish"
        | "Hardmax"
        | "Identity"
        | "OptionalGetElement"
        | "LeakyRelu"
        | "Log"
        | "LogSoftmax"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "Mish"
        | "Neg"
        | "Reciprocal"
        | "Relu"
        | "ReverseSequence"
        | "Round"
        | "Selu"
        | "Shrink"
        | "Sigmoid"
        | "Sign"
        | "Sin"
        | "Sinh"
        | "Softmax"
        | "Softplus"
        | "Softsign"
        | "Sqrt"
        | "Swish"
        | "Tan"
        | "Tanh"
        | "ThresholdedRelu"
        | "Trilu" => elementwise::same,
        "IsInf" | "IsNaN" | "Not" | "RegexFullMatch" => elementwise::same_bool,
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "BitwiseAnd" | "BitwiseOr" | "BitwiseXor" | "StringConcat" => {
            elementwise::arithmetic
        }
        "Pow" | "BitShift" => elementwise::power,
        "And" | "Or" | "Xor" | "Equal" | "Greater" | "GreaterOrEqual" | "Less" | "LessOrEqual" => {
            elementwise::comparison
        }
        "Max" | "Min" | "Mean" | "Sum" => elementwise::variadic,
        "PRelu" => elementwise::prelu,
        "SwiGLU" => elementwise::same_shapes,
        "Where" => elementwise::choose,
        "Cast" | "BitCast" => elementwise::cast,
        "CastLike" => elementwise::cast_like,
        "Dropout" => elementwise::dropout,

        "Constant" => constant::constant,
        "ConstantOfShape" => constant::constant_of_shape,
        "Range" => constant::range,
        "EyeLike" | "RandomNormalLike" | "RandomUniformLike" | "Bernoulli" => constant::like,
        "RandomNormal" | "RandomUniform" => constant::random,
        "Multinomial" => constant::multinomial,
        "BlackmanWindow" | "HammingWindow" | "HannWindow" => constant::window,

        "Conv" | "DeformConv" => convolution::conv,
        "ConvInteger" => convolution::conv_integer,
        "QLinearConv" => convolution::qlinear_conv,
        "ConvTranspose" => convolution::conv_transpose,
        "CausalConvWithState" => convolution::causal,
        "Col2Im" => convolution::col2im,
        "MaxPool" | "AveragePool" | "LpPool" => pooling::pool,
        "GlobalAveragePool" | "GlobalMaxPool" | "GlobalLpPool" => pooling::global,
        "MaxUnpool" => pooling::unpool,
        "RoiAlign" => pooling::roi_align,
        "MaxRoiPool" => pooling::max_roi_pool,

        "MatMul" => matrix::matmul,
        "MatMulInteger" => matrix::matmul_integer,
        "QLinearMatMul" => matrix::qlinear_matmul,
        "Gemm" => matrix::gemm,
        "Einsum" => matrix::einsum,
        "Det" => matrix::det,
        "Attention" => attention::attention,
        "LinearAttention" => attention::linear_attention,
        "RotaryEmbedding" => attention::rotary,
        "RNN" | "GRU" | "LSTM" => recurrent::recurrent,

        "BatchNormalization" => normalization::batch_norm,
        "InstanceNormalization" | "GroupNormalization" | "LRN" | "RMSNormalization" => normalization::keep,
        "LayerNormalization" => normalization::layer_norm,
        "SoftmaxCrossEntropyLoss" | "NegativeLogLikelihoodLoss" => normalization::loss,

        "ReduceL1" | "ReduceL2" | "ReduceLogSum" | "ReduceLogSumExp" | "ReduceMax" | "ReduceMean" | "ReduceMin"
        | "ReduceProd" | "ReduceSum" | "ReduceSumSquare" => reduction::reduce,
        "ArgMax" | "ArgMin" => reduction::arg,

        "Reshape" => reshape::reshape,
        "Flatten" => reshape::flatten,
        "Transpose" => reshape::transpose,
        "Squeeze" => reshape::squeeze,
        "Unsqueeze" => reshape::unsqueeze,
        "DepthToSpace" => reshape::depth_to_space,
        "SpaceToDepth" => reshape::space_to_depth,
        "Shape" => reshape::shape_of,
        "Size" | "SequenceLength" => constant::count,
        "OptionalHasElement" => constant::truth,
        "Concat" => slicing::concat,
        "Split" => slicing::split,
        "Slice" => slicing::slice,
        "Pad" => slicing::pad,
        "Tile" => slicing::tile,
        "Expand" => slicing::expand,
        "CenterCropPad" => slicing::center_crop_pad,
        "Compress" => slicing::compress,
        "Resize" => resize::resize,
        "Upsample" => resize::upsample,

        "Gather" => gather::gather,
        "GatherElements" => gather::gather_elements,
        "GatherND" => gather::gather_nd,
        "OneHot" => gather::one_hot,
        "Scatter" | "ScatterElements" | "ScatterND" | "TensorScatter" => gather::scatter,
        "GridSample" => gather::grid_sample,
        "AffineGrid" => gather::affine_grid,

        "TopK" => selection::top_k,
        "NonZero" => selection::non_zero,
        "NonMaxSuppression" => selection::non_max_suppression,
        "Unique" => selection::unique,
        "TfIdfVectorizer" => selection::tf_idf,
        "StringNormalizer" => selection::string_normalizer,
        "StringSplit" => selection::string_split,
        "ImageDecoder" => selection::image,

        "QuantizeLinear" => quantization::quantize,
        "DequantizeLinear" => quantization::dequantize,
        "DynamicQuantizeLinear" => quantization::dynamic_quantize,

        "DFT" => signal::dft,
        "STFT" => signal::stft,
        "MelWeightMatrix" => signal::mel,
        _ => return None,
    })
}
