//! Fields of a client's JSON request: a value becomes a valid type, or an error that names the field.

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::{
    CallbackUrl, FieldError, FieldErrorCode, NumberError, PhoneNumber, SegmentLimit, SenderError, SenderId, Text,
    TextError, Timestamp, parse_time,
};

/// Limit on an unknown field name in a warning, in characters, so that the answer fits.
const MOST_REPEATED: usize = 40;

/// A part of the request that we ignored, although the client may have meant it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    pub field: String,
    pub message: String,
}

/// Returns the value, or keeps the error.
pub(crate) fn keep<T>(read: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    read.map_err(|error| errors.push(error)).ok()
}

/// Returns the text. `null` counts as missing, as in all functions here.
pub(crate) fn required_text<'a>(value: Option<&'a Value>, field: &str) -> Result<&'a str, FieldError> {
    let missing = || FieldError::new(field, FieldErrorCode::Missing, "is required");
    optional_text(value, field)?.ok_or_else(missing)
}

pub(crate) fn optional_text<'a>(value: Option<&'a Value>, field: &str) -> Result<Option<&'a str>, FieldError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(FieldError::new(field, FieldErrorCode::WrongType, "must be a string")),
    }
}

/// Returns a list of 1 to `most` messages.
pub(crate) fn messages<'a>(value: Option<&'a Value>, field: &str, most: usize) -> Result<&'a [Value], FieldError> {
    let error = |code, words: &str| Err(FieldError::new(field, code, words));
    match value {
        None | Some(Value::Null) => error(FieldErrorCode::Missing, "a list is required"),
        Some(Value::Array(listed)) if listed.is_empty() => error(FieldErrorCode::Empty, "is empty"),
        Some(Value::Array(listed)) if listed.len() > most => {
            error(FieldErrorCode::TooMany, &format!("has {} entries; at most {most} are allowed", listed.len()))
        }
        Some(Value::Array(listed)) => Ok(listed),
        Some(_) => error(FieldErrorCode::WrongType, "must be a list"),
    }
}

/// Returns a phone number. A JSON number counts too, because our own callbacks write a reply's sender as one.
pub(crate) fn number(value: Option<&Value>, field: &str) -> Result<PhoneNumber, FieldError> {
    let digits = value.and_then(Value::as_u64).map(|digits| digits.to_string());
    let text = digits.as_deref().map_or_else(|| required_text(value, field), Ok)?;
    text.parse().map_err(|error: NumberError| {
        let code = if error == NumberError::Empty { FieldErrorCode::Empty } else { FieldErrorCode::Malformed };
        FieldError::new(field, code, error.to_string())
    })
}

pub(crate) fn sender(value: Option<&Value>, field: &str) -> Result<SenderId, FieldError> {
    required_text(value, field)?.parse().map_err(|error: SenderError| {
        let code = if error == SenderError::Empty { FieldErrorCode::Empty } else { FieldErrorCode::Malformed };
        FieldError::new(field, code, error.to_string())
    })
}

pub(crate) fn message_text(value: Option<&Value>, field: &str, limit: SegmentLimit) -> Result<Text, FieldError> {
    valid_text(required_text(value, field)?, field, limit)
}

pub(crate) fn valid_text(text: &str, field: &str, limit: SegmentLimit) -> Result<Text, FieldError> {
    Text::parse(text, limit).map_err(|error| {
        let code = match error {
            TextError::Empty => FieldErrorCode::Empty,
            TextError::TooLong { .. } | TextError::TooManyBytes { .. } => FieldErrorCode::TooLong,
            TextError::ControlCharacter(_) => FieldErrorCode::Malformed,
        };
        FieldError::new(field, code, error.to_string())
    })
}

pub(crate) fn callback(value: Option<&Value>, field: &str) -> Result<Option<CallbackUrl>, FieldError> {
    let url = optional_text(value, field)?.map(str::parse).transpose();
    url.map_err(|error: <CallbackUrl as std::str::FromStr>::Err| malformed(field, error.to_string()))
}

pub(crate) fn uuid(value: Option<&Value>, field: &str) -> Result<Option<Uuid>, FieldError> {
    let uuid = optional_text(value, field)?.map(Uuid::try_parse).transpose();
    uuid.map_err(|_| malformed(field, "is not a UUID"))
}

pub(crate) fn time(value: Option<&Value>, field: &str) -> Result<Option<Timestamp>, FieldError> {
    let time = optional_text(value, field)?.map(parse_time).transpose();
    time.map_err(|error| malformed(field, error.to_string()))
}

fn malformed(field: &str, words: impl Into<String>) -> FieldError {
    FieldError::new(field, FieldErrorCode::Malformed, words)
}

/// Returns the beginning of an unknown name, for a warning.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(MOST_REPEATED).collect()
}

/// Returns a warning for each of these fields with an empty string.
pub(crate) fn empty_fields(
    object: &Map<String, Value>,
    fields: &[&str],
    index: Option<usize>,
    prefix: &str,
) -> Vec<Warning> {
    let empty = fields.iter().filter(|field| object.get(**field).is_some_and(is_empty_text));
    empty
        .map(|field| Warning {
            index,
            field: format!("{prefix}{field}"),
            message: "is empty and was ignored".to_owned(),
        })
        .collect()
}

pub(crate) fn is_empty_text(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty)
}

/// Returns a warning for each field that is not `known`. `prefix` is the object's own path.
pub(crate) fn unknown_fields(
    object: &Map<String, Value>,
    known: &[&str],
    index: Option<usize>,
    prefix: &str,
) -> Vec<Warning> {
    let unknown = object.keys().filter(|key| !known.contains(&key.as_str()));
    let named = |key: &String| format!("{prefix}{}", shortened(key));
    unknown.map(|key| Warning { index, field: named(key), message: "is unknown and was ignored".to_owned() }).collect()
}
