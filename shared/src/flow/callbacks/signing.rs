//! Signing: the client's secrets, decrypted, and the dialect's signature.

use super::destination::DestinationWebhook;
use crate::{
    domain::{Account, ClientSecret, Dialect, Timestamp, WebhookSecret},
    store::{CallbackSecrets, StoreError},
};

/// The secrets that sign a callback.
pub(super) struct Signing {
    /// The account's secrets, newest first.
    pub(super) of_account: Vec<WebhookSecret>,
    of_webhook: Option<ClientSecret>,
}

impl Signing {
    pub(super) async fn read(
        secrets: &CallbackSecrets,
        account: &Account,
        webhook: Option<&DestinationWebhook>,
    ) -> Result<Self, StoreError> {
        let mut of_account = Vec::with_capacity(account.secrets.len());
        for secret in &account.secrets {
            of_account.push(secrets.decrypt(&account.id, secret).await?);
        }
        let of_webhook = match webhook {
            Some(webhook) => Some(secrets.decrypt(&account.id, &webhook.secret).await?),
            None => None,
        };
        Ok(Self { of_account, of_webhook })
    }

    /// Returns the dialect's signature, by the webhook's secret or else the account's. There is room for a single
    /// signature, so we sign with the account's oldest secret until that is retired.
    pub(super) fn dialect_headers(
        &self,
        dialect: Option<Dialect>,
        at: Timestamp,
        body: &str,
    ) -> Vec<(&'static str, String)> {
        let of_webhook = self.of_webhook.as_ref().map(ClientSecret::bytes);
        let secret = of_webhook.or_else(|| self.of_account.last().map(WebhookSecret::bytes));
        let Some((dialect, secret)) = dialect.zip(secret) else { return Vec::new() };
        dialect.signature_headers(secret, at.as_second(), body)
    }
}
