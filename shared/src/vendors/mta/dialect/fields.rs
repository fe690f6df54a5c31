//! Request fields: an unknown field is ignored, and `null` counts as absent.

use serde_json::{Map, Value};

use crate::{
    domain::{FieldError, FieldErrorCode as Code},
    formats::{field, json},
};

pub(super) type Object = Map<String, Value>;

pub(super) fn read_object(body: &[u8]) -> Result<Object, FieldError> {
    match json::read(body)? {
        Value::Object(object) => Ok(object),
        _ => Err(FieldError::new("(body)", Code::WrongType, "must be a JSON object")),
    }
}

pub(super) fn given<'a>(object: &'a Object, field: &str) -> Option<&'a Value> {
    object.get(field).filter(|value| !value.is_null())
}

pub(super) fn flag(object: &Object, field: &str) -> Result<Option<bool>, FieldError> {
    match given(object, field) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(FieldError::new(field, Code::WrongType, "must be true or false")),
    }
}

/// Returns an optional text of at most `most` bytes without control characters.
pub(super) fn short_text<'a>(object: &'a Object, field: &str, most: usize) -> Result<Option<&'a str>, FieldError> {
    let text = field::optional_text(object.get(field), field)?;
    text.map(|text| check_short(text, field, most)).transpose()
}

pub(super) fn check_short<'a>(text: &'a str, field: &str, most: usize) -> Result<&'a str, FieldError> {
    if text.len() > most {
        return Err(FieldError::new(field, Code::TooLong, format!("has more than {most} bytes")));
    }
    if text.contains(char::is_control) {
        return Err(FieldError::new(field, Code::Malformed, "holds a control character"));
    }
    Ok(text)
}
