//! Shared support of the fuzz targets: changes that leave protobuf's framing whole, so that most inputs get past the
//! parser.

pub mod change;
pub mod wire;

/// Changes `data[..size]` in place: mostly field by field, sometimes byte by byte.
pub fn mutate(data: &mut [u8], size: usize, max_size: usize, seed: u32) -> usize {
    let mut random = change::Random::new(seed);
    let Some(mut fields) = wire::parse(&data[..size]).filter(|_| random.below(10) > 0) else {
        return libfuzzer_sys::fuzzer_mutate(data, size, max_size);
    };
    for _ in 0..=random.below(4) {
        change::one(&mut fields, None, &mut random);
    }
    put(&wire::bytes(&fields), data, max_size).unwrap_or_else(|| libfuzzer_sys::fuzzer_mutate(data, size, max_size))
}

/// Puts pieces of `other` into `one`.
pub fn cross(one: &[u8], other: &[u8], out: &mut [u8], seed: u32) -> usize {
    let mut random = change::Random::new(seed);
    let (Some(mut fields), Some(donor)) = (wire::parse(one), wire::parse(other)) else { return 0 };
    for _ in 0..=random.below(3) {
        change::one(&mut fields, Some(&donor), &mut random);
    }
    let limit = out.len();
    put(&wire::bytes(&fields), out, limit).unwrap_or(0)
}

fn put(bytes: &[u8], out: &mut [u8], limit: usize) -> Option<usize> {
    out.get_mut(..bytes.len()).filter(|_| bytes.len() <= limit)?.copy_from_slice(bytes);
    Some(bytes.len())
}
