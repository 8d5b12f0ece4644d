//! Sizes that a file leaves open: flags shared by all commands that count, draw, feed or verify one.

use clap::Args;
use gnet::graph::Sizes;

use super::values;

#[derive(Debug, Clone, Default, Args)]
pub struct SizesArgs {
    /// Shape of an input where the file leaves it open, such as x=1,3,224,224 or x=Nx3x224x224; the name may be left out
    /// of the only one. May be given several times.
    #[arg(long, value_name = "[NAME=]SHAPE", value_parser = input)]
    input: Vec<Sizes>,
    /// The size of an open axis by its name in the file, such as T=128. May be given several times.
    #[arg(long, value_name = "SYMBOL=SIZE", value_parser = dim)]
    dim: Vec<Sizes>,
}

impl SizesArgs {
    /// Returns all of them.
    pub fn sizes(&self) -> Sizes {
        let mut sizes = Sizes::none();
        self.input.iter().chain(&self.dim).cloned().for_each(|given| sizes.extend(given));
        sizes
    }
}

fn input(text: &str) -> Result<Sizes, String> {
    Sizes::input(text).map_err(|e| values::behind_flag(&format!("shape {text}"), &e))
}

fn dim(text: &str) -> Result<Sizes, String> {
    // A symbol may contain an equals sign, a size cannot.
    let (symbol, size) = text.rsplit_once('=').filter(|(symbol, _)| !symbol.is_empty()).ok_or("is not SYMBOL=SIZE")?;
    match values::whole(size)? {
        0 => Err("a size of 0 leaves nothing to compute".to_owned()),
        size => Ok(Sizes::dim(symbol, size)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dim_is_a_symbol_and_its_size() {
        assert_eq!(dim("T=128"), Ok(Sizes::dim("T", 128)));
        assert_eq!(dim("a=b=3"), Ok(Sizes::dim("a=b", 3)), "a symbol may hold an equals sign");
        for (text, says) in [
            ("T", "is not SYMBOL=SIZE"),
            ("=3", "is not SYMBOL=SIZE"),
            ("T=x", "is not a whole number"),
            ("T=-1", "must not be negative"),
            ("T=0", "a size of 0"),
        ] {
            assert!(dim(text).unwrap_err().contains(says), "{text}");
        }
    }

    #[test]
    fn both_kinds_are_one_list() {
        let flags = SizesArgs { input: vec![input("x=Nx3").unwrap()], dim: vec![dim("T=2").unwrap()] };
        assert_eq!(flags.sizes().to_string(), "--input x=Nx3 --dim T=2");
        assert!(input("x=1,,3").unwrap_err().starts_with("1,,3 is no list of sizes; write NAME=SIZE"));
    }
}
