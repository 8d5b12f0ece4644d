//! An allocator that counts what the thread holds and how often it asks, so that a test can tell how much memory a file took,
//! and that a loop took none.
#![allow(unsafe_code, reason = "only an unsafe trait can be an allocator; each call is handed on as it came")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

#[global_allocator]
static COUNTING: Counting = Counting;

struct Counting;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

/// Changes what the thread holds, and remembers the most. A thread that ends still frees memory: then nothing is counted.
fn count(change: isize) {
    let _ = CALLS.try_with(|calls| calls.set(calls.get() + 1));
    let _ = LIVE.try_with(|live| {
        live.set(live.get() + change);
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(live.get())));
    });
}

fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX / 2)
}

// SAFETY: every method passes its arguments to the system's allocator unchanged and returns what that returns. Counting
// touches only constants-initialised cells of the thread, which allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(signed(layout.size()));
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-signed(layout.size()));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Old and new exist side by side while one is copied.
        count(signed(new_size));
        let moved = unsafe { System.realloc(pointer, layout, new_size) };
        count(-signed(layout.size()));
        moved
    }
}

/// The most bytes that the thread held at once while `run` ran, beyond what it held before.
pub fn peak_of<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = LIVE.get();
    PEAK.set(before);
    let result = run();
    (result, usize::try_from(PEAK.get() - before).unwrap_or(0))
}

/// How often the thread has asked for memory or given it back.
#[allow(dead_code, reason = "one of the programs measures no loop")]
pub fn calls() -> usize {
    CALLS.get()
}
