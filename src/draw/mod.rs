//! A picture of a graph: SVG with boxes for layers, frames for modules, colours for what a layer costs.
//!
//! `scene` decides what is a box and what is a wire, `frames` which modules have a frame, `layout` where everything is,
//! `svg` writes it. The picture depends on nothing but the graph and the [`Options`]: the same bytes each time.

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
mod text;
mod times;

use crate::graph::Graph;
use crate::words::counted;
use crate::{Error, Result};

pub use metric::Metric;
pub use times::Times;

/// What is drawn, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Title above the picture.
    pub title: String,
    /// What the colours show; `None` chooses time where times are given, else MACs where the graph states its shapes, else
    /// parameters.
    pub metric: Option<Metric>,
    /// One box for each module at this depth of the module tree.
    pub depth: Option<usize>,
    /// A box for each node, also where an activation would be a strip in the box of the layer before.
    pub every_node: bool,
    /// Times of the layers.
    pub times: Option<Times>,
    /// How many boxes a picture may have.
    pub max_boxes: usize,
}

impl Options {
    /// Boxes that a picture has at most unless asked for more.
    pub const MAX_BOXES: usize = 10_000;
}

impl Default for Options {
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

/// A picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The SVG document.
    pub svg: String,
    /// What its colours show.
    pub metric: Metric,
    /// Nodes of the graph.
    pub nodes: usize,
    /// Boxes of the picture, those for inputs and outputs included.
    pub boxes: usize,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// Draws a graph, top to bottom.
///
/// Any graph that holds ([`Graph::check`]) can be drawn: shapes, names and countable operations make the picture richer
/// and are not needed. The work grows with boxes and wires, nearly in proportion.
///
/// # Errors
/// More boxes than [`Options::max_boxes`]; colours by time without times, or with times of other layers.
pub fn draw(graph: &Graph, options: &Options) -> Result<Picture> {
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
