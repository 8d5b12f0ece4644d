//! The process that an engine runs in, or a row of a benchmark is measured in, by the orders of another process.

use serde::{Deserialize, Serialize};

use crate::bench::{self, Run, Spec, TurnAnswer, TurnOrder, Turning};
use crate::runtime::{Session, apart};
use gnet_core::{Result, process};

/// Order of [`runtime`](crate::runtime) or [`bench`](crate::bench), which know nothing of each other's.
#[derive(Deserialize)]
#[serde(untagged)]
enum Order {
    Engine(apart::Order),
    Turn(TurnOrder),
    Row(Box<Spec>),
}

/// Answer to it.
#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Engine(apart::Answer),
    Turn(TurnAnswer),
    Row(Box<Run>),
}

/// Serves as the worker ([`process::serve_by`]): loads and runs files, or measures a row, at once or in turns, until there are no more orders
/// on its stdin.
///
/// # Errors
/// Fails on orders that cannot be understood. A failure of the work itself is an answer.
pub fn serve() -> Result<()> {
    let mut session: Option<Box<dyn Session>> = None;
    let mut turning = None;
    process::serve(move |order, blocks, told| match order {
        Order::Engine(order) => {
            let (answer, blocks) = apart::carried_out(&mut session, order, blocks)?;
            Ok((Answer::Engine(answer), blocks))
        }
        Order::Turn(order) => {
            let (answer, blocks) = Turning::carried_out(&mut turning, order, &mut |doing| told.doing(doing))?;
            Ok((Answer::Turn(answer), blocks))
        }
        Order::Row(spec) => {
            let run = bench::measured(&spec, &mut |doing| told.doing(doing))?;
            let samples = bench::packed(&run);
            Ok((Answer::Row(Box::new(run)), samples))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{EngineOptions, Provider, RunOptions};
    use gnet_core::onnx_file::Handed;

    fn received(order: impl Serialize) -> Order {
        serde_json::from_str(&serde_json::to_string(&order).unwrap()).unwrap()
    }

    #[test]
    fn every_order_is_told_from_the_others() {
        let load = apart::Order::Load(Provider::Cuda, Box::new(RunOptions::new(2, 8)), Handed::Bytes(None));
        let Order::Engine(apart::Order::Load(Provider::Cuda, options, _)) = received(load) else { panic!() };
        assert_eq!(*options, RunOptions::new(2, 8));
        let Order::Engine(apart::Order::Run(shapes)) = received(apart::Order::Run(vec![vec![3, 4]])) else { panic!() };
        assert_eq!(shapes, [[3, 4]]);
        assert!(matches!(received(apart::Order::Profile), Order::Engine(apart::Order::Profile)));
        assert!(matches!(received(apart::Order::Tensors), Order::Engine(apart::Order::Tensors)));
        let engine = EngineOptions::default().ort_lib(std::path::PathBuf::from("/x"));
        let Order::Engine(apart::Order::Library(found)) = received(apart::Order::Library(engine.clone())) else {
            panic!()
        };
        assert_eq!(found, engine);
        let row = Spec::new("m.onnx", Provider::Cpu);
        let Order::Row(found) = received(&row) else { panic!() };
        assert_eq!(*found, row);
        let Order::Turn(TurnOrder::Ready(found)) = received(TurnOrder::Ready(Box::new(row.clone()))) else { panic!() };
        assert_eq!(*found, row);
        assert!(matches!(received(TurnOrder::Turn), Order::Turn(TurnOrder::Turn)));
        assert!(matches!(received(TurnOrder::Finish), Order::Turn(TurnOrder::Finish)));
    }
}
