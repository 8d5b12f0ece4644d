//! Sizes that depend on the symbols, computed in the graph from the shapes of its inputs.

use burn::backend::ir::TensorIr;

use super::{Int, Ints, Lower, axis, operands};
use crate::trace::inputs::Axis;
use crate::trace::size::Size;
use gnet_core::graph::{DType, Tensor, ValueId};
use gnet_core::{Error, Result};

impl Lower<'_> {
    /// Returns the size of an axis, for an operation whose ONNX form is written for one size.
    ///
    /// # Errors
    /// Fails if it depends on a symbol.
    pub(super) fn fixed(&self, tensor: &TensorIr, axis: usize) -> Result<usize> {
        self.trace.sizes[&tensor.id][axis].known().ok_or_else(|| {
            self.refusal(&format!("is written for one length of axis {axis}, which depends on a symbol"))
                .remedy("export with a fixed size in its place")
        })
    }

    /// Returns sizes as a vector of integers: a constant, or computed if one depends on a symbol.
    pub(super) fn sizes_of(&mut self, sizes: &[Size]) -> Result<ValueId> {
        let known = sizes.iter().map(|size| size.known().map(|size| size as i64));
        if let Some(sizes) = known.collect::<Option<Vec<_>>>() {
            return Ok(self.constant("shape", Tensor::from_i64(&sizes)));
        }
        if self.around.is_some() {
            return self.outside(|outside| outside.sizes_of(sizes));
        }
        let parts = sizes.iter().map(|size| self.size(size)).collect::<Result<Vec<_>>>()?;
        self.step("Concat", &operands(&parts), &[axis(0)])
    }

    /// Returns one size as a vector of length 1.
    pub(super) fn size(&mut self, size: &Size) -> Result<ValueId> {
        if let Some(id) = self.asked.get(size) {
            return Ok(*id);
        }
        if self.around.is_some() {
            return self.outside(|outside| outside.size(size));
        }
        let formula = match size {
            Size::Formula(formula) => formula.clone(),
            Size::Unfit(values) => return Err(self.trace.grid.unfit(format!("a size in {}", self.place()), values)),
        };
        // A size requested here may be requested anywhere: it belongs to no module.
        let scope = std::mem::take(&mut self.scope);
        let mut sum = None;
        for (term, coefficient) in formula.terms() {
            let product = self.product(term, coefficient)?;
            sum = Some(sum.map_or(Ok(product), |sum| self.step("Add", &[&sum, &product], &[]))?);
        }
        let sum = sum.unwrap_or_else(|| self.constant("size", Tensor::from_i64(&[0])));
        self.scope = scope;
        self.asked.insert(size.clone(), sum);
        Ok(sum)
    }

    /// Computes a coefficient times the symbols of a term, each in units of its multiple.
    fn product(&mut self, term: usize, coefficient: i64) -> Result<ValueId> {
        let mut factors: Vec<ValueId> = Vec::new();
        for symbol in (0..self.trace.grid.symbols.len()).filter(|symbol| term >> symbol & 1 == 1) {
            factors.push(self.unit(symbol)?);
        }
        if coefficient != 1 || factors.is_empty() {
            factors.push(self.constant("size", Tensor::from_i64(&[coefficient])));
        }
        let mut factors = factors.into_iter();
        let first = factors.next().ok_or_else(|| Error::input("a size", "has a term without factors"))?;
        factors.try_fold(first, |product, factor| self.step("Mul", &[&product, &factor], &[]))
    }

    /// Computes a symbol in units of its multiple, from the first input axis that it names.
    fn unit(&mut self, symbol: usize) -> Result<ValueId> {
        let trace = self.trace;
        let (name, multiple) = (&trace.grid.symbols[symbol].name, trace.grid.symbols[symbol].multiple_of);
        let key = trace.grid.unit(symbol);
        if let Some(id) = self.asked.get(&key) {
            return Ok(*id);
        }
        let named = |axis: &Axis| matches!(axis, Axis::Symbol(symbol) if symbol.name == *name);
        let place = |input: usize| trace.inputs[input].input.axes.iter().position(named).map(|axis| (input, axis));
        let (input, axis) = (0..trace.inputs.len())
            .find_map(place)
            .ok_or_else(|| Error::input(format!("symbol {name}"), "is of no input"))?;
        let part = [("start", (axis as i64).into()), ("end", (axis as i64 + 1).into())];
        let input = self.graph.inputs[input];
        let mut size = self.step("Shape", &[&input], &part)?;
        if multiple != 1 {
            size = self.step("Div", &[&size, &Ints("size", &[multiple as i64])], &[])?;
        }
        self.asked.insert(key, size);
        Ok(size)
    }

    /// Creates whole numbers from `start` in steps, as many as `sizes` of one axis says.
    pub(super) fn count(&mut self, sizes: &[Size], start: i64, step: i64, dtype: DType) -> Result<ValueId> {
        let [len] = sizes else { return Err(Error::input("a constant that counts", "has more than one axis")) };
        let len = self.size(len)?;
        let mut limit = self.step("Squeeze", &[&len], &[])?;
        for (op_type, number, neutral) in [("Mul", step, 1), ("Add", start, 0)] {
            if number != neutral {
                limit = self.step(op_type, &[&limit, &Int("size", number)], &[])?;
            }
        }
        let range = self.step("Range", &[&Int("start", start), &limit, &Int("step", step)], &[])?;
        match dtype {
            DType::I64 => Ok(range),
            other => self.step("Cast", &[&range], &[("to", other.into())]),
        }
    }
}
