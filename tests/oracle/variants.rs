//! Every kind of file that an export can make, with what Burn computes beside it.

use std::collections::BTreeMap;

use bytes::Bytes;
use gnet::export::{self, ExportOptions};
use gnet::metadata::{Metadata, Preprocessing};
use gnet::nets::{Block, BlockModule, GoogLeNet, GoogLeNetConfig, Pooling, Preset};
use gnet::runtime::Array;

use crate::common::{array, config, images, item_shape, network, stirred, tensor};

/// Batch sizes of the inputs; none is one of those the tracer runs.
const BATCHES: [usize; 2] = [1, 3];

/// Inputs and what Burn answers, one run a batch size.
pub struct Reference {
    pub name: String,
    pub runs: Vec<Run>,
}

/// One input and its outputs by name.
pub struct Run {
    pub input: Array,
    pub outputs: Vec<(&'static str, Array)>,
}

/// One exported file.
#[derive(Clone)]
pub struct Variant {
    pub name: String,
    pub reference: String,
    pub bytes: Bytes,
    pub opset: i64,
    pub fixed_batch: Option<usize>,
    pub outputs: Vec<&'static str>,
    pub metadata: BTreeMap<String, String>,
}

/// Variation of one file of a network.
#[derive(Clone, Copy)]
pub struct Choice {
    pub fold: bool,
    pub keep_aux: bool,
    pub fixed_batch: Option<usize>,
    pub opset: i64,
}

/// Default export.
pub const PLAIN: Choice = Choice { fold: true, keep_aux: false, fixed_batch: None, opset: export::DEFAULT_OPSET };
/// Nothing pruned, nothing folded: every operation that a network has.
pub const WHOLE: Choice = Choice { fold: false, keep_aux: true, ..PLAIN };

impl Choice {
    fn name(self, network: &str) -> String {
        let batch = self.fixed_batch.map_or("N".to_owned(), |size| size.to_string());
        let (fold, aux) = (if self.fold { "fold" } else { "no-fold" }, if self.keep_aux { " keep-aux" } else { "" });
        format!("{network} {fold}{aux} batch {batch} opset {}", self.opset)
    }
}

/// A GoogLeNet with parameters that matter.
pub struct Subject {
    name: String,
    preset: Preset,
    config: GoogLeNetConfig,
    network: GoogLeNet,
}

impl Subject {
    pub fn new(name: &str, preset: Preset, config: GoogLeNetConfig) -> Self {
        Self { name: name.to_owned(), preset, network: network(&config), config }
    }

    /// Returns the metadata of a trained network.
    fn metadata(&self) -> Metadata {
        let channels = self.config.channels;
        Metadata {
            preset: self.preset.name().to_owned(),
            classes: (0..self.config.classes).map(|class| format!("Größe {class}")).collect(),
            preprocessing: Preprocessing {
                image_size: self.config.image_size,
                channels,
                mean: (0..channels).map(|c| 0.28 + 0.1 * c as f32).collect(),
                std: (0..channels).map(|c| 0.35 + 0.1 * c as f32).collect(),
            },
            dataset: Some("embedded".to_owned()),
            validation_accuracy: Some(0.8125),
            test_accuracy: Some(0.75),
        }
    }

    pub fn variant(&self, choice: Choice) -> Variant {
        let Choice { fold, keep_aux, fixed_batch, opset } = choice;
        let metadata = self.metadata();
        let options = export::googlenet_options(&self.config, &metadata, keep_aux).folding(fold);
        let options = fixed_batch.into_iter().fold(options, |options, size| options.fix(export::BATCH, size));
        let exported = export::googlenet(&self.network, &ExportOptions { opset, ..options }).unwrap();
        let heads: &[_] = if keep_aux && self.config.aux_heads { &["aux1", "aux2"] } else { &[] };
        Variant {
            name: choice.name(&self.name),
            reference: self.name.clone(),
            bytes: exported.bytes,
            opset,
            fixed_batch,
            outputs: [&[export::LOGITS], heads].concat(),
            metadata: metadata.to_props(),
        }
    }

    pub fn reference(&self) -> Reference {
        let run = |(first, size): (usize, usize)| {
            let input = images(first, size, item_shape(&self.config));
            let logits = self.network.forward(tensor(&input));
            let heads = [("aux1", logits.aux1), ("aux2", logits.aux2)];
            let heads = heads.into_iter().filter_map(|(name, head)| Some((name, array(&head?))));
            let outputs = std::iter::once((export::LOGITS, array(&logits.main))).chain(heads).collect();
            Run { input, outputs }
        };
        Reference { name: self.name.clone(), runs: numbered(BATCHES).map(run).collect() }
    }
}

/// Batch sizes with the number of their first image, so that no two images of all batches are the same.
fn numbered(sizes: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    [(0, sizes[0]), (sizes[0], sizes[1])].into_iter()
}

/// The networks with the files to make of each.
pub fn googlenets() -> Vec<(Subject, Vec<Choice>)> {
    let (d2l, bn_aux) = (Preset::D2l, Preset::BnAux);
    let ceil = |preset, size| GoogLeNetConfig { pooling: Pooling::Ceil, ..config(preset, size) };
    let fixed = |choice, size| Choice { fixed_batch: Some(size), ..choice };
    let at = |choice, opset| Choice { opset, ..choice };
    let folded_whole = Choice { fold: true, ..WHOLE };
    let unfolded = Choice { fold: false, ..PLAIN };
    let opsets = gnet::onnx::OPSETS.filter(|opset| *opset != PLAIN.opset);

    let mut every = vec![PLAIN, WHOLE, folded_whole, unfolded];
    every.extend(every.clone().into_iter().map(|choice| fixed(choice, 3)));
    every.push(fixed(PLAIN, 1));
    every.extend(opsets.map(|opset| at(WHOLE, opset)));
    vec![
        (Subject::new("bn-aux 28px", bn_aux, config(bn_aux, 28)), every),
        (
            Subject::new("d2l 28px", d2l, config(d2l, 28)),
            vec![PLAIN, WHOLE, fixed(PLAIN, 1), fixed(PLAIN, 3), at(PLAIN, 17), at(PLAIN, 23)],
        ),
        (
            Subject::new(
                "d2l lrn ceil 3ch 32px",
                d2l,
                GoogLeNetConfig { lrn: true, channels: 3, classes: 7, ..ceil(d2l, 32) },
            ),
            vec![PLAIN, at(PLAIN, 17), at(PLAIN, 23), fixed(PLAIN, 3)],
        ),
        (
            Subject::new("bn-aux lrn 28px", bn_aux, GoogLeNetConfig { lrn: true, ..config(bn_aux, 28) }),
            vec![folded_whole, WHOLE],
        ),
        (Subject::new("bn-aux ceil 31px", bn_aux, ceil(bn_aux, 31)), vec![folded_whole, at(WHOLE, 23)]),
        (Subject::new("bn-aux ceil 61px", bn_aux, ceil(bn_aux, 61)), vec![PLAIN]),
        (
            Subject::new("bn-aux 3ch 45px", bn_aux, GoogLeNetConfig { channels: 3, ..config(bn_aux, 45) }),
            vec![folded_whole, fixed(PLAIN, 3)],
        ),
        (Subject::new("d2l 96px", d2l, config(d2l, 96)), vec![PLAIN]),
        (Subject::new("bn-aux 224px", bn_aux, config(bn_aux, 224)), vec![folded_whole]),
    ]
}

/// One of the blocks of `gnet compare`.
pub fn block(block: Block) -> (Reference, Variant) {
    let item = [Block::INPUT, Block::SIDE, Block::SIDE];
    let module = stirred(block.init(&burn::tensor::Device::flex()));
    let run = |(first, size): (usize, usize)| {
        let input = images(first, size, item);
        let output = array(&module.forward(tensor(&input)));
        Run { input, outputs: vec![("output", output)] }
    };
    let reference = Reference { name: block.name().to_owned(), runs: numbered([1, 1]).map(run).collect() };
    let exported = export::export(&module, &ExportOptions::new(item), BlockModule::forward).unwrap();
    let variant = Variant {
        name: format!("block {}", block.name()),
        reference: reference.name.clone(),
        bytes: exported.bytes,
        opset: PLAIN.opset,
        fixed_batch: None,
        outputs: vec!["output"],
        metadata: BTreeMap::new(),
    };
    (reference, variant)
}
