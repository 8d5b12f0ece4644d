//! What a file is fed where it leaves a choice: sizes of its open axes, and the whole numbers of its inputs.

use clap::Args;
use gnet::Result;
use gnet::runtime::{Ranges, ValueRange};

use super::values;

/// Sizes of open axes and ranges of whole numbers.
#[derive(Debug, Clone, Default, Args)]
pub struct FeedArgs {
    /// The size of an open axis by its name in the file, such as T=128. May be given several times.
    #[arg(long = "dim", value_name = "SYMBOL=SIZE", value_parser = dim)]
    pub dims: Vec<(String, usize)>,
    /// The whole numbers of an input, such as tokens=0..1000 for 0 to 999. May be given several times [default: the rows
    /// of the table that it selects from, else 0..2]
    #[arg(long = "range", value_name = "NAME=LOW..HIGH", value_parser = range)]
    ranges: Vec<(String, ValueRange)>,
}

impl FeedArgs {
    /// The ranges.
    pub fn ranges(&self) -> Result<Ranges> {
        Ranges::new(self.ranges.clone())
    }
}

fn dim(text: &str) -> std::result::Result<(String, usize), String> {
    let (symbol, size) = text.rsplit_once('=').filter(|(symbol, _)| !symbol.is_empty()).ok_or("is not SYMBOL=SIZE")?;
    match values::whole(size)? {
        0 => Err("a size of 0 leaves nothing to compute".to_owned()),
        size => Ok((symbol.to_owned(), size)),
    }
}

fn range(text: &str) -> std::result::Result<(String, ValueRange), String> {
    let (name, range) = text.rsplit_once('=').filter(|(name, _)| !name.is_empty()).ok_or("is not NAME=LOW..HIGH")?;
    Ok((name.to_owned(), range.parse().map_err(|e: gnet::Error| e.to_string())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_ranges_are_read() {
        assert_eq!(dim("T=128"), Ok(("T".to_owned(), 128)));
        assert_eq!(dim("a=b=3"), Ok(("a=b".to_owned(), 3)), "a symbol may hold an equals sign");
        for (text, says) in [
            ("T", "is not SYMBOL=SIZE"),
            ("=3", "is not SYMBOL=SIZE"),
            ("T=x", "is not a whole number"),
            ("T=-1", "must not be negative"),
            ("T=0", "a size of 0"),
        ] {
            assert!(dim(text).unwrap_err().contains(says), "{text}");
        }
        assert_eq!(range("ids=0..7").map(|(name, range)| (name, range.to_string())), Ok(("ids".into(), "0..7".into())));
        for (text, says) in
            [("0..7", "is not NAME=LOW..HIGH"), ("ids=7", "is not LOW..HIGH"), ("ids=7..7", "no number")]
        {
            assert!(range(text).unwrap_err().contains(says), "{text}");
        }
    }
}
