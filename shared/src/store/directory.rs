//! The directory, remembered for half a minute.
//!
//! Accounts, keys and senders change by an operator's hand, and every message
//! asks for them: a warm function reads each at most twice a minute. So a
//! revoked key works for up to [`KEPT`] longer.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::{DirectoryStore, DynamoDirectory, StoreError};
use crate::{
    carriers::{CarrierName, CarrierSettings},
    domain::{Account, AccountId, ApiKeyHash, SenderId, SenderOwner},
    runtime::Clock,
};

/// How long an answer is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_secs(30);
/// The most answers of a kind that are remembered, so that a flood of unknown
/// keys or senders does not fill the memory.
const MOST: usize = 10_000;

/// A directory that remembers what it read.
pub struct Directory<D = DynamoDirectory> {
    store: D,
    clock: Clock,
    keys: Remembered<ApiKeyHash, Option<AccountId>>,
    accounts: Remembered<AccountId, Option<Account>>,
    owners: Remembered<SenderId, Option<SenderOwner>>,
    pool: Remembered<(), Vec<SenderId>>,
    carriers: Remembered<CarrierName, Option<CarrierSettings>>,
}

impl<D: DirectoryStore> Directory<D> {
    #[must_use]
    pub fn new(store: D, clock: Clock) -> Self {
        Self {
            store,
            clock,
            keys: Remembered::default(),
            accounts: Remembered::default(),
            owners: Remembered::default(),
            pool: Remembered::default(),
            carriers: Remembered::default(),
        }
    }

    /// Whose key it is; none for an unknown or revoked one.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn account_of_key(&self, key: &ApiKeyHash) -> Result<Option<AccountId>, StoreError> {
        self.keys.get(self.clock.now(), key, || self.store.account_of_key(key)).await
    }

    /// # Errors
    /// When the store did not answer.
    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.accounts.get(self.clock.now(), id, || self.store.account(id)).await
    }

    /// # Errors
    /// When the store did not answer.
    pub async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError> {
        self.owners.get(self.clock.now(), sender, || self.store.owner(sender)).await
    }

    /// Every shared sender ID.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn pool(&self) -> Result<Vec<SenderId>, StoreError> {
        self.pool.get(self.clock.now(), &(), || self.store.pool()).await
    }

    /// # Errors
    /// When the store did not answer.
    pub async fn carrier(&self, name: CarrierName) -> Result<Option<CarrierSettings>, StoreError> {
        self.carriers.get(self.clock.now(), &name, || self.store.carrier(name)).await
    }
}

struct Remembered<K, V>(Mutex<HashMap<K, (Timestamp, V)>>);

impl<K, V> Default for Remembered<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash, V: Clone> Remembered<K, V> {
    async fn get<F>(&self, now: Timestamp, key: &K, read: impl FnOnce() -> F) -> Result<V, StoreError>
    where
        F: Future<Output = Result<V, StoreError>>,
    {
        if let Some((read_at, value)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key)
            && now.duration_since(*read_at) < KEPT
        {
            return Ok(value.clone());
        }
        let value = read().await?;
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.len() >= MOST {
            remembered.clear();
        }
        remembered.insert(key.clone(), (now, value.clone()));
        Ok(value)
    }
}
