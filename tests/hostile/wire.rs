//! Protobuf's wire format, just enough to write anything, right or wrong (protobuf's documentation, "Encoding").

/// The bytes of a message, field by field.
#[derive(Debug, Clone, Default)]
pub struct Message(pub Vec<u8>);

/// Wire types.
pub const VARINT: u8 = 0;
pub const FIXED_64: u8 = 1;
pub const LENGTH: u8 = 2;
pub const GROUP_START: u8 = 3;
pub const GROUP_END: u8 = 4;
pub const FIXED_32: u8 = 5;

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes as they are, whatever they mean.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn tag(self, field: u32, wire_type: u8) -> Self {
        self.number((u64::from(field) << 3) | u64::from(wire_type))
    }

    /// A number without a tag.
    pub fn number(mut self, mut value: u64) -> Self {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
        self
    }

    pub fn int(self, field: u32, value: i64) -> Self {
        self.tag(field, VARINT).number(value as u64)
    }

    pub fn float(self, field: u32, value: f32) -> Self {
        self.tag(field, FIXED_32).raw(&value.to_le_bytes())
    }

    pub fn bytes(self, field: u32, value: &[u8]) -> Self {
        self.tag(field, LENGTH).number(value.len() as u64).raw(value)
    }

    pub fn text(self, field: u32, value: &str) -> Self {
        self.bytes(field, value.as_bytes())
    }

    pub fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }

    pub fn messages(self, field: u32, values: &[Self]) -> Self {
        values.iter().fold(self, |all, value| all.message(field, value))
    }

    pub fn texts(self, field: u32, values: &[&str]) -> Self {
        values.iter().fold(self, |all, value| all.text(field, value))
    }

    /// The start of a field that claims `length` bytes, whatever follows.
    pub fn claim(self, field: u32, length: u64) -> Self {
        self.tag(field, LENGTH).number(length)
    }
}

#[test]
fn numbers_and_fields_are_those_of_the_documentation() {
    assert_eq!(Message::new().int(1, 150).0, [0x08, 0x96, 0x01]);
    assert_eq!(Message::new().text(2, "testing").0, b"\x12\x07testing");
    assert_eq!(Message::new().int(1, -1).0, [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]);
}
