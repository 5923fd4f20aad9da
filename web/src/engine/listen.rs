//! The function that hears how work goes.

use std::ops::ControlFlow;

use js_sys::Function;
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

/// A function of JavaScript that is told things and ends the work by returning `false`, or by throwing.
pub(super) struct Listen(Function);

impl Listen {
    pub(super) fn new(function: Function) -> Self {
        Self(function)
    }

    /// Tells something; whether to go on.
    pub(super) fn tell(&self, what: &impl Serialize) -> bool {
        // Plain objects and null, as JSON has them. What is told can always be written so.
        let value = what.serialize(&Serializer::json_compatible()).unwrap_or(JsValue::NULL);
        self.0.call1(&JsValue::UNDEFINED, &value).is_ok_and(|answer| answer.as_bool() != Some(false))
    }

    /// The same, for those who ask in the words of the core.
    pub(super) fn hear(&self, what: &impl Serialize) -> ControlFlow<()> {
        if self.tell(what) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}
