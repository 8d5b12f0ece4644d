//! JSON documents.

use std::fmt::Write;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde::Serialize;

use super::described::described;
use super::visible::replaced;
use crate::{Error, Result};

/// Version of the keys of every JSON document. It is incremented when a key changes its meaning or is removed; new keys
/// leave it alone.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "{T}")]
struct Document<'a, T> {
    /// Version of the keys of every document: it grows when a key changes its meaning or goes.
    #[schemars(extend("const" = SCHEMA_VERSION))]
    schema_version: u32,
    #[serde(flatten)]
    record: &'a T,
}

/// Serializes the record as an indented JSON document with `schema_version` as its first key, ending with a newline. A
/// character that [`visible`](super::visible) would write out becomes a `\u` escape, which a parser reads as that
/// character.
///
/// # Errors
/// Fails if the record is not an object (a list, a number), or if its `Serialize` fails.
pub fn document<T: Serialize>(record: &T) -> Result<String> {
    text(&Document { schema_version: SCHEMA_VERSION, record })
}

/// Serializes any value as [`document`] does, without the version: for formats that others define.
///
/// # Errors
/// Fails if its `Serialize` fails.
pub fn text<T: Serialize>(value: &T) -> Result<String> {
    Ok(inert(&serde_json::to_string_pretty(value).map_err(unwritten)?) + "\n")
}

/// Serializes the record as [`document`] does, on one line and without a newline: a line of a log in JSON Lines.
///
/// # Errors
/// Those of [`document`].
pub fn line<T: Serialize>(record: &T) -> Result<String> {
    Ok(inert(&serde_json::to_string(&Document { schema_version: SCHEMA_VERSION, record }).map_err(unwritten)?))
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::input("JSON document", error)
}

/// Escapes what a terminal or a CI would act on. Two hash signs that a CI would obey only occur in strings too.
fn inert(text: &str) -> String {
    escaped(text).replace("##", "#\\u0023")
}

/// Returns the JSON Schema (draft 2020-12) of the [`document`]s of a record, as indented JSON that ends with a newline.
///
/// It is made from the type: a key that is always written is `required`, one that may be unknown takes `null` too, and
/// what the documentation of a field says is its `description`. Further keys are allowed, since new ones may come.
///
/// # Errors
/// Fails if the schema cannot be written as JSON.
pub fn schema<T: JsonSchema>() -> Result<String> {
    let settings = SchemaSettings::draft2020_12().for_serialize().with_transform(RecursiveTransform(described));
    let schema = settings.into_generator().into_root_schema_for::<Document<'_, T>>();
    text(&schema)
}

/// Escapes characters that the serializer leaves raw. They only occur inside strings: everything else is ASCII and line
/// breaks.
fn escaped(text: &str) -> String {
    let escape = |c: char, out: &mut String| match c {
        '\n' => out.push(c),
        // Writing to a string cannot fail.
        _ => c.encode_utf16(&mut [0; 2]).iter().for_each(|code| _ = write!(out, "\\u{code:04x}")),
    };
    replaced(text, escape).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Record {
        zeta: u8,
        alpha: Vec<u8>,
    }

    #[test]
    fn the_version_comes_first_and_the_keys_keep_their_order() {
        let text = document(&Record { zeta: 1, alpha: vec![] }).unwrap();
        assert_eq!(text, "{\n  \"schema_version\": 1,\n  \"zeta\": 1,\n  \"alpha\": []\n}\n");
    }

    #[test]
    fn what_the_serializer_leaves_raw_is_escaped() {
        let name = "##[x] del\u{7f} c1\u{9b} bidi\u{202e} tag\u{e0041} line\u{2028}\n";
        let text = document(&std::collections::BTreeMap::from([(name, name)])).unwrap();
        let escaped = r"#\u0023[x] del\u007f c1\u009b bidi\u202e tag\udb40\udc41 line\u2028\n";
        assert!(text.ends_with(&format!("\n  \"{escaped}\": \"{escaped}\"\n}}\n")), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap()[name], name);
    }

    /// A record that has
    /// what [`Record`] has not.
    ///
    /// Nobody needs this paragraph.
    #[derive(Serialize, serde::Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Told {
        /// Size; `None` if unknown.
        size: Option<u64>,
        /// Only where it was asked for.
        #[serde(skip_serializing_if = "Option::is_none")]
        asked: Option<f64>,
        #[serde(default)]
        shape: Vec<u8>,
        #[serde(skip)]
        _hidden: u8,
    }

    #[test]
    fn a_schema_says_what_is_written_and_not_what_is_read() {
        let schema: serde_json::Value = serde_json::from_str(&schema::<Told>().unwrap()).unwrap();
        let size = serde_json::json!({
            "description": "Size; `null` if unknown.", "type": ["integer", "null"], "format": "uint64", "minimum": 0
        });
        assert_eq!(schema["properties"]["size"], size);
        assert_eq!(schema["properties"]["schema_version"]["const"], SCHEMA_VERSION);
        assert_eq!(schema["required"], serde_json::json!(["schema_version", "size", "shape"]));
        assert_eq!(schema["description"], "A record that has what `Record` has not.");
        assert_eq!(schema["title"], "Told");
        assert!(schema["properties"]["asked"].is_object() && schema["properties"]["_hidden"].is_null(), "{schema}");
        assert!(schema.get("additionalProperties").is_none(), "new keys may come: {schema}");
    }

    #[test]
    fn a_list_is_no_document() {
        assert!(document(&[1, 2]).unwrap_err().to_string().starts_with("JSON document: "));
    }
}
