//! Constants: raw data, typed fields, texts, and external data.

use bytes::Bytes;

use super::external::Beside;
use crate::graph::{DType, Remarks, SparseTensor, Tensor, brief};
use crate::onnx::EXTERNAL;
use crate::onnx::proto::*;
use crate::onnx::types::unknown_dtype;
use crate::{Error, Result};

pub(super) fn dense(proto: TensorProto, place: &str, beside: &mut Beside) -> Result<Tensor> {
    if proto.segment.is_some() {
        return Err(Error::input(place, "is a segment of a tensor, which ONNX reserves and no reader knows"));
    }
    let dtype = DType::of_number(proto.data_type.into()).ok_or_else(|| unknown_dtype(proto.data_type, place))?;
    let shape = shape(&proto.dims, place)?;
    let typed = typed_len(&proto);
    let raw = proto.raw_data.clone().filter(|raw| !raw.is_empty());
    let tensor = if proto.data_location == EXTERNAL {
        if typed > 0 || raw.is_some() {
            return Err(Error::input(place, "has its elements both in the model and beside it"));
        }
        let need = Tensor::bytes_of(dtype, &shape);
        let bytes = beside.data(&proto.external_data, need, place)?;
        Tensor::new(dtype, shape, bytes)
    } else if let Some(raw) = raw {
        if typed > 0 {
            return Err(Error::input(place, "has its elements twice, as raw data and in a typed field"));
        }
        Tensor::new(dtype, shape, raw)
    } else if dtype == DType::String {
        Tensor::from_texts(shape, proto.string_data.clone())
    } else {
        Tensor::new(dtype, shape, typed_data(dtype, &proto))
    };
    let remarks = Remarks { name: proto.name, doc: proto.doc_string, ..Remarks::default() };
    let remarks = Remarks { metadata: super::pairs(proto.metadata_props), ..remarks };
    Ok(tensor.map_err(|e| Error::input(place, e))?.with_remarks(remarks))
}

pub(super) fn sparse(proto: SparseTensorProto, beside: &mut Beside) -> Result<(String, SparseTensor)> {
    let (Some(values), Some(indices)) = (proto.values, proto.indices) else {
        return Err(Error::input("a sparse initializer", "has no values or no indices"));
    };
    let name = values.name.clone();
    let place = format!("sparse initializer {name}");
    let (values, indices) = (dense(values, &place, beside)?, dense(indices, &place, beside)?);
    let shape = shape(&proto.dims, &place)?;
    let count = values.len();
    let linear = indices.shape() == [count];
    if values.shape() != [count] || !(linear || indices.shape() == [count, shape.len()]) {
        let [values, indices, shape] = [values.shape(), indices.shape(), &shape].map(brief);
        let reason = format!("values {values} and indices {indices} do not fit the shape {shape}");
        return Err(Error::input(place, reason));
    }
    Ok((name, SparseTensor { values, indices, shape }))
}

fn shape(dims: &[i64], place: &str) -> Result<Vec<usize>> {
    let size = |d: &i64| usize::try_from(*d).map_err(|_| Error::input(place, format!("has a negative dimension: {d}")));
    dims.iter().map(size).collect()
}

fn typed_len(proto: &TensorProto) -> usize {
    let words = proto.float_data.len() + proto.int32_data.len() + proto.int64_data.len();
    words + proto.double_data.len() + proto.uint64_data.len() + proto.string_data.len()
}

/// Returns the elements of a tensor that uses the typed fields instead of raw data: onnx.proto specifies the field for
/// each type.
fn typed_data(dtype: DType, proto: &TensorProto) -> Bytes {
    let ints = &proto.int32_data;
    let bytes: Vec<u8> = match dtype {
        DType::F32 | DType::Complex64 => proto.float_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::F64 | DType::Complex128 => proto.double_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::I64 => proto.int64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::U64 => proto.uint64_data.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::U32 => proto.uint64_data.iter().flat_map(|v| (*v as u32).to_le_bytes()).collect(),
        DType::I32 => ints.iter().flat_map(|v| v.to_le_bytes()).collect(),
        DType::F16 | DType::BF16 | DType::I16 | DType::U16 => {
            ints.iter().flat_map(|v| (*v as u16).to_le_bytes()).collect()
        }
        DType::F6E2M3 | DType::F6E3M2 => pack_six_bits(ints),
        // One byte per entry: an element of 8 bits, or as many smaller ones as fit.
        _ => ints.iter().map(|v| *v as u8).collect(),
    };
    bytes.into()
}

/// Packs elements of 6 bits contiguously, from the lowest bit on; the typed field has one in each entry.
fn pack_six_bits(elements: &[i32]) -> Vec<u8> {
    let word = |four: &[i32]| four.iter().rev().fold(0u32, |word, v| word << 6 | (*v as u32 & 0x3f));
    let len = (elements.len() * 6).div_ceil(8);
    let mut bytes: Vec<u8> = elements.chunks(4).flat_map(|four| word(four).to_le_bytes()[..3].to_vec()).collect();
    bytes.truncate(len);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_bits_are_packed_as_the_standard_says() {
        // onnx.proto: byte0 = x0 | (x1 & 3) << 6; byte1 = x1 >> 2 | (x2 & 15) << 4; byte2 = x2 >> 4 | x3 << 2.
        let [x0, x1, x2, x3] = [0b101101, 0b010011, 0b111000, 0b001110];
        let bytes = [x0 | (x1 & 3) << 6, x1 >> 2 | (x2 & 15) << 4, x2 >> 4 | x3 << 2].map(|v: i32| v as u8);
        assert_eq!(pack_six_bits(&[x0, x1, x2, x3]), bytes);
        assert_eq!(pack_six_bits(&[x0, x1, x2, x3, x0]), [&bytes[..], &[x0 as u8]].concat());
        assert!(pack_six_bits(&[]).is_empty());
    }
}
