//! Choices for a file's inputs: sizes of open axes, and ranges of whole numbers.

use clap::Args;
use gnet::Result;
use gnet::graph::Sizes;
use gnet::runtime::{Ranges, ValueRange};

use super::sizes::SizesArgs;

#[derive(Debug, Clone, Default, Args)]
pub struct FeedArgs {
    #[command(flatten)]
    sizes: SizesArgs,
    /// The whole numbers of an input, such as tokens=0..1000 for 0 to 999. May be given several times [default: the rows
    /// of the table that it selects from, else 0..2]
    #[arg(long = "range", value_name = "NAME=LOW..HIGH", value_parser = range)]
    ranges: Vec<(String, ValueRange)>,
}

impl FeedArgs {
    pub fn sizes(&self) -> Sizes {
        self.sizes.sizes()
    }

    pub fn is_empty(&self) -> bool {
        self.sizes().is_empty() && self.ranges.is_empty()
    }

    pub fn ranges(&self) -> Result<Ranges> {
        Ranges::new(self.ranges.clone())
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
    fn ranges_are_read() {
        assert_eq!(range("ids=0..7").map(|(name, range)| (name, range.to_string())), Ok(("ids".into(), "0..7".into())));
        for (text, says) in
            [("0..7", "is not NAME=LOW..HIGH"), ("ids=7", "is not LOW..HIGH"), ("ids=7..7", "no number")]
        {
            assert!(range(text).unwrap_err().contains(says), "{text}");
        }
    }
}
