//! Bar charts as SVG: what has how much of a whole.

use super::svg::text::{fitted, width};
use super::svg::{Anchor, BOLD, MARGIN, Sheet, TEXT};
use crate::{Error, Result};

/// One bar.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bar {
    /// Name to the left of it.
    pub name: String,
    /// Its length, in any unit.
    pub value: f64,
    /// Value as it is written behind it, with the unit.
    pub text: String,
}

impl Bar {
    /// Creates a bar.
    pub fn new(name: impl Into<String>, value: f64, text: impl Into<String>) -> Self {
        Self { name: name.into(), value, text: text.into() }
    }
}

/// Horizontal bars that begin at zero, one below the other.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bars {
    /// Title above them.
    pub title: String,
    /// Description for readers who do not see them.
    pub description: String,
    /// Quantity that they show, with its unit.
    pub label: String,
    /// The bars, from top to bottom.
    pub bars: Vec<Bar>,
}

/// Length of the longest bar, greatest width of a name and of a text, and height of a bar and of a row, in pixels.
const LENGTH: f64 = 340.0;
const NAME: f64 = 250.0;
const VALUE: f64 = 200.0;
const THICKNESS: f64 = 14.0;
const ROW: f64 = 20.0;

/// Place of the first row below the upper edge.
const TOP: f64 = 62.0;

impl Bars {
    /// Creates a chart without bars.
    pub fn new(title: impl Into<String>, label: impl Into<String>) -> Self {
        Self { title: title.into(), description: String::new(), label: label.into(), bars: Vec::new() }
    }

    /// Renders the bars as an SVG document. The same bars give the same bytes, and no text lies on another.
    ///
    /// # Errors
    /// Fails if there is no bar, or if the value of one is negative or not finite.
    pub fn svg(&self) -> Result<String> {
        let wrong = |reason: String| Error::input(format!("chart '{}'", self.title), reason);
        if let Some(bar) = self.bars.iter().find(|bar| !(bar.value.is_finite() && bar.value >= 0.0)) {
            return Err(wrong(format!("a bar cannot be {} long", bar.value)));
        }
        let largest =
            self.bars.iter().map(|bar| bar.value).reduce(f64::max).ok_or_else(|| wrong("has no bar".into()))?;
        let names: Vec<String> = self.bars.iter().map(|bar| fitted(&bar.name, TEXT, NAME)).collect();
        let texts: Vec<String> = self.bars.iter().map(|bar| fitted(&bar.text, TEXT, VALUE)).collect();
        let widest = |texts: &[String]| texts.iter().map(|text| width(text, TEXT)).fold(0.0, f64::max);
        let left = (MARGIN + widest(&names) + 8.0).ceil();
        let mut sheet = Sheet::default();
        for (row, (bar, (name, text))) in self.bars.iter().zip(names.iter().zip(&texts)).enumerate() {
            let y = TOP + ROW * row as f64;
            let length = if largest > 0.0 { bar.value / largest * LENGTH } else { 0.0 };
            let baseline = y + THICKNESS / 2.0 + 4.0;
            sheet.text((left - 8.0, baseline), Anchor::End, name);
            sheet.bar((left, y), (length, THICKNESS), &format!("{name}: {text}"));
            sheet.text((left + length + 6.0, baseline), Anchor::Start, text);
        }
        let bottom = TOP + ROW * self.bars.len() as f64;
        sheet.rule("axis", (left, TOP - 4.0), (left, bottom));
        let wide = left + LENGTH + 6.0 + widest(&texts) + MARGIN;
        sheet.title((MARGIN, MARGIN + 12.0), &fitted(&self.title, BOLD, wide - 2.0 * MARGIN));
        sheet.text((MARGIN, MARGIN + 30.0), Anchor::Start, &fitted(&self.label, TEXT, wide - 2.0 * MARGIN));
        Ok(sheet.document(&self.title, &self.description, wide, bottom + MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::super::svg::apart::assert_apart;
    use super::*;

    fn bars(bars: Vec<Bar>) -> Bars {
        Bars { bars, ..Bars::new("Time by operation", "share of the time of all kernels (%)") }
    }

    #[test]
    fn bars_are_as_long_as_their_values() {
        let svg = bars(vec![Bar::new("Conv", 60.0, "60 %"), Bar::new("Relu", 15.0, "15 %")]).svg().unwrap();
        assert!(svg.contains("width=\"340\" height=\"14\"") && svg.contains("width=\"85\" height=\"14\""), "{svg}");
        for text in ["Time by operation", "share of the time of all kernels (%)", "Conv", "60 %", "Relu", "15 %"] {
            assert!(svg.contains(&format!(">{text}</text>")), "{text} in\n{svg}");
        }
        assert_eq!(assert_apart(&svg), 6);
    }

    #[test]
    fn names_are_data_and_stay_inside_the_picture() {
        let name = "</text><script>\u{1b}\u{202e}重".repeat(300);
        let mut bars = bars((0..50).map(|i| Bar::new(&*name, f64::from(i), &*name)).collect());
        (bars.title, bars.label) = (name.clone(), name.clone());
        let svg = bars.svg().unwrap();
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'), "{svg}");
        assert_eq!(assert_apart(&svg), 102);
        assert_eq!(svg, bars.svg().unwrap(), "the same bars give the same bytes");
    }

    #[test]
    fn what_cannot_be_drawn_is_refused() {
        assert!(bars(vec![Bar::new("a", 0.0, "0 %")]).svg().is_ok());
        for (value, says) in [(-1.0, "a bar cannot be -1 long"), (f64::NAN, "a bar cannot be NaN long")] {
            let error = bars(vec![Bar::new("a", value, "")]).svg().unwrap_err();
            assert_eq!(error.to_string(), format!("chart 'Time by operation': {says}"));
        }
        assert!(bars(Vec::new()).svg().unwrap_err().to_string().ends_with("has no bar"));
    }
}
