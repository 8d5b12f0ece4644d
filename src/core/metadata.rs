//! Metadata of an exported file: the typed view of ONNX's `metadata_props`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::words::counted;
use crate::{Error, Result};

/// Preprocessing that turns an image into the network's input: resized, scaled to 0..1, then `(x - mean) / std` per
/// channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocessing {
    /// Side of the square input, in pixels.
    pub image_size: usize,
    /// Number of input channels: 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// Mean of the training pixels in 0..1, per channel.
    pub mean: Vec<f32>,
    /// Standard deviation of the training pixels in 0..1, per channel.
    pub std: Vec<f32>,
}

/// Metadata of a network that gnet made. Every field has one `metadata_props` key, `gnet.` plus the field's name; the
/// numbers of several channels are joined by commas, and class names (which may contain one) are a JSON list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// Name of the network's preset, such as `bn-aux`.
    pub preset: String,
    /// Names of the classes, in the order of the logits. Empty if they have no names.
    pub classes: Vec<String>,
    /// Preprocessing of images.
    pub preprocessing: Preprocessing,
    /// Name of the data set it was trained on; `None` if freshly initialised.
    pub dataset: Option<String>,
    /// Top-1 accuracy on the validation images, 0..1.
    pub validation_accuracy: Option<f64>,
    /// Top-1 accuracy on the test images, 0..1.
    pub test_accuracy: Option<f64>,
}

impl Metadata {
    /// Returns the pairs for `metadata_props`, sorted by key.
    pub fn to_props(&self) -> BTreeMap<String, String> {
        let join = |v: &[f32]| v.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
        let p = &self.preprocessing;
        let mut props = BTreeMap::from([
            ("preset", self.preset.clone()),
            ("classes", serde_json::Value::from(self.classes.clone()).to_string()),
            ("image_size", p.image_size.to_string()),
            ("channels", p.channels.to_string()),
            ("mean", join(&p.mean)),
            ("std", join(&p.std)),
        ]);
        props.extend(self.dataset.clone().map(|d| ("dataset", d)));
        props.extend(self.validation_accuracy.map(|a| ("validation_accuracy", a.to_string())));
        props.extend(self.test_accuracy.map(|a| ("test_accuracy", a.to_string())));
        props.into_iter().map(|(key, value)| (format!("gnet.{key}"), value)).collect()
    }

    /// Parses the pairs; `None` if the file carries none of gnet's.
    ///
    /// # Errors
    /// Names a key that is missing or whose value cannot be parsed.
    pub fn from_props(props: &BTreeMap<String, String>) -> Result<Option<Self>> {
        if !props.keys().any(|k| k.starts_with("gnet.")) {
            return Ok(None);
        }
        let get = |key: &str| props.get(&format!("gnet.{key}")).map(String::as_str);
        let need = |key: &str| get(key).ok_or_else(|| Error::input(format!("metadata gnet.{key}"), "is missing"));
        let mean = numbers("mean", need("mean")?)?;
        let std = numbers("std", need("std")?)?;
        let channels: usize = number("channels", need("channels")?)?;
        let finite = |values: &[f32]| values.len() == channels && values.iter().all(|value| value.is_finite());
        if !finite(&mean) || !finite(&std) || std.iter().any(|s| *s <= 0.0) {
            let reason =
                format!("must hold one number for each of {}, the deviation above 0", counted(channels, "channel"));
            return Err(Error::input("metadata gnet.mean, gnet.std", reason));
        }
        let classes = serde_json::from_str(need("classes")?)
            .map_err(|e| Error::input("metadata gnet.classes", format!("is no JSON list of names: {e}")))?;
        Ok(Some(Self {
            preset: need("preset")?.to_owned(),
            classes,
            preprocessing: Preprocessing {
                image_size: number("image_size", need("image_size")?)?,
                channels,
                mean,
                std,
            },
            dataset: get("dataset").map(str::to_owned),
            validation_accuracy: get("validation_accuracy").map(|v| number("validation_accuracy", v)).transpose()?,
            test_accuracy: get("test_accuracy").map(|v| number("test_accuracy", v)).transpose()?,
        }))
    }
}

fn number<T: std::str::FromStr>(key: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| Error::input(format!("metadata gnet.{key}"), format!("'{text}' is not a number")))
}

fn numbers(key: &str, text: &str) -> Result<Vec<f32>> {
    text.split(',').map(|v| number::<f32>(key, v)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Metadata {
        Metadata {
            preset: "bn-aux".into(),
            classes: vec!["shirt, long".into(), "\"bag\"".into()],
            preprocessing: Preprocessing { image_size: 28, channels: 1, mean: vec![0.2860406], std: vec![0.35302424] },
            dataset: Some("embedded".into()),
            validation_accuracy: Some(0.8125),
            test_accuracy: None,
        }
    }

    #[test]
    fn metadata_survives_the_round_trip() {
        assert_eq!(Metadata::from_props(&sample().to_props()).unwrap(), Some(sample()));
    }

    #[test]
    fn a_foreign_file_has_no_metadata() {
        let props = BTreeMap::from([("author".to_owned(), "someone".to_owned())]);
        assert_eq!(Metadata::from_props(&props).unwrap(), None);
    }

    #[test]
    fn a_broken_value_is_named() {
        for (key, value, says) in [
            ("gnet.image_size", "wide", "metadata gnet.image_size: 'wide' is not a number"),
            ("gnet.classes", "shirt,bag", "metadata gnet.classes: is no JSON list of names"),
            ("gnet.mean", "0.1,0.2", "one number for each of 1 channel"),
            ("gnet.mean", "inf", "one number for each of 1 channel"),
            ("gnet.std", "0", "the deviation above 0"),
            ("gnet.std", "NaN", "the deviation above 0"),
        ] {
            let mut props = sample().to_props();
            props.insert(key.into(), value.into());
            assert!(Metadata::from_props(&props).unwrap_err().to_string().contains(says), "{key}");
        }
    }
}
