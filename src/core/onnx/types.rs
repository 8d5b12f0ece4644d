//! Conversion of element types, dimensions and types of values, in both directions.

use bytes::Bytes;
use prost::Message;

use super::proto::*;
use crate::graph::{DType, Dim, Opaque, OtherType, Remarks, Value};
use crate::{Error, Result};

pub(super) fn read_type(kind: &TypeProto, value: &mut Value, place: &str) -> Result<()> {
    let stated = match &kind.value {
        None => return Ok(()),
        Some(TypeValue::Tensor(tensor)) => return read_tensor_type(tensor, &kind.denotation, value, place),
        Some(TypeValue::Sequence(_)) => "sequence",
        Some(TypeValue::Map(_)) => "map",
        Some(TypeValue::Opaque(_)) => "opaque",
        Some(TypeValue::SparseTensor(_)) => "sparse tensor",
        Some(TypeValue::Optional(_)) => "optional",
    };
    value.other_type = Some(OtherType { kind: stated, stated: Opaque(kind.encode_to_vec().into()) });
    Ok(())
}

fn read_tensor_type(tensor: &TensorTypeProto, denotation: &str, value: &mut Value, place: &str) -> Result<()> {
    // 0 is stored by files that state a shape but no element type.
    value.dtype = match tensor.elem_type {
        0 => value.dtype,
        number => Some(DType::of_number(number.into()).ok_or_else(|| unknown_dtype(number, place))?),
    };
    let Some(shape) = &tensor.shape else { return remark(value, denotation, Vec::new()) };
    value.shape = Some(shape.dim.iter().map(|dim| dimension(dim, place)).collect::<Result<_>>()?);
    if let Some(size) = shape.dim.iter().find_map(negative) {
        value.remarks.get_or_insert_default().set_right =
            format!("states a size of {size}, which is taken as one that is not known");
    }
    let stated = shape.dim.iter().any(|dim| !dim.denotation.is_empty());
    let denotations = shape.dim.iter().map(|dim| dim.denotation.clone());
    remark(value, denotation, if stated { denotations.collect() } else { Vec::new() })
}

fn remark(value: &mut Value, denotation: &str, dim_denotations: Vec<String>) -> Result<()> {
    if !denotation.is_empty() || !dim_denotations.is_empty() {
        let remarks = value.remarks.get_or_insert_default();
        (remarks.denotation, remarks.dim_denotations) = (denotation.to_owned(), dim_denotations);
    }
    Ok(())
}

pub(super) fn unknown_dtype(number: i32, place: &str) -> Error {
    Error::input(place, format!("has element type {number}, which ONNX does not define"))
}

fn dimension(proto: &DimensionProto, place: &str) -> Result<Dim> {
    match &proto.value {
        None => Ok(Dim::Unknown),
        Some(DimensionValue::DimParam(text)) if text.is_empty() => Ok(Dim::Unknown),
        Some(DimensionValue::DimParam(text)) => Ok(Dim::parse(text)),
        // Exporters write -1 for an unknown size, and ONNX Runtime interprets every negative one that way.
        Some(DimensionValue::DimValue(..0)) => Ok(Dim::Unknown),
        Some(DimensionValue::DimValue(size)) => usize::try_from(*size)
            .map(Dim::Known)
            .map_err(|_| Error::input(place, format!("has a dimension of {size}"))),
    }
}

fn negative(proto: &DimensionProto) -> Option<i64> {
    match &proto.value {
        Some(DimensionValue::DimValue(size)) if *size < 0 => Some(*size),
        _ => None,
    }
}

/// Returns the type of a value, if anything is known about it.
pub(super) fn write_type(value: &Value) -> Option<TypeProto> {
    let remarks = value.remarks.as_deref();
    if let Some(other) = &value.other_type {
        // The bytes were made from such a message.
        return TypeProto::decode(other.stated.0.clone()).ok();
    }
    if value.dtype.is_none() && value.shape.is_none() {
        return None;
    }
    let dims = value.shape.as_ref().map(|dims| write_shape(dims, remarks));
    let tensor = TensorTypeProto { elem_type: value.dtype.map_or(0, DType::number), shape: dims };
    let denotation = remarks.map(|r| r.denotation.clone()).unwrap_or_default();
    Some(TypeProto { value: Some(TypeValue::Tensor(tensor)), denotation })
}

fn write_shape(dims: &[Dim], remarks: Option<&Remarks>) -> TensorShapeProto {
    // A shape of another rank is not the one whose dimensions were denoted.
    let denotations = remarks.map(|r| &r.dim_denotations).filter(|d| d.len() == dims.len());
    let write = |(i, dim): (usize, &Dim)| {
        let value = match dim {
            Dim::Known(size) => Some(DimensionValue::DimValue(*size as i64)),
            Dim::Symbolic { .. } => Some(DimensionValue::DimParam(dim.to_string())),
            Dim::Unknown => None,
        };
        DimensionProto { value, denotation: denotations.map(|d| d[i].clone()).unwrap_or_default() }
    };
    TensorShapeProto { dim: dims.iter().enumerate().map(write).collect() }
}

pub(super) fn entry(key: &str, value: impl Into<String>) -> StringStringEntryProto {
    StringStringEntryProto { key: key.to_owned(), value: value.into() }
}

/// Keeps a part of a file unchanged once its bytes have been decoded as the message `M`.
pub(super) fn keep<M: Message + Default>(bytes: Bytes, place: &str) -> Result<(M, Opaque)> {
    let message = M::decode(bytes.clone()).map_err(|e| Error::input(place, format!("is damaged: {e}")))?;
    Ok((message, Opaque(bytes)))
}
