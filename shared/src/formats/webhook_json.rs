//! JSON from carriers, which may post a single value in place of a list.

use std::slice;

use serde_json::Value;

use super::caseless::Object;
use crate::domain::{ParseError, ParsedItems};

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

/// Parses the objects of a list, or the single object. An unreadable object is an `Err` item. `field` is the list's
/// name.
pub(crate) fn items<T>(
    value: &Value,
    field: &str,
    read: impl Fn(Object<'_>) -> Result<T, ParseError>,
) -> ParsedItems<T> {
    let item = |value| read(Object::of(value).ok_or_else(|| ParseError::new(field, "is not an object"))?);
    one_or_many(value).iter().map(item).collect()
}
