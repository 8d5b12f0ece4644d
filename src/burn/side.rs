//! A checkpoint in Burn as a side: the trained forward itself, rather than a file made from it.

use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::{Device, Tensor, TensorData};

use crate::nets::{GoogLeNet, Logits};
use crate::train::checkpoint::Checkpoint;
use gnet_core::graph::{Dim, Model};
use gnet_core::words::counted;
use gnet_core::{Error, Result};
use gnet_engine::runtime::Array;
use gnet_engine::verify::{Draw, FileSide, Originals, Port, Precision, Role, Side, Signature, drawn};

/// Creates the file that an export of the checkpoint would write; see [`BurnSide::with_export`].
type Export = Box<dyn Fn() -> Result<Model>>;

/// A network in Burn, in inference mode on the CPU.
pub struct BurnSide {
    label: String,
    model: GoogLeNet,
    signature: Signature,
    /// For each output its index among main, aux1 and aux2.
    heads: Vec<usize>,
    export: Option<Export>,
}

/// Burn's outputs by the names that an export gives them.
const HEADS: [&str; 3] = ["logits", "aux1", "aux2"];

impl BurnSide {
    /// Creates the network of a checkpoint with the outputs that a file has: by name, or the main logits for a file
    /// with one output of another name.
    ///
    /// # Errors
    /// Fails on an output that the network does not have ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)).
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

    /// Adds a way to create the checkpoint's file: intermediate values can be read out of that but not of Burn.
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

    /// Returns a fresh export of the checkpoint in the other side's engine, so that only the file differs.
    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>> {
        let Some(export) = &self.export else { return Ok(None) };
        let label = format!("a fresh export in {}", like.provider());
        like.beside(label, &export()?).map(Some)
    }

    /// Returns `None` for [`Draw::Reordered`]: Burn has one order of summation.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side>>> {
        if draw == Draw::Reordered {
            return Ok(None);
        }
        let model = moved(&self.model, draw);
        let (label, signature, heads) = (self.label.clone(), self.signature.clone(), self.heads.clone());
        Ok(Some(Box::new(Self { label, model, signature, heads, export: None })))
    }

    /// Returns `None`: a copy with other weights would have to be exported again.
    fn redrawn(&self) -> Result<Option<(Box<dyn Side>, Originals)>> {
        Ok(None)
    }

    fn unit(&self, _: usize) -> f64 {
        0.0
    }
}

/// Copies a module with its parameters and statistics redrawn so that its outputs depend on its inputs; tensors that
/// are neither weights nor biases nor part of a normalisation stay.
pub(crate) fn redrawn<M: Module>(module: &M) -> M {
    module.clone().map(&mut Redrawer::default())
}

#[derive(Default)]
struct Redrawer {
    path: Vec<String>,
}

impl Redrawer {
    /// Returns the role of a parameter by its name and rank, as in Burn's layers.
    fn role(&self, rank: usize) -> Option<Role> {
        match (self.path.last().map(String::as_str), rank) {
            (_, 0) => None,
            (Some("gamma"), 1) => Some(Role::Scale),
            (Some("bias" | "beta"), 1) => Some(Role::Bias),
            (Some("running_mean"), 1) => Some(Role::Mean),
            (Some("running_var"), 1) => Some(Role::Variance),
            (_, 1) => None,
            // A linear layer sums along its second axis, a convolution along its first.
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

/// Copies a module with its parameters and statistics moved according to a draw.
pub(crate) fn moved<M: Module>(module: &M, draw: Draw) -> M {
    module.clone().map(&mut Mover { draw, count: 0 })
}

struct Mover {
    draw: Draw,
    /// Number of parameters so far, which identifies each of them.
    count: u64,
}

impl ModuleMapper for Mover {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        self.count += 1;
        let (draw, key) = (self.draw, (1 << 40) + self.count);
        param.map(|tensor| {
            let data = tensor.to_data();
            let shape = data.shape().to_vec();
            // Values that are not stored as f32 stay unchanged.
            let Ok(values) = data.try_to_vec::<f32>() else { return tensor };
            let Array { shape, data } = draw.values(&Array { shape, data: values }, key);
            Tensor::from_data(TensorData::new(data, shape), &tensor.device())
        })
    }
}

/// Converts an array to a tensor on Burn's CPU backend.
fn to_burn(array: &Array) -> Tensor<4> {
    Tensor::from_data(TensorData::new(array.data.clone(), array.shape.clone()), &Device::flex())
}

/// Converts Burn's output.
fn from_burn(tensor: &Tensor<2>) -> Result<Array> {
    let data = tensor.to_data();
    let shape = data.shape().to_vec();
    let values = data.try_to_vec::<f32>().map_err(|e| Error::input("Burn's output", format!("{e:?}")))?;
    Array::new(shape, values)
}
