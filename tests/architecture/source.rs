//! The sources as a tree of modules, and the paths that each file writes: enough of Rust's grammar to tell who imports whom.
//!
//! Comments and texts are left out, and so is what is compiled for tests alone: a test may look at the whole house.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::tokens::{Token, tokens};

/// One crate: its name in a path, and its modules.
pub struct Crate {
    /// `gnet_core`, as a path begins.
    pub name: String,
    /// Every module, the root first.
    pub modules: Vec<Module>,
    /// Macros that the root exports, and where each is made.
    pub macros: Vec<(String, Vec<String>)>,
}

/// One module: a file, or a block inside of one.
pub struct Module {
    /// Its path inside the crate: `["graph", "sizes", "fit"]`; the root's is empty.
    pub place: Vec<String>,
    /// The file that it stands in.
    pub file: PathBuf,
    /// Of the file of a root, be it a block in it: what has no room.
    pub root: bool,
    /// Compiled for tests alone.
    pub test: bool,
    /// The paths in it that lead to a module of this workspace.
    pub paths: Vec<Written>,
}

/// A path as a file writes it (`crate::graph::Dim`, `super::fit`, `gnet_core::onnx`), from the root of the crate that it leads
/// into.
#[derive(Debug)]
pub struct Written {
    /// The crate, as a path begins.
    pub into: String,
    /// The names that follow, up to the item.
    pub names: Vec<String>,
    /// The line that it stands in.
    pub line: usize,
    /// Local name of an import if `use` precedes it: its last part, or the one after `as`.
    pub alias: Option<String>,
    /// Whether it begins with the name of something else, which is not a module unless one has that name.
    relative: bool,
}

impl Crate {
    /// Reads a crate from the files of its roots (`lib.rs`, `main.rs`), following each `mod`. `crates` are the crates whose
    /// names begin a path of interest.
    ///
    /// # Panics
    /// Where a file is missing or cannot be followed.
    pub fn read(name: &str, roots: &[PathBuf], crates: &[&str]) -> Crate {
        let mut all = Crate { name: name.to_owned(), modules: Vec::new(), macros: Vec::new() };
        for root in roots {
            let folder = root.parent().unwrap().to_owned();
            all.file(root, &folder, &[], false, crates);
        }
        let places: BTreeSet<Vec<String>> = all.modules.iter().map(|module| module.place.clone()).collect();
        for module in &mut all.modules {
            let depth = module.place.len() + 1;
            let is_module = |path: &Written| places.contains(&path.names[..path.names.len().min(depth)]);
            module.paths.retain(|path| !path.relative || is_module(path));
            module.root = roots.contains(&module.file);
        }
        all
    }

    /// The rooms: the modules below the root, tests apart.
    pub fn rooms(&self) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(|module| module.place.len() == 1 && !module.test && !module.root)
    }

    /// Returns the modules that are in a room and are not tests, each with its room.
    pub fn inhabitants(&self) -> impl Iterator<Item = (&str, &Module)> {
        let inside = self.modules.iter().filter(|module| !module.test && !module.root);
        inside.map(|module| (&*module.place[0], module))
    }

    fn file(&mut self, file: &Path, children: &Path, place: &[String], test: bool, crates: &[&str]) {
        let text = std::fs::read_to_string(file).unwrap_or_else(|reason| panic!("{}: {reason}", file.display()));
        let mut reader = Reader { file, tokens: tokens(&text), next: 0, crates, own: self };
        reader.module(children, place, test);
    }
}

/// Goes through the tokens of a file.
struct Reader<'a> {
    file: &'a Path,
    tokens: Vec<Token<'a>>,
    next: usize,
    crates: &'a [&'a str],
    own: &'a mut Crate,
}

impl<'a> Reader<'a> {
    fn at(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.next + ahead).map_or("", |token| token.text)
    }

    /// Reads a module up to its closing brace or the end of the file.
    fn module(&mut self, children: &Path, place: &[String], test: bool) {
        let here = self.own.modules.len();
        let file = self.file.to_owned();
        self.own.modules.push(Module { place: place.to_vec(), file, root: false, test, paths: Vec::new() });
        let (mut depth, mut for_tests, mut exported, mut elsewhere) = (0_usize, false, false, None);
        while self.next < self.tokens.len() {
            match self.at(0) {
                "#" => {
                    let attribute = self.attribute();
                    for_tests |= attribute.starts_with("cfg ( test") || attribute.starts_with("cfg ( all ( test");
                    exported |= attribute == "macro_export";
                    if let Some(name) = attribute.strip_prefix("path = ") {
                        elsewhere = Some(self.file.with_file_name(name.trim_matches('"')));
                    }
                    continue;
                }
                "mod" if [";", "{"].contains(&self.at(2)) => {
                    let name = self.at(1).to_owned();
                    let inside: Vec<String> = place.iter().chain([&name]).cloned().collect();
                    let block = self.at(2) == "{";
                    self.next += 3;
                    if block {
                        self.module(&children.join(&name), &inside, test || for_tests);
                    } else {
                        let (file, below) = found(children, &name, elsewhere.take());
                        self.own.file(&file, &below, &inside, test || for_tests, self.crates);
                    }
                }
                "pub" => {
                    self.next += 1;
                    if self.at(0) == "(" {
                        self.balanced();
                    }
                    continue;
                }
                _ if for_tests => self.skip(),
                "macro_rules" if exported && self.at(1) == "!" => {
                    let name = self.at(2).to_owned();
                    self.own.macros.push((name, place.to_vec()));
                    self.next += 3;
                }
                "{" => {
                    depth += 1;
                    self.next += 1;
                }
                "}" if depth == 0 => {
                    self.next += 1;
                    return;
                }
                "}" => {
                    depth -= 1;
                    self.next += 1;
                }
                _ if self.at(1) == "::" && self.begins() => self.path(here, place),
                _ => self.next += 1,
            }
            (for_tests, exported, elsewhere) = (false, false, None);
        }
    }

    /// Returns `true` if a path begins here, rather than continuing.
    fn begins(&self) -> bool {
        let before = |steps: usize| self.next.checked_sub(steps).map(|at| &self.tokens[at]);
        let goes_on = before(1).is_some_and(|token| token.text == "::") && before(2).is_some_and(Token::ends_a_path);
        self.tokens[self.next].is_name() && !goes_on
    }

    /// The tokens of an attribute, with spaces between.
    fn attribute(&mut self) -> String {
        self.next += 1 + usize::from(self.at(1) == "!");
        let start = self.next + 1;
        self.balanced();
        let inside = &self.tokens[start.min(self.next)..self.next.saturating_sub(1).max(start)];
        inside.iter().map(|token| token.text).collect::<Vec<_>>().join(" ")
    }

    /// Passes a bracket and all that it encloses.
    fn balanced(&mut self) {
        let mut depth = 0;
        while self.next < self.tokens.len() {
            depth += i32::from(["(", "[", "{"].contains(&self.at(0)));
            depth -= i32::from([")", "]", "}"].contains(&self.at(0)));
            self.next += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes an item or a statement: up to its semicolon, or the end of its block.
    fn skip(&mut self) {
        loop {
            match self.at(0) {
                "" => return,
                ";" => return self.next += 1,
                "{" => return self.balanced(),
                "(" | "[" => self.balanced(),
                _ => self.next += 1,
            }
        }
    }

    /// A path or a tree of them, of which each branch is a path.
    fn path(&mut self, here: usize, place: &[String]) {
        let line = self.tokens[self.next].line;
        let bound = self.next > 0 && self.tokens[self.next - 1].text == "use";
        let (mut into, mut names, mut relative) = (self.own.name.clone(), Vec::new(), false);
        let first = self.at(0);
        match first {
            "crate" => {}
            "self" => names = place.to_vec(),
            "super" => names = place[..place.len().saturating_sub(1)].to_vec(),
            _ if self.crates.contains(&first) => first.clone_into(&mut into),
            _ => {
                relative = true;
                names = [place, &[first.to_owned()]].concat();
            }
        }
        self.next += 2;
        while self.at(0) == "super" && self.at(1) == "::" {
            names.pop();
            self.next += 2;
        }
        let mut found = Vec::new();
        self.branch(names, line, &mut found);
        let path = |(names, alias, line)| Written {
            into: into.clone(),
            names,
            line,
            alias: Some(alias).filter(|_| bound),
            relative,
        };
        self.own.modules[here].paths.extend(found.into_iter().map(path));
    }

    /// Parses the rest after a `::`: names separated by `::`, a tree in braces, a star.
    fn branch(&mut self, mut names: Vec<String>, mut line: usize, found: &mut Vec<(Vec<String>, String, usize)>) {
        loop {
            if let Some(token) = self.tokens.get(self.next) {
                line = token.line;
            }
            match self.at(0) {
                "{" => {
                    self.next += 1;
                    while self.next < self.tokens.len() && self.at(0) != "}" {
                        if self.at(0) == "," {
                            self.next += 1;
                        } else {
                            self.branch(names.clone(), line, found);
                        }
                    }
                    self.next += 1;
                    return;
                }
                "self" => self.next += 1,
                name if self.tokens.get(self.next).is_some_and(Token::is_name) => {
                    names.push(name.to_owned());
                    self.next += 1;
                    if self.at(0) == "::" {
                        self.next += 1;
                        continue;
                    }
                }
                "*" => {
                    names.push("*".to_owned());
                    self.next += 1;
                }
                // `Vec::<T>::new`: the path ends where its type arguments begin.
                _ => {}
            }
            let mut alias = names.last().cloned().unwrap_or_default();
            if self.at(0) == "as" {
                self.at(1).clone_into(&mut alias);
                self.next += 2;
            }
            found.push((names, alias, line));
            return;
        }
    }
}

/// The file of `mod name;` and the folder of the modules below it.
fn found(children: &Path, name: &str, elsewhere: Option<PathBuf>) -> (PathBuf, PathBuf) {
    let below = children.join(name);
    let file = elsewhere.unwrap_or_else(|| children.join(format!("{name}.rs")));
    if file.exists() { (file, below) } else { (below.join("mod.rs"), below) }
}
