//! SVG documents of charts: text, lines and shapes in colours for a light and for a dark background.
//!
//! A document has a background of its own and takes the colours of the reader's scheme, so that it is readable on any
//! page. A chart states no place twice: it computes where its texts go and [`Sheet`] writes them there, which is why
//! `apart` can hold every chart against the rule that no text lies on another.

#[cfg(test)]
pub(crate) mod apart;
pub(crate) mod text;

use std::fmt::Write;

use super::visible;
use text::escaped;

/// Font size of text and of a title, in pixels.
pub(crate) const TEXT: f64 = 12.0;
pub(crate) const TITLE: f64 = 15.0;

/// Size at which the width of a title is estimated: bold letters are wider.
pub(crate) const BOLD: f64 = 1.1 * TITLE;

/// Space around everything, in pixels.
pub(crate) const MARGIN: f64 = 16.0;

/// Number of colours for series.
pub(crate) const COLOURS: usize = LIGHT.series.len();

/// Colours of one scheme.
struct Scheme {
    paper: &'static str,
    ink: &'static str,
    grid: &'static str,
    axis: &'static str,
    /// In the hues of Okabe and Ito's palette, which colour-blind readers can tell apart ("Color Universal Design", 2008);
    /// its light ones are darkened for white paper, and its dark ones lightened for black.
    series: [&'static str; 7],
}

const LIGHT: Scheme = Scheme {
    paper: "#ffffff",
    ink: "#24292f",
    grid: "#dde2e7",
    axis: "#57606a",
    series: ["#0072b2", "#cc5500", "#00805c", "#b04a8c", "#8f6400", "#6a51c9", "#5a5a5a"],
};

const DARK: Scheme = Scheme {
    paper: "#0d1117",
    ink: "#e6edf3",
    grid: "#2b323b",
    axis: "#9aa4af",
    series: ["#56b4e9", "#ff9142", "#2fc598", "#e58cc0", "#e6b422", "#a99bff", "#b4b4b4"],
};

impl Scheme {
    fn style(&self) -> String {
        let Self { paper, ink, grid, axis, series } = self;
        let mut style = format!(
            ".gnet .paper{{fill:{paper}}}.gnet text{{fill:{ink}}}.gnet .grid{{stroke:{grid}}}.gnet .axis{{stroke:{axis}}}"
        );
        for (number, colour) in series.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(style, ".gnet .c{number}{{color:{colour}}}");
        }
        style
    }
}

/// Formats a length with at most one decimal place.
pub(crate) fn num(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

/// Side of its place on which a text lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// It begins there.
    Start,
    /// It is centred there.
    Middle,
    /// It ends there.
    End,
}

/// Appearance of a series: no two of the first 28 are alike, even without colours two of 7 are told apart by their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Number of the series among those of its kind.
    pub number: usize,
    /// Whether its lines are dashed.
    pub dashed: bool,
}

/// A document under construction.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    body: String,
}

impl Sheet {
    /// Writes a text whose baseline is at the place.
    pub fn text(&mut self, place: (f64, f64), anchor: Anchor, text: &str) {
        self.write_text(place, anchor, "", text);
    }

    /// Writes the title: bold, and larger.
    pub fn title(&mut self, place: (f64, f64), text: &str) {
        self.write_text(place, Anchor::Start, " class=\"t\"", text);
    }

    fn write_text(&mut self, (x, y): (f64, f64), anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let (x, y) = (num(x), num(y));
        let _ =
            writeln!(self.body, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\"{class}>{}</text>", escaped(text));
    }

    /// Draws a straight line of the class `grid` or `axis`.
    pub fn rule(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let [x1, y1, x2, y2] = [from.0, from.1, to.0, to.1].map(num);
        let _ = writeln!(self.body, "<path class=\"{class}\" d=\"M{x1} {y1}L{x2} {y2}\"/>");
    }

    /// Draws the line of a series through its points.
    pub fn curve(&mut self, look: Look, points: &[(f64, f64)]) {
        let places: Vec<_> = points.iter().map(|(x, y)| format!("{},{}", num(*x), num(*y))).collect();
        let dash = if look.dashed { " stroke-dasharray=\"6 4\"" } else { "" };
        let _ = writeln!(
            self.body,
            "<polyline class=\"c{}\" points=\"{}\" fill=\"none\" stroke=\"currentColor\" stroke-width=\"2\"{dash}/>",
            look.number % COLOURS,
            places.join(" ")
        );
    }

    /// Draws a point of a series, with what a reader is told who points at it.
    pub fn point(&mut self, look: Look, (x, y): (f64, f64), told: &str) {
        // A circle for the first seven of a kind, a square for the next.
        let shape = if (look.number / COLOURS).is_multiple_of(2) {
            format!("<circle class=\"c{}\" cx=\"{}\" cy=\"{}\" r=\"3.5\"", look.number % COLOURS, num(x), num(y))
        } else {
            let (colour, x, y) = (look.number % COLOURS, num(x - 3.5), num(y - 3.5));
            format!("<rect class=\"c{colour}\" x=\"{x}\" y=\"{y}\" width=\"7\" height=\"7\"")
        };
        let _ = writeln!(self.body, "{shape} fill=\"currentColor\"><title>{}</title></{}", escaped(told), end(&shape));
    }

    /// Draws a bar from its upper left corner, with what a reader is told who points at it.
    pub fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), told: &str) {
        let [x, y, width, height] = [x, y, width, height].map(num);
        let _ = writeln!(
            self.body,
            "<rect class=\"c0\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" fill=\"currentColor\">\
             <title>{}</title></rect>",
            escaped(told)
        );
    }

    /// Completes the document. A reader who does not see it is told the title and the description.
    pub fn document(self, title: &str, description: &str, width: f64, height: f64) -> String {
        let (width, height) = (num(width.ceil()), num(height.ceil()));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" class=\"gnet\" role=\"img\" aria-labelledby=\"title desc\">\n\
             <title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n<style>\
             .gnet text{{font-family:Arial,Helvetica,sans-serif;font-size:{TEXT}px}}\
             .gnet .t{{font-size:{TITLE}px;font-weight:bold}}{}\
             @media (prefers-color-scheme:dark){{{}}}</style>\n\
             <rect class=\"paper\" width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n{}</svg>\n",
            escaped(&visible(title)),
            escaped(&visible(description)),
            LIGHT.style(),
            DARK.style(),
            self.body
        )
    }
}

/// Returns the end of the element that the text begins.
fn end(element: &str) -> &str {
    if element.starts_with("<circle") { "circle>" } else { "rect>" }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance, by WCAG 2.2.
    fn luminance(hex: &str) -> f64 {
        let channel = |at: usize| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn everything_stands_out_from_the_paper_of_both_schemes() {
        // WCAG 2.2 asks for 4.5 of text and for 3 of shapes (level AA).
        for scheme in [LIGHT, DARK] {
            assert!(contrast(scheme.ink, scheme.paper) >= 4.5 && contrast(scheme.axis, scheme.paper) >= 4.5);
            for colour in scheme.series {
                assert!(contrast(colour, scheme.paper) >= 3.0, "{colour} on {}", scheme.paper);
            }
        }
    }

    #[test]
    fn a_document_tells_what_it_shows_and_escapes_it() {
        let mut sheet = Sheet::default();
        sheet.text((1.0, 2.04), Anchor::End, "a<b>&\u{1b}");
        sheet.point(Look { number: 8, dashed: false }, (10.0, 10.0), "<i>");
        let svg = sheet.document("\"T\"", "<script>", 99.2, 50.0);
        for part in [
            "width=\"100\" height=\"50\" viewBox=\"0 0 100 50\"",
            "<title id=\"title\">&quot;T&quot;</title>",
            "<desc id=\"desc\">&lt;script&gt;</desc>",
            "<text x=\"1\" y=\"2\" text-anchor=\"end\">a&lt;b&gt;&amp;\u{fffd}</text>",
            "<rect class=\"c1\" x=\"6.5\" y=\"6.5\" width=\"7\" height=\"7\" fill=\"currentColor\"><title>&lt;i&gt;</title></rect>",
            "@media (prefers-color-scheme:dark)",
        ] {
            assert!(svg.contains(part), "{part} in\n{svg}");
        }
    }
}
