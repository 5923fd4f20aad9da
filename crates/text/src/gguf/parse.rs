//! The header of a GGUF file: version, metadata, tensor descriptions.

use std::collections::BTreeMap;

use super::read::Reader;
use super::tensor::{self, Tensor};
use super::{GgufError, Value};

const DEFAULT_ALIGNMENT: u64 = 32;

/// A parsed GGUF file. Strings and tensor bytes borrow from the bytes it was parsed from.
#[derive(Debug, Clone)]
pub struct Gguf<'a> {
    version: u32,
    pub(super) metadata: BTreeMap<&'a str, Value<'a>>,
    tensors: Vec<Tensor<'a>>,
    tensor_index: BTreeMap<&'a str, usize>,
}

impl<'a> Gguf<'a> {
    /// Reads the header and checks that every tensor lies within the file.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, GgufError> {
        let mut reader = Reader::new(bytes);
        let version = read_version(&mut reader, bytes)?;
        let tensor_count = reader.u64("the number of tensors")?;
        let metadata_count = reader.u64("the number of metadata entries")?;
        let metadata = read_metadata(&mut reader, metadata_count)?;
        let entries = tensor::read_entries(&mut reader, tensor_count)?;

        let alignment = alignment(&metadata)?;
        let data_start = (reader.position() as u64).next_multiple_of(alignment);
        let tensors = entries
            .into_iter()
            .map(|entry| entry.locate(bytes, data_start, alignment))
            .collect::<Result<Vec<_>, _>>()?;
        let tensor_index = index_by_name(&tensors)?;
        Ok(Self { version, metadata, tensors, tensor_index })
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
        self.tensor_index.get(name).and_then(|&index| self.tensors.get(index))
    }
}

fn read_version(reader: &mut Reader<'_>, bytes: &[u8]) -> Result<u32, GgufError> {
    let not_gguf = || GgufError::NotGguf { found: bytes.iter().take(4).copied().collect() };
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

fn read_metadata<'a>(reader: &mut Reader<'a>, count: u64) -> Result<BTreeMap<&'a str, Value<'a>>, GgufError> {
    let mut metadata = BTreeMap::new();
    for number in 0..count {
        let key = reader.text(&format!("the key of metadata entry {number}"))?;
        let what = format!("the value of metadata key `{key}`");
        let value_type = reader.u32(&what)?;
        let value = Value::read(reader, value_type, &what, 0)?;
        if metadata.insert(key, value).is_some() {
            let problem = "appears twice; use a file written by a current llama.cpp".to_owned();
            return Err(GgufError::Metadata { key: key.to_owned(), problem });
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
            problem: format!("is {}, not a power of two; download the file again", value.describe()),
        }),
    }
}

fn index_by_name<'a>(tensors: &[Tensor<'a>]) -> Result<BTreeMap<&'a str, usize>, GgufError> {
    let mut index = BTreeMap::new();
    for (position, tensor) in tensors.iter().enumerate() {
        if index.insert(tensor.name, position).is_some() {
            return Err(tensor::wrong(tensor.name, "appears twice; use a file written by a current llama.cpp"));
        }
    }
    Ok(index)
}
