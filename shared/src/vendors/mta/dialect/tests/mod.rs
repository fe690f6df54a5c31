//! The dialect's tables: a request and what we read of it, a record and its answer.

mod account;
mod deliveries;
mod scheduled;
mod webhooks;

use std::borrow::Cow;

use serde_json::Value;

use crate::{
    domain::{FieldError, FieldErrorCode},
    formats::query,
};

/// A field with its index, and the error's code.
type Named = (String, FieldErrorCode);

fn named(error: &FieldError) -> Named {
    let index = error.index.map(|index| format!("[{index}]")).unwrap_or_default();
    (format!("{}{index}", error.field), error.code)
}

fn all_named(errors: &[FieldError]) -> Vec<Named> {
    errors.iter().map(named).collect()
}

fn json(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

/// Reads a parameter as `edge` does, but for the error of a repeated one.
fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    let found = query::parameters(query).find(|parameter| parameter.name == name);
    let value = found.map(|parameter| parameter.value).transpose();
    value.map_err(|error| FieldError::new(name, FieldErrorCode::Malformed, error.to_string()))
}
