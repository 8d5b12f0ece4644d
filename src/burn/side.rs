//! A Burn module as a side: the trained forward itself, rather than a file made from it.

use std::rc::Rc;

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::trace::{Fed, Feed, Inputs, NamedOutputs, Output, named};
use gnet_core::graph::{Dim, Graph, Model};
use gnet_core::operators::Part;
use gnet_core::{Error, Result, onnx};
use gnet_engine::runtime::Array;
use gnet_engine::verify::{Copies, Draw, FileSide, Precision, Side, Signature, drawn, unit};

/// Runs a module's forward on what it is fed.
type Forward<'a, M> = dyn Fn(&M, &mut Feed) -> Result<Vec<Output>> + 'a;

/// Makes the model of a module whose intermediate values can be read out.
type Export<'a, M> = dyn Fn(&M) -> Result<Model> + 'a;

/// A module in Burn, in inference mode on the CPU.
pub struct BurnSide<'a, M> {
    label: String,
    module: M,
    signature: Signature,
    forward: Rc<Forward<'a, M>>,
    export: Rc<Export<'a, M>>,
    /// Model that an export made of the module, if it is at hand.
    exported: Option<Rc<Model>>,
}

impl<'a, M: Module> BurnSide<'a, M> {
    /// Creates a side from `forward` of a module. The signature's inputs are in the order in which the forward takes
    /// them; its outputs are found by name. `export` makes the model of such a module whose intermediate values can be
    /// read out.
    pub fn new<I: Inputs, O: NamedOutputs>(
        label: impl Into<String>,
        module: &M,
        signature: Signature,
        forward: impl Fn(&M, I) -> O + 'a,
        export: impl Fn(&M) -> Result<Model> + 'a,
    ) -> Self {
        Self {
            label: label.into(),
            module: module.valid(),
            signature,
            forward: Rc::new(move |module, feed| Ok(named(&forward(module, I::take(feed)?)))),
            export: Rc::new(export),
            exported: None,
        }
    }

    /// Adds the model that the export made of the module, with the signature's outputs in the same order: it tells how
    /// an output is computed, and allows copies with redrawn weights.
    pub fn exported_as(self, model: &Model) -> Self {
        Self { exported: Some(Rc::new(model.clone())), ..self }
    }

    fn with(&self, module: M) -> Self {
        let Self { label, signature, forward, export, exported, .. } = self;
        let (label, signature, exported) = (label.clone(), signature.clone(), exported.clone());
        Self { label, module, signature, forward: forward.clone(), export: export.clone(), exported }
    }

    fn graph(&self) -> Option<&Graph> {
        self.exported.as_ref().map(|model| &model.graph)
    }
}

impl<M: Module> Side for BurnSide<'_, M> {
    fn label(&self) -> &str {
        &self.label
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn run(&mut self, inputs: &[Array]) -> Result<Vec<Array>> {
        let fed = self.signature.inputs.iter().zip(inputs).map(|(port, array)| {
            let fits = |(dim, size): (&Dim, &usize)| dim.known().is_none_or(|known| known == *size);
            if port.shape.len() != array.shape.len() || !port.shape.iter().zip(&array.shape).all(fits) {
                return Err(Error::input(&self.label, format!("takes {port}, not {:?}", array.shape)));
            }
            Ok(Fed { name: port.name.clone(), shape: array.shape.clone(), values: Some(array.data.clone()) })
        });
        let device = Device::flex();
        let answers = (self.forward)(&self.module, &mut Feed::new(&device, fed.collect::<Result<_>>()?))?;
        let answer = |name: &String| {
            let missing =
                || Error::check(&self.label, format!("the module has no output '{name}', which the file has"));
            answers.iter().find(|answer| answer.name == *name).ok_or_else(missing)?.values()
        };
        self.signature.outputs.iter().map(answer).collect()
    }

    /// Returns a fresh export of the module in the other side's engine, so that only the file differs.
    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>> {
        like.beside(format!("a fresh export in {}", like.provider()), &(self.export)(&self.module)?).map(Some)
    }

    /// Returns `None` for [`Draw::Reordered`]: Burn has one order of summation.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>> {
        let moved = || self.with(self.module.clone().map(&mut Mover { draw, count: 0 }));
        Ok((draw != Draw::Reordered).then(|| Box::new(moved()) as Box<dyn Side>))
    }

    /// Returns a copy of the module and its export, which must have the same nodes; `None` unless the other side is the
    /// file that the module was exported to.
    fn redrawn(&self, other: &FileSide) -> Result<Option<Copies<'_>>> {
        let Some(model) = &self.exported else { return Ok(None) };
        if *other.model() != onnx::read(onnx::write(model)?.into())? {
            return Ok(None);
        }
        let copy = self.with(self.module.clone().map(&mut Redrawer::default()));
        let exported = (self.export)(&copy.module)?;
        if !same_structure(model, &exported) {
            return Ok(None);
        }
        let tensors = model.graph.initializers().zip(exported.graph.initializers());
        let weights = tensors.filter(|((_, a), (_, b))| a != b).count();
        let file = other.beside(other.label(), &exported)?;
        Ok(Some(Copies { side: Box::new(copy), file, weights }))
    }

    fn unit(&self, output: usize) -> f64 {
        let unit = |graph: &Graph| Some(unit(graph, *graph.outputs.get(output)?));
        self.graph().and_then(unit).unwrap_or_default()
    }

    fn counts(&self, output: usize) -> bool {
        let dtype = |graph: &Graph| graph.value(*graph.outputs.get(output)?).dtype;
        self.graph().and_then(dtype).is_some_and(|dtype| !dtype.is_float())
    }
}

/// Returns `true` if two models are the same except for the numbers in their constants.
fn same_structure(a: &Model, b: &Model) -> bool {
    let constants = |model: &Model| {
        let all = model.graph.initializers();
        all.map(|(id, tensor)| (id, tensor.dtype(), tensor.shape().to_vec())).collect::<Vec<_>>()
    };
    a.graph.nodes == b.graph.nodes && constants(a) == constants(b)
}

/// A copy of a module with its parameters and statistics redrawn so that its outputs depend on its inputs; what is neither a
/// weight nor a bias nor of a normalisation stays.
#[derive(Default)]
struct Redrawer {
    path: Vec<String>,
}

impl Redrawer {
    /// The part of a parameter by its name and rank, as Burn's layers have them.
    fn part(&self, rank: usize) -> Option<Part> {
        match (self.path.last().map(String::as_str), rank) {
            (_, 0) => None,
            (Some("gamma"), 1) => Some(Part::Scale),
            (Some("bias" | "beta"), 1) => Some(Part::Bias),
            (Some("running_mean"), 1) => Some(Part::Mean),
            (Some("running_var"), 1) => Some(Part::Variance),
            (_, 1) => None,
            // A linear layer's sums lie along its second axis, a convolution's along its first.
            (_, 2) => Some(Part::Weight(1)),
            _ => Some(Part::Weight(0)),
        }
    }
}

impl ModuleMapper for Redrawer {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let Some(part) = self.part(D) else { return param };
        let name = self.path.join(".");
        param.map(|tensor| {
            let shape = tensor.dims();
            Tensor::from_data(TensorData::new(drawn(&name, part, &shape), shape), &tensor.device())
        })
    }
}

/// A copy of a module with its parameters and statistics moved as a draw says.
struct Mover {
    draw: Draw,
    /// Parameters so far: what tells one from another.
    count: u64,
}

impl ModuleMapper for Mover {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.count += 1;
        let (draw, key) = (self.draw, (1 << 40) + self.count);
        param.map(|tensor| {
            let data = tensor.to_data();
            let shape = data.shape().to_vec();
            // What is not held as f32 stays as it is.
            let Ok(values) = data.try_to_vec::<f32>() else { return tensor };
            let Array { shape, data } = draw.values(&Array { shape, data: values }, key);
            Tensor::from_data(TensorData::new(data, shape), &tensor.device())
        })
    }
}
