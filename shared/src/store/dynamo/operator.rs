//! Operators' changes to the directory. Two operators may work at once, so a change writes only the
//! attributes it is about, and a change to a list expects the list that it was made from. Reads are
//! consistent.

mod api_keys;
mod carriers;
mod routes;

pub use api_keys::KeyRecord;
pub use carriers::CarrierChange;

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::delete_item::DeleteItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use jiff::Timestamp;
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use super::{
    DynamoDirectory, Item,
    change::{Update, UpdateResult},
    directory::{account_in, item_of, read_account, read_owner, read_pool, unreadable, write_pool},
    keys, number, put, string, unavailable,
};
use crate::{
    domain::{
        Account, AccountId, CallbackUrl, CallingCode, EncryptedSecret, KeywordAnswer, OnUnknown, SenderId, SenderOwner,
    },
    store::StoreError,
};

/// Attempts to change a list while other operators change it.
const TRIES: u32 = 8;

/// Changes to an account. `None` keeps a value; `Some(None)` removes it.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    pub name: Option<String>,
    pub reply_url: Option<Option<CallbackUrl>>,
    pub status_url: Option<Option<CallbackUrl>>,
    pub notice_url: Option<Option<CallbackUrl>>,
    /// Answers to keywords; `Some(None)` restores the default text.
    pub stop_text: Option<Option<KeywordAnswer>>,
    pub start_text: Option<Option<KeywordAnswer>>,
    pub help_text: Option<Option<KeywordAnswer>>,
    pub on_unknown: Option<OnUnknown>,
    pub default_sender: Option<Option<SenderId>>,
    pub country_code: Option<Option<CallingCode>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    Removed(AccountId),
    /// No account owns the sender, which is or was shared.
    Pool,
    Missing,
}

impl DynamoDirectory {
    /// Creates an account. Returns whether the ID was free.
    pub async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        Ok(self.put_new(keys::account(&account.id), item_of(account)?).await?.is_none())
    }

    pub async fn latest_account(&self, id: &AccountId) -> Result<Option<Account>, StoreError> {
        self.latest(keys::account(id)).await?.map(read_account).transpose()
    }

    /// Lists the accounts by ID.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let items = self.scan(keys::DIRECTORY_ACCOUNT).await?;
        let mut accounts = items.into_iter().map(read_account).collect::<Result<Vec<_>, _>>()?;
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(accounts)
    }

    /// Changes and returns an account; `None` if the account does not exist.
    pub async fn change_account(&self, id: &AccountId, change: &AccountChange) -> Result<Option<Account>, StoreError> {
        let mut update = self.update(keys::account(id)).expect_present(keys::ID);
        update = update.set_if_given(keys::NAME, change.name.as_deref().map(string));
        let url = |url: &Option<CallbackUrl>| url.as_ref().map(|url| string(url.as_str()));
        let text = |text: &Option<KeywordAnswer>| text.as_ref().map(|text| string(text.as_str()));
        let sender = |sender: &Option<SenderId>| sender.as_ref().map(|sender| string(sender.as_str()));
        let code = |code: &Option<CallingCode>| code.map(|code| string(code.to_string()));
        for (name, value) in [
            (keys::REPLY_URL, change.reply_url.as_ref().map(url)),
            (keys::STATUS_URL, change.status_url.as_ref().map(url)),
            (keys::NOTICE_URL, change.notice_url.as_ref().map(url)),
            (keys::STOP_TEXT, change.stop_text.as_ref().map(text)),
            (keys::START_TEXT, change.start_text.as_ref().map(text)),
            (keys::HELP_TEXT, change.help_text.as_ref().map(text)),
            (keys::DEFAULT_SENDER, change.default_sender.as_ref().map(sender)),
            (keys::COUNTRY_CODE, change.country_code.as_ref().map(code)),
        ] {
            update = match value {
                None => update,
                Some(None) => update.remove(name),
                Some(Some(value)) => update.set(name, value),
            };
        }
        update = update.set_if_given(keys::ON_UNKNOWN, change.on_unknown.map(|choice| string(choice.into_str())));
        match update.send("change an account").await? {
            UpdateResult::Applied(item) => read_account(item).map(Some),
            UpdateResult::Conflict(_) | UpdateResult::NotFound => Ok(None),
        }
    }

    /// Suspends an account, unless it is suspended, or resumes it with `None`. Returns it, or `None` if it does not
    /// exist.
    pub async fn suspend_account(&self, id: &AccountId, at: Option<Timestamp>) -> Result<Option<Account>, StoreError> {
        let update = self.update(keys::account(id)).expect_present(keys::ID);
        let update = match at {
            Some(at) => update.set_once(keys::SUSPENDED_AT, number(at.as_millisecond())),
            None => update.remove(keys::SUSPENDED_AT),
        };
        match update.send("suspend or resume an account").await? {
            UpdateResult::Applied(item) => read_account(item).map(Some),
            UpdateResult::Conflict(_) | UpdateResult::NotFound => Ok(None),
        }
    }

    /// Replaces the callback secrets. Returns `false` if the stored secrets are not those of `read`.
    pub async fn replace_secrets(&self, read: &Account, secrets: &[EncryptedSecret]) -> Result<bool, StoreError> {
        let before = to_attribute_value(&read.secrets).map_err(unreadable)?;
        let after = to_attribute_value(secrets).map_err(unreadable)?;
        let update = self.update(keys::account(&read.id)).set(keys::SECRETS, after).expect(keys::SECRETS, before);
        Ok(match update.send("replace secrets").await? {
            UpdateResult::Applied(_) => true,
            UpdateResult::Conflict(item) => read_account(item)?.secrets == secrets,
            UpdateResult::NotFound => false,
        })
    }

    /// Assigns a sender to an account. If the sender belongs to another owner, only returns that owner.
    ///
    /// We list the sender for the account before we assign it, and unlist it after we remove it, so that its owner's
    /// list always has it.
    pub async fn add_sender(&self, sender: &SenderId, account: &AccountId) -> Result<Option<SenderOwner>, StoreError> {
        self.list_sender(sender, account).await?;
        let item = Item::from([(keys::ACCOUNT.to_owned(), string(account.as_str()))]);
        self.put_new(keys::sender(sender), item).await?.as_ref().map(read_owner).transpose()
    }

    pub(super) async fn list_sender(&self, sender: &SenderId, account: &AccountId) -> Result<(), StoreError> {
        let listed = self.update(keys::senders(account)).set(&keys::sender(sender), AttributeValue::Bool(true));
        listed.send("list a sender").await.map(drop)
    }

    /// Returns the sender IDs that an account owns, sorted.
    pub async fn senders(&self, account: &AccountId) -> Result<Vec<SenderId>, StoreError> {
        let owner = SenderOwner::Account(account.clone());
        let owned = self.owners().await?.into_iter().filter(|(_, other)| *other == owner);
        Ok(owned.map(|(sender, _)| sender).collect())
    }

    /// Returns every sender ID with its owner, sorted by sender ID.
    pub async fn owners(&self) -> Result<Vec<(SenderId, SenderOwner)>, StoreError> {
        let mut found = Vec::new();
        for item in self.scan(keys::SENDER).await? {
            let sender = id_in(&item, keys::SENDER)?.parse::<SenderId>().map_err(unreadable)?;
            found.push((sender, read_owner(&item)?));
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(found)
    }

    /// Removes a sender from its account.
    pub async fn remove_sender(&self, sender: &SenderId) -> Result<Removal, StoreError> {
        let request = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(keys::ID, string(keys::sender(sender)))
            .condition_expression("attribute_exists(#account)")
            .expression_attribute_names("#account", keys::ACCOUNT)
            .return_values(ReturnValue::AllOld)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let found = match request.send().await {
            Ok(answer) => answer.attributes,
            Err(SdkError::ServiceError(failure)) if failure.err().is_conditional_check_failed_exception() => {
                match failure.into_err() {
                    DeleteItemError::ConditionalCheckFailedException(failed) => failed.item,
                    other => return Err(unavailable("remove a sender")(other)),
                }
            }
            Err(error) => return Err(unavailable("remove a sender")(error)),
        };
        Ok(match found.as_ref().map(read_owner).transpose()? {
            None => Removal::Missing,
            Some(SenderOwner::Pool) => Removal::Pool,
            Some(SenderOwner::Account(account)) => {
                self.update(keys::senders(&account)).remove(&keys::sender(sender)).send("unlist a sender").await?;
                Removal::Removed(account)
            }
        })
    }

    /// Lists the shared senders.
    pub async fn latest_pool(&self) -> Result<Vec<SenderId>, StoreError> {
        self.latest(keys::POOL.to_owned()).await?.as_ref().map_or_else(|| Ok(Vec::new()), read_pool)
    }

    /// Adds a sender to the pool, or returns the account that owns the sender.
    ///
    /// # Errors
    /// Also [`StoreError::Unavailable`] if other operators changed the pool on every attempt.
    pub async fn add_to_pool(&self, sender: &SenderId) -> Result<Option<AccountId>, StoreError> {
        if let Some(there) = self.put_new(keys::sender(sender), Item::new()).await?
            && let Some(owner) = account_in(&there)?
        {
            return Ok(Some(owner));
        }
        self.change_pool(|pool| {
            if !pool.contains(sender) {
                pool.push(sender.clone());
            }
        })
        .await?;
        Ok(None)
    }

    /// Removes a sender from the pool: no new conversation uses the sender. Existing conversations go on,
    /// because the sender still counts as shared. Returns whether the pool had the sender.
    ///
    /// # Errors
    /// Also [`StoreError::Unavailable`] if other operators changed the pool on every attempt.
    pub async fn remove_from_pool(&self, sender: &SenderId) -> Result<bool, StoreError> {
        let before = self.change_pool(|pool| pool.retain(|other| other != sender)).await?;
        Ok(before.contains(sender))
    }

    /// Changes the pool and returns its first reading. A later reading may include our own change, whose
    /// answer was lost.
    async fn change_pool(&self, change: impl Fn(&mut Vec<SenderId>)) -> Result<Vec<SenderId>, StoreError> {
        let mut first = None;
        for _ in 0..TRIES {
            let item = self.latest(keys::POOL.to_owned()).await?;
            let before = item.as_ref().map_or_else(|| Ok(Vec::new()), read_pool)?;
            let mut after = before.clone();
            change(&mut after);
            let first = first.get_or_insert_with(|| before.clone());
            if after == before {
                return Ok(std::mem::take(first));
            }
            let update = self.update(keys::POOL.to_owned()).set(keys::SENDERS, write_pool(&after));
            let update = match item.as_ref().and_then(|item| item.get(keys::SENDERS)) {
                None => update.expect_absent(keys::SENDERS),
                Some(listed) => update.expect(keys::SENDERS, listed.clone()),
            };
            if let UpdateResult::Applied(_) = update.send("change the pool").await? {
                return Ok(std::mem::take(first));
            }
        }
        Err(StoreError::Unavailable { action: "change the pool", source: "lost every race to change it".into() })
    }

    pub(super) fn update(&self, id: String) -> Update {
        Update::of(&self.client, &self.table, keys::ID, id)
    }

    pub(super) async fn latest(&self, id: String) -> Result<Option<Item>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key(keys::ID, string(id)).consistent_read(true);
        Ok(request.send().await.map_err(unavailable("read the directory"))?.item)
    }

    async fn delete_item(&self, id: String) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).key(keys::ID, string(id));
        request.send().await.map(drop).map_err(unavailable("write the directory"))
    }

    /// Puts an item unless a different item has its ID, and returns that item. An equal item may come from
    /// an earlier attempt whose answer was lost.
    async fn put_new(&self, id: String, mut item: Item) -> Result<Option<Item>, StoreError> {
        item.insert(keys::ID.to_owned(), string(id));
        let there = put::if_absent(&self.client, &self.table, item.clone(), "write the directory").await?;
        Ok(there.filter(|there| *there != item))
    }

    /// Lists the items with a key prefix. Scans the whole table, which is small.
    pub(super) async fn scan(&self, prefix: &'static str) -> Result<Vec<Item>, StoreError> {
        let mut found = Vec::new();
        let mut after: Option<HashMap<String, AttributeValue>> = None;
        loop {
            let request = self
                .client
                .scan()
                .table_name(&self.table)
                .consistent_read(true)
                .filter_expression("begins_with(#id, :prefix)")
                .expression_attribute_names("#id", keys::ID)
                .expression_attribute_values(":prefix", string(prefix))
                .set_exclusive_start_key(after);
            let answer = request.send().await.map_err(unavailable("list the directory"))?;
            found.extend(answer.items.unwrap_or_default());
            after = answer.last_evaluated_key;
            if after.is_none() {
                return Ok(found);
            }
        }
    }
}

/// Returns the item's key without the prefix.
fn id_in<'a>(item: &'a Item, prefix: &str) -> Result<&'a str, StoreError> {
    let id = item.get(keys::ID).and_then(|id| id.as_s().ok()).and_then(|id| id.strip_prefix(prefix));
    id.ok_or_else(|| unreadable("a key without its prefix"))
}
