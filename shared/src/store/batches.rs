//! Batches. Their messages are stored as any other.

use jiff::Timestamp;

use super::StoreError;
use crate::domain::{AccountId, Batch, BatchId};

/// The result of inserting a batch.
#[derive(Debug)]
pub enum BatchInsertion {
    New,
    /// This batch of the account had the ID.
    Existing(Box<Batch>),
}

pub trait Batches {
    /// Inserts a batch unless the account has one with its ID. A scheduled batch is pending until its send time.
    async fn insert_batch(&self, batch: &Batch) -> Result<BatchInsertion, StoreError>;

    /// Returns a batch, with a consistent read.
    async fn batch(&self, account: &AccountId, id: BatchId) -> Result<Option<Batch>, StoreError>;

    /// Returns up to `limit` of the account's batches that are pending after `now`, the next first: either the numbered
    /// requests or all others. Eventually consistent.
    async fn pending_batches(
        &self,
        account: &AccountId,
        are_numbered: bool,
        now: Timestamp,
        limit: u16,
    ) -> Result<Vec<Batch>, StoreError>;

    /// Records that a client cancels the batch, unless that is recorded already. Returns `None` if the account has no
    /// such batch.
    async fn begin_cancel_batch(
        &self,
        account: &AccountId,
        id: BatchId,
        at: Timestamp,
    ) -> Result<Option<Batch>, StoreError>;

    /// Makes a batch no longer pending.
    async fn end_batch(&self, account: &AccountId, id: BatchId) -> Result<(), StoreError>;
}
