//! Submissions to a carrier, and their outcomes.

use std::time::Duration;

use jiff::Timestamp;
use strum::IntoStaticStr;

use crate::{
    domain::{Channel, Content, Groupings, LONGEST_WORDS, PhoneNumber, SenderId, SubmitReference, Text},
    redact::{clean, quotes, without_controls, without_numbers},
};

/// Lookup timeout: short, because the same worker may then submit the message.
pub(crate) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// Limit on a carrier's ID of a message, in bytes.
const LONGEST_ID: usize = 100;

/// A message for a carrier.
pub struct Submission<'a> {
    /// Our reference. The carrier returns it in receipts.
    pub reference: SubmitReference,
    pub to: &'a PhoneNumber,
    pub from: &'a SenderId,
    /// Shown if `content` is `None`, as it always is for SMS.
    pub text: &'a Text,
    pub channel: Channel,
    /// Shown in place of the text. Present only if the channel can show all of it.
    pub content: Option<&'a Content>,
    /// When the message's validity ends.
    pub expires_at: Option<Timestamp>,
    /// For the carrier's statistics.
    pub groupings: &'a Groupings,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// `carrier_id` is the carrier's own ID for the message.
    Accepted { carrier_id: Option<String> },
    /// The carrier rejected the message permanently.
    Rejected { reason: String },
    /// The carrier rejected the message, because the recipient has opted out of its sender.
    OptedOut { reason: String },
    /// The carrier cannot take the message now. If no other carrier can, we retry after our backoff or
    /// `retry_after`, whichever is longer, but within 15 minutes.
    Busy { retry_after: Option<Duration>, reason: String },
    /// The request was refused in an answer that the vendor's page does not describe: a firewall does not let the
    /// message pass, or the carrier does not know us. The carrier does not have the message.
    Refused { reason: String },
    /// The carrier did not answer, and may have the message.
    Unknown { reason: String },
}

/// A carrier's answer to a lookup of an unknown outcome.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum LookupOutcome {
    /// The carrier has the message.
    Found { carrier_id: Option<String> },
    /// The carrier never received the message.
    NotFound,
    /// The carrier has no lookup, or the lookup failed.
    Unknown,
}

impl Outcome {
    /// Returns `Accepted` with the carrier's ID, unless we cannot use it (`usable_id`).
    pub(crate) fn accepted(carrier_id: Option<String>) -> Self {
        Self::Accepted { carrier_id: usable_id(carrier_id) }
    }

    /// Returns `Rejected` with the carrier's code and words, shortened and without control characters and phone
    /// numbers.
    pub(crate) fn rejected(code: &str, words: &str) -> Self {
        let [code, words] = [code, words].map(|part| without_numbers(&without_controls(part)));
        // The code's digits and those of the words may look like a number together.
        Self::Rejected { reason: clean(&format!("{code}: {words}"), LONGEST_WORDS) }
    }

    /// Returns the outcome without the carrier's words if they quote a secret, such as a key in the submit's URL.
    #[must_use]
    pub(crate) fn without_secret(self, secret: &str) -> Self {
        let without = |reason: String| {
            if !quotes(&reason, secret) {
                return reason;
            }
            let code = reason.split(": ").next().filter(|code| !quotes(code, secret));
            format!("{}: …", code.unwrap_or("…"))
        };
        match self {
            Self::Rejected { reason } => Self::Rejected { reason: without(reason) },
            Self::OptedOut { reason } => Self::OptedOut { reason: without(reason) },
            other => other,
        }
    }

    pub(crate) fn busy(reason: impl Into<String>) -> Self {
        Self::Busy { retry_after: None, reason: reason.into() }
    }

    pub(crate) fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown { reason: reason.into() }
    }
}

impl LookupOutcome {
    /// Returns `Found` with the carrier's ID, unless we cannot use it (`usable_id`).
    pub(crate) fn found(carrier_id: Option<String>) -> Self {
        Self::Found { carrier_id: usable_id(carrier_id) }
    }
}

/// Returns the ID without control characters, or `None` if it is longer than 100 bytes or nothing is left.
fn usable_id(id: Option<String>) -> Option<String> {
    let id = id.filter(|id| id.len() <= LONGEST_ID).map(|id| without_controls(&id).trim().to_owned());
    id.filter(|id| !id.is_empty())
}
