//! Submissions to a carrier, and their outcomes.

use std::time::Duration;

use jiff::Timestamp;
use strum::IntoStaticStr;

use crate::domain::{Channel, Content, Groupings, PhoneNumber, SenderId, SubmitReference, Text};

/// Lookup timeout: short, because the same worker may then submit the message.
pub(crate) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

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
    /// The carrier refused the message permanently.
    Rejected { reason: String },
    /// The carrier cannot take the message now. If no other carrier can, we retry after our backoff or
    /// `retry_after`, whichever is longer, but within 15 minutes.
    Busy { retry_after: Option<Duration>, reason: String },
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
