//! A checkpoint in Burn as a side: the forward that was trained, not a file made of it.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

use super::redraw::{Role, drawn};
use super::{Copies, Draw, FileSide, Port, Precision, Side, Signature};
use crate::graph::{Dim, Model};
use crate::nets::{GoogLeNet, Logits};
use crate::runtime::Array;
use crate::train::checkpoint::Checkpoint;
use crate::words::counted;
use crate::{Error, Result};

/// Makes the file that an export of the checkpoint would write; see [`BurnSide::with_export`].
type Export = Box<dyn Fn() -> Result<Model>>;

/// A network in Burn, in inference on the CPU.
pub struct BurnSide {
    label: String,
    model: GoogLeNet,
    signature: Signature,
    /// For each output its place among main, aux1 and aux2.
    heads: Vec<usize>,
    export: Option<Export>,
}

/// Burn's outputs by the names an export gives them.
const HEADS: [&str; 3] = ["logits", "aux1", "aux2"];

impl BurnSide {
    /// The network of a checkpoint, giving the outputs that a file has: by name, or the main logits for a file with one
    /// output of another name.
    ///
    /// # Errors
    /// An output that the network does not have ([`ErrorKind::Check`](crate::ErrorKind::Check)).
    pub fn new(checkpoint: &Checkpoint, outputs: &[String]) -> Result<Self> {
        let config = &checkpoint.config;
        let there = if config.aux_heads { 3 } else { 1 };
        let head = |name: &String| HEADS[..there].iter().position(|head| head == name);
        let heads = match outputs {
            [only] => vec![head(only).unwrap_or(0)],
            several => several
                .iter()
                .map(|name| {
                    let reason = format!("the checkpoint has {} and no '{name}'", HEADS[..there].join(", "));
                    head(name).ok_or_else(|| Error::check("outputs", reason))
                })
                .collect::<Result<_>>()?,
        };
        let side = Dim::Known(config.image_size);
        let shape = vec![Dim::symbol("N"), Dim::Known(config.channels), side.clone(), side];
        let inputs = vec![Port::new("images", shape)];
        Ok(Self {
            label: format!("{} in Burn", checkpoint.path.display()),
            model: checkpoint.model.valid(),
            signature: Signature { inputs, outputs: heads.iter().map(|head| HEADS[*head].to_owned()).collect() },
            heads,
            export: None,
        })
    }

    /// The same with a way to make the checkpoint's file: values in between can be read out of that and not of Burn.
    pub fn with_export(self, export: impl Fn() -> Result<Model> + 'static) -> Self {
        Self { export: Some(Box::new(export)), ..self }
    }
}

impl Side for BurnSide {
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
        let [input] = inputs else {
            return Err(Error::input(&self.label, format!("{} given for one input", counted(inputs.len(), "array"))));
        };
        let port = &self.signature.inputs[0];
        if input.shape != port.at(input.batch()) {
            return Err(Error::input(&self.label, format!("takes {port}, not {:?}", input.shape)));
        }
        let Logits { main, aux1, aux2 } = self.model.forward(to_burn(input));
        let answers = [Some(main), aux1, aux2];
        let answer = |head: &usize| {
            let tensor = answers[*head].as_ref();
            tensor.map(from_burn).ok_or_else(|| Error::check("outputs", format!("there is no {}", HEADS[*head])))?
        };
        self.heads.iter().map(answer).collect()
    }

    /// A fresh export of the checkpoint, in the other side's engine, so that nothing but the file differs.
    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>> {
        let Some(export) = &self.export else { return Ok(None) };
        let label = format!("a fresh export in {}", like.provider());
        like.beside(label, &export()?).map(Some)
    }

    /// Burn has one order to sum in.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>> {
        if draw == Draw::Reordered {
            return Ok(None);
        }
        let model = moved(&self.model, draw);
        let (label, signature, heads) = (self.label.clone(), self.signature.clone(), self.heads.clone());
        Ok(Some(Box::new(Self { label, model, signature, heads, export: None })))
    }

    /// What it computes with other weights would have to be exported anew.
    fn redrawn(&self, _: &FileSide) -> Result<Option<Copies<'_>>> {
        Ok(None)
    }

    fn unit(&self, _: usize) -> f64 {
        0.0
    }
}

/// A copy of a module with its parameters and statistics redrawn so that its outputs depend on its inputs; what is neither a
/// weight nor a bias nor of a normalisation stays.
pub(crate) fn redrawn<M: Module>(module: &M) -> M {
    module.clone().map(&mut Redrawer::default())
}

#[derive(Default)]
struct Redrawer {
    path: Vec<String>,
}

impl Redrawer {
    /// The role of a parameter by its name and rank, as Burn's layers have them.
    fn role(&self, rank: usize) -> Option<Role> {
        match (self.path.last().map(String::as_str), rank) {
            (_, 0) => None,
            (Some("gamma"), 1) => Some(Role::Scale),
            (Some("bias" | "beta"), 1) => Some(Role::Bias),
            (Some("running_mean"), 1) => Some(Role::Mean),
            (Some("running_var"), 1) => Some(Role::Variance),
            (_, 1) => None,
            // A linear layer's sums lie along its second axis, a convolution's along its first.
            (_, 2) => Some(Role::Weight(1)),
            _ => Some(Role::Weight(0)),
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
        let Some(role) = self.role(D) else { return param };
        let name = self.path.join(".");
        param.map(|tensor| {
            let shape = tensor.dims();
            Tensor::from_data(TensorData::new(drawn(&name, role, &shape), shape), &tensor.device())
        })
    }
}

/// A copy of a module with its parameters and statistics moved as a draw says.
pub(crate) fn moved<M: Module>(module: &M, draw: Draw) -> M {
    module.clone().map(&mut Mover { draw, count: 0 })
}

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

/// An array as a tensor on Burn's CPU backend.
fn to_burn(array: &Array) -> Tensor<4> {
    Tensor::from_data(TensorData::new(array.data.clone(), array.shape.clone()), &Device::flex())
}

/// What Burn answered.
fn from_burn(tensor: &Tensor<2>) -> Result<Array> {
    let data = tensor.to_data();
    let shape = data.shape().to_vec();
    let values = data.try_to_vec::<f32>().map_err(|e| Error::input("Burn's output", format!("{e:?}")))?;
    Array::new(shape, values)
}
