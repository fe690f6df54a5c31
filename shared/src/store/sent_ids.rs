//! Carriers' own ids of what they took: kept only for carriers whose receipts do not
//! bear our name for the submit.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{CarrierName, SubmitReference};

/// A carrier's id, as it gave it, and the submits that it gave it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentId {
    pub id: String,
    /// More than one where a carrier uses an id anew.
    pub submits: Vec<SubmitReference>,
}

pub trait SentIds {
    /// Keeps an id that a carrier gave, under the spelling that it is found by; in one
    /// write, whatever else lies there.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn record_sent_id(
        &self,
        carrier: CarrierName,
        spelling: &str,
        id: &str,
        submit: SubmitReference,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// The ids that lie under one spelling. The read sees every earlier write.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn sent(&self, carrier: CarrierName, spelling: &str, now: Timestamp) -> Result<Vec<SentId>, StoreError>;
}
