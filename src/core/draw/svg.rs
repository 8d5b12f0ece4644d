//! SVG document of a laid-out scene.

use std::fmt::Write;

use super::face::{Face, HEAD, LINE, STEP, STRIP};
use super::facts::{self, Facts};
use super::frames::Frames;
use super::layout::Stroke;
use super::layout::nest::{Nested, Rect, nested};
use super::scene::{Item, Kind, Scene};
use super::{DrawOptions, Metric, scale};
use crate::graph::Graph;
use crate::report::svg::num;
use crate::report::svg::text::{compact, escaped, shortened, width};
use crate::words::counted;

const MARGIN: f64 = 16.0;
const TITLE: f64 = 16.0;
const BAR: (f64, f64) = (280.0, 11.0);

/// Scoped to a class, so that a page that embeds the picture keeps its own styles.
const STYLE: &str = "\
.gnet text{font-family:Arial,Helvetica,sans-serif;font-size:10.5px;text-anchor:middle}\
.gnet .h{font-size:12px;font-weight:bold}.gnet .l{text-anchor:start;fill:#17212b}\
.gnet .t{font-size:16px;font-weight:bold}\
.gnet .f{font-size:12px;font-weight:bold;fill:#4a5865;text-anchor:start}\
.gnet .w{fill:none;stroke:#6b7885;stroke-width:1.3}.gnet .a{fill:#6b7885}.gnet .b{stroke:#3f4c59;stroke-width:1}\
.gnet .e:hover .w{stroke:#d55e00;stroke-width:2.6}.gnet .e:hover .a{fill:#d55e00}";

pub fn document(graph: &Graph, scene: &Scene, metric: Metric, options: &DrawOptions) -> (String, u32, u32) {
    let frames = Frames::new(scene);
    let labels: Vec<String> = frames.frames.iter().map(|frame| label(&frames, &frame.module, frame.parent)).collect();
    let faces: Vec<Face> =
        scene.items.iter().zip(&frames.of).map(|(item, f)| Face::new(item, &frames.frames[*f].module)).collect();
    let sizes: Vec<(f64, f64)> = faces.iter().map(Face::size).collect();
    let wires: Vec<(usize, Vec<usize>)> = scene.wires.iter().map(|wire| (wire.from, wire.to.clone())).collect();
    let label_widths: Vec<f64> = labels.iter().map(|label| width(label, HEAD) * 1.1).collect();
    let places = nested(&sizes, &wires, &frames, &label_widths);
    let largest = scene.items.iter().filter_map(|item| metric.of(&item.facts)).fold(0.0, f64::max);
    let mut writer = Writer { out: String::new(), graph, scene, metric, largest, total: scene.total() };
    let (header, header_width, header_height) = writer.header(options);
    let width = (places.frames[0].width.max(header_width) + 2.0 * MARGIN).ceil();
    let height = (places.frames[0].height + header_height + 2.0 * MARGIN).ceil();
    let left = (width - places.frames[0].width) / 2.0;
    let top = header_height + MARGIN;
    writer.open(width, height, options, &header);
    let _ = write!(writer.out, "<g transform=\"translate({} {})\">", num(left), num(top));
    writer.frames(&frames, &places);
    scene.wires.iter().zip(&places.strokes).for_each(|(wire, strokes)| writer.wire(&wire.label, strokes));
    writer.labels(&frames, &labels, &places);
    for ((item, face), place) in scene.items.iter().zip(&faces).zip(&places.boxes) {
        writer.item(item, face, *place);
    }
    writer.out.push_str("</g></svg>\n");
    (writer.out, width as u32, height as u32)
}

/// Returns a frame's name without that of the frame around it.
fn label(frames: &Frames, module: &str, parent: usize) -> String {
    let outer = &frames.frames[parent].module;
    let rest = module.strip_prefix(outer.as_str()).unwrap_or(module).trim_start_matches(['.', '/']);
    shortened(if rest.is_empty() { module } else { rest }, 40)
}

/// Returns the fill of a frame: nested frames alternate between two greys.
fn frame_fill(frames: &Frames, number: usize) -> &'static str {
    let around = std::iter::successors(Some(number), |frame| Some(frames.frames[*frame].parent).filter(|f| *f != 0));
    if around.count() % 2 == 1 { "#f1f4f7" } else { "#e4eaef" }
}

fn at(x: f64, y: f64) -> String {
    format!("x=\"{}\" y=\"{}\"", num(x), num(y))
}

fn sides(rect: Rect) -> String {
    format!("{} width=\"{}\" height=\"{}\"", at(rect.x, rect.y), num(rect.width), num(rect.height))
}

struct Writer<'a> {
    out: String,
    graph: &'a Graph,
    scene: &'a Scene,
    metric: Metric,
    largest: f64,
    total: Facts,
}

impl Writer<'_> {
    fn open(&mut self, width: f64, height: f64, options: &DrawOptions, header: &str) {
        let title = escaped(&options.title);
        let (w, h) = (num(width), num(height));
        let _ = write!(
            self.out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" class=\"gnet\" role=\"img\">\n\
             <title>{title}</title><style>{STYLE}</style>\n<rect width=\"{w}\" height=\"{h}\" fill=\"#ffffff\"/>\n{header}",
        );
    }

    /// Writes title, totals and legend; also returns their width and height.
    fn header(&self, options: &DrawOptions) -> (String, f64, f64) {
        let mut out = String::new();
        let mut y = MARGIN + TITLE;
        let mut widest: f64 = 0.0;
        let title = shortened(&options.title, 60);
        if !title.is_empty() {
            let _ = writeln!(out, "<text class=\"l t\" x=\"{MARGIN}\" y=\"{}\">{}</text>", num(y), escaped(&title));
            widest = width(&title, TITLE) * 1.1;
            y += 19.0;
        }
        let totals = self.totals();
        widest = widest.max(width(&totals, LINE));
        let _ = writeln!(out, "<text class=\"l\" x=\"{MARGIN}\" y=\"{}\">{}</text>", num(y), escaped(&totals));
        if let Some(rest) = self.elsewhere(options) {
            y += STEP;
            widest = widest.max(width(&rest, LINE));
            let _ = writeln!(out, "<text class=\"l\" x=\"{MARGIN}\" y=\"{}\">{}</text>", num(y), escaped(&rest));
        }
        if self.metric != Metric::None {
            y += 12.0;
            widest = widest.max(self.legend(&mut out, y));
            y += BAR.1 + 14.0;
        }
        (out, widest, y)
    }

    fn totals(&self) -> String {
        let boxes = self.scene.items.iter().filter(|i| matches!(i.kind, Kind::Layer | Kind::Module)).count();
        let nodes = self.graph.nodes.len();
        let mut parts = vec![if nodes == boxes {
            counted(nodes, "node")
        } else {
            format!("{} in {}", counted(nodes, "node"), counted(boxes, "box"))
        }];
        let least = if self.total.partial { "at least " } else { "" };
        parts.push(format!("{least}{}", counted(compact(self.total.params as f64), "parameter")));
        parts.extend(self.total.macs.map(|macs| format!("{least}{}", counted(compact(macs as f64), "MAC"))));
        parts.extend(self.total.ms.map(|ms| Metric::Time.show(ms)));
        parts.join(" · ")
    }

    /// Describes the time that no box shows: an engine's own kernels, or layers of another file.
    fn elsewhere(&self, options: &DrawOptions) -> Option<String> {
        let all = options.times.as_ref()?.total();
        let rest = all - self.total.ms.unwrap_or(0.0);
        (rest > 0.001 * all)
            .then(|| format!("{} of {} in kernels of no layer", Metric::Time.show(rest), Metric::Time.show(all)))
    }

    /// Draws the bar with its numbers at height `y` and returns its width.
    fn legend(&self, out: &mut String, y: f64) -> f64 {
        const STOPS: usize = 16;
        out.push_str("<defs><linearGradient id=\"scale\">");
        for stop in 0..=STOPS {
            let place = stop as f64 / STOPS as f64;
            let _ = write!(out, "<stop offset=\"{}\" stop-color=\"{}\"/>", place, scale::colour(place).hex());
        }
        out.push_str("</linearGradient></defs>\n");
        let bar = sides(Rect { x: MARGIN, y, width: BAR.0, height: BAR.1 });
        let _ = writeln!(out, "<rect {bar} fill=\"url(#scale)\" stroke=\"#3f4c59\" stroke-width=\"0.5\"/>");
        let legend = self.metric.legend();
        let beside = MARGIN + BAR.0 + 14.0;
        let _ = writeln!(out, "<text class=\"l\" {}>{legend}</text>", at(beside, y + BAR.1 - 1.5));
        if self.largest > 0.0 {
            for quarter in 0..=4 {
                let place = f64::from(quarter) / 4.0;
                let anchor = match quarter {
                    0 => "start",
                    4 => "end",
                    _ => "middle",
                };
                let _ = writeln!(
                    out,
                    "<text {} fill=\"{}\" style=\"text-anchor:{anchor}\">{}</text>",
                    at(MARGIN + BAR.0 * place, y + BAR.1 + 12.0),
                    scale::INK,
                    escaped(&self.metric.show(scale::value(place, self.largest)))
                );
            }
        }
        BAR.0 + 14.0 + width(legend, LINE)
    }

    fn frames(&mut self, frames: &Frames, places: &Nested) {
        let mut facts = vec![Facts::NOTHING; frames.frames.len()];
        for (item, frame) in self.scene.items.iter().zip(&frames.of) {
            facts[*frame] = facts[*frame].plus(item.facts);
        }
        for number in (1..frames.frames.len()).rev() {
            let parent = frames.frames[number].parent;
            facts[parent] = facts[parent].plus(facts[number]);
        }
        for (number, frame) in frames.frames.iter().enumerate().skip(1) {
            let (sides, fill) = (sides(places.frames[number]), frame_fill(frames, number));
            let told = [vec![frame.module.clone()], self.numbers(&facts[number])].concat().join("\n");
            let _ = writeln!(
                self.out,
                "<g><title>{}</title><rect {sides} rx=\"7\" fill=\"{fill}\" stroke=\"#c9d2da\"/></g>",
                escaped(&told),
            );
        }
    }

    /// Writes the names of the frames on top of the wires, which are interrupted there.
    fn labels(&mut self, frames: &Frames, labels: &[String], places: &Nested) {
        for (number, label) in labels.iter().enumerate().skip(1) {
            let Rect { x, y, .. } = places.frames[number];
            let _ = writeln!(
                self.out,
                "<rect {} fill=\"{}\"/><text class=\"f\" {}>{}</text>",
                sides(Rect { x: x + 6.0, y: y + 3.0, width: width(label, HEAD) * 1.1 + 6.0, height: 14.0 }),
                frame_fill(frames, number),
                at(x + 9.0, y + 14.5),
                escaped(label),
            );
        }
    }

    fn wire(&mut self, label: &str, strokes: &[Stroke]) {
        let mut line = String::new();
        let mut arrows = String::new();
        for Stroke { x, top, bend, bottom, end } in strokes {
            let tip = if end.is_some() { bottom - 5.0 } else { *bottom };
            if (x.0 - x.1).abs() < 0.05 {
                let _ = write!(line, "M{} {}V{}", num(x.0), num(*top), num(tip));
            } else {
                let lower = bend.1.min(tip);
                let middle = (bend.0 + lower) / 2.0;
                let _ = write!(line, "M{} {}", num(x.0), num(*top));
                if bend.0 > *top {
                    let _ = write!(line, "V{}", num(bend.0));
                }
                let [x0, x1, m, l] = [x.0, x.1, middle, lower].map(num);
                let _ = write!(line, "C{x0} {m} {x1} {m} {x1} {l}");
                if tip > lower {
                    let _ = write!(line, "V{}", num(tip));
                }
            }
            if end.is_some() {
                let _ = write!(arrows, "M{} {}l-3.5-7h7z", num(x.1), num(*bottom));
            }
        }
        let _ = write!(self.out, "<g class=\"e\"><title>{}</title><path class=\"w\" d=\"{line}\"/>", escaped(label));
        if !arrows.is_empty() {
            let _ = write!(self.out, "<path class=\"a\" d=\"{arrows}\"/>");
        }
        self.out.push_str("</g>\n");
    }

    fn item(&mut self, item: &Item, face: &Face, place: Rect) {
        let value = self.metric.of(&item.facts).filter(|_| matches!(item.kind, Kind::Layer | Kind::Module));
        let fill = match value {
            Some(value) if value > 0.0 => scale::colour(scale::place(value, self.largest)),
            _ => scale::Colour([255; 3]),
        };
        let unknown = value.is_none() && self.metric != Metric::None;
        let (radius, look) = match item.kind {
            Kind::Layer | Kind::Module if unknown => (5.0, " stroke-dasharray=\"4 3\""),
            Kind::Layer | Kind::Module => (5.0, ""),
            Kind::Link => (place.height / 2.0, " stroke-dasharray=\"2 3\""),
            Kind::Input | Kind::Output => (place.height / 2.0, ""),
        };
        let fill_hex =
            if item.kind == Kind::Layer || item.kind == Kind::Module { fill.hex() } else { "#eef1f4".into() };
        let Rect { x, y, width, height } = place;
        let _ = write!(
            self.out,
            "<g><title>{}</title><rect class=\"b\" {} rx=\"{}\" fill=\"{fill_hex}\"{look}/>",
            escaped(&self.told(item)),
            sides(place),
            num(radius)
        );
        let centre = num(x + width / 2.0);
        if let Some(strip) = &face.strip {
            let [left, right, top, bottom] = [x, x + width, y + height - STRIP, y + height].map(num);
            let [low, in_left, in_right] = [y + height - 5.0, x + 5.0, x + width - 5.0].map(num);
            let _ = write!(
                self.out,
                "<path class=\"b\" fill=\"#e6e9ec\" d=\"M{left} {top}H{right}V{low}A5 5 0 0 1 {in_right} {bottom}H{in_left}A5 5 0 0 1 {left} {low}z\"/>\
                 <text x=\"{centre}\" y=\"{}\" fill=\"{}\">{}</text>",
                num(y + height - 4.5),
                scale::INK,
                escaped(strip)
            );
        }
        let _ = write!(self.out, "<g fill=\"{}\">", fill.ink());
        let _ =
            write!(self.out, "<text class=\"h\" x=\"{centre}\" y=\"{}\">{}</text>", num(y + 16.0), escaped(&face.head));
        for (i, line) in face.lines.iter().enumerate() {
            let y = y + 16.0 + STEP * (i + 1) as f64;
            let _ = write!(self.out, "<text x=\"{centre}\" y=\"{}\">{}</text>", num(y), escaped(line));
        }
        self.out.push_str("</g></g>\n");
    }

    /// Returns everything known about a box, for its tooltip.
    fn told(&self, item: &Item) -> String {
        /// Maximum number of nodes and of attributes in a tooltip.
        const LISTED: usize = 12;
        let mut lines = vec![shortened(&item.name, 200)];
        match item.kind {
            Kind::Layer => {
                for node in item.nodes.iter().take(LISTED).map(|i| &self.graph.nodes[*i]) {
                    let domain = if node.domain.is_empty() { String::new() } else { format!("{}::", node.domain) };
                    let name = if item.nodes.len() > 1 { self.graph.node_name(node) } else { "" };
                    lines.push(shortened(&format!("{domain}{} {name}", node.op_type), 200).trim_end().to_owned());
                    let attributes = node.attributes.iter().take(LISTED);
                    lines.extend(attributes.map(|(name, value)| format!("  {}", facts::attribute(name, value))));
                }
            }
            Kind::Link => lines.push("a value from far above".to_owned()),
            _ => lines.push(item.heading.clone()),
        }
        lines.extend(item.shape.as_ref().map(|shape| format!("makes {shape}")));
        lines.extend(self.numbers(&item.facts));
        lines.join("\n")
    }

    /// Formats parameters, MACs and time, with their share of the total.
    fn numbers(&self, facts: &Facts) -> Vec<String> {
        let share = |value: f64, of: f64| match of > 0.0 {
            true => format!(" ({:.1} %)", 100.0 * value / of),
            false => String::new(),
        };
        let least = if facts.partial { "at least " } else { "" };
        let thousands = |value: u64| format!("{least}{}", crate::report::number::thousands(value.into()));
        let mut lines = Vec::new();
        if facts.params > 0 {
            let share = share(facts.params as f64, self.total.params as f64);
            lines.push(format!("{}{share}", counted(thousands(facts.params), "parameter")));
        }
        if let Some(macs) = facts.macs.filter(|macs| *macs > 0) {
            let share = share(macs as f64, self.total.macs.unwrap_or(0) as f64);
            lines.push(format!("{}{share}", counted(thousands(macs), "MAC")));
        }
        if let Some(ms) = facts.ms {
            lines.push(format!("{}{}", Metric::Time.show(ms), share(ms, self.total.ms.unwrap_or(0.0))));
        }
        lines
    }
}
