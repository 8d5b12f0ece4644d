//! One change to a tree of fields.

use crate::wire::{Field, Value};

/// A sequence of numbers out of a seed (SplitMix64, Steele et al. 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u32) -> Self {
        Self(u64::from(seed) | 1 << 40)
    }

    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `end`, which must not be 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.draw() % end as u64) as usize
    }
}

/// Numbers that programs trip over.
const NUMBERS: [i64; 24] = [
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    16,
    64,
    255,
    1 << 16,
    i32::MAX as i64,
    1 << 31,
    1 << 32,
    1 << 62,
    i64::MAX,
    i64::MIN,
    -1,
    -2,
    -3,
];
const FLOATS: [f32; 8] = [0.0, -0.0, 1.0, -1.0, 0.5, f32::INFINITY, f32::NAN, 1e30];

/// Changes one field of the tree, with a piece of `donor` or of the tree itself.
pub fn one(fields: &mut Vec<Field>, donor: Option<&[Field]>, random: &mut Random) {
    let borrowed = piece(donor.unwrap_or(fields), random);
    let at = random.below(messages(fields));
    let Some(message) = message(fields, &mut (at as isize)) else { return };
    if message.is_empty() {
        message.extend(borrowed);
        return;
    }
    let here = random.below(message.len());
    let there = random.below(message.len());
    // A donor's pieces are what a crossing is for.
    match if donor.is_some() { 3 + random.below(2) } else { random.below(12) } {
        0 => drop(message.remove(here)),
        1 => {
            let twin = message[here].clone();
            message.insert(there, twin);
        }
        2 => message.swap(here, there),
        3 => {
            if let Some(borrowed) = borrowed {
                message.insert(here, borrowed);
            }
        }
        4 => {
            // The same field of another message: a name for a name, a node for a node.
            if let Some(borrowed) = borrowed {
                let alike: Vec<_> = (0..message.len()).filter(|i| message[*i].number == borrowed.number).collect();
                if let Some(i) = alike.get(random.below(alike.len().max(1))) {
                    message[*i] = borrowed;
                }
            }
        }
        _ => value(&mut message[here].value, borrowed, random),
    }
}

fn value(value: &mut Value, borrowed: Option<Field>, random: &mut Random) {
    match value {
        Value::Varint(number) => {
            *number = match random.below(4) {
                0 => number.wrapping_add(1),
                1 => number.wrapping_sub(1),
                2 => *number ^ (1 << random.below(64)),
                _ => NUMBERS[random.below(NUMBERS.len())] as u64,
            }
        }
        Value::Fixed32(bytes) => *bytes = FLOATS[random.below(FLOATS.len())].to_le_bytes(),
        Value::Fixed64(bytes) => *bytes = f64::from(FLOATS[random.below(FLOATS.len())]).to_le_bytes(),
        Value::Bytes(bytes) => match (random.below(5), borrowed.map(|field| field.value)) {
            (0 | 1, Some(Value::Bytes(other))) => *bytes = other,
            (2, _) => bytes.resize(random.below(4) * 8, 0),
            (3, _) if bytes.len() >= 8 => {
                // One element of a tensor of 64-bit numbers, such as a shape.
                let at = random.below(bytes.len() / 8) * 8;
                bytes[at..at + 8].copy_from_slice(&NUMBERS[random.below(NUMBERS.len())].to_le_bytes());
            }
            _ if !bytes.is_empty() => {
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
            }
            _ => bytes.push(random.draw() as u8),
        },
        Value::Message(fields) => fields.truncate(random.below(fields.len() + 1)),
    }
}

/// A field from anywhere in the tree.
fn piece(fields: &[Field], random: &mut Random) -> Option<Field> {
    let mut at = random.below(count(fields).max(1)) as isize;
    nth(fields, &mut at).cloned()
}

fn inner(field: &Field) -> Option<&[Field]> {
    if let Value::Message(fields) = &field.value { Some(fields) } else { None }
}

fn count(fields: &[Field]) -> usize {
    fields.iter().map(|field| 1 + inner(field).map_or(0, count)).sum()
}

fn nth<'a>(fields: &'a [Field], at: &mut isize) -> Option<&'a Field> {
    for field in fields {
        if *at == 0 {
            return Some(field);
        }
        *at -= 1;
        if let Some(found) = inner(field).and_then(|fields| nth(fields, at)) {
            return Some(found);
        }
    }
    None
}

/// Returns the number of messages, including the outermost.
fn messages(fields: &[Field]) -> usize {
    1 + fields.iter().filter_map(inner).map(messages).sum::<usize>()
}

fn message<'a>(fields: &'a mut Vec<Field>, at: &mut isize) -> Option<&'a mut Vec<Field>> {
    if *at == 0 {
        return Some(fields);
    }
    *at -= 1;
    fields.iter_mut().find_map(|field| match &mut field.value {
        Value::Message(inner) => message(inner, at),
        _ => None,
    })
}
