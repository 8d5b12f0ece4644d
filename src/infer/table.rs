//! The operations of ONNX's own domain that inference knows, each with its rule.

use super::context::Context;
use super::fact::Answer;
use super::rules::{constant, elementwise};

/// Computes types and shapes of a node's outputs.
pub(super) type Rule = fn(&Context) -> Answer;

/// The rule of an operation.
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
        _ => return None,
    })
}
