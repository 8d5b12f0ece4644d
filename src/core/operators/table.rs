//! The rows.

/// Expands the table for one column: `operators!(facts)` to what [`Operator`](super::Operator) holds, any other to an
/// `Option` for each row, in arrays that are laid out like the table.
///
/// A row is the operator's name, the first version of its domain's operator set that has it, and what is known of it:
///
/// - `shape`: the rule that infers types and shapes of its results (`infer/rules`)
/// - `elements`: what computes the elements of small vectors in shape arithmetic (`infer/evaluate`)
/// - `result`: what computes it in the reference (`reference`)
/// - `macs`: the rule that counts its products (`cost`), `none` where it makes none
/// - `makes`: the element type of its result where the file states none and it is not the operand's (`cost/constants.rs`)
/// - `packed`: how many weights an operand holds that has several in a byte (`cost/packed.rs`)
/// - the fields of [`Operator`](super::Operator), those that are true under `is`; `attributes(weights; further learned)`
macro_rules! operators {
    ($column:ident) => {
        $crate::operators::table::rows! { $column
        Onnx {
            Abs 1 { shape(elementwise::same) elements(|cx| arithmetic::unary(cx, arithmetic::abs))
                result(|call| unary::signed(call, f64::abs, i128::abs)) macs(none) }
            Acos 7 { shape(elementwise::same) result(|call| unary::real(call, f64::acos)) macs(none) }
            Acosh 9 { shape(elementwise::same) result(|call| unary::real(call, f64::acosh)) macs(none) }
            Add 1 { shape(elementwise::arithmetic) elements(|cx| arithmetic::binary(cx, Num::add))
                result(|call| binary::arithmetic(call, f64::add, i128::checked_add)) macs(none) is(strip) }
            AffineGrid 20 { shape(gather::affine_grid) macs(none) }
            And 1 { shape(elementwise::comparison) elements(|cx| arithmetic::logic(cx, bool::bitand))
                result(|call| binary::bits(call, i128::bitand)) macs(none) }
            ArgMax 1 { shape(reduction::arg) result(|call| reduce::arg(call, f64::gt)) macs(none) }
            ArgMin 1 { shape(reduction::arg) result(|call| reduce::arg(call, f64::lt)) macs(none) }
            Asin 7 { shape(elementwise::same) result(|call| unary::real(call, f64::asin)) macs(none) }
            Asinh 9 { shape(elementwise::same) result(|call| unary::real(call, f64::asinh)) macs(none) }
            Atan 7 { shape(elementwise::same) result(|call| unary::real(call, f64::atan)) macs(none) }
            Atanh 9 { shape(elementwise::same) result(|call| unary::real(call, f64::atanh)) macs(none) }
            Attention 23 { shape(attention::attention) macs(attention) learned(0, 1, 2) }
            AveragePool 1 { shape(pooling::pool) result(pool::average_pool) macs(none) rounding(Terms) }
            BatchNormalization 1 { shape(normalization::batch_norm) result(normalization::batch) macs(none)
                learned(0, 1, 2) parts(1 Scale, 2 Bias, 3 Mean, 4 Variance) is(strip) rounding(Share)
                label("BatchNorm") }
            Bernoulli 15 { shape(constant::like) macs(none) is(random) }
            BitCast 26 { shape(elementwise::cast) macs(none) }
            BitShift 11 { shape(elementwise::power) result(binary::shift) macs(none) }
            BitwiseAnd 18 { shape(elementwise::arithmetic) result(|call| binary::bits(call, i128::bitand)) macs(none) }
            BitwiseNot 18 { shape(elementwise::same) result(unary::bitwise_not) macs(none) }
            BitwiseOr 18 { shape(elementwise::arithmetic) result(|call| binary::bits(call, i128::bitor)) macs(none) }
            BitwiseXor 18 { shape(elementwise::arithmetic) result(|call| binary::bits(call, i128::bitxor)) macs(none) }
            BlackmanWindow 17 { shape(constant::window) macs(none) }
            Cast 1 { shape(elementwise::cast) elements(arrange::cast) result(unary::cast) macs(none) makes(cast)
                is(keeps_numbers, hands_on) settings(0) }
            CastLike 15 { shape(elementwise::cast_like) elements(arrange::cast) result(unary::cast_like) macs(none)
                is(keeps_numbers) }
            CausalConvWithState 27 { shape(convolution::causal) macs(convolution) weights(1) learned(0, 2) }
            Ceil 1 { shape(elementwise::same) elements(|cx| arithmetic::round(cx, f64::ceil))
                result(|call| unary::real(call, f64::ceil)) macs(none) settings(0) }
            Celu 12 { shape(elementwise::same) result(unary::celu) macs(none) is(strip) rounding(Share) }
            CenterCropPad 18 { shape(slicing::center_crop_pad) macs(none) }
            Clip 1 { shape(elementwise::same) result(unary::clip) macs(none) learned(0) is(strip) settings(1) }
            Col2Im 18 { shape(convolution::col2im) macs(none) }
            Compress 9 { shape(slicing::compress) result(gather::compress) macs(none) }
            Concat 1 { shape(slicing::concat) elements(arrange::concat) result(movement::concat) macs(none) }
            ConcatFromSequence 11 { macs(none) }
            Constant 1 { shape(constant::constant) result(make::constant) macs(none) }
            ConstantOfShape 9 { shape(constant::constant_of_shape) elements(make::constant_of_shape)
                result(make::constant_of_shape) macs(none) makes(filled) settings(0) }
            Conv 1 { shape(|cx| convolution::conv(cx, cx.common_dtype(0), 0, 1)) result(convolution::conv)
                macs(convolution) weights(1) learned(0, 2) parts(1 Weight(0), 2 Bias) rounding(Share) }
            ConvInteger 10 { shape(|cx| convolution::conv(cx, Some(DType::I32), 0, 1)) result(convolution::conv_integer)
                macs(convolution) weights(1) learned(0) is(quantised_weights, quantised) settings(1) }
            ConvTranspose 1 { shape(convolution::conv_transpose) result(convolution::conv_transpose)
                macs(transposed_convolution) weights(1) learned(0, 2) parts(1 Weight(1), 2 Bias) rounding(Share) }
            Cos 7 { shape(elementwise::same) result(|call| unary::real(call, f64::cos)) macs(none) rounding(Share) }
            Cosh 9 { shape(elementwise::same) result(|call| unary::real(call, f64::cosh)) macs(none) }
            CumProd 26 { shape(elementwise::same) macs(none) }
            CumSum 11 { shape(elementwise::same) result(reduce::cum_sum) macs(none) }
            DFT 17 { shape(signal::dft) macs(none) }
            DeformConv 19 { shape(|cx| convolution::conv(cx, cx.common_dtype(0), 0, 1)) macs(convolution)
                weights(1) learned(0, 2, 3, 4) }
            DepthToSpace 1 { shape(reshape::depth_to_space) result(movement::depth_to_space) macs(none) }
            DequantizeLinear 10 { shape(quantization::dequantize) result(quantize::dequantize) macs(none)
                makes(|_| Some(DType::F32)) learned(0) is(keeps_numbers, quantised) settings(1) }
            Det 11 { shape(matrix::det) macs(none) }
            Div 1 { shape(elementwise::arithmetic) elements(arithmetic::divide)
                result(|call| binary::arithmetic(call, f64::div, i128::checked_div)) macs(none) is(strip) }
            Dropout 1 { shape(elementwise::dropout) result(movement::dropout) macs(none) learned(0) is(strip) }
            DynamicQuantizeLinear 11 { shape(quantization::dynamic_quantize) result(quantize::dynamic) macs(none)
                is(quantised) settings(1) }
            Einsum 12 { shape(matrix::einsum) macs(einsum) weights(0, 1) rounding(Share) }
            Elu 1 { shape(elementwise::same) result(unary::elu) macs(none) is(strip) rounding(Share) }
            Equal 1 { shape(elementwise::comparison) elements(|cx| arithmetic::compare(cx, Ordering::is_eq))
                result(|call| binary::compare(call, Ordering::is_eq)) macs(none) settings(0) }
            Erf 9 { shape(elementwise::same) result(|call| unary::real(call, unary::erf)) macs(none) is(strip)
                rounding(Share) }
            Exp 1 { shape(elementwise::same) result(|call| unary::real(call, f64::exp)) macs(none) rounding(Share) }
            Expand 8 { shape(slicing::expand) elements(arrange::repeat) result(movement::expand) macs(none)
                is(keeps_numbers, hands_on) }
            EyeLike 9 { shape(constant::like) result(make::eye_like) macs(none) }
            Flatten 1 { shape(reshape::flatten) elements(arrange::same) result(movement::flatten) macs(none)
                is(view, keeps_numbers, hands_on) }
            Floor 1 { shape(elementwise::same) elements(|cx| arithmetic::round(cx, f64::floor))
                result(|call| unary::real(call, f64::floor)) macs(none) settings(0) }
            GRU 1 { shape(recurrent::recurrent) macs(recurrent) weights(1, 2) learned(0, 3, 7)
                parts(1 Stacked(2), 2 Stacked(2), 3 Mean) is(recurrent) rounding(Gated(Some(5))) }
            Gather 1 { shape(gather::gather) elements(arrange::gather) result(gather::gather) macs(none)
                is(hands_on, selection) }
            GatherElements 11 { shape(gather::gather_elements) result(gather::gather_elements) macs(none)
                is(selection) }
            GatherND 11 { shape(gather::gather_nd) result(gather::gather_nd) macs(none) is(selection) }
            Gelu 20 { shape(elementwise::same) result(unary::gelu) macs(none) is(strip) rounding(Share) }
            Gemm 1 { shape(matrix::gemm) result(linear::gemm) macs(gemm) weights(0, 1) learned(2)
                parts(1 Weight(1), 2 Bias) rounding(Share) }
            GlobalAveragePool 1 { shape(pooling::global) result(|call| pool::global(call, reduce::mean)) macs(none)
                rounding(Sum) label("GlobalAvgPool") }
            GlobalLpPool 1 { shape(pooling::global) result(pool::global_lp) macs(none) }
            GlobalMaxPool 1 { shape(pooling::global) result(|call| pool::global(call, reduce::largest)) macs(none) }
            Greater 1 { shape(elementwise::comparison) elements(|cx| arithmetic::compare(cx, Ordering::is_gt))
                result(|call| binary::compare(call, Ordering::is_gt)) macs(none) }
            GreaterOrEqual 12 { shape(elementwise::comparison) elements(|cx| arithmetic::compare(cx, Ordering::is_ge))
                result(|call| binary::compare(call, Ordering::is_ge)) macs(none) }
            GridSample 16 { shape(gather::grid_sample) macs(none) rounding(Share) }
            GroupNormalization 18 { shape(elementwise::same) result(normalization::group) macs(none)
                parts(1 Scale, 2 Mean) is(strip) rounding(Share) label("GroupNorm") }
            HammingWindow 17 { shape(constant::window) macs(none) }
            HannWindow 17 { shape(constant::window) macs(none) }
            HardSigmoid 1 { shape(elementwise::same) result(unary::hard_sigmoid) macs(none) is(strip) }
            HardSwish 14 { shape(elementwise::same) result(|call| unary::real(call, unary::hard_swish)) macs(none)
                is(strip) rounding(Share) }
            Hardmax 1 { shape(elementwise::same) result(|call| reduce::softmax(call, reduce::hardmax_of)) macs(none) }
            Identity 1 { shape(elementwise::same) elements(arrange::same) result(movement::identity) macs(none)
                is(view, keeps_numbers, hands_on, strip) }
            If 1 { learned() control(Branch) }
            ImageDecoder 20 { shape(selection::image) macs(none) }
            InstanceNormalization 1 { shape(elementwise::same) result(normalization::instance) macs(none)
                parts(1 Scale, 2 Mean) is(strip) rounding(Share) label("InstanceNorm") }
            IsInf 10 { shape(elementwise::same_bool) result(unary::is_inf) macs(none) }
            IsNaN 9 { shape(elementwise::same_bool) result(|call| unary::classify(call, f64::is_nan)) macs(none) }
            LRN 1 { shape(elementwise::same) result(normalization::local_response) macs(none) is(strip)
                rounding(Share) }
            LSTM 1 { shape(recurrent::recurrent) macs(recurrent) weights(1, 2) learned(0, 3, 7)
                parts(1 Stacked(2), 2 Stacked(2), 3 Mean) is(recurrent) rounding(Gated(Some(6))) }
            LayerNormalization 17 { shape(normalization::layer_norm) result(normalization::layer) macs(none)
                parts(1 Scale, 2 Mean) is(strip) rounding(Share) label("LayerNorm") }
            LeakyRelu 1 { shape(elementwise::same) result(unary::leaky_relu) macs(none) is(strip) }
            Less 1 { shape(elementwise::comparison) elements(|cx| arithmetic::compare(cx, Ordering::is_lt))
                result(|call| binary::compare(call, Ordering::is_lt)) macs(none) }
            LessOrEqual 12 { shape(elementwise::comparison) elements(|cx| arithmetic::compare(cx, Ordering::is_le))
                result(|call| binary::compare(call, Ordering::is_le)) macs(none) }
            LinearAttention 27 { shape(attention::linear_attention) learned(0, 1, 2) }
            Log 1 { shape(elementwise::same) result(|call| unary::real(call, f64::ln)) macs(none) rounding(Share) }
            LogSoftmax 1 { shape(elementwise::same) result(|call| reduce::softmax(call, reduce::log_softmax_of))
                macs(none) is(strip) rounding(Share) }
            Loop 1 { learned() control(Loop) }
            LpNormalization 1 { shape(elementwise::same) result(normalization::lp) macs(none) is(strip)
                rounding(Share) }
            LpPool 1 { shape(pooling::pool) result(pool::lp_pool) macs(none) }
            MatMul 1 { shape(|cx| matrix::product(cx, cx.common_dtype(0), 0, 1)) result(linear::mat_mul)
                macs(matrix_product) weights(0, 1) parts(0 Matrix(1), 1 Matrix(0)) rounding(Share) }
            MatMulInteger 10 { shape(|cx| matrix::product(cx, Some(DType::I32), 0, 1)) result(linear::mat_mul_integer)
                macs(matrix_product) weights(0, 1) is(quantised_weights, quantised) settings(1) }
            Max 1 { shape(elementwise::variadic) elements(|cx| arithmetic::variadic(cx, arithmetic::larger))
                result(|call| binary::variadic(call, binary::larger, Ord::max)) macs(none) }
            MaxPool 1 { shape(pooling::pool) result(pool::max_pool) macs(none) }
            MaxRoiPool 1 { shape(pooling::max_roi_pool) macs(none) }
            MaxUnpool 9 { shape(pooling::unpool) macs(none) }
            Mean 1 { shape(elementwise::variadic) result(binary::mean) macs(none) }
            MeanVarianceNormalization 9 { shape(elementwise::same) result(normalization::mean_variance) macs(none)
                rounding(Share) }
            MelWeightMatrix 17 { shape(signal::mel) macs(none) }
            Min 1 { shape(elementwise::variadic) elements(|cx| arithmetic::variadic(cx, arithmetic::smaller))
                result(|call| binary::variadic(call, binary::smaller, Ord::min)) macs(none) }
            Mish 18 { shape(elementwise::same) result(|call| unary::real(call, unary::mish)) macs(none) is(strip)
                rounding(Share) }
            Mod 10 { shape(elementwise::arithmetic) elements(arithmetic::remainder) result(binary::modulo) macs(none) }
            Mul 1 { shape(elementwise::arithmetic) elements(|cx| arithmetic::binary(cx, Num::mul))
                result(|call| binary::arithmetic(call, f64::mul, |a, b| Some(a.wrapping_mul(b)))) macs(none) is(strip) }
            Multinomial 7 { shape(constant::multinomial) macs(none) is(random) }
            Neg 1 { shape(elementwise::same) elements(|cx| arithmetic::unary(cx, Num::neg))
                result(|call| unary::signed(call, f64::neg, i128::neg)) macs(none) }
            NegativeLogLikelihoodLoss 12 { shape(normalization::loss) macs(none) }
            NonMaxSuppression 10 { shape(selection::non_max_suppression) macs(none) learned() settings(1) }
            NonZero 9 { shape(selection::non_zero) result(gather::non_zero) macs(none) }
            Not 1 { shape(elementwise::same_bool) elements(|cx| arithmetic::unary(cx, arithmetic::not))
                result(unary::not) macs(none) }
            OneHot 9 { shape(gather::one_hot) result(gather::one_hot) macs(none) learned(0, 1) }
            Optional 15 { macs(none) }
            OptionalGetElement 15 { shape(elementwise::same) macs(none) }
            OptionalHasElement 15 { shape(constant::truth) macs(none) }
            Or 1 { shape(elementwise::comparison) elements(|cx| arithmetic::logic(cx, bool::bitor))
                result(|call| binary::bits(call, i128::bitor)) macs(none) }
            PRelu 1 { shape(elementwise::prelu) result(binary::prelu) macs(none) is(strip) }
            Pad 1 { shape(slicing::pad) result(movement::pad) macs(none) learned(0) settings(1) }
            Pow 1 { shape(elementwise::power) result(binary::pow) macs(none) rounding(Share) settings(1) }
            QLinearConv 10 { shape(|cx| convolution::conv(cx, cx.dtype(7), 0, 3)) macs(convolution) weights(3)
                learned(0, 8) is(quantised_weights, quantised) settings(1) }
            QLinearMatMul 10 { shape(|cx| matrix::product(cx, cx.dtype(7), 0, 3)) macs(matrix_product) weights(0, 3)
                is(quantised_weights, quantised) settings(1) }
            QuantizeLinear 10 { shape(quantization::quantize) result(quantize::quantize) macs(none)
                makes(|_| Some(DType::U8)) learned(0) is(keeps_numbers, quantised) settings(1) }
            RMSNormalization 23 { shape(elementwise::same) result(normalization::root_mean_square) macs(none)
                parts(1 Scale) is(strip) rounding(Share) label("RMSNorm") }
            RNN 1 { shape(recurrent::recurrent) macs(recurrent) weights(1, 2) learned(0, 3, 7)
                parts(1 Stacked(2), 2 Stacked(2), 3 Mean) is(recurrent) rounding(Gated(None)) }
            RandomNormal 1 { shape(constant::random) macs(none) is(random) }
            RandomNormalLike 1 { shape(constant::like) macs(none) is(random) }
            RandomUniform 1 { shape(constant::random) macs(none) is(random) }
            RandomUniformLike 1 { shape(constant::like) macs(none) is(random) }
            Range 11 { shape(constant::range) elements(make::range) result(make::range) macs(none) learned()
                settings(0) }
            Reciprocal 1 { shape(elementwise::same) result(|call| unary::real(call, f64::recip)) macs(none)
                rounding(Share) }
            ReduceL1 1 { shape(reduction::reduce)
                result(|call| reduce::reduce(call, reduce::l1, |v| Some(v.iter().map(|v| v.abs()).sum()))) macs(none)
                rounding(Terms) }
            ReduceL2 1 { shape(reduction::reduce) result(|call| reduce::rounded(call, reduce::l2)) macs(none)
                rounding(Terms) }
            ReduceLogSum 1 { shape(reduction::reduce) result(|call| reduce::rounded(call, reduce::log_sum)) macs(none)
                rounding(Terms) }
            ReduceLogSumExp 1 { shape(reduction::reduce) result(|call| reduce::rounded(call, reduce::log_sum_exp))
                macs(none) rounding(Terms) }
            ReduceMax 1 { shape(reduction::reduce) elements(|cx| arithmetic::reduce(cx, arithmetic::larger))
                result(|call| reduce::reduce(call, reduce::largest, |v| v.iter().max().copied())) macs(none) }
            ReduceMean 1 { shape(reduction::reduce)
                result(|call| reduce::reduce(call, reduce::mean, reduce::whole_mean)) macs(none) rounding(Sum) }
            ReduceMin 1 { shape(reduction::reduce) elements(|cx| arithmetic::reduce(cx, arithmetic::smaller))
                result(|call| reduce::reduce(call, reduce::smallest, |v| v.iter().min().copied())) macs(none) }
            ReduceProd 1 { shape(reduction::reduce) elements(|cx| arithmetic::reduce(cx, Num::mul))
                result(|call| reduce::reduce(call, |v| v.iter().product(), reduce::whole_product)) macs(none)
                rounding(Terms) }
            ReduceSum 1 { shape(reduction::reduce) elements(|cx| arithmetic::reduce(cx, Num::add))
                result(|call| reduce::reduce(call, reduce::sum, |v| Some(v.iter().sum()))) macs(none) rounding(Sum) }
            ReduceSumSquare 1 { shape(reduction::reduce)
                result(|call| reduce::reduce(call, reduce::sum_square, reduce::whole_sum_square)) macs(none)
                rounding(Terms) }
            RegexFullMatch 20 { shape(elementwise::same_bool) macs(none) }
            Relu 1 { shape(elementwise::same) result(|call| unary::signed(call, unary::relu, |x| x.max(0))) macs(none)
                is(strip) }
            Reshape 1 { shape(reshape::reshape) elements(arrange::same) result(movement::reshape) macs(none)
                is(view, keeps_numbers, hands_on) }
            Resize 10 { shape(resize::resize) macs(none) learned(0) settings(1) }
            ReverseSequence 10 { shape(elementwise::same) result(gather::reverse_sequence) macs(none) }
            RoiAlign 10 { shape(pooling::roi_align) macs(none) settings(1) }
            RotaryEmbedding 23 { shape(attention::rotary) macs(none) learned(0) }
            Round 11 { shape(elementwise::same) elements(|cx| arithmetic::round(cx, f64::round_ties_even))
                result(|call| unary::real(call, f64::round_ties_even)) macs(none) settings(0) }
            STFT 17 { shape(signal::stft) macs(none) learned(0, 1) }
            Scan 8 { learned() control(Scan) }
            Scatter 9 { shape(elementwise::same) result(gather::scatter_elements) macs(none) }
            ScatterElements 11 { shape(elementwise::same) result(gather::scatter_elements) macs(none) }
            ScatterND 11 { shape(elementwise::same) result(gather::scatter_nd) macs(none) }
            Selu 1 { shape(elementwise::same) result(unary::selu) macs(none) is(strip) rounding(Share) }
            SequenceAt 11 { macs(none) }
            SequenceConstruct 11 { macs(none) }
            SequenceEmpty 11 { macs(none) }
            SequenceErase 11 { macs(none) }
            SequenceInsert 11 { macs(none) }
            SequenceLength 11 { shape(constant::count) macs(none) }
            SequenceMap 17 { learned() control(Map) }
            Shape 1 { shape(reshape::shape_of) elements(make::shape) result(make::shape) macs(none)
                makes(|_| Some(DType::I64)) is(of_shape) }
            Shrink 9 { shape(elementwise::same) result(unary::shrink) macs(none) }
            Sigmoid 1 { shape(elementwise::same) result(|call| unary::real(call, unary::sigmoid)) macs(none) is(strip)
                rounding(Unit) }
            Sign 9 { shape(elementwise::same) result(|call| unary::signed(call, unary::sign, i128::signum)) macs(none) }
            SimplifiedLayerNormalization 1 { macs(none) parts(1 Scale) is(of_onnx_runtime) rounding(Share)
                label("LayerNorm") }
            Sin 7 { shape(elementwise::same) result(|call| unary::real(call, f64::sin)) macs(none) rounding(Share) }
            Sinh 9 { shape(elementwise::same) result(|call| unary::real(call, f64::sinh)) macs(none) }
            Size 1 { shape(constant::count) elements(make::size) result(make::size) macs(none)
                makes(|_| Some(DType::I64)) is(of_shape) }
            Slice 1 { shape(slicing::slice) elements(arrange::slice) result(movement::slice) macs(none)
                is(hands_on, selection) }
            Softmax 1 { shape(elementwise::same) result(|call| reduce::softmax(call, reduce::softmax_of)) macs(none)
                is(strip) rounding(Share) }
            SoftmaxCrossEntropyLoss 12 { shape(normalization::loss) macs(none) }
            Softplus 1 { shape(elementwise::same) result(|call| unary::real(call, unary::softplus)) macs(none)
                is(strip) rounding(Share) }
            Softsign 1 { shape(elementwise::same) result(|call| unary::real(call, unary::softsign)) macs(none)
                is(strip) }
            SpaceToDepth 1 { shape(reshape::space_to_depth) result(movement::space_to_depth) macs(none) }
            Split 1 { shape(slicing::split) elements(arrange::split) result(movement::split) macs(none) is(hands_on) }
            SplitToSequence 11 { macs(none) }
            Sqrt 1 { shape(elementwise::same) result(|call| unary::real(call, f64::sqrt)) macs(none) rounding(Share) }
            Squeeze 1 { shape(reshape::squeeze) elements(arrange::same) result(movement::squeeze) macs(none)
                is(view, keeps_numbers, hands_on) }
            StringConcat 20 { shape(elementwise::arithmetic) macs(none) }
            StringNormalizer 10 { shape(selection::string_normalizer) macs(none) }
            StringSplit 20 { shape(selection::string_split) macs(none) }
            Sub 1 { shape(elementwise::arithmetic) elements(|cx| arithmetic::binary(cx, Num::sub))
                result(|call| binary::arithmetic(call, f64::sub, i128::checked_sub)) macs(none) is(strip) }
            Sum 1 { shape(elementwise::variadic) elements(|cx| arithmetic::variadic(cx, Num::add))
                result(|call| binary::variadic(call, f64::add, i128::add)) macs(none) }
            SwiGLU 28 { shape(elementwise::same_shapes) macs(none) }
            Swish 24 { shape(elementwise::same) result(unary::swish) macs(none) is(strip) }
            Tan 7 { shape(elementwise::same) result(|call| unary::real(call, f64::tan)) macs(none) }
            Tanh 1 { shape(elementwise::same) result(|call| unary::real(call, f64::tanh)) macs(none) is(strip)
                rounding(Share) }
            TensorScatter 24 { shape(elementwise::same) macs(none) }
            TfIdfVectorizer 9 { shape(selection::tf_idf) macs(none) attributes(; weights) }
            ThresholdedRelu 10 { shape(elementwise::same) result(unary::thresholded_relu) macs(none) is(strip) }
            Tile 1 { shape(slicing::tile) elements(arrange::repeat) result(movement::tile) macs(none)
                is(keeps_numbers, hands_on) settings(1) }
            TopK 1 { shape(selection::top_k) result(reduce::top_k) macs(none) settings(1) }
            Transpose 1 { shape(reshape::transpose) elements(arrange::transpose) result(movement::transpose)
                macs(none) is(keeps_numbers, hands_on) }
            Trilu 14 { shape(elementwise::same) result(movement::trilu) macs(none) }
            Unique 11 { shape(selection::unique) macs(none) }
            Unsqueeze 1 { shape(reshape::unsqueeze) elements(arrange::same) result(movement::unsqueeze) macs(none)
                is(view, keeps_numbers, hands_on) }
            Upsample 1 { shape(resize::upsample) macs(none) learned(0) settings(1) }
            Where 9 { shape(elementwise::choose) elements(arrange::choose) result(binary::choose) macs(none) }
            Xor 1 { shape(elementwise::comparison) elements(|cx| arithmetic::logic(cx, bool::bitxor))
                result(|call| binary::bits(call, i128::bitxor)) macs(none) }
        }
        Classical {
            ArrayFeatureExtractor 1 { macs(none) }
            Binarizer 1 { macs(none) }
            CastMap 1 { macs(none) }
            CategoryMapper 1 { macs(none) }
            DictVectorizer 1 { macs(none) }
            FeatureVectorizer 1 { macs(none) }
            Imputer 1 { macs(none) attributes(; imputed_value_floats) }
            LabelEncoder 1 { macs(none) }
            LinearClassifier 1 { macs(coefficients) attributes(coefficients; intercepts) }
            LinearRegressor 1 { macs(coefficients) attributes(coefficients; intercepts) }
            Normalizer 1 { macs(none) }
            OneHotEncoder 1 { macs(none) }
            SVMClassifier 1 { macs(coefficients) attributes(coefficients, support_vectors; rho, prob_a, prob_b) }
            SVMRegressor 1 { macs(coefficients) attributes(coefficients, support_vectors; rho, prob_a, prob_b) }
            Scaler 1 { macs(none) attributes(; offset, scale) }
            TreeEnsemble 5 { macs(none) attributes(; nodes_splits, leaf_weights) }
            TreeEnsembleClassifier 1 { macs(none)
                attributes(; nodes_values, nodes_values_as_tensor, target_weights, target_weights_as_tensor,
                    class_weights, class_weights_as_tensor, base_values, base_values_as_tensor) }
            TreeEnsembleRegressor 1 { macs(none)
                attributes(; nodes_values, nodes_values_as_tensor, target_weights, target_weights_as_tensor,
                    class_weights, class_weights_as_tensor, base_values, base_values_as_tensor) }
            ZipMap 1 { macs(none) }
        }
        Preview {
            FlexAttention 1 { macs(attention) learned(0, 1, 2) }
        }
        Training {
            Adagrad 1 {}
            Adam 1 {}
            Gradient 1 {}
            Momentum 1 {}
        }
        Microsoft {
            Attention 1 { macs(|rule| projected_attention(rule, 4)) weights(1) learned(0, 2) }
            AttnLSTM 1 { weights(1, 2, 8, 9, 10, 13) learned(0, 3, 7, 11) }
            BeamSearch 1 { learned() }
            BiasAdd 1 { macs(none) learned(0, 1, 2) }
            BiasDropout 1 { macs(none) learned(0, 1, 2) }
            BiasGelu 1 { macs(none) learned(0, 1) }
            BiasSoftmax 1 { macs(none) learned(0, 1) }
            BiasSplitGelu 1 { macs(none) learned(0, 1) }
            BifurcationDetector 1 { macs(none) }
            BitmaskBiasDropout 1 { macs(none) learned(0, 1, 2) }
            BitmaskDropout 1 { macs(none) }
            BranchwiseRMSNorm 1 { macs(none) learned(0, 1) }
            CDist 1 { learned(0, 1) }
            CausalConvWithState 1 { macs(convolution) weights(1) learned(0, 2) }
            ComplexMul 1 { macs(none) learned(0, 1) }
            ComplexMulConj 1 { macs(none) learned(0, 1) }
            ConvTransposeWithDynamicPads 1 { macs(transposed_convolution) weights(1) learned(0, 3) }
            CropAndResize 1 { macs(none) learned(0) }
            DecoderAttention 1 { weights(2, 3) learned(0, 1, 4) }
            DecoderMaskedMultiHeadAttention 1 { learned(0, 1, 2, 10) }
            DecoderMaskedSelfAttention 1 { weights(1) learned(0, 2) }
            DequantizeBFP 1 { macs(none) learned(0) }
            DequantizeLinear 1 { macs(none) makes(|_| Some(DType::F32)) learned(0) is(keeps_numbers, quantised)
                settings(1) }
            DequantizeWithOrder 1 { macs(none) learned(0) }
            DynamicQuantizeLSTM 1 { macs(recurrent) weights(1, 2) learned(0, 3, 7) is(recurrent, quantised_weights) }
            DynamicQuantizeMatMul 1 { macs(matrix_product) weights(1) learned(0, 4) is(quantised_weights) }
            DynamicTimeWarping 1 { macs(none) }
            EmbedLayerNormalization 1 { macs(none) learned(2, 3, 4, 5, 6) rounding(Share) }
            ExpandDims 1 { macs(none) }
            FastGelu 1 { macs(none) learned(0, 1) }
            FusedConv 1 { macs(convolution) weights(1) learned(0, 2, 3) }
            FusedGemm 1 { macs(gemm) weights(0, 1) learned(2) }
            FusedMatMul 1 { macs(fused_matrix_product) weights(0, 1) }
            FusedMatMulActivation 1 { macs(fused_matrix_product) weights(0, 1) }
            GatedAdd 1 { macs(none) learned(0, 1, 2) }
            GatedRMSNorm 1 { macs(none) learned(0, 1, 2) }
            GatedRelativePositionBias 1 { weights(3) learned(0, 1, 4, 5) }
            GatherBlockQuantized 1 { macs(none) packed(table) learned(0) is(quantised_weights) }
            GatherND 1 { macs(none) }
            Gelu 1 { macs(none) rounding(Share) }
            GemmFastGelu 1 { macs(matrix_product) weights(0, 1) learned(2) }
            GemmFloat8 1 { macs(gemm) weights(0, 1) learned(2) }
            GemmaRotaryEmbedding 1 { macs(none) learned() }
            GreedySearch 1 { learned() }
            GridSample 1 { macs(none) learned(0, 1) rounding(Share) }
            GroupNorm 1 { macs(none) learned(0, 1, 2) }
            GroupQueryAttention 1 { macs(grouped_attention) learned(0, 1, 2, 11, 14, 15) }
            Inverse 1 { macs(none) }
            Irfft 1 { macs(none) }
            IsAllFinite 1 { macs(none) }
            LinearAttention 1 { learned(0, 1, 2) }
            LongformerAttention 1 { weights(1, 4) learned(0, 2, 5) }
            MRotaryEmbedding 1 { macs(none) learned(0) }
            MatMulBlockQuantizedFp4Weight 1 { packed(|packed| bits(packed, 4)) weights(1) learned(5)
                is(quantised_weights) }
            MatMulBlockQuantizedFp8Weight 1 { weights(1) learned(4) is(quantised_weights) }
            MatMulBnb4 1 { macs(|rule| columns(rule, &["N"])) packed(|packed| matrix(packed, "N")) weights(1)
                is(quantised_weights) }
            MatMulFpQ4 1 { macs(matrix_product) packed(stated) weights(1) is(quantised_weights) }
            MatMulInteger16 1 { macs(matrix_product) weights(0, 1) is(quantised_weights) }
            MatMulIntegerToFloat 1 { macs(matrix_product) weights(0, 1) learned(6) is(quantised_weights) }
            MatMulNBits 1 { macs(|rule| columns(rule, &["N"])) packed(|packed| matrix(packed, "N")) weights(1)
                learned(5) is(quantised_weights) }
            MatMulNBitsMlp 1 { macs(|rule| columns(rule, &["N", "N"])) packed(|packed| matrix(packed, "N"))
                weights(3, 6) learned(1, 2, 5, 8) is(quantised_weights) }
            MatMulNBitsQkv 1 { macs(|rule| columns(rule, &["Nq", "Nkv", "Nkv"])) packed(heads) weights(3, 6, 9)
                learned(1, 2, 5, 8, 11) is(quantised_weights) }
            MaxpoolWithMask 1 { macs(none) }
            MoE 1 { macs(experts) weights(2, 4, 6) learned(3, 5, 7) }
            MulInteger 1 { macs(none) learned(0, 2) is(quantised_weights, quantised) settings(1) }
            MultiHeadAttention 1 { macs(multi_head_attention) learned(0, 1, 2, 3) }
            MurmurHash3 1 { macs(none) }
            NGramRepeatBlock 1 { macs(none) }
            NhwcConv 1 { macs(convolution) weights(1) learned(0, 2, 3) }
            NhwcFusedConv 1 { macs(convolution) weights(1) learned(0, 2, 3) }
            NhwcMaxPool 1 { macs(none) }
            PackedAttention 1 { weights(1) learned(0, 2) }
            PackedMultiHeadAttention 1 { learned(0, 1, 2, 3) }
            Pad 1 { macs(none) learned(0) settings(1) }
            PagedAttention 1 { learned(0, 1, 2, 11, 12, 13) }
            QAttention 1 { macs(|rule| projected_attention(rule, 8)) weights(1) learned(0, 2) is(quantised_weights) }
            QEmbedLayerNormalization 1 { macs(none) learned(2, 3, 4, 5, 6) rounding(Share) }
            QGemm 1 { macs(gemm) weights(0, 3) learned(6) is(quantised_weights) }
            QLinearAdd 1 { macs(none) learned(0, 3) is(quantised_weights, quantised) settings(1) }
            QLinearAveragePool 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearConcat 1 { macs(none) learned(2, 5, 8, 11, 14, 17, 20, 23) is(quantised_weights, quantised)
                settings(1) }
            QLinearConv 1 { macs(convolution) weights(3) learned(0, 8) is(quantised_weights, quantised) settings(1) }
            QLinearGlobalAveragePool 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearLeakyRelu 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearMul 1 { macs(none) learned(0, 3) is(quantised_weights, quantised) settings(1) }
            QLinearReduceMean 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearSigmoid 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearSoftmax 1 { macs(none) learned(0) is(quantised) settings(1) }
            QLinearWhere 1 { macs(none) learned(1, 4) is(quantised_weights, quantised) settings(1) }
            QMoE 1 { macs(experts) packed(experts) weights(2, 5, 8) learned(4, 7, 10) is(quantised_weights) }
            QOrderedAttention 1 { weights(5, 6, 7) learned(0, 11, 12, 13) is(quantised_weights) }
            QOrderedGelu 1 { macs(none) learned(0) }
            QOrderedLayerNormalization 1 { macs(none) learned(0, 2, 3) rounding(Share) }
            QOrderedLongformerAttention 1 { weights(2, 8) learned(0, 4, 10) is(quantised_weights) }
            QOrderedMatMul 1 { weights(0, 2) learned(5, 6) is(quantised_weights) }
            QuantizeBFP 1 { macs(none) learned(0) }
            QuantizeLinear 1 { macs(none) makes(|_| Some(DType::U8)) learned(0) is(keeps_numbers, quantised)
                settings(1) }
            QuantizeWithOrder 1 { macs(none) learned(0) }
            QuickGelu 1 { macs(none) }
            Range 1 { macs(none) learned() settings(0) }
            ReduceSumInteger 1 { macs(none) is(quantised) settings(1) }
            RelativePositionBias 1 { macs(none) learned(0) }
            RemovePadding 1 { macs(none) }
            RestorePadding 1 { macs(none) }
            Rfft 1 { macs(none) }
            RotaryEmbedding 1 { macs(none) learned(0) }
            Sampling 1 { learned() }
            ScaledSiLU 1 { macs(none) learned(0, 1) }
            SimplifiedLayerNormalization 1 { macs(none) learned(0, 1, 2) parts(1 Scale) rounding(Share)
                label("LayerNorm") }
            SkipGroupNorm 1 { macs(none) learned(0, 1, 2, 3, 4) }
            SkipLayerNormalization 1 { macs(none) learned(0, 1, 2, 3, 4) parts(2 Scale, 3 Mean) rounding(Share) }
            SkipSimplifiedLayerNormalization 1 { macs(none) learned(0, 1, 2, 3, 4) parts(2 Scale) rounding(Share) }
            SparseAttention 1 { learned(0, 1, 2) }
            SparseToDenseMatMul 1 { macs(fused_matrix_product) weights(0, 1) }
            Tokenizer 1 { macs(none) }
            TorchEmbedding 1 { macs(none) learned(0) }
            TransposeMatMul 1 { macs(fused_matrix_product) weights(0, 1) }
            Trilu 1 { macs(none) }
            UnfoldTensor 1 { macs(none) }
            Unique 1 { macs(none) }
            VarlenCausalConvWithState 1 { weights(1) learned(0, 3) }
            WhisperBeamSearch 1 { learned() }
            WordConvEmbedding 1 { weights(1) learned(2, 3) }
        }
        Nchwc {
            AveragePool 1 { rounding(Terms) }
            Conv 1 { parts(1 Weight(0), 2 Bias) rounding(Share) }
            GlobalAveragePool 1 { rounding(Sum) label("GlobalAvgPool") }
            GlobalMaxPool 1 {}
            MaxPool 1 {}
            ReorderInput 1 {}
            ReorderOutput 1 {}
            Upsample 1 { settings(1) }
        }
        }
    };
}

/// One array a domain, one entry a row. Groups are handed on whole: to match what is nested in all of them at once takes
/// the compiler minutes.
macro_rules! rows {
    ($column:ident $($domain:ident $rows:tt)*) => {
        [$($crate::operators::table::rows!(@ $column $domain $rows)),*]
    };
    (@ $column:ident $domain:ident { $($name:ident $since:literal $row:tt)* }) => {
        &[$($crate::operators::table::entry!($column [$domain $name $since] $row)),*]
    };
}

/// The entry of one row.
macro_rules! entry {
    (facts [$domain:ident $name:ident $since:literal] { $($row:tt)* }) => {
        facts!([domain: Domain::$domain, name: stringify!($name), since: $since,] $($row)*)
    };
    ($column:ident [$($operator:tt)*] { $($row:tt)* }) => { $crate::operators::table::entry!($column $($row)*) };
    (shape shape($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    (elements elements($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    (result result($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    (macs macs(none) $($rest:tt)*) => { None };
    (macs macs($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    (makes makes($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    (packed packed($($rule:tt)*) $($rest:tt)*) => { Some($($rule)*) };
    ($column:ident $other:ident($($value:tt)*) $($rest:tt)*) => { $crate::operators::table::entry!($column $($rest)*) };
    ($column:ident) => { None };
}

/// A row as an `Operator`, whose fields are gathered in brackets; the functions that it names are for others.
macro_rules! facts {
    ([$($fields:tt)*]) => { const { Operator { $($fields)* ..Operator::UNKNOWN } } };
    ($fields:tt shape $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ($fields:tt elements $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ($fields:tt result $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ($fields:tt makes $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ($fields:tt packed $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ([$($fields:tt)*] macs(none) $($rest:tt)*) => { facts!([without_products: true, $($fields)*] $($rest)*) };
    ($fields:tt macs $value:tt $($rest:tt)*) => { facts!($fields $($rest)*) };
    ([$($fields:tt)*] is($($flag:ident),*) $($rest:tt)*) => { facts!([$($flag: true,)* $($fields)*] $($rest)*) };
    ([$($fields:tt)*] weights($($at:literal),*) $($rest:tt)*) => {
        facts!([weights: &[$($at),*], $($fields)*] $($rest)*)
    };
    ([$($fields:tt)*] learned($($at:literal),*) $($rest:tt)*) => {
        facts!([learned: Some(&[$($at),*]), $($fields)*] $($rest)*)
    };
    ([$($fields:tt)*] parts($($at:literal $part:ident $(($($axis:literal),*))?),*) $($rest:tt)*) => {
        facts!([parts: &[$(($at, Part::$part $(($($axis),*))?)),*], $($fields)*] $($rest)*)
    };
    ([$($fields:tt)*] attributes($($weight:ident),*; $($other:ident),*) $($rest:tt)*) => {
        facts!([
            attributes: &[$((stringify!($weight), Role::Weight),)* $((stringify!($other), Role::Parameter)),*],
            $($fields)*
        ] $($rest)*)
    };
    ([$($fields:tt)*] $field:ident($($value:tt)*) $($rest:tt)*) => {
        facts!([$field: Some($($value)*), $($fields)*] $($rest)*)
    };
}

pub(crate) use {entry, facts, operators, rows};
