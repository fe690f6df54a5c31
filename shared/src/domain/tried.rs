//! What was tried with a message before what is tried now: a channel or a
//! carrier that gave way to the next, or a submit without an answer that was made again.

use jiff::Timestamp;

use super::Channel;
use crate::carriers::CarrierName;

/// A submit that did not bring the message through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub channel: Channel,
    /// None where the worker that chose it stopped before it wrote that down.
    pub carrier: Option<CarrierName>,
    pub at: Timestamp,
    pub ended: Ended,
    /// For people: why, in the carrier's words or ours.
    pub reason: Option<String>,
}

impl Tried {
    /// For people.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self { channel, carrier, ended, .. } = self;
        let end = match ended {
            Ended::Rejected => "was rejected",
            Ended::Busy => "was busy",
            Ended::Failed => "failed",
            Ended::Silent => "brought no receipt in time",
            Ended::Unknown => "had an unknown outcome",
            Ended::NotTaken => "was not taken",
        };
        let reason = self.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let by = carrier.map(|carrier| format!(" by {carrier}")).unwrap_or_default();
        format!("{}{by} {end}{reason}", channel.as_str())
    }
}

/// Why a submit gave way, or was made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The carrier refused the message.
    Rejected,
    /// The carrier was down or busy, or is rested, and another one could be asked.
    Busy,
    /// The carrier took it, and a receipt says that it did not arrive.
    Failed,
    /// The carrier took it, or may have, and no receipt came in time.
    Silent,
    /// The carrier gave no answer and may have taken it, and it was sent again.
    Unknown,
    /// The carrier gave no answer, says that it never took it, and it was sent again.
    NotTaken,
}

impl Ended {
    pub const ALL: [Self; 6] = [Self::Rejected, Self::Busy, Self::Failed, Self::Silent, Self::Unknown, Self::NotTaken];

    /// The name in records and in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Failed => "failed",
            Self::Silent => "silent",
            Self::Unknown => "unknown",
            Self::NotTaken => "not_taken",
        }
    }

    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ended| ended.as_str() == text)
    }

    /// Whether the message may have been on its way to a handset.
    #[must_use]
    pub fn was_handed_over(self) -> bool {
        matches!(self, Self::Failed | Self::Silent | Self::Unknown)
    }
}
