//! Log of ONNX Runtime. The library prints nothing; the last warnings are kept, because for some failures only they
//! give the reason.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::logging::{LogLevel, LoggerFunction};

const KEPT: usize = 64;

static MESSAGES: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

fn messages() -> MutexGuard<'static, VecDeque<String>> {
    // Pushing and popping leave nothing inconsistent after a panic.
    MESSAGES.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn logger() -> LoggerFunction {
    Arc::new(|level, _, _, _, message| {
        if matches!(level, LogLevel::Warning | LogLevel::Error | LogLevel::Fatal) {
            let mut messages = messages();
            if messages.len() == KEPT {
                messages.pop_front();
            }
            messages.push_back(message.to_owned());
        }
    })
}

/// Returns the messages since the last call, oldest first.
pub(super) fn take() -> Vec<String> {
    messages().drain(..).collect()
}
