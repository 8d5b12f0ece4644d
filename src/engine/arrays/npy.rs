//! One array in NumPy's format `.npy`: a header, which the crate `ndarray-npy` reads and writes, and the elements.

use std::fmt::Display;
use std::io::Read;
use std::str::FromStr;

use ndarray_npy::npy::header::{Header as Stored, Layout};

use super::types;
use crate::runtime::Array;
use gnet_core::graph::{DType, Tensor};
use gnet_core::report::number;
use gnet_core::words::counted;
use gnet_core::{Error, Result};

/// First bytes of the format.
pub(super) const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Longest header in bytes: NumPy reads no longer one either, unless told to.
const LONGEST: usize = 10_000;

/// Deepest nesting of brackets in a header: an array of numbers has two. The parser calls itself at each, up to three times.
const DEEPEST: usize = 4;

/// Remedy for a file that is not what it should be.
pub(super) const AGAIN: &str = "write it again with np.save, np.savez or np.savez_compressed";

/// Description of an array that precedes its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    /// Number of bytes of all elements.
    pub(super) bytes: usize,
    /// Whether the first axis is the fastest, as in Fortran.
    by_column: bool,
    big_endian: bool,
}

impl Header {
    /// Reads a header; `from` then gives the elements.
    ///
    /// # Errors
    /// Fails if there is not a header, on elements that are not numbers, and on a shape whose elements cannot be counted. The
    /// error is about [`Error::THE_FILE`].
    pub fn read(from: &mut impl Read) -> Result<Self> {
        let text = whole(from)?;
        let stored = Stored::from_reader(&mut &text[..])
            // Its own words are a drawing of several lines.
            .map_err(|_| damaged("its header is none that NumPy writes"))?;
        let (dtype, big_endian) = match stored.type_descriptor.as_string() {
            Some(stated) => types::read(stated)?,
            None => return Err(types::structured()),
        };
        let Some(bytes) = Tensor::bytes_of(dtype, &stored.shape) else {
            let reason = format!("claims the shape {}, which no memory holds", shown(&stored.shape));
            return Err(Error::input(Error::THE_FILE, reason).remedy(AGAIN));
        };
        let by_column = stored.layout == Layout::Fortran;
        Ok(Self { dtype, shape: stored.shape, bytes, by_column, big_endian })
    }

    /// Reads the elements, which are all that is left in `from`, and puts them in row-major order.
    ///
    /// # Errors
    /// Fails if there are fewer or more, if they cannot be read, or if there is no room for them.
    pub fn elements(&self, mut from: impl Read) -> Result<Tensor> {
        Array::check_room(&self.shape).map_err(|e| e.remedy("feed fewer samples"))?;
        let unreadable = |e: std::io::Error| damaged(format!("its elements cannot be read: {e}"));
        let mut data = Vec::new();
        from.by_ref().take(self.bytes as u64).read_to_end(&mut data).map_err(unreadable)?;
        if data.len() < self.bytes {
            let found = counted(data.len(), "byte");
            return Err(damaged(format!("its elements end after {found} of {}", self.bytes)));
        }
        // An archive compares its checksum where a member ends.
        if from.read(&mut [0]).map_err(unreadable)? > 0 {
            let kind = format!("{} of the shape {}", types::name(self.dtype), shown(&self.shape));
            return Err(damaged(format!("holds more than the {} of {kind}", number::bytes(self.bytes as u64))));
        }
        let size = self.dtype.size();
        if self.big_endian {
            data.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        }
        // What holds nothing may have sides that no product fits.
        if self.by_column && !data.is_empty() {
            data = by_row(&data, &self.shape, size);
        }
        Tensor::new(self.dtype, self.shape.clone(), data)
    }
}

/// Returns the header of a tensor and its elements in a type that NumPy has: bfloat16, which it lacks, is written as float32,
/// which holds its numbers exactly.
///
/// # Errors
/// Fails on any other type that NumPy lacks.
pub(super) fn written(tensor: &Tensor) -> Result<(Vec<u8>, Vec<u8>)> {
    let (dtype, data) = match tensor.dtype() {
        DType::BF16 => {
            (DType::F32, tensor.bytes().as_chunks::<2>().0.iter().flat_map(|b| [0, 0, b[0], b[1]]).collect())
        }
        dtype => (dtype, tensor.bytes().to_vec()),
    };
    let refused = || Error::input(Error::THE_FILE, format!("is of type {dtype}, which NumPy does not have"));
    let code = types::code(dtype).ok_or_else(refused)?;
    let header = Stored {
        type_descriptor: literal(&format!("'{code}'"))?,
        layout: Layout::Standard,
        shape: tensor.shape().to_vec(),
    };
    Ok((header.to_bytes().map_err(|e| Error::input(Error::THE_FILE, e))?, data))
}

/// Reads a literal of Python, whose type the header alone names.
fn literal<T: FromStr<Err: Display>>(text: &str) -> Result<T> {
    text.parse().map_err(|e| Error::input(Error::THE_FILE, e))
}

/// Reads the bytes of a header, as many as it says, and refuses one that the parser should not be given.
fn whole(from: &mut impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut more = |bytes: &mut Vec<u8>, count: usize| {
        let before = bytes.len();
        from.by_ref().take(count as u64).read_to_end(bytes).map_err(|e| damaged(format!("cannot be read: {e}")))?;
        if bytes.len() - before < count { Err(damaged("ends within its header")) } else { Ok(()) }
    };
    more(&mut bytes, MAGIC.len() + 2)?;
    if !bytes.starts_with(MAGIC) {
        return Err(Error::input(Error::THE_FILE, "is no array of NumPy's").remedy(AGAIN));
    }
    let width = match bytes[MAGIC.len()] {
        1 => 2,
        2 | 3 => 4,
        version => return Err(damaged(format!("its header is of version {version}, and 1 to 3 are known"))),
    };
    more(&mut bytes, width)?;
    let length = bytes[MAGIC.len() + 2..].iter().rev().fold(0, |length, byte| (length << 8) | usize::from(*byte));
    if length > LONGEST {
        return Err(damaged(format!("its header claims {}, and {LONGEST} are the most", counted(length, "byte"))));
    }
    more(&mut bytes, length)?;
    let mut depth = 0_usize;
    for byte in &bytes[MAGIC.len() + 2 + width..] {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(damaged("its header is nested too deeply"));
        }
    }
    Ok(bytes)
}

fn damaged(reason: impl Display) -> Error {
    Error::input(Error::THE_FILE, format!("is damaged: {reason}")).remedy(AGAIN)
}

/// Formats a shape for a message; a hostile file may claim thousands of axes.
pub(super) fn shown(shape: &[usize]) -> String {
    match shape.len() {
        ..=8 => format!("{shape:?}"),
        axes => format!("{:?}.. ({})", &shape[..8], counted(axes, "axis")),
    }
}

/// Puts elements of `size` bytes, of which those along the first axis are neighbours, in row-major order.
fn by_row(data: &[u8], shape: &[usize], size: usize) -> Vec<u8> {
    let step = |stride: &mut usize, side: &usize| Some(std::mem::replace(stride, *stride * side));
    let strides: Vec<usize> = shape.iter().scan(size, step).collect();
    let mut rows = Vec::with_capacity(data.len());
    let mut index = vec![0; shape.len()];
    for _ in 0..data.len() / size {
        let place: usize = index.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
        rows.extend_from_slice(&data[place..place + size]);
        for (at, side) in index.iter_mut().zip(shape).rev() {
            *at += 1;
            if *at < *side {
                break;
            }
            *at = 0;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(header: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{header}\n");
        let length = u16::try_from(header.len()).unwrap().to_le_bytes();
        [&MAGIC[..], &[1, 0], &length, header.as_bytes(), data].concat()
    }

    fn array(bytes: &[u8]) -> Result<Tensor> {
        let mut from = bytes;
        Header::read(&mut from)?.elements(from)
    }

    #[test]
    fn bytes_and_axes_are_put_in_order() {
        let of = |descr: &str, fortran: &str, data: &[u8]| {
            let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': (2, 3), }}");
            array(&file(&header, data)).unwrap()
        };
        let plain = of("|u1", "False", &[1, 2, 3, 4, 5, 6]);
        assert_eq!(
            (plain.dtype(), plain.shape(), &plain.bytes()[..]),
            (DType::U8, &[2, 3][..], &[1, 2, 3, 4, 5, 6][..])
        );
        assert_eq!(&of("|u1", "True", &[1, 4, 2, 5, 3, 6]).bytes()[..], [1, 2, 3, 4, 5, 6]);
        let wide: Vec<u8> = (1..=6_u16).flat_map(u16::to_be_bytes).collect();
        assert_eq!(&of(">u2", "False", &wide).bytes()[..], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
        let columns: Vec<u8> = [1_u16, 4, 2, 5, 3, 6].into_iter().flat_map(u16::to_be_bytes).collect();
        assert_eq!(&of(">u2", "True", &columns).bytes()[..], [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
        assert_eq!(by_row(&[7], &[], 1), [7]);
        let cube: Vec<u8> = (0..24).collect();
        let turned = by_row(&cube, &[2, 3, 4], 1);
        // Element [1, 2, 3] is the last either way, [0, 0, 1] the seventh when the first axis is the fastest.
        assert_eq!((turned[23], turned[1], turned[4], turned[12]), (23, 6, 2, 1));
    }

    #[test]
    fn what_is_written_is_read_again() {
        for (tensor, dtype) in [
            (Tensor::from_f32(vec![2, 2], &[1.5, -0.0, f32::INFINITY, 1e-45]).unwrap(), DType::F32),
            (Tensor::from_i64(&[i64::MIN, i64::MAX]), DType::I64),
            (Tensor::from_f32(vec![], &[0.1]).unwrap(), DType::F32),
            (Tensor::new(DType::F16, vec![0, 4], Vec::new()).unwrap(), DType::F16),
            (Tensor::new(DType::Bool, vec![3], vec![1, 0, 1]).unwrap(), DType::Bool),
        ] {
            let (header, data) = written(&tensor).unwrap();
            assert_eq!(header.len() % 64, 0, "NumPy maps elements that are aligned");
            let again = array(&[header, data].concat()).unwrap();
            assert_eq!((&again, again.dtype()), (&tensor, dtype));
        }
        let brain = Tensor::new(DType::BF16, vec![2], vec![0x80, 0x3f, 0xc0, 0xbf]).unwrap();
        let (header, data) = written(&brain).unwrap();
        assert_eq!(array(&[header, data].concat()).unwrap().to_f32().unwrap(), [1.0, -1.5]);
        let text = Tensor::from_texts(vec![1], vec!["a".into()]).unwrap();
        assert_eq!(written(&text).unwrap_err().to_string(), "the file: is of type string, which NumPy does not have");
    }

    proptest! {
        /// An array or an error comes of any header.
        #[test]
        fn no_header_is_too_odd(parts in proptest::collection::vec(proptest::sample::select(PARTS), 0..40)) {
            let _ = array(&file(&parts.concat(), &[0; 16]));
            let stated = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}), }}", parts.concat());
            let _ = array(&file(&stated, &[0; 16]));
        }
    }

    /// Parts of literals of Python.
    const PARTS: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        ",",
        ":",
        " ",
        "'",
        "\"",
        "'descr'",
        "'fortran_order'",
        "'shape'",
        "'<f4'",
        "'|O'",
        "True",
        "False",
        "None",
        "0",
        "1",
        "4",
        "4294967296",
        "18446744073709551615",
        "-",
        "+",
        "1e9",
        "0x10",
        "1_0",
        "j",
        "b'",
        "\\N{",
        "\n",
    ];

    #[test]
    fn damaged_and_hostile_files_are_refused() {
        let header = |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        let (four, long) = (header("(4,)"), "(".repeat(5000));
        let mut version = file(&four, &[0; 16]);
        version[6] = 9;
        let huge = [&MAGIC[..], &[2, 0], &u32::MAX.to_le_bytes()].concat();
        for (bytes, says) in [
            (vec![], "ends within its header"),
            (b"no array at all".to_vec(), "is no array of NumPy's"),
            (version, "its header is of version 9"),
            (huge, "its header claims 4294967295 bytes, and 10000 are the most"),
            (file(&long, &[]), "its header is nested too deeply"),
            (file("", &[]), "is damaged"),
            (file("{'descr': '<f4'}", &[]), "is damaged"),
            (file(&header("(-4,)"), &[]), "is damaged"),
            (file(&header("4"), &[]), "is damaged"),
            (file(&header("(99999999999999999999,)"), &[]), "is damaged"),
            (file(&header("(4294967296, 4294967296)"), &[]), "claims the shape [4294967296, 4294967296]"),
            (file(&header("(1099511627776,)"), &[0; 16]), "takes 4.0 TiB, and there is no room for it"),
            (file(&four, &[0; 15]), "its elements end after 15 bytes of 16"),
            (file(&four, &[0; 17]), "holds more than the 16 B of float32 of the shape [4]"),
            (
                file(&four.replace("'<f4'", "[('a', '<f4'), ('b', '<i8', (2,))]"), &[]),
                "holds records of several fields",
            ),
            (file(&four.replace("<f4", "|O"), &[]), "holds Python objects"),
        ] {
            let error = array(&bytes).unwrap_err().to_string();
            assert!(error.contains(says), "{says}: {error}");
        }
        let whole = file(&four, &[0; 16]);
        assert!((0..whole.len()).all(|end| array(&whole[..end]).is_err()), "a part was taken for the whole");
    }
}
