//! Carriers' own IDs for our submits, stored only for carriers whose receipts lack our submit reference.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{CarrierName, SubmitReference};

/// A carrier's ID, as the carrier wrote it, and its submits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentId {
    pub id: String,
    /// Several if the carrier reused the ID.
    pub submits: Vec<SubmitReference>,
}

pub trait SentIds {
    /// Records a submit's ID under the canonical spelling. Costs a single write, unless the stored item has
    /// expired.
    async fn record_sent_id(
        &self,
        carrier: CarrierName,
        spelling: &str,
        id: &str,
        submit: SubmitReference,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Returns the unexpired IDs with a canonical spelling, with a consistent read.
    async fn sent(&self, carrier: CarrierName, spelling: &str, now: Timestamp) -> Result<Vec<SentId>, StoreError>;
}
