use burn::tensor::{Device, Distribution, Tensor, TensorData};

use super::*;
use crate::card::Card;
use crate::nets::{Pooling, Preset, learned_params};

fn network(config: &GoogLeNetConfig) -> GoogLeNet {
    config.init(&Device::flex()).unwrap()
}

fn images(config: &GoogLeNetConfig, count: usize) -> Tensor<4> {
    let shape = [count, config.channels, config.image_size, config.image_size];
    Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &Device::flex())
}

fn values<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn the_plain_network_has_the_parameters_of_the_course() {
    let net = network(&Preset::D2l.config());
    assert_eq!(learned_params(&net), 5_977_530);
    assert_eq!(net.num_params(), 5_977_530, "without batch normalisation there is nothing but parameters");
    let stages = [
        learned_params(&net.conv1),
        learned_params(&net.conv2) + learned_params(&net.conv3),
        learned_params(&net.inception3a) + learned_params(&net.inception3b),
        [&net.inception4a, &net.inception4b, &net.inception4c, &net.inception4d, &net.inception4e]
            .into_iter()
            .map(learned_params)
            .sum(),
        learned_params(&net.inception5a) + learned_params(&net.inception5b),
        learned_params(&net.fc),
    ];
    assert_eq!(stages, [3200, 114_944, 552_432, 2_809_168, 2_487_536, 10_250]);
}

#[test]
fn the_plain_network_has_the_stage_shapes_of_the_course() {
    let config = Preset::D2l.config();
    let net = network(&config);
    let one = net.stage1(images(&config, 1));
    assert_eq!(one.dims(), [1, 64, 24, 24]);
    let two = net.stage2(one);
    assert_eq!(two.dims(), [1, 192, 12, 12]);
    let three = net.stage3(two);
    assert_eq!(three.dims(), [1, 480, 6, 6]);
    let (four, aux1, aux2) = net.stage4(three);
    assert_eq!(four.dims(), [1, 832, 3, 3]);
    assert!(aux1.is_none() && aux2.is_none());
    let five = net.stage5(four);
    assert_eq!(five.dims(), [1, 1024]);
    assert_eq!(net.fc.forward(five).dims(), [1, 10]);
}

#[test]
fn the_network_with_heads_has_the_known_parameters_layer_by_layer() {
    let net = network(&GoogLeNetConfig { image_size: 224, channels: 3, classes: 1000, ..Preset::BnAux.config() });
    assert_eq!(learned_params(&net), 13_385_816);
    let (aux1, aux2) = (net.aux1.as_ref().unwrap(), net.aux2.as_ref().unwrap());
    for (name, params, expected) in [
        ("conv1", learned_params(&net.conv1), 9536),
        ("conv2", learned_params(&net.conv2), 4224),
        ("conv3", learned_params(&net.conv3), 110_976),
        ("inception3a", learned_params(&net.inception3a), 164_064),
        ("inception3b", learned_params(&net.inception3b), 389_376),
        ("inception4a", learned_params(&net.inception4a), 376_800),
        ("aux1", learned_params(aux1), 3_188_968),
        ("aux2", learned_params(aux2), 3_191_016),
    ] {
        assert_eq!(params, expected, "{name}");
    }
}

#[test]
fn heads_and_batch_normalisation_cost_what_is_known() {
    let with = |image_size, channels, classes, aux_heads| GoogLeNetConfig {
        image_size,
        channels,
        classes,
        aux_heads,
        ..Preset::BnAux.config()
    };
    let params = |config| learned_params(&network(&config));
    assert_eq!(params(with(224, 3, 1000, false)), 7_005_832);
    assert_eq!(params(with(96, 1, 10, false)), 5_984_810);
    assert_eq!(params(with(28, 1, 10, true)) - params(with(28, 1, 10, false)), 418_324);
    // Folding turns a scale and a shift per channel into one bias per channel.
    let net = network(&with(28, 1, 10, false));
    let statistics = net.num_params() - learned_params(&net);
    assert_eq!(learned_params(&net) - statistics / 2, 5_977_530);
}

#[test]
fn local_response_normalisation_learns_nothing_and_changes_the_answer() {
    let plain = GoogLeNetConfig { image_size: 28, ..Preset::D2l.config() };
    let lrn = GoogLeNetConfig { lrn: true, ..plain.clone() };
    let (a, b) = (plain.init_seeded(3, &Device::flex()).unwrap(), lrn.init_seeded(3, &Device::flex()).unwrap());
    assert_eq!(learned_params(&a), learned_params(&b));
    let x = images(&plain, 2) * 50.0;
    assert_ne!(values(a.forward(x.clone()).main), values(b.forward(x).main));
}

#[test]
fn the_heads_answer_when_they_are_there() {
    let config = GoogLeNetConfig { image_size: 28, channels: 1, classes: 7, ..Preset::BnAux.config() };
    let logits = network(&config).forward(images(&config, 2));
    for tensor in [Some(logits.main), logits.aux1, logits.aux2] {
        assert_eq!(tensor.unwrap().dims(), [2, 7]);
    }
    let config = GoogLeNetConfig { aux_heads: false, ..config };
    let logits = network(&config).forward(images(&config, 2));
    assert!(logits.aux1.is_none() && logits.aux2.is_none());
}

#[test]
fn the_maps_are_as_derived_down_to_the_smallest_image() {
    for pooling in [Pooling::Pad, Pooling::Ceil] {
        let mut config = GoogLeNetConfig { pooling, classes: 3, channels: 1, ..Preset::BnAux.config() };
        for image_size in [config.smallest_image_size(), config.smallest_image_size() + 1, 33, 60] {
            config.image_size = image_size;
            let (net, sides) = (network(&config), config.stage_sides().unwrap());
            let one = net.stage1(images(&config, 1));
            assert_eq!(one.dims()[2], sides.stem, "{image_size} {pooling}");
            let two = net.stage2(one);
            assert_eq!(two.dims()[2], sides.inception3, "{image_size} {pooling}");
            let three = net.stage3(two);
            assert_eq!(three.dims()[2], sides.inception4, "{image_size} {pooling}");
            let (four, aux1, _) = net.stage4(three);
            assert_eq!(four.dims()[2], sides.inception5, "{image_size} {pooling}");
            assert_eq!(aux1.unwrap().dims(), [1, 3], "{image_size} {pooling}");
        }
    }
}

#[test]
fn the_pooling_modes_part_where_a_side_is_odd() {
    let pad = GoogLeNetConfig { image_size: 60, ..Preset::D2l.config() };
    let ceil = GoogLeNetConfig { pooling: Pooling::Ceil, ..pad.clone() };
    assert_eq!(pad.stage_sides().unwrap().inception3, 8);
    assert_eq!(ceil.stage_sides().unwrap().inception3, 7);
}

#[test]
fn a_seed_gives_the_same_weights_whatever_else_draws() {
    let config = GoogLeNetConfig { image_size: 28, ..Preset::D2l.config() };
    let device = Device::flex();
    let x = images(&config, 2);
    let answer = |seed| values(config.init_seeded(seed, &device).unwrap().forward(x.clone()).main);
    let first = answer(5);
    let _ = values(Tensor::<1>::random([1000], Distribution::Default, &device));
    assert_eq!(first, answer(5));
    assert_ne!(first, answer(6));
}

#[test]
fn seeded_weights_are_xavier_uniform_and_biases_zero() {
    let net = Preset::D2l.config().init_seeded(1, &Device::flex()).unwrap();
    // conv3: 64 channels in, 192 out, 3x3.
    let bound = (6.0 / ((64.0 + 192.0) * 9.0_f32)).sqrt();
    let weights = values(net.conv3.conv.weight.val());
    let (low, high) = weights.iter().fold((0.0_f32, 0.0_f32), |(l, h), w| (l.min(*w), h.max(*w)));
    assert!(low >= -bound && high <= bound && low < -0.99 * bound && high > 0.99 * bound, "{low} {high} {bound}");
    let mean_square = weights.iter().map(|w| w * w).sum::<f32>() / weights.len() as f32;
    assert!((mean_square / (bound * bound / 3.0) - 1.0).abs() < 0.02, "{mean_square}");
    assert!(values(net.conv3.conv.bias.as_ref().unwrap().val()).iter().all(|b| *b == 0.0));
    assert!(values(net.fc.bias.as_ref().unwrap().val()).iter().all(|b| *b == 0.0));
}

#[test]
fn branches_are_concatenated_in_their_order() {
    // If the weights are zero, each branch's bias alone decides its channels.
    let device = Device::flex();
    let mut block = Inception::new(&INCEPTION[0], false, &device);
    for (unit, value) in
        [(&mut block.b1x1, 1.0), (&mut block.b3x3, 2.0), (&mut block.b5x5, 3.0), (&mut block.pool_proj, 4.0)]
    {
        unit.conv.weight = unit.conv.weight.clone().map(|w| w.zeros_like());
        unit.conv.bias = unit.conv.bias.take().map(|b| b.map(|b| b.full_like(value)));
    }
    let y = block.forward(Tensor::ones([1, 192, 3, 3], &device));
    let expected: Vec<f32> =
        [(64, 1.0), (128, 2.0), (32, 3.0), (32, 4.0)].iter().flat_map(|(n, v)| vec![*v; n * 9]).collect();
    y.into_data().assert_eq(&TensorData::new(expected, [1, 256, 3, 3]), true);
}

#[test]
fn dropout_repeats_with_its_seed_and_step() {
    let config = GoogLeNetConfig { image_size: 28, channels: 1, classes: 10, ..Preset::BnAux.config() };
    let device = Device::flex().autodiff();
    let net = config.init_seeded(1, &device).unwrap();
    let x = Tensor::from_data(images(&config, 2).into_data(), &device);
    let answer = |step| {
        net.seed_dropout(9, step);
        let logits = net.forward(x.clone());
        [values(logits.main), values(logits.aux1.unwrap()), values(logits.aux2.unwrap())]
    };
    let (first, other) = (answer(0), answer(1));
    assert_eq!(first, answer(0));
    assert!(first.iter().zip(&other).all(|(a, b)| a != b), "every dropout layer has its own masks");
}

#[test]
fn the_model_cards_count_what_the_networks_have() {
    for preset in Preset::ALL {
        let (card, config) = (Card::of(preset.name()).unwrap(), preset.config());
        assert_eq!(
            (card.input.image_size, card.input.channels, card.classes),
            (config.image_size, config.channels, config.classes)
        );
        let net = network(&config);
        let heads: usize = [&net.aux1, &net.aux2].into_iter().flatten().map(learned_params).sum();
        assert_eq!(card.heads.map_or(0, |heads| heads.params), heads as u64, "{preset}");
        assert_eq!(card.network.params, (learned_params(&net) - heads) as u64, "{preset}");
    }
}
