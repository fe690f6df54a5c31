//! [`DirectoryStore`] on DynamoDB, and what an operator's tools write there.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use serde::{Serialize, de::DeserializeOwned};
use serde_dynamo::aws_sdk_dynamodb_1::{from_item, to_item};

use super::{Item, keys, string, unavailable};
use crate::{
    carriers::{CarrierName, CarrierSettings},
    domain::{Account, AccountId, ApiKeyHash, SenderId, SenderOwner},
    store::{DirectoryStore, StoreError},
};

const REVOKED: &str = "revoked";
const SENDERS: &str = "senders";

/// The table `Directory`.
#[derive(Clone)]
pub struct DynamoDirectory {
    client: Client,
    table: String,
}

impl DynamoDirectory {
    #[must_use]
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// # Errors
    /// When the store did not answer.
    pub async fn put_account(&self, account: &Account) -> Result<(), StoreError> {
        self.put(format!("{}{}", keys::DIRECTORY_ACCOUNT, account.id), item_of(account)?).await
    }

    /// Makes the key one of the account's, or a revoked one.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn put_key(&self, key: &ApiKeyHash, account: &AccountId, revoked: bool) -> Result<(), StoreError> {
        let item = Item::from([
            (keys::ACCOUNT.to_owned(), string(account.as_str())),
            (REVOKED.to_owned(), AttributeValue::Bool(revoked)),
        ]);
        self.put(format!("{}{}", keys::API_KEY, key.as_str()), item).await
    }

    /// Gives a sender ID to an account.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn put_sender(&self, sender: &SenderId, account: &AccountId) -> Result<(), StoreError> {
        let item = Item::from([(keys::ACCOUNT.to_owned(), string(account.as_str()))]);
        self.put(format!("{}{sender}", keys::SENDER), item).await
    }

    /// Makes these the shared sender IDs.
    ///
    /// # Errors
    /// When the store did not answer.
    pub async fn put_pool(&self, senders: &[SenderId]) -> Result<(), StoreError> {
        for sender in senders {
            self.put(format!("{}{sender}", keys::SENDER), Item::new()).await?;
        }
        let listed = senders.iter().map(|sender| string(sender.as_str())).collect();
        self.put(keys::POOL.to_owned(), Item::from([(SENDERS.to_owned(), AttributeValue::L(listed))])).await
    }

    /// # Errors
    /// When the store did not answer.
    pub async fn put_carrier(&self, name: CarrierName, settings: &CarrierSettings) -> Result<(), StoreError> {
        self.put(format!("{}{name}", keys::CARRIER_ITEM), item_of(settings)?).await
    }

    async fn put(&self, id: String, mut item: Item) -> Result<(), StoreError> {
        item.insert(keys::ID.to_owned(), string(id));
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        request.send().await.map(|_| ()).map_err(unavailable("write the directory"))
    }

    async fn get(&self, id: String) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key(keys::ID, string(id));
        Ok(request.send().await.map_err(unavailable("read the directory"))?.item)
    }

    async fn get_as<T: DeserializeOwned>(&self, id: String) -> Result<Option<T>, StoreError> {
        self.get(id).await?.map(from_item).transpose().map_err(unreadable)
    }
}

impl DirectoryStore for DynamoDirectory {
    async fn account_of_key(&self, key: &ApiKeyHash) -> Result<Option<AccountId>, StoreError> {
        let Some(item) = self.get(format!("{}{}", keys::API_KEY, key.as_str())).await? else { return Ok(None) };
        if item.get(REVOKED).and_then(|revoked| revoked.as_bool().ok()).copied().unwrap_or_default() {
            return Ok(None);
        }
        account_in(&item)
    }

    async fn account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        let Some(mut item) = self.get(format!("{}{id}", keys::DIRECTORY_ACCOUNT)).await? else { return Ok(None) };
        item.insert(keys::ID.to_owned(), string(id.as_str()));
        from_item(item).map(Some).map_err(unreadable)
    }

    async fn owner(&self, sender: &SenderId) -> Result<Option<SenderOwner>, StoreError> {
        let Some(item) = self.get(format!("{}{sender}", keys::SENDER)).await? else { return Ok(None) };
        Ok(Some(account_in(&item)?.map_or(SenderOwner::Pool, SenderOwner::Account)))
    }

    async fn pool(&self) -> Result<Vec<SenderId>, StoreError> {
        let Some(item) = self.get(keys::POOL.to_owned()).await? else { return Ok(Vec::new()) };
        let listed = item.get(SENDERS).and_then(|senders| senders.as_l().ok());
        let senders = listed.into_iter().flatten().map(|sender| {
            let sender = sender.as_s().map_err(|_| unreadable("a pool sender is not a string"))?;
            SenderId::parse(sender).map_err(unreadable)
        });
        senders.collect()
    }

    async fn carrier(&self, name: CarrierName) -> Result<Option<CarrierSettings>, StoreError> {
        self.get_as(format!("{}{name}", keys::CARRIER_ITEM)).await
    }
}

fn account_in(item: &Item) -> Result<Option<AccountId>, StoreError> {
    let Some(account) = item.get(keys::ACCOUNT).and_then(|account| account.as_s().ok()) else { return Ok(None) };
    AccountId::parse(account).map(Some).map_err(unreadable)
}

fn item_of(value: &impl Serialize) -> Result<Item, StoreError> {
    to_item(value).map_err(unreadable)
}

fn unreadable(fault: impl ToString) -> StoreError {
    StoreError::Unreadable { what: "directory entry", fault: fault.to_string() }
}
