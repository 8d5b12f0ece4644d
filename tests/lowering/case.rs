//! One case: a forward, the shapes it takes, and who is asked whether its export is right.

use burn::module::Module;
use burn::nn::activation::Relu;
use burn::tensor::{Device, Tensor, TensorData};
use gnet::export::{DEFAULT_OPSET, ExportOptions, Exported, export};
use gnet::runtime::Array;
use gnet::trace::{self, Axis, Input, Symbol};

use crate::common::{self, stirred};

/// Largest accepted difference, as a share of the largest value of the result. Runtimes sum in other orders; what is computed
/// wrongly is off by far more.
pub const TOLERANCE: f64 = 1e-5;

/// A runtime that a case is run in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    Tract,
    OnnxRuntime,
}

/// The numbers of an input, by its shape and a seed.
pub type Numbers = fn(Vec<usize>, u64) -> Array;

/// Runs a case's trace itself and compares it with Burn, bit for bit.
pub type Replay = Box<dyn Fn(&Array) -> gnet::Result<()> + Send + Sync>;

/// A forward that is exported, run and compared with what Burn computes.
pub struct Case {
    pub name: String,
    /// Shape of one item, without the batch.
    pub item: Vec<usize>,
    /// Axes of the item that may be longer than `item` says.
    pub open: Vec<usize>,
    /// Axes of the item that are symbols in the file, and what their lengths are multiples of.
    pub symbols: Vec<(usize, usize)>,
    pub numbers: Numbers,
    /// Engines that cannot run it, with the reason. They must fail, or this is a lie.
    pub not_in: Vec<(Engine, &'static str)>,
    /// Exports it for an input and an opset.
    export: Box<dyn Fn(Input, i64) -> gnet::Result<Exported> + Send + Sync>,
    /// Computes the operation in Burn.
    pub burn: Box<dyn Fn(&Array) -> Array + Send + Sync>,
    /// Runs the trace itself, and says where it is not what Burn computes, bit for bit.
    pub replay: Replay,
}

/// A module without parameters, for operations that need none.
#[derive(Module, Debug)]
struct Nothing {
    relu: Relu,
}

/// An operation on a tensor of rank `D`: the item has one axis less, and each may be longer.
pub fn on<const D: usize, const E: usize>(
    name: &str,
    item: impl Into<Vec<usize>>,
    forward: impl Fn(Tensor<D>) -> Tensor<E> + Clone + Send + Sync + 'static,
) -> Case {
    let case = layer(name, Nothing { relu: Relu::new() }, item, move |_, x| forward(x));
    let open = (0..case.item.len()).collect();
    Case { open, ..case }
}

/// An operation on a tensor of rank 3, with items of at least 4 x 5.
pub fn function<const E: usize>(
    name: &str,
    forward: impl Fn(Tensor<3>) -> Tensor<E> + Clone + Send + Sync + 'static,
) -> Case {
    on(name, [4, 5], forward)
}

/// A layer, every parameter of which matters. No axis may be longer until the case says so.
pub fn layer<M: Module + Send + Sync + 'static, const D: usize, const E: usize>(
    name: &str,
    module: M,
    item: impl Into<Vec<usize>>,
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E> + Clone + Send + Sync + 'static,
) -> Case {
    let (module, in_burn, in_trace) = (stirred(module.clone()), stirred(module.clone()), stirred(module));
    let (run, again) = (forward.clone(), forward.clone());
    Case {
        name: name.to_owned(),
        item: item.into(),
        open: Vec::new(),
        symbols: Vec::new(),
        numbers: any,
        not_in: Vec::new(),
        export: Box::new(move |input, opset| {
            export(&module, &ExportOptions { opset, ..ExportOptions::for_inputs([input]) }, &forward)
        }),
        burn: Box::new(move |x| {
            let data = TensorData::new(x.data.clone(), x.shape.clone());
            common::array(&run(&in_burn, Tensor::from_data(data, &Device::flex())))
        }),
        replay: Box::new(move |x| {
            let inputs = ExportOptions::new(&x.shape[1..]).inputs;
            let options = trace::TraceOptions { inputs, keep: None, opset: DEFAULT_OPSET };
            trace::replay(&in_trace, &options, std::slice::from_ref(x), &again).map(drop)
        }),
    }
}

impl Case {
    /// Other numbers than [`any`].
    pub fn of(self, numbers: Numbers) -> Self {
        Self { numbers, ..self }
    }

    /// Only these axes of the item may be longer.
    pub fn open(self, axes: &[usize]) -> Self {
        Self { open: axes.to_vec(), ..self }
    }

    /// An engine that cannot run it, and why.
    pub fn not_in(mut self, engine: Engine, reason: &'static str) -> Self {
        self.not_in.push((engine, reason));
        self
    }

    /// Why an engine cannot run it.
    pub fn excuse(&self, engine: Engine) -> Option<&'static str> {
        self.not_in.iter().find(|(e, _)| *e == engine).map(|(_, reason)| *reason)
    }

    /// These axes of the item are symbols, of any length from the item's on.
    pub fn long(self, axes: &[usize]) -> Self {
        Self { symbols: axes.iter().map(|axis| (*axis, 1)).collect(), open: Vec::new(), ..self }
    }

    /// The symbols' lengths are multiples of this.
    pub fn in_steps_of(mut self, count: usize) -> Self {
        self.symbols.iter_mut().for_each(|(_, multiple)| *multiple = count);
        self
    }

    /// Exports it for items of a shape, with any batch.
    pub fn export(&self, item: &[usize], opset: i64) -> gnet::Result<Exported> {
        let symbol = |axis: usize| self.symbols.iter().find(|(symbol, _)| *symbol == axis);
        let axis = |(axis, len): (usize, &usize)| match symbol(axis) {
            Some((_, multiple)) => Symbol::new(format!("L{axis}")).multiple_of(*multiple).at_least(*len).into(),
            None => Axis::from(*len),
        };
        let axes: Vec<Axis> = std::iter::once(Axis::from("N")).chain(item.iter().enumerate().map(axis)).collect();
        (self.export)(Input::new("input", axes), opset)
    }

    /// The shape of an item whose symbols are longer by so many steps.
    pub fn longer(&self, item: &[usize], steps: usize) -> Vec<usize> {
        let mut item = item.to_vec();
        self.symbols.iter().for_each(|(axis, multiple)| item[*axis] += steps * multiple);
        item
    }

    /// An input of a batch of items.
    pub fn input(&self, batch: usize, item: &[usize], seed: u64) -> Array {
        (self.numbers)(std::iter::once(batch).chain(item.iter().copied()).collect(), seed)
    }
}

/// Numbers from about -3 to 3, hardly two of them equal and none whole.
pub fn any(shape: Vec<usize>, seed: u64) -> Array {
    Array::noise(shape, seed)
}

/// Numbers from 0.05 to 0.95.
pub fn small(shape: Vec<usize>, seed: u64) -> Array {
    mapped(Array::uniform(shape, seed), |v| 0.05 + 0.9 * v)
}

/// Numbers above 1.
pub fn above_one(shape: Vec<usize>, seed: u64) -> Array {
    mapped(Array::uniform(shape, seed), |v| 1.05 + 2.0 * v)
}

/// Halves from -6 to 6, so that numbers are equal, whole, zero and just between two whole ones.
pub fn halves(shape: Vec<usize>, seed: u64) -> Array {
    // The sum makes a negative zero a positive one.
    mapped(Array::uniform(shape, seed), |v| (24.0 * v - 12.0).round() / 2.0 + 0.0)
}

/// As [`any`], with infinities of both signs and numbers that are none.
pub fn unusual(shape: Vec<usize>, seed: u64) -> Array {
    let odd = [f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
    let mut array = Array::noise(shape, seed);
    array.data.iter_mut().step_by(2).zip(odd.into_iter().cycle()).for_each(|(v, odd)| *v = odd);
    array
}

fn mapped(mut array: Array, f: impl Fn(f32) -> f32) -> Array {
    array.data.iter_mut().for_each(|v| *v = f(*v));
    array
}
