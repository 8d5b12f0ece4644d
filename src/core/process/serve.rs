//! The worker's side of the channel.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::worker::Said;
use super::{Blocks, WORKER_COMMAND, end_at_once, frame};
use crate::{Error, Result};

/// Time that a worker without further orders has for cleaning up before it is ended.
const CLEANING: Duration = Duration::from_secs(5);

/// Orders of a worker, and the destination of its answers.
pub struct Served<'a> {
    answers: &'a mut dyn Write,
}

impl Served<'_> {
    /// Reports what is being done now; the waiting side may have different time limits for different tasks.
    pub fn doing(&mut self, what: &str) {
        // If nobody is left to be told, this process is about to end.
        let _ = frame::send(&mut self.answers, &Said::Doing(what.to_owned()), &[]);
    }
}

/// Answers orders until there are no more, for a process under the hidden command
/// [`WORKER_COMMAND`](super::WORKER_COMMAND).
///
/// If the other side ends while an order is carried out, this process ends immediately.
///
/// # Errors
/// Fails on orders that cannot be understood. A failure of the work itself is an answer.
pub fn serve<Q, A>(work: impl FnMut(Q, Blocks, &mut Served<'_>) -> Result<(A, Blocks)>) -> Result<()>
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize,
{
    first_to_go();
    let fail = |e: io::Error| {
        Error::input(WORKER_COMMAND, format!("its stdin is no channel: {e}"))
            .remedy("use `gnet bench`, `gnet verify` or `gnet doctor`; they start their workers themselves")
    };
    let (orders, answers) = channel().map_err(fail)?;
    let ending: Ending = Arc::new(|| -> () { end_at_once() });
    answered(orders, answers, &ending, work).map_err(fail)
}

type Ending = Arc<dyn Fn() + Send + Sync>;

fn answered<Q, A>(
    orders: impl Read + Send + 'static,
    answers: impl Write,
    end: &Ending,
    mut work: impl FnMut(Q, Blocks, &mut Served<'_>) -> Result<(A, Blocks)>,
) -> io::Result<()>
where
    Q: DeserializeOwned + Send + 'static,
    A: Serialize,
{
    let busy = Arc::new(AtomicBool::new(false));
    let inbox = watched(orders, &busy, end)?;
    let mut answers = BufWriter::new(answers);
    let mut any = false;
    for order in inbox {
        let (order, blocks) = order?;
        any = true;
        let done = work(order, blocks, &mut Served { answers: &mut answers });
        let said = done.and_then(|(answer, blocks)| {
            let answer = serde_json::to_value(answer).map_err(|e| Error::check("the answer", e))?;
            Ok((Said::Answer(answer), blocks))
        });
        let (said, blocks) = said.unwrap_or_else(|error| (Said::Failed(error), Vec::new()));
        busy.store(false, Ordering::SeqCst);
        frame::send(&mut answers, &said, &blocks.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
    }
    if any { Ok(()) } else { Err(io::Error::other("no order came")) }
}

/// Reads the orders in a separate thread, which notices their end whatever other threads do: however the other side
/// ends, the system closes its end of the channel.
fn watched<Q: DeserializeOwned + Send + 'static>(
    orders: impl Read + Send + 'static,
    busy: &Arc<AtomicBool>,
    end: &Ending,
) -> io::Result<Receiver<io::Result<(Q, Blocks)>>> {
    let (outbox, inbox) = sync_channel(1);
    let (busy, end) = (busy.clone(), end.clone());
    let watch = move || {
        let mut orders = BufReader::new(orders);
        let last = loop {
            match frame::receive(&mut orders) {
                Ok(Some(order)) => {
                    busy.store(true, Ordering::SeqCst);
                    if outbox.send(Ok(order)).is_err() {
                        return;
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if busy.load(Ordering::SeqCst) {
            return end();
        }
        last.map(|error| outbox.send(Err(error)));
        drop(outbox);
        thread::sleep(CLEANING);
        end()
    };
    thread::Builder::new().name("orders".to_owned()).spawn(watch)?;
    Ok(inbox)
}

/// Makes this process the first to be ended when memory runs out, rather than the one that waits for it.
fn first_to_go() {
    // On other systems, or without permission, the system makes its own choice.
    #[cfg(target_os = "linux")]
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
}

#[cfg(unix)]
fn channel() -> io::Result<(impl Read + Send, impl Write)> {
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    Ok((socket.try_clone()?, socket))
}

#[cfg(not(unix))]
fn channel() -> io::Result<(impl Read + Send, impl Write)> {
    Ok((io::stdin(), io::stdout()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Orders as a process would give them; it disappears after this many messages have come back.
    struct Orders(Receiver<Vec<u8>>, Receiver<()>, usize);

    impl Read for Orders {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            match self.0.recv() {
                Ok(order) => order.as_slice().read(bytes),
                Err(_) => {
                    (0..std::mem::take(&mut self.2)).for_each(|_| self.1.recv().unwrap());
                    Ok(0)
                }
            }
        }
    }

    /// The messages that come back, and a signal for each.
    struct Answers<'a>(&'a mut Vec<u8>, Sender<()>);

    impl Write for Answers<'_> {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            let _ = self.1.send(());
            Ok(())
        }
    }

    fn order(number: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame::send(&mut bytes, &number, &[]).unwrap();
        bytes
    }

    /// Carries out `orders`, of which 7 waits for the end of this process; returns the answers and the signal of the
    /// end. The other side disappears after `messages` messages.
    fn served(orders: Vec<Vec<u8>>, messages: usize) -> (io::Result<String>, Receiver<()>) {
        let ((sender, receiver), (ended, end)): ((Sender<_>, _), (Sender<()>, _)) = (channel(), channel());
        orders.into_iter().for_each(|order| sender.send(order).unwrap());
        drop(sender);
        let (ended, (stuck, free)) = (Mutex::new(ended), channel::<()>());
        let ending: Ending = Arc::new(move || {
            let _ = ended.lock().unwrap().send(());
            let _ = stuck.send(());
        });
        let (mut answers, (sign, signs)) = (Vec::new(), channel());
        let orders = Orders(receiver, signs, messages);
        let done = answered(orders, Answers(&mut answers, sign), &ending, |order: u32, _, served| {
            served.doing("sums");
            match order {
                7 => free.recv().map_err(|e| Error::check("7", e)).map(|()| (0, Vec::new())),
                0 => Err(Error::input("order", "is 0")),
                _ => Ok((order + 1, vec![vec![b'x']])),
            }
        });
        (done.map(|()| String::from_utf8(answers).unwrap()), end)
    }

    #[test]
    fn orders_are_answered_until_there_are_no_more() {
        let (answers, end) = served(vec![order(1), order(0)], 4);
        let answers = answers.unwrap();
        assert!(answers.starts_with("{\"gnet\":{\"doing\":\"sums\"},\"blocks\":[]}\n"), "{answers}");
        assert!(answers.contains("{\"gnet\":{\"answer\":2},\"blocks\":[1]}\nx"), "{answers}");
        assert!(answers.contains("\"failed\""), "{answers}");
        assert!(end.try_recv().is_err(), "what is idle ends by itself");
    }

    #[test]
    fn work_ends_at_once_when_nobody_waits_for_it() {
        let (_, end) = served(vec![order(7)], 1);
        end.recv().unwrap();
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let refusal = |bytes: &[u8]| served(vec![bytes.to_vec()], 0).0.unwrap_err().to_string();
        assert!(refusal(b"hello\n").starts_with("a line that is none"));
        assert_eq!(served(Vec::new(), 0).0.unwrap_err().to_string(), "no order came");
    }
}
