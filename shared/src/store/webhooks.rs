//! Accounts' cached webhooks, and changes to them.

use super::{Directory, StoreError};
use crate::domain::{AccountId, Webhook, WebhookId, Webhooks};

/// The most webhooks per account. All are in one item, which may have 400 KB.
pub const MOST_WEBHOOKS: usize = 50;

/// The result of adding a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookAddition {
    Added(WebhookId),
    /// The account has [`MOST_WEBHOOKS`] already.
    TooMany,
}

impl Directory {
    /// Returns an account's webhooks with a consistent read.
    pub async fn latest_webhooks(&self, account: &AccountId) -> Result<Webhooks, StoreError> {
        self.store.latest_webhooks(account).await
    }

    /// Adds a webhook. As with any change here, callbacks use it within 30 seconds.
    pub async fn add_webhook(&self, account: &AccountId, webhook: &Webhook) -> Result<WebhookAddition, StoreError> {
        self.store.add_webhook(account, webhook, MOST_WEBHOOKS).await
    }

    /// Changes a webhook and returns it, or `None` if the account has no such webhook.
    pub async fn change_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        change: impl Fn(Webhook) -> Webhook,
    ) -> Result<Option<Webhook>, StoreError> {
        self.store.change_webhook(account, id, change).await
    }

    /// Removes a webhook. Returns whether the account had it.
    pub async fn remove_webhook(&self, account: &AccountId, id: WebhookId) -> Result<bool, StoreError> {
        self.store.remove_webhook(account, id).await
    }
}
