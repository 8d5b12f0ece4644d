//! Sources of data sets: the value of `--data`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::{Dataset, embedded, folder};
use gnet_core::{Error, Result};

const VARIABLE: &str = "GNET_DATA";
/// Folder in which Debian's package `dataset-fashion-mnist` installs its files.
const DEBIAN_FOLDER: &str = "/usr/share/datasets/fashion-mnist";

/// Source of a data set.
///
/// ```
/// # use gnet_engine as gnet;
/// use gnet::data::Source;
///
/// let source: Source = "embedded".parse()?;
/// assert_eq!(source.load()?.train.len(), 2000);
/// # Ok::<(), gnet_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// `fashion-mnist`: the published files, in the folder named by the environment variable `GNET_DATA` (empty counts
    /// as unset), or else where Debian's package `dataset-fashion-mnist` installs them.
    FashionMnist,
    /// `embedded`: the subset that is embedded in the program.
    Embedded,
    /// A folder with four files named as those of Fashion-MNIST. A folder that is actually called `embedded` or
    /// `fashion-mnist` is written `./embedded`.
    Dir(PathBuf),
}

impl FromStr for Source {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "fashion-mnist" => Ok(Self::FashionMnist),
            "embedded" => Ok(Self::Embedded),
            "" => Err(Error::input("data", "is empty").remedy("give fashion-mnist, embedded or a folder")),
            folder => Ok(Self::Dir(folder.into())),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FashionMnist => f.write_str("fashion-mnist"),
            Self::Embedded => f.write_str("embedded"),
            Self::Dir(dir) => dir.display().fmt(f),
        }
    }
}

impl Source {
    /// Loads and checks the data set.
    ///
    /// The validation images of `embedded` are separate files; elsewhere they are the last tenth of the training images
    /// of every class ([`Split::hold_out_tenth`](super::Split::hold_out_tenth)). The data set of a folder is named
    /// after the folder's last component.
    ///
    /// # Errors
    /// Names the file and the fault. If `GNET_DATA` is set, no other place is searched, and failure there is an error.
    pub fn load(&self) -> Result<Dataset> {
        self.load_from(&Places::of_this_machine())
    }

    /// Returns `fashion-mnist` if its files exist or `GNET_DATA` is set, else `embedded`.
    ///
    /// A wrong `GNET_DATA` gives `fashion-mnist`, so that loading reports the fault instead of quietly training on less
    /// data.
    pub fn best_available() -> Self {
        Self::best_of(&Places::of_this_machine())
    }

    fn load_from(&self, places: &Places) -> Result<Dataset> {
        match self {
            Self::Embedded => embedded::load(),
            Self::FashionMnist => places.load(),
            Self::Dir(dir) => folder::load(dir, &folder_name(dir)).map_err(|e| explain_name(e, dir)),
        }
    }

    fn best_of(places: &Places) -> Self {
        if places.variable.is_some() || folder::is_complete(&places.system) {
            Self::FashionMnist
        } else {
            Self::Embedded
        }
    }
}

/// Returns the last component of a folder's path, with `./` before it if it would be taken for one of the two words.
fn folder_name(dir: &Path) -> String {
    let name = dir.file_name().map_or_else(|| "folder".into(), |name| name.to_string_lossy());
    match name.parse() {
        Ok(Source::FashionMnist | Source::Embedded) => format!("./{name}"),
        _ => name.into_owned(),
    }
}

/// Extends the error: a name that is not a folder may have been meant as one of the two words.
fn explain_name(error: Error, dir: &Path) -> Error {
    if dir.exists() { error } else { error.remedy("give fashion-mnist, embedded or a folder with its four files") }
}

/// Places where `fashion-mnist` may be, as a value, so that a test needs no environment.
#[derive(Debug, Clone)]
struct Places {
    variable: Option<PathBuf>,
    system: PathBuf,
}

impl Places {
    fn of_this_machine() -> Self {
        let variable = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self { variable, system: DEBIAN_FOLDER.into() }
    }

    fn load(&self) -> Result<Dataset> {
        let name = Source::FashionMnist.to_string();
        if let Some(dir) = &self.variable {
            if !dir.is_dir() {
                let reason = format!("names {}, which is no folder", dir.display());
                return Err(Error::input(VARIABLE, reason)
                    .remedy("let it name the folder with the files of Fashion-MNIST, or unset it"));
            }
            return folder::load(dir, &name);
        }
        if !self.system.is_dir() {
            let reason = format!("{VARIABLE} is not set and there is no {}", self.system.display());
            return Err(Error::input(name, reason).remedy(format!(
                "install Debian's package dataset-fashion-mnist, let {VARIABLE} name the folder with the four files, \
                 or use --data embedded"
            )));
        }
        folder::load(&self.system, &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::write_folder;

    #[test]
    fn a_source_is_written_as_it_is_read() {
        for (text, source) in [
            ("fashion-mnist", Source::FashionMnist),
            ("embedded", Source::Embedded),
            ("./embedded", Source::Dir("./embedded".into())),
            ("some/folder", Source::Dir("some/folder".into())),
        ] {
            assert_eq!(text.parse::<Source>().unwrap(), source);
            assert_eq!(source.to_string(), text);
        }
        assert_eq!("".parse::<Source>().unwrap_err().to_string(), "data: is empty");
    }

    #[test]
    fn a_misspelt_name_is_told_the_choices() {
        let error = "fashion_mnist".parse::<Source>().unwrap().load().unwrap_err();
        assert_eq!(error.to_string(), "fashion_mnist: there is no such folder");
        assert!(error.remedy_text().unwrap().contains("fashion-mnist, embedded or a folder"));
    }

    #[test]
    fn a_folder_gives_its_name_and_not_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shoes");
        std::fs::create_dir(&folder).unwrap();
        write_folder(&folder);
        assert_eq!(Source::Dir(folder).load().unwrap().name, "shoes");
    }

    #[test]
    fn a_folder_with_the_name_of_a_source_is_not_taken_for_it() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["embedded", "fashion-mnist"] {
            let folder = dir.path().join(name);
            std::fs::create_dir(&folder).unwrap();
            write_folder(&folder);
            let data = Source::Dir(folder).load().unwrap();
            assert_eq!(data.name, format!("./{name}"));
            assert!(matches!(data.name.parse(), Ok(Source::Dir(_))));
        }
    }

    #[test]
    fn the_variable_comes_first_and_never_falls_through() {
        let good = tempfile::tempdir().unwrap();
        write_folder(good.path());
        let empty = tempfile::tempdir().unwrap();
        let places = |variable: &Path, system: &Path| Places { variable: Some(variable.into()), system: system.into() };

        let found = places(good.path(), empty.path());
        assert_eq!(Source::FashionMnist.load_from(&found).unwrap().name, "fashion-mnist");

        let broken = places(empty.path(), good.path());
        assert_eq!(Source::best_of(&broken), Source::FashionMnist);
        let error = Source::FashionMnist.load_from(&broken).unwrap_err().to_string();
        assert!(error.contains("train-images-idx3-ubyte.gz: there is no such file"), "{error}");
        assert!(error.contains(&empty.path().display().to_string()), "{error}");

        let missing = places(&empty.path().join("x"), good.path());
        let error = Source::FashionMnist.load_from(&missing).unwrap_err().to_string();
        assert!(error.starts_with("GNET_DATA: names ") && error.ends_with("which is no folder"), "{error}");
    }

    #[test]
    fn the_system_folder_is_used_when_the_variable_is_not_set() {
        let dir = tempfile::tempdir().unwrap();
        write_folder(dir.path());
        let places = Places { variable: None, system: dir.path().into() };
        assert_eq!(Source::best_of(&places), Source::FashionMnist);
        assert_eq!(Source::FashionMnist.load_from(&places).unwrap().test.len(), 20);
    }

    #[test]
    fn nothing_anywhere_says_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let places = Places { variable: None, system: dir.path().join("nothing") };
        assert_eq!(Source::best_of(&places), Source::Embedded);
        let error = Source::FashionMnist.load_from(&places).unwrap_err();
        assert!(error.to_string().starts_with("fashion-mnist: GNET_DATA is not set and there is no "), "{error}");
        for remedy in ["dataset-fashion-mnist", "GNET_DATA", "--data embedded"] {
            assert!(error.remedy_text().unwrap().contains(remedy));
        }
    }
}
