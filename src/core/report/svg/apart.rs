//! The rule that no text of a chart lies on another or leaves the picture, held against the finished document.

use super::text::width;
use super::{BOLD, TEXT};

/// A text of a document and the box that it takes.
#[derive(Debug)]
struct Placed {
    text: String,
    x: (f64, f64),
    y: (f64, f64),
}

fn attribute<'a>(element: &'a str, name: &str) -> &'a str {
    let (_, rest) = element.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("{name} in {element}"));
    rest.split('"').next().unwrap()
}

fn number(element: &str, name: &str) -> f64 {
    attribute(element, name).parse().unwrap()
}

fn placed(element: &str) -> Placed {
    let (head, rest) = element.split_once('>').unwrap();
    let mut text = rest.split_once("</text>").unwrap().0.to_owned();
    for (entity, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        text = text.replace(entity, sign);
    }
    let is_title = head.contains("class=\"t\"");
    let wide = width(&text, if is_title { BOLD } else { TEXT });
    let (x, y) = (number(head, "x"), number(head, " y"));
    let left = match attribute(head, "text-anchor") {
        "start" => x,
        "middle" => x - wide / 2.0,
        _ => x - wide,
    };
    // Above the baseline and below it, for letters of 12 pixels.
    let rise = if is_title { 12.0 } else { 9.5 };
    Placed { text, x: (left, left + wide), y: (y - rise, y + 3.0) }
}

/// Asserts the rule of a document, and returns the number of its texts.
#[track_caller]
pub(crate) fn assert_apart(svg: &str) -> usize {
    let (head, _) = svg.split_once("<title").unwrap();
    let (wide, high) = (number(head, " width"), number(head, " height"));
    let texts: Vec<Placed> = svg.split("<text ").skip(1).map(placed).collect();
    for (at, one) in texts.iter().enumerate() {
        let inside = one.x.0 >= 0.0 && one.x.1 <= wide && one.y.0 >= 0.0 && one.y.1 <= high;
        assert!(inside, "outside: {:?} at {one:?}", one.text);
        for other in &texts[..at] {
            let beside = one.x.1 <= other.x.0 || other.x.1 <= one.x.0;
            let below = one.y.1 <= other.y.0 || other.y.1 <= one.y.0;
            assert!(beside || below, "{:?} lies on {:?}: {one:?}, {other:?}", one.text, other.text);
        }
    }
    texts.len()
}
