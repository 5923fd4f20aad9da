//! Tensor descriptions, and where in the file their bytes lie.

use super::read::Reader;
use super::{GgufError, TensorType};

const MAX_DIMENSIONS: u32 = 4;

/// A tensor of the file, still in its stored form.
#[derive(Debug, Clone, PartialEq)]
pub struct Tensor<'a> {
    /// The name in the file, such as `blk.0.attn_q.weight`.
    pub name: &'a str,
    /// Row-major shape, outermost axis first as in Hugging Face files (the reverse of the order in the file).
    pub shape: Vec<usize>,
    /// How the values are stored.
    pub tensor_type: TensorType,
    /// The stored bytes, exactly as many as the shape needs.
    pub bytes: &'a [u8],
}

/// A tensor description as the header has it, before its bytes are looked up.
pub(super) struct Entry<'a> {
    name: &'a str,
    shape: Vec<usize>,
    type_number: u32,
    offset: u64,
}

/// Reads the descriptions of all tensors.
pub(super) fn read_entries<'a>(reader: &mut Reader<'a>, count: u64) -> Result<Vec<Entry<'a>>, GgufError> {
    // The count is not trusted with an allocation: the list grows as entries are found.
    (0..count).map(|number| Entry::read(reader, number)).collect()
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>, number: u64) -> Result<Self, GgufError> {
        let name = reader.text(&format!("the name of tensor {number}"))?;
        let what = format!("the description of tensor `{name}`");
        let dimensions = reader.u32(&what)?;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            let problem = format!("has {dimensions} dimensions, not 1 to {MAX_DIMENSIONS}; download the file again");
            return Err(wrong(name, problem));
        }
        let mut shape = (0..dimensions)
            .map(|_| reader.u64(&what).and_then(|length| axis(name, length)))
            .collect::<Result<Vec<_>, _>>()?;
        shape.reverse();
        Ok(Self { name, shape, type_number: reader.u32(&what)?, offset: reader.u64(&what)? })
    }

    /// Finds the bytes of the tensor in the file.
    pub(super) fn locate(self, file: &'a [u8], data_start: u64, alignment: u64) -> Result<Tensor<'a>, GgufError> {
        let Self { name, shape, type_number, offset } = self;
        let tensor_type = TensorType::from_number(type_number)
            .map_err(|found| GgufError::UnsupportedTensorType { tensor: name.to_owned(), found })?;
        if !offset.is_multiple_of(alignment) {
            let problem = format!("starts at {offset}, not a multiple of {alignment}; download the file again");
            return Err(wrong(name, problem));
        }
        let size = byte_size(name, &shape, tensor_type)?;
        let start = data_start.checked_add(offset).and_then(|start| usize::try_from(start).ok());
        let range = start.and_then(|start| Some(start..start.checked_add(size)?));
        let bytes = range.and_then(|range| file.get(range)).ok_or_else(|| GgufError::Truncated {
            what: format!("tensor `{name}`"),
            at: start.unwrap_or(usize::MAX),
            needed: size as u64,
            available: file.len().saturating_sub(start.unwrap_or(usize::MAX)),
        })?;
        Ok(Tensor { name, shape, tensor_type, bytes })
    }
}

fn axis(name: &str, length: u64) -> Result<usize, GgufError> {
    match usize::try_from(length) {
        Ok(length) if length > 0 => Ok(length),
        _ => Err(wrong(name, format!("has an axis of length {length}; download the file again"))),
    }
}

fn byte_size(name: &str, shape: &[usize], tensor_type: TensorType) -> Result<usize, GgufError> {
    let row = shape.last().copied().unwrap_or_default();
    if !row.is_multiple_of(tensor_type.block_values()) {
        let block = tensor_type.block_values();
        let problem =
            format!("has rows of {row} values, but {tensor_type} comes in blocks of {block}; download the file again");
        return Err(wrong(name, problem));
    }
    let values = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
    let size = values.and_then(|values| tensor_type.bytes_for(values));
    size.ok_or_else(|| wrong(name, format!("has the impossible shape {shape:?}; download the file again")))
}

/// The error about the tensor of that name.
pub(super) fn wrong(name: &str, problem: impl Into<String>) -> GgufError {
    GgufError::Tensor { tensor: name.to_owned(), problem: problem.into() }
}
