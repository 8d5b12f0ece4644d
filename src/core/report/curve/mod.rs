//! Line charts as SVG: loss and accuracy over epochs, latency and throughput over batches.

mod axis;

use super::svg::text::{fitted, width};
use super::svg::{Anchor, BOLD, Look, MARGIN, Sheet, TEXT};
use crate::{Error, Result};
use axis::{Ruler, Tick};

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points `(x, y)` in the order in which they are joined. Points that the axes do not have are left out.
    pub points: Vec<(f64, f64)>,
    /// Whether the line is dashed, as that of something to compare with.
    pub dashed: bool,
}

impl Series {
    /// Creates a solid line.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        Self { name: name.into(), points: points.into_iter().collect(), dashed: false }
    }

    /// Sets whether the line is dashed.
    pub fn dashed(self, dashed: bool) -> Self {
        Self { dashed, ..self }
    }
}

/// Scale of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scale {
    /// Equal differences are equally long. It has the values whose size is below 1e300.
    Linear,
    /// Equal ratios are equally long. It has the values between 1e-300 and 1e300.
    Log,
}

impl Scale {
    fn has(self, value: f64) -> bool {
        value.abs() < 1e300 && (self == Self::Linear || value > 1e-300)
    }
}

/// Label and scale of an axis.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Axis {
    /// Label, with the unit.
    pub label: String,
    /// Scale.
    pub scale: Scale,
}

impl Axis {
    /// Creates an axis with a linear scale.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear }
    }

    /// Creates an axis with a logarithmic scale.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log }
    }
}

/// A chart with a legend beside it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Chart {
    /// Title above the chart.
    pub title: String,
    /// Description for readers who do not see it.
    pub description: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The lines. The legend has them in the order in which they end, from top to bottom.
    pub series: Vec<Series>,
}

/// Width and least height of the area of the lines, in pixels.
const PLOT: (f64, f64) = (460.0, 300.0);

/// Place of that area below the upper edge, and room below it for the horizontal axis.
const TOP: f64 = 64.0;
const BELOW: f64 = 52.0;

/// Space between that area and the legend, length of the line beside a name there, greatest width of a name, and height of a row.
const GAP: f64 = 22.0;
const SAMPLE: f64 = 36.0;
const NAME: f64 = 250.0;
const ROW: f64 = 20.0;

/// Maximum number of points for which a line shows each of them as a dot.
const MAX_DOTS: usize = 40;

impl Chart {
    /// Creates a chart without lines.
    pub fn new(title: impl Into<String>, x: Axis, y: Axis) -> Self {
        Self { title: title.into(), description: String::new(), x, y, series: Vec::new() }
    }

    /// Renders the chart as an SVG document. The same chart gives the same bytes, and no text lies on another.
    ///
    /// # Errors
    /// Fails if the chart has no point that its axes have.
    pub fn svg(&self) -> Result<String> {
        let lines: Vec<Line> = self.lines();
        let all = || lines.iter().flat_map(|line| &line.points);
        if all().next().is_none() {
            let reason = match (self.x.scale, self.y.scale) {
                (Scale::Linear, Scale::Linear) => "has no finite point",
                _ => "has no finite point above zero",
            };
            return Err(Error::input(format!("chart '{}'", self.title), reason));
        }
        let xs: Vec<f64> = all().map(|point| point.0).collect();
        let ys: Vec<f64> = all().map(|point| point.1).collect();
        let (x, y) = (Ruler::new(self.x.scale, &xs, 0.04), Ruler::new(self.y.scale, &ys, 0.06));
        let height = PLOT.1.max(ROW * lines.len() as f64);
        let x_ticks = apart(x.own_ticks(&xs));
        let y_ticks = y.ticks();
        let label = y_ticks.iter().map(|tick| width(&tick.label, TEXT)).fold(0.0, f64::max);
        // A label of the horizontal axis may begin before the axis does; the legend is wider than what may end behind it.
        let half = |tick: &Tick| width(&tick.label, TEXT) / 2.0 + 4.0;
        let before = x_ticks.iter().map(|tick| half(tick) - tick.place * PLOT.0).fold(0.0, f64::max);
        let frame = Frame { left: (MARGIN + label + 8.0).max(before).ceil(), height };
        let mut sheet = Sheet::default();
        self.axes(&mut sheet, &frame, &x_ticks, &y_ticks);
        for line in &lines {
            let places: Vec<_> =
                line.points.iter().map(|point| frame.place(x.place(point.0), y.place(point.1))).collect();
            sheet.curve(line.look, &places);
            if places.len() <= MAX_DOTS {
                for (place, (x, y)) in places.iter().zip(&line.points) {
                    sheet.point(line.look, *place, &format!("{}: {x}, {y}", line.name));
                }
            }
        }
        let legend = frame.legend(&mut sheet, &lines);
        let wide = frame.left + PLOT.0 + GAP + legend + MARGIN;
        let title = fitted(&self.title, BOLD, wide - 2.0 * MARGIN);
        sheet.title((MARGIN, MARGIN + 12.0), &title);
        Ok(sheet.document(&self.title, &self.description, wide, TOP + height + BELOW))
    }

    /// Returns the lines with the points that the axes have, those that end highest first. Lines of one kind differ in colour.
    fn lines(&self) -> Vec<Line> {
        let mut numbers = [0; 2];
        let mut lines = Vec::new();
        for series in &self.series {
            let number = &mut numbers[usize::from(series.dashed)];
            let look = Look { number: *number, dashed: series.dashed };
            let points = series.points.iter().copied();
            let points: Vec<_> = points.filter(|(x, y)| self.x.scale.has(*x) && self.y.scale.has(*y)).collect();
            if !points.is_empty() {
                *number += 1;
                lines.push(Line { name: fitted(&series.name, TEXT, NAME), look, points });
            }
        }
        let end = |line: &Line| line.points.last().map_or(0.0, |point| point.1);
        lines.sort_by(|a, b| end(b).total_cmp(&end(a)));
        lines
    }

    fn axes(&self, sheet: &mut Sheet, frame: &Frame, x_ticks: &[Tick], y_ticks: &[Tick]) {
        let (left, bottom) = (frame.left, TOP + frame.height);
        for tick in x_ticks {
            let (x, _) = frame.place(tick.place, 0.0);
            sheet.rule("grid", (x, TOP), (x, bottom));
            sheet.text((x, bottom + 17.0), Anchor::Middle, &tick.label);
        }
        for tick in y_ticks {
            let (_, y) = frame.place(0.0, tick.place);
            sheet.rule("grid", (left, y), (left + PLOT.0, y));
            sheet.text((left - 8.0, y + 4.0), Anchor::End, &tick.label);
        }
        sheet.rule("axis", (left, TOP), (left, bottom));
        sheet.rule("axis", (left, bottom), (left + PLOT.0, bottom));
        sheet.text((MARGIN, TOP - 14.0), Anchor::Start, &fitted(&self.y.label, TEXT, PLOT.0));
        let middle = left + PLOT.0 / 2.0;
        sheet.text((middle, bottom + 38.0), Anchor::Middle, &fitted(&self.x.label, TEXT, PLOT.0));
    }
}

/// A line as it is drawn.
struct Line {
    name: String,
    look: Look,
    points: Vec<(f64, f64)>,
}

/// Area of the lines: its left edge and its height.
struct Frame {
    left: f64,
    height: f64,
}

impl Frame {
    /// Returns the pixels of a point that is given as shares of both axes.
    fn place(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + x * PLOT.0, TOP + (1.0 - y) * self.height)
    }

    /// Writes the names of the lines to the right of it, and returns the width that they take.
    fn legend(&self, sheet: &mut Sheet, lines: &[Line]) -> f64 {
        let left = self.left + PLOT.0 + GAP;
        for (row, line) in lines.iter().enumerate() {
            let y = TOP + ROW * (row as f64 + 0.5);
            sheet.curve(line.look, &[(left, y), (left + SAMPLE - 8.0, y)]);
            sheet.point(line.look, (left + (SAMPLE - 8.0) / 2.0, y), &line.name);
            sheet.text((left + SAMPLE, y + 4.0), Anchor::Start, &line.name);
        }
        SAMPLE + lines.iter().map(|line| width(&line.name, TEXT)).fold(0.0, f64::max)
    }
}

/// Returns the ticks of the horizontal axis whose labels have room: each begins where the one before it has ended.
fn apart(ticks: Vec<Tick>) -> Vec<Tick> {
    let mut end = f64::NEG_INFINITY;
    let fits = |tick: &Tick| {
        let (middle, half) = (tick.place * PLOT.0, width(&tick.label, TEXT) / 2.0 + 4.0);
        let free = middle - half >= end;
        if free {
            end = middle + half;
        }
        free
    };
    ticks.into_iter().filter(fits).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::svg::apart::assert_apart;
    use super::*;

    fn chart(series: Vec<Series>) -> Chart {
        Chart { series, ..Chart::new("Loss & <accuracy>", Axis::linear("epoch"), Axis::linear("loss")) }
    }

    #[test]
    fn a_chart_names_everything_it_shows() {
        let mut chart = chart(vec![
            Series::new("training", [(1.0, 2.3), (2.0, 1.1), (3.0, 0.7)]),
            Series::new("validation", [(1.0, 2.2), (2.0, f64::NAN), (3.0, 0.9)]).dashed(true),
        ]);
        chart.description = "Both fall.".into();
        let svg = chart.svg().unwrap();
        for part in ["Loss &amp; &lt;accuracy&gt;</title>", "<desc id=\"desc\">Both fall.</desc>"] {
            assert!(svg.contains(part), "{part} in\n{svg}");
        }
        for text in ["epoch", "loss", "training", "validation", "1.0", "2.5", "Loss &amp; &lt;accuracy&gt;"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in\n{svg}");
        }
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "a point that is not finite is left out");
        assert_eq!(svg.matches("<circle").count(), 5 + 2, "a dot for each point, and one for each name");
        assert_eq!(svg.matches("stroke-dasharray").count(), 2);
        assert!(svg.find(">validation</text>") < svg.find(">training</text>"), "in the order in which they end");
        assert_eq!(svg, chart.svg().unwrap(), "the same chart gives the same bytes");
    }

    #[test]
    fn equal_ratios_are_equally_long_on_a_logarithmic_axis() {
        let points = [1.0, 8.0, 64.0].map(|batch| (batch, 0.5 * batch));
        let mut chart = Chart::new("Latency", Axis::log("batch"), Axis::log("latency (ms)"));
        chart.series = vec![Series::new("cuda", points)];
        let svg = chart.svg().unwrap();
        let (_, line) = svg.split_once("points=\"").unwrap();
        let points = line.split('"').next().unwrap().split(' ').map(|point| {
            let (x, y) = point.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        });
        let points: Vec<(f64, f64)> = points.collect();
        let steps = [
            points[1].0 - points[0].0,
            points[2].0 - points[1].0,
            points[0].1 - points[1].1,
            points[1].1 - points[2].1,
        ];
        assert!(
            (steps[0] - steps[1]).abs() < 0.3 && (steps[2] - steps[3]).abs() < 0.3 && steps[0] > 100.0,
            "{steps:?}"
        );
        chart.series[0].points.push((0.0, -1.0));
        assert_eq!(chart.svg().unwrap(), svg, "such an axis has no zero");
    }

    #[test]
    fn one_point_and_a_flat_line_have_a_range_too() {
        for points in [vec![(1.0, 1.0)], vec![(1.0, 0.0), (2.0, 0.0)]] {
            let svg = chart(vec![Series::new("a", points)]).svg().unwrap();
            assert!(svg.contains("<polyline"));
            assert_apart(&svg);
        }
    }

    #[test]
    fn a_long_label_before_the_axis_has_room() {
        let svg = chart(vec![Series::new("a", [(1e12, 1.0), (1e12 + 3.0, 2.0)])]).svg().unwrap();
        assert!(svg.contains(">1.000000000000e12</text>"), "{svg}");
        assert_apart(&svg);
    }

    #[test]
    fn a_chart_without_points_is_refused() {
        let mut chart = chart(vec![Series::new("a", [(f64::NAN, 1.0), (1.0, f64::INFINITY)])]);
        assert_eq!(chart.svg().unwrap_err().to_string(), "chart 'Loss & <accuracy>': has no finite point");
        (chart.y.scale, chart.series[0].points) = (Scale::Log, vec![(1.0, 0.0)]);
        assert!(chart.svg().unwrap_err().to_string().ends_with("has no finite point above zero"));
    }

    #[test]
    fn hostile_names_stay_inside_the_picture() {
        let name = "</text><script>\u{1b}[31m\u{202e}".repeat(200);
        let mut chart = chart(vec![Series::new(&*name, [(1.0, 1e-290), (1e200, 1e290)]); 30]);
        (chart.title, chart.x.label, chart.y.label) = (name.clone(), name.clone(), name.clone());
        let svg = chart.svg().unwrap();
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
        assert!(assert_apart(&svg) > 30);
    }

    proptest! {
        /// No text lies on another, and none leaves the picture, at any values.
        #[test]
        fn no_text_lies_on_another(
            values in prop::collection::vec((1e-6f64..1e6, 1e-9f64..1e9), 1..12),
            stretch in (0.0f64..40.0, 0.0f64..40.0),
            lines in 1usize..40,
            logs in (any::<bool>(), any::<bool>()),
        ) {
            let points = values.iter().map(|(x, y)| (x.powf(stretch.0 / 8.0), y.powf(stretch.1 / 8.0)));
            let points: Vec<_> = points.collect();
            let series = (0..lines).map(|i| Series::new(format!("setting {i}"), points.clone()).dashed(i % 3 == 0));
            let mut chart = chart(series.collect());
            chart.x.scale = if logs.0 { Scale::Log } else { Scale::Linear };
            chart.y.scale = if logs.1 { Scale::Log } else { Scale::Linear };
            let svg = chart.svg().unwrap();
            prop_assert!(assert_apart(&svg) >= lines + 3);
        }
    }
}
