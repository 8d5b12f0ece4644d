//! Statements of the file, and sizes that the caller gives in their place.

use gnet_core::graph::{Attribute, Capture, DType, Dim, Graph, Model, Node, Sizes, Subgraph, Tensor, shape_text};
use gnet_core::infer::infer;

use super::build::{Builder, dims};

/// x[N,4] -> Relu -> y -> MatMul with w[4,5] -> z, with statements about y and z.
fn chain(input: &str, y: Option<&str>, z: Option<&str>) -> Builder {
    let mut b = Builder::new(13);
    let x = b.input("x", input);
    let relu = b.node("Relu", &[x], &[]);
    let w = b.model.graph.add_initializer("w", Tensor::from_f32(vec![4, 5], &[0.0; 20]).unwrap());
    let made = b.node("MatMul", &[relu, w], &[]);
    b.model.graph.value_mut(relu).shape = y.map(dims);
    b.model.graph.value_mut(made).shape = z.map(dims);
    b.model.graph.outputs = vec![made];
    b
}

fn with(mut model: Model, given: &[&str]) -> Result<String, String> {
    let mut sizes = Sizes::none();
    given.iter().for_each(|text| sizes.extend(Sizes::input(text).unwrap()));
    infer(&mut model, &sizes).map_err(|e| format!("{e}; {}", e.remedy_text().unwrap_or_default()))?;
    let shape = model.graph.value(model.graph.outputs[0]).shape.clone();
    Ok(shape_text(&shape.unwrap()))
}

#[test]
fn what_the_file_says_more_precisely_is_kept() {
    assert_eq!(with(chain("?,4", Some("7,4"), None).model, &[]), Ok("7 x 5".into()));
    assert_eq!(with(chain("N,4", Some("M,4"), None).model, &[]), Ok("N x 5".into()));
    assert_eq!(with(chain("?,4", None, Some("batch,5")).model, &[]), Ok("batch x 5".into()));
    assert_eq!(with(chain("2,4", None, Some("batch,?")).model, &[]), Ok("2 x 5".into()));
}

#[test]
fn what_the_inputs_say_outranks_what_the_file_says() {
    let found = |input: &str, y: Option<&str>, z: Option<&str>, dtype: Option<DType>| {
        let mut b = chain(input, y, z);
        let made = b.model.graph.outputs[0];
        b.model.graph.value_mut(made).dtype = dtype;
        let overruled: Vec<String> = b.run().overruled.iter().map(ToString::to_string).collect();
        let value = b.model.graph.value(made);
        assert_eq!(value.dtype, Some(DType::F32));
        (overruled.join("; "), shape_text(value.shape.as_ref().unwrap()))
    };
    let says = |text: &str, shape: &str| (text.to_owned(), shape.to_owned());
    let wrong = |y, z| found("2,4", y, z, None);
    assert_eq!(
        wrong(None, Some("3,5")),
        says("value MatMul1.0: the file says 3 x 5, its node makes 2 x 5, which stands", "2 x 5")
    );
    assert_eq!(
        wrong(Some("2,4,1"), None),
        says("value Relu0.0: the file says 2 x 4 x 1, its node makes 2 x 4, which stands", "2 x 5")
    );
    let dtype = found("2,4", None, None, Some(DType::I64));
    assert_eq!(dtype, says("value MatMul1.0: the file says i64, its node makes f32, which stands", "2 x 5"));
    // A number that was written down at one size of the symbol.
    let stale = found("N,4", Some("1,4"), Some("1,5"), None);
    assert_eq!(stale.0.matches("which stands").count(), 2);
    assert_eq!(stale.1, "N x 5");
    let line = found("N,4", None, Some("2*N,5"), None);
    assert_eq!(line, says("value MatMul1.0: the file says 2*N x 5, its node makes N x 5, which stands", "N x 5"));
    // Less, or the same by another name, contradicts nothing.
    for (input, z, left) in
        [("N,4", "M,5", "N x 5"), ("2,4", "N,?", "2 x 5"), ("?,4", "7,5", "7 x 5"), ("?,4", "N,5", "N x 5")]
    {
        assert_eq!(found(input, None, Some(z), None), says("", left));
    }
}

#[test]
fn a_stated_shape_inside_a_body_is_outranked_too() {
    for (stated, inside) in [("1,4", "N x 4"), ("N,4", "N x 4")] {
        let mut b = Builder::new(16);
        let x = b.input("x", "N,4");
        let mut body = Graph::new("then");
        let [seen, made] = ["x", "made"].map(|name| body.add_value(name, Some(DType::F32), None));
        body.value_mut(made).shape = Some(dims(stated));
        body.nodes = vec![Node::new("neg", "Neg", vec![seen], vec![made])];
        body.outputs = vec![made];
        let branch = Subgraph { graph: body, captures: vec![Capture { outer: x, inner: seen }] };
        let on = b.input("on", "");
        let y = b.node("If", &[on], &[]);
        let node = b.model.graph.nodes.last_mut().unwrap();
        for name in ["then_branch", "else_branch"] {
            node.attributes.insert(name.into(), Attribute::Graph(Box::new(branch.clone())));
        }
        let found = b.run();
        assert_eq!(found.overruled.len(), if stated == "1,4" { 2 } else { 0 });
        assert_eq!(shape_text(b.model.graph.value(y).shape.as_ref().unwrap()), inside);
    }
}

#[test]
fn a_number_for_a_symbol_holds_everywhere() {
    let model = chain("N,4", Some("N,4"), Some("N,5")).model;
    assert_eq!(with(model.clone(), &["x=3,4"]), Ok("3 x 5".into()));
    assert_eq!(with(model.clone(), &["3,4"]), Ok("3 x 5".into()));
    assert_eq!(with(model.clone(), &["x=B,4"]), Ok("B x 5".into()));
    assert_eq!(with(model.clone(), &["x= N , 4 "]), Ok("N x 5".into()));
    assert_eq!(with(model, &[]), Ok("N x 5".into()));
    assert_eq!(with(chain("2*N+1,4", None, Some("2*N+1,5")).model, &["7,4"]), Ok("7 x 5".into()));
    assert_eq!(with(chain("?,4", None, None).model, &["7,4"]), Ok("7 x 5".into()));
}

#[test]
fn a_symbol_of_one_input_is_bound_in_the_others() {
    let two = || {
        let mut b = Builder::new(13);
        let (x, y) = (b.input("x", "N,3"), b.input("y", "N,3"));
        let made = b.node("Concat", &[x, y], &[("axis", Attribute::Int(0))]);
        b.model.graph.outputs = vec![made];
        b.model
    };
    assert_eq!(with(two(), &["x=4,3"]), Ok("8 x 3".into()));
    assert_eq!(with(two(), &[]), Ok("2*N x 3".into()));
    let twice = with(two(), &["x=4,3", "y=5,3"]).unwrap_err();
    assert_eq!(twice, "shape of input y: N would be both 4 and 5; ");
    assert!(with(two(), &["4,3"]).unwrap_err().contains("has no name, and the model has 2 inputs; write NAME=SHAPE"));
    assert!(with(two(), &["x=4,3", "x=4,3"]).unwrap_err().contains("is given twice"));
}

#[test]
fn a_fixed_size_is_replaced_and_what_depends_on_it_computed_anew() {
    let model = chain("1,4", Some("1,4"), Some("1,5")).model;
    assert_eq!(with(model.clone(), &["x=8,4"]), Ok("8 x 5".into()));
    assert_eq!(with(model, &["x=N,4"]), Ok("N x 5".into()));
}

#[test]
fn an_override_that_cannot_be_is_refused() {
    let model = || chain("N,4", None, None).model;
    let refusal = |given: &str| with(model(), &[given]).unwrap_err();
    assert_eq!(refusal("z=1,4"), "input z: the model has no input of this name; the inputs are x");
    assert_eq!(
        refusal("x=1,4,4"),
        "shape of input x: 1 x 4 x 4 given, the file says N x 4; give as many sizes as the file has"
    );
    assert!(refusal("x=1,3").starts_with("node MatMul1 (MatMul): 1 x 3 cannot be multiplied by 4 x 5"));
    let odd = with(chain("2*N,4", None, None).model, &["x=7,4"]).unwrap_err();
    assert_eq!(odd, "shape of input x: 7 given, the file says 2*N; ");
    for text in ["x=1,-3", "x=1,,3", "x=1;3", "x=99999999999999999999", "x=a b", "x=1.5", "x=,"] {
        let error = Sizes::input(text).unwrap_err();
        assert!(error.to_string().contains("is no list of sizes"), "{text}: {error}");
        assert!(error.remedy_text().unwrap().contains("x=N,3,224,224"));
    }
    assert!(Sizes::input("x=").is_ok() && Sizes::none().is_empty());
}

#[test]
fn an_input_without_a_shape_can_be_given_one() {
    let mut b = chain("N,4", None, None);
    let x = b.model.graph.inputs[0];
    b.model.graph.value_mut(x).shape = None;
    let found = b.run();
    assert_eq!((found.known, found.unknown.len()), (0, 3));
    assert_eq!((found.unknown[0].value.as_str(), found.unknown[0].reason.as_str()), ("x", "its shape is not stated"));
    assert_eq!(with(b.model, &["2,4"]), Ok("2 x 5".into()));
}

#[test]
fn only_constants_that_nobody_can_replace_are_followed() {
    for (ir_version, made) in [(None, "? x ?"), (Some(8), "? x ?"), (Some(3), "8 x N")] {
        let mut b = Builder::new(13);
        let (x, target) = (b.input("x", "N,8"), b.ints(&[8, -1]));
        let y = b.node("Reshape", &[x, target], &[]);
        b.model.graph.listed_initializers.insert(1, target);
        b.model.ir_version = ir_version;
        assert_eq!(b.shape(y), made, "IR version {ir_version:?}");
    }
}

#[test]
fn inferring_twice_changes_nothing() {
    let mut b = chain("N,4", None, None);
    let first = b.run();
    let model = b.model.clone();
    assert_eq!((b.run(), &b.model), (first, &model));
    assert!(b.run().is_complete());
    assert_eq!(b.model.graph.value(b.model.graph.outputs[0]).shape, Some(vec![Dim::symbol("N"), Dim::Known(5)]));
}
