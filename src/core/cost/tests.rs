mod batch_axis;
mod strangers;

use super::*;
use crate::graph::{Attribute, Capture, DType, Node, Subgraph, Tensor, ValueId};

fn dims(shape: &[usize]) -> Option<Vec<Dim>> {
    Some(shape.iter().map(|d| Dim::Known(*d)).collect())
}

/// Builds one node with operand shapes, the second operand constant.
fn one(op: &str, x: Option<Vec<Dim>>, w: &[usize], y: Option<Vec<Dim>>) -> Graph {
    let mut g = Graph::new("g");
    let x = g.add_value("x", Some(DType::F32), x);
    let w = g.add_initializer("w", Tensor::from_f32(w.to_vec(), &vec![0.5; w.iter().product()]).unwrap());
    let y = g.add_value("y", Some(DType::F32), y);
    g.nodes = vec![Node::new("n", op, vec![x, w], vec![y])];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    g
}

#[test]
fn products_count_their_macs_for_one_item() {
    let batch = |rest: &[usize]| Some([vec![Dim::symbol("N")], dims(rest).unwrap()].concat());
    for (op, x, w, y, macs) in [
        ("Conv", batch(&[4, 8, 8]), vec![6, 2, 3, 3], batch(&[6, 8, 8]), 6 * 64 * 18),
        ("ConvTranspose", batch(&[4, 8, 8]), vec![4, 6, 2, 2], batch(&[6, 16, 16]), 4 * 64 * 24),
        ("Gemm", batch(&[10]), vec![10, 3], batch(&[3]), 30),
        ("MatMul", batch(&[5, 10]), vec![10, 3], batch(&[5, 3]), 150),
        // A fixed batch of 4 costs four times as much in total and the same for one item.
        ("Gemm", dims(&[4, 10]), vec![10, 3], dims(&[4, 3]), 30),
    ] {
        let cost = count(&one(op, x, &w, y)).unwrap();
        let weights = w.iter().product::<usize>() as u64;
        assert_eq!((cost.macs, cost.flops, cost.weights), (macs, 2 * macs, weights), "{op}");
    }
}

#[test]
fn a_shape_that_is_not_stated_is_an_error_and_not_a_zero() {
    let error = count(&one("Conv", None, &[6, 2, 3, 3], None)).unwrap_err().to_string();
    assert!(error.contains("node n (Conv)") && error.contains("the shape of y is not known"), "{error}");
    let open = Some(vec![Dim::symbol("N"), Dim::Known(6), Dim::Unknown, Dim::Unknown]);
    assert!(count(&one("Conv", open.clone(), &[6, 2, 3, 3], open)).unwrap_err().to_string().contains("unknown"));
    let error = count(&one("Conv", None, &[6, 2, 3, 3], dims(&[1]))).unwrap_err().to_string();
    assert!(error.contains("fewer than two dimensions"), "{error}");
}

#[test]
fn a_node_without_a_name_goes_by_what_it_makes() {
    let mut graph = one("Conv", None, &[6, 2, 3, 3], None);
    graph.nodes[0].name.clear();
    assert!(count(&graph).unwrap_err().to_string().starts_with("node y (Conv): "));
    graph.nodes[0].op_type = "Relu".into();
    assert_eq!(count(&graph).unwrap().layers[0].name, "y");
}

#[test]
fn statistics_scalars_and_shapes_are_no_parameters() {
    let mut g = one("MatMul", dims(&[1, 2]), &[2, 2], dims(&[1, 2]));
    let y = g.outputs[0];
    let vector = Tensor::from_f32(vec![2], &[1.0; 2]).unwrap();
    let vectors = ["gamma", "beta", "mean", "var"].map(|n| g.add_initializer(n, vector.clone()));
    let scalar = g.add_initializer("half", Tensor::from_f32(vec![], &[0.5]).unwrap());
    let target = g.add_initializer("target", Tensor::from_i64(&[1, 2]));
    let [a, b, c] = ["a", "b", "c"].map(|n| g.add_value(n, None, None));
    g.nodes.push(Node::new("bn", "BatchNormalization", [vec![y], vectors.to_vec()].concat(), vec![a]));
    g.nodes.push(Node::new("mul", "Mul", vec![a, scalar], vec![b]));
    g.nodes.push(Node::new("reshape", "Reshape", vec![b, target], vec![c]));
    // A second read of the same weight is not a second parameter.
    g.nodes.push(g.nodes[0].clone());
    let cost = count(&g).unwrap();
    let params: Vec<_> = cost.layers.iter().map(|l| l.params).collect();
    assert_eq!((params, cost.weights), (vec![4, 4, 0, 0, 0], 4));
}

/// A graph to build node by node; every value is a float tensor of stated shape.
struct Build(Graph);

impl Build {
    fn new(input: &[usize]) -> (Self, ValueId) {
        let mut build = Self(Graph::new("g"));
        let x = build.value("x", input);
        build.0.inputs = vec![x];
        (build, x)
    }

    fn value(&mut self, name: &str, shape: &[usize]) -> ValueId {
        self.0.add_value(name, Some(DType::F32), dims(shape))
    }

    fn constant(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let tensor = Tensor::from_f32(shape.to_vec(), &vec![0.5; shape.iter().product()]).unwrap();
        self.0.add_initializer(name, tensor)
    }

    fn quantised(&mut self, name: &str, shape: &[usize]) -> ValueId {
        let tensor = Tensor::new(DType::U8, shape.to_vec(), vec![1; shape.iter().product()]).unwrap();
        self.0.add_initializer(name, tensor)
    }

    /// Adds a node with one output, which has its name.
    fn node(&mut self, op: &str, name: &str, reads: &[ValueId], shape: &[usize]) -> ValueId {
        let made = self.value(name, shape);
        self.0.nodes.push(Node::new(name, op, reads.to_vec(), vec![made]));
        made
    }

    fn set(&mut self, name: &str, value: impl Into<Attribute>) {
        self.0.nodes.last_mut().unwrap().set(name, value);
    }

    fn analysis(&mut self, outputs: &[ValueId]) -> Analysis {
        self.0.outputs = outputs.to_vec();
        Analysis::of(&self.0, None).unwrap()
    }
}

/// Returns the counts of one row: parameters, weights, MACs.
fn counts(analysis: &Analysis, name: &str) -> (u64, u64, u64) {
    let row = analysis.rows.iter().find(|row| row.name == name).unwrap();
    (row.params.unwrap(), row.weights.unwrap(), row.macs.unwrap())
}

#[test]
fn a_weight_is_one_however_it_comes_to_its_reader() {
    let (mut b, x) = Build::new(&[1, 4]);
    let size = b.0.add_initializer("size", Tensor::from_i64(&[4, 4]));
    let stored = b.quantised("stored", &[4, 4]);
    let scale = b.constant("scale", &[4]);
    let plain = b.constant("plain", &[4, 4]);
    let mut last = x;
    let mut product = |b: &mut Build, name: &str, weight| {
        last = b.node("MatMul", name, &[last, weight], &[1, 4]);
        last
    };
    // Without shapes in the file: the initializers and operations are enough.
    let filled = b.0.add_value("filled", None, None);
    b.0.nodes.push(Node::new("filled", "ConstantOfShape", vec![size], vec![filled]));
    product(&mut b, "of shape", filled);
    let turned = b.0.add_value("turned", None, None);
    b.0.nodes.push(Node::new("turned", "Transpose", vec![plain], vec![turned]));
    product(&mut b, "transposed", turned);
    let real = b.0.add_value("real", None, None);
    b.0.nodes.push(Node::new("real", "DequantizeLinear", vec![stored, scale], vec![real]));
    product(&mut b, "dequantised", real);
    let value = b.0.add_value("value", None, None);
    let mut constant = Node::new("value", "Constant", vec![], vec![value]);
    constant.set("value", Attribute::Tensor(Tensor::from_f32(vec![4, 4], &[0.5; 16]).unwrap()));
    b.0.nodes.push(constant);
    product(&mut b, "constant", value);
    // The same tensor again, transposed by another node.
    let again = b.node("Transpose", "again", &[plain], &[4, 4]);
    let y = product(&mut b, "shared", again);
    let analysis = b.analysis(&[y]);
    for name in ["of shape", "transposed", "dequantised", "constant"] {
        assert_eq!(counts(&analysis, name), (16, 16, 16), "{name}");
    }
    assert_eq!(counts(&analysis, "shared"), (0, 0, 16));
    assert_eq!((analysis.params, analysis.weights, analysis.macs), (64, 64, 80));
    assert_eq!(analysis.uncounted, []);
    assert_eq!(analysis.constant_bytes, 4 * 64);
    assert_eq!(count(&b.0).unwrap().params, 64, "the strict count knows them too");
}

#[test]
fn an_initializer_that_is_also_an_input_is_a_parameter_and_no_batch() {
    let (mut b, x) = Build::new(&[1, 4]);
    let w = b.constant("w", &[4, 2]);
    let y = b.node("MatMul", "y", &[x, w], &[1, 2]);
    b.0.listed_initializers.insert(0, w);
    let analysis = b.analysis(&[y]);
    assert_eq!((counts(&analysis, "y"), analysis.batch), ((8, 8, 8), 1));
    // The input that a caller feeds is memory, the weight is a constant.
    assert_eq!((analysis.peak_bytes, analysis.constant_bytes), (16 + 8, 32));
}

#[test]
fn an_embedding_is_a_parameter_and_its_tied_matrix_a_weight() {
    let (mut b, x) = Build::new(&[1, 4]);
    b.0.value_mut(x).dtype = Some(DType::I64);
    let table = b.constant("table", &[10, 8]);
    let rows = b.node("Gather", "rows", &[table, x], &[1, 4, 8]);
    let turned = b.node("Transpose", "turned", &[table], &[8, 10]);
    let y = b.node("MatMul", "head", &[rows, turned], &[1, 4, 10]);
    let analysis = b.analysis(&[y]);
    assert_eq!(counts(&analysis, "rows"), (80, 0, 0));
    assert_eq!(counts(&analysis, "head"), (0, 80, 4 * 8 * 10));
    let gather = &analysis.rows[0];
    assert_eq!((gather.read_bytes, gather.written_bytes), (Some(4 * 8 + 4 * 8 * 4), Some(4 * 8 * 4)), "only its rows");
}

#[test]
fn what_is_not_learned_is_no_parameter() {
    for (op, shapes, params) in [
        ("BatchNormalization", vec![vec![4]; 4], 8),
        ("LayerNormalization", vec![vec![4]; 2], 8),
        ("PRelu", vec![vec![4]], 4),
        ("Resize", vec![vec![0], vec![4]], 0),
        ("Clip", vec![vec![], vec![]], 0),
        ("QuantizeLinear", vec![vec![4]], 0),
        ("OneHot", vec![vec![], vec![2]], 0),
        ("Mul", vec![vec![4]], 4),
        ("Mul", vec![vec![]], 0),
        ("RandomNormalLike", vec![], 0),
    ] {
        let (mut b, x) = Build::new(&[1, 4]);
        let constants: Vec<_> = shapes.iter().enumerate().map(|(i, s)| b.constant(&format!("c{i}"), s)).collect();
        let y = b.node(op, "y", &[vec![x], constants].concat(), &[1, 4]);
        assert_eq!(counts(&b.analysis(&[y]), "y"), (params, 0, 0), "{op} {shapes:?}");
    }
}

#[test]
fn every_kind_of_product_has_its_rule() {
    let lstm: &[&[usize]] = &[&[2, 12, 5], &[2, 12, 3]];
    for (op, x, weights, y, macs, counted) in [
        ("ConvInteger", &[1, 4, 8, 8][..], &[&[6, 4, 3, 3][..]][..], &[1, 6, 6, 6][..], 6 * 36 * 36, 216),
        ("DeformConv", &[1, 4, 8, 8], &[&[6, 4, 3, 3]], &[1, 6, 6, 6], 6 * 36 * 36, 216),
        ("MatMulInteger", &[1, 5, 10], &[&[10, 3]], &[1, 5, 3], 150, 30),
        ("MatMul", &[9], &[&[9]], &[], 1, 9),
        // 7 steps of one item, both directions, 4 gates of a state of 3: LSTM's W and R.
        ("LSTM", &[7, 1, 5], lstm, &[7, 2, 1, 3], 7 * 2 * 12 * (5 + 3), 192),
        ("GRU", &[7, 1, 5], &[&[1, 9, 5], &[1, 9, 3]], &[7, 1, 1, 3], 7 * 9 * 8, 72),
        ("RNN", &[7, 1, 5], &[&[1, 3, 5], &[1, 3, 3]], &[7, 1, 1, 3], 7 * 3 * 8, 24),
    ] {
        let (mut b, input) = Build::new(x);
        let quantised = op.ends_with("Integer");
        let weights: Vec<_> = weights
            .iter()
            .enumerate()
            .map(
                |(i, shape)| {
                    if quantised { b.quantised(&format!("w{i}"), shape) } else { b.constant(&format!("w{i}"), shape) }
                },
            )
            .collect();
        let made = b.node(op, "y", &[vec![input], weights].concat(), y);
        assert_eq!(counts(&b.analysis(&[made]), "y"), (counted, counted, macs), "{op}");
    }
}

#[test]
fn an_einsum_has_a_weight_and_its_contraction() {
    let (mut b, x) = Build::new(&[1, 5, 8]);
    let w = b.constant("w", &[8, 3, 2]);
    let y = b.node("Einsum", "y", &[x, w], &[1, 5, 3, 2]);
    b.set("equation", Attribute::String("btd,dhk->bthk".into()));
    assert_eq!(counts(&b.analysis(&[y]), "y"), (48, 48, 5 * 8 * 6));
}

#[test]
fn quantised_products_count_as_their_plain_ones() {
    let (mut b, x) = Build::new(&[1, 4, 8, 8]);
    let scales: Vec<_> = (0..6).map(|i| b.constant(&format!("s{i}"), &[1])).collect();
    let (w, bias) = (b.quantised("w", &[6, 2, 3, 3]), b.quantised("bias", &[6]));
    let reads = [x, scales[0], scales[1], w, scales[2], scales[3], scales[4], scales[5], bias];
    let y = b.node("QLinearConv", "conv", &reads, &[1, 6, 8, 8]);
    let flat = b.node("Flatten", "flat", &[y], &[1, 384]);
    let m = b.quantised("m", &[384, 2]);
    let reads = [flat, scales[0], scales[1], m, scales[2], scales[3], scales[4], scales[5]];
    let z = b.node("QLinearMatMul", "fc", &reads, &[1, 2]);
    let analysis = b.analysis(&[z]);
    assert_eq!(counts(&analysis, "conv"), (108 + 6, 108, 6 * 64 * 18));
    assert_eq!(counts(&analysis, "fc"), (768, 768, 768));
}

#[test]
fn attention_counts_scores_and_mixing_with_the_past() {
    let (mut b, q) = Build::new(&[1, 8, 5, 16]);
    let (k, v) = (b.value("k", &[1, 2, 7, 16]), b.value("v", &[1, 2, 7, 32]));
    let (past_k, past_v) = (b.value("pk", &[1, 2, 3, 16]), b.value("pv", &[1, 2, 3, 32]));
    b.0.inputs.extend([k, v, past_k, past_v]);
    let y = b.node("Attention", "y", &[q, k, v], &[1, 8, 5, 32]);
    let plain = 8 * 5 * 7 * (16 + 32);
    assert_eq!(counts(&b.analysis(&[y]), "y").2, plain);
    b.0.nodes[0].inputs.extend([None, Some(past_k), Some(past_v)]);
    assert_eq!(counts(&b.analysis(&[y]), "y").2, plain / 7 * 10);
}

#[test]
fn operations_of_onnx_runtime_count_and_strangers_are_named() {
    let (mut b, x) = Build::new(&[1, 4]);
    let w = b.constant("w", &[4, 3]);
    let y = b.node("FusedGemm", "y", &[x, w], &[1, 3]);
    let z = b.node("Gelu", "z", &[y], &[1, 3]);
    b.0.nodes.iter_mut().for_each(|node| node.domain = "com.microsoft".into());
    assert_eq!(counts(&b.analysis(&[z]), "y"), (12, 12, 12));
    for (op, domain, says) in [
        ("Frobnicate", "", "no rule for the operation Frobnicate"),
        ("Forest", "ai.onnx.ml", "no rule for the operation Forest of ai.onnx.ml"),
        ("Conv", "my.domain", "no rule for the operation Conv of my.domain"),
        ("Loop", "", "no rule for the operation Loop"),
    ] {
        (b.0.nodes[1].op_type, b.0.nodes[1].domain) = (op.into(), domain.into());
        let analysis = b.analysis(&[z]);
        let entry = analysis.missing(Quantity::Macs).next().unwrap();
        assert_eq!((entry.name.as_str(), entry.op.as_str()), ("z", op));
        assert!(entry.reason.contains(says), "{entry:?}");
        assert_eq!((analysis.macs, analysis.rows[1].macs, analysis.intensity), (12, None, None), "not 0: not known");
        assert!(count(&b.0).unwrap_err().to_string().contains(says));
    }
}

#[test]
fn an_open_dimension_other_than_the_batch_is_named_and_not_taken_as_one() {
    let (mut b, x) = Build::new(&[1, 4, 8]);
    let w = b.constant("w", &[8, 3]);
    let y = b.node("MatMul", "y", &[x, w], &[1, 4, 3]);
    for (id, last) in [(x, 8), (y, 3)] {
        b.0.value_mut(id).shape = Some(vec![Dim::symbol("N"), Dim::symbol("S"), Dim::Known(last)]);
    }
    let analysis = b.analysis(&[y]);
    let reason = &analysis.missing(Quantity::Macs).next().unwrap().reason;
    assert_eq!(reason, "the dimension S of x (N x S x 8) is open");
    assert_eq!((analysis.params, analysis.rows[0].params), (24, Some(24)), "its parameters are known all the same");
    assert_eq!(analysis.missing(Quantity::Bytes).count(), 2, "the input and the node");
}

/// Builds x of 8 elements; a = f(x), b = f(x), c = a + b; a view of c is the output.
fn diamond() -> (Build, ValueId) {
    let (mut b, x) = Build::new(&[2, 4]);
    let left = b.node("Relu", "left", &[x], &[2, 4]);
    let right = b.node("Sigmoid", "right", &[x], &[2, 4]);
    let sum = b.node("Add", "sum", &[left, right], &[2, 4]);
    let flat = b.node("Reshape", "flat", &[sum], &[8]);
    let half = b.node("Relu", "half", &[flat], &[8]);
    (b, half)
}

#[test]
fn memory_is_what_lives_while_a_node_runs() {
    let (mut b, y) = diamond();
    let analysis = b.analysis(&[y]);
    let live: Vec<_> = analysis.rows.iter().map(|row| row.live_bytes).collect();
    // x left; x left right; left right sum; sum, of which the view is another name; sum half.
    assert_eq!(live, [64, 96, 96, 32, 64]);
    assert_eq!((analysis.peak_bytes, analysis.peak_at.as_deref()), (96, Some("right")));
    // An output lives to the end, also under another name.
    let flat = b.0.find("flat").unwrap();
    let left = b.0.find("left").unwrap();
    let analysis = b.analysis(&[flat, left, y]);
    assert_eq!(analysis.rows.iter().map(|row| row.live_bytes).collect::<Vec<_>>(), [64, 96, 96, 64, 96]);
}

#[test]
fn a_node_moves_what_it_reads_and_writes() {
    let (mut b, y) = diamond();
    let w = b.constant("w", &[2]);
    let z = b.node("Mul", "twice", &[y, w, w], &[8]);
    let analysis = b.analysis(&[z]);
    let moved: Vec<_> = analysis.rows.iter().map(|row| (row.read_bytes.unwrap(), row.written_bytes.unwrap())).collect();
    assert_eq!(moved, [(32, 32), (32, 32), (64, 32), (0, 0), (32, 32), (32 + 8, 32)], "w is read once");
    assert_eq!((analysis.read_bytes, analysis.written_bytes), (200, 160));
}

#[test]
fn a_mask_that_nobody_reads_is_not_made() {
    let (mut b, x) = Build::new(&[1, 4]);
    let y = b.node("Dropout", "y", &[x], &[1, 4]);
    let mask = b.value("mask", &[1, 4]);
    b.0.nodes[0].outputs.push(Some(mask));
    let written = |b: &mut Build, outputs: &[ValueId]| {
        let analysis = b.analysis(outputs);
        (analysis.written_bytes, analysis.peak_bytes)
    };
    assert_eq!(written(&mut b, &[y]), (16, 32));
    assert_eq!(written(&mut b, &[y, mask]), (32, 48));
}

#[test]
fn a_batch_scales_activations_and_not_weights() {
    let (mut b, x) = Build::new(&[1, 10]);
    let w = b.constant("w", &[10, 4]);
    let y = b.node("MatMul", "y", &[x, w], &[1, 4]);
    for (id, last) in [(x, 10), (y, 4)] {
        b.0.value_mut(id).shape = Some(vec![Dim::symbol("N"), Dim::Known(last)]);
    }
    b.0.outputs = vec![y];
    for items in [1u64, 8] {
        let analysis = Analysis::of(&b.0, Some(items as usize)).unwrap();
        assert_eq!((analysis.batch, analysis.macs, analysis.flops), (items, 40, 80));
        assert_eq!((analysis.peak_bytes, analysis.constant_bytes), (items * 14 * 4, 160));
        let moved = items * 14 * 4 + 160;
        assert_eq!(analysis.read_bytes + analysis.written_bytes, moved);
        assert_eq!(analysis.intensity, Some((80 * items) as f64 / moved as f64));
    }
    assert!(Analysis::of(&b.0, Some(0)).unwrap_err().to_string().contains("at least one"));
    b.0.value_mut(x).shape = dims(&[4, 10]);
    b.0.value_mut(y).shape = dims(&[4, 4]);
    let error = Analysis::of(&b.0, Some(8)).unwrap_err().to_string();
    assert_eq!(error, "batch 8: the file is fixed to a batch of 4");
    let analysis = Analysis::of(&b.0, None).unwrap();
    assert_eq!((analysis.batch, analysis.macs, analysis.peak_bytes), (4, 40, 4 * 14 * 4));
}

#[test]
fn what_constants_alone_decide_costs_nothing() {
    let (mut b, x) = Build::new(&[1, 4]);
    let (u, v) = (b.constant("u", &[4, 2]), b.constant("v", &[2, 4]));
    let w = b.node("MatMul", "low rank", &[u, v], &[4, 4]);
    let y = b.node("MatMul", "y", &[x, w], &[1, 4]);
    let analysis = b.analysis(&[y]);
    assert_eq!((counts(&analysis, "low rank"), counts(&analysis, "y")), ((0, 0, 0), (16, 16, 16)));
    assert_eq!(analysis.peak_bytes, 32);
    let summary = Summary::new("g", analysis, View::Layers);
    assert_eq!(summary.layers.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["y"]);
}

#[test]
fn absurd_shapes_are_uncounted_and_never_wrap() {
    let huge = usize::MAX / 2;
    let (mut b, x) = Build::new(&[1, huge, huge]);
    let y = b.node("MatMul", "y", &[x, x], &[1, huge, huge]);
    let analysis = b.analysis(&[y]);
    assert!(analysis.missing(Quantity::Macs).next().unwrap().reason.contains("too large for 64 bits"));
    assert!(analysis.missing(Quantity::Bytes).next().is_some());
    let (mut b, x) = Build::new(&[1, huge]);
    let y = b.node("Relu", "y", &[x], &[1, huge]);
    assert!(b.analysis(&[y]).missing(Quantity::Bytes).next().unwrap().reason.contains("too large"));
}

#[test]
fn a_nameless_batch_is_named() {
    let (mut b, x) = Build::new(&[1, 4]);
    b.0.value_mut(x).shape = Some(vec![Dim::Unknown, Dim::symbol("N")]);
    name_batch(&mut b.0, &BatchChoice::Guess);
    assert_eq!(b.0.value(x).shape, Some(vec![Dim::symbol("batch"), Dim::symbol("N")]));
    name_batch(&mut b.0, &BatchChoice::Guess);
    assert_eq!(b.0.value(x).shape, Some(vec![Dim::symbol("batch"), Dim::symbol("N")]), "once");
}

/// Builds y = Loop(x) whose body is MatMul with a captured and with its own weight.
fn looped(op: &str, outer: &str) -> (Build, ValueId) {
    let (mut b, x) = Build::new(&[1, 4]);
    let w = b.constant("w", &[4, 4]);
    let mut body = Build(Graph::new("body"));
    let inner = body.0.add_value(outer, None, None);
    let state = body.value("state", &[1, 4]);
    body.0.inputs = vec![state];
    let own = body.constant("own", &[4, 4]);
    let a = body.node(op, "a", &[state, inner], &[1, 4]);
    let c = body.node(op, "c", &[a, own], &[1, 4]);
    body.0.outputs = vec![c];
    let y = b.node("Loop", "y", &[x], &[1, 4]);
    let captures = vec![Capture { outer: w, inner }];
    b.set("body", Attribute::Graph(Box::new(Subgraph { graph: body.0, captures })));
    (b, y)
}

#[test]
fn a_subgraph_is_listed_and_counted_once() {
    let (mut b, y) = looped("MatMul", "w");
    let analysis = b.analysis(&[y]);
    let rows: Vec<_> = analysis.rows.iter().map(|row| (row.name.as_str(), row.inside.as_deref())).collect();
    assert_eq!(rows, [("y", None), ("a", Some("y")), ("c", Some("y"))]);
    assert_eq!((analysis.params, analysis.weights, analysis.macs), (32, 32, 32));
    assert_eq!((counts(&analysis, "a"), counts(&analysis, "c")), ((16, 16, 16), (16, 16, 16)));
    // x and y outside; state and a; then a and c.
    assert_eq!(analysis.rows.iter().map(|row| row.live_bytes).collect::<Vec<_>>(), [32, 64, 64]);
    for what in [Quantity::Macs, Quantity::Bytes] {
        let entry = analysis.missing(what).next().unwrap();
        assert_eq!((entry.name.as_str(), entry.op.as_str()), ("y", "Loop"));
        assert_eq!(entry.reason, "each of its subgraphs is counted as if it ran once");
    }
    assert!(count(&b.0).unwrap_err().to_string().contains("as if it ran once"));
}

#[test]
fn a_stranger_with_a_subgraph_is_named_all_the_same() {
    let (mut b, y) = looped("Add", "w");
    b.0.nodes[0].op_type = "MapRows".into();
    let analysis = b.analysis(&[y]);
    assert!(analysis.missing(Quantity::Macs).next().unwrap().reason.contains("no rule for the operation MapRows"));
}

#[test]
fn a_subgraph_without_products_is_counted_in_full() {
    let (mut b, y) = looped("Add", "w");
    let analysis = b.analysis(&[y]);
    assert_eq!((analysis.macs, analysis.params, analysis.missing(Quantity::Macs).count()), (0, 32, 0));
    let cost = count(&b.0).unwrap();
    assert_eq!((cost.layers.len(), cost.params), (1, 32), "one layer a node of the graph itself");
}

#[test]
fn shapes_that_the_file_does_not_state_are_inferred_for_counting() {
    let mut graph = Graph::new("g");
    let x = graph.add_value("x", Some(DType::F32), Some(vec![Dim::Unknown, Dim::Known(3)]));
    let [y, z] = ["y", "z"].map(|name| graph.add_value(name, None, None));
    let [a, b] = [("a", vec![3, 4]), ("b", vec![4, 5])].map(|(name, shape)| {
        let elements = vec![0.5; shape.iter().product()];
        graph.add_initializer(name, Tensor::from_f32(shape, &elements).unwrap())
    });
    graph.nodes = vec![Node::new("", "MatMul", vec![x, a], vec![y]), Node::new("", "MatMul", vec![y, b], vec![z])];
    (graph.inputs, graph.outputs) = (vec![x], vec![z]);
    assert!(count(&graph).is_err());
    let mut model = Model::new(graph, 18);
    assert_eq!(count(&with_shapes(model.clone()).graph).unwrap().macs, 12 + 20);
    model.graph.value_mut(y).shape = Some(vec![Dim::Known(7)]);
    assert_eq!(count(&with_shapes(model.clone()).graph).unwrap().macs, 12 + 20, "what is stated wrongly goes");
    model.graph.value_mut(x).shape = Some(vec![Dim::Unknown, Dim::Known(2)]);
    assert_eq!(with_shapes(model.clone()), model, "what cannot be multiplied stays");
}

#[test]
fn packed_and_texted_values_have_their_bytes() {
    let (mut b, x) = Build::new(&[1, 5]);
    for (dtype, bytes) in [(DType::F16, Ok(10)), (DType::I4, Ok(3)), (DType::String, Err(()))] {
        b.0.value_mut(x).dtype = Some(dtype);
        let found = sizes::Sizes::new(&b.0, &batch::Batch::None, 1).bytes(x);
        assert_eq!(found.map_err(drop), bytes, "{dtype}");
    }
}
