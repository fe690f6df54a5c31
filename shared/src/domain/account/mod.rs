//! Accounts and their settings.

#![expect(clippy::module_inception, reason = "the type that the group is named after has a file of its own")]

mod account;
mod on_unknown;

pub use account::{Account, AccountId, ApiKey, ApiKeyHash, WebhookSecret};
pub use on_unknown::OnUnknown;
