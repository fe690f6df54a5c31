//! A message as it is submitted to a carrier, and what came of that.

use std::time::Duration;

use jiff::Timestamp;
use strum::IntoStaticStr;

use crate::domain::{Channel, Content, Groupings, PhoneNumber, SenderId, SubmitReference, Text};

/// How long a carrier has to say what became of a submit: a submit may follow.
pub(crate) const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// One message as it is handed to a carrier.
pub struct Submission<'a> {
    /// Our name for it; the carrier brings it back with its receipts.
    pub reference: SubmitReference,
    pub to: &'a PhoneNumber,
    pub from: &'a SenderId,
    /// What SMS shows, and what every channel shows that shows no content.
    pub text: &'a Text,
    pub channel: Channel,
    /// What the channel shows in place of the text; there only if it can show it.
    pub content: Option<&'a Content>,
    /// When it is no longer worth delivering.
    pub expires_at: Option<Timestamp>,
    /// The client's own, for the carrier's statistics.
    pub groupings: &'a Groupings,
}

/// What became of handing a message over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Taken; `carrier_id` is the carrier's name for it.
    Accepted { carrier_id: Option<String> },
    /// Refused for good.
    Rejected { reason: String },
    /// Not taken now; may be tried again, after `retry_after` or a quarter of an
    /// hour, whichever is sooner.
    Busy { retry_after: Option<Duration>, reason: String },
    /// The request may have arrived and no answer came.
    Unknown { reason: String },
}

/// A carrier's answer to a lookup of a submit whose outcome is unknown.
#[derive(Clone, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum LookupOutcome {
    /// The carrier has the message, under `carrier_id`.
    Found { carrier_id: Option<String> },
    /// The carrier never accepted it.
    NotFound,
    /// The carrier has no lookup, or did not answer it.
    Unknown,
}
