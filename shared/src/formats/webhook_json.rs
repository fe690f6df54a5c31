//! JSON from carriers, which may post a single value in place of a list.

use std::slice;

use serde_json::Value;

use crate::domain::ParseError;

pub(crate) fn read(body: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(body).map_err(|error| ParseError::of_json(&error))
}

/// Returns a list's elements, or the single value.
pub(crate) fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(listed) => listed,
        one => slice::from_ref(one),
    }
}
