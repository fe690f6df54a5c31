//! The directory with a cache of 30 seconds.
//!
//! Every message needs accounts, keys and senders, but only operators change them. A warm function re-reads
//! an entry only after [`DIRECTORY_TTL`], so a revoked key may work for that much longer.

use jiff::SignedDuration;

use super::{DirectoryStore, DynamoDirectory, StoreError, ttl_cache::TtlCache};
use crate::{
    domain::{
        Account, AccountId, ApiKeyHash, Carrier, CarrierName, EndpointHealth, EndpointId, Exemptions, KeyHolder,
        Keywords, Lanes, Rates, Routes, SenderId, SenderOwner, Webhooks,
    },
    runtime::Clock,
};

/// How long an entry is cached.
pub const DIRECTORY_TTL: SignedDuration = SignedDuration::from_secs(30);

/// Cached reads of the directory; [`DirectoryStore`] describes them.
pub struct Directory {
    pub(super) store: DynamoDirectory,
    pub(super) clock: Clock,
    keys: TtlCache<ApiKeyHash, Option<KeyHolder>>,
    accounts: TtlCache<AccountId, Option<Account>>,
    owners: TtlCache<SenderId, Option<SenderOwner>>,
    pool: TtlCache<(), Vec<SenderId>>,
    carriers: TtlCache<CarrierName, Option<Carrier>>,
    carrier_names: TtlCache<(), Vec<CarrierName>>,
    routes: TtlCache<(), Routes>,
    rates: TtlCache<(), Rates>,
    lanes: TtlCache<(), Lanes>,
    keywords: TtlCache<(), Keywords>,
    exemptions: TtlCache<(), Exemptions>,
    listed_senders: TtlCache<AccountId, Vec<SenderId>>,
    webhooks: TtlCache<AccountId, Webhooks>,
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
            carrier_names: TtlCache::new(DIRECTORY_TTL),
            routes: TtlCache::new(DIRECTORY_TTL),
            rates: TtlCache::new(DIRECTORY_TTL),
            lanes: TtlCache::new(DIRECTORY_TTL),
            keywords: TtlCache::new(DIRECTORY_TTL),
            exemptions: TtlCache::new(DIRECTORY_TTL),
            listed_senders: TtlCache::new(DIRECTORY_TTL),
            webhooks: TtlCache::new(DIRECTORY_TTL),
            endpoint_health: TtlCache::new(DIRECTORY_TTL),
        }
    }

    pub async fn key_holder(&self, key: &ApiKeyHash) -> Result<Option<KeyHolder>, StoreError> {
        self.keys.get(self.clock.now(), key, || self.store.key_holder(key)).await
    }

    pub async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.accounts.get(self.clock.now(), id, || self.store.account(id)).await
    }

    /// Returns the account with a consistent read.
    pub async fn latest_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let found = self.store.latest_account(id).await?;
        self.accounts.put(self.clock.now(), id, found.clone());
        Ok(found)
    }

    pub async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError> {
        self.owners.get(self.clock.now(), sender, || self.store.owner(sender)).await
    }

    pub async fn pool(&self) -> Result<Vec<SenderId>, StoreError> {
        self.pool.get(self.clock.now(), &(), || self.store.pool()).await
    }

    pub async fn carrier(&self, name: CarrierName) -> Result<Option<Carrier>, StoreError> {
        self.carriers.get(self.clock.now(), &name, || self.store.carrier(name)).await
    }

    pub async fn carriers(&self) -> Result<Vec<CarrierName>, StoreError> {
        self.carrier_names.get(self.clock.now(), &(), || self.store.carriers()).await
    }

    pub async fn routes(&self) -> Result<Routes, StoreError> {
        self.routes.get(self.clock.now(), &(), || self.store.routes()).await
    }

    pub async fn rates(&self) -> Result<Rates, StoreError> {
        self.rates.get(self.clock.now(), &(), || self.store.rates()).await
    }

    pub async fn lanes(&self) -> Result<Lanes, StoreError> {
        self.lanes.get(self.clock.now(), &(), || self.store.lanes()).await
    }

    pub async fn keywords(&self) -> Result<Keywords, StoreError> {
        self.keywords.get(self.clock.now(), &(), || self.store.keywords()).await
    }

    pub async fn exemptions(&self) -> Result<Exemptions, StoreError> {
        self.exemptions.get(self.clock.now(), &(), || self.store.exemptions()).await
    }

    pub async fn webhooks(&self, account: &AccountId) -> Result<Webhooks, StoreError> {
        self.webhooks.get(self.clock.now(), account, || self.store.webhooks(account)).await
    }

    /// Returns the senders that the account owns, sorted.
    pub async fn senders(&self, account: &AccountId) -> Result<Vec<SenderId>, StoreError> {
        let listed = self.listed_senders.get(self.clock.now(), account, || self.store.listed_senders(account)).await?;
        let owner = SenderOwner::Account(account.clone());
        let mut owned = Vec::new();
        for sender in listed {
            if self.owner(&sender).await?.as_ref() == Some(&owner) {
                owned.push(sender);
            }
        }
        Ok(owned)
    }
}
