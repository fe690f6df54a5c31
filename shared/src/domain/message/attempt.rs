//! Failed attempts.

use jiff::Timestamp;
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::{CarrierName, Channel, ReceiptDetails};

/// An earlier attempt, after which we tried another carrier or channel, or resent the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub channel: Channel,
    /// `None` if the worker died before it recorded the carrier.
    pub carrier: Option<CarrierName>,
    pub at: Timestamp,
    pub outcome: AttemptOutcome,
    /// Why the attempt failed, in the carrier's words or ours.
    pub reason: Option<String>,
    /// With [`AttemptOutcome::Failed`]: the details in the receipt.
    pub details: ReceiptDetails,
}

impl Attempt {
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { channel, carrier, outcome, .. } = self;
        let end = match outcome {
            AttemptOutcome::Rejected => "was rejected",
            AttemptOutcome::Busy => "was busy",
            AttemptOutcome::Failed => "failed",
            AttemptOutcome::ReceiptTimeout => "got no receipt in time",
            AttemptOutcome::Unknown => "had an unknown outcome",
            AttemptOutcome::NotAccepted => "was not accepted",
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let by = carrier.map(|carrier| format!(" by {carrier}")).unwrap_or_default();
        format!("{}{by} {end}{reason}", channel.into_str())
    }
}

/// Why an attempt was not the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AttemptOutcome {
    /// The carrier refused the message.
    Rejected,
    /// The carrier was down, busy, not set up, or behind an open circuit breaker, so we tried the next
    /// candidate.
    Busy,
    /// The carrier accepted the message, but a receipt reported failure.
    Failed,
    /// The carrier accepted the message, or may have, and no receipt came in time.
    ReceiptTimeout,
    /// The carrier did not answer and may have the message. We resent it.
    Unknown,
    /// The carrier did not answer, then denied the message in a lookup. We resent it.
    NotAccepted,
}

impl AttemptOutcome {
    /// Returns whether the carrier accepted the message, or may have.
    #[must_use]
    pub fn was_submitted(self) -> bool {
        matches!(self, Self::Failed | Self::ReceiptTimeout | Self::Unknown)
    }
}
