//! Typed access to the metadata of a file.

use super::{Array, Gguf, GgufError, Value};

impl<'a> Gguf<'a> {
    /// The metadata value under `key`.
    pub fn metadata(&self, key: &str) -> Option<&Value<'a>> {
        self.metadata.get(key)
    }

    /// All metadata, sorted by key.
    pub fn metadata_entries(&self) -> impl Iterator<Item = (&'a str, &Value<'a>)> {
        self.metadata.iter().map(|(key, value)| (*key, value))
    }

    /// The text under `key`; `None` if the key is absent, an error if it holds something else.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>, GgufError> {
        self.typed(key, "a string", Value::as_str)
    }

    /// The non-negative integer under `key`, whatever its width.
    pub fn integer(&self, key: &str) -> Result<Option<usize>, GgufError> {
        let small = |value: &Value<'a>| value.as_u64().and_then(|value| value.try_into().ok());
        self.typed(key, "a non-negative integer", small)
    }

    /// The floating point number under `key`.
    pub fn float(&self, key: &str) -> Result<Option<f64>, GgufError> {
        self.typed(key, "a floating point number", Value::as_f64)
    }

    /// The boolean under `key`.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, GgufError> {
        self.typed(key, "a boolean", Value::as_bool)
    }

    /// The array under `key`.
    pub fn array(&self, key: &str) -> Result<Option<Array<'a>>, GgufError> {
        self.typed(key, "an array", Value::as_array)
    }

    /// The array of strings under `key`.
    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, GgufError> {
        self.items(key, "an array of strings", Value::as_str)
    }

    /// The array under `key` with every value converted.
    pub(super) fn items<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Result<Option<Vec<T>>, GgufError> {
        let Some(array) = self.array(key)? else {
            return Ok(None);
        };
        let convert = |value: Value<'a>| convert(&value).ok_or_else(|| wrong_type(key, expected, &value));
        array.iter().map(convert).collect::<Result<_, _>>().map(Some)
    }

    fn typed<T>(
        &self,
        key: &str,
        expected: &'static str,
        convert: impl Fn(&Value<'a>) -> Option<T>,
    ) -> Result<Option<T>, GgufError> {
        let Some(value) = self.metadata(key) else {
            return Ok(None);
        };
        convert(value).map(Some).ok_or_else(|| wrong_type(key, expected, value))
    }
}

/// Turns an absent value into the error that names its key.
pub(super) fn required<T>(key: &str, value: Option<T>) -> Result<T, GgufError> {
    value.ok_or_else(|| GgufError::MissingKey(key.to_owned()))
}

fn wrong_type(key: &str, expected: &'static str, value: &Value<'_>) -> GgufError {
    GgufError::WrongType { key: key.to_owned(), expected, found: value.describe() }
}
