//! Time by layer, read from the document of `gnet bench --profile`.

use std::collections::HashMap;

use serde::Deserialize;

use crate::{Error, Result};

/// Mean time per run of each layer, in milliseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Times {
    by_layer: HashMap<String, f64>,
}

/// The part of the document that is read; `gnet bench` describes the rest.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    runs: Vec<Row>,
    #[serde(default)]
    operators: Vec<Operator>,
}

#[derive(Deserialize)]
struct Row {
    profile: Option<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    operators: Vec<Operator>,
}

#[derive(Deserialize)]
struct Operator {
    layer: String,
    mean_ms: f64,
}

impl Times {
    /// Parses the JSON document of `gnet bench --profile .. --format json` and takes its first run that has a profile.
    ///
    /// # Errors
    /// Fails if the text is not such a document, or if it has no profile.
    pub fn parse(json: &str) -> Result<Self> {
        let document: Document = serde_json::from_str(json).map_err(|e| {
            Error::input(Error::THE_FILE, format!("is no document of `gnet bench`: {e}")).remedy(REMEDY)
        })?;
        let profiles = document.runs.into_iter().filter_map(|run| run.profile).map(|profile| profile.operators);
        let operators = profiles.chain([document.operators]).find(|operators| !operators.is_empty());
        let Some(operators) = operators else {
            return Err(Error::input(Error::THE_FILE, "holds no profile").remedy(REMEDY));
        };
        let mut by_layer = HashMap::new();
        for Operator { layer, mean_ms } in operators {
            if !mean_ms.is_finite() || mean_ms < 0.0 {
                return Err(Error::input(format!("layer {layer}"), format!("its time cannot be {mean_ms} ms")));
            }
            *by_layer.entry(layer).or_insert(0.0) += mean_ms;
        }
        Ok(Self { by_layer })
    }

    /// Returns the time of the layer of this name; `None` if the profile does not have it.
    pub fn of(&self, layer: &str) -> Option<f64> {
        self.by_layer.get(layer).copied()
    }

    /// Returns the time of all layers, including those that are not in the graph: an engine's own kernels.
    pub fn total(&self) -> f64 {
        let mut all: Vec<f64> = self.by_layer.values().copied().collect();
        // A sum of floats depends on its order, and a map has none.
        all.sort_by(f64::total_cmp);
        all.iter().sum()
    }
}

const REMEDY: &str = "write it with `gnet bench FILE --provider cpu --profile trace.json --format json`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_profile_counts_and_a_layers_kernels_are_summed() {
        let times = Times::parse(
            r#"{"schema_version": 1, "runs": [{"provider": "tract", "profile": null}, {"provider": "cpu"},
                {"profile": {"kernels_ms": 4, "operators": [
                    {"layer": "a/Conv", "mean_ms": 0.5, "share": 0.5}, {"layer": "a/Conv", "mean_ms": 0.25, "op": "Reorder"},
                    {"layer": "ReorderOutput", "mean_ms": 0.25}]}},
                {"profile": {"operators": [{"layer": "a/Conv", "mean_ms": 9}]}}]}"#,
        )
        .unwrap();
        assert_eq!((times.of("a/Conv"), times.of("b"), times.total()), (Some(0.75), None, 1.0));
        let bare = Times::parse(r#"{"kernels_ms": 1, "operators": [{"layer": "x", "mean_ms": 2}]}"#).unwrap();
        assert_eq!(bare.of("x"), Some(2.0));
    }

    #[test]
    fn what_holds_no_times_is_refused() {
        for (json, says) in [
            ("", "is no document of `gnet bench`"),
            ("[]", "holds no profile"),
            ("{\"runs\": 3}", "is no document of `gnet bench`"),
            ("{}", "holds no profile"),
            ("{\"runs\": [{\"profile\": null}]}", "holds no profile"),
            ("{\"operators\": [{\"layer\": \"x\", \"mean_ms\": -1}]}", "its time cannot be -1 ms"),
        ] {
            let error = Times::parse(json).unwrap_err();
            assert!(error.to_string().contains(says), "{json}: {error}");
        }
    }
}
