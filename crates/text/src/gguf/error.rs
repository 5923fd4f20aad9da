//! What can be wrong with a GGUF file, and what to do about it.

/// Why the bytes of a GGUF file could not be read or converted.
///
/// Every message names the thing, the place and the way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The first four bytes are not `GGUF`.
    #[error("not a GGUF file: it starts with bytes {found:02x?} instead of \"GGUF\"; pass a file that ends in .gguf")]
    NotGguf {
        /// The first bytes of the file, at most four.
        found: Vec<u8>,
    },
    /// The file was written for a big-endian machine.
    #[error("big-endian GGUF files are not read; convert the file with `gguf-convert-endian FILE little`")]
    BigEndian,
    /// A format version other than 2 and 3.
    #[error("GGUF version {0} is not read, only 2 and 3; convert the model again with a current llama.cpp")]
    Version(u32),
    /// The file ends before something it announced.
    #[error(
        "the file ends inside {what}: {needed} bytes needed at byte {at}, {available} left; \
         download the file again"
    )]
    Truncated {
        /// What was being read.
        what: String,
        /// Where it starts, in bytes from the start of the file.
        at: usize,
        /// How many bytes it takes.
        needed: u64,
        /// How many bytes there are.
        available: usize,
    },
    /// A field holds a value the format does not allow.
    #[error("{what} at byte {at} is {problem}; the file is damaged or was written by a faulty tool, get it again")]
    Invalid {
        /// Which field.
        what: String,
        /// Where it is, in bytes from the start of the file.
        at: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A metadata key that the conversion needs is absent.
    #[error("metadata key `{0}` is missing; convert the model again with a current llama.cpp")]
    MissingKey(String),
    /// A metadata value has another type than its key calls for.
    #[error(
        "metadata key `{key}` holds {found}, expected {expected}; convert the model again with a current llama.cpp"
    )]
    WrongType {
        /// The key.
        key: String,
        /// The type that the key calls for.
        expected: &'static str,
        /// The type in the file.
        found: String,
    },
    /// A metadata value is of the right type but makes no sense or is not supported.
    #[error("metadata key `{key}`: {problem}")]
    Metadata {
        /// The key.
        key: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A tensor is stored in a type that is not decoded.
    #[error(
        "tensor `{tensor}` is stored as {found}, which is not decoded; use a file in one of {}, \
         for example made by `llama-quantize --allow-requantize IN OUT Q8_0`",
        super::TensorType::NAMES
    )]
    UnsupportedTensorType {
        /// The tensor.
        tensor: String,
        /// Name or number of its type.
        found: String,
    },
    /// A tensor's description contradicts itself, the file or the model's metadata.
    #[error("tensor `{tensor}`: {problem}")]
    Tensor {
        /// The tensor.
        tensor: String,
        /// What is wrong, and the remedy.
        problem: String,
    },
    /// A tensor that the architecture needs is absent.
    #[error("tensor `{0}` is missing; use a file that holds the whole model, not one part of a split or an adapter")]
    MissingTensor(String),
    /// The bytes given for a tensor do not fit its type and number of values.
    #[error("{count} values of {kind} need {needed}, got {found} bytes; pass exactly the bytes of the tensor")]
    DataSize {
        /// The tensor type.
        kind: super::TensorType,
        /// How many values were asked for.
        count: usize,
        /// What they need.
        needed: String,
        /// How many bytes were given.
        found: usize,
    },
    /// The model is of an architecture that has no converter here.
    #[error("architecture `{0}` is not converted, only llama and qwen2; use a model of one of these families")]
    UnsupportedArchitecture(String),
    /// The tokenizer in the metadata cannot be rebuilt.
    #[error("the tokenizer in the file cannot be rebuilt: {0}")]
    Tokenizer(String),
}
