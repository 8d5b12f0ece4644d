//! Framing of the channel: a line of JSON that states how many bytes follow, then those bytes.

use crate::words::counted;
use std::io::{self, BufRead, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Blocks;

#[derive(Serialize, Deserialize)]
struct Head<T> {
    gnet: T,
    blocks: Vec<usize>,
}

fn nonsense(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_string())
}

/// Returns the error for a message whose end never comes, which says that the other side has died.
fn cut_off(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, what)
}

/// Writes a message and the blocks beside it.
pub(super) fn send<T: Serialize>(pipe: &mut impl Write, message: &T, blocks: &[&[u8]]) -> io::Result<()> {
    let head = Head { gnet: message, blocks: blocks.iter().map(|block| block.len()).collect() };
    let mut line = serde_json::to_vec(&head).map_err(nonsense)?;
    line.push(b'\n');
    let all = std::iter::once(line.as_slice()).chain(blocks.iter().copied());
    all.into_iter().try_for_each(|block| pipe.write_all(block)).and_then(|()| pipe.flush())
}

/// Reads the next message; `None` at the end.
pub(super) fn receive<T: DeserializeOwned>(pipe: &mut impl BufRead) -> io::Result<Option<(T, Blocks)>> {
    let mut line = Vec::new();
    if pipe.read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if !line.ends_with(b"\n") {
        return Err(cut_off("a line that is cut off".to_owned()));
    }
    let head: Head<T> = serde_json::from_slice(&line).map_err(|e| nonsense(format!("a line that is none: {e}")))?;
    let blocks = head.blocks.into_iter().map(|length| block(pipe, length)).collect::<io::Result<_>>()?;
    Ok(Some((head.gnet, blocks)))
}

fn block(pipe: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    // Grows with the data that really arrives, so that a wrong length cannot ask for all memory at once.
    let mut bytes = Vec::new();
    pipe.take(length as u64).read_to_end(&mut bytes)?;
    match bytes.len() == length {
        true => Ok(bytes),
        false => Err(cut_off(format!("{} of {} came", bytes.len(), counted(length, "byte")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_as_they_went() {
        let mut bytes = Vec::new();
        send(&mut bytes, &("one\ntwo", 1), &[b"", b"\n{}", &[0; 300]]).unwrap();
        send(&mut bytes, &("three".to_owned(), 2), &[]).unwrap();
        let mut pipe = bytes.as_slice();
        let (message, blocks): ((String, i32), _) = receive(&mut pipe).unwrap().unwrap();
        assert_eq!((message, blocks), (("one\ntwo".to_owned(), 1), vec![vec![], b"\n{}".to_vec(), vec![0; 300]]));
        let (message, blocks): ((String, i32), Blocks) = receive(&mut pipe).unwrap().unwrap();
        assert_eq!((message.1, blocks.len()), (2, 0));
        assert!(receive::<(String, i32)>(&mut pipe).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message_is_refused() {
        let refusal = |bytes: &[u8]| receive::<i32>(&mut &*bytes).unwrap_err().to_string();
        assert!(refusal(b"hello\n").starts_with("a line that is none: "));
        assert!(refusal(b"{\"gnet\":\"text\",\"blocks\":[]}\n").starts_with("a line that is none: "));
        assert_eq!(refusal(b"{\"gnet\":1"), "a line that is cut off");
        assert_eq!(refusal(b"{\"gnet\":1,\"blocks\":[12]}\n0123456"), "7 of 12 bytes came");
        let huge = format!("{{\"gnet\":1,\"blocks\":[{}]}}\n", usize::MAX);
        assert!(refusal(huge.as_bytes()).starts_with("0 of "));
    }
}
