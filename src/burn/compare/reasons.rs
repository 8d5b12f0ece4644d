//! Why a block with fewer MACs is not as much faster, from what was counted and measured.

use super::BlockCost;
use super::measured::Measured;
use gnet_core::report::number;
use gnet_core::words::counted;

/// Returns two paragraphs, one on memory and one on kernels; none where nothing was measured.
pub(super) fn paragraphs(blocks: &[BlockCost], measured: &[Measured]) -> Vec<String> {
    match blocks.split_first() {
        Some((first, others)) if !measured.is_empty() && !others.is_empty() => {
            vec![memory(first, others), kernels(first, others, measured)]
        }
        _ => Vec::new(),
    }
}

/// Fewer products, but not fewer bytes.
fn memory(first: &BlockCost, others: &[BlockCost]) -> String {
    let moves = |block: &BlockCost| {
        let intensity = block.flops as f64 / block.moved_bytes as f64;
        (number::bytes(block.moved_bytes), format!("{intensity:.0}"))
    };
    let (bytes, intensity) = moves(first);
    let beside = others.iter().map(|other| {
        let (bytes, intensity) = moves(other);
        format!("{} {bytes} ({intensity})", other.name)
    });
    let idle = 100.0 * first.moved_without_macs_bytes as f64 / first.moved_bytes as f64;
    format!(
        "Why time is not saved like MACs, first memory: {} moves {bytes} ({} for each byte), {}. {idle:.0} % of \
         its bytes are moved by nodes that multiply nothing (activations, the pool, the concatenation), for what its \
         branches write is read again; an engine that fuses such nodes saves a part of that.",
        first.name,
        counted(intensity, "FLOP"),
        listed(beside),
    )
}

/// Several small kernels in place of a large one, and the rate at which each provider computes them.
fn kernels(first: &BlockCost, others: &[BlockCost], measured: &[Measured]) -> String {
    let work = |block: &BlockCost| {
        let channels = match block.channels {
            [least, most] if least == most => most.to_string(),
            [least, most] => format!("{least} to {most}"),
        };
        let (nodes, products) = (counted(block.nodes, "node"), counted(block.products, "product"));
        format!("{nodes}, with {products} of {}", counted(channels, "channel"))
    };
    let rates: Vec<_> = measured.iter().filter_map(rates).collect();
    format!(
        "Second, kernels: {} is {}, where {}. Each kernel starts anew, and a small matrix fills registers and caches less \
         well. {}",
        first.name,
        work(first),
        listed(others.iter().map(|other| format!("{} is {}", other.name, work(other)))),
        rates.join(" ")
    )
}

/// Returns what one provider made of it, if it could be measured: GMAC/s of each block, and what is left of each saving.
fn rates(measured: &Measured) -> Option<String> {
    let (first, others) = measured.times.split_first()?;
    let others = others.iter().map(|time| Some(format!("{} {:.1}", time.name, time.gmacs_per_s?)));
    let others = listed(others.collect::<Option<Vec<_>>>()?);
    let left = measured.savings.iter().map(|saving| {
        let time = saving.in_time?;
        let part = if time < saving.in_macs { format!("{time:.2}") } else { "all".to_owned() };
        Some(format!("{part} of the {:.2} times over {}", saving.in_macs, saving.over))
    });
    let left = listed(left.collect::<Option<Vec<_>>>()?);
    let (provider, own) = (measured.provider, first.gmacs_per_s?);
    Some(format!("In {provider} {} computes {own:.1} GMAC/s, {others}, which leaves {left}.", first.name))
}

/// Joins the parts of a sentence: `a, b and c`.
fn listed(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<_> = parts.into_iter().collect();
    match parts.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => parts.concat(),
    }
}
