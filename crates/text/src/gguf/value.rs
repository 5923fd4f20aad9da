//! Metadata values: numbers, booleans, strings and arrays of them.

use super::GgufError;
use super::read::Reader;

/// Arrays of arrays deeper than this are refused, so that a hostile file cannot exhaust the stack.
const MAX_DEPTH: usize = 4;

/// One metadata value. Strings and arrays borrow from the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A byte.
    U8(u8),
    /// A byte with a sign.
    I8(i8),
    /// Two bytes.
    U16(u16),
    /// Two bytes with a sign.
    I16(i16),
    /// Four bytes.
    U32(u32),
    /// Four bytes with a sign.
    I32(i32),
    /// A number of single precision.
    F32(f32),
    /// True or false.
    Bool(bool),
    /// A text.
    String(&'a str),
    /// Values of one type.
    Array(Array<'a>),
    /// Eight bytes.
    U64(u64),
    /// Eight bytes with a sign.
    I64(i64),
    /// A number of double precision.
    F64(f64),
}

/// An array of values of one type, checked when the file is parsed and decoded when it is walked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Array<'a> {
    item_type: u32,
    count: u64,
    bytes: &'a [u8],
}

impl<'a> Array<'a> {
    /// The number of values.
    pub fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The values in order.
    pub fn iter(&self) -> impl Iterator<Item = Value<'a>> + use<'a> {
        let mut reader = Reader::new(self.bytes);
        let item_type = self.item_type;
        // The array was read once by the parser, so the decoding cannot fail here.
        (0..self.count).map_while(move |_| Value::read(&mut reader, item_type, "array", 1).ok())
    }
}

impl<'a> Value<'a> {
    /// Reads a value of the numbered type; `what` names it in errors.
    pub(super) fn read(reader: &mut Reader<'a>, value_type: u32, what: &str, depth: usize) -> Result<Self, GgufError> {
        let at = reader.position();
        Ok(match value_type {
            0 => Self::U8(u8::from_le_bytes(reader.array(what)?)),
            1 => Self::I8(i8::from_le_bytes(reader.array(what)?)),
            2 => Self::U16(u16::from_le_bytes(reader.array(what)?)),
            3 => Self::I16(i16::from_le_bytes(reader.array(what)?)),
            4 => Self::U32(reader.u32(what)?),
            5 => Self::I32(i32::from_le_bytes(reader.array(what)?)),
            6 => Self::F32(f32::from_le_bytes(reader.array(what)?)),
            7 => Self::Bool(read_bool(reader, what)?),
            8 => Self::String(reader.text(what)?),
            9 => Self::Array(read_array(reader, what, depth)?),
            10 => Self::U64(reader.u64(what)?),
            11 => Self::I64(i64::from_le_bytes(reader.array(what)?)),
            12 => Self::F64(f64::from_le_bytes(reader.array(what)?)),
            other => return Err(invalid(what, at, format!("of unknown value type {other}"))),
        })
    }

    /// The value as an unsigned integer, if it is an integer and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match *self {
            Self::U8(value) => Some(value.into()),
            Self::U16(value) => Some(value.into()),
            Self::U32(value) => Some(value.into()),
            Self::U64(value) => Some(value),
            Self::I8(value) => value.try_into().ok(),
            Self::I16(value) => value.try_into().ok(),
            Self::I32(value) => value.try_into().ok(),
            Self::I64(value) => value.try_into().ok(),
            _ => None,
        }
    }

    /// The value as a floating point number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            // By way of the shortest decimal: 1e-5 stored as f32 stays 1e-5 and does not become 9.99999975e-6.
            Self::F32(value) => value.to_string().parse().ok(),
            Self::F64(value) => Some(value),
            _ => None,
        }
    }

    /// The value as text, if it is a string.
    pub fn as_str(&self) -> Option<&'a str> {
        if let Self::String(text) = *self { Some(text) } else { None }
    }

    /// The value as a boolean, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = *self { Some(value) } else { None }
    }

    /// The value as an array, if it is one.
    pub fn as_array(&self) -> Option<Array<'a>> {
        if let Self::Array(array) = *self { Some(array) } else { None }
    }

    /// Type and value in short, for error messages.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Array(array) => format!("an array of {} values", array.count),
            Self::String(text) => {
                format!("the string {:?}", text.chars().take(60).collect::<String>())
            }
            other => format!("{other:?}"),
        }
    }
}

fn read_bool(reader: &mut Reader<'_>, what: &str) -> Result<bool, GgufError> {
    let at = reader.position();
    match reader.array::<1>(what)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [other] => Err(invalid(what, at, format!("the boolean {other}, neither 0 nor 1"))),
    }
}

fn read_array<'a>(reader: &mut Reader<'a>, what: &str, depth: usize) -> Result<Array<'a>, GgufError> {
    if depth >= MAX_DEPTH {
        return Err(invalid(what, reader.position(), format!("an array nested deeper than {MAX_DEPTH}")));
    }
    let item_type = reader.u32(what)?;
    let count = reader.u64(what)?;
    let start = reader.clone();
    // Each value takes at least a byte, so a huge count ends with the bytes and nothing is allocated for it.
    for _ in 0..count {
        Value::read(reader, item_type, what, depth + 1)?;
    }
    let length = reader.position() - start.position();
    let bytes = start.clone().take(length as u64, what)?;
    Ok(Array { item_type, count, bytes })
}

fn invalid(what: &str, at: usize, problem: String) -> GgufError {
    GgufError::Invalid { what: what.to_owned(), at, problem }
}
