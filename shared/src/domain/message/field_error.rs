//! Errors in a request, as clients receive them.

use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// Index of the message, from 0. `None` for an error in the whole request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// The field's path in the dialect's spelling, such as `from.type`.
    pub field: String,
    pub code: FieldErrorCode,
    /// States the rule, for people. Never repeats a text, number or secret.
    pub message: String,
}

/// Clients may branch on the codes' names, so they never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldErrorCode {
    Missing,
    /// The value has the wrong JSON type.
    WrongType,
    /// The value has the right JSON type but the wrong form.
    Malformed,
    Empty,
    TooLong,
    TooMany,
    UnknownValue,
    /// The value occurs twice but must be unique.
    Duplicate,
    /// The sender ID does not belong to the account.
    NotOwned,
    /// The ID or key was used before with different content.
    Conflict,
    /// Every shared sender ID is locked to another account for this recipient.
    PoolExhausted,
    /// No route of the chosen name is for this message.
    NoRoute,
}

impl FieldError {
    #[must_use]
    pub fn new(field: impl Into<String>, code: FieldErrorCode, message: impl Into<String>) -> Self {
        Self { index: None, field: field.into(), code, message: message.into() }
    }

    #[must_use]
    pub fn at(mut self, index: usize) -> Self {
        self.index = Some(index);
        self
    }
}
