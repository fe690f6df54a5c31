//! [`DirectoryStore`] on DynamoDB, and the unconditional writes by which `local` loads its configuration.
//! Operators' changes are in `operator`.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde::Serialize;
use serde_dynamo::aws_sdk_dynamodb_1::{to_attribute_value, to_item};

use super::{
    Item,
    exemptions::read_exemptions,
    item::{from_attribute_value, from_item},
    keys,
    keywords::read_keywords,
    lanes::{lane_in, read_lanes},
    rates::read_rates,
    string, unavailable,
    webhooks::read_webhooks,
};
use crate::{
    domain::{
        Account, AccountId, ApiKeyHash, Carrier, CarrierName, CarrierSettings, Exemptions, KeyHolder, Keywords, Lanes,
        Rates, Routes, SenderId, SenderOwner, Webhooks,
    },
    store::{DirectoryStore, StoreError},
};

/// The table `Directory`.
#[derive(Clone)]
pub struct DynamoDirectory {
    pub(super) client: Client,
    pub(super) table: String,
}

impl DynamoDirectory {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    pub async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        self.put(keys::account(&account.id), item_of(account)?).await
    }

    /// Writes an account's API key, valid or revoked.
    pub async fn put_key(&self, key: &ApiKeyHash, account: &AccountId, revoked: bool) -> Result<(), StoreError> {
        let item = Item::from([
            (keys::ACCOUNT.to_owned(), string(account.as_str())),
            (keys::REVOKED.to_owned(), AttributeValue::Bool(revoked)),
        ]);
        self.put(keys::api_key(key), item).await
    }

    /// Assigns a sender ID to an account.
    pub async fn put_sender(&self, sender: &SenderId, account: &AccountId) -> Result<(), StoreError> {
        self.list_sender(sender, account).await?;
        let item = Item::from([(keys::ACCOUNT.to_owned(), string(account.as_str()))]);
        self.put(keys::sender(sender), item).await
    }

    /// Replaces the pool's list; senders that leave keep their own items.
    pub async fn put_pool(&self, senders: &[SenderId]) -> Result<(), StoreError> {
        for sender in senders {
            self.put(keys::sender(sender), Item::new()).await?;
        }
        self.put(keys::POOL.to_owned(), Item::from([(keys::SENDERS.to_owned(), write_pool(senders))])).await
    }

    pub async fn put_carrier(&self, name: CarrierName, settings: &CarrierSettings) -> Result<(), StoreError> {
        self.list_carrier(name).await?;
        self.put(keys::carrier(name), item_of(settings)?).await
    }

    pub async fn put_routes(&self, routes: &Routes) -> Result<(), StoreError> {
        self.put(keys::ROUTES.to_owned(), Item::from([(keys::RULES.to_owned(), write_routes(routes)?)])).await
    }

    pub(super) async fn put(&self, id: String, mut item: Item) -> Result<(), StoreError> {
        item.insert(keys::ID.to_owned(), string(id));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(|_| ()).map_err(unavailable("write the directory"))
    }

    pub(super) async fn get(&self, id: String) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key(keys::ID, string(id));
        Ok(request.send().await.map_err(unavailable("read the directory"))?.item)
    }
}

impl DirectoryStore for DynamoDirectory {
    async fn key_holder(&self, key: &ApiKeyHash) -> Result<Option<KeyHolder>, StoreError> {
        let Some(item) = self.get(keys::api_key(key)).await? else { return Ok(None) };
        if item.get(keys::REVOKED).and_then(|revoked| revoked.as_bool().ok()).copied().unwrap_or_default() {
            return Ok(None);
        }
        let lane = lane_in(&item);
        Ok(account_in(&item)?.map(|account| KeyHolder { account, lane }))
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.get(keys::account(id)).await?.map(read_account).transpose()
    }

    async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError> {
        self.get(keys::sender(sender)).await?.as_ref().map(read_owner).transpose()
    }

    async fn pool(&self) -> Result<Vec<SenderId>, StoreError> {
        self.get(keys::POOL.to_owned()).await?.as_ref().map_or_else(|| Ok(Vec::new()), read_pool)
    }

    async fn carrier(&self, name: CarrierName) -> Result<Option<Carrier>, StoreError> {
        let settings = self.get(keys::carrier(name)).await?.map(from_item).transpose().map_err(unreadable)?;
        Ok(settings.map(|settings| Carrier { name, settings }))
    }

    async fn carriers(&self) -> Result<Vec<CarrierName>, StoreError> {
        Ok(self.get(keys::CARRIERS.to_owned()).await?.as_ref().map(read_carriers).unwrap_or_default())
    }

    async fn routes(&self) -> Result<Routes, StoreError> {
        self.get(keys::ROUTES.to_owned()).await?.map_or_else(|| Ok(Routes::default()), read_routes)
    }

    async fn rates(&self) -> Result<Rates, StoreError> {
        self.get(keys::RATES.to_owned()).await?.as_ref().map_or_else(|| Ok(Rates::default()), read_rates)
    }

    async fn lanes(&self) -> Result<Lanes, StoreError> {
        self.get(keys::LANES.to_owned()).await?.as_ref().map_or_else(|| Ok(Lanes::default()), read_lanes)
    }

    async fn keywords(&self) -> Result<Keywords, StoreError> {
        Ok(self.get(keys::KEYWORDS.to_owned()).await?.as_ref().map(read_keywords).unwrap_or_default())
    }

    async fn exemptions(&self) -> Result<Exemptions, StoreError> {
        Ok(self.get(keys::EXEMPT.to_owned()).await?.as_ref().map(read_exemptions).unwrap_or_default())
    }

    async fn listed_senders(&self, account: &AccountId) -> Result<Vec<SenderId>, StoreError> {
        self.get(keys::senders(account)).await?.as_ref().map_or_else(|| Ok(Vec::new()), read_listed_senders)
    }

    async fn webhooks(&self, account: &AccountId) -> Result<Webhooks, StoreError> {
        self.get(keys::webhooks(account)).await?.map_or_else(|| Ok(Webhooks::new()), read_webhooks)
    }
}

/// Returns the listed carriers, sorted by name.
pub(super) fn read_carriers(item: &Item) -> Vec<CarrierName> {
    let mut names: Vec<_> = item.keys().filter_map(|key| keys::carrier_in(key)).collect();
    names.sort();
    names
}

fn read_listed_senders(item: &Item) -> Result<Vec<SenderId>, StoreError> {
    let listed = item.keys().filter_map(|key| key.strip_prefix(keys::SENDER));
    let mut senders = listed.map(str::parse).collect::<Result<Vec<SenderId>, _>>().map_err(unreadable)?;
    senders.sort();
    Ok(senders)
}

pub(super) fn read_routes(mut item: Item) -> Result<Routes, StoreError> {
    item.remove(keys::RULES)
        .map_or_else(|| Ok(Routes::default()), |rules| from_attribute_value(rules).map_err(unreadable))
}

pub(super) fn write_routes(routes: &Routes) -> Result<AttributeValue, StoreError> {
    to_attribute_value(routes).map_err(unreadable)
}

pub(super) fn read_account(mut item: Item) -> Result<Account, StoreError> {
    let id = item.get(keys::ID).and_then(|id| id.as_s().ok()).and_then(|id| id.strip_prefix(keys::DIRECTORY_ACCOUNT));
    let id = string(id.ok_or_else(|| unreadable("the key of an account"))?);
    item.insert(keys::ID.to_owned(), id);
    from_item(item).map_err(unreadable)
}

pub(super) fn read_owner(item: &Item) -> Result<SenderOwner, StoreError> {
    Ok(account_in(item)?.map_or(SenderOwner::Pool, SenderOwner::Account))
}

pub(super) fn read_pool(item: &Item) -> Result<Vec<SenderId>, StoreError> {
    let listed = item.get(keys::SENDERS).and_then(|senders| senders.as_l().ok());
    let senders = listed.into_iter().flatten().map(|sender| {
        let sender = sender.as_s().map_err(|_| unreadable("a pool sender is not a string"))?;
        sender.parse::<SenderId>().map_err(unreadable)
    });
    senders.collect()
}

pub(super) fn write_pool(senders: &[SenderId]) -> AttributeValue {
    AttributeValue::L(senders.iter().map(|sender| string(sender.as_str())).collect())
}

pub(super) fn account_in(item: &Item) -> Result<Option<AccountId>, StoreError> {
    let Some(account) = item.get(keys::ACCOUNT).and_then(|account| account.as_s().ok()) else { return Ok(None) };
    account.parse::<AccountId>().map(Some).map_err(unreadable)
}

pub(super) fn item_of(value: &impl Serialize) -> Result<Item, StoreError> {
    to_item(value).map_err(unreadable)
}

pub(super) fn unreadable(reason: impl ToString) -> StoreError {
    StoreError::unreadable("directory entry", reason)
}
