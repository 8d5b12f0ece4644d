//! Protobuf without a schema: bytes as a tree of fields, and back.

/// One field.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub number: u64,
    pub value: Value,
}

/// Content of a field, as far as the bytes tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Varint(u64),
    Fixed64([u8; 8]),
    Fixed32([u8; 4]),
    Bytes(Vec<u8>),
    Message(Vec<Field>),
}

/// Deeper than any model nests; beyond that, bytes stay bytes.
const DEPTH: usize = 40;

/// The fields of a message; `None` when the bytes are none.
pub fn parse(bytes: &[u8]) -> Option<Vec<Field>> {
    fields(bytes, DEPTH)
}

fn fields(mut rest: &[u8], depth: usize) -> Option<Vec<Field>> {
    let mut fields = Vec::new();
    while !rest.is_empty() {
        let tag = varint(&mut rest)?;
        let value = match tag & 7 {
            0 => Value::Varint(varint(&mut rest)?),
            1 => Value::Fixed64(take(&mut rest, 8)?.try_into().ok()?),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                content(take(&mut rest, length)?, depth)
            }
            5 => Value::Fixed32(take(&mut rest, 4)?.try_into().ok()?),
            _ => return None,
        };
        fields.push(Field { number: tag >> 3, value });
    }
    Some(fields)
}

/// A text is not a message, though some texts could be read as one.
fn content(bytes: &[u8], depth: usize) -> Value {
    let text = bytes.iter().all(|b| (0x20..0x7f).contains(b));
    match fields(bytes, depth.saturating_sub(1)).filter(|_| depth > 0 && !text && !bytes.is_empty()) {
        Some(fields) => Value::Message(fields),
        None => Value::Bytes(bytes.to_vec()),
    }
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The bytes of a message, with right lengths all the way.
pub fn bytes(fields: &[Field]) -> Vec<u8> {
    let mut out = Vec::new();
    for Field { number, value } in fields {
        let tag = |kind: u64| (number << 3) | kind;
        match value {
            Value::Varint(value) => {
                put_varint(&mut out, tag(0));
                put_varint(&mut out, *value);
            }
            Value::Fixed64(value) => {
                put_varint(&mut out, tag(1));
                out.extend(value);
            }
            Value::Fixed32(value) => {
                put_varint(&mut out, tag(5));
                out.extend(value);
            }
            Value::Bytes(value) => put_block(&mut out, tag(2), value),
            Value::Message(value) => put_block(&mut out, tag(2), &bytes(value)),
        }
    }
    out
}

fn put_block(out: &mut Vec<u8>, tag: u64, block: &[u8]) {
    put_varint(out, tag);
    put_varint(out, block.len() as u64);
    out.extend(block);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_parsed_comes_back() {
        let inner = vec![
            Field { number: 1, value: Value::Bytes(b"Conv".to_vec()) },
            Field { number: 3, value: Value::Varint(u64::MAX) },
            Field { number: 2, value: Value::Fixed32([0, 0, 0x80, 0x3f]) },
        ];
        let fields = vec![
            Field { number: 7, value: Value::Message(inner) },
            Field { number: 20, value: Value::Fixed64([9; 8]) },
        ];
        assert_eq!(parse(&bytes(&fields)), Some(fields));
        assert_eq!(parse(b"\x0a\x05abc"), None);
    }
}
