//! What was tried with a message before what is tried now: a channel or a
//! candidate that failed over to the next, or a submit without an answer that was resent.

use jiff::Timestamp;
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::{CarrierName, Channel};

/// A submit that did not bring the message through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    pub channel: Channel,
    /// None where the worker that chose it stopped before it wrote that down.
    pub carrier: Option<CarrierName>,
    pub at: Timestamp,
    pub outcome: AttemptOutcome,
    /// For people: why, in the carrier's words or ours.
    pub reason: Option<String>,
}

impl Attempt {
    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { channel, carrier, outcome, .. } = self;
        let end = match outcome {
            AttemptOutcome::Rejected => "was rejected",
            AttemptOutcome::Busy => "was busy",
            AttemptOutcome::Failed => "failed",
            AttemptOutcome::ReceiptTimeout => "got no receipt in time",
            AttemptOutcome::Unknown => "had an unknown outcome",
            AttemptOutcome::NotAccepted => "was not taken",
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let by = carrier.map(|carrier| format!(" by {carrier}")).unwrap_or_default();
        format!("{}{by} {end}{reason}", channel.into_str())
    }
}

/// Why a submit failed over, or was resent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum AttemptOutcome {
    /// The carrier refused the message.
    Rejected,
    /// The carrier was down or busy, or its circuit breaker is open, and another one could be asked.
    Busy,
    /// The carrier took it, and a receipt says that it did not arrive.
    Failed,
    /// The carrier took it, or may have, and no receipt came in time.
    ReceiptTimeout,
    /// The carrier gave no answer and may have taken it, and it was sent again.
    Unknown,
    /// The carrier gave no answer, says that it never took it, and it was sent again.
    NotAccepted,
}

impl AttemptOutcome {
    /// Whether the message may have been on its way to a handset.
    #[must_use]
    pub fn was_submitted(self) -> bool {
        matches!(self, Self::Failed | Self::ReceiptTimeout | Self::Unknown)
    }
}
