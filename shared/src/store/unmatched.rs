//! What belongs to nothing known: it lies beside the messages, and what is to be
//! tried again is woken like them.

use super::{Bookmark, StoreError};
use crate::domain::{Unmatched, UnmatchedId};

pub trait UnmatchedStore {
    /// Keeps it unless it lies there already, and says whether it did not. What is to
    /// be tried again is woken then: both are one write, between which nothing fails.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn keep_unmatched(&self, unmatched: &Unmatched) -> Result<bool, StoreError>;

    /// The read sees every earlier write.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn unmatched(&self, id: UnmatchedId) -> Result<Option<Unmatched>, StoreError>;

    /// Notes a try in vain, unless another run has noted one meanwhile.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn reschedule_unmatched(&self, unmatched: &Unmatched) -> Result<(), StoreError>;

    /// Takes away what was matched.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn delete_unmatched(&self, id: UnmatchedId) -> Result<(), StoreError>;

    /// Lists unmatched items, by reading the whole table a page at a time: some of it,
    /// and after which to go on.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn list_unmatched(&self, after: Option<Bookmark>) -> Result<(Vec<Unmatched>, Option<Bookmark>), StoreError>;
}
