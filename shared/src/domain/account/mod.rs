//! Accounts and their settings.

#![expect(clippy::module_inception, reason = "the type that the group is named after has a file of its own")]

mod account;
mod api_key;
mod encrypted_secret;
mod on_unknown;
mod webhook;

pub use account::{Account, AccountId, WebhookSecret};
pub use api_key::{ApiKey, ApiKeyHash, ApiKeyId, KeyHolder};
pub use encrypted_secret::EncryptedSecret;
pub use on_unknown::OnUnknown;
pub use webhook::{ClientSecret, ClientSecretError, Webhook, WebhookEvent, WebhookId, WebhookOptions, Webhooks};
