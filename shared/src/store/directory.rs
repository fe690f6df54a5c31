//! The directory, remembered for half a minute.
//!
//! Accounts, keys and senders change by an operator's hand, and every message
//! asks for them: a warm function reads each at most twice a minute. So a
//! revoked key works for up to [`KEPT`] longer.

use jiff::SignedDuration;

use super::{DirectoryStore, DynamoDirectory, StoreError, remembered::Remembered};
use crate::{
    carriers::{CarrierName, CarrierSettings},
    domain::{
        Account, AccountId, ApiKeyHash, EndpointHealth, EndpointId, Exemptions, Keywords, Rates, Routes, SenderId,
        SenderOwner,
    },
    runtime::Clock,
};

/// How long an answer is remembered.
pub const KEPT: SignedDuration = SignedDuration::from_secs(30);

/// A directory that remembers what it read.
pub struct Directory<D = DynamoDirectory> {
    pub(super) store: D,
    pub(super) clock: Clock,
    keys: Remembered<ApiKeyHash, Option<AccountId>>,
    accounts: Remembered<AccountId, Option<Account>>,
    owners: Remembered<SenderId, Option<SenderOwner>>,
    pool: Remembered<(), Vec<SenderId>>,
    carriers: Remembered<CarrierName, Option<CarrierSettings>>,
    routes: Remembered<(), Routes>,
    rates: Remembered<(), Rates>,
    keywords: Remembered<(), Keywords>,
    exemptions: Remembered<(), Exemptions>,
    pub(super) all_health: Remembered<EndpointId, Option<EndpointHealth>>,
}

impl<D: DirectoryStore> Directory<D> {
    #[must_use]
    pub fn new(store: D, clock: Clock) -> Self {
        Self {
            store,
            clock,
            keys: Remembered::for_up_to(KEPT),
            accounts: Remembered::for_up_to(KEPT),
            owners: Remembered::for_up_to(KEPT),
            pool: Remembered::for_up_to(KEPT),
            carriers: Remembered::for_up_to(KEPT),
            routes: Remembered::for_up_to(KEPT),
            rates: Remembered::for_up_to(KEPT),
            keywords: Remembered::for_up_to(KEPT),
            exemptions: Remembered::for_up_to(KEPT),
            all_health: Remembered::for_up_to(KEPT),
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

    /// Which carriers messages may go through.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn routes(&self) -> Result<Routes, StoreError> {
        self.routes.get(self.clock.now(), &(), || self.store.routes()).await
    }

    /// Which senders carry only so much.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn rates(&self) -> Result<Rates, StoreError> {
        self.rates.get(self.clock.now(), &(), || self.store.rates()).await
    }

    /// Which words are keywords beside the built-in ones.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn keywords(&self) -> Result<Keywords, StoreError> {
        self.keywords.get(self.clock.now(), &(), || self.store.keywords()).await
    }

    /// Which senders opt-outs do not block.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn exemptions(&self) -> Result<Exemptions, StoreError> {
        self.exemptions.get(self.clock.now(), &(), || self.store.exemptions()).await
    }
}
