//! Unmatched receipts and replies. They are stored beside the messages and scheduled like them.

use super::{Bookmark, StoreError};
use crate::domain::{Unmatched, UnmatchedId};

pub trait UnmatchedStore {
    /// Keeps an unmatched item. The same write schedules its first retry, if it has one, because a crash must
    /// not separate the two. Returns whether the item is new.
    async fn keep_unmatched(&self, unmatched: &Unmatched) -> Result<bool, StoreError>;

    /// Returns an unmatched item with a consistent read.
    async fn unmatched(&self, id: UnmatchedId) -> Result<Option<Unmatched>, StoreError>;

    /// Records a retry without a match, unless another execution has recorded it.
    async fn reschedule_unmatched(&self, unmatched: &Unmatched) -> Result<(), StoreError>;

    /// Deletes a matched item.
    async fn delete_unmatched(&self, id: UnmatchedId) -> Result<(), StoreError>;

    /// Scans the table for unmatched items. Returns a page and the bookmark for the next.
    async fn list_unmatched(&self, after: Option<Bookmark>) -> Result<(Vec<Unmatched>, Option<Bookmark>), StoreError>;
}
