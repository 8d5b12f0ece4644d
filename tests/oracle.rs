//! Exported files before judges that nobody here wrote: ONNX's checker, its shape inference, and ONNX Runtime; and
//! whether mistakes are caught, by them and by gnet's own comparison with tract.
//!
//! `scripts/oracle` makes the Python environment. Without it these tests say so and pass, unless `GNET_ORACLE=required`.

mod exchange;
mod faults;
mod variants;

use gnet::ErrorKind;
use gnet::export::{self, ExportOptions, Exported, verify_googlenet};
use gnet::nets::{Block, GoogLeNet, GoogLeNetConfig, Pooling, Preset};

use exchange::Exchange;
use faults::{FAULTS, Host, LIES};
use variants::{Choice, PLAIN, Subject};

use crate::common::{config, fresh, network};
use crate::python::interpreter;

#[test]
fn an_oracle_no_one_here_wrote_accepts_every_variant() {
    let Some(python) = interpreter() else { return };
    let mut exchange = Exchange::new();
    for (subject, choices) in variants::googlenets() {
        exchange.reference(subject.reference());
        choices.into_iter().for_each(|choice| exchange.variant(subject.variant(choice)));
    }
    for block in Block::ALL {
        let (reference, variant) = variants::block(block);
        exchange.reference(reference);
        exchange.variant(variant);
    }
    let count = exchange.len();
    let verdict = exchange.check(&python);
    assert!(verdict.passed, "{}\n{}", verdict.lines.join("\n"), verdict.errors);
    assert_eq!(verdict.lines.len(), count + 1);
    assert!(verdict.lines[..count].iter().all(|line| line.starts_with("ok ")), "{:#?}", verdict.lines);
    assert_eq!(verdict.lines[count], format!("{count} variants checked, 0 failed"));
    eprintln!("{}", verdict.lines.join("\n"));
}

#[test]
fn the_oracle_catches_what_is_planted() {
    let Some(python) = interpreter() else { return };
    let mut exchange = Exchange::new();
    for host in [Host::Folded, Host::Unfolded, Host::Ceil] {
        let subject = Subject::new(&format!("{host:?}"), Preset::BnAux, host.config());
        exchange.reference(subject.reference());
        let good = subject.variant(Choice { fold: host != Host::Unfolded, ..PLAIN });
        let with = |name: &str, bytes| variants::Variant { name: name.to_owned(), bytes, ..good.clone() };
        for fault in FAULTS.iter().filter(|fault| fault.host == host) {
            exchange.variant(with(fault.name, fault.plant(&good.bytes)));
        }
        exchange.variant(with("control", faults::control(&good.bytes)));
    }
    let count = exchange.len();
    let verdict = exchange.check(&python);
    // It ran to its end: a crash would look like a refusal.
    let end = format!("{count} variants checked, {count} failed");
    assert!(!verdict.passed && verdict.lines.last() == Some(&end), "{verdict:#?}");
    let lines = |name: &str| -> Vec<String> {
        let named = format!(" {name}: ");
        verdict.lines.iter().filter(|line| line.contains(&named)).cloned().collect()
    };
    for fault in &FAULTS {
        let said = lines(fault.name);
        assert!(said.len() == 1 && said[0].contains("logits differs by"), "{}: {verdict:#?}", fault.name);
    }
    // The controls state no shapes, which the oracle says; their numbers are right.
    let controls = lines("control");
    assert!(controls.len() == 3 && controls.iter().all(|line| !line.contains("differs")), "{controls:#?}");
    eprintln!("{}", verdict.lines.join("\n"));
}

#[test]
fn the_oracle_catches_a_file_that_lies_about_itself() {
    let Some(python) = interpreter() else { return };
    let mut exchange = Exchange::new();
    let subject = Subject::new("host", Preset::BnAux, config(Preset::BnAux, 28));
    exchange.reference(subject.reference());
    let good = subject.variant(PLAIN);
    for lie in &LIES {
        exchange.variant(variants::Variant {
            name: lie.name.to_owned(),
            bytes: lie.plant(&good.bytes),
            ..good.clone()
        });
    }
    let verdict = exchange.check(&python);
    for (lie, line) in LIES.iter().zip(&verdict.lines) {
        assert!(line.starts_with(&format!("FAILED {}: ", lie.name)) && line.contains(lie.says), "{verdict:#?}");
        assert!(!line.contains("differs"), "the numbers are right: {line}");
    }
    assert_eq!(verdict.lines.len(), LIES.len() + 1, "{verdict:#?}");
}

impl Host {
    fn config(self) -> GoogLeNetConfig {
        match self {
            Self::Folded | Self::Unfolded => config(Preset::BnAux, 28),
            Self::Ceil => GoogLeNetConfig { pooling: Pooling::Ceil, ..config(Preset::BnAux, 48) },
        }
    }
}

/// A good export, to plant mistakes in.
struct Good {
    network: GoogLeNet,
    options: ExportOptions,
    exported: Exported,
}

impl Good {
    fn new(host: Host) -> Self {
        let config = host.config();
        let network = network(&config);
        let metadata = fresh(Preset::BnAux, config.clone()).metadata();
        let options = export::googlenet_options(&config, &metadata, false).folding(host != Host::Unfolded);
        let exported = export::googlenet(&network, &options).unwrap();
        Self { network, options, exported }
    }

    fn verify(&self) -> gnet::Result<export::Verified> {
        verify_googlenet(&self.network, &self.options, &self.exported)
    }
}

#[test]
fn verification_catches_what_is_planted() {
    for host in [Host::Folded, Host::Unfolded, Host::Ceil] {
        let mut good = Good::new(host);
        let bytes = good.exported.bytes.clone();
        good.verify().unwrap();
        good.exported.bytes = faults::control(&bytes);
        let control = good.verify().unwrap();
        eprintln!("{host:?}: {control:?}");
        for fault in FAULTS.iter().filter(|fault| fault.host == host) {
            good.exported.bytes = fault.plant(&bytes);
            let error = good.verify().expect_err(fault.name);
            eprintln!("{host:?}, {}: {error}", fault.name);
            assert_eq!(error.kind(), ErrorKind::Check, "{}: {error}", fault.name);
            assert!(error.to_string().contains("Burn and tract disagree"), "{}: {error}", fault.name);
        }
    }
}
