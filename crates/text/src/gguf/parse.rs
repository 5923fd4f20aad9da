//! The header of a GGUF file: version, metadata, tensor descriptions.

use std::collections::BTreeMap;

use super::read::Reader;
use super::{GgufError, TensorType, Value};

const DEFAULT_ALIGNMENT: u64 = 32;
const MAX_DIMENSIONS: u32 = 4;

/// A parsed GGUF file. Strings and tensor bytes borrow from the bytes it was parsed from.
#[derive(Debug, Clone)]
pub struct Gguf<'a> {
    version: u32,
    pub(super) metadata: BTreeMap<&'a str, Value<'a>>,
    tensors: Vec<Tensor<'a>>,
    tensor_index: BTreeMap<&'a str, usize>,
}

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

impl<'a> Gguf<'a> {
    /// Reads the header and checks that every tensor lies within the file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        let mut reader = Reader::new(bytes);
        let version = read_version(&mut reader, bytes)?;
        let tensor_count = reader.u64("the number of tensors")?;
        let metadata_count = reader.u64("the number of metadata entries")?;
        let metadata = read_metadata(&mut reader, metadata_count)?;
        let entries = read_entries(&mut reader, tensor_count)?;

        let alignment = alignment(&metadata)?;
        let data_start = (reader.position() as u64).next_multiple_of(alignment);
        let tensors = entries
            .into_iter()
            .map(|entry| entry.locate(bytes, data_start, alignment))
            .collect::<Result<Vec<_>, _>>()?;
        let tensor_index = index_by_name(&tensors)?;
        Ok(Self {
            version,
            metadata,
            tensors,
            tensor_index,
        })
    }

    /// The version of the format, 2 or 3.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The tensors in the order of the file.
    pub fn tensors(&self) -> &[Tensor<'a>] {
        &self.tensors
    }

    /// The tensor of that name.
    pub fn tensor(&self, name: &str) -> Option<&Tensor<'a>> {
        self.tensor_index
            .get(name)
            .and_then(|&index| self.tensors.get(index))
    }
}

fn read_version(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<u32, GgufError> {
    let not_gguf = || GgufError::NotGguf {
        found: bytes.iter().take(4).copied().collect(),
    };
    let magic: [u8; 4] = reader.array("the magic number").map_err(|_| not_gguf())?;
    match &magic {
        b"GGUF" => {}
        b"FUGG" => return Err(GgufError::BigEndian),
        _ => return Err(not_gguf()),
    }
    let version = reader.u32("the version")?;
    match version {
        2 | 3 => Ok(version),
        // Big-endian files keep the order of the magic's letters; their version shows the swap.
        swapped if (1..=255).contains(&swapped.swap_bytes()) => Err(GgufError::BigEndian),
        other => Err(GgufError::Version(other)),
    }
}

fn read_metadata<'a>(
    reader: &mut Reader<'a>,
    count: u64,
) -> Result<BTreeMap<&'a str, Value<'a>>, GgufError> {
    let mut metadata = BTreeMap::new();
    for number in 0..count {
        let key = reader.text(&format!("the key of metadata entry {number}"))?;
        let what = format!("the value of metadata key `{key}`");
        let value_type = reader.u32(&what)?;
        let value = Value::read(reader, value_type, &what, 0)?;
        if metadata.insert(key, value).is_some() {
            let problem = "appears twice; use a file written by a current llama.cpp".to_owned();
            return Err(GgufError::Metadata {
                key: key.to_owned(),
                problem,
            });
        }
    }
    Ok(metadata)
}

fn alignment(metadata: &BTreeMap<&str, Value<'_>>) -> Result<u64, GgufError> {
    const KEY: &str = "general.alignment";
    let Some(value) = metadata.get(KEY) else {
        return Ok(DEFAULT_ALIGNMENT);
    };
    match value.as_u64() {
        // The upper bound keeps the rounding to it from overflowing.
        Some(alignment) if alignment.is_power_of_two() && alignment <= 1 << 30 => Ok(alignment),
        _ => Err(GgufError::Metadata {
            key: KEY.to_owned(),
            problem: format!(
                "is {}, not a power of two; download the file again",
                value.describe()
            ),
        }),
    }
}

fn index_by_name<'a>(tensors: &[Tensor<'a>]) -> Result<BTreeMap<&'a str, usize>, GgufError> {
    let mut index = BTreeMap::new();
    for (position, tensor) in tensors.iter().enumerate() {
        if index.insert(tensor.name, position).is_some() {
            return Err(wrong(
                tensor.name,
                "appears twice; use a file written by a current llama.cpp",
            ));
        }
    }
    Ok(index)
}

/// A tensor description as the header has it, before its bytes are looked up.
struct Entry<'a> {
    name: &'a str,
    shape: Vec<usize>,
    type_number: u32,
    offset: u64,
}

fn read_entries<'a>(reader: &mut Reader<'a>, count: u64) -> Result<Vec<Entry<'a>>, GgufError> {
    // The count is not trusted with an allocation: the list grows as entries are found.
    (0..count)
        .map(|number| Entry::read(reader, number))
        .collect()
}

impl<'a> Entry<'a> {
    fn read(reader: &mut Reader<'a>, number: u64) -> Result<Self, GgufError> {
        let name = reader.text(&format!("the name of tensor {number}"))?;
        let what = format!("the description of tensor `{name}`");
        let dimensions = reader.u32(&what)?;
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            let problem = format!(
                "has {dimensions} dimensions, not 1 to {MAX_DIMENSIONS}; download the file again"
            );
            return Err(wrong(name, problem));
        }
        let mut shape = (0..dimensions)
            .map(|_| reader.u64(&what).and_then(|length| axis(name, length)))
            .collect::<Result<Vec<_>, _>>()?;
        shape.reverse();
        Ok(Self {
            name,
            shape,
            type_number: reader.u32(&what)?,
            offset: reader.u64(&what)?,
        })
    }

    /// Finds the bytes of the tensor in the file.
    fn locate(
        self,
        file: &'a [u8],
        data_start: u64,
        alignment: u64,
    ) -> Result<Tensor<'a>, GgufError> {
        let Self {
            name,
            shape,
            type_number,
            offset,
        } = self;
        let tensor_type = TensorType::from_number(type_number).map_err(|found| {
            GgufError::UnsupportedTensorType {
                tensor: name.to_owned(),
                found,
            }
        })?;
        if !offset.is_multiple_of(alignment) {
            let problem = format!(
                "starts at {offset}, not a multiple of {alignment}; download the file again"
            );
            return Err(wrong(name, problem));
        }
        let size = byte_size(name, &shape, tensor_type)?;
        let start = data_start
            .checked_add(offset)
            .and_then(|start| usize::try_from(start).ok());
        let range = start.and_then(|start| Some(start..start.checked_add(size)?));
        let bytes =
            range
                .and_then(|range| file.get(range))
                .ok_or_else(|| GgufError::Truncated {
                    what: format!("tensor `{name}`"),
                    at: start.unwrap_or(usize::MAX),
                    needed: size as u64,
                    available: file.len().saturating_sub(start.unwrap_or(usize::MAX)),
                })?;
        Ok(Tensor {
            name,
            shape,
            tensor_type,
            bytes,
        })
    }
}

fn axis(name: &str, length: u64) -> Result<usize, GgufError> {
    match usize::try_from(length) {
        Ok(length) if length > 0 => Ok(length),
        _ => Err(wrong(
            name,
            format!("has an axis of length {length}; download the file again"),
        )),
    }
}

fn byte_size(name: &str, shape: &[usize], tensor_type: TensorType) -> Result<usize, GgufError> {
    let row = shape.last().copied().unwrap_or_default();
    if !row.is_multiple_of(tensor_type.block_values()) {
        let block = tensor_type.block_values();
        let problem = format!(
            "has rows of {row} values, but {tensor_type} comes in blocks of {block}; download the file again"
        );
        return Err(wrong(name, problem));
    }
    let values = shape
        .iter()
        .try_fold(1_usize, |product, &length| product.checked_mul(length));
    let size = values.and_then(|values| tensor_type.bytes_for(values));
    size.ok_or_else(|| {
        wrong(
            name,
            format!("has the impossible shape {shape:?}; download the file again"),
        )
    })
}

fn wrong(name: &str, problem: impl Into<String>) -> GgufError {
    GgufError::Tensor {
        tensor: name.to_owned(),
        problem: problem.into(),
    }
}
