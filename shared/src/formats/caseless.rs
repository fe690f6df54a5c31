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
        let found = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(key));
        found.map(|(_, value)| value).filter(|value| !value.is_null())
    }

    pub(crate) fn object(self, key: &str) -> Option<Self> {
        self.get(key).and_then(Self::of)
    }

    /// Returns the trimmed text under `key`. A number counts as text. Empty text and other types count as
    /// missing.
    pub(crate) fn said(self, key: &str) -> Option<String> {
        let text = self.text(key).ok()??;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    }

    /// Returns the untrimmed text under `key`. A number counts as text.
    ///
    /// # Errors
    /// If the value has another type.
    pub(crate) fn text(self, key: &str) -> Result<Option<String>, NotText> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(NotText),
        }
    }
}

/// A value that is neither a string nor a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotText;
