//! A picture of a graph: SVG with boxes for layers, frames for modules, colours for what a layer costs.
//!
//! `scene` decides what becomes a box and what a wire, `frames` which modules get a frame, `layout` computes the
//! coordinates, and `svg` writes the document. The picture depends only on the graph and the [`DrawOptions`], byte for
//! byte.

mod acyclic;
mod face;
mod facts;
mod frames;
mod layout;
mod links;
mod metric;
mod path;
mod scale;
mod scene;
mod svg;
mod times;

use crate::graph::Graph;
use crate::words::counted;
use crate::{Error, Result};

pub use metric::Metric;
pub use times::Times;

/// Options for drawing a graph.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DrawOptions {
    /// Title above the picture.
    pub title: String,
    /// Quantity that the colours show; `None` chooses time if times are given, else MACs if the graph states its
    /// shapes, else parameters.
    pub metric: Option<Metric>,
    /// Depth of the module tree at which each module becomes one box; `None` for no grouping.
    pub depth: Option<usize>,
    /// Draws a box for every node, even where an activation would be a strip in the box of the layer before.
    pub every_node: bool,
    /// Times of the layers, from a profile.
    pub times: Option<Times>,
    /// Maximum number of boxes in the picture.
    pub max_boxes: usize,
}

#[doc(hidden)]
#[deprecated(note = "is named `DrawOptions`")]
pub type Options = DrawOptions;

impl DrawOptions {
    /// Default of [`DrawOptions::max_boxes`].
    pub const MAX_BOXES: usize = 10_000;
}

impl Default for DrawOptions {
    fn default() -> Self {
        Self {
            title: String::new(),
            metric: None,
            depth: None,
            every_node: false,
            times: None,
            max_boxes: Self::MAX_BOXES,
        }
    }
}

/// A drawn graph.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Picture {
    /// The SVG document.
    pub svg: String,
    /// Quantity that its colours show.
    pub metric: Metric,
    /// Number of nodes of the graph.
    pub nodes: usize,
    /// Number of boxes of the picture, including those for inputs and outputs.
    pub boxes: usize,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Draws a graph from top to bottom.
///
/// Any valid graph ([`Graph::check`]) can be drawn: shapes, names and countable operations enrich the picture but are
/// not required. The running time is nearly proportional to the number of boxes and wires.
///
/// # Errors
/// Fails if there are more boxes than [`DrawOptions::max_boxes`], or if colours by time are asked for without times or with
/// the times of other layers.
pub fn draw(graph: &Graph, options: &DrawOptions) -> Result<Picture> {
    let scene = scene::Scene::new(graph, options);
    let boxes = scene.items.len();
    if boxes > options.max_boxes {
        let reason = format!("takes {} to draw, more than {}", counted(boxes, "box"), options.max_boxes);
        let shallower = options.depth.map_or(2, |depth| depth.saturating_sub(1)).max(1);
        return Err(Error::input(Error::THE_FILE, reason)
            .remedy(format!("sum modules up with --depth {shallower}, or allow them with --max-nodes {boxes}")));
    }
    let metric = metric::chosen(&scene, options)?;
    let scene = links::cut(scene);
    let (svg, width, height) = svg::document(graph, &scene, metric, options);
    Ok(Picture { svg, metric, nodes: graph.nodes.len(), boxes, width, height })
}

#[cfg(test)]
mod tests;
