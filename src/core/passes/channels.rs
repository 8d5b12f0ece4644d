//! Assignment of weight elements to output channels, and scaling of weights by channel.

use crate::graph::{DType, Node, Tensor};

/// Layout of the output channels of a linear operation in its weight.
pub(super) struct Channels {
    count: usize,
    /// Number of contiguous elements of one channel.
    run: usize,
    /// Number of channels before the sequence repeats.
    cycle: usize,
    /// Number of elements of a group of a ConvTranspose; of the whole weight otherwise.
    group: usize,
}

impl Channels {
    /// Returns the layout for a `Conv`, `ConvTranspose` or `Gemm` with a weight of `shape`; `None` if there is none.
    pub fn of(linear: &Node, shape: &[usize]) -> Option<Self> {
        let total: usize = shape.iter().product();
        if total == 0 {
            return None;
        }
        let group = usize::try_from(linear.int("group").unwrap_or(1)).ok().filter(|group| *group > 0)?;
        match (linear.op_type.as_str(), shape) {
            ("Conv", [m, ..]) => Some(Self { count: *m, run: total / m, cycle: *m, group: total }),
            ("ConvTranspose", [c, m, kernel @ ..]) if c.is_multiple_of(group) => {
                Some(Self { count: m * group, run: kernel.iter().product(), cycle: *m, group: total / group })
            }
            ("Gemm", [n, k]) if linear.int("transB").unwrap_or(0) != 0 => {
                Some(Self { count: *n, run: *k, cycle: *n, group: total })
            }
            ("Gemm", [_, n]) => Some(Self { count: *n, run: 1, cycle: *n, group: total }),
            _ => None,
        }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    fn owner(&self, element: usize) -> usize {
        element / self.group * self.cycle + element / self.run % self.cycle
    }

    /// Multiplies the elements of a weight of 32- or 64-bit floats by the scale of their channel, in 64 bits and
    /// rounded once; `None` for other element types, and if a product is not finite.
    pub fn scaled(&self, weight: &Tensor, scale: &[f64]) -> Option<Tensor> {
        let mut bytes = weight.bytes().to_vec();
        let finite = match weight.dtype() {
            DType::F32 => self.each(&mut bytes, scale, |element: &mut [u8; 4], scale| {
                let value = (f64::from(f32::from_le_bytes(*element)) * scale) as f32;
                *element = value.to_le_bytes();
                value.is_finite()
            }),
            DType::F64 => self.each(&mut bytes, scale, |element: &mut [u8; 8], scale| {
                let value = f64::from_le_bytes(*element) * scale;
                *element = value.to_le_bytes();
                value.is_finite()
            }),
            _ => false,
        };
        finite.then(|| Tensor::new(weight.dtype(), weight.shape().to_vec(), bytes).ok()).flatten()
    }

    /// Multiplies all elements of `SIZE` bytes, one contiguous run of a channel at a time; returns `true` if all
    /// products are finite. There is no branch inside a run, so that it can be vectorised.
    fn each<const SIZE: usize>(
        &self,
        bytes: &mut [u8],
        scale: &[f64],
        multiply: impl Fn(&mut [u8; SIZE], f64) -> bool,
    ) -> bool {
        let elements = bytes.as_chunks_mut::<SIZE>().0;
        let runs = elements.chunks_mut(self.run).enumerate();
        runs.fold(true, |finite, (index, run)| {
            let scale = scale[self.owner(index * self.run)];
            run.iter_mut().fold(finite, |finite, element| finite & multiply(element, scale))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Attribute;

    /// Scales channel `c` by `c + 1`, which shows the channel of each element of a weight of ones.
    fn owners(op: &str, shape: &[usize], attributes: &[(&str, i64)]) -> Vec<f32> {
        let mut node = Node::new("l", op, vec![], vec![]);
        attributes
            .iter()
            .for_each(|(name, value)| drop(node.attributes.insert((*name).into(), Attribute::Int(*value))));
        let channels = Channels::of(&node, shape).unwrap();
        let scale: Vec<f64> = (0..channels.count()).map(|c| c as f64 + 1.0).collect();
        let ones = Tensor::from_f32(shape.to_vec(), &vec![1.0; shape.iter().product()]).unwrap();
        channels.scaled(&ones, &scale).unwrap().to_f32().unwrap()
    }

    #[test]
    fn each_element_takes_the_scale_of_its_channel() {
        assert_eq!(owners("Conv", &[2, 1, 1, 3], &[]), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        assert_eq!(owners("Gemm", &[2, 3], &[]), [1.0, 2.0, 3.0, 1.0, 2.0, 3.0]);
        assert_eq!(owners("Gemm", &[2, 3], &[("transB", 1)]), [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]);
        // [C, M / group, ..]: the second half of the input channels contributes to the second half of the output
        // channels.
        let grouped = owners("ConvTranspose", &[2, 2, 1, 2], &[("group", 2)]);
        assert_eq!(grouped, [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]);
    }

    #[test]
    fn products_are_rounded_once_from_64_bits_and_must_be_finite() {
        let channels = Channels::of(&Node::new("l", "Conv", vec![], vec![]), &[1, 3]).unwrap();
        let values = [0.1_f32, -1.0e38, 1.0e-45];
        let weight = Tensor::from_f32(vec![1, 3], &values).unwrap();
        let scale = 1.0 / 3.0;
        let exact = values.map(|value| (f64::from(value) * scale) as f32);
        assert_eq!(channels.scaled(&weight, &[scale]).unwrap().to_f32().unwrap(), exact);
        for scale in [4.0, f64::NAN, f64::INFINITY] {
            assert!(channels.scaled(&weight, &[scale]).is_none(), "{scale}");
        }
        let wide = Tensor::new(DType::F64, vec![1, 3], [1.0, 2.0, -3.0].map(f64::to_le_bytes).concat()).unwrap();
        let expected = Tensor::new(DType::F64, vec![1, 3], [0.5, 1.0, -1.5].map(f64::to_le_bytes).concat()).unwrap();
        assert_eq!(channels.scaled(&wide, &[0.5]), Some(expected));
        assert!(channels.scaled(&Tensor::from_i64(&[1, 2, 3]), &[1.0]).is_none());
    }
}
