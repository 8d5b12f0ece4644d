//! Line charts as SVG: loss and accuracy over epochs, latency over batch sizes.

use std::ops::Range;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::number;
use crate::{Error, Result};

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Points `(x, y)` in the order in which they are joined. Points that are not finite are left out.
    pub points: Vec<(f64, f64)>,
}

/// A chart with linear axes and a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Title above the chart.
    pub title: String,
    /// Label of the horizontal axis, such as `epoch`.
    pub x_label: String,
    /// Label of the vertical axis, with its unit.
    pub y_label: String,
    /// The lines, in the order of the legend.
    pub series: Vec<Series>,
}

/// Width and height stated in the document, in pixels.
const SIZE: (u32, u32) = (720, 420);

/// Drawing units per pixel: plotters rounds every point to a whole unit.
const UNITS: u32 = 4;

/// Okabe and Ito's palette, which colour-blind readers can tell apart ("Color Universal Design", 2008).
const PALETTE: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(90, 90, 90),
];

/// Maximum number of points for which a line shows each of them as a dot.
const MAX_DOTS: usize = 40;

impl Chart {
    /// Renders the chart as an SVG document. The same chart gives the same bytes.
    ///
    /// # Errors
    /// Fails if the chart has no finite point.
    pub fn svg(&self) -> Result<String> {
        let series: Vec<Vec<(f64, f64)>> = self.series.iter().map(finite).collect();
        let mut all = series.iter().flatten().copied().peekable();
        if all.peek().is_none() {
            return Err(Error::input(format!("chart '{}'", self.title), "has no finite point"));
        }
        let (x, y) = all.fold((EMPTY, EMPTY), |(x, y), point| (widen(x, point.0), widen(y, point.1)));
        let mut svg = String::new();
        self.draw(&mut svg, &series, axis(x, 0.0), axis(y, 0.06))
            .map_err(|e| Error::input(format!("chart '{}'", self.title), format!("cannot be drawn: {e}")))?;
        let stated = |scale: u32| format!("width=\"{}\" height=\"{}\"", SIZE.0 * scale, SIZE.1 * scale);
        Ok(svg.replacen(&stated(UNITS), &stated(1), 1))
    }

    fn draw(
        &self,
        svg: &mut String,
        series: &[Vec<(f64, f64)>],
        x: Range<f64>,
        y: Range<f64>,
    ) -> std::result::Result<(), Box<dyn std::error::Error>> {
        let root = SVGBackend::with_string(svg, (SIZE.0 * UNITS, SIZE.1 * UNITS)).into_drawing_area();
        root.fill(&WHITE)?;
        let legend_spot =
            if mostly_falling(series) { SeriesLabelPosition::UpperRight } else { SeriesLabelPosition::LowerRight };
        let (y_span, x_span) = (y.end - y.start, x.end - x.start);
        let mut chart = ChartBuilder::on(&root)
            .caption(&self.title, font(20))
            .margin(12 * UNITS)
            .margin_right(24 * UNITS)
            .x_label_area_size(44 * UNITS)
            .y_label_area_size(64 * UNITS)
            .build_cartesian_2d(x, y)?;
        chart
            .configure_mesh()
            .x_desc(&self.x_label)
            .y_desc(&self.y_label)
            .x_labels(11)
            .y_labels(8)
            .x_label_formatter(&|value| tick(*value, x_span))
            .y_label_formatter(&|value| tick(*value, y_span))
            .axis_desc_style(font(15))
            .label_style(font(13))
            .bold_line_style(RGBColor(225, 225, 225).stroke_width(UNITS))
            .axis_style(RGBColor(60, 60, 60).stroke_width(UNITS))
            .set_all_tick_mark_size(5 * UNITS)
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (i, (line, points)) in self.series.iter().zip(series).enumerate() {
            let style = PALETTE[i % PALETTE.len()].stroke_width(2 * UNITS);
            chart
                .draw_series(LineSeries::new(points.iter().copied(), style))?
                .label(&line.name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20 * UNITS as i32, y)], style));
            if points.len() <= MAX_DOTS {
                chart.draw_series(points.iter().map(|point| Circle::new(*point, 3 * UNITS, style.filled())))?;
            }
        }
        chart
            .configure_series_labels()
            .position(legend_spot)
            .label_font(font(14))
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200).stroke_width(UNITS))
            .margin(10 * UNITS)
            .legend_area_size(30 * UNITS)
            .draw()?;
        root.present()?;
        drop(chart);
        Ok(())
    }
}

fn font(size: u32) -> TextStyle<'static> {
    ("sans-serif", size * UNITS).into_font().color(&RGBColor(40, 40, 40)).pos(Pos::new(HPos::Left, VPos::Top))
}

fn finite(series: &Series) -> Vec<(f64, f64)> {
    series.points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect()
}

/// The empty range: extended by a value, it holds exactly that value.
const EMPTY: (f64, f64) = (f64::INFINITY, f64::NEG_INFINITY);

fn widen((low, high): (f64, f64), value: f64) -> (f64, f64) {
    (low.min(value), high.max(value))
}

/// Returns the range of the values with a fraction of itself as a margin; a single value gets a range of one around it.
fn axis((low, high): (f64, f64), margin: f64) -> Range<f64> {
    if high > low {
        let margin = (high - low) * margin;
        low - margin..high + margin
    } else {
        low - 0.5..high + 0.5
    }
}

/// Returns `true` if most lines end below their start, as a loss does: the upper right corner is then free.
fn mostly_falling(series: &[Vec<(f64, f64)>]) -> bool {
    let falls = |points: &&Vec<(f64, f64)>| matches!((points.first(), points.last()), (Some(a), Some(b)) if b.1 < a.1);
    2 * series.iter().filter(falls).count() > series.len()
}

/// Formats the label of a tick, with as many decimal places as the axis needs to tell its ticks apart.
fn tick(value: f64, span: f64) -> String {
    if span >= 10_000.0 {
        return number::scaled(value);
    }
    let digits = (2.0 - span.log10().floor()).clamp(0.0, 9.0) as usize;
    let text = number::decimal(value, digits);
    match text.split_once('.') {
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(series: Vec<Series>) -> Chart {
        Chart { title: "Loss & <accuracy>".into(), x_label: "epoch".into(), y_label: "loss".into(), series }
    }

    fn line(name: &str, points: &[(f64, f64)]) -> Series {
        Series { name: name.into(), points: points.to_vec() }
    }

    #[test]
    fn a_chart_names_everything_it_shows() {
        let svg = chart(vec![
            line("training", &[(1.0, 2.3), (2.0, 1.1), (3.0, 0.7)]),
            line("validation", &[(1.0, 2.2), (2.0, f64::NAN), (3.0, 0.9)]),
        ])
        .svg()
        .unwrap();
        for part in ["Loss &amp; &lt;accuracy&gt;", "epoch", "loss", "training", "validation", "#0072B2", "#D55E00"] {
            assert!(svg.contains(part), "{part}");
        }
        assert!(svg.starts_with("<svg width=\"720\" height=\"420\" viewBox=\"0 0 2880 1680\""));
        assert!(svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "a point that is not finite is left out");
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn the_same_chart_gives_the_same_bytes() {
        let chart = chart(vec![line("a", &[(0.0, 0.0), (1.0, 1.0)])]);
        assert_eq!(chart.svg().unwrap(), chart.svg().unwrap());
    }

    #[test]
    fn one_point_and_a_flat_line_have_a_range_too() {
        for points in [vec![(1.0, 1.0)], vec![(1.0, 0.0), (2.0, 0.0)]] {
            assert!(chart(vec![line("a", &points)]).svg().unwrap().contains("<polyline"));
        }
    }

    #[test]
    fn a_chart_without_points_is_refused() {
        let error = chart(vec![line("a", &[(f64::NAN, 1.0)])]).svg().unwrap_err();
        assert_eq!(error.to_string(), "chart 'Loss & <accuracy>': has no finite point");
    }

    #[test]
    fn ticks_have_no_idle_digits() {
        for (value, span, text) in [
            (0.5, 1.0, "0.5"),
            (10.0, 10.0, "10"),
            (0.0125, 0.02, "0.0125"),
            (0.0, 1.0, "0"),
            (25_000.0, 50_000.0, "25.0 k"),
        ] {
            assert_eq!(tick(value, span), text);
        }
    }
}
