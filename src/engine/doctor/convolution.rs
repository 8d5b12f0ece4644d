//! A model of one convolution, its input, and the output known in advance.

use crate::runtime::Array;
use crate::runtime::agreement::Agreement;
use gnet_core::graph::{DType, Dim, Graph, Model, Node, Tensor};
use gnet_core::words::counted;
use gnet_core::{Error, Result, onnx};

/// Shape of the input: one image of two channels, 4x4.
const INPUT: [usize; 4] = [1, 2, 4, 4];
/// Shape of the weights: three kernels of two channels, 3x3.
const KERNELS: [usize; 4] = [3, 2, 3, 3];
/// Shape of the output: the feature maps of the three kernels, with a padding of 1.
const OUTPUT: [usize; 4] = [1, 3, 4, 4];
const BIAS: [f32; 3] = [1.0, -2.0, 3.0];

/// Expected output. Input and weights are small whole numbers without symmetry, so that the output consists of whole
/// numbers below 128: every precision, down to bf16, represents each of them and each partial sum exactly, and a wrong
/// axis or stride shows. Computed from the definition of the convolution in another language, and checked against the
/// definition in the tests.
#[rustfmt::skip]
const ANSWER: [f32; 48] = [
    -8.0, 33.0, 29.0, -19.0, -31.0, -8.0, 89.0, -10.0, -33.0, -34.0, 36.0, 27.0, -16.0, -33.0, 9.0, 39.0,
    -22.0, 6.0, 57.0, -7.0, -30.0, -32.0, 37.0, 8.0, -21.0, -44.0, -2.0, 58.0, 14.0, -29.0, -18.0, 11.0,
    -14.0, -13.0, 16.0, 20.0, -7.0, -41.0, -14.0, 69.0, 13.0, -32.0, -32.0, 13.0, 45.0, -3.0, -23.0, -2.0,
];

/// Tolerance: any wrong value is off by at least 1, and the rounding of fast convolution algorithms (Winograd, FFT) is
/// far smaller.
const TOLERANCE: f64 = 0.1;

/// Lowest operator set that gnet writes: the library may be old.
const OPSET: i64 = *onnx::OPSETS.start();

fn cycle(len: usize, step: usize, start: usize, modulus: usize) -> Vec<f32> {
    let middle = (modulus / 2) as f32;
    (0..len).map(|i| ((i * step + start) % modulus) as f32 - middle).collect()
}

pub(super) fn input() -> Result<Array> {
    Array::new(INPUT.to_vec(), cycle(32, 7, 3, 9))
}

pub(super) fn model() -> Result<Model> {
    let shape = |sides: &[usize]| Some(Dim::fixed(sides));
    let mut graph = Graph::new("one convolution");
    let image = graph.add_value("image", Some(DType::F32), shape(&INPUT));
    let weight = graph.add_initializer("weight", Tensor::from_f32(KERNELS.to_vec(), &cycle(54, 5, 1, 7))?);
    let bias = graph.add_initializer("bias", Tensor::from_f32(vec![BIAS.len()], &BIAS)?);
    let maps = graph.add_value("maps", Some(DType::F32), shape(&OUTPUT));
    let mut node = Node::new("conv", "Conv", vec![image, weight, bias], vec![maps]);
    node.set("kernel_shape", [3, 3]).set("pads", [1, 1, 1, 1]).set("strides", [1, 1]);
    graph.nodes.push(node);
    (graph.inputs, graph.outputs) = (vec![image], vec![maps]);
    Ok(Model::new(graph, OPSET))
}

pub(super) fn check(outputs: &[Array]) -> Result<()> {
    let wrong = |reason: String| Err(Error::check("the probe's convolution", reason));
    let [output] = outputs else { return wrong(format!("has {} in place of one", counted(outputs.len(), "output"))) };
    if output.shape != OUTPUT || output.data.len() != ANSWER.len() {
        return wrong(format!("has the shape {:?} in place of {OUTPUT:?}", output.shape));
    }
    let agreement = Agreement::of(&Array::new(OUTPUT.to_vec(), ANSWER.to_vec())?, output)?;
    let worst = agreement.max_abs_diff as f32;
    if agreement.within(TOLERANCE) {
        Ok(())
    } else {
        wrong(format!("ran and its answer is wrong: it is off by up to {worst}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computes the convolution from its definition, in whole numbers.
    fn defined() -> Vec<f32> {
        let (image, weight) = (cycle(32, 7, 3, 9), cycle(54, 5, 1, 7));
        let pixel = |c: usize, y: usize, x: usize| {
            // Coordinates are shifted by the padding of 1.
            let inside = (1..=4).contains(&y) && (1..=4).contains(&x);
            if inside { image[c * 16 + (y - 1) * 4 + (x - 1)] as i32 } else { 0 }
        };
        let mut maps = Vec::new();
        for (k, bias) in BIAS.iter().enumerate() {
            for (y, x) in (0..16).map(|i| (i / 4, i % 4)) {
                let mut sum = *bias as i32;
                for (c, i, j) in (0..18).map(|i| (i / 9, i / 3 % 3, i % 3)) {
                    sum += weight[((k * 2 + c) * 3 + i) * 3 + j] as i32 * pixel(c, y + i, x + j);
                }
                maps.push(sum as f32);
            }
        }
        maps
    }

    fn answered(change: impl Fn(&mut Array)) -> Result<()> {
        let mut output = Array::new(OUTPUT.to_vec(), ANSWER.to_vec()).unwrap();
        change(&mut output);
        check(&[output])
    }

    #[test]
    fn the_answer_is_that_of_the_definition() {
        assert_eq!(defined(), ANSWER);
        assert!(ANSWER.iter().all(|value| value.abs() < 128.0), "bf16 holds whole numbers up to 256");
    }

    #[test]
    fn another_answer_is_refused() {
        answered(|_| {}).unwrap();
        answered(|output| output.data[5] += 1e-3).unwrap();
        let error = answered(|output| output.data[5] += 1.0).unwrap_err().to_string();
        assert_eq!(error, "the probe's convolution: ran and its answer is wrong: it is off by up to 1");
        assert!(answered(|output| output.data[5] = f32::NAN).is_err());
        assert!(answered(|output| output.data.fill(0.0)).is_err());
        assert!(answered(|output| output.shape = vec![1, 3, 16, 1]).is_err());
        assert!(check(&[]).is_err());
    }

    #[test]
    fn the_model_is_one_convolution_with_known_counts() {
        let model = onnx::read(onnx::write(&model().unwrap()).unwrap().into()).unwrap();
        let cost = gnet_core::cost::count(&model.graph).unwrap();
        assert_eq!((model.graph.nodes.len(), cost.weights, cost.macs), (1, 54, 54 * 16));
    }

    #[cfg(feature = "tract")]
    #[test]
    fn tract_gives_the_answer() {
        use crate::runtime::{self, Provider, RunOptions};
        use gnet_core::OnnxFile;
        let mut session =
            runtime::load(Provider::Tract, &OnnxFile::of_model(model().unwrap()), &RunOptions::default()).unwrap();
        check(&runtime::run(session.as_mut(), &input().unwrap()).unwrap()).unwrap();
    }
}
