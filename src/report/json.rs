//! JSON documents.

use serde::Serialize;

use crate::{Error, Result};

/// Version of every JSON document's keys. It grows when a key changes its meaning or goes; new keys leave it alone.
pub const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a, T> {
    schema_version: u32,
    #[serde(flatten)]
    record: &'a T,
}

/// The record as an indented JSON document with `schema_version` as its first key. Ends with a newline.
///
/// # Errors
/// A record that is not an object (a list, a number), or whose `Serialize` fails.
pub fn document<T: Serialize>(record: &T) -> Result<String> {
    let document = Document { schema_version: SCHEMA_VERSION, record };
    let mut text = serde_json::to_string_pretty(&document).map_err(|e| Error::input("JSON document", e))?;
    text.push('\n');
    Ok(text)
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
    fn a_list_is_no_document() {
        assert!(document(&[1, 2]).unwrap_err().to_string().starts_with("JSON document: "));
    }
}
