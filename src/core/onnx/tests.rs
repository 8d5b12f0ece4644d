//! Reading and writing: round trips lose nothing, and nothing unknown is silently accepted.

use bytes::Bytes;
use proptest::prelude::*;
use prost::Message;

use super::proto::*;
use super::*;
use crate::graph::{Attribute, DType, Dim, Graph, Model, Node, Tensor};

/// A model that uses every kind of attribute and dimension.
fn sample() -> Model {
    let mut g = Graph::new("sample");
    let batch =
        |rest: &[usize]| Some(std::iter::once(Dim::symbol("N")).chain(rest.iter().map(|d| Dim::Known(*d))).collect());
    let x = g.add_value("x", Some(DType::F32), batch(&[3]));
    let y = g.add_value("y", Some(DType::F32), Some(vec![Dim::parse("2*N+1"), Dim::Unknown]));
    let inner = g.add_value("inner", Some(DType::F32), batch(&[3]));
    let w = g.add_initializer("w", Tensor::from_f32(vec![3, 3], &[0.5; 9]).unwrap());
    let mut odd = Node::new("odd", "Odd", vec![inner, w], vec![y]);
    odd.domain = "some.domain".into();
    odd.inputs.insert(1, None);
    odd.set("int", -3i64).set("float", 0.1f32).set("negative zero", -0.0f32).set("ints", vec![1usize, 2]);
    odd.set("string", Attribute::String("same".into()))
        .set("strings", Attribute::Strings(vec!["a".into(), "b".into()]));
    odd.set("floats", Attribute::Floats(vec![1.5, -0.0])).set("tensor", Attribute::Tensor(Tensor::from_i64(&[-1, 7])));
    g.nodes = vec![Node::new("relu", "Relu", vec![x], vec![inner]), odd];
    (g.inputs, g.outputs) = (vec![x], vec![y]);
    let mut model = Model::new(g, 18);
    model.other_opsets.insert("some.domain".into(), 2);
    model.metadata.insert("key".into(), "a value, with ünicode".into());
    model.doc = "documentation".into();
    model
}

fn by_name(model: &Model) -> (Vec<String>, Vec<(String, String)>) {
    let g = &model.graph;
    let name = |id: crate::graph::ValueId| format!("{:?}", g.value(id));
    let nodes = g.nodes.iter().map(|n| {
        let wires: Vec<_> = n.inputs.iter().chain(&n.outputs).map(|id| id.map(name)).collect();
        format!("{} {} {} {wires:?} {:?}", n.name, n.domain, n.op_type, n.attributes)
    });
    let constants = g.initializers().map(|(id, t)| (name(id), format!("{:?}", t.bytes())));
    (nodes.collect(), constants.collect())
}

#[test]
fn nothing_is_lost_on_the_way_round() {
    let model = sample();
    let bytes = write(&model).unwrap();
    let back = read(bytes.clone().into()).unwrap();
    assert_eq!(by_name(&back), by_name(&model));
    assert!(back.graph.nodes[1].float("negative zero").is_some_and(f32::is_sign_negative));
    assert_eq!((back.opset, &back.other_opsets, &back.metadata), (18, &model.other_opsets, &model.metadata));
    assert_eq!((back.producer_name.as_str(), back.doc.as_str(), back.ir_version), ("gnet", "documentation", Some(8)));
    assert_eq!(write(&back).unwrap(), bytes, "writing what was read gives the same bytes");
}

/// Changes the sample's message and returns the error of reading it.
fn refusal(change: impl Fn(&mut ModelProto)) -> String {
    let mut proto = ModelProto::decode(&*write(&sample()).unwrap()).unwrap();
    change(&mut proto);
    read(proto.encode_to_vec().into()).unwrap_err().to_string()
}

fn graph(proto: &mut ModelProto) -> &mut GraphProto {
    proto.graph.as_mut().unwrap()
}

#[test]
fn what_the_standard_does_not_allow_is_refused_by_name() {
    let kind = |proto: &mut ModelProto, kind: AttributeType| graph(proto).node[1].attribute[0].set_type(kind);
    assert!(refusal(|p| p.functions = vec![vec![0xff].into()]).contains("a function: is damaged"));
    assert!(refusal(|p| graph(p).sparse_initializer = vec![Default::default()]).contains("has no values"));
    assert!(
        refusal(|p| kind(p, AttributeType::Graph))
            .contains("node odd (Odd), attribute float: says it is of kind Graph and has a value of kind Float")
    );
    assert!(refusal(|p| kind(p, AttributeType::Undefined)).contains("attribute float: does not say what kind"));
    assert!(refusal(|p| graph(p).initializer[0].data_type = 99).contains("initializer w: has element type 99"));
    assert!(refusal(|p| graph(p).initializer[0].dims = vec![-1]).contains("initializer w: has a negative dimension"));
    assert!(refusal(|p| graph(p).initializer[0].dims = vec![i64::MAX, 4]).contains("more bytes than can be addressed"));
    assert!(refusal(|p| graph(p).initializer[0].dims = vec![4]).contains("needs 16 bytes, its data has 36"));
    assert!(refusal(|p| graph(p).initializer[0].float_data = vec![1.0]).contains("has its elements twice"));
    assert!(refusal(|p| graph(p).initializer[0].segment = Some(Bytes::new())).contains("is a segment"));
    assert!(refusal(|p| p.opset_import.clear()).contains("imports no version of any operator set"));
    assert!(
        refusal(|p| p.opset_import.push(p.opset_import[0].clone())).contains("imports the operator set \"\" twice")
    );
    assert!(refusal(|p| p.opset_import[0].version = -1).contains("imports version -1"));
    assert!(refusal(|p| p.metadata_props.push(p.metadata_props[0].clone())).contains("has the metadata \"key\" twice"));
    assert!(refusal(|p| p.graph = None).contains("it holds no graph"));
    assert!(refusal(|p| graph(p).node.swap(0, 1)).contains("reads inner, which nothing before it makes"));
    let twice = refusal(|p| {
        let attribute = graph(p).node[1].attribute[0].clone();
        graph(p).node[1].attribute.push(attribute);
    });
    assert!(twice.contains("node odd (Odd), attribute float: is given twice"), "{twice}");
    let twice = refusal(|p| {
        let w = graph(p).initializer[0].clone();
        graph(p).initializer.push(w);
    });
    assert!(twice.contains("initializer w: is given twice"));
    let beside = refusal(|p| {
        let w = &mut graph(p).initializer[0];
        (w.data_location, w.raw_data) = (EXTERNAL, None);
        w.external_data = vec![StringStringEntryProto { key: "location".into(), value: "w.bin".into() }];
    });
    assert!(beside.contains("initializer w: keeps its data beside the model, in w.bin"), "{beside}");
}

#[test]
fn typed_fields_hold_the_same_numbers_as_raw_data() {
    type Fill = fn(&mut TensorProto);
    let cases: [(i32, Fill, Vec<u8>); 7] = [
        (1, |t| t.float_data = vec![1.5], 1.5f32.to_le_bytes().to_vec()),
        (11, |t| t.double_data = vec![-2.5], (-2.5f64).to_le_bytes().to_vec()),
        (7, |t| t.int64_data = vec![-9], (-9i64).to_le_bytes().to_vec()),
        (6, |t| t.int32_data = vec![-9], (-9i32).to_le_bytes().to_vec()),
        (10, |t| t.int32_data = vec![0x3c00], vec![0, 0x3c]),
        (3, |t| t.int32_data = vec![-1], vec![0xff]),
        (13, |t| t.uint64_data = vec![u64::MAX], vec![0xff; 8]),
    ];
    for (data_type, fill, bytes) in cases {
        let mut proto = ModelProto::decode(&*write(&sample()).unwrap()).unwrap();
        let tensor = &mut graph(&mut proto).initializer[0];
        *tensor = TensorProto { name: "w".into(), data_type, dims: vec![1], ..Default::default() };
        fill(tensor);
        let model = read(proto.encode_to_vec().into()).unwrap();
        let (_, tensor) = model.graph.initializers().next().unwrap();
        assert_eq!(tensor.bytes(), &bytes, "data type {data_type}");
    }
}

#[test]
fn an_initializer_that_is_also_an_input_is_a_constant() {
    let mut proto = ModelProto::decode(&*write(&sample()).unwrap()).unwrap();
    let w =
        ValueInfoProto { name: "w".into(), r#type: graph(&mut proto).input[0].r#type.clone(), ..Default::default() };
    let names = |proto: &GraphProto| proto.input.iter().map(|info| info.name.clone()).collect::<Vec<_>>();
    for place in [0, 1] {
        let mut proto = proto.clone();
        graph(&mut proto).input.insert(place, w.clone());
        let model = read(proto.encode_to_vec().into()).unwrap();
        assert_eq!((model.graph.inputs.len(), model.graph.initializers().count()), (1, 1));
        assert!(model.graph.constants().is_empty(), "a caller may replace it");
        let mut back = ModelProto::decode(&*write(&model).unwrap()).unwrap();
        assert_eq!(names(graph(&mut back)), names(graph(&mut proto)), "and it is written at its place");
    }
}

proptest! {
    #[test]
    fn damaged_bytes_are_an_error_or_a_model_and_never_a_panic(
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = write(&sample()).unwrap();
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.truncate(keep.index(bytes.len() + 1));
        if let Ok(model) = read(bytes.into()) {
            prop_assert!(model.graph.check().is_ok());
        }
    }
}
