//! A Burn module as a side of a proof: the forward that was traced, not a file made of it.

use std::rc::Rc;

use burn::module::Module;
use burn::tensor::Device;

use super::{Exported, Options, export};
use crate::graph::Model;
use crate::runtime::Array;
use crate::trace::{Fed, Feed, Inputs, NamedOutputs, Output, named};
use crate::verify::{Copies, Draw, FileSide, Precision, Side, Signature, moved, redrawn, unit};
use crate::{Error, Result, onnx};

/// A Burn module in inference on the CPU.
pub(super) struct ModuleSide<'a, M> {
    module: M,
    options: &'a Options,
    /// What an export made of the module.
    model: &'a Model,
    signature: Signature,
    forward: Rc<dyn Fn(&M, &mut Feed) -> Result<Vec<Output>> + 'a>,
    export: Rc<dyn Fn(&M) -> Result<Exported> + 'a>,
}

impl<'a, M: Module> ModuleSide<'a, M> {
    /// The module that was exported with these options.
    pub(super) fn new<I: Inputs, O: NamedOutputs>(
        module: &M,
        options: &'a Options,
        exported: &'a Exported,
        forward: &'a impl Fn(&M, I) -> O,
    ) -> Result<Self> {
        Ok(Self {
            module: module.valid(),
            options,
            model: &exported.model,
            signature: Signature::open(&exported.model.graph)?,
            forward: Rc::new(move |module, feed| Ok(named(&forward(module, I::take(feed)?)))),
            export: Rc::new(move |module| export(module, options, forward)),
        })
    }

    fn with(&self, module: M) -> Self {
        let (signature, forward, export) = (self.signature.clone(), self.forward.clone(), self.export.clone());
        Self { module, options: self.options, model: self.model, signature, forward, export }
    }
}

impl<M: Module> Side for ModuleSide<'_, M> {
    fn label(&self) -> &str {
        "the module in Burn"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }

    fn run(&mut self, inputs: &[Array]) -> Result<Vec<Array>> {
        let fed = self.options.inputs.iter().zip(inputs).map(|(input, array)| Fed {
            name: input.name.clone(),
            shape: array.shape.clone(),
            values: Some(array.data.clone()),
        });
        let device = Device::flex();
        let answers = (self.forward)(&self.module, &mut Feed::new(&device, fed.collect()))?;
        let wanted = self.options.keep.as_ref().map_or(answers.len(), Vec::len);
        if wanted != self.signature.outputs.len() {
            return Err(Error::check("verification", "the file has another number of outputs than the module"));
        }
        let of = |name: &String| {
            let missing = || format!("the module has no output '{name}', which the file has");
            let answer = answers.iter().find(|answer| answer.name == *name);
            answer.ok_or_else(|| Error::check("verification", missing()))?.values()
        };
        self.signature.outputs.iter().map(of).collect()
    }

    fn as_file(&self, like: &FileSide) -> Result<Option<FileSide>> {
        like.beside(format!("a fresh export in {}", like.provider()), self.model).map(Some)
    }

    /// Burn has one order to sum in.
    fn moved(&self, draw: Draw) -> Result<Option<Box<dyn Side + '_>>> {
        Ok((draw != Draw::Reordered).then(|| Box::new(self.with(moved(&self.module, draw))) as Box<dyn Side>))
    }

    /// A copy of the module, and its export, which must come to the same nodes; of a file that is that of the module.
    fn redrawn(&self, other: &FileSide) -> Result<Option<Copies<'_>>> {
        if *other.model() != onnx::read(onnx::write(self.model)?.into())? {
            return Ok(None);
        }
        let copy = redrawn(&self.module);
        let exported = (self.export)(&copy)?;
        if !same_structure(self.model, &exported.model) {
            return Ok(None);
        }
        let tensors = self.model.graph.initializers().zip(exported.model.graph.initializers());
        let weights = tensors.filter(|((_, a), (_, b))| a != b).count();
        let file = other.beside(other.label(), &exported.model)?;
        Ok(Some(Copies { side: Box::new(self.with(copy)), file, weights }))
    }

    fn unit(&self, output: usize) -> f64 {
        self.model.graph.outputs.get(output).map_or(0.0, |id| unit(&self.model.graph, *id))
    }

    fn counts(&self, output: usize) -> bool {
        let output = self.model.graph.outputs.get(output).map(|id| self.model.graph.value(*id));
        output.and_then(|value| value.dtype).is_some_and(|dtype| !dtype.is_float())
    }
}

/// Whether two models are the same but for the numbers in their constants.
fn same_structure(a: &Model, b: &Model) -> bool {
    let constants = |model: &Model| {
        let all = model.graph.initializers();
        all.map(|(id, tensor)| (id, tensor.dtype(), tensor.shape().to_vec())).collect::<Vec<_>>()
    };
    a.graph.nodes == b.graph.nodes && constants(a) == constants(b)
}
