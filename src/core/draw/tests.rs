//! Pictures: well-formed whatever the names in the graph, complete, and deterministic.

use super::scene::{Kind, Scene};
use super::*;
use crate::graph::{Attribute, DType, Dim, Graph, Node, Subgraph, Tensor, ValueId};

/// Fails unless `text` is one well-formed XML element: tags nest, attributes are quoted and not repeated, references are
/// known, no forbidden character. Returns the text of all `<text>` and `<title>` elements.
fn well_formed(text: &str) -> Vec<String> {
    let (mut open, mut roots, mut texts) = (Vec::<&str>::new(), 0, Vec::new());
    let mut rest = text.trim_end();
    while !rest.is_empty() {
        let (content, after) = rest.split_once('<').unwrap_or((rest, ""));
        references(content);
        assert!(!content.contains('>'), "a bare '>' in {content:?}");
        assert!(content.trim().is_empty() || !open.is_empty(), "text outside the root: {content:?}");
        if matches!(open.last(), Some(&"text" | &"title")) && !content.is_empty() {
            texts.push(content.to_owned());
        }
        if after.is_empty() {
            break;
        }
        let (tag, after) = after.split_once('>').expect("a tag ends");
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "</{name}>");
            continue;
        }
        let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
        let (name, attributes) = tag.split_once(' ').unwrap_or((tag, ""));
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric()), "<{name}>");
        assert!(
            ["svg", "title", "style", "rect", "g", "text", "path", "defs", "linearGradient", "stop"].contains(&name),
            "<{name}>"
        );
        attributes_of(attributes);
        roots += usize::from(open.is_empty());
        if !empty {
            open.push(name);
        }
    }
    assert_eq!((open.len(), roots), (0, 1));
    texts
}

fn attributes_of(mut text: &str) {
    let mut names = Vec::new();
    while !text.trim().is_empty() {
        let (name, after) = text.split_once("=\"").expect("a quoted attribute");
        let (value, after) = after.split_once('"').expect("a closing quote");
        let name = name.trim();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'), "{name}");
        assert!(!name.starts_with("on"), "{name}");
        assert!(!names.contains(&name), "{name} twice");
        assert!(!value.contains('<'));
        references(value);
        names.push(name);
        text = after;
    }
}

fn references(text: &str) {
    for part in text.split('&').skip(1) {
        let (name, _) = part.split_once(';').expect("a reference ends");
        assert!(["amp", "lt", "gt", "quot", "#39", "#10", "#9"].contains(&name), "&{name};");
    }
    let fine = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    assert!(text.chars().all(fine), "{text:?}");
}

fn dims(shape: &[usize]) -> Option<Vec<Dim>> {
    Some([Dim::symbol("N")].into_iter().chain(shape.iter().map(|d| Dim::Known(*d))).collect())
}

/// Builds graphs of convolutions and accompanying layers, with the names that gnet gives.
struct Net {
    graph: Graph,
    shape: [usize; 3],
}

impl Net {
    fn new() -> Self {
        let mut graph = Graph::new("net");
        let x = graph.add_value("image", Some(DType::F32), dims(&[3, 8, 8]));
        graph.inputs = vec![x];
        Self { graph, shape: [3, 8, 8] }
    }

    fn node(&mut self, name: &str, op: &str, mut inputs: Vec<ValueId>, weights: &[&[usize]]) -> ValueId {
        for (i, shape) in weights.iter().enumerate() {
            let tensor = Tensor::from_f32(shape.to_vec(), &vec![0.5; shape.iter().product()]).unwrap();
            inputs.push(self.graph.add_initializer(format!("{name}.weight{i}"), tensor));
        }
        let y = self.graph.add_value(format!("{name}:out"), Some(DType::F32), dims(&self.shape));
        self.graph.nodes.push(Node::new(name, op, inputs, vec![y]));
        y
    }

    /// Adds a convolution to `channels`, batch normalisation and ReLU.
    fn unit(&mut self, name: &str, x: ValueId, channels: usize) -> ValueId {
        let from = self.graph.value(x).shape.as_ref().unwrap()[1].known().unwrap();
        self.shape[0] = channels;
        let conv = self.node(&format!("{name}.conv/Conv"), "Conv", vec![x], &[&[channels, from, 1, 1]]);
        let of_channels: &[usize] = &[channels];
        let norm =
            self.node(&format!("{name}.bn/BatchNormalization"), "BatchNormalization", vec![conv], &[of_channels; 4]);
        self.node(&format!("{name}/Relu"), "Relu", vec![norm], &[])
    }

    /// Adds four branches and their concatenation.
    fn inception(&mut self, name: &str, x: ValueId) -> ValueId {
        let mut ends = vec![self.unit(&format!("{name}.b1x1"), x, 4)];
        for branch in ["b3x3", "b5x5"] {
            let reduce = self.unit(&format!("{name}.{branch}_reduce"), x, 2);
            ends.push(self.unit(&format!("{name}.{branch}"), reduce, 4));
        }
        let pool = self.node(&format!("{name}.pool_proj/MaxPool"), "MaxPool", vec![x], &[]);
        let at = self.graph.nodes.len() - 1;
        self.graph.nodes[at].set("kernel_shape", [3usize, 3]);
        ends.push(self.unit(&format!("{name}.pool_proj"), pool, 4));
        self.shape[0] = 16;
        self.node(&format!("{name}/Concat"), "Concat", ends, &[])
    }

    fn done(mut self, output: ValueId) -> Graph {
        self.graph.outputs = vec![output];
        self.graph.check().unwrap();
        self.graph
    }
}

/// Builds a stem, two Inception blocks and a classifier.
fn googlenet() -> Graph {
    let mut net = Net::new();
    let x = net.graph.inputs[0];
    let x = net.unit("stem", x, 8);
    net.graph.value_mut(x).shape = dims(&[8, 8, 8]);
    let x = net.inception("inception3a", x);
    let x = net.inception("inception3b", x);
    let y = net.node("head/GlobalAveragePool", "GlobalAveragePool", vec![x], &[]);
    net.done(y)
}

fn drawn(graph: &Graph, options: &DrawOptions) -> Picture {
    let picture = draw(graph, options).unwrap();
    assert_eq!(draw(graph, options).unwrap(), picture, "the same each time");
    well_formed(&picture.svg);
    assert!(!picture.svg.contains("NaN") && !picture.svg.contains("inf "), "{}", picture.svg);
    picture
}

fn scene(graph: &Graph, options: DrawOptions) -> Scene {
    Scene::new(graph, &options)
}

fn headings(scene: &Scene) -> Vec<&str> {
    scene.items.iter().filter(|i| i.kind == Kind::Layer).map(|i| i.heading.as_str()).collect()
}

#[test]
fn a_chain_behind_a_layer_is_its_strip() {
    let graph = googlenet();
    let scene = scene(&graph, DrawOptions::default());
    let convs: Vec<_> = scene.items.iter().filter(|item| item.heading == "Conv 1×1").collect();
    assert_eq!(convs.len(), 13);
    assert!(convs.iter().all(|item| item.strip == ["BatchNorm", "Relu"] && item.nodes.len() == 3));
    // Its parameters are those of the convolution and the scale and shift, without the running statistics.
    assert_eq!(convs[0].facts.params, 8 * 3 + 2 * 8);
    assert_eq!(scene.total().params, crate::cost::count(&graph).unwrap().params);
    assert_eq!(scene.total().macs, Some(crate::cost::count(&graph).unwrap().macs));
}

#[test]
fn a_value_that_two_read_ends_its_box() {
    let mut net = Net::new();
    let x = net.graph.inputs[0];
    // More nodes than get a box each.
    let mut y = x;
    for i in 0..20 {
        let conv = net.node(&format!("c{i}"), "Relu", vec![y], &[]);
        y = net.node(&format!("r{i}"), "Sigmoid", vec![conv], &[]);
    }
    let twice = net.node("twice", "MaxPool", vec![y], &[]);
    let relu = net.node("relu", "Relu", vec![twice], &[]);
    let sum = net.node("sum", "Add", vec![twice, relu], &[]);
    let scaled = net.node("scaled", "Mul", vec![sum], &[&[1]]);
    let graph = net.done(scaled);
    let fused = scene(&graph, DrawOptions::default());
    // The first ReLU reads the input and absorbs the other 39; the pool is read twice; the sum absorbs the scaling.
    assert_eq!(headings(&fused), ["Relu", "MaxPool", "Relu", "Add"]);
    assert_eq!(fused.items[1].strip.len(), 39);
    assert_eq!(fused.items[4].strip, ["Mul"]);
    let each = scene(&graph, DrawOptions { every_node: true, ..DrawOptions::default() });
    assert_eq!(headings(&each).len(), 44);
}

#[test]
fn constants_are_no_boxes() {
    let mut net = Net::new();
    let x = net.graph.inputs[0];
    let size = net.graph.add_initializer("size", Tensor::from_i64(&[4]));
    let filled = net.node("filled", "ConstantOfShape", vec![size], &[]);
    let longer = net.node("longer", "Unsqueeze", vec![filled, size], &[]);
    net.graph.value_mut(longer).shape = Some(vec![Dim::Known(4)]);
    let noise = net.node("noise", "RandomNormalLike", vec![longer], &[]);
    let sum = net.node("sum", "Add", vec![x, longer], &[]);
    let all = net.node("all", "Sum", vec![sum, noise], &[]);
    let graph = net.done(all);
    let found = scene(&graph, DrawOptions::default());
    assert_eq!(headings(&found), ["RandomNormalLike", "Add", "Sum"]);
    // A constant that is an output is shown.
    let mut graph = graph;
    graph.outputs.push(longer);
    assert!(headings(&scene(&graph, DrawOptions::default())).contains(&"Unsqueeze"));
    drawn(&graph, &DrawOptions::default());
}

#[test]
fn a_depth_gives_one_box_a_module() {
    let graph = googlenet();
    let picture = drawn(&graph, &DrawOptions { depth: Some(1), ..DrawOptions::default() });
    // Four modules, the input and the output.
    assert_eq!((picture.nodes, picture.boxes), (graph.nodes.len(), 6));
    let texts = well_formed(&picture.svg);
    for name in ["stem", "inception3a", "inception3b", "20 nodes"] {
        assert!(texts.iter().any(|text| text == name), "{name} in {texts:?}");
    }
    let whole = scene(&graph, DrawOptions::default()).total();
    assert_eq!(scene(&graph, DrawOptions { depth: Some(1), ..DrawOptions::default() }).total(), whole);
    // Deeper than any name, each node is its own module: 44, plus the input and the output.
    assert_eq!(drawn(&graph, &DrawOptions { depth: Some(9), ..DrawOptions::default() }).boxes, 46);
}

#[test]
fn a_module_that_is_left_and_entered_again_is_split() {
    let mut net = Net::new();
    let x = net.graph.inputs[0];
    let a = net.node("a.one/Relu", "Relu", vec![x], &[]);
    let b = net.node("b/Tanh", "Tanh", vec![a], &[]);
    let c = net.node("a.two/Relu", "Relu", vec![b], &[]);
    let d = net.node("c.x/Relu", "Relu", vec![c], &[]);
    let e = net.node("c.y/Relu", "Relu", vec![d], &[]);
    let found = scene(&net.done(e), DrawOptions { depth: Some(1), ..DrawOptions::default() });
    let names: Vec<_> = found.items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["image", "a.one/Relu", "b/Tanh", "a.two/Relu", "c", "c.y/Relu:out"]);
}

#[test]
fn everything_a_box_should_say_is_there() {
    let texts =
        well_formed(&drawn(&googlenet(), &DrawOptions { title: "a & b.onnx".into(), ..DrawOptions::default() }).svg);
    for text in [
        "a &amp; b.onnx",
        "inception3a",
        "b3x3_reduce.conv",
        "MaxPool 3×3",
        "N×4×8×8",
        "40 params · 1.54k MACs",
        "BatchNorm · Relu",
        "image",
        "MACs for one item of the batch",
    ] {
        assert!(texts.iter().any(|found| found == text), "{text} in {texts:#?}");
    }
    // Tooltips contain everything in full.
    assert!(texts.iter().any(|text| text.contains("kernel_shape = 3, 3")));
    assert!(texts.iter().any(|text| text.starts_with("inception3a&#10;") && text.contains(" parameters (")));
    assert!(texts.iter().any(|text| text == "stem/Relu:out: f32 N×8×8×8"));
}

#[test]
fn hostile_names_are_text_and_nothing_else() {
    let names = [
        "<script>alert(1)</script>",
        "\"/><svg onload=\"x",
        "a'b&amp;c]]>",
        "\u{0}\u{1b}[31m\u{ffff}\n\r",
        "../../etc/passwd",
        "\u{202e}ltr",
        "",
        "////",
        "....",
        "名前/畳み込み",
        "{}%s%n",
    ];
    let mut net = Net::new();
    let mut y = net.graph.inputs[0];
    for (i, name) in names.iter().enumerate() {
        y = net.node(&format!("n{i}"), "Relu", vec![y], &[]);
        let node = net.graph.nodes.last_mut().unwrap();
        (node.name, node.op_type, node.domain) = ((*name).to_owned(), (*name).to_owned(), (*name).to_owned());
        node.attributes.insert((*name).to_owned(), Attribute::String((*name).to_owned()));
        net.graph.value_mut(y).name = format!("{name}{i}");
        net.graph.value_mut(y).shape = Some(vec![Dim::symbol(*name), Dim::Unknown]);
    }
    net.graph.name = names[0].into();
    let graph = net.done(y);
    for options in [
        DrawOptions { title: names[0].into(), ..DrawOptions::default() },
        DrawOptions { title: names[3].into(), depth: Some(1), ..DrawOptions::default() },
        DrawOptions { title: "x".repeat(100_000), metric: Some(Metric::Macs), ..DrawOptions::default() },
    ] {
        let picture = drawn(&graph, &options);
        assert!(!picture.svg.contains("<script") && !picture.svg.contains("onload=\""), "{}", picture.svg);
    }
}

#[test]
fn a_graph_without_anything_known_is_drawn() {
    let mut graph = Graph::new("");
    let [x, y, z, lone] = ["x", "y", "z", "lone"].map(|name| graph.add_value(name, None, None));
    graph.nodes = vec![Node::new("", "Conv", vec![x], vec![y]), Node::new("", "Odd", vec![y, y], vec![z])];
    (graph.inputs, graph.outputs) = (vec![x, lone], vec![z, x]);
    let picture = drawn(&graph, &DrawOptions::default());
    assert_eq!((picture.metric, picture.boxes), (Metric::None, 6));
    // When the metric is asked for explicitly, unknown boxes look unknown.
    let asked = drawn(&graph, &DrawOptions { metric: Some(Metric::Macs), ..DrawOptions::default() });
    assert_eq!(asked.svg.matches("stroke-dasharray=\"4 3\"").count(), 2);
    let empty = Graph::new("empty");
    assert_eq!(drawn(&empty, &DrawOptions::default()).boxes, 0);
}

#[test]
fn a_subgraph_is_inside_its_box() {
    let mut net = Net::new();
    let x = net.graph.inputs[0];
    let y = net.node("choice", "If", vec![x], &[]);
    let body = |op: &str| {
        let mut graph = Graph::new(op);
        let made = graph.add_value("made", None, None);
        graph.nodes = vec![Node::new("", op, vec![], vec![made])];
        graph.outputs = vec![made];
        Attribute::Graph(Box::new(Subgraph { graph, captures: vec![] }))
    };
    let node = net.graph.nodes.last_mut().unwrap();
    node.attributes.insert("then_branch".into(), body("Inner"));
    node.attributes.insert("else_branch".into(), body("Other"));
    let graph = net.done(y);
    assert_eq!(headings(&scene(&graph, DrawOptions::default())), ["If (2 nodes inside)"]);
    assert!(drawn(&graph, &DrawOptions::default()).svg.contains("then_branch = a graph of 1 node"));
}

#[test]
fn more_is_darker_and_nothing_is_white() {
    let picture = drawn(&googlenet(), &DrawOptions::default());
    assert_eq!(picture.metric, Metric::Macs);
    let darkest = scale::colour(1.0).hex();
    // The legend's last stop and the heaviest box.
    assert!(picture.svg.matches(&darkest).count() >= 2);
    assert!(picture.svg.contains("fill=\"#ffffff\"/>"), "pools cost no MACs");
    let none = drawn(&googlenet(), &DrawOptions { metric: Some(Metric::None), ..DrawOptions::default() });
    assert!(!none.svg.contains("linearGradient") && !none.svg.contains(&darkest));
}

#[test]
fn times_colour_their_layers() {
    let json = r#"{"runs": [{"profile": {"operators": [
        {"layer": "inception3a.b3x3.conv/Conv", "mean_ms": 0.75}, {"layer": "inception3a.b3x3/Relu", "mean_ms": 0.25},
        {"layer": "ReorderOutput", "mean_ms": 3.0}]}}]}"#;
    let times = Times::parse(json).unwrap();
    let picture = drawn(&googlenet(), &DrawOptions { times: Some(times.clone()), ..DrawOptions::default() });
    assert_eq!(picture.metric, Metric::Time);
    let texts = well_formed(&picture.svg);
    assert!(texts.iter().any(|text| text == "1 ms"), "{texts:?}");
    assert!(texts.iter().any(|text| text == "3 ms of 4 ms in kernels of no layer"), "{texts:?}");
    let other = Times::parse(r#"{"operators": [{"layer": "elsewhere", "mean_ms": 1}]}"#).unwrap();
    let error = draw(&googlenet(), &DrawOptions { times: Some(other), ..DrawOptions::default() }).unwrap_err();
    assert_eq!(error.to_string(), "--times: none of its layers is in this file");
    let error = draw(&googlenet(), &DrawOptions { metric: Some(Metric::Time), ..DrawOptions::default() }).unwrap_err();
    assert_eq!(error.remedy_text(), Some("give them with --times FILE.json"));
    drawn(&googlenet(), &DrawOptions { times: Some(times), metric: Some(Metric::Params), ..DrawOptions::default() });
}

#[test]
fn too_many_boxes_are_refused_with_the_way_out() {
    let options = DrawOptions { max_boxes: 10, ..DrawOptions::default() };
    let error = draw(&googlenet(), &options).unwrap_err();
    assert_eq!(error.to_string(), "the file: takes 20 boxes to draw, more than 10");
    assert!(error.remedy_text().unwrap().contains("--depth 2"), "{error:?}");
    assert!(draw(&googlenet(), &DrawOptions { depth: Some(1), ..options }).is_ok());
}

/// Builds a chain of `count` operations, each also read `skip` operations later, and returns its last value.
fn long(count: usize, skip: usize) -> Graph {
    let mut net = Net::new();
    let mut made = vec![net.graph.inputs[0]];
    for i in 0..count {
        let mut reads = vec![made[i]];
        reads.extend((skip > 0 && i >= skip).then(|| made[i - skip]));
        let y = net.node(&format!("block{}.op{i}/Sum", i / 50), "Sum", reads, &[]);
        made.push(y);
    }
    let all = if skip == 0 { made } else { vec![made[count]] };
    let y = net.node("all/Concat", "Concat", all, &[]);
    net.done(y)
}

#[test]
fn thousands_of_nodes_are_drawn() {
    let graph = long(3000, 7);
    let picture = drawn(&graph, &DrawOptions::default());
    assert_eq!(picture.boxes, 3003);
    // Every value is read by the last node: the wires are cut, and each of them is named at its end.
    let picture = drawn(&long(1200, 0), &DrawOptions::default());
    assert!(picture.svg.contains("from above"), "links");
}
