//! JSON as carriers post it: one thing where a list of them is due.

use std::slice;

use serde_json::Value;

use crate::domain::ParseError;

/// Reads a webhook's body.
pub(crate) fn read(body: &[u8]) -> Result<Value, ParseError> {
    serde_json::from_slice(body).map_err(|error| ParseError::of_json(&error))
}

/// All of a list, or the one thing that stands in its place.
pub(crate) fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(listed) => listed,
        one => slice::from_ref(one),
    }
}
