//! Placement of a loaded file's nodes, and whether it is the requested one.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EngineOptions, RunOptions, Session};
use gnet_core::cost::Cost;
use gnet_core::graph::Sizes;
use gnet_core::words;
use gnet_core::{Error, OnnxFile, Result};

/// A node and the provider that an engine assigned it to.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AssignedNode {
    /// The engine's name for the provider, such as `CUDAExecutionProvider`.
    pub provider: String,
    /// Name of the node; a node made by a rewrite may have a name that is not in the file.
    pub name: String,
    /// Operation of the node.
    pub op: String,
}

/// An engine's report about a loaded file: the requested provider, and the assignment of every node.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Assignment {
    /// The engine's name for the requested provider.
    pub requested: String,
    /// All nodes, in the engine's order.
    pub nodes: Vec<AssignedNode>,
}

/// Quantity that a fraction refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Weight {
    /// Multiply-accumulates, as [`cost`](gnet_core::cost) counts them.
    Macs,
    /// Nodes, all weighted equally: the MACs cannot be attributed.
    Nodes,
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Macs => "MACs",
            Self::Nodes => "nodes",
        })
    }
}

/// Share of one provider.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ProviderShare {
    /// The engine's name for the provider.
    pub provider: String,
    /// Number of nodes placed on it.
    pub nodes: usize,
    /// Multiply-accumulates of these for one image; `None` if they cannot be attributed.
    pub macs: Option<u64>,
}

/// Placement of a loaded file, as results store it.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Placement {
    /// The engine's name for the requested provider.
    pub requested: String,
    /// Fraction of the file that is placed on it, 0..=1.
    pub share: f64,
    /// Quantity that the fraction refers to.
    pub by: Weight,
    /// Share of each provider: the requested one first, the others by name.
    pub per_provider: Vec<ProviderShare>,
    /// Nodes that are placed elsewhere.
    pub others: Vec<AssignedNode>,
}

impl Placement {
    /// Returns the placement of the nodes of a loaded file, weighted by its MACs at the sizes it is fed; `None` for an
    /// engine without providers.
    pub fn of_session(session: &dyn Session, file: &OnnxFile, sizes: &Sizes) -> Option<Self> {
        let assignment = session.assignment()?;
        Some(Self::of(assignment, file.cost(sizes).ok().as_deref()))
    }

    /// Does the same as [`of_session`](Self::of_session) and refuses a placement other than the requested one.
    ///
    /// # Errors
    /// Those of [`check`](Self::check).
    pub(crate) fn checked(session: &dyn Session, file: &OnnxFile, options: &RunOptions) -> Result<Option<Self>> {
        let placement = Self::of_session(session, file, &options.sizes);
        placement.as_ref().map_or(Ok(()), |placement| placement.check(&options.engine))?;
        Ok(placement)
    }

    /// Weighs an assignment by the MACs of a file's layers.
    ///
    /// Nodes and layers are joined by name. The MACs are only used if every layer that has some is found exactly once:
    /// a rewrite may have merged or renamed nodes, and a fraction of an unknown total proves nothing. Otherwise nodes
    /// are counted.
    pub fn of(assignment: &Assignment, cost: Option<&Cost>) -> Self {
        let macs = cost.and_then(|cost| joined(assignment, cost));
        let mut shares: BTreeMap<&str, ProviderShare> = BTreeMap::new();
        let empty = |provider: &str| ProviderShare {
            provider: provider.to_owned(),
            nodes: 0,
            macs: macs.is_some().then_some(0),
        };
        shares.insert(&assignment.requested, empty(&assignment.requested));
        for (i, node) in assignment.nodes.iter().enumerate() {
            let share = shares.entry(&node.provider).or_insert_with(|| empty(&node.provider));
            share.nodes += 1;
            share.macs = share.macs.zip(macs.as_ref()).map(|(sum, macs)| sum + macs[i]);
        }
        let mut per_provider: Vec<ProviderShare> = shares.into_values().collect();
        per_provider.sort_by_key(|share| share.provider != assignment.requested);
        let (share, by) = share(&per_provider);
        Self {
            requested: assignment.requested.clone(),
            share,
            by,
            per_provider,
            others: assignment.nodes.iter().filter(|node| node.provider != assignment.requested).cloned().collect(),
        }
    }

    /// Refuses a placement other than the requested one.
    ///
    /// # Errors
    /// Fails if the fraction is below `min_placement`, unless `allow_fallback` is set
    /// ([`ErrorKind::Check`](gnet_core::ErrorKind::Check)).
    pub fn check(&self, options: &EngineOptions) -> Result<()> {
        if options.allow_fallback || self.share >= options.min_placement {
            return Ok(());
        }
        let reason = format!(
            "{} of the {} lie on {}, fewer than the {} asked for: {self}",
            percent(self.share),
            self.by,
            self.requested,
            percent(options.min_placement)
        );
        Err(Error::check("placement", reason).remedy("--min-placement or --allow-fallback accept it"))
    }
}

/// Returns the MACs of each assigned node, if all those of the file can be joined to them.
fn joined(assignment: &Assignment, cost: &Cost) -> Option<Vec<u64>> {
    let mut layers: HashMap<&str, u64> = HashMap::new();
    for layer in cost.layers.iter().filter(|layer| layer.macs > 0) {
        if layers.insert(&layer.name, layer.macs).is_some() {
            return None;
        }
    }
    if layers.is_empty() {
        return None;
    }
    let macs = assignment.nodes.iter().map(|node| layers.remove(node.name.as_str()).unwrap_or(0)).collect();
    layers.is_empty().then_some(macs)
}

/// Returns the fraction of the first provider. A file without nodes (all of it folded into constants) has nothing
/// elsewhere.
fn share(per_provider: &[ProviderShare]) -> (f64, Weight) {
    let ratio = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 1.0 };
    let macs: Option<Vec<u64>> = per_provider.iter().map(|share| share.macs).collect();
    match macs {
        Some(macs) => (ratio(macs[0] as f64, macs.iter().sum::<u64>() as f64), Weight::Macs),
        None => {
            let nodes: usize = per_provider.iter().map(|share| share.nodes).sum();
            (ratio(per_provider[0].nodes as f64, nodes as f64), Weight::Nodes)
        }
    }
}

/// Formats a fraction in percent, rounded down: less than everything never reads `100 %`.
fn percent(share: f64) -> String {
    let tenths = (share * 1000.0 + 1e-9).floor() / 10.0;
    if tenths.fract() == 0.0 { format!("{tenths:.0} %") } else { format!("{tenths:.1} %") }
}

impl fmt::Display for Placement {
    /// Formats
    /// `130 of 139 nodes on CUDAExecutionProvider (100 % of the MACs); 9 on CPUExecutionProvider: 6 Reshape, 3 Gather`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes: usize = self.per_provider.iter().map(|share| share.nodes).sum();
        let on_requested = nodes - self.others.len();
        write!(f, "{on_requested} of {} on {}", words::counted(nodes, "node"), self.requested)?;
        if self.others.is_empty() {
            return Ok(());
        }
        if self.by == Weight::Macs {
            write!(f, " ({} of the MACs)", percent(self.share))?;
        }
        for share in self.per_provider.iter().filter(|share| share.provider != self.requested) {
            let ops = self.others.iter().filter(|node| node.provider == share.provider).map(|node| node.op.as_str());
            write!(f, "; {} on {}: {}", share.nodes, share.provider, counted(ops))?;
        }
        Ok(())
    }
}

/// Formats `6 Reshape, 3 Gather`: the most frequent first, equal ones by name.
fn counted<'a>(ops: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for op in ops {
        *counts.entry(op).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(op, count)| format!("{count} {op}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::ErrorKind;
    use gnet_core::cost::Layer;

    const CUDA: &str = "CUDAExecutionProvider";
    const CPU: &str = "CPUExecutionProvider";

    /// Parses `PROVIDER NAME OP`, one node per line, as reported by a session.
    fn assignment(requested: &str, recorded: &str) -> Assignment {
        let node = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut word = || words.next().unwrap();
            AssignedNode { provider: word(), name: word(), op: word() }
        };
        Assignment { requested: requested.to_owned(), nodes: recorded.lines().map(node).collect() }
    }

    fn cost(layers: &[(&str, u64)]) -> Cost {
        let layer = |(name, macs): &(&str, u64)| Layer {
            name: (*name).to_owned(),
            op: "Conv".to_owned(),
            output_shape: None,
            params: 0,
            weights: 0,
            macs: *macs,
        };
        Cost::of_layers(layers.iter().map(layer).collect())
    }

    const MIXED: &str = "CUDAExecutionProvider stem.conv Conv\nCUDAExecutionProvider stem.relu Relu\n\
                         CPUExecutionProvider flat.shape Shape\nCPUExecutionProvider flat.gather Gather\n\
                         CPUExecutionProvider flat.shape.2 Shape\nCUDAExecutionProvider fc Gemm";

    #[test]
    fn all_on_one_provider_is_said_in_one_clause() {
        let all = assignment(CPU, &MIXED.replace(CUDA, CPU));
        let placement = Placement::of(&all, Some(&cost(&[("stem.conv", 900), ("fc", 100)])));
        assert_eq!(placement.to_string(), "6 of 6 nodes on CPUExecutionProvider");
        assert_eq!((placement.share, placement.by), (1.0, Weight::Macs));
        assert_eq!(placement.per_provider, [ProviderShare { provider: CPU.into(), nodes: 6, macs: Some(1000) }]);
        placement.check(&EngineOptions::default()).unwrap();
    }

    #[test]
    fn nodes_without_macs_may_lie_elsewhere() {
        let placement =
            Placement::of(&assignment(CUDA, MIXED), Some(&cost(&[("stem.conv", 900), ("stem.relu", 0), ("fc", 100)])));
        assert_eq!(
            placement.to_string(),
            "3 of 6 nodes on CUDAExecutionProvider (100 % of the MACs); 3 on CPUExecutionProvider: 2 Shape, 1 Gather"
        );
        assert_eq!(placement.others.iter().map(|n| n.op.as_str()).collect::<Vec<_>>(), ["Shape", "Gather", "Shape"]);
        placement.check(&EngineOptions::default()).unwrap();
    }

    #[test]
    fn macs_that_lie_elsewhere_void_the_run() {
        let moved = MIXED.replace("CUDAExecutionProvider fc", "CPUExecutionProvider fc");
        let layers = cost(&[("stem.conv", 9_999), ("fc", 1)]);
        let placement = Placement::of(&assignment(CUDA, &moved), Some(&layers));
        assert_eq!(placement.share, 0.9999);
        let error = placement.check(&EngineOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Check);
        assert_eq!(
            error.to_string(),
            "placement: 99.9 % of the MACs lie on CUDAExecutionProvider, fewer than the 100 % asked for: 2 of 6 nodes on \
             CUDAExecutionProvider (99.9 % of the MACs); 4 on CPUExecutionProvider: 2 Shape, 1 Gather, 1 Gemm"
        );
        placement.check(&EngineOptions { min_placement: 0.9999, ..EngineOptions::default() }).unwrap();
        placement.check(&EngineOptions { allow_fallback: true, ..EngineOptions::default() }).unwrap();
    }

    #[test]
    fn a_silent_fallback_is_a_share_of_nothing() {
        let placement = Placement::of(&assignment(CUDA, &MIXED.replace(CUDA, CPU)), None);
        assert_eq!((placement.share, placement.by), (0.0, Weight::Nodes));
        assert!(placement.to_string().starts_with("0 of 6 nodes on CUDAExecutionProvider; 6 on CPU"), "{placement}");
        assert!(placement.check(&EngineOptions::default()).is_err());
    }

    #[test]
    fn nodes_count_where_the_macs_cannot_be_joined() {
        let merged = MIXED.replace("fc Gemm", "fc_fused Gemm");
        for (recorded, layers) in [
            (MIXED, None),
            (MIXED, Some(cost(&[("stem.relu", 0)]))),
            (merged.as_str(), Some(cost(&[("stem.conv", 900), ("fc", 100)]))),
            (MIXED, Some(cost(&[("stem.conv", 900), ("stem.conv", 100)]))),
        ] {
            let placement = Placement::of(&assignment(CUDA, recorded), layers.as_ref());
            assert_eq!((placement.share, placement.by), (0.5, Weight::Nodes));
            assert!(placement.per_provider.iter().all(|share| share.macs.is_none()));
            assert!(!placement.to_string().contains("MACs"), "{placement}");
        }
    }

    #[test]
    fn a_file_that_folds_into_constants_is_nowhere_else() {
        let placement = Placement::of(&Assignment { requested: CUDA.into(), nodes: Vec::new() }, None);
        assert_eq!(placement.to_string(), "0 of 0 nodes on CUDAExecutionProvider");
        placement.check(&EngineOptions::default()).unwrap();
    }

    #[test]
    fn a_record_survives_json() {
        let placement = Placement::of(&assignment(CUDA, MIXED), Some(&cost(&[("stem.conv", 7)])));
        let json = serde_json::to_value(&placement).unwrap();
        assert_eq!((&json["by"], &json["per_provider"][0]["macs"]), (&"macs".into(), &7.into()));
        assert_eq!(json["others"][1], serde_json::json!({"provider": CPU, "name": "flat.gather", "op": "Gather"}));
        assert_eq!(serde_json::from_value::<Placement>(json).unwrap(), placement);
    }
}
