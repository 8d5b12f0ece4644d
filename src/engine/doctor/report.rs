//! The diagnosis as tables.

use super::verdict::{Answer, Check, ProviderReport, Question};
use super::{Dependency, Diagnosis, Place};
use gnet_core::report::{Cell, Column, Report, Table, Tone, number};

impl Report for Diagnosis {
    fn tables(&self) -> Vec<Table> {
        let tables = [self.machine_table(), self.provider_table(), self.library_table()];
        tables.into_iter().filter(|table| !table.rows.is_empty()).collect()
    }
}

impl Diagnosis {
    fn machine_table(&self) -> Table {
        let mut table = Table::new("Machine", [Column::whole("what"), Column::text("value")]);
        let (cpu, limits) = (&self.cpu, &self.limits);
        let mut row = |what: &str, value: Option<String>| {
            table.row([what.into(), Cell::from(value)]);
        };
        row("processor", Some(format!("{} ({})", cpu.name, cpu.arch)));
        let names = |present: bool| {
            let features = cpu.features.iter().filter(|feature| feature.present == present);
            let names: Vec<_> = features.map(|feature| feature.title.as_str()).collect();
            (!names.is_empty()).then(|| names.join(", "))
        };
        row("instructions", names(true));
        row("not there", names(false));
        let physical = cpu.physical_cores.map_or(String::new(), |cores| format!(", {cores} physical"));
        row("cores", Some(format!("{} logical{physical}", cpu.logical_cores)));
        let affinity = limits.affinity_cores.map(|cores| format!("affinity {cores}"));
        let quota = limits.cpu_quota.map_or("no quota".to_owned(), |quota| format!("quota {quota:.2}"));
        let by = affinity.into_iter().chain([quota]).collect::<Vec<_>>().join(", ");
        row("usable cores", Some(format!("{} ({by})", limits.usable_cores)));
        let available = limits.available_bytes.map(|free| format!(", {} available", number::bytes(free)));
        let memory = |total: u64| format!("{}{}", number::bytes(total), available.unwrap_or_default());
        row("memory", limits.memory_bytes.map(memory));
        row("memory limit", Some(limits.memory_limit_bytes.map_or("none".to_owned(), number::bytes)));
        let gpus = self.gpus.summary();
        row("NVIDIA GPU", Some(if gpus.is_empty() { "none seen".to_owned() } else { gpus }));
        let library = self.onnxruntime.library.as_ref();
        row(
            "ONNX Runtime",
            Some(library.map_or("none".to_owned(), |l| format!("{} ({}): {}", l.version, l.step, l.path.display()))),
        );
        table
    }

    fn provider_table(&self) -> Table {
        // The questions in the order in which they are asked: the last one answers for all.
        let columns = [
            ("provider", 0),
            ("usable", 0),
            ("built in", 3),
            ("library", 2),
            ("compiled", 4),
            ("device", 5),
            ("dependencies", 6),
            ("session", 1),
        ];
        let mut table = Table::new("Providers", columns.map(|(name, rank)| Column::text(name).rank(rank)));
        for report in &self.providers {
            let usable = if report.usable { Cell::verdict("yes", Tone::Good) } else { Cell::verdict("NO", Tone::Bad) };
            let answers = report.checks.iter().map(|check| answer(check.answer).into());
            table.row([Cell::from(report.provider.name()), usable].into_iter().chain(answers));
        }
        for (names, check) in self.noes() {
            let reason = check.reason.as_deref().unwrap_or("no reason is known");
            table.note(format!("{names}, {}: {reason}", check.question.name().replace('_', " ")));
            if let Some(remedy) = &check.remedy {
                table.note(format!("  help: {remedy}"));
            }
        }
        for report in &self.providers {
            let session = report.checks.iter().find(|check| check.question == Question::Session);
            if let Some(found) = session.and_then(|check| check.found.as_ref()) {
                table.note(format!("{}: one convolution {found}, with the known answer", report.provider));
            }
        }
        table
    }

    /// Returns every "no" once, with the names of the providers that share it.
    fn noes(&self) -> Vec<(String, &Check)> {
        let mut noes: Vec<(String, &Check)> = Vec::new();
        for report in &self.providers {
            for check in report.checks.iter().filter(|check| check.answer == Answer::No) {
                let name = report.provider.name();
                match noes.iter_mut().find(|(_, its)| *its == check) {
                    Some((names, _)) => *names = format!("{names}, {name}"),
                    None => noes.push((name.to_owned(), check)),
                }
            }
        }
        noes
    }

    fn library_table(&self) -> Table {
        let columns = [
            Column::whole("library"),
            Column::text("what").rank(3),
            Column::text("for").rank(1),
            Column::text("state"),
            Column::text("version").rank(2),
            Column::path("path").rank(4),
        ];
        let mut table = Table::new("Libraries", columns);
        let mut shown: Vec<&str> = Vec::new();
        for dependency in self.providers.iter().flat_map(|report| &report.dependencies) {
            if shown.contains(&dependency.name.as_str()) {
                continue;
            }
            shown.push(&dependency.name);
            let needs = |report: &&ProviderReport| report.dependencies.iter().any(|d| d.name == dependency.name);
            let users: Vec<_> = self.providers.iter().filter(needs).map(|report| report.provider.name()).collect();
            let found = dependency.found.as_ref();
            table.row([
                dependency.name.as_str().into(),
                dependency.product.as_str().into(),
                users.join(", ").into(),
                state(dependency).into(),
                Cell::from(found.and_then(|found| found.version.as_deref())),
                Cell::from(found.map(|found| found.path.as_str())),
            ]);
        }
        table
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
        Answer::NotNeeded => "-",
        Answer::NotTried => "?",
    }
}

fn state(dependency: &Dependency) -> &'static str {
    match (&dependency.found, dependency.required) {
        (Some(found), _) if found.by == Place::OutOfSight => "out of the loader's sight",
        (Some(found), _) if found.by == Place::Installed => "installed by gnet",
        (Some(found), _) if found.by == Place::RunPath => "beside what needs it",
        (Some(_), _) => "of the system",
        (None, true) => "missing",
        (None, false) => "missing, optional",
    }
}
