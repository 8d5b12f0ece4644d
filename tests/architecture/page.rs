//! The code map of ARCHITECTURE.md: a section for each crate, in it a table with a row for each room, in the order of imports.

/// One section: a crate and its rooms.
pub struct Section {
    /// The package, as Cargo.toml has it.
    pub package: String,
    /// Its folder.
    pub folder: String,
    /// Its rooms, in the order of the page.
    pub rooms: Vec<Row>,
}

/// One row: a room and what it knows.
pub struct Row {
    /// The room.
    pub room: String,
    /// The rooms that it says it knows; `None` for everything above.
    pub knows: Option<Vec<String>>,
}

/// Reads the sections that begin with ``### `package` in `folder` ``.
///
/// # Panics
/// On a row that is not ``| `room` | .. | `a`, `b` |``, `nothing` or `everything above` in the last cell.
pub fn sections(page: &str) -> Vec<Section> {
    let mut all = Vec::new();
    for section in page.split("\n### ").skip(1) {
        let section = section.split("\n## ").next().unwrap_or_default();
        let title = names(section.lines().next().unwrap_or_default());
        let [package, folder] = &title[..] else { continue };
        let rooms = section.lines().filter(|line| line.starts_with("| `")).map(row).collect();
        all.push(Section { package: package.clone(), folder: folder.clone(), rooms });
    }
    all
}

fn row(line: &str) -> Row {
    let cells: Vec<&str> = line.trim().trim_matches('|').split(" | ").map(str::trim).collect();
    let [room, _, knows] = cells[..] else { panic!("no row of a room, what it holds and what it knows: {line}") };
    let knows = match knows {
        "everything above" => None,
        "nothing" => Some(Vec::new()),
        list => Some(names(list)),
    };
    assert!(knows.as_ref().is_none_or(|list| !list.is_empty() || line.contains("| nothing |")), "knows what? {line}");
    Row { room: names(room).concat(), knows }
}

/// Returns the words in backticks.
fn names(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
