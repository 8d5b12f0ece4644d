//! The text in a box, and the space that it takes.

use super::scene::{Item, Kind};
use super::{Metric, path};
use crate::report::svg::text::{compact, shortened, width};
use crate::words::counted;

/// Font size of a box's first line and of a frame's name.
pub const HEAD: f64 = 12.0;
pub const LINE: f64 = 10.5;
pub const STEP: f64 = 14.0;
pub const STRIP: f64 = 16.0;
const PAD: f64 = 9.0;
/// Smallest width of a box, and greatest length of a text in one.
const NARROWEST: f64 = 92.0;
const LONGEST: usize = 34;

pub struct Face {
    kind: Kind,
    pub head: String,
    pub lines: Vec<String>,
    pub strip: Option<String>,
}

impl Face {
    pub fn new(item: &Item, frame: &str) -> Self {
        let name = path::inside(&item.name, frame);
        let mut lines = Vec::new();
        let mut head = item.heading.clone();
        match item.kind {
            Kind::Input | Kind::Output | Kind::Link => head = item.name.clone(),
            Kind::Layer => lines.push(name.to_owned()),
            Kind::Module => lines.push(std::mem::replace(&mut head, name.to_owned())),
        }
        if item.kind == Kind::Link {
            lines.push(item.heading.clone());
        }
        lines.extend(item.shape.clone());
        let facts = &item.facts;
        let mut numbers = Vec::new();
        if facts.params > 0 {
            numbers.push(counted(compact(facts.params as f64), "param"));
        }
        if let Some(macs) = facts.macs.filter(|macs| *macs > 0) {
            numbers.push(counted(compact(macs as f64), "MAC"));
        }
        if !numbers.is_empty() {
            lines.push(numbers.join(" · "));
        }
        lines.extend(facts.ms.map(|ms| Metric::Time.show(ms)));
        lines.retain(|line| !line.is_empty());
        let strip = (!item.strip.is_empty()).then(|| shortened(&item.strip.join(" · "), LONGEST));
        let lines = lines.iter().map(|line| shortened(line, LONGEST)).collect();
        Self { kind: item.kind, head: shortened(&head, LONGEST), lines, strip }
    }

    pub fn size(&self) -> (f64, f64) {
        let pill = matches!(self.kind, Kind::Input | Kind::Output | Kind::Link);
        let lines = self.lines.iter().chain(&self.strip).map(|line| width(line, LINE));
        // Bold letters are about a tenth wider.
        let widest = lines.chain([width(&self.head, HEAD) * 1.1]).fold(0.0, f64::max);
        let height = STEP * (self.lines.len() + 1) as f64 + 9.0;
        let strip = if self.strip.is_some() { STRIP } else { 0.0 };
        ((widest + 2.0 * PAD + if pill { 10.0 } else { 0.0 }).max(NARROWEST).ceil(), height + strip)
    }
}
