//! Export of GoogLeNet: the names of its outputs and the metadata of its file.

use burn::tensor::Device;

use super::{ExportOptions, Exported, export};
use crate::nets::{GoogLeNet, GoogLeNetConfig, Logits, Preset};
use crate::side::BurnSide;
use crate::trace::{NamedOutputs, Output};
use crate::train::checkpoint::Checkpoint;
use gnet_core::cost::Cost;
use gnet_core::graph::{Dim, Graph};
use gnet_core::metadata::{Metadata, Preprocessing};
use gnet_core::passes;
use gnet_core::{Error, Result, cost};
use gnet_engine::verify::{FileSide, Port, Side, Signature};

/// Name of the main output.
pub const LOGITS: &str = "logits";

/// Names of the outputs of a network with auxiliary heads.
const HEADS: [&str; 3] = [LOGITS, "aux1", "aux2"];

impl NamedOutputs for Logits {
    fn named_outputs(&self) -> Vec<Output> {
        let heads = [(HEADS[1], &self.aux1), (HEADS[2], &self.aux2)];
        let heads = heads.into_iter().filter_map(|(name, head)| Some(Output::new(name, head.as_ref()?)));
        std::iter::once(Output::new(LOGITS, &self.main)).chain(heads).collect()
    }
}

/// Returns the options for exporting a GoogLeNet: an input of its shape with a batch of any size, only the main logits
/// unless `keep_aux`, and its metadata.
pub fn googlenet_options(config: &GoogLeNetConfig, metadata: &Metadata, keep_aux: bool) -> ExportOptions {
    let options = ExportOptions::new([config.channels, config.image_size, config.image_size]);
    let options = if keep_aux { options } else { options.keep(&[LOGITS]) };
    ExportOptions { metadata: metadata.to_props(), ..options }
}

/// Exports a GoogLeNet with [`googlenet_options`] or with any others.
///
/// # Errors
/// Those of [`export`].
pub fn googlenet(network: &GoogLeNet, options: &ExportOptions) -> Result<Exported> {
    export(network, options, GoogLeNet::forward)
}

/// A freshly initialised network, as an alternative to a checkpoint.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Preset of the network.
    pub preset: Preset,
    /// Configuration of the network.
    pub config: GoogLeNetConfig,
    /// Seed of its weights.
    pub seed: u64,
}

impl Fresh {
    /// Creates the network on the CPU backend.
    ///
    /// # Errors
    /// Fails on invalid options.
    pub fn network(&self) -> Result<GoogLeNet> {
        self.config.init_seeded(self.seed, &Device::flex())
    }

    /// Returns the metadata of its file: no data set, no accuracy, pixels scaled to 0..1 and not normalised.
    pub fn metadata(&self) -> Metadata {
        let channels = self.config.channels;
        Metadata {
            preset: self.preset.name().to_owned(),
            classes: (0..self.config.classes).map(|class| class.to_string()).collect(),
            preprocessing: Preprocessing {
                image_size: self.config.image_size,
                channels,
                mean: vec![0.0; channels],
                std: vec![1.0; channels],
            },
            dataset: None,
            validation_accuracy: None,
            test_accuracy: None,
        }
    }

    /// Counts the network in its training form, with and without its heads.
    ///
    /// # Errors
    /// Fails on invalid options.
    pub fn cost(&self) -> Result<NetworkCost> {
        let NetworkGraph { whole, main } = self.graph()?;
        Ok(NetworkCost { main: cost::count(&main)?, whole: cost::count(&whole)? })
    }

    /// Traces the graph of the network in its training form, with and without its heads. Counts do not depend on the
    /// weights, which are all 0.
    ///
    /// # Errors
    /// Fails on invalid options.
    pub fn graph(&self) -> Result<NetworkGraph> {
        let GoogLeNetConfig { channels, image_size, .. } = self.config;
        let network = self.config.init_blank(&Device::flex())?;
        let whole = super::as_trained(&network, &[channels, image_size, image_size], GoogLeNet::forward)?;
        let mut main = whole.clone();
        main.outputs.truncate(1);
        passes::sweep(&mut main)?;
        Ok(NetworkGraph { whole, main })
    }
}

/// A network with auxiliary heads as a graph.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct NetworkGraph {
    /// The network in its training form, including the heads.
    pub whole: Graph,
    /// The part that the main output needs.
    pub main: Graph,
}

/// Cost of a network with auxiliary heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkCost {
    /// The network in its training form, including the heads.
    pub whole: Cost,
    /// The part that the main output needs.
    pub main: Cost,
}

/// Returns the network of a checkpoint as the side that a file is compared with. It has the outputs of the file, by name,
/// or the main logits for a file with one output of another name; its export uses the same options as the file, so that
/// their nodes are the same.
///
/// # Errors
/// Fails if the network lacks an output of the file ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)).
pub fn checkpoint_side(checkpoint: &Checkpoint, file: &FileSide) -> Result<BurnSide<'static, GoogLeNet>> {
    let Checkpoint { model, config, metadata, path, .. } = checkpoint;
    let heads = &HEADS[..if config.aux_heads { 3 } else { 1 }];
    let outputs: Vec<&str> = match &file.signature().outputs[..] {
        [only] => vec![heads.iter().find(|head| *head == only).unwrap_or(&LOGITS)],
        several => several.iter().map(String::as_str).collect(),
    };
    if let Some(name) = outputs.iter().find(|name| !heads.contains(name)) {
        return Err(Error::check("outputs", format!("the checkpoint has {} and no '{name}'", heads.join(", "))));
    }
    let fold = !file.model().graph.nodes.iter().any(|node| node.is("BatchNormalization"));
    let options = googlenet_options(config, metadata, true).keep(&outputs).folding(fold);
    let side = Dim::Known(config.image_size);
    let shape = vec![Dim::symbol(super::BATCH), Dim::Known(config.channels), side.clone(), side];
    let outputs = outputs.into_iter().map(str::to_owned).collect();
    let signature = Signature { inputs: vec![Port::new("images", shape)], outputs };
    let export = move |network: &GoogLeNet| Ok(googlenet(network, &options)?.model);
    Ok(BurnSide::new(format!("{} in Burn", path.display()), model, signature, GoogLeNet::forward, export))
}

/// Compares an exported GoogLeNet with its network, for all outputs that were kept.
///
/// # Errors
/// Those of [`super::verify()`].
pub fn verify_googlenet(network: &GoogLeNet, options: &ExportOptions, exported: &Exported) -> Result<super::Verified> {
    super::verify(network, options, exported, GoogLeNet::forward)
}
