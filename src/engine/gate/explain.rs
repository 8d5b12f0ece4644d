//! An error of TOML as one of gnet's: the file, the line and the key, the reason, and what was probably meant.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::values::REMEDY;
use gnet_core::Error;

/// Two words are alike from this similarity on (Jaro-Winkler, from 0 to 1); clap draws the line for its flags at 0.7 of Jaro's.
const ALIKE: f64 = 0.8;

/// Returns the error about the file called `name`, whose content is `text`.
pub fn explained(name: &str, text: &str, error: &toml::de::Error) -> Error {
    // The whole file has no place.
    let start = error.span().map(|span| span.start).filter(|start| *start > 0);
    let key = start.and_then(|start| key_at(text, start));
    let line = start.and_then(|start| Some(1 + text.get(..start)?.matches('\n').count()));
    let place = [Some(name.to_owned()), line.map(|line| format!("line {line}")), key].into_iter().flatten();
    let thing = place.collect::<Vec<_>>().join(", ");
    let message = error.message().trim();
    if let Some((key, known)) = unknown_key(message) {
        return Error::input(thing, format!("there is no key '{key}' here")).remedy(meant(key, &known));
    }
    if let Some(key) = message.strip_prefix("missing field ") {
        return Error::input(thing, format!("the key {} is missing", key.replace('`', "'")));
    }
    match message.split_once(REMEDY) {
        Some((reason, remedy)) => Error::input(thing, reason).remedy(remedy.replace(REMEDY, " ")),
        None => Error::input(thing, message),
    }
}

/// Returns the key that serde does not know, and those that it knows.
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let mut quoted = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    Some((quoted.next()?, quoted.collect()))
}

/// Returns the remedy: the key that is most like it, if one is, and all that may stand there.
fn meant(key: &str, known: &[&str]) -> String {
    let similarity = |known: &&&str| strsim::jaro_winkler(key, known);
    let best = known.iter().max_by(|a, b| similarity(a).total_cmp(&similarity(b)));
    let list = format!("the keys here are {}", known.join(", "));
    match best.filter(|best| similarity(best) >= ALIKE) {
        Some(best) => format!("write '{best}'; {list}"),
        None => list,
    }
}

/// Returns the path of the key at a place of the text, such as `budget.max_params`; `None` if the text is not TOML, or if no
/// key is there.
fn key_at(text: &str, place: usize) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    within_table(table.get_ref(), place).map(|path| path.join("."))
}

fn within_table(table: &DeTable<'_>, place: usize) -> Option<Vec<String>> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().to_string();
        let inside = within_value(value, place).map(|path| [vec![name.clone()], path].concat());
        let here = key.span().contains(&place) || value.span().contains(&place);
        inside.or(here.then(|| vec![name]))
    })
}

fn within_value(value: &Spanned<DeValue<'_>>, place: usize) -> Option<Vec<String>> {
    match value.get_ref() {
        DeValue::Table(table) => within_table(table, place),
        DeValue::Array(list) => list.iter().find_map(|value| within_value(value, place)),
        _ => None,
    }
}
