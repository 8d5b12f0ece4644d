//! gnet takes a network from training to a deployed ONNX file: train in Burn, export, verify that runtimes agree,
//! benchmark.
//!
//! ```
//! # std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures")).unwrap();
//! use gnet::{cost, onnx, passes};
//!
//! // Counted: parameters, MACs, layer by layer.
//! let mut model = onnx::read_file("dynamic.onnx".as_ref())?;
//! let cost = cost::count(&cost::with_shapes(model.clone()).graph)?;
//! println!("{} parameters, {} MACs", cost.params, cost.macs);
//!
//! // Rewritten: the same results with less.
//! for done in passes::run(&mut model, &passes::DEFAULT, &passes::PassOptions::default())? {
//!     println!("{}: {} rewritten, {} refused", done.pass, done.applied.len(), done.refused.len());
//! }
//! # let folder = std::env::temp_dir().join(format!("gnet-first-page-{}", std::process::id()));
//! # std::fs::create_dir(&folder).unwrap();
//! # std::env::set_current_dir(&folder).unwrap();
//! gnet::files::write("smaller.onnx".as_ref(), &onnx::write(&model)?)?;
//! # std::fs::remove_dir_all(&folder).unwrap();
//! # Ok::<(), gnet::Error>(())
//! ```
//!
//! Next steps: `verify` proves that two files or engines agree, `bench` measures, `export` makes such a file from a Burn
//! module, and `diff`, `check` and `draw` correspond to the commands of these names.
//!
//! The pure core ([`graph`], [`onnx`], [`infer`], [`mod@reference`], [`passes`], [`cost`], [`stats`], [`report`])
//! depends neither on Burn nor on a runtime; it is the crate `gnet-core`. ARCHITECTURE.md in the repository gives an
//! overview.
//!
//! The library never prints and never exits: it returns records and [`Error`]s, and the program `gnet` shows them.

#![deny(clippy::print_stdout, clippy::print_stderr, clippy::exit)]

#[cfg(feature = "burn")]
pub mod reproduce;

#[cfg(feature = "burn")]
#[doc(inline)]
pub use gnet_burn::{axes, card, compare, export, nets, trace, train};
#[doc(inline)]
pub use gnet_core::{
    Error, ErrorKind, OnnxFile, Result, check, cost, diff, draw, graph, infer, metadata, onnx, onnx_file, operators,
    passes, reference, report, stats,
};
#[cfg(feature = "ort")]
#[doc(inline)]
pub use gnet_engine::install;
#[doc(inline)]
pub use gnet_engine::{ab, arrays, bench, classify, data, doctor, evaluation, gate, host, page, runtime};

/// File access: regular files are read ([`open`](files::open)), complete ones are written ([`write()`](files::write)), and
/// inputs are not overwritten.
pub mod files {
    #[doc(inline)]
    pub use gnet_core::files::{
        abandon, append_line, check_dir, check_place, check_readable, create_dir, keep_inputs, map, open, read, write,
        write_with,
    };
}

/// Child processes that may crash, hang or be stopped without doing harm, and that never outlive this one.
///
/// A *worker* is the program `gnet` itself under a hidden command; [`serve_by`](process::serve_by) sets the program that
/// serves as one. A *keeper*, again gnet itself, supervises a program of somebody else.
pub mod process {
    #[doc(inline)]
    pub use gnet_core::process::{KEEPER_COMMAND, WORKER_COMMAND, keep, serve_by};
    #[doc(inline)]
    pub use gnet_engine::worker::serve;
}

/// Verification that two computations are the same: equal inputs through both, and a verdict on the difference.
pub mod verify {
    #[cfg(feature = "burn")]
    #[doc(inline)]
    pub use gnet_burn::side::BurnSide;
    #[allow(deprecated, reason = "its own former name")]
    #[doc(hidden)]
    pub use gnet_engine::verify::Options;
    #[doc(inline)]
    pub use gnet_engine::verify::{
        Bisect, Comparison, Copies, Culprit, Distribution, Draw, FileSide, GIVEN, IMAGES, InputRange, InputSet,
        Judgement, OnCopies, Plan, Port, Precision, Request, Row, Search, Side, Signature, Tolerance, Verdict,
        Verification, VerifyOptions, bisect, rewritten, sweep, verify,
    };
}
