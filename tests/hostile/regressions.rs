//! Regressions found by fuzzing: every file in `regressions` goes through everything, whatever the reader's verdict.

use super::trial::try_bytes;

#[test]
fn what_fuzzing_found_stays_mended() {
    let folder = crate::tests().join("hostile/regressions");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let _ = try_bytes(&name, std::fs::read(&path).unwrap());
    }
}
