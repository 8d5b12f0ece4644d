//! A constant tensor: an initializer or the value of an attribute.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;

use super::{DType, Remarks};
use crate::words::counted;
use crate::{Error, Result};

/// A constant tensor: row-major elements as little-endian bytes, shared when cloned.
///
/// ```
/// # use gnet_core as gnet;
/// use gnet::graph::{DType, Tensor};
///
/// let weight = Tensor::from_f32(vec![2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])?;
/// assert_eq!((weight.dtype(), weight.shape(), weight.bytes().len()), (DType::F32, &[2, 3][..], 24));
/// assert_eq!(weight.to_f32().unwrap()[4], 5.0);
///
/// let wrong = Tensor::from_f32(vec![2, 2], &[1.0]).unwrap_err();
/// assert_eq!(wrong.to_string(), "tensor of f32 [2, 2]: needs 16 bytes, its data has 4");
/// # Ok::<(), gnet::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor {
    dtype: DType,
    shape: Vec<usize>,
    bytes: Bytes,
    texts: Arc<[Bytes]>,
    remarks: Option<Arc<Remarks>>,
}

/// Formats a shape for a message; a hostile file may claim a million dimensions.
pub fn brief(shape: &[usize]) -> String {
    match shape.len() {
        ..=8 => format!("{shape:?}"),
        rank => format!("{:?}.. ({})", &shape[..8], counted(rank, "dimension")),
    }
}

/// Compares type, shape and elements; annotations of a tensor are not compared.
impl PartialEq for Tensor {
    fn eq(&self, other: &Self) -> bool {
        let key = |t: &Self| (t.dtype, t.shape.clone());
        key(self) == key(other) && self.bytes == other.bytes && self.texts == other.texts
    }
}

impl Eq for Tensor {}

impl Hash for Tensor {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.dtype, &self.shape, &self.bytes, &self.texts).hash(state);
    }
}

impl Tensor {
    /// Creates a tensor of `shape` whose elements are `bytes`, row-major and little-endian.
    ///
    /// # Errors
    /// Fails if the shape and the element type do not require exactly that many bytes, or if the elements are text.
    pub fn new(dtype: DType, shape: Vec<usize>, bytes: impl Into<Bytes>) -> Result<Self> {
        let bytes = bytes.into();
        let need = Self::bytes_of(dtype, &shape);
        if need != Some(bytes.len()) || dtype == DType::String {
            let need = need.map_or("more bytes than can be addressed".to_owned(), |n| counted(n, "byte"));
            let need = if dtype == DType::String { "text".to_owned() } else { need };
            return Err(Error::input(
                format!("tensor of {dtype} {}", brief(&shape)),
                format!("needs {need}, its data has {}", bytes.len()),
            ));
        }
        Ok(Self { dtype, shape, bytes, texts: Arc::default(), remarks: None })
    }

    /// Returns the size in bytes of the elements of a shape; `None` if they cannot be addressed.
    pub fn bytes_of(dtype: DType, shape: &[usize]) -> Option<usize> {
        elements(shape).and_then(|n| dtype.byte_len(n))
    }

    /// Creates a tensor of texts, which ONNX stores as bytes and expects to be UTF-8.
    ///
    /// # Errors
    /// Fails if the shape does not require exactly that many texts.
    pub fn from_texts(shape: Vec<usize>, texts: Vec<Bytes>) -> Result<Self> {
        if elements(&shape) != Some(texts.len()) {
            let reason = format!("its shape does not hold {}", counted(texts.len(), "text"));
            return Err(Error::input(format!("tensor of string {}", brief(&shape)), reason));
        }
        Ok(Self { dtype: DType::String, shape, bytes: Bytes::new(), texts: texts.into(), remarks: None })
    }

    /// Adds annotations to the tensor.
    pub fn with_remarks(self, remarks: Remarks) -> Self {
        Self { remarks: (remarks != Remarks::default()).then(|| Arc::new(remarks)), ..self }
    }

    /// Returns the annotations besides the elements, if any.
    pub fn remarks(&self) -> Option<&Remarks> {
        self.remarks.as_deref()
    }

    /// Creates a tensor of 32-bit floats.
    ///
    /// # Errors
    /// Fails if the shape does not hold exactly these values.
    pub fn from_f32(shape: Vec<usize>, values: &[f32]) -> Result<Self> {
        Self::new(DType::F32, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// Creates a vector of 64-bit integers, the form in which ONNX passes shapes and axes.
    pub fn from_i64(values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let texts = Arc::default();
        Self { dtype: DType::I64, shape: vec![values.len()], bytes: bytes.into(), texts, remarks: None }
    }

    /// Returns the element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Returns the sizes of the dimensions; empty for a scalar.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Returns the elements, row-major and little-endian, packed if they are smaller than a byte; empty for texts.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the elements of a tensor of texts, row-major; empty for others.
    pub fn texts(&self) -> &[Bytes] {
        &self.texts
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        elements(&self.shape).unwrap_or(0)
    }

    /// Returns `true` if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the elements as 32-bit floats; `None` for other element types.
    pub fn to_f32(&self) -> Option<Vec<f32>> {
        let (DType::F32, chunks) = (self.dtype, self.bytes.as_chunks::<4>().0) else { return None };
        Some(chunks.iter().map(|c| f32::from_le_bytes(*c)).collect())
    }

    /// Returns the elements as 64-bit integers; `None` for other element types.
    pub fn to_i64(&self) -> Option<Vec<i64>> {
        let (DType::I64, chunks) = (self.dtype, self.bytes.as_chunks::<8>().0) else { return None };
        Some(chunks.iter().map(|c| i64::from_le_bytes(*c)).collect())
    }

    /// Returns the element of a 32-bit float scalar (or of a tensor of one element).
    pub fn scalar_f32(&self) -> Option<f32> {
        match self.to_f32()?[..] {
            [value] => Some(value),
            _ => None,
        }
    }
}

/// Returns the number of elements of a shape; `None` if it cannot be addressed. A dimension of 0 makes it 0, whatever
/// the others are.
fn elements(shape: &[usize]) -> Option<usize> {
    match shape.contains(&0) {
        true => Some(0),
        false => shape.iter().try_fold(1usize, |n, d| n.checked_mul(*d)),
    }
}

impl fmt::Debug for Tensor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.dtype, self.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_holds_exactly_its_shape() {
        assert_eq!(Tensor::from_f32(vec![2], &[1.0, -2.5]).unwrap().to_f32().unwrap(), [1.0, -2.5]);
        let error = Tensor::from_f32(vec![3], &[1.0, -2.5]).unwrap_err().to_string();
        assert_eq!(error, "tensor of f32 [3]: needs 12 bytes, its data has 8");
        let error = Tensor::new(DType::F32, vec![usize::MAX, 2], Vec::new()).unwrap_err().to_string();
        assert!(error.contains("more bytes than can be addressed"), "{error}");
    }

    #[test]
    fn texts_and_packed_elements_are_counted() {
        let texts = Tensor::from_texts(vec![2], vec!["a".into(), "bc".into()]).unwrap();
        assert_eq!((texts.len(), texts.bytes().len(), texts.texts()[1].as_ref()), (2, 0, &b"bc"[..]));
        assert!(Tensor::from_texts(vec![3], vec![Bytes::new()]).is_err());
        assert!(Tensor::new(DType::String, vec![0], Vec::new()).is_err());
        assert_eq!(Tensor::new(DType::I4, vec![3], vec![0x21, 0x03]).unwrap().len(), 3);
        assert_eq!(Tensor::new(DType::F32, vec![usize::MAX, 0, 2], Vec::new()).unwrap().len(), 0);
    }

    #[test]
    fn a_remark_makes_no_other_tensor() {
        let plain = Tensor::from_i64(&[1]);
        let remarked = plain.clone().with_remarks(Remarks { doc: "why".into(), ..Remarks::default() });
        assert_eq!((&remarked, remarked.remarks().map(|r| r.doc.as_str())), (&plain, Some("why")));
        assert!(plain.with_remarks(Remarks::default()).remarks().is_none());
    }

    #[test]
    fn a_view_of_another_type_is_refused() {
        assert_eq!(Tensor::from_i64(&[-1, 8]).to_i64().unwrap(), [-1, 8]);
        assert!(Tensor::from_i64(&[1]).to_f32().is_none());
        assert_eq!(Tensor::from_f32(vec![], &[3.0]).unwrap().scalar_f32(), Some(3.0));
        assert_eq!(Tensor::from_f32(vec![2], &[3.0, 4.0]).unwrap().scalar_f32(), None);
    }
}
