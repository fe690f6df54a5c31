//! Receipts and replies, parsed from a carrier's format.

use std::fmt;

use jiff::Timestamp;

use crate::{
    domain::{Channel, PhoneNumber, ReceiptStatus, SenderId, SubmitReference},
    redact::{cut, without_numbers},
};

/// The most characters we keep of a carrier's description and code.
pub(crate) const LONGEST_WORDS: usize = 100;
const LONGEST_CODE: usize = 20;

/// A parsed receipt. We store and show its code and description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierReceipt {
    /// Our reference for the submit, if the carrier returns it in the body.
    pub reference: Option<SubmitReference>,
    /// The carrier's own ID for the message, as spelled in receipts.
    pub carrier_id: Option<String>,
    pub status: ReceiptStatus,
    pub code: Option<String>,
    pub description: Option<String>,
}

impl CarrierReceipt {
    /// Shortens the code and description and removes phone numbers.
    pub(crate) fn cleaned(self) -> Self {
        let clean = |words: Option<String>, most| words.map(|words| cut(&without_numbers(&words), most));
        let (code, description) = (clean(self.code, LONGEST_CODE), clean(self.description, LONGEST_WORDS));
        Self { code, description, ..self }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct CarrierReply {
    /// The carrier's own ID, for deduplication.
    pub id: String,
    pub from: PhoneNumber,
    pub to: SenderId,
    pub text: String,
    pub channel: Channel,
    /// When the network received the reply, if reported.
    pub at: Option<Timestamp>,
}

/// The items of one webhook body. An unreadable item does not block the rest.
pub type ParsedItems<T> = Vec<Result<T, ParseError>>;

/// A body or item not in the carrier's format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("field '{field}' {reason}")]
pub struct ParseError {
    pub field: String,
    pub reason: String,
}

impl ParseError {
    pub fn new(field: impl Into<String>, reason: impl fmt::Display) -> Self {
        Self { field: field.into(), reason: reason.to_string() }
    }

    /// Describes the kind and position of the error, and none of the JSON's values.
    #[must_use]
    pub fn of_json(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let missing = words.split(" at line").next().filter(|words| words.starts_with("missing field"));
        let kind = missing.unwrap_or(if error.is_data() { "has an unexpected field" } else { "is not JSON" });
        Self::new("(body)", format!("{kind}: line {}, column {}", error.line(), error.column()))
    }
}
