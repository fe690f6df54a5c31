//! Receipts: the network's reports on a message.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::{ExecutionId, ReceiptDetails};

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
    /// When the status was reached, or else when the receipt arrived.
    pub at: Timestamp,
    /// The carrier's own code.
    pub code: Option<String>,
    pub description: Option<String>,
    /// Only details that an earlier receipt for the channel did not give.
    pub details: ReceiptDetails,
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

    /// Returns the details in the receipts for a channel. If several receipts have a detail, the receipt with the most
    /// advanced status counts.
    #[must_use]
    pub fn details(&self, channel_index: u8) -> ReceiptDetails {
        let of_channel = self.0.iter().filter(|receipt| receipt.channel_index == channel_index);
        let mut of_channel: Vec<_> = of_channel.map(|receipt| (receipt.status, &receipt.details)).collect();
        of_channel.sort_by_key(|(status, _)| *status);
        of_channel.into_iter().rev().fold(ReceiptDetails::default(), |found, (_, details)| found.or(details))
    }

    /// Returns whether a receipt reports the final result.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.0.iter().any(|receipt| receipt.status != ReceiptStatus::Sent)
    }
}
