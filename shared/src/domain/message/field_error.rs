//! What was wrong with a request, in a form that a program can act on.

use serde::Serialize;

/// One thing that was wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Which message, counted from 0; none for a fault of the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The field in the dialect's own spelling, as a dotted path (`from.type`).
    pub field: String,
    pub code: FieldErrorCode,
    /// For people: what was expected. Never repeats a text, number or secret.
    pub message: String,
}

/// The kinds of faults; clients may branch on them, so a name once given stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldErrorCode {
    /// A field that must be there is not.
    Missing,
    /// The field holds another JSON type.
    WrongType,
    /// The right type, but not of the right form.
    Malformed,
    /// The field is there and empty.
    Empty,
    /// More than the limit that the message names.
    TooLong,
    TooMany,
    /// None of the values that the field may have.
    UnknownValue,
    /// The same value stands elsewhere, where it must be unique.
    Duplicate,
    /// The sender ID does not belong to the account.
    NotOwned,
    /// The id or key was used before, with another content.
    Conflict,
    /// Every shared sender ID already talks to this number for someone else.
    PoolExhausted,
}

impl FieldError {
    #[must_use]
    pub fn new(field: impl Into<String>, code: FieldErrorCode, message: impl Into<String>) -> Self {
        Self { index: None, field: field.into(), code, message: message.into() }
    }

    /// The same fault, of the message at `index`.
    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}
