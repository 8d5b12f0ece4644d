use super::*;
use crate::graph::{Dim, shape_text};

type Inputs<'a> = &'a [(&'a str, &'a str)];

/// Parses a shape such as `N,3,?`; `-` for an unknown one.
fn dims(text: &str) -> Option<Vec<Dim>> {
    let dim = |text: &str| match text {
        "?" => Dim::Unknown,
        text => text.parse().map_or_else(|_| Dim::parse(text), Dim::Known),
    };
    (text != "-").then(|| text.split(',').filter(|text| !text.is_empty()).map(dim).collect())
}

/// Parses sizes from flags: `x=1,3` is an input, `--T=4` a symbol.
fn sizes(flags: &[&str]) -> Sizes {
    let mut sizes = Sizes::none();
    for flag in flags {
        sizes.extend(match flag.strip_prefix("--").and_then(|dim| dim.rsplit_once('=')) {
            Some((symbol, size)) => Sizes::dim(symbol, size.parse().unwrap()),
            None => Sizes::input(flag).unwrap(),
        });
    }
    sizes
}

fn with<T>(inputs: Inputs<'_>, work: impl FnOnce(&[Stated<'_>]) -> T) -> T {
    let shapes: Vec<_> = inputs.iter().map(|(_, shape)| dims(shape)).collect();
    let stated = inputs.iter().zip(&shapes).map(|((name, _), shape)| Stated { name, shape: shape.as_deref() });
    work(&stated.collect::<Vec<_>>())
}

fn told<T>(result: Result<T>) -> Result<T, String> {
    result.map_err(|e| format!("{e}; {}", e.remedy_text().unwrap_or_default()))
}

fn fit(inputs: Inputs<'_>, flags: &[&str], rule: Rule) -> Result<String, String> {
    let fit = told(with(inputs, |inputs| sizes(flags).fit(inputs, rule)))?;
    let shapes = fit.shapes.iter().map(|shape| shape.as_deref().map_or_else(|| "-".to_owned(), shape_text));
    Ok(shapes.collect::<Vec<_>>().join("; "))
}

const TOKENS: Inputs<'_> = &[("tokens", "N,T"), ("mask", "N,2*T-1"), ("scale", "3")];

#[test]
fn every_flag_says_the_same_of_a_symbol() {
    for flags in [&["--T=5"][..], &["tokens=N,5"], &["tokens=Nx5"], &["mask=N,9"], &["tokens=?x5", "--T=5"]] {
        for rule in [Rule::Replace, Rule::Refuse] {
            assert_eq!(fit(TOKENS, flags, rule), Ok("N x 5; N x 9; 3".into()), "{flags:?}");
        }
    }
    // Other names, for axes with and without one.
    let refuse = |inputs, flags: &[&str]| fit(inputs, flags, Rule::Refuse);
    assert_eq!(refuse(TOKENS, &["tokens=B,L", "--L=4"]), Ok("B x 4; B x 7; 3".into()));
    assert_eq!(refuse(TOKENS, &["mask=B,L"]), Ok("B x T; B x 2*T-1; 3".into()));
    assert_eq!(refuse(TOKENS, &["mask=B,L", "--L=9"]), Ok("B x 5; B x 9; 3".into()));
    assert_eq!(refuse(TOKENS, &["scale=K"]), Ok("N x T; N x 2*T-1; 3".into()));
    assert_eq!(refuse(&[("x", "?,?,3")], &["Nx4x3"]), Ok("N x 4 x 3".into()));
    assert_eq!(refuse(&[("x", "?,?")], &["S,S", "--S=4"]), Ok("4 x 4".into()));
    assert_eq!(refuse(&[("x", "-"), ("s", "")], &["x=2,7", "s="]), Ok("2 x 7; scalar".into()));
    assert_eq!(refuse(&[("a=x,1", "N,H")], &["a=x,1=2x3"]), Ok("2 x 3".into()));
    assert_eq!(refuse(&[("x", "max_x,3")], &["--max_x=2"]), Ok("2 x 3".into()));
    // A formula of several symbols is unknown while only some have a size.
    assert_eq!(refuse(&[("x", "N,N*T")], &["--N=2"]), Ok("2 x ?".into()));
    assert_eq!(refuse(&[("x", "N,N*T")], &["--N=2", "--T=5"]), Ok("2 x 10".into()));
    assert_eq!(refuse(&[("x", "N,N*T")], &["--N*T=6"]), Ok("N x 6".into()));
    let cached: Inputs<'_> = &[("ids", "N,seq"), ("mask", "N,past + seq"), ("past", "N,8,past,64")];
    assert_eq!(refuse(cached, &["--past=7", "--seq=2"]), Ok("N x 2; N x 9; N x 8 x 7 x 64".into()));
    assert_eq!(refuse(cached, &["past=N,8,7,64", "ids=N,2", "mask=N,9"]), Ok("N x 2; N x 9; N x 8 x 7 x 64".into()));
    let error = refuse(cached, &["--past=7", "--seq=2", "mask=N,8"]).unwrap_err();
    assert_eq!(error, "symbol past + seq: is given as 8 and comes to 9; ");
}

#[test]
fn what_contradicts_is_refused() {
    for (flags, says) in [
        (&["--K=3"][..], "symbol K: no input's shape has this symbol; the inputs' symbols are N, T"),
        (&["--T=3", "--N=1", "--T=4"], "symbol T: is given as 3 and as 4; "),
        (&["--T=3", "tokens=N,4"], "shape of input tokens: T would be both 3 and 4; "),
        (&["--T=3", "mask=N,7"], "shape of input mask: T would be both 3 and 4; "),
        (&["--T=3", "mask=N,8"], "shape of input mask: 8 given, the file says 2*T-1, which is 5; "),
        (&["mask=N,8"], "shape of input mask: 8 given, the file says 2*T-1; "),
        (&["--T=4", "scale=T"], "shape of input scale: T given, which is 4, the file says 3; "),
        (&["tokens=2,3", "tokens=2,3"], "shape of input tokens: is given twice; "),
        (&["tokens=2,3", "mask=3,5"], "shape of input mask: N would be both 2 and 3; "),
        (&["tokens=2,3,4"], "shape of input tokens: 2 x 3 x 4 given, the file says N x T; give as many sizes"),
        (&["token=2,3"], "input token: the model has no input of this name; the inputs are tokens, mask, scale"),
        (&["2,3"], "input shape 2,3: has no name, and the model has 3 inputs; write NAME=SHAPE; the inputs are tokens"),
        (&["--T=0"], "value mask: its size 2*T-1 is none at T = 0; give T another size"),
        (&["tokens=N,2*N", "mask=N,2*N"], "shape of input mask: "),
        (&["scale=4"], "shape of input scale: 4 given for axis 0, which the file fixes at 3; an engine takes no other"),
    ] {
        let error = fit(TOKENS, flags, Rule::Refuse).unwrap_err();
        assert!(error.starts_with(says), "{flags:?}: {error}");
    }
    let error = fit(&[("x", "-")], &["NxT"], Rule::Refuse).unwrap_err();
    assert!(error.contains("an x may part two axes") && error.contains("write commas between the sizes"), "{error}");
    let unnamed = fit(&[("x", "?,3")], &["--K=3"], Rule::Refuse).unwrap_err();
    assert!(unnamed.contains("--input NAME=SHAPE gives the latter"), "{unnamed}");
}

#[test]
fn a_fixed_size_is_replaced_only_for_counting() {
    let inputs: Inputs<'_> = &[("x", "1,3,224,224")];
    assert_eq!(fit(inputs, &["1,3,512,512"], Rule::Replace), Ok("1 x 3 x 512 x 512".into()));
    assert_eq!(fit(inputs, &["N,3,224,224"], Rule::Replace), Ok("N x 3 x 224 x 224".into()));
    assert!(fit(inputs, &["1,3,512,512"], Rule::Refuse).is_err());
    assert_eq!(fit(inputs, &["N,3,224,224"], Rule::Refuse), Ok("1 x 3 x 224 x 224".into()), "N is 1 there");
}

fn fed(inputs: Inputs<'_>, flags: &[&str]) -> Result<Fed, String> {
    told(with(inputs, |inputs| sizes(flags).fed(inputs)))
}

#[test]
fn what_is_fed_has_one_open_axis() {
    let at = |inputs, flags: &[&str], batch| told(fed(inputs, flags)?.at(batch));
    assert_eq!(at(TOKENS, &["--T=3"], 2), Ok(vec![vec![2, 3], vec![2, 5], vec![3]]));
    assert_eq!(at(TOKENS, &["tokens=4,3"], 4), Ok(vec![vec![4, 3], vec![4, 5], vec![3]]));
    // Time first: whatever stays open in the first axis is the batch.
    assert_eq!(at(&[("x", "T,N,8")], &["--N=2"], 5), Ok(vec![vec![5, 2, 8]]));
    assert_eq!(at(&[("x", "?,3"), ("y", "B")], &[], 5), Ok(vec![vec![5, 3], vec![5]]));
    let square = fed(&[("x", "N,3"), ("pairs", "N,N"), ("wide", "2*N,1")], &[]).unwrap();
    assert_eq!(told(square.at(3)), Ok(vec![vec![3, 3], vec![3, 3], vec![6, 1]]));
    assert!(!square.has_plain_batch() && fed(TOKENS, &["--T=3"]).unwrap().has_plain_batch());
    for (inputs, flags, says) in [
        (
            TOKENS,
            &[][..],
            "input 'tokens': axis 1 is dynamic; only the first, the batch, may be; fix its size with --dim T",
        ),
        (
            &[("x", "N,?")],
            &[],
            "input 'x': axis 1 is dynamic; only the first, the batch, may be; it has no name to fix it",
        ),
        (&[("x", "N,?")], &[], "by; give its shape with --input x=Nx?, with a number for that axis"),
        (&[("x", "-")], &[], "input 'x': has no shape; say it with --input x=Nx3x224x224"),
        (&[("x", "N,0")], &[], "input 'x': axis 1 has no positive length; "),
        (&[("x", "2*N,1")], &[], "input 'x': axis 0 is dynamic"),
        (&[("x", "N*T,1")], &["--T=2"], "input 'x': axis 0 is dynamic"),
        (
            &[("x", "N*T,1")],
            &["--T=2"],
            "; fix every size that N*T is made of with --dim, or give its shape with --input",
        ),
    ] {
        let error = fed(inputs, flags).unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}

#[test]
fn a_batch_that_is_fixed_is_the_only_one() {
    let fixed = fed(&[("x", "2,3")], &[]).unwrap();
    assert_eq!(fixed.fixed_batch(), Some(2));
    assert_eq!(
        told(fixed.at(3)).unwrap_err(),
        "batch 3: the file's batch is fixed at 2; use batch 2, or export with a dynamic batch"
    );
    let given = fed(TOKENS, &["tokens=4,3"]).unwrap();
    assert_eq!(
        told(given.at(1)).unwrap_err(),
        "batch 1: the sizes given fix it at 4; use batch 4, or leave it open: --input x=N,3,224,224"
    );
    assert_eq!(fed(TOKENS, &["--T=3"]).unwrap().fixed_batch(), None);
    assert_eq!(
        told(fed(&[("x", "N,N-2")], &[]).unwrap().at(2)).unwrap_err(),
        "batch 2: the size N-2 of an input is none at it; "
    );
}

#[test]
fn values_of_a_file_have_sizes_too() {
    let fed = fed(TOKENS, &["--T=3"]).unwrap();
    let size = |text: &str| fed.size(&dims(text).unwrap()[0], 7);
    assert_eq!([size("2*T+1"), size("N"), size("5"), size("M"), size("N*T")], [Some(7), Some(7), Some(5), None, None]);
}

#[test]
fn one_of_two_files_may_have_fixed_what_the_other_leaves_open() {
    let graph = |inputs: Inputs<'_>| {
        let mut graph = Graph::new("g");
        graph.inputs = inputs.iter().map(|(name, shape)| graph.add_value(*name, None, dims(shape))).collect();
        graph
    };
    let (open, fixed) = (graph(&[("x", "N,T")]), graph(&[("input.1", "N,6")]));
    let ensure = |flags: &[&str]| told(sizes(flags).ensure_used(&[&fixed, &open]));
    assert_eq!(ensure(&["--T=6", "x=2,6", "input.1=2,6"]), Ok(()));
    assert_eq!(ensure(&["2,6"]), Ok(()));
    assert_eq!(sizes(&["--T=6", "x=2,6"]).fitting(&fixed.stated_inputs()), Sizes::none());
    assert_eq!(
        ensure(&["--K=6"]).unwrap_err(),
        "--dim K=6: no input's shape has this symbol; the inputs' symbols are N, T"
    );
    assert!(ensure(&["y=2,6"]).unwrap_err().contains("input y: the model has no input of this name"));
}

#[test]
fn sizes_survive_json_and_read_as_flags() {
    let sizes = sizes(&["a=b=Nx3", "--T=4"]);
    assert_eq!(sizes.to_string(), "--input a=b=Nx3 --dim T=4");
    assert_eq!(serde_json::from_str::<Sizes>(&serde_json::to_string(&sizes).unwrap()).unwrap(), sizes);
    assert_eq!(serde_json::from_str::<Sizes>("{}").unwrap(), Sizes::none());
}
