//! One file on trial: a thread with a small stack, memory counted, an end in sight.

use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use gnet_core::onnx;

use super::allocator::peak_of;
use super::exercise::{exercise, survive};

/// Stack of the thread that reads a file: a quarter of what a thread of Rust has. The deepest file that protobuf's limit of a
/// hundred messages allows takes three quarters of it; without
/// optimisation it takes that of twice as much.
const STACK: usize = if cfg!(debug_assertions) { 1 << 20 } else { 512 << 10 };
/// Memory that any file may take, whatever its size.
const MEMORY: usize = 4 << 20;
/// Memory that each of its bytes may take in addition. The messages of the format need it: two bytes, a tag and a
/// length of zero, can stand for a whole node.
const MEMORY_PER_BYTE: usize = 700;
/// Long after any of these must have ended. No measurement: it turns an endless loop into a failure with a name.
const PATIENCE: Duration = Duration::from_secs(120);

/// Result of the reader: nothing, or the reason for its refusal.
pub type Answer = Result<(), String>;

fn in_small_thread(name: &str, size: usize, run: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let (sender, receiver) = mpsc::channel();
    let body = move || drop(sender.send(peak_of(run)));
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK).spawn(body).unwrap();
    let received = receiver.recv_timeout(PATIENCE);
    assert!(!matches!(received, Err(mpsc::RecvTimeoutError::Timeout)), "{name}: has not ended");
    thread.join().unwrap_or_else(|_| panic!("{name}: panicked"));
    let (answer, peak) = received.unwrap();
    let allowed = MEMORY + MEMORY_PER_BYTE * size;
    assert!(peak <= allowed, "{name}: {size} bytes took {peak} bytes of memory, allowed {allowed}");
    answer
}

/// Puts bytes through everything.
pub fn try_bytes(name: &str, bytes: Vec<u8>) -> Answer {
    in_small_thread(name, bytes.len(), move || exercise(&bytes).map_err(|e| e.to_string()))
}

/// Puts a file through everything, which brings the folder it lies in into play.
pub fn try_file(name: &str, path: &Path) -> Answer {
    let path = path.to_owned();
    let size = std::fs::metadata(&path).unwrap().len() as usize;
    in_small_thread(name, size, move || {
        let model = onnx::read_file(&path).map_err(|e| e.to_string())?;
        survive(&model);
        Ok(())
    })
}

/// Bytes that must be refused, in words that name what is wrong: `says` are parts of the message.
pub struct Refused {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub says: &'static [&'static str],
}

/// Tries each; all failures are told at once.
pub fn each_is_refused(cases: Vec<Refused>) {
    let mut wrong = Vec::new();
    for Refused { name, bytes, says } in cases {
        match try_bytes(name, bytes) {
            Ok(()) => wrong.push(format!("{name}: accepted")),
            Err(reason) => {
                let missing: Vec<_> = says.iter().filter(|part| !reason.contains(**part)).collect();
                if !missing.is_empty() {
                    wrong.push(format!("{name}: does not say {missing:?}: {reason}"));
                }
                if reason.len() > 1000 {
                    wrong.push(format!("{name}: a message of {} bytes", reason.len()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A sequence of numbers that is the same everywhere (SplitMix64, Steele et al. 2014).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
