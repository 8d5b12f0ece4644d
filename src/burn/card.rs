//! Model cards: description and expected counts of each preset, in `models/*.toml`.

use serde::{Deserialize, Serialize};

use gnet_core::{Error, Result};

/// The embedded cards, by file name.
const FILES: [(&str, &str); 2] = [
    ("models/d2l.toml", include_str!("../../models/d2l.toml")),
    ("models/bn-aux.toml", include_str!("../../models/bn-aux.toml")),
];

/// Description of a preset at its native size, and the counts that its traced graph must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Card {
    /// Name of the preset.
    pub name: String,
    /// One-sentence description.
    pub what: String,
    /// Source, such as a paper.
    pub source: String,
    /// Number of classes.
    pub classes: usize,
    /// Input of the network.
    pub input: CardInput,
    /// Counts of the network without its heads, as trained: batch normalisation not folded.
    pub network: CardCounts,
    /// Counts of both auxiliary heads, if there are any.
    pub heads: Option<CardCounts>,
}

/// Input that a card's counts refer to: one square image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CardInput {
    /// Number of channels.
    pub channels: usize,
    /// Side in pixels.
    pub image_size: usize,
}

/// Counts for one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardCounts {
    /// Learned parameters: weights, biases, scales and shifts of batch normalisation; without running statistics.
    pub params: u64,
    /// Elements of convolution kernels and of the matrices of linear layers.
    pub weights: u64,
    /// Multiply-accumulates of convolutions and linear layers. 1 MAC = 2 FLOPs.
    pub macs: u64,
}

impl Card {
    /// Parses a card; `file` names it in errors.
    ///
    /// # Errors
    /// Fails if the text is not a card.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        toml::from_str(text).map_err(|e| Error::input(file, format!("is no model card: {}", e.message())))
    }

    /// Returns the cards of all presets.
    ///
    /// # Errors
    /// Fails if a card cannot be parsed, which a test rules out for the embedded ones.
    pub fn all() -> Result<Vec<Self>> {
        FILES.iter().map(|(file, text)| Self::parse(file, text)).collect()
    }

    /// Returns the card of the preset `name`.
    ///
    /// # Errors
    /// Fails if no preset has this name.
    pub fn of(name: &str) -> Result<Self> {
        let cards = Self::all()?;
        let names = cards.iter().map(|card| card.name.clone()).collect::<Vec<_>>().join(", ");
        cards
            .into_iter()
            .find(|card| card.name == name)
            .ok_or_else(|| Error::input(format!("model card '{name}'"), format!("there are only {names}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cards_hold_the_published_counts() {
        let d2l = Card::of("d2l").unwrap();
        assert_eq!((d2l.network.params, d2l.network.macs, d2l.heads), (5_977_530, 276_066_304, None));
        let bn_aux = Card::of("bn-aux").unwrap();
        assert_eq!((bn_aux.network.params, bn_aux.network.macs), (5_984_810, 276_066_304));
        assert_eq!(bn_aux.heads.unwrap().params, 418_324);
    }

    #[test]
    fn each_card_lies_in_the_file_of_its_name() {
        for ((file, _), card) in FILES.iter().zip(Card::all().unwrap()) {
            assert_eq!(*file, format!("models/{}.toml", card.name));
            assert!(card.network.weights < card.network.params && card.network.params < card.network.macs);
        }
    }

    #[test]
    fn a_card_with_a_foreign_or_missing_key_is_refused() {
        let text = include_str!("../../models/d2l.toml");
        for broken in [format!("colour = 1\n{text}"), text.replace("classes = 10", "")] {
            let error = Card::parse("x.toml", &broken).unwrap_err().to_string();
            assert!(error.starts_with("x.toml: is no model card"), "{error}");
        }
        assert!(Card::of("vgg").unwrap_err().to_string().contains("there are only d2l, bn-aux"));
    }
}
