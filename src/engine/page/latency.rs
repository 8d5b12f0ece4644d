//! Latency and throughput of a network: two charts and a table.

use std::collections::BTreeSet;

use super::labels::{Settings, labels};
use super::row::Row;
use super::section::{Picture, Section, name};
use crate::bench::ms;
use gnet_core::Result;
use gnet_core::report::bars::{Bar, Bars};
use gnet_core::report::curve::{Axis, Chart, Series};
use gnet_core::report::{Cell, Column, Table, number};
use gnet_core::words::counted;

/// Maximum number of settings in a chart: more cannot be told apart by their look. The table has all.
const MOST: usize = 24;

/// A number that not every row has.
type Value = fn(&Row) -> Option<f64>;

/// Rows of one network, with the name of each setting.
pub struct Rows<'a> {
    rows: Vec<&'a Row>,
    labels: Vec<String>,
    settings: Settings,
}

impl<'a> Rows<'a> {
    /// Takes the rows of one network. A row with a profile whose setting and batch were measured without one as well stands
    /// beside its profile alone.
    pub fn new(all: &[&'a Row], document: impl Fn(usize) -> String) -> Self {
        let settings = Settings::of(all);
        let stands =
            |row: &Row| row.profile.is_none() || !all.iter().any(|other| other.profile.is_none() && same(row, other));
        let rows: Vec<&Row> = all.iter().copied().filter(|row| stands(row)).collect();
        let labels = labels(&settings, &rows, document);
        Self { rows, labels, settings }
    }

    /// Returns the name of a row's setting.
    pub fn label(&self, row: &Row) -> String {
        self.settings.label(row)
    }

    /// Describes them in a section.
    ///
    /// # Errors
    /// Fails if a chart cannot be drawn.
    pub fn section(&self, heading: String) -> Result<Section> {
        let mut section = Section::new(heading);
        section.sentences.extend(self.network());
        let settings = self.names();
        let batches: BTreeSet<u64> = self.rows.iter().map(|row| row.batch).collect();
        section.pictures = match batches.len() {
            1 => vec![self.bars(&section.heading, &settings)?],
            _ => vec![
                self.chart("latency", &section.heading, "time of a run (ms)", &settings, |row| row.ms)?,
                self.chart("throughput", &section.heading, "images/s", &settings, Row::rate)?,
            ],
        };
        if settings.len() > MOST {
            section
                .sentences
                .push(format!("The charts show the first {MOST} of {}.", counted(settings.len(), "setting")));
        }
        if settings.iter().map(|setting| self.of(setting).len()).sum::<usize>() < self.rows.len() {
            let again = "Where a setting was measured more than once at a batch, the charts show the first time; the table has all.";
            section.sentences.push(again.to_owned());
        }
        if self.rows.iter().any(|row| row.own) && self.rows.iter().any(|row| !row.own) && batches.len() > 1 {
            section.sentences.push("Dashed lines were measured by other programs.".to_owned());
        }
        section.tables.push(self.table());
        Ok(section)
    }

    /// Describes the file, as far as a row knows it.
    fn network(&self) -> Option<String> {
        let network = self.rows.iter().map(|row| &row.network).find(|network| network.bytes.is_some())?;
        Some(format!("The file has {}.", number::bytes(network.bytes?)))
    }

    /// Returns the names of the settings, in the order of their first rows.
    fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for label in &self.labels {
            if !names.contains(&label.as_str()) {
                names.push(label);
            }
        }
        names
    }

    /// Returns the rows of a setting, the first of each batch, by batch.
    fn of(&self, setting: &str) -> Vec<&Row> {
        let rows = self.rows.iter().zip(&self.labels).filter(|(_, label)| *label == setting);
        let mut rows: Vec<&Row> = rows.map(|(row, _)| *row).collect();
        rows.sort_by_key(|row| row.batch);
        rows.dedup_by_key(|row| row.batch);
        rows
    }

    fn chart(
        &self,
        kind: &'static str,
        network: &str,
        label: &str,
        settings: &[&str],
        value: impl Fn(&Row) -> f64,
    ) -> Result<Picture> {
        let (x, y) = ("images in a run, logarithmic", format!("{label}, logarithmic"));
        let mut chart = Chart::new(format!("{}: {kind}", name(network)), Axis::log(x), Axis::log(y));
        let shown = &settings[..settings.len().min(MOST)];
        chart.description = format!("{label} against the images in a run, a line for each of: {}.", listed(shown));
        for setting in shown {
            let rows = self.of(setting);
            let points = rows.iter().map(|row| (row.batch as f64, value(row)));
            chart.series.push(Series::new(*setting, points).dashed(rows.iter().any(|row| !row.own)));
        }
        Ok(Picture { kind, told: format!("{}: {}", chart.title, chart.description), svg: chart.svg()? })
    }

    /// Draws rows of one batch, the fastest first.
    fn bars(&self, network: &str, settings: &[&str]) -> Result<Picture> {
        let mut rows: Vec<(&str, &Row)> = settings
            .iter()
            .take(MOST)
            .flat_map(|setting| self.of(setting).into_iter().map(move |row| (*setting, row)))
            .collect();
        rows.sort_by(|a, b| a.1.ms.total_cmp(&b.1.ms));
        let mut bars = Bars::new(format!("{}: latency", name(network)), "time of a run (ms)");
        let shown: Vec<&str> = rows.iter().map(|(setting, _)| *setting).collect();
        bars.description = format!("Time of a run in each setting, the fastest first: {}.", listed(&shown));
        let bar = |(setting, row): &(&str, &Row)| Bar::new(*setting, row.ms, format!("{} ms", ms(row.ms).human()));
        bars.bars = rows.iter().map(bar).collect();
        Ok(Picture { kind: "latency", told: format!("{}: {}", bars.title, bars.description), svg: bars.svg()? })
    }

    fn table(&self) -> Table {
        let has = |value: Value| self.rows.iter().any(|row| value(row).is_some());
        let optional: [(Column, Value); 3] = [
            (Column::number("p90").unit("ms"), |row| row.p90_ms),
            (Column::number("with copies").unit("ms"), |row| row.with_copies_ms),
            (Column::number("GMAC/s"), |row| row.gmacs_per_s),
        ];
        let optional: Vec<_> = optional.into_iter().filter(|(_, value)| has(*value)).collect();
        let first = [
            Column::path("setting"),
            Column::number("batch"),
            Column::number("time").unit("ms"),
            Column::text("which is"),
            Column::number("images/s"),
        ];
        let more = optional.iter().map(|(column, _)| column.clone());
        let mut table = Table::new("", first.into_iter().chain(more).chain([Column::number("document")]));
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        let names = self.names();
        let rank = |label: &str| names.iter().position(|name| *name == label);
        order.sort_by_key(|place| (rank(&self.labels[*place]), self.rows[*place].batch));
        for place in order {
            let row = self.rows[place];
            let first: [Cell; 5] = [
                name(&self.labels[place]).into(),
                row.batch.into(),
                ms(row.ms),
                row.statistic.as_str().into(),
                Cell::float(row.rate(), 0),
            ];
            let digits = |value: f64| if value < 1000.0 { ms(value) } else { Cell::float(value, 0) };
            let more = optional.iter().map(|(_, value)| value(row).map_or(Cell::Missing, digits));
            table.row(first.into_iter().chain(more).chain([(row.document + 1).into()]));
        }
        for note in self.notes() {
            table.note(note);
        }
        table
    }

    /// Returns what is to be said of rows: once if it holds of all rows of a provider.
    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.settings.sentences().collect();
        if self.rows.iter().any(|row| row.with_copies_ms.is_some()) {
            notes.push("time: of a run on the device; with copies: from the host's memory and back to it".to_owned());
        }
        for row in &self.rows {
            notes.extend(row.placement.iter().map(|placement| format!("{}: {placement}", row.name)));
        }
        for (row, label) in self.rows.iter().zip(&self.labels) {
            notes.extend(row.notes.iter().map(|note| format!("{}, batch {}: {note}", name(label), row.batch)));
        }
        let mut said = BTreeSet::new();
        notes.retain(|note| said.insert(note.clone()));
        notes
    }
}

/// Returns `true` if two rows are of the same setting and batch.
fn same(a: &Row, b: &Row) -> bool {
    (&a.name, &a.facts, a.batch, a.own) == (&b.name, &b.facts, b.batch, b.own)
}

/// Lists names, shortened and not too many.
fn listed(names: &[&str]) -> String {
    names.iter().map(|text| name(text)).collect::<Vec<_>>().join("; ")
}
