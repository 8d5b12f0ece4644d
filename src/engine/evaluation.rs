//! Evaluation of class scores for labelled images, independent of what computed them.

use gnet_core::words::{counted, one_or};
use gnet_core::{Error, Result};

/// Evaluation of a network on labelled images.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// Fraction of images whose highest score is that of their label, 0..1.
    pub top1: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Results by class, in the order of the labels.
    pub per_class: Vec<ClassAccuracy>,
    /// Class with the highest score, the first among equals, one per image.
    pub predictions: Vec<usize>,
}

/// Number of images of a class, and of those recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClassAccuracy {
    /// Number of images of the class.
    pub images: usize,
    /// Number of those that were recognised.
    pub correct: usize,
}

impl ClassAccuracy {
    /// Returns the fraction recognised, 0..1; `None` without images.
    pub fn accuracy(&self) -> Option<f64> {
        (self.images > 0).then(|| self.correct as f64 / self.images as f64)
    }
}

impl Evaluation {
    /// Evaluates class scores before softmax, `labels.len()` rows of `classes` numbers.
    ///
    /// # Errors
    /// Fails if there are no images, if the scores do not match the labels, if a label is beyond the classes, or if a
    /// score is not finite.
    pub fn of(logits: &[f32], labels: &[u8], classes: usize) -> Result<Self> {
        if labels.is_empty() || logits.len() != labels.len() * classes {
            let reason = format!(
                "{} {} not fit {} of {}",
                counted(logits.len(), "score"),
                one_or(logits.len(), "does", "do"),
                counted(labels.len(), "image"),
                counted(classes, "class")
            );
            return Err(Error::input("evaluation", reason));
        }
        let mut per_class = vec![ClassAccuracy::default(); classes];
        let mut predictions = Vec::with_capacity(labels.len());
        let mut loss = 0.0;
        for (image, (row, label)) in logits.chunks_exact(classes).zip(labels).enumerate() {
            let label = usize::from(*label);
            let class = per_class.get_mut(label).ok_or_else(|| {
                Error::input(
                    format!("image {image}"),
                    format!("has label {label}; there are {}", counted(classes, "class")),
                )
            })?;
            if row.iter().any(|score| !score.is_finite()) {
                return Err(Error::input("the network", format!("its scores of image {image} are not numbers")));
            }
            let prediction = argmax(row);
            class.images += 1;
            class.correct += usize::from(prediction == label);
            predictions.push(prediction);
            loss += cross_entropy(row, label);
        }
        let correct: usize = per_class.iter().map(|class| class.correct).sum();
        let images = labels.len() as f64;
        Ok(Self { top1: correct as f64 / images, loss: loss / images, per_class, predictions })
    }
}

/// Converts class scores to probabilities: `exp(score) / sum of exp(scores)`, shifted by the maximum so that nothing
/// overflows.
pub fn softmax(row: &[f32]) -> Vec<f64> {
    let highest = row.iter().fold(f64::NEG_INFINITY, |highest, score| highest.max(f64::from(*score)));
    let powers: Vec<f64> = row.iter().map(|score| (f64::from(*score) - highest).exp()).collect();
    let sum: f64 = powers.iter().sum();
    powers.into_iter().map(|power| power / sum).collect()
}

/// Returns the index of the highest number, the first among equals.
pub fn argmax(row: &[f32]) -> usize {
    row.iter().enumerate().fold(0, |best, (place, value)| if *value > row[best] { place } else { best })
}

/// Computes `ln(sum(exp(scores))) - scores[label]`, shifted by the maximum so that nothing overflows.
pub fn cross_entropy(row: &[f32], label: usize) -> f64 {
    let highest = f64::from(row[argmax(row)]);
    let sum: f64 = row.iter().map(|score| (f64::from(*score) - highest).exp()).sum();
    sum.ln() + highest - f64::from(row[label])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_judged_image_by_image_and_class_by_class() {
        let logits = [2.0, 1.0, 0.0, 0.0, 5.0, 5.0, 1.0, 1.0, 1.0];
        let e = Evaluation::of(&logits, &[0, 2, 0], 3).unwrap();
        assert_eq!(e.predictions, [0, 1, 0], "the first of equals");
        assert!((e.top1 - 2.0 / 3.0).abs() < 1e-12);
        let counts: Vec<_> = e.per_class.iter().map(|c| (c.images, c.correct)).collect();
        assert_eq!(counts, [(2, 2), (0, 0), (1, 0)]);
        assert_eq!((e.per_class[0].accuracy(), e.per_class[1].accuracy()), (Some(1.0), None));
        // By hand: 0.407606, ln(2 + e^-5) = 0.696510, ln 3 = 1.098612.
        assert!((e.loss - (0.407606 + 0.696510 + 1.098612) / 3.0).abs() < 1e-5, "{}", e.loss);
    }

    #[test]
    fn probabilities_sum_to_one_and_keep_the_order() {
        let p = softmax(&[1000.0, 1001.0, 999.0]);
        assert!((p.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        // By hand: 1 / (e^-1 + 1 + e^-2) = 0.665241.
        assert!((p[1] - 0.665241).abs() < 1e-6 && p[1] > p[0] && p[0] > p[2], "{p:?}");
    }

    #[test]
    fn large_scores_do_not_overflow() {
        let e = Evaluation::of(&[1e30, 0.0], &[0], 2).unwrap();
        assert_eq!((e.top1, e.loss), (1.0, 0.0));
    }

    #[test]
    fn what_cannot_be_judged_is_named() {
        for (logits, labels, says) in [
            (vec![], vec![], "0 scores do not fit 0 images"),
            (vec![1.0; 5], vec![0, 1], "5 scores do not fit 2 images of 3 classes"),
            (vec![1.0; 3], vec![3], "image 0: has label 3; there are 3 classes"),
            (vec![1.0, f32::NAN, 0.0], vec![0], "its scores of image 0 are not numbers"),
        ] {
            let error = Evaluation::of(&logits, &labels, 3).unwrap_err().to_string();
            assert!(error.contains(says), "'{error}' does not say '{says}'");
        }
    }
}
