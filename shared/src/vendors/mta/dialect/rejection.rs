//! Translates later steps' errors into this dialect's field names.

use super::request::SendRequest;
use crate::domain::{FieldError, FieldErrorCode as Code, Rejection};

/// The field that chose the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderField {
    Longcode,
    Thread,
    /// No field: the account's default sender, or a shared one.
    Default,
}

impl SenderField {
    /// Returns the error for a sender that the account does not own, or no longer owns.
    #[must_use]
    pub fn not_owned(self) -> FieldError {
        let (name, rule) = match self {
            Self::Longcode => ("longcodeId", "is not the ID of a sender of this account"),
            Self::Thread => ("threadId", "is a conversation over a sender that the account no longer owns"),
            Self::Default => ("longcodeId", "is required: the account no longer owns its default sender"),
        };
        FieldError::new(name, Code::NotOwned, rule)
    }
}

/// Returns the errors under the request's own field names. An error common to all messages becomes one error.
/// `key_header` is the header with the idempotency key.
#[must_use]
pub fn rename(rejection: Rejection, request: &SendRequest, key_header: &str) -> Rejection {
    let mut errors = Vec::new();
    for error in rejection.errors {
        let error = match error.field.as_str() {
            "from.value" => request.sender_field().not_owned(),
            "send_at" => FieldError { index: None, field: "scheduledDate".to_owned(), ..error },
            "Idempotency-Key" => FieldError { index: None, field: key_header.to_owned(), ..error },
            "from" => {
                let field = request.recipients_field();
                let index = error.index.filter(|_| field == "subscribers");
                let message = format!("cannot be reached from a shared sender: {}", error.message);
                FieldError { index, field: field.to_owned(), message, ..error }
            }
            _ => error,
        };
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    Rejection { errors, ..rejection }
}
