//! A machine and what it can run, out of what `gnet doctor --format json` prints.

use serde::Deserialize;
use serde_json::{Map, Value};

use gnet_core::report::{Column, Table, number};

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Machine {
    cpu: Cpu,
    limits: Limits,
    gpus: Gpus,
    onnxruntime: OnnxRuntime,
    providers: Vec<Provider>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Cpu {
    name: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Limits {
    usable_cores: Option<u64>,
    memory_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Gpus {
    driver: Option<String>,
    devices: Vec<Gpu>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Gpu {
    name: String,
    compute_capability: Option<String>,
    memory_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct OnnxRuntime {
    library: Option<Library>,
    reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Library {
    version: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Provider {
    provider: String,
    usable: bool,
    reason: Option<String>,
    #[serde(default)]
    checks: Vec<Check>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Check {
    question: String,
    found: Option<String>,
}

impl Machine {
    /// Reads such a document.
    pub fn read(document: &Map<String, Value>) -> Result<Self, String> {
        serde_json::from_value(Value::Object(document.clone())).map_err(|e| e.to_string())
    }

    /// Returns its GPUs, or its processor if it has none.
    pub fn device(&self) -> String {
        let names: Vec<_> = self.gpus.devices.iter().map(|gpu| gpu.name.as_str()).collect();
        if names.is_empty() { self.cpu.name.clone() } else { names.join(", ") }
    }

    /// Returns two tables: the machine, and the providers.
    pub fn tables(&self) -> [Table; 2] {
        [self.parts(), self.verdicts()]
    }

    fn parts(&self) -> Table {
        let mut table = Table::new("", [Column::text("part"), Column::text("found")]);
        let mut row = |part: &str, found: String| _ = table.row([part.into(), found.into()]);
        for gpu in &self.gpus.devices {
            let capability = gpu.compute_capability.iter().map(|version| format!("compute capability {version}"));
            let memory = gpu.memory_bytes.iter().map(|bytes| number::bytes(*bytes));
            row(
                "GPU",
                std::iter::once(gpu.name.clone()).chain(capability).chain(memory).collect::<Vec<_>>().join(", "),
            );
        }
        if let Some(driver) = &self.gpus.driver {
            row("driver", driver.clone());
        }
        let cores = self.limits.usable_cores.iter().map(|cores| number::counted(cores, "usable core"));
        let memory = self.limits.memory_bytes.iter().map(|bytes| number::bytes(*bytes));
        let processor = std::iter::once(self.cpu.name.clone()).chain(cores).chain(memory);
        row("processor", processor.collect::<Vec<_>>().join(", "));
        let OnnxRuntime { library, reason } = &self.onnxruntime;
        let version = library.as_ref().map(|library| library.version.clone());
        row("ONNX Runtime", version.or_else(|| reason.clone()).unwrap_or_else(|| "none".to_owned()));
        table
    }

    fn verdicts(&self) -> Table {
        let mut table = Table::new("", ["provider", "runs here", "with, or why not"].map(Column::text));
        for provider in &self.providers {
            let found = |question: &str| {
                let check = provider.checks.iter().find(|check| check.question == question)?;
                check.found.clone()
            };
            let with = ["device", "dependencies"].into_iter().filter_map(found).collect::<Vec<_>>().join("; ");
            let told = if provider.usable { with } else { provider.reason.clone().unwrap_or_default() };
            table.row([
                provider.provider.as_str().into(),
                if provider.usable { "yes" } else { "no" }.into(),
                told.into(),
            ]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gnet_core::report::Cell;

    #[test]
    fn a_machine_is_told_in_two_tables() {
        let document = serde_json::json!({
            "cpu": {"name": "A processor"}, "limits": {"usable_cores": 16, "memory_bytes": 1u64 << 37},
            "gpus": {"driver": "580.1", "devices": [{"name": "A GPU", "compute_capability": "9.0", "memory_bytes": 1u64 << 36}]},
            "onnxruntime": {"library": {"version": "1.31.1"}, "reason": null},
            "providers": [
                {"provider": "cuda", "usable": true, "reason": null, "checks": [{"question": "device", "found": "A GPU"}]},
                {"provider": "tensorrt", "usable": false, "reason": "it is not there"}]
        });
        let machine = Machine::read(document.as_object().unwrap()).unwrap();
        assert_eq!(machine.device(), "A GPU");
        let rows = |table: &Table| {
            let cells = |row: &Vec<Cell>| row.iter().map(Cell::human).collect::<Vec<_>>().join(" | ");
            table.rows.iter().map(cells).collect::<Vec<_>>()
        };
        let [parts, verdicts] = machine.tables();
        let expected = [
            "GPU | A GPU, compute capability 9.0, 64.0 GiB",
            "driver | 580.1",
            "processor | A processor, 16 usable cores, 128.0 GiB",
            "ONNX Runtime | 1.31.1",
        ];
        assert_eq!(rows(&parts), expected);
        assert_eq!(rows(&verdicts), ["cuda | yes | A GPU", "tensorrt | no | it is not there"]);
        let mut none = document;
        none["gpus"] = serde_json::json!({"devices": []});
        assert_eq!(Machine::read(none.as_object().unwrap()).unwrap().device(), "A processor");
        none["providers"] = "many".into();
        assert!(Machine::read(none.as_object().unwrap()).unwrap_err().contains("invalid type"));
    }
}
