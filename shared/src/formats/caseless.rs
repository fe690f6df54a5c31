//! JSON objects with case-insensitive keys, and texts that may be numbers.

use serde_json::{Map, Value};

#[derive(Clone, Copy)]
pub(crate) struct Object<'a>(&'a Map<String, Value>);

impl<'a> Object<'a> {
    pub(crate) fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// Returns the value under `key`, unless missing or `null`.
    pub(crate) fn get(self, key: &str) -> Option<&'a Value> {
        let found = self.entries().find(|(name, value)| name.eq_ignore_ascii_case(key) && !value.is_null());
        found.map(|(_, value)| value)
    }

    pub(crate) fn entries(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn object(self, key: &str) -> Option<Self> {
        self.get(key).and_then(Self::of)
    }

    /// Returns the trimmed text under `key`. A number counts as text. Empty text and other types count as
    /// missing.
    pub(crate) fn said(self, key: &str) -> Option<String> {
        said(self.get(key)?)
    }

    /// Returns the untrimmed text under `key`. A number counts as text.
    ///
    /// # Errors
    /// If the value has another type.
    pub(crate) fn text(self, key: &str) -> Result<Option<String>, NotText> {
        self.get(key).map(text).transpose()
    }
}

/// Returns the trimmed text. A number counts as text. Empty text and other types count as missing.
pub(crate) fn said(value: &Value) -> Option<String> {
    let text = text(value).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Returns whether a value is `null`, a blank text, an empty list, or an object of blank values. Clients write these
/// into unused fields.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(listed) => listed.is_empty(),
        Value::Object(fields) => fields.values().all(is_blank),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn text(value: &Value) -> Result<String, NotText> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(NotText),
    }
}

/// A value that is neither a string nor a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotText;
