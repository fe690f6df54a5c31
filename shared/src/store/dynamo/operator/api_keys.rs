//! Operators' changes to API keys. We store only a key's hash.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;

use super::{
    super::{
        directory::{account_in, unreadable},
        lanes::lane_in,
        message_item::time,
        number, string,
    },
    DynamoDirectory, Item, UpdateResult, id_in, keys,
};
use crate::{
    domain::{AccountId, ApiKeyHash, Lane},
    store::StoreError,
};

#[derive(Clone, PartialEq, Eq)]
pub struct KeyRecord {
    pub hash: ApiKeyHash,
    pub account: AccountId,
    pub lane: Option<Lane>,
    /// `None` if `local` loaded the key from its configuration.
    pub created_at: Option<Timestamp>,
    pub revoked: bool,
    pub revoked_at: Option<Timestamp>,
}

impl DynamoDirectory {
    /// Creates an API key. Returns `false` if the hash is taken.
    pub async fn create_key(
        &self,
        key: &ApiKeyHash,
        account: &AccountId,
        lane: Option<Lane>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut item = Item::from([
            (keys::ACCOUNT.to_owned(), string(account.as_str())),
            (keys::REVOKED.to_owned(), AttributeValue::Bool(false)),
            (keys::CREATED_AT.to_owned(), number(at.as_millisecond())),
        ]);
        item.extend(lane.map(|lane| (keys::LANE.to_owned(), string(lane.into_str()))));
        Ok(self.put_new(keys::api_key(key), item).await?.is_none())
    }

    /// Lists an account's keys, the oldest first.
    pub async fn keys(&self, account: &AccountId) -> Result<Vec<KeyRecord>, StoreError> {
        let items = self.scan(keys::API_KEY).await?;
        let mut found = items.iter().map(read_key).collect::<Result<Vec<_>, _>>()?;
        found.retain(|key| key.account == *account);
        found.sort_by(|a, b| (a.created_at, a.hash.as_str()).cmp(&(b.created_at, b.hash.as_str())));
        Ok(found)
    }

    /// Sets or removes a key's lane. Returns whether the key exists.
    pub async fn set_key_lane(&self, key: &ApiKeyHash, lane: Option<Lane>) -> Result<bool, StoreError> {
        let lane = lane.map(|lane| string(lane.into_str()));
        let update = self.update(keys::api_key(key)).expect_present(keys::ID).set_or_remove(keys::LANE, lane);
        Ok(matches!(update.send("set a key's lane").await?, UpdateResult::Applied(_)))
    }

    /// Revokes a key; a second revocation keeps the first time. Returns whether the key exists.
    pub async fn revoke_key(&self, key: &ApiKeyHash, at: Timestamp) -> Result<bool, StoreError> {
        let update = self
            .update(keys::api_key(key))
            .set(keys::REVOKED, AttributeValue::Bool(true))
            .set_once(keys::REVOKED_AT, number(at.as_millisecond()))
            .expect_present(keys::ID);
        Ok(matches!(update.send("revoke a key").await?, UpdateResult::Applied(_)))
    }
}

fn read_key(item: &Item) -> Result<KeyRecord, StoreError> {
    let at = |attribute: &str| {
        let millis = item.get(attribute).and_then(|at| at.as_n().ok()).and_then(|at| at.parse().ok());
        millis.map(time).transpose()
    };
    Ok(KeyRecord {
        hash: id_in(item, keys::API_KEY)?.parse().map_err(|_| unreadable("the hash of a key"))?,
        account: account_in(item)?.ok_or_else(|| unreadable("a key without an account"))?,
        lane: lane_in(item),
        created_at: at(keys::CREATED_AT)?,
        revoked: item.get(keys::REVOKED).and_then(|revoked| revoked.as_bool().ok()).copied().unwrap_or_default(),
        revoked_at: at(keys::REVOKED_AT)?,
    })
}
