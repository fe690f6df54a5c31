//! JSON as carriers write it: keys in any case, a number where a text is due, and
//! one thing where a list of them is.

use std::slice;

use serde_json::{Map, Value};

use super::UnreadableError;

/// Reads a webhook's body.
pub(super) fn read(body: &[u8]) -> Result<Value, UnreadableError> {
    serde_json::from_slice(body).map_err(|error| UnreadableError::of_json(&error))
}

/// All of a list, or the one thing that stands in its place.
pub(super) fn one_or_many(value: &Value) -> &[Value] {
    match value {
        Value::Array(listed) => listed,
        one => slice::from_ref(one),
    }
}

/// An object whose keys have no case.
#[derive(Clone, Copy)]
pub(super) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// What stands under that key, if it is not `null`.
    pub(super) fn get(self, key: &str) -> Option<&'a Value> {
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The object under that key.
    pub(super) fn object(self, key: &str) -> Option<Self> {
        self.get(key).and_then(Self::of)
    }

    /// The text under that key; a number is one, too, and an empty one is none.
    pub(super) fn text(self, key: &str) -> Option<String> {
        let text = match self.get(key)? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some(text).filter(|text| !text.is_empty())
    }
}
