//! Descriptions in a JSON Schema: what rustdoc says of a field, without rustdoc's links and Rust's `None`.

use schemars::Schema;
use serde_json::Value;

/// Rewrites one schema for a reader who has the JSON and not the sources: the description is the first paragraph of the
/// documentation, and further keys are allowed, whatever Rust accepts when it reads the type.
pub(super) fn described(schema: &mut Schema) {
    if let Some(Value::String(text)) = schema.get_mut("description") {
        let first = text.split("\n\n").next().unwrap_or_default();
        *text = without_links(&first.replace('\n', " ")).replace("`None`", "`null`");
    }
    if schema.get("additionalProperties") == Some(&Value::Bool(false)) {
        schema.remove("additionalProperties");
    }
}

/// Returns the text with `[label](target)` and `` [`label`] `` replaced by their labels. Other brackets stay.
fn without_links(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, link)) = rest.split_once('[') {
        out.push_str(before);
        let Some((label, after)) = link.split_once(']') else {
            rest = &rest[before.len()..];
            break;
        };
        let target = after.strip_prefix('(').and_then(|target| target.split_once(')'));
        let code = label.len() > 1 && label.starts_with('`') && label.ends_with('`');
        match (target, code) {
            (Some((_, after)), _) => (out, rest) = (out + label, after),
            (None, true) => (out, rest) = (out + label, after),
            (None, false) => (out, rest) = (out + "[" + label + "]", after),
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::without_links;

    #[test]
    fn a_link_becomes_its_label_and_other_brackets_stay() {
        for (text, shown) in [
            ("see [`Row`], or [the rows](super::Row) of [`rows`](Self::rows).", "see `Row`, or the rows of `rows`."),
            ("[`a`] [b] c[0] [", "`a` [b] c[0] ["),
            ("within [0, 1] ([`Share`])", "within [0, 1] (`Share`)"),
            ("none", "none"),
            ("", ""),
        ] {
            assert_eq!(without_links(text), shown, "{text}");
        }
    }
}
