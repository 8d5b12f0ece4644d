//! Parts that gnet does not interpret pass through unchanged, message for message.

use bytes::Bytes;
use prost::Message;

use super::proto::*;
use super::{ExternalData, read, read_file, write, write_file};
use crate::graph::{DType, Graph, Model, Node, Tensor};

fn entry(key: &str, value: &str) -> StringStringEntryProto {
    StringStringEntryProto { key: key.into(), value: value.into() }
}

fn tensor_type(dims: Vec<DimensionProto>) -> TypeProto {
    let tensor = TensorTypeProto { elem_type: 1, shape: Some(TensorShapeProto { dim: dims }) };
    TypeProto { value: Some(TypeValue::Tensor(tensor)), denotation: "IMAGE".into() }
}

fn info(name: &str, r#type: Option<TypeProto>) -> ValueInfoProto {
    ValueInfoProto {
        name: name.into(),
        r#type,
        doc_string: format!("what {name} is"),
        metadata_props: vec![entry("k", "v")],
    }
}

fn node(op: &str, inputs: &[&str], outputs: &[&str]) -> NodeProto {
    let names = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
    NodeProto {
        name: op.to_lowercase(),
        op_type: op.into(),
        input: names(inputs),
        output: names(outputs),
        ..Default::default()
    }
}

fn raw(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 1,
        raw_data: Some(bytes.into()),
        ..Default::default()
    }
}

/// Builds a branch that reads `y` of the enclosing graph, and a graph inside it that reads `y` and `inner`.
fn branch() -> GraphProto {
    let deep = GraphProto {
        name: "deep".into(),
        node: vec![node("Add", &["y", "inner"], &["sum"])],
        output: vec![info("sum", None)],
        ..Default::default()
    };
    let mut nested = node("If", &["condition"], &["nested"]);
    nested.attribute.push(attribute("then_branch", AttributeType::Graph, |a| a.g = Some(Box::new(deep))));
    GraphProto {
        name: "branch".into(),
        doc_string: "one way".into(),
        node: vec![node("Neg", &["y"], &["inner"]), nested],
        initializer: vec![raw("condition", &[1], &[1.0])],
        output: vec![info("nested", None)],
        ..Default::default()
    }
}

fn attribute(name: &str, kind: AttributeType, fill: impl FnOnce(&mut AttributeProto)) -> AttributeProto {
    let mut proto = AttributeProto { name: name.into(), ..Default::default() };
    proto.set_type(kind);
    fill(&mut proto);
    proto
}

/// Builds a message with everything that gnet does not interpret.
fn everything() -> ModelProto {
    let dim = |size| DimensionProto { value: Some(DimensionValue::DimValue(size)), denotation: "DATA_BATCH".into() };
    let x = info("x", Some(tensor_type(vec![dim(2)])));
    let element = ElementTypeProto { elem_type: Some(tensor_type(vec![])) };
    let sequence = TypeProto { value: Some(TypeValue::Sequence(Box::new(element))), denotation: String::new() };
    let mut odd = node("Odd", &["x"], &["y"]);
    odd.attribute = vec![
        attribute("bytes", AttributeType::String, |a| a.s = Bytes::from_static(&[0xff, 0])),
        attribute("sparse", AttributeType::SparseTensor, |a| a.sparse_tensor = Some(Box::default())),
        attribute("tensor", AttributeType::Tensor, |a| a.t = Some(Box::new(raw("inside", &[1], &[3.0])))),
        attribute("tensors", AttributeType::Tensors, |a| a.tensors = vec![raw("t", &[2], &[1.0, 2.0])]),
        attribute("type", AttributeType::TypeProto, |a| a.tp = Some(Box::new(sequence.clone()))),
    ];
    odd.attribute[2].doc_string = "why".into();
    (odd.domain, odd.overload, odd.doc_string) = ("some.domain".into(), "second".into(), "how".into());
    (odd.metadata_props, odd.device_configurations) = (vec![entry("a", "b")], vec![Bytes::from_static(&[0x18, 3])]);
    let mut choose = node("If", &["x"], &["z"]);
    choose.attribute = ["else_branch", "then_branch"]
        .map(|name| attribute(name, AttributeType::Graph, |a| a.g = Some(Box::new(branch()))))
        .to_vec();
    let texts = TensorProto { name: "texts".into(), dims: vec![2], data_type: 8, ..Default::default() };
    let mut indices = raw("at", &[1], &[0.0]);
    (indices.data_type, indices.raw_data) = (7, Some(4i64.to_le_bytes().to_vec().into()));
    let function = FunctionProto { name: "Odd".into(), domain: "some.domain".into(), ..Default::default() };
    ModelProto {
        ir_version: 11,
        domain: "org.example".into(),
        model_version: 7,
        opset_import: vec![
            OperatorSetIdProto { domain: String::new(), version: 21 },
            OperatorSetIdProto { domain: "some.domain".into(), version: 1 },
        ],
        training_info: vec![
            TrainingInfoProto { algorithm: Some(branch()), ..Default::default() }.encode_to_vec().into(),
        ],
        functions: vec![FunctionProto { node: vec![node("Neg", &["a"], &["b"])], ..function }.encode_to_vec().into()],
        configuration: vec![Bytes::from_static(&[0x0a, 1, b'd'])],
        graph: Some(GraphProto {
            name: "g".into(),
            doc_string: "a graph".into(),
            metadata_props: vec![entry("of", "graph")],
            node: vec![odd, choose],
            initializer: vec![
                raw("w", &[2], &[1.0, 2.0]),
                TensorProto {
                    string_data: vec!["one".into(), Bytes::from_static(&[0xfe])],
                    doc_string: "t".into(),
                    ..texts
                },
            ],
            sparse_initializer: vec![SparseTensorProto {
                values: Some(raw("few", &[1], &[5.0])),
                indices: Some(indices),
                dims: vec![9],
            }],
            input: vec![x, info("w", Some(tensor_type(vec![dim(2)])))],
            output: vec![info("z", None), info("y", Some(sequence))],
            value_info: Vec::new(),
            quantization_annotation: vec![TensorAnnotation {
                tensor_name: "x".into(),
                quant_parameter_tensor_names: vec![entry("SCALE_TENSOR", "w")],
            }],
        }),
        ..Default::default()
    }
}

#[test]
fn nothing_that_the_standard_defines_is_lost() {
    let mut proto = everything();
    let model = read(proto.encode_to_vec().into()).unwrap();
    let back = ModelProto::decode(&*write(&model).unwrap()).unwrap();
    // The type listed for an initializer is that of its data.
    let listed = &mut proto.graph.as_mut().unwrap().input[1].r#type;
    *listed = back.graph.as_ref().unwrap().input[1].r#type.clone();
    assert_eq!(format!("{back:#?}"), format!("{proto:#?}"));
}

#[test]
fn a_subgraph_names_what_it_reads_as_the_graph_around_does() {
    let mut model = read(everything().encode_to_vec().into()).unwrap();
    let y = model.graph.find("y").unwrap();
    model.graph.value_mut(y).name = "renamed".into();
    let back = ModelProto::decode(&*write(&model).unwrap()).unwrap().graph.unwrap();
    for branch in &back.node[1].attribute {
        let branch = branch.g.as_ref().unwrap();
        let deep = branch.node[1].attribute[0].g.as_ref().unwrap();
        assert_eq!(
            (&branch.node[0].input, &deep.node[0].input),
            (&vec!["renamed".into()], &vec!["renamed".into(), "inner".into()])
        );
    }
    assert_eq!(model.graph.uses()[&y], 3, "an output, and each branch once");
}

fn large() -> Model {
    let mut g = Graph::new("g");
    let (x, y) = (g.add_value("x", Some(DType::F32), None), g.add_value("y", Some(DType::F32), None));
    let values: Vec<f32> = (0..3000).map(|v| v as f32).collect();
    let [a, b] = ["a", "b"].map(|name| g.add_initializer(name, Tensor::from_f32(vec![3000], &values).unwrap()));
    let small = g.add_initializer("small", Tensor::from_f32(vec![1], &[7.0]).unwrap());
    g.nodes = vec![Node::new("n", "Sum", vec![x, a, b, small], vec![y])];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    Model::new(g, 18)
}

#[test]
fn constants_stand_beside_the_model_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let (inside, beside) = (dir.path().join("inside.onnx"), dir.path().join("beside.onnx"));
    let one = write_file(&large(), &inside, ExternalData::Auto).unwrap();
    let two = write_file(&large(), &beside, ExternalData::Always).unwrap();
    let size = |path: &std::path::Path| std::fs::metadata(path).unwrap().len();
    assert!(size(&beside) < 1000 && size(&inside) > 24_000);
    let data = two.data.clone().unwrap();
    assert_eq!(size(&dir.path().join(&data.name)), 12_288 + 12_000, "the second begins on a page");
    assert_eq!((one.model, one.data), (size(&inside), None));
    assert_eq!((two.model, data.bytes), (size(&beside), 24_288));
    let back = read_file(&beside).unwrap();
    assert_eq!(write(&back).unwrap(), std::fs::read(&inside).unwrap(), "the same model, its constants inside again");
    write_file(&back, &beside, ExternalData::Always).unwrap();
    assert_eq!(write(&read_file(&beside).unwrap()).unwrap(), write(&back).unwrap(), "over the files it was read from");
}

/// Returns the refusal of a model whose constant `a` states that its data are where `change` says.
fn refusal(change: impl Fn(&std::path::Path, &mut TensorProto)) -> String {
    let dir = tempfile::tempdir().unwrap();
    let (folder, path) = (dir.path().join("models"), dir.path().join("models/m.onnx"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(dir.path().join("secret"), [0; 20_000]).unwrap();
    write_file(&large(), &path, ExternalData::Always).unwrap();
    let mut proto = ModelProto::decode(&*std::fs::read(&path).unwrap()).unwrap();
    change(&folder, &mut proto.graph.as_mut().unwrap().initializer[0]);
    std::fs::write(&path, proto.encode_to_vec()).unwrap();
    read_file(&path).unwrap_err().to_string()
}

#[test]
fn nothing_outside_the_models_folder_is_read() {
    let at = |place: &'static str| {
        refusal(move |folder, t| t.external_data[0].value = place.replace("FOLDER", &folder.display().to_string()))
    };
    for place in ["../secret", "FOLDER/../secret", "FOLDER/m.onnx.data", "a/../../secret", "", "/dev/zero"] {
        let error = at(place);
        assert!(error.contains("initializer a: its external data") && error.contains("is no path inside"), "{error}");
    }
    #[cfg(unix)]
    {
        let error = refusal(|folder, t| {
            std::os::unix::fs::symlink("../secret", folder.join("link")).unwrap();
            t.external_data[0].value = "link".into();
        });
        assert!(error.contains("is a link that leads out of the model's folder"), "{error}");
    }
    assert!(at("missing").contains("its data stands beside the model in missing, and there is no such file"));
    assert!(at(".").contains("is a folder where a file is expected"));
}

#[test]
fn external_data_that_do_not_fit_are_refused() {
    let entry = |key: &'static str, value: &'static str| {
        refusal(move |_, t| t.external_data.iter_mut().find(|e| e.key == key).unwrap().value = value.into())
    };
    let past = entry("offset", "99999999");
    assert!(past.contains("lies past the end of m.onnx.") && past.contains(".data, which has 24288 bytes"), "{past}");
    assert!(entry("offset", "18446744073709551615").contains("lies past the end"));
    assert!(entry("length", "4").contains("needs 12000 bytes, its data has 4"));
    assert!(entry("offset", "many").contains("the offset of its external data is no number"));
    assert!(refusal(|_, t| t.raw_data = Some(vec![0; 4].into())).contains("both in the model and beside it"));
    assert!(refusal(|_, t| t.external_data.clear()).contains("has no location"));
    assert!(refusal(|_, t| t.dims = vec![1 << 40, 1 << 40]).contains("more bytes than can be addressed"));
}
