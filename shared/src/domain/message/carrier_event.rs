//! Receipts and replies as a carrier reports them.

use std::fmt;

use jiff::Timestamp;

use crate::{
    domain::{Channel, PhoneNumber, ReceiptStatus, SenderId, SubmitReference},
    redact::{cut, without_numbers},
};

/// The most characters that are kept of a carrier's words, and of a code of its own.
pub(crate) const LONGEST_WORDS: usize = 100;
const LONGEST_CODE: usize = 20;

/// A receipt as a carrier reports it. Its words are kept and shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierReceipt {
    /// Our name for the submit, where the carrier gives it back in the body.
    pub reference: Option<SubmitReference>,
    /// The carrier's own id, as it writes it in receipts.
    pub carrier_id: Option<String>,
    pub status: ReceiptStatus,
    pub code: Option<String>,
    pub description: Option<String>,
}

impl CarrierReceipt {
    /// With words that are short and name no phone number.
    pub(crate) fn cleaned(self) -> Self {
        let clean = |words: Option<String>, most| words.map(|words| cut(&without_numbers(&words), most));
        let (code, description) = (clean(self.code, LONGEST_CODE), clean(self.description, LONGEST_WORDS));
        Self { code, description, ..self }
    }
}

/// A reply as a carrier reports it.
#[derive(Clone, PartialEq, Eq)]
pub struct CarrierReply {
    /// The carrier's own id, by which its repeats are known.
    pub id: String,
    pub from: PhoneNumber,
    pub to: SenderId,
    pub text: String,
    pub channel: Channel,
    /// When the network took it, where the carrier says so.
    pub at: Option<Timestamp>,
}

/// The items of one webhook body. An unreadable item does not block the rest.
pub type ParsedItems<T> = Vec<Result<T, ParseError>>;

/// A webhook's body, or a part of it, that is not in its carrier's format.
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

    /// Says where the fault is, and repeats nothing of what stands there.
    #[must_use]
    pub fn of_json(error: &serde_json::Error) -> Self {
        let words = error.to_string();
        let missing = words.split(" at line").next().filter(|words| words.starts_with("missing field"));
        let kind = missing.unwrap_or(if error.is_data() { "has an unexpected field" } else { "is not JSON" });
        Self::new("(body)", format!("{kind}: line {}, column {}", error.line(), error.column()))
    }
}
