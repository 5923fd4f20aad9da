//! Errors of the library crates as errors of JavaScript, whose `name` says what can be done about them.

use js_sys::Error as JsError;
use minform_core::Error;
use wasm_bindgen::JsValue;

/// What a failed call throws.
///
/// `AbortError` where `listen` asked for it, `DeviceError` where the device failed and another may not, else `Error`.
pub(super) fn thrown(error: impl Into<Error>) -> JsValue {
    let error = error.into();
    let thrown = JsError::new(&error.to_string());
    match error {
        Error::Stopped => thrown.set_name("AbortError"),
        Error::Device(_) => thrown.set_name("DeviceError"),
        _ => {}
    }
    thrown.into()
}

/// A value that cannot cross to JavaScript, or from it.
pub(super) fn unwritten(error: tsify::Error) -> JsValue {
    JsError::new(&error.to_string()).into()
}

/// A refusal in words of this crate.
pub(super) fn refused(message: &str) -> JsValue {
    JsError::new(message).into()
}
