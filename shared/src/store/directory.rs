//! The directory, remembered for half a minute.
//!
//! Accounts, keys and senders change by an operator's hand, and every message
//! asks for them: a warm function reads each at most twice a minute. So a
//! revoked key works for up to [`DIRECTORY_TTL`] longer.

use jiff::SignedDuration;

use super::{DirectoryStore, DynamoDirectory, StoreError, ttl_cache::TtlCache};
use crate::{
    domain::{
        Account, AccountId, ApiKeyHash, CarrierName, CarrierSettings, EndpointHealth, EndpointId, Exemptions, Keywords,
        Rates, Routes, SenderId, SenderOwner,
    },
    runtime::Clock,
};

/// How long an answer is remembered.
pub const DIRECTORY_TTL: SignedDuration = SignedDuration::from_secs(30);

/// A directory that remembers what it read.
pub struct Directory {
    pub(super) store: DynamoDirectory,
    pub(super) clock: Clock,
    keys: TtlCache<ApiKeyHash, Option<AccountId>>,
    accounts: TtlCache<AccountId, Option<Account>>,
    owners: TtlCache<SenderId, Option<SenderOwner>>,
    pool: TtlCache<(), Vec<SenderId>>,
    carriers: TtlCache<CarrierName, Option<CarrierSettings>>,
    routes: TtlCache<(), Routes>,
    rates: TtlCache<(), Rates>,
    keywords: TtlCache<(), Keywords>,
    exemptions: TtlCache<(), Exemptions>,
    pub(super) endpoint_health: TtlCache<EndpointId, Option<EndpointHealth>>,
}

impl Directory {
    #[must_use]
    pub fn new(store: DynamoDirectory, clock: Clock) -> Self {
        Self {
            store,
            clock,
            keys: TtlCache::new(DIRECTORY_TTL),
            accounts: TtlCache::new(DIRECTORY_TTL),
            owners: TtlCache::new(DIRECTORY_TTL),
            pool: TtlCache::new(DIRECTORY_TTL),
            carriers: TtlCache::new(DIRECTORY_TTL),
            routes: TtlCache::new(DIRECTORY_TTL),
            rates: TtlCache::new(DIRECTORY_TTL),
            keywords: TtlCache::new(DIRECTORY_TTL),
            exemptions: TtlCache::new(DIRECTORY_TTL),
            endpoint_health: TtlCache::new(DIRECTORY_TTL),
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
