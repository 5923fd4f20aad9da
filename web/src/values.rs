//! Lists of typed values, in and out.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tsify::{Ts, Tsify};
use wasm_bindgen::JsError;

/// What JavaScript passed.
pub(crate) fn taken<T: Tsify<JsType: Clone> + DeserializeOwned>(values: Vec<Ts<T>>) -> Result<Vec<T>, JsError> {
    values.into_iter().map(|value| Ok(value.to_rust()?)).collect()
}

/// What JavaScript gets.
pub(crate) fn given<T: Tsify + Serialize>(values: impl IntoIterator<Item = T>) -> Result<Vec<Ts<T>>, JsError> {
    values.into_iter().map(|value| Ok(value.into_ts()?)).collect()
}
