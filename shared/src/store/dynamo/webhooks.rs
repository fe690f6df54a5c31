//! An account's webhooks: a single directory item, with an attribute per webhook and the last ID given.
//!
//! Two requests may change the webhooks at once, so each write is conditional on the values read before it.

use aws_sdk_dynamodb::types::AttributeValue;
use serde::{Deserialize, Serialize};
use serde_dynamo::aws_sdk_dynamodb_1::to_attribute_value;

use super::{
    DynamoDirectory, Item, change::UpdateResult, directory::unreadable, item::from_attribute_value, keys,
    message_item::time, number,
};
use crate::{
    domain::{AccountId, CallbackUrl, EncryptedSecret, Webhook, WebhookEvent, WebhookId, WebhookOptions, Webhooks},
    store::{StoreError, WebhookAddition},
};

const CHANGE: &str = "change a webhook";
/// Attempts to write a change, if other requests keep changing the webhooks.
const TRIES: u32 = 8;

#[derive(Serialize, Deserialize)]
struct WebhookItem {
    event: WebhookEvent,
    url: CallbackUrl,
    secret: EncryptedSecret,
    options: WebhookOptions,
    at: i64,
}

fn write(webhook: &Webhook) -> Result<AttributeValue, StoreError> {
    let Webhook { event, url, secret, options, created_at } = webhook.clone();
    to_attribute_value(WebhookItem { event, url, secret, options, at: created_at.as_millisecond() }).map_err(unreadable)
}

fn read(value: AttributeValue) -> Result<Webhook, StoreError> {
    let WebhookItem { event, url, secret, options, at } = from_attribute_value(value).map_err(unreadable)?;
    Ok(Webhook { event, url, secret, options, created_at: time(at)? })
}

pub(super) fn read_webhooks(item: Item) -> Result<Webhooks, StoreError> {
    let webhooks = item.into_iter().filter_map(|(key, value)| Some((keys::parse_webhook(&key)?, value)));
    webhooks.map(|(id, value)| Ok((id, read(value)?))).collect()
}

fn last_id(item: &Item) -> Option<WebhookId> {
    item.get(keys::LAST_ID)?.as_n().ok()?.parse().ok()
}

impl DynamoDirectory {
    /// Returns an account's webhooks, with a consistent read.
    pub async fn latest_webhooks(&self, account: &AccountId) -> Result<Webhooks, StoreError> {
        self.latest(keys::webhooks(account)).await?.map_or_else(|| Ok(Webhooks::new()), read_webhooks)
    }

    /// Adds a webhook, unless the account has `most` already.
    ///
    /// # Errors
    /// Also [`StoreError::Unavailable`] if other requests changed the webhooks on every attempt.
    pub async fn add_webhook(
        &self,
        account: &AccountId,
        webhook: &Webhook,
        most: usize,
    ) -> Result<WebhookAddition, StoreError> {
        let written = write(webhook)?;
        for _ in 0..TRIES {
            let item = self.latest(keys::webhooks(account)).await?.unwrap_or_default();
            let last = last_id(&item);
            if read_webhooks(item)?.len() >= most {
                return Ok(WebhookAddition::TooMany);
            }
            let id = last.unwrap_or_default() + 1;
            let update = self.update(keys::webhooks(account)).set(&keys::webhook(id), written.clone());
            let update = update.set(keys::LAST_ID, number(id));
            let update = match last {
                None => update.expect_absent(keys::LAST_ID),
                Some(last) => update.expect(keys::LAST_ID, number(last)),
            };
            match update.send(CHANGE).await? {
                UpdateResult::Applied(_) => return Ok(WebhookAddition::Added(id)),
                // An earlier attempt was applied, but we lost its answer.
                UpdateResult::Conflict(item) if item.get(&keys::webhook(id)) == Some(&written) => {
                    return Ok(WebhookAddition::Added(id));
                }
                UpdateResult::Conflict(_) | UpdateResult::NotFound => {}
            }
        }
        Err(lost_every_race())
    }

    /// Changes a webhook and returns it, or `None` if the account has no such webhook. If another request changed the
    /// webhook first, we call `change` again with the new webhook.
    ///
    /// # Errors
    /// Also [`StoreError::Unavailable`] if other requests changed the webhook on every attempt.
    pub async fn change_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        change: impl Fn(Webhook) -> Webhook,
    ) -> Result<Option<Webhook>, StoreError> {
        let attribute = keys::webhook(id);
        for _ in 0..TRIES {
            let item = self.latest(keys::webhooks(account)).await?;
            let Some(before) = item.and_then(|mut item| item.remove(&attribute)) else { return Ok(None) };
            let changed = change(read(before.clone())?);
            let after = write(&changed)?;
            let update = self.update(keys::webhooks(account)).set(&attribute, after.clone());
            match update.expect(&attribute, before).send(CHANGE).await? {
                UpdateResult::Applied(_) => return Ok(Some(changed)),
                UpdateResult::Conflict(item) if item.get(&attribute) == Some(&after) => return Ok(Some(changed)),
                UpdateResult::Conflict(_) | UpdateResult::NotFound => {}
            }
        }
        Err(lost_every_race())
    }

    /// Removes a webhook. Returns whether the account had it. We read first, because the removal's answer may be lost,
    /// and its retry would then find no webhook.
    pub async fn remove_webhook(&self, account: &AccountId, id: WebhookId) -> Result<bool, StoreError> {
        let attribute = keys::webhook(id);
        let item = self.latest(keys::webhooks(account)).await?;
        if item.is_none_or(|item| !item.contains_key(&attribute)) {
            return Ok(false);
        }
        let update = self.update(keys::webhooks(account)).remove(&attribute).expect_present(&attribute);
        update.send(CHANGE).await?;
        Ok(true)
    }
}

fn lost_every_race() -> StoreError {
    StoreError::Unavailable { action: CHANGE, source: "lost every race to change it".into() }
}
