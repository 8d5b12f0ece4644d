//! The reader of sources reads what rustc reads.

use super::source::Crate;

/// Writes files into a folder of their own and reads them as the crate `one`, beside a crate `two`.
fn read(name: &str, files: &[(&str, &str)]) -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("architecture").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    for (file, text) in files {
        std::fs::create_dir_all(folder.join(file).parent().unwrap()).unwrap();
        std::fs::write(folder.join(file), text).unwrap();
    }
    let crate_ = Crate::read("one", &[folder.join("lib.rs")], &["one", "two"]);
    let mut all = Vec::new();
    for (_, module) in crate_.inhabitants() {
        for path in &module.paths {
            all.push(format!("{} {}: {}::{}", module.place.join("/"), path.line, path.into, path.names.join("::")));
        }
    }
    all
}

#[test]
fn every_form_of_a_path_is_read() {
    let room = "use two::{graph::{self, Dim as D}, onnx};\n\
                use crate::b;\n\
                pub(crate) use super::b::{c::*, d};\n\
                mod inner { use super::super::b::Deep; fn f() { self::g() } }\n\
                fn f<'a>(x: &'a crate::b::T<'a>) -> two::infer::Found { crate::b::g::<u8>(b'\"', '\\'', x) }\n";
    let found = read(
        "forms",
        &[("lib.rs", "mod a; mod b;"), ("a.rs", room), ("b/mod.rs", "mod c; use c::X; use std::fs;"), ("b/c.rs", "")],
    );
    assert_eq!(
        found,
        [
            "a 1: two::graph",
            "a 1: two::graph::Dim",
            "a 1: two::onnx",
            "a 2: one::b",
            "a 3: one::b::c::*",
            "a 3: one::b::d",
            "a 5: one::b::T",
            "a 5: two::infer::Found",
            "a 5: one::b::g",
            "a/inner 4: one::b::Deep",
            "a/inner 4: one::a::inner::g",
            "b 1: one::b::c::X",
        ]
    );
}

#[test]
fn comments_texts_and_tests_are_left_out() {
    let room = "//! [`x`](crate::b)\n\
                /* crate::b /* crate::b */ crate::b */\n\
                const TEXT: &str = \"crate::b \\\" crate::b\";\n\
                const RAW: &str = r#\"\" crate::b \"#;\n\
                #[cfg(test)]\n#[allow(dead_code)]\nmod tests { use crate::b; mod more { use crate::b; } }\n\
                #[cfg(test)]\npub(crate) mod testing;\n\
                #[cfg(all(test, unix))]\nuse crate::b::{self, c};\n\
                #[cfg(unix)]\nuse crate::kept;\n";
    let found = read(
        "texts",
        &[("lib.rs", "mod a; mod b;"), ("a/mod.rs", room), ("a/testing.rs", "use crate::b;"), ("b.rs", "")],
    );
    assert_eq!(found, ["a 13: one::kept"]);
}
