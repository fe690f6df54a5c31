//! Accounts and their settings.

#![expect(clippy::module_inception, reason = "the type that the group is named after has a file of its own")]

mod account;
mod on_unknown;
mod webhook;

pub use account::{Account, AccountId, ApiKey, ApiKeyHash, WebhookSecret};
pub use on_unknown::OnUnknown;
pub use webhook::{ClientSecret, ClientSecretError, Webhook, WebhookEvent, WebhookId, WebhookOptions, Webhooks};
