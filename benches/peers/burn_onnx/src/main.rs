//! gnet's exporter beside burn-onnx's, which reads the same capture of the same modules and knows nothing of gnet: where
//! both have a file, both must answer as Burn does. A table on stdout, or JSON with `--json`. Exit code 1 when a file of
//! gnet's is missing or answers otherwise.

mod compare;
mod modules;

use std::process::ExitCode;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use gnet::nets::{GoogLeNet, GoogLeNetConfig, Preset};
use gnet::report::{Cell, Column, Format, Report, Table, render};
use gnet::runtime::Array;
use serde::Serialize;

use compare::{Comparison, Side, compare};

/// All modules.
#[derive(Serialize)]
struct Record {
    comparisons: Vec<Comparison>,
}

impl Report for Record {
    fn tables(&self) -> Vec<Table> {
        let number = |name| Column::number(name);
        let columns = [
            Column::text("module"),
            Column::text("exporter"),
            Column::text("batch"),
            number("export").unit("ms"),
            number("file").unit("bytes"),
            number("nodes"),
            number("unread constants"),
            Column::text("same bytes again"),
            Column::text("in tract"),
            number("largest difference"),
        ];
        let mut table = Table::new("The same modules through both exporters", columns);
        for comparison in &self.comparisons {
            for (name, side) in [("gnet", &comparison.gnet), ("burn-onnx", &comparison.burn_onnx)] {
                let count = |n: Option<usize>| n.map_or(Cell::from("-"), |n| Cell::from(n as u64));
                table.row([
                    comparison.module.into(),
                    name.into(),
                    batch(side).into(),
                    Cell::float(side.ms, 2),
                    count(side.bytes),
                    count(side.nodes),
                    count(side.dead_initializers),
                    side.repeatable.map_or("-", |same| if same { "yes" } else { "no" }).into(),
                    side.verdict.unwrap_or("-").into(),
                    side.max_abs_diff.map_or("-".to_owned(), |diff| format!("{diff:.1e}")).as_str().into(),
                ]);
                for (what, reason) in [("no dynamic batch", &side.why_fixed), ("failed", &side.failed)] {
                    if let Some(reason) = reason {
                        // burn-onnx prints whole records; up to the first brace is the operation.
                        let brief = reason.split(" {").next().unwrap_or_default();
                        table.note(format!("{}, {name}: {what}: {brief}", comparison.module));
                    }
                }
            }
        }
        vec![table]
    }
}

fn batch(side: &Side) -> &'static str {
    match (side.dynamic, side.bytes) {
        (_, None) => "-",
        (true, _) => "dynamic",
        (false, _) => "fixed",
    }
}

/// A GoogLeNet whose running statistics are those of noise, so that its answers differ from input to input.
fn googlenet(aux_heads: bool) -> gnet::Result<GoogLeNet> {
    let config = GoogLeNetConfig { image_size: 32, aux_heads, ..Preset::BnAux.config() };
    let network = config.init_seeded(1, &Device::flex().autodiff())?;
    for step in 0..30 {
        network.seed_dropout(1, step);
        let noise = Array::noise(vec![4, 1, 32, 32], step);
        let data = burn::tensor::TensorData::new(noise.data, noise.shape);
        let _ = network.forward(Tensor::from_data(data, &Device::flex().autodiff()));
    }
    Ok(network.valid())
}

fn comparisons() -> gnet::Result<Vec<Comparison>> {
    use modules::*;
    let device = &Device::flex();
    let main = |network: &GoogLeNet, x: Tensor<4>| network.forward(x).main;
    Ok(vec![
        compare("MLP", &Mlp::new(device), &[16], Mlp::forward),
        compare("residual block", &Residual::new(device), &[3, 10, 9], Residual::forward),
        compare("U-Net", &UNet::new(device), &[1, 8, 12], UNet::forward),
        compare("GoogLeNet without heads", &googlenet(false)?, &[1, 32, 32], main),
        compare("GoogLeNet, main output", &googlenet(true)?, &[1, 32, 32], main),
        compare("sequence", &Sequence::new(device), &[4, 12], Sequence::forward),
        compare("resize", &Resize::new(device), &[2, 8, 6], Resize::forward),
        compare("transformer encoder", &Encoder::new(device), &[5, 16], Encoder::forward),
        compare("LSTM", &Recurrent::new(device), &[4, 3], Recurrent::forward),
    ])
}

fn holds(side: &Side) -> bool {
    side.failed.is_none() && side.verdict == Some("agree")
}

fn main() -> ExitCode {
    // What panics is told in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let format = if std::env::args().any(|arg| arg == "--json") { Format::Json } else { Format::Table };
    let shown = comparisons().and_then(|comparisons| {
        let held = comparisons.iter().all(|comparison| holds(&comparison.gnet));
        Ok((render(&Record { comparisons }, format)?, held))
    });
    match shown {
        Ok((text, held)) => {
            print!("{text}");
            ExitCode::from(u8::from(!held))
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
