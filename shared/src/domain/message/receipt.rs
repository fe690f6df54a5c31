//! Receipts: the network's reports on a message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::ExecutionId;

/// The reported status, from least to most advanced.
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
    /// The carrier passed the message on. Not final.
    Sent,
    Undelivered,
    Expired,
    Rejected,
    Delivered,
    Read,
}

impl ReceiptStatus {
    /// Returns whether the message will not arrive.
    #[must_use]
    pub fn is_failure(self) -> bool {
        matches!(self, Self::Undelivered | Self::Expired | Self::Rejected)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    pub status: ReceiptStatus,
    /// When we recorded the receipt. An unmatched receipt arrived earlier.
    pub at: Timestamp,
    /// The carrier's own code.
    pub code: Option<String>,
    pub description: Option<String>,
    /// The channel of the submit that this receipt is about.
    pub channel_index: u8,
    pub execution_id: ExecutionId,
}

/// A message's receipts: for each status, only the first.
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

    /// Returns whether a receipt reports the final result.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.0.iter().any(|receipt| receipt.status != ReceiptStatus::Sent)
    }
}
