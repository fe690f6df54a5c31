//! Receipts: what the network says became of a message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::ExecutionId;

/// What a receipt says, in the order of advance.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum ReceiptStatus {
    /// The carrier passed it on; nothing is final yet.
    Sent,
    Undelivered,
    Expired,
    Rejected,
    Delivered,
    Read,
}

impl ReceiptStatus {
    /// Whether it says that the message has not arrived and will not.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Expired | Self::Rejected)
    }
}

/// A receipt on record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub status: ReceiptStatus,
    /// When it reached the gateway.
    pub at: Timestamp,
    /// The carrier's own code and words, for people.
    pub code: Option<String>,
    pub description: Option<String>,
    /// The place of the channel that it is about.
    pub channel_index: u8,
    /// The run that recorded it.
    pub execution_id: ExecutionId,
}

/// The receipts of one message: of each status the first that came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipts(Vec<Receipt>);

impl Receipts {
    #[must_use]
    pub fn new(receipts: Vec<Receipt>) -> Self {
        Self(receipts)
    }

    #[must_use]
    pub fn get(&self, status: ReceiptStatus) -> Option<&Receipt> {
        self.0.iter().find(|receipt| receipt.status == status)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Receipt> {
        self.0.iter()
    }

    /// Whether the network has said what became of the message in the end.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.0.iter().any(|receipt| receipt.status != ReceiptStatus::Sent)
    }
}
