//! An engine in a process of its own, behind the same trait as one in this process.
//!
//! Some engines cannot share a process: OpenVINO's plugin takes over every session made after it is registered. The two
//! sides talk over the worker's stdin and stdout. A message is one line of JSON, followed by as many bytes as the line
//! says: the file, or the values of arrays as little-endian `f32`.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

use crate::bench::Failure;
use crate::runtime::{self, Array, Input, Provider, RunOptions, Session};
use crate::{Error, Result, onnx};

/// The argument that makes the program a worker.
pub const WORKER_COMMAND: &str = "verify-worker";

/// What is to be loaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) provider: Provider,
    pub(super) options: RunOptions,
    /// Whether it does not matter which provider its nodes are on.
    pub(super) any_placement: bool,
}

impl Order {
    /// Loads in this process.
    pub(super) fn load(&self, model: &[u8]) -> Result<Box<dyn Session>> {
        let load = if self.any_placement { runtime::open } else { runtime::load };
        load(self.provider, model, &self.options)
    }
}

/// The line of a message.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Message {
    /// To the worker: load the file of this many bytes.
    Load(Order, usize),
    /// From the worker: loaded, with these inputs: name, shape, ONNX's number of the element type.
    Loaded(Vec<(String, Vec<usize>, i32)>),
    /// Arrays of these shapes: inputs to the worker, outputs from it.
    Arrays(Vec<Vec<usize>>),
    /// From the worker: it did not work.
    Failed(Failure),
}

/// A session in another process.
pub(super) struct Apart {
    child: Child,
    /// `None` only while it is dropped: a closed pipe ends the worker.
    orders: Option<BufWriter<ChildStdin>>,
    answers: BufReader<ChildStdout>,
    inputs: Vec<Input>,
    bound: Option<Vec<Array>>,
    outputs: Option<Vec<Array>>,
    threads: usize,
}

impl Apart {
    /// Starts a worker and lets it load a file.
    pub(super) fn start(program: &Path, order: Order, model: &[u8]) -> Result<Self> {
        let fail = |e: std::io::Error| lost(format!("{} cannot be started: {e}", program.display()));
        let mut child = Command::new(program)
            .arg(WORKER_COMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(fail)?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(lost("it has no pipes"));
        };
        let threads = order.options.threads;
        let (orders, answers) = (Some(BufWriter::new(stdin)), BufReader::new(stdout));
        let mut this = Self { child, orders, answers, inputs: Vec::new(), bound: None, outputs: None, threads };
        let Message::Loaded(inputs) = this.ask(&Message::Load(order, model.len()), &[model])? else {
            return Err(lost("it answered something else"));
        };
        let input = |(name, shape, number): (String, Vec<usize>, i32)| {
            let dtype = onnx::dtype_of(number).ok_or_else(|| lost(format!("it names the element type {number}")))?;
            Ok(Input { name, shape, dtype })
        };
        this.inputs = inputs.into_iter().map(input).collect::<Result<_>>()?;
        Ok(this)
    }

    /// Sends a message and returns the answer's line.
    fn ask(&mut self, message: &Message, blocks: &[&[u8]]) -> Result<Message> {
        let sent = self.orders.as_mut().map_or(Ok(()), |pipe| send(pipe, message, blocks));
        // A worker that died leaves a broken pipe; what it said before says more.
        match receive(&mut self.answers) {
            Ok(Some(Message::Failed(failure))) => Err(failure.into()),
            Ok(Some(message)) => sent.map(|()| message),
            Ok(None) => Err(lost(self.child.wait().map_or_else(|e| e.to_string(), |status| status.to_string()))),
            Err(e) => Err(e),
        }
    }
}

impl Session for Apart {
    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    /// Keeps the arrays; the worker's engine judges them when it runs.
    fn bind(&mut self, inputs: &[Array]) -> Result<()> {
        (self.bound, self.outputs) = (Some(inputs.to_vec()), None);
        Ok(())
    }

    fn run(&mut self) -> Result<()> {
        let bound = self.bound.take().ok_or_else(|| Error::input("run", "no input is bound"))?;
        let blocks: Vec<Vec<u8>> = bound.iter().map(bytes_of).collect();
        let shapes = Message::Arrays(bound.iter().map(|array| array.shape.clone()).collect());
        let answer = self.ask(&shapes, &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>());
        self.bound = Some(bound);
        let Message::Arrays(shapes) = answer? else { return Err(lost("it answered something else")) };
        self.outputs = Some(arrays(&mut self.answers, shapes)?);
        Ok(())
    }

    fn outputs(&self) -> Result<Vec<Array>> {
        self.outputs.clone().ok_or_else(|| Error::input("outputs", "nothing has run"))
    }

    fn threads_used(&self) -> usize {
        self.threads
    }

    fn notes(&self) -> &[String] {
        &[]
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        self.orders = None;
        // A worker that ended badly has nobody left to be told.
        let _ = self.child.wait();
    }
}

/// The worker's side: loads what it is told to, runs as often as it is told to, and ends when `orders` does.
///
/// # Errors
/// Orders that cannot be understood, or answers that cannot be written. An engine that fails is an answer.
pub fn serve(orders: impl Read, mut answers: impl Write) -> Result<()> {
    let mut orders = BufReader::new(orders);
    let mut session: Option<Box<dyn Session>> = None;
    while let Some(message) = receive(&mut orders)? {
        let worked = match message {
            Message::Load(order, length) => {
                let model = block(&mut orders, length)?;
                order.load(&model).map(|loaded| {
                    let input = |i: &Input| (i.name.clone(), i.shape.clone(), onnx::number_of(i.dtype));
                    let inputs = loaded.inputs().iter().map(input).collect();
                    session = Some(loaded);
                    (Message::Loaded(inputs), Vec::new())
                })
            }
            Message::Arrays(shapes) => {
                let inputs = arrays(&mut orders, shapes)?;
                computed(session.as_deref_mut(), &inputs).map(|outputs| {
                    let shapes = outputs.iter().map(|array| array.shape.clone()).collect();
                    (Message::Arrays(shapes), outputs.iter().map(bytes_of).collect())
                })
            }
            Message::Loaded(_) | Message::Failed(_) => Err(confused("no order")),
        };
        let (answer, blocks) = worked.unwrap_or_else(|e| (Message::Failed((&e).into()), Vec::new()));
        send(&mut answers, &answer, &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    Ok(())
}

fn computed(session: Option<&mut (dyn Session + 'static)>, inputs: &[Array]) -> Result<Vec<Array>> {
    let session = session.ok_or_else(|| confused("no file to run"))?;
    session.bind(inputs)?;
    session.run()?;
    session.outputs()
}

fn lost(reason: impl std::fmt::Display) -> Error {
    Error::check("the engine's process", format!("was lost: {reason}"))
}

fn confused(what: &str) -> Error {
    Error::input(WORKER_COMMAND, format!("there is {what}")).remedy("use `gnet verify`; it starts its workers itself")
}

fn send(pipe: &mut impl Write, message: &Message, blocks: &[&[u8]]) -> Result<()> {
    let mut line = serde_json::to_vec(message).map_err(lost)?;
    line.push(b'\n');
    let all = std::iter::once(line.as_slice()).chain(blocks.iter().copied());
    all.into_iter().try_for_each(|block| pipe.write_all(block)).and_then(|()| pipe.flush()).map_err(lost)
}

/// The next message's line; `None` at the end.
fn receive(pipe: &mut impl BufRead) -> Result<Option<Message>> {
    let mut line = Vec::new();
    if pipe.read_until(b'\n', &mut line).map_err(lost)? == 0 {
        return Ok(None);
    }
    serde_json::from_slice(&line).map(Some).map_err(|_| confused("a line on the pipe that is no message"))
}

fn block(pipe: &mut impl Read, length: usize) -> Result<Vec<u8>> {
    // Grows with what really comes, so that a wrong length cannot ask for all memory at once.
    let mut bytes = Vec::new();
    pipe.take(length as u64).read_to_end(&mut bytes).map_err(lost)?;
    if bytes.len() == length { Ok(bytes) } else { Err(lost(format!("{} of {length} bytes came", bytes.len()))) }
}

fn bytes_of(array: &Array) -> Vec<u8> {
    array.data.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn arrays(pipe: &mut impl Read, shapes: Vec<Vec<usize>>) -> Result<Vec<Array>> {
    let array = |shape: Vec<usize>| {
        let length = shape.iter().try_fold(size_of::<f32>(), |bytes, side| bytes.checked_mul(*side));
        let bytes = block(pipe, length.ok_or_else(|| confused("a shape beyond all memory"))?)?;
        let data = bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect();
        Array::new(shape, data)
    };
    shapes.into_iter().map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(message: &Message, blocks: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        send(&mut bytes, message, blocks).unwrap();
        bytes
    }

    fn served(orders: &[u8]) -> Result<Vec<u8>> {
        let mut answers = Vec::new();
        serve(orders, &mut answers).map(|()| answers)
    }

    #[cfg(feature = "tract")]
    #[test]
    fn a_worker_computes_what_the_engine_does() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/two_inputs.onnx");
        let model = std::fs::read(path).unwrap();
        let order = Order { provider: Provider::Tract, options: RunOptions::new(1, 2), any_placement: false };
        let inputs = [vec![2, 3], vec![2, 3], vec![1, 3]].map(|shape| Array::noise(shape, 5)).to_vec();
        let expected = computed(Some(order.load(&model).unwrap().as_mut()), &inputs).unwrap();
        let blocks: Vec<_> = inputs.iter().map(bytes_of).collect();
        let blocks: Vec<&[u8]> = blocks.iter().map(Vec::as_slice).collect();
        let shapes = |arrays: &[Array]| Message::Arrays(arrays.iter().map(|array| array.shape.clone()).collect());
        let mut orders = message(&Message::Load(order, model.len()), &[&model]);
        orders.extend(message(&shapes(&inputs), &blocks));
        orders.extend(message(&shapes(&inputs[..1]), &blocks[..1]));
        let answers = served(&orders).unwrap();
        let mut answers = answers.as_slice();
        let Some(Message::Loaded(names)) = receive(&mut answers).unwrap() else { panic!("not loaded") };
        assert_eq!(names.iter().map(|(name, ..)| name.as_str()).collect::<Vec<_>>(), ["a", "b", "scale"]);
        let Some(Message::Arrays(shapes)) = receive(&mut answers).unwrap() else { panic!("not computed") };
        assert_eq!(arrays(&mut answers, shapes).unwrap(), expected);
        let Some(Message::Failed(failure)) = receive(&mut answers).unwrap() else { panic!("not refused") };
        assert_eq!(Error::from(failure).to_string(), "inputs: 1 arrays given for 3 (a, b, scale)");
        assert!(receive(&mut answers).unwrap().is_none());
    }

    #[test]
    fn orders_that_mean_nothing_are_refused() {
        assert!(served(b"").unwrap().is_empty());
        assert!(served(b"hello\n").unwrap_err().to_string().contains("a line on the pipe that is no message"));
        let cut = message(&Message::Arrays(vec![vec![3]]), &[&[0; 7]]);
        assert!(served(&cut).unwrap_err().to_string().contains("7 of 12 bytes came"));
        let huge = message(&Message::Arrays(vec![vec![usize::MAX, 2]]), &[]);
        assert!(served(&huge).is_err());
        let early = served(&message(&Message::Arrays(Vec::new()), &[])).unwrap();
        let Some(Message::Failed(failure)) = receive(&mut early.as_slice()).unwrap() else { panic!("not refused") };
        assert!(Error::from(failure).to_string().contains("no file to run"));
    }

    #[test]
    fn a_program_that_is_none_is_named() {
        let order = Order { provider: Provider::Tract, options: RunOptions::new(1, 1), any_placement: false };
        let error = Apart::start(Path::new("/nowhere/gnet"), order, &[]).err().unwrap();
        assert!(error.to_string().contains("/nowhere/gnet cannot be started"), "{error}");
    }
}
