//! Published counts against the traced graphs: not a formula beside the network, but what would ship.

use std::collections::BTreeMap;

use gnet::card::{Card, CardCounts};
use gnet::compare::Comparison;
use gnet::cost::{self, Cost, Layer, group};
use gnet::export::NetworkCost;
use gnet::graph::{Dim, Graph};
use gnet::nets::widths::INCEPTION;
use gnet::nets::{GoogLeNet, GoogLeNetConfig, Preset};
use serde::Deserialize;

use crate::common;
use crate::common::{config, fresh};

#[derive(Deserialize)]
struct Figures {
    three_blocks: Sourced<BTreeMap<String, Block>>,
    inception_rows: Sourced<BTreeMap<String, Row>>,
    d2l: D2l,
    bn_aux: BnAux,
}

/// A table of figures with the source they come from.
#[derive(Deserialize)]
struct Sourced<T> {
    source: String,
    #[serde(flatten)]
    figures: T,
}

#[derive(Deserialize)]
struct Block {
    printed_params: String,
    printed_flops: String,
    weights: u64,
    params: u64,
    macs: u64,
}

#[derive(Deserialize)]
struct Row {
    widths: [usize; 7],
    side: usize,
    weights: u64,
    macs: u64,
}

#[derive(Deserialize)]
struct D2l {
    params: u64,
    macs: BTreeMap<String, u64>,
    stage_shapes: Vec<Vec<usize>>,
    stage_params: [u64; 6],
}

#[derive(Deserialize)]
struct BnAux {
    params: u64,
    folded: u64,
    heads_28: u64,
    params_1000: u64,
    with_heads_224: u64,
    layers: BTreeMap<String, u64>,
}

fn figures() -> Figures {
    toml::from_str(include_str!("figures/figures.toml")).unwrap()
}

fn count(preset: Preset, config: GoogLeNetConfig) -> NetworkCost {
    fresh(preset, config).cost().unwrap()
}

/// The modules at the top of a network, by name.
fn modules(cost: &Cost) -> BTreeMap<String, Layer> {
    group(&cost.layers, 1).into_iter().map(|layer| (layer.name.clone(), layer)).collect()
}

/// The paper's and torchinfo's network: 3 channels, 1000 classes, 224 pixels.
fn large(preset: Preset) -> GoogLeNetConfig {
    GoogLeNetConfig { channels: 3, classes: 1000, ..config(preset, 224) }
}

#[test]
fn the_plain_network_costs_what_is_known_at_every_size() {
    let known = figures().d2l;
    assert_eq!(known.macs.keys().collect::<Vec<_>>(), ["224", "28", "96"]);
    for (size, macs) in known.macs {
        let cost = count(Preset::D2l, config(Preset::D2l, size.parse().unwrap())).whole;
        assert_eq!((cost.params, cost.macs, cost.flops), (known.params, macs, 2 * macs), "{size} pixels");
    }
}

#[test]
fn batch_normalisation_and_heads_cost_what_is_known() {
    let known = figures().bn_aux;
    let NetworkCost { whole, main } = count(Preset::BnAux, config(Preset::BnAux, 28));
    assert_eq!((main.params, whole.params - main.params), (known.params, known.heads_28));
    let plain = figures().d2l;
    for (size, macs) in plain.macs {
        let main = count(Preset::BnAux, config(Preset::BnAux, size.parse().unwrap())).main;
        assert_eq!((main.params, main.macs), (known.params, macs), "{size} pixels: normalisation costs no MAC");
    }
    let NetworkCost { whole, main } = count(Preset::BnAux, large(Preset::BnAux));
    assert_eq!((main.params, whole.params), (known.params_1000, known.with_heads_224));
}

#[test]
fn folding_gives_the_parameters_of_the_plain_network() {
    let known = figures();
    let config = config(Preset::BnAux, 28);
    let fresh = fresh(Preset::BnAux, config);
    let network = fresh.network().unwrap();
    let params = |fold| {
        let options = gnet::export::googlenet_options(&fresh.config, &fresh.metadata(), false).folding(fold);
        let exported = gnet::export::googlenet(&network, &options).unwrap();
        cost::count(&exported.model.graph).unwrap()
    };
    let (before, after) = (params(false), params(true));
    assert_eq!((before.params, after.params), (known.bn_aux.params, known.bn_aux.folded));
    assert_eq!(after.params, known.d2l.params);
    assert_eq!(
        (before.weights, before.macs),
        (after.weights, after.macs),
        "folding touches no count of weights or MACs"
    );
}

#[test]
fn every_module_of_the_large_network_has_the_parameters_of_its_summary() {
    let modules = modules(&count(Preset::BnAux, large(Preset::BnAux)).whole);
    for (name, params) in figures().bn_aux.layers {
        assert_eq!(modules[&name].params, params, "{name}");
    }
}

#[test]
fn every_inception_block_has_the_weights_and_macs_of_the_papers_table() {
    let known = figures().inception_rows;
    assert!(known.source.contains("Table 1") && known.figures.len() == INCEPTION.len());
    let modules = modules(&count(Preset::D2l, large(Preset::D2l)).whole);
    for widths in INCEPTION {
        let (row, module) = (&known.figures[widths.name], &modules[&format!("inception{}", widths.name)]);
        let w = widths;
        assert_eq!(row.widths, [w.input, w.b1x1, w.b3x3_reduce, w.b3x3, w.b5x5_reduce, w.b5x5, w.pool_proj]);
        assert_eq!((module.weights, module.macs), (row.weights, row.macs), "{}", w.name);
    }
}

#[test]
fn every_inception_block_keeps_the_side_of_its_map() {
    let known = figures().inception_rows.figures;
    let graph = graph(&config(Preset::D2l, 224));
    for widths in INCEPTION {
        let shape = shape(&graph, &format!("inception{}/Concat", widths.name));
        let side = known[widths.name].side;
        assert_eq!(shape, [1, widths.output(), side, side], "{}", widths.name);
    }
}

#[test]
fn the_three_blocks_cost_what_is_printed() {
    let known = figures().three_blocks;
    assert!(known.source.contains("d2l"));
    let comparison = Comparison::count().unwrap();
    assert_eq!(comparison.blocks.len(), known.figures.len());
    for block in &comparison.blocks {
        let row = &known.figures[&block.name];
        assert_eq!((block.weights, block.params, block.macs), (row.weights, row.params, row.macs), "{}", block.name);
        assert_eq!((&block.printed_params, &block.printed_flops), (&row.printed_params, &row.printed_flops));
    }
}

/// The traced graph of a fresh plain network.
fn graph(config: &GoogLeNetConfig) -> Graph {
    let fresh = fresh(Preset::D2l, config.clone());
    let item = common::item_shape(config);
    gnet::export::as_trained(&fresh.network().unwrap(), &item, GoogLeNet::forward).unwrap()
}

/// The shape of a value for one image.
fn shape(graph: &Graph, value: &str) -> Vec<usize> {
    let id = graph.find(value).unwrap_or_else(|| panic!("there is no value {value}"));
    graph.value(id).shape.as_ref().unwrap().iter().map(|dim: &Dim| dim.at(1).unwrap()).collect()
}

#[test]
fn every_stage_of_the_plain_network_has_the_shape_and_parameters_of_the_course() {
    let known = figures().d2l;
    let config = config(Preset::D2l, 96);
    let graph = graph(&config);
    let ends = [
        "conv1/MaxPool",
        "conv3/MaxPool",
        "inception3b/MaxPool",
        "inception4e/MaxPool",
        "inception5b/Reshape",
        gnet::export::LOGITS,
    ];
    assert_eq!(ends.map(|value| shape(&graph, value)).to_vec(), known.stage_shapes);

    let modules = modules(&count(Preset::D2l, config).whole);
    let stage = |names: &[&str]| -> u64 {
        let inside = |module: &&Layer| names.iter().any(|name| module.name.starts_with(name));
        modules.values().filter(inside).map(|module| module.params).sum()
    };
    let stages = [&["conv1"][..], &["conv2", "conv3"], &["inception3"], &["inception4"], &["inception5"], &["fc"]];
    assert_eq!(stages.map(stage), known.stage_params);
    assert_eq!(known.stage_params.iter().sum::<u64>(), known.params);
}

#[test]
fn the_model_cards_count_what_is_traced() {
    for preset in Preset::ALL {
        let card = Card::of(preset.name()).unwrap();
        let network = preset.config();
        assert_eq!((card.input.channels, card.input.image_size), (network.channels, network.image_size));
        let NetworkCost { whole, main } = count(preset, network);
        let counts = |params, weights, macs| CardCounts { params, weights, macs };
        assert_eq!(card.network, counts(main.params, main.weights, main.macs), "{preset}");
        let [params, weights, macs] =
            [whole.params - main.params, whole.weights - main.weights, whole.macs - main.macs];
        assert_eq!(card.heads, (params > 0).then_some(counts(params, weights, macs)), "{preset}");
    }
}
