//! Operations of other domains: their content is counted by a rule or named.

use super::*;

/// Builds a node of ONNX Runtime, or of classical machine learning, over constants of the given types and shapes.
fn stranger(domain: &str, op: &str, x: &[usize], reads: &[(&str, &[usize])], y: &[usize]) -> (Build, ValueId) {
    let (mut b, x) = Build::new(x);
    let mut inputs = vec![Some(x)];
    for (place, (kind, shape)) in reads.iter().enumerate() {
        let name = format!("c{place}");
        inputs.push(match *kind {
            "float" => Some(b.constant(&name, shape)),
            "bytes" => Some(b.quantised(&name, shape)),
            "data" => {
                let id = b.value(&name, shape);
                b.0.inputs.push(id);
                Some(id)
            }
            _ => None,
        });
    }
    let made = b.node(op, "y", &[], y);
    let node = b.0.nodes.last_mut().unwrap();
    (node.inputs, node.domain) = (inputs, domain.to_owned());
    (b, made)
}

#[test]
fn operations_of_onnx_runtime_count_what_they_hold() {
    let (f, u, d, no) = ("float", "bytes", "data", "none");
    let one: &[usize] = &[1];
    type Case<'a> =
        (&'a str, &'a [usize], Vec<(&'a str, &'a [usize])>, &'a [usize], &'a [(&'a str, i64)], (u64, u64, u64));
    let nbits: &[(&str, i64)] = &[("K", 32), ("N", 8), ("bits", 4), ("block_size", 32)];
    let odd: &[(&str, i64)] = &[("K", 30), ("N", 8), ("bits", 2), ("block_size", 32)];
    let experts: &[(&str, i64)] = &[("k", 2), ("expert_weight_bits", 4)];
    let cases: Vec<Case> = vec![
        // Scales and zero points are not parameters, a bias is one; padding to whole blocks does not count.
        ("MatMulNBits", &[1, 4, 32], vec![(u, &[8, 1, 16]), (f, &[8]), (u, &[8])], &[1, 4, 8], nbits, (256, 256, 1024)),
        (
            "MatMulNBits",
            &[1, 30],
            vec![(u, &[8, 1, 8]), (f, &[8]), (no, one), (no, one), (f, &[8])],
            &[1, 8],
            odd,
            (248, 240, 240),
        ),
        ("MatMulBnb4", &[1, 32], vec![(u, &[128]), (f, &[8])], &[1, 8], nbits, (256, 256, 256)),
        ("GatherBlockQuantized", &[1, 3], vec![(d, &[2]), (f, &[3])], &[1, 2], &[], (0, 0, 0)),
        (
            "QAttention",
            &[1, 5, 6],
            vec![(u, &[6, 12]), (f, &[12]), (f, one), (f, one)],
            &[1, 5, 4],
            &[("num_heads", 2)],
            (84, 72, 5 * 72 + 5 * 5 * 8),
        ),
        (
            "Attention",
            &[1, 5, 6],
            vec![(f, &[6, 12]), (f, &[12])],
            &[1, 5, 4],
            &[("num_heads", 2)],
            (84, 72, 5 * 72 + 5 * 5 * 8),
        ),
        (
            "MultiHeadAttention",
            &[1, 5, 6],
            vec![(d, &[1, 7, 6]), (d, &[1, 7, 4]), (f, &[16])],
            &[1, 5, 4],
            &[],
            (16, 0, 5 * 7 * 10),
        ),
        (
            "GroupQueryAttention",
            &[1, 5, 16],
            vec![],
            &[1, 5, 8],
            &[("num_heads", 2), ("kv_num_heads", 1)],
            (0, 0, 5 * 5 * 8 * 2),
        ),
        (
            "DynamicQuantizeLSTM",
            &[7, 1, 5],
            vec![(u, &[1, 5, 12]), (u, &[1, 3, 12]), (f, &[1, 24])],
            &[7, 1, 1, 3],
            &[],
            (120, 96, 7 * 96),
        ),
        (
            "EmbedLayerNormalization",
            &[1, 5],
            vec![(no, one), (f, &[9, 4]), (f, &[6, 4]), (no, one), (f, &[4]), (f, &[4])],
            &[1, 5, 4],
            &[],
            (68, 0, 0),
        ),
        (
            "SkipLayerNormalization",
            &[1, 5, 4],
            vec![(d, &[1, 5, 4]), (f, &[4]), (f, &[4]), (f, &[4])],
            &[1, 5, 4],
            &[],
            (12, 0, 0),
        ),
        (
            "QLinearAdd",
            &[1, 4],
            vec![(f, one), (u, one), (u, &[4]), (f, one), (u, one), (f, one), (u, one)],
            &[1, 4],
            &[],
            (4, 0, 0),
        ),
        (
            "QLinearConv",
            &[1, 4, 8, 8],
            vec![(f, one), (u, one), (u, &[6, 4, 3, 3]), (f, one), (u, one), (f, one), (u, one), (u, &[6])],
            &[1, 6, 6, 6],
            &[],
            (222, 216, 36 * 216),
        ),
        (
            "QGemm",
            &[1, 10],
            vec![(f, one), (u, one), (u, &[10, 3]), (f, one), (u, one), (u, &[3])],
            &[1, 3],
            &[],
            (33, 30, 30),
        ),
        ("FusedConv", &[1, 4, 8, 8], vec![(f, &[6, 4, 3, 3]), (f, &[6])], &[1, 6, 6, 6], &[], (222, 216, 36 * 216)),
        ("FusedMatMul", &[1, 5, 10], vec![(f, &[10, 3])], &[1, 5, 3], &[], (30, 30, 150)),
        (
            "DynamicQuantizeMatMul",
            &[1, 5, 10],
            vec![(u, &[10, 3]), (f, &[3]), (u, &[3]), (f, &[3])],
            &[1, 5, 3],
            &[],
            (33, 30, 150),
        ),
        ("MatMulIntegerToFloat", &[1, 5, 10], vec![(u, &[10, 3]), (f, one), (f, &[3])], &[1, 5, 3], &[], (30, 30, 150)),
        // Two of four experts of 8 x 6 and 6 x 8, for five rows.
        (
            "MoE",
            &[5, 6],
            vec![(d, &[5, 4]), (f, &[4, 6, 8]), (f, &[4, 8]), (f, &[4, 8, 6]), (f, &[4, 6])],
            &[5, 6],
            experts,
            (4 * 110, 4 * 96, 5 * 2 * 96),
        ),
        (
            "QMoE",
            &[5, 6],
            vec![
                (d, &[5, 4]),
                (u, &[4, 8, 3]),
                (f, &[4, 8]),
                (f, &[4, 8]),
                (u, &[4, 6, 4]),
                (f, &[4, 6]),
                (f, &[4, 6]),
            ],
            &[5, 6],
            experts,
            (4 * 110, 4 * 96, 5 * 2 * 96),
        ),
    ];
    for (op, x, reads, y, attributes, counted) in cases {
        let (mut b, made) = stranger("com.microsoft", op, x, &reads, y);
        attributes.iter().for_each(|(name, value)| b.set(name, *value));
        b.0.outputs = vec![made];
        let analysis = Analysis::counted(&b.0, &Counting { axis: BatchChoice::None, ..Counting::default() }).unwrap();
        let missing: Vec<_> = analysis.uncounted.iter().filter(|entry| entry.what != Quantity::Bytes).collect();
        assert!(missing.is_empty(), "{op}: {missing:?}");
        assert_eq!(counts(&analysis, "y"), counted, "{op}");
    }
}

#[test]
fn a_table_packed_in_bytes_counts_what_it_holds() {
    let (mut b, x) = Build::new(&[1, 2]);
    b.0.value_mut(x).dtype = Some(DType::I64);
    let (table, scales) = (b.quantised("table", &[10, 8]), b.constant("scales", &[10, 1]));
    let y = b.node("GatherBlockQuantized", "y", &[table, x, scales], &[1, 2, 16]);
    b.0.nodes[0].domain = "com.microsoft".into();
    for (bits, params) in [(4, 160), (8, 80)] {
        b.set("bits", bits);
        assert_eq!(counts(&b.analysis(&[y]), "y"), (params, 0, 0));
    }
    // A quantised table of ONNX's own Gather holds parameters too, as the original table does.
    let (mut b, x) = Build::new(&[1, 2]);
    let table = b.quantised("table", &[10, 8]);
    let y = b.node("Gather", "y", &[table, x], &[1, 2, 8]);
    assert_eq!(counts(&b.analysis(&[y]), "y"), (80, 0, 0));
}

#[test]
fn classical_models_hold_their_numbers_in_attributes() {
    let floats = |n: usize| Attribute::Floats(vec![0.5; n]);
    let modes = Attribute::Strings(["BRANCH_LEQ", "LEAF", "BRANCH_LT", "LEAF", "LEAF"].map(String::from).to_vec());
    let tensor = Attribute::Tensor(Tensor::from_f32(vec![4], &[0.5; 4]).unwrap());
    for (op, attributes, counted) in [
        ("LinearRegressor", vec![("coefficients", floats(3)), ("intercepts", floats(1))], (4, 3, 3)),
        ("LinearClassifier", vec![("coefficients", floats(9)), ("intercepts", floats(3))], (12, 9, 9)),
        (
            "SVMClassifier",
            vec![
                ("support_vectors", floats(12)),
                ("coefficients", floats(4)),
                ("rho", floats(1)),
                ("kernel_params", floats(3)),
            ],
            (17, 16, 16),
        ),
        ("SVMRegressor", vec![("coefficients", floats(3)), ("rho", floats(1))], (4, 3, 3)),
        ("Scaler", vec![("offset", floats(3)), ("scale", floats(3))], (6, 0, 0)),
        ("Imputer", vec![("imputed_value_floats", floats(3))], (3, 0, 0)),
        ("Normalizer", vec![], (0, 0, 0)),
        (
            "TreeEnsembleRegressor",
            vec![
                ("nodes_values", floats(5)),
                ("nodes_modes", modes),
                ("target_weights", floats(3)),
                ("nodes_hitrates", floats(5)),
            ],
            (5, 0, 0),
        ),
        ("TreeEnsemble", vec![("nodes_splits", tensor.clone()), ("leaf_weights", tensor)], (8, 0, 0)),
        ("LabelEncoder", vec![("values_floats", floats(9)), ("keys_floats", floats(9))], (0, 0, 0)),
    ] {
        let (mut b, y) = stranger("ai.onnx.ml", op, &[1, 3], &[], &[1, 1]);
        attributes.into_iter().for_each(|(name, value)| b.set(name, value));
        let analysis = b.analysis(&[y]);
        assert_eq!(analysis.uncounted, [], "{op}");
        assert_eq!(counts(&analysis, "y"), counted, "{op}");
    }
}

/// For an unknown operation of any name, its constants and attributes are named.
#[test]
fn what_a_stranger_holds_is_named_and_never_nothing() {
    let f: (&str, &[usize]) = ("float", &[4, 4]);
    let says = |b: &mut Build, y| {
        let analysis = b.analysis(&[y]);
        let reasons: Vec<_> = analysis.missing(Quantity::Params).map(|entry| entry.reason.clone()).collect();
        assert_eq!(analysis.rows[0].params.is_none(), !reasons.is_empty());
        reasons.join("; ")
    };
    for domain in ["", "com.microsoft", "ai.onnx.ml", "my.domain"] {
        for (reads, named) in [
            (vec![f], "gnet does not know whether c0 was learned"),
            (vec![("bytes", &[8, 2][..]), f], "gnet does not know whether c0 and 1 more was learned"),
            (vec![("float", &[1][..])], "gnet does not know whether c0 was learned"),
            (vec![("float", &[][..])], ""),
            (vec![("data", &[4, 4][..])], ""),
        ] {
            let (mut b, y) = stranger(domain, "Frobnicate", &[1, 4], &reads, &[1, 4]);
            assert_eq!(says(&mut b, y), named, "{domain} {reads:?}");
        }
        for (value, named) in [
            (Attribute::Floats(vec![0.5; 3]), true),
            (Attribute::Tensor(Tensor::from_f32(vec![4], &[0.5; 4]).unwrap()), true),
            (Attribute::Ints(vec![1; 100]), true),
            (Attribute::String("w".repeat(5000)), true),
            (Attribute::Ints(vec![1, 1, 2, 2]), false),
            (Attribute::Float(0.1), false),
            (Attribute::String("mode".into()), false),
        ] {
            let (mut b, y) = stranger(domain, "Frobnicate", &[1, 4], &[], &[1, 4]);
            b.set("held", value.clone());
            let want = if named { "gnet does not know whether held was learned" } else { "" };
            assert_eq!(says(&mut b, y), want, "{domain} {value:?}");
        }
    }
}

#[test]
fn what_the_file_defines_itself_is_known_to_nobody() {
    use crate::graph::{Function, Opaque};
    let (mut b, y) = stranger("my.domain", "Block", &[1, 4], &[], &[1, 4]);
    b.0.outputs = vec![y];
    for (holds_numbers, missing) in [(false, 0), (true, 1)] {
        let (domain, name, overload) = ("my.domain".into(), "Block".into(), String::new());
        let function = Function { domain, name, overload, holds_numbers, definition: Opaque::default() };
        let counting = Counting { functions: vec![function], ..Counting::default() };
        let analysis = Analysis::counted(&b.0, &counting).unwrap();
        assert_eq!(analysis.missing(Quantity::Params).count(), missing);
    }
}
