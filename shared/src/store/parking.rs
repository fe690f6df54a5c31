//! What belongs to nothing known: it lies beside the messages, and what is to be
//! tried again is woken like them.

use super::{Bookmark, StoreError};
use crate::domain::{Parked, ParkedId};

pub trait Parking {
    /// Keeps it unless it lies there already, and says whether it did not. What is to
    /// be tried again is woken then: both are one write, between which nothing fails.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn park(&self, parked: &Parked) -> Result<bool, StoreError>;

    /// The read sees every earlier write.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn parked(&self, id: ParkedId) -> Result<Option<Parked>, StoreError>;

    /// Notes a try in vain, unless another run has noted one meanwhile.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn park_again(&self, tried: &Parked) -> Result<(), StoreError>;

    /// Takes away what was matched.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn unpark(&self, id: ParkedId) -> Result<(), StoreError>;

    /// All that is parked, by reading the whole table a page at a time: some of it,
    /// and after which to go on.
    ///
    /// # Errors
    /// When the store did not answer.
    async fn all_parked(&self, after: Option<Bookmark>) -> Result<(Vec<Parked>, Option<Bookmark>), StoreError>;
}
