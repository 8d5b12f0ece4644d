//! Wording of messages, available to every module: this one depends on the error type alone.

use std::fmt::Display;

use crate::Error;

/// Formats a count with its noun: `1 difference`, `2 differences`, `1 output axis`, `0 branches`.
///
/// The count is written with its `Display`, as a number or as text: `counted(thousands(n), "byte")`. Anything other
/// than `1` takes the plural, which is the regular English one, or that of `axis`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    match count == "1" {
        true => format!("{count} {noun}"),
        false => format!("{count} {}", plural(noun)),
    }
}

/// Returns the word that agrees with a count that is the subject of a sentence: `1 of 5 rules does not hold`.
pub fn one_or<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// Gives an enumeration a name for each value: a constant `ALL`, a method `name`, `Display` and `FromStr`.
///
/// The error of a name that is none has the thing and the name, such as `format 'x'`, and goes by [`not_known`] unless a
/// fourth argument makes it of that and of the names.
#[macro_export]
macro_rules! named {
    ($type:ident, $thing:literal, [$($value:ident = $name:literal),+ $(,)?]) => {
        $crate::named!($type, $thing, [$($value = $name),+], $crate::words::not_known);
    };
    ($type:ident, $thing:literal, [$($value:ident = $name:literal),+ $(,)?], $wrong:expr) => {
        impl $type {
            /// All values, in the order of their declaration.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$value),+];

            /// Returns the name on the command line and in JSON.
            pub fn name(self) -> &'static str {
                match self { $(Self::$value => $name),+ }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = $crate::Error;

            fn from_str(text: &str) -> $crate::Result<Self> {
                let wrong: fn(String, &[&str]) -> $crate::Error = $wrong;
                let found = Self::ALL.into_iter().find(|value| value.name() == text);
                found.ok_or_else(|| wrong(format!("{} '{text}'", $thing), &Self::ALL.map(Self::name)))
            }
        }
    };
}

/// Returns the error of a name that is not one of `names`, all of which its remedy lists.
pub fn not_known(thing: String, names: &[&str]) -> Error {
    let names = match names {
        [one, other] => format!("{one} or {other}"),
        more => format!("one of {}", more.join(", ")),
    };
    Error::input(thing, "is not known").remedy(format!("use {names}"))
}

fn plural(noun: &str) -> String {
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (noun.strip_suffix("is"), before_y) {
        (Some(stem), _) => format!("{stem}es"),
        (_, Some(stem)) => format!("{stem}ies"),
        // The `ch` of `epoch` is pronounced as a `k`.
        _ if ["s", "x", "ch", "sh"].iter().any(|end| noun.ends_with(end)) && !noun.ends_with("epoch") => {
            format!("{noun}es")
        }
        _ => format!("{noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn a_count_has_the_noun_that_fits_it() {
        for (count, noun, text) in [
            (1, "difference", "1 difference"),
            (2, "difference", "2 differences"),
            (0, "MAC", "0 MACs"),
            (11, "output channel", "11 output channels"),
            (2, "entry", "2 entries"),
            (2, "array", "2 arrays"),
            (3, "branch", "3 branches"),
            (3, "epoch", "3 epochs"),
            (3, "box", "3 boxes"),
            (3, "class", "3 classes"),
            (3, "axis", "3 axes"),
            (1, "axis", "1 axis"),
        ] {
            assert_eq!(counted(count, noun), text);
            assert_eq!(one_or(count, "is", "are"), if text.starts_with("1 ") { "is" } else { "are" });
        }
        assert_eq!(counted("1,001", "byte"), "1,001 bytes");
        assert_eq!(counted("1.0 M", "parameter"), "1.0 M parameters");
    }

    /// A noun that is counted with `counted` anywhere must be counted with it everywhere: after a bare number a plural is
    /// wrong for 1.
    #[test]
    fn no_message_puts_a_plural_behind_a_bare_number() {
        // These follow a name or a constant, or a number that is never 1.
        const NO_COUNT: [&str; 10] = [
            "images/s",
            "{} FLOPs a byte",
            "({} images)",
            "on {} images for",
            "on {} inputs",
            "{attribute} inputs",
            "{attribute} outputs",
            "{} channels on {SIDE}",
            "{flipped} of {count} images change",
            "line {line} repeats",
        ];
        let sources = sources();
        let calls = sources.iter().flat_map(|(_, text)| text.split("counted(").skip(1));
        // The noun of a call is its last argument, or the last word of that.
        let plurals: BTreeSet<String> = calls
            .filter_map(|call| Some(call.split_once("\")")?.0.rsplit_once(", \"")?.1.rsplit(' ').next()?.to_owned()))
            .filter(|noun| noun.chars().all(char::is_alphabetic))
            .map(|noun| plural(&noun))
            .collect();
        assert!(plurals.len() > 40 && plurals.contains("differences"), "{plurals:?}");
        let mut wrong = Vec::new();
        for (name, text) in &sources {
            for line in text.lines().filter(|line| !line.trim_start().starts_with("//") && line.contains('"')) {
                let looked_at = NO_COUNT.iter().fold(line.to_owned(), |line, known| line.replace(known, ""));
                for behind in looked_at.split("} ").skip(1) {
                    let mut words = behind.split(|c: char| !c.is_alphabetic() && c != ' ').next().unwrap().split(' ');
                    let (first, second) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                    if plurals.contains(first) || plurals.contains(second) {
                        wrong.push(format!("{name}: {}", line.trim()));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "use `words::counted`:\n{}", wrong.join("\n"));
    }

    /// Documentation says "Returns ..", "Number of ..", "is not a ..", and opens without a question word.
    #[test]
    fn docs_read_as_plain_english() {
        const QUESTIONS: [&str; 9] =
            ["What ", "How ", "Where ", "Which ", "That ", "Who ", "Whose ", "Whatever ", "Whoever "];
        let mut wrong = Vec::new();
        for (name, text) in files() {
            let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
            for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("//")) {
                let doc = ["/// ", "//! "].iter().find(|sign| line.starts_with(**sign));
                let opening = doc.filter(|sign| place == 0 || !lines[place - 1].starts_with(sign.trim_end()));
                let asks = opening.is_some_and(|sign| {
                    let documented =
                        lines[place..].iter().find(|line| !line.starts_with("//") && !line.starts_with('#'));
                    let is_function = documented.is_some_and(|code| code.contains("fn ") && *sign == "/// ");
                    let begins = |word: &str| line[sign.len()..].starts_with(word);
                    QUESTIONS.into_iter().any(begins) || is_function && begins("Whether ")
                });
                let negates = ["is no ", "are no "].iter().any(|no| {
                    let around = line.split_once(no);
                    // A message may be quoted.
                    let in_prose = |left: &str| !left.ends_with("here ") && left.matches('"').count().is_multiple_of(2);
                    around.is_some_and(|(left, right)| in_prose(left) && !right.starts_with("longer"))
                });
                if asks || negates {
                    wrong.push(format!("{name}:{}: {line}", place + 1));
                }
            }
        }
        assert!(wrong.is_empty(), "say \"Returns ..\", \"Number of ..\", \"is not a ..\":\n{}", wrong.join("\n"));
    }

    /// Returns the program's text of each file under `src`, without its tests.
    fn sources() -> Vec<(String, String)> {
        let programs = files().into_iter().filter(|(name, _)| !name.contains("test"));
        programs
            .map(|(name, mut text)| {
                let tests = ["#[cfg(test)]\nmod tests {", "#[cfg(all(test"];
                text.truncate(tests.iter().filter_map(|start| text.find(start)).min().unwrap_or(text.len()));
                (name, text)
            })
            .collect()
    }

    /// Returns name and text of each Rust file under `src`.
    fn files() -> Vec<(String, String)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let (mut folders, mut found) = (vec![root.clone()], Vec::new());
        while let Some(folder) = folders.pop() {
            let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            let (inner, files): (Vec<PathBuf>, Vec<_>) = paths.partition(|path| path.is_dir());
            folders.extend(inner);
            for path in files.iter().filter(|path| path.extension().is_some_and(|end| end == "rs")) {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                found.push((name.to_owned(), std::fs::read_to_string(path).unwrap()));
            }
        }
        assert!(found.len() > 300, "{} files were looked at", found.len());
        found
    }
}
