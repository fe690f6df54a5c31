//! Receipts and replies, parsed from a carrier's format.

use std::fmt;

use jiff::Timestamp;

use crate::{
    domain::{
        Channel, Originator, ReceiptDetails, ReceiptStatus, ReplyContent, SenderId, SubmitReference, WebhookItem,
    },
    redact::{clean, cut, without_controls},
};

/// The most characters we keep of a carrier's description and code.
pub(crate) const LONGEST_WORDS: usize = 100;
const LONGEST_CODE: usize = 20;

/// A parsed receipt. We store and show its texts and details.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarrierReceipt {
    /// Our reference for the submit, if the carrier returns it in the body.
    pub reference: Option<SubmitReference>,
    /// The carrier's own ID for the message, as spelled in receipts.
    pub carrier_id: Option<String>,
    pub status: ReportedStatus,
    pub code: Option<String>,
    pub description: Option<String>,
    pub details: ReceiptDetails,
    /// When the carrier or the network got to know of the status, if reported.
    pub at: Option<Timestamp>,
}

/// The status in a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReportedStatus {
    Known(ReceiptStatus),
    /// The carrier's word for a status that this release does not know. It says nothing about the message.
    Unknown(String),
}

impl ReportedStatus {
    #[must_use]
    pub fn known(&self) -> Option<ReceiptStatus> {
        if let Self::Known(status) = self { Some(*status) } else { None }
    }
}

impl From<ReceiptStatus> for ReportedStatus {
    fn from(status: ReceiptStatus) -> Self {
        Self::Known(status)
    }
}

impl CarrierReceipt {
    /// Shortens the texts, and removes control characters and phone numbers. The details are clean by their types.
    pub(crate) fn cleaned(self) -> Self {
        let status = match self.status {
            ReportedStatus::Unknown(status) => ReportedStatus::Unknown(clean(&status, LONGEST_CODE)),
            known @ ReportedStatus::Known(_) => known,
        };
        let code = self.code.map(|code| clean(&code, LONGEST_CODE));
        let description = self.description.map(|description| clean(&description, LONGEST_WORDS));
        // As in the answer to the submit, so that the two stay equal.
        let carrier_id = self.carrier_id.map(|id| without_controls(&id));
        Self { carrier_id, status, code, description, ..self }
    }
}

/// A parsed reply. `Debug` shows its ID and kind of content.
#[derive(Clone, PartialEq, Eq)]
pub struct CarrierReply {
    /// The carrier's own ID, for deduplication. A connector of a carrier that gives none derives it from the whole
    /// content.
    pub id: String,
    pub from: Originator,
    /// The originator's name on the channel, if the carrier gives it.
    pub from_name: Option<String>,
    /// The sender ID that received the reply, if the carrier names it. Otherwise the answered message has the sender.
    pub to: Option<SenderId>,
    pub content: ReplyContent,
    pub channel: Channel,
    /// When the network received the reply, if reported.
    pub at: Option<Timestamp>,
    /// The submit that the carrier says this answers.
    pub answers: Option<SubmitReference>,
}

impl CarrierReply {
    /// Shortens the originator's name, and removes its control characters. The content stays as the originator wrote
    /// it.
    pub(crate) fn cleaned(self) -> Self {
        let clean = |name: String| cut(without_controls(&name).trim(), LONGEST_WORDS);
        let from_name = self.from_name.map(clean).filter(|name| !name.is_empty());
        Self { from_name, ..self }
    }
}

impl fmt::Debug for CarrierReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CarrierReply").field("id", &self.id).field("content", &self.content).finish_non_exhaustive()
    }
}

/// The items of one webhook body. An unreadable item does not block the rest.
pub struct ParsedItems<T> {
    items: Vec<Result<T, ParseError>>,
    /// For each item, a body of the same format that holds this item alone. Empty if the body is not a list.
    bodies: Vec<String>,
}

impl<T> ParsedItems<T> {
    /// Returns the items of a list, with a body for each item.
    pub(crate) fn of_list(items: Vec<Result<T, ParseError>>, bodies: Vec<String>) -> Self {
        Self { items, bodies }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Result<T, ParseError>> {
        self.items.iter()
    }

    /// Returns the item at an index, to keep it if it stays unmatched. An item of a list is kept without the
    /// others, because a body that was kept once for each of a thousand items would be megabytes.
    #[must_use]
    pub fn webhook_item<'a>(&'a self, payload: &'a str, index: usize) -> WebhookItem<'a> {
        match self.bodies.get(index) {
            Some(body) => WebhookItem::in_body(body, 0),
            None => WebhookItem::in_body(payload, index),
        }
    }

    /// Converts each readable item.
    pub(crate) fn map<U>(self, convert: impl Fn(T) -> U) -> ParsedItems<U> {
        ParsedItems { items: self.items.into_iter().map(|item| item.map(&convert)).collect(), bodies: self.bodies }
    }
}

impl<T> ParsedItems<Option<T>> {
    /// Drops the items that are `None`, which say nothing.
    pub(crate) fn some(self) -> ParsedItems<T> {
        let is_some = |item: &Result<Option<T>, ParseError>| !matches!(item, Ok(None));
        let bodies = self.bodies.into_iter().zip(&self.items).filter(|(_, item)| is_some(item));
        let bodies = bodies.map(|(body, _)| body).collect();
        ParsedItems { items: self.items.into_iter().filter_map(Result::transpose).collect(), bodies }
    }
}

impl<T> From<Vec<Result<T, ParseError>>> for ParsedItems<T> {
    fn from(items: Vec<Result<T, ParseError>>) -> Self {
        Self { items, bodies: Vec::new() }
    }
}

impl<T> IntoIterator for ParsedItems<T> {
    type Item = Result<T, ParseError>;
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.into_iter()
    }
}

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
