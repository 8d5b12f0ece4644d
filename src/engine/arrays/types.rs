//! NumPy's element types and those of ONNX.

use gnet_core::graph::DType;
use gnet_core::{Error, Result};

/// The types that both have: NumPy's code without the byte order, and its name.
const TYPES: [(&str, &str, DType); 12] = [
    ("f2", "float16", DType::F16),
    ("f4", "float32", DType::F32),
    ("f8", "float64", DType::F64),
    ("i1", "int8", DType::I8),
    ("i2", "int16", DType::I16),
    ("i4", "int32", DType::I32),
    ("i8", "int64", DType::I64),
    ("u1", "uint8", DType::U8),
    ("u2", "uint16", DType::U16),
    ("u4", "uint32", DType::U32),
    ("u8", "uint64", DType::U64),
    ("b1", "bool", DType::Bool),
];

/// Remedy for a type that is not read.
const AS_NUMBERS: &str = "save numbers, such as x.astype(np.float32)";

/// Reads a type as a header states it, such as `<f4`; returns `true` beside it if its bytes are in the order of big-endian
/// machines.
pub(super) fn read(stated: &str) -> Result<(DType, bool)> {
    let code = stated.trim_start_matches(['<', '>', '|', '=']);
    if let Some((_, _, dtype)) = TYPES.iter().find(|(known, ..)| *known == code) {
        return Ok((*dtype, stated.starts_with('>')));
    }
    let refused = |what: &str| Err(Error::input(Error::THE_FILE, format!("holds {what} ({stated})")));
    match code.chars().next() {
        Some('O') => refused("Python objects, which only running code from the file could read"),
        Some('U' | 'S' | 'a') => refused("text"),
        Some('c') => refused("complex numbers"),
        Some('M' | 'm') => refused("dates or times"),
        Some('V') => refused("raw bytes, as NumPy stores types that it does not have, such as bfloat16"),
        _ => refused("elements of a type that no engine here takes"),
    }
    .map_err(|e| e.remedy(AS_NUMBERS))
}

/// Refuses an array of records, whose type is not a single code.
pub(super) fn structured() -> Error {
    Error::input(Error::THE_FILE, "holds records of several fields where numbers are expected")
        .remedy("save each field as an array of its own: np.savez(FILE, **{name: x[name] for name in x.dtype.names})")
}

/// Returns the code of a type in a little-endian header; `None` for a type that NumPy lacks.
pub(super) fn code(dtype: DType) -> Option<String> {
    let (code, ..) = TYPES.iter().find(|(_, _, known)| *known == dtype)?;
    let order = if dtype.size() == 1 { '|' } else { '<' };
    Some(format!("{order}{code}"))
}

/// Returns NumPy's name of a type, or ONNX's for one that NumPy lacks.
pub(super) fn name(dtype: DType) -> String {
    let known = TYPES.iter().find(|(_, _, known)| *known == dtype);
    known.map_or_else(|| dtype.to_string(), |(_, name, _)| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_leads_back_to_its_code() {
        for (code_of, name_of, dtype) in TYPES {
            let little = code(dtype).unwrap();
            assert_eq!((&little[1..], name(dtype).as_str()), (code_of, name_of));
            assert_eq!(read(&little).unwrap(), (dtype, false));
            assert_eq!(read(&format!(">{code_of}")).unwrap(), (dtype, true));
        }
        assert_eq!((code(DType::BF16), name(DType::BF16).as_str()), (None, "bf16"));
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (stated, says) in [
            ("|O", "holds Python objects"),
            ("<U3", "holds text (<U3)"),
            ("|S1", "holds text"),
            ("<c8", "holds complex numbers"),
            ("<M8[ns]", "holds dates or times"),
            ("|V2", "such as bfloat16"),
            ("<f16", "holds elements of a type that no engine here takes (<f16)"),
            ("", "holds elements of a type"),
            ("\u{fc}4", "holds elements of a type"),
        ] {
            let error = read(stated).unwrap_err();
            assert!(error.to_string().contains(says) && error.remedy_text().is_some(), "{stated}: {error}");
        }
    }
}
