//! Webhooks: URLs that a client registers for events, in dialects with such a request.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::domain::{CallbackUrl, EncryptedSecret};

/// A webhook's ID, unique within its account and never reused.
pub type WebhookId = u32;

/// An account's webhooks by ID.
pub type Webhooks = BTreeMap<WebhookId, Webhook>;

/// A client's URL for one kind of event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub event: WebhookEvent,
    pub url: CallbackUrl,
    /// The encrypted [`ClientSecret`] that signs the callbacks to this URL.
    pub secret: EncryptedSecret,
    pub options: WebhookOptions,
    pub created_at: Timestamp,
}

/// An event for which a client can register a webhook.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case", const_into_str)]
pub enum WebhookEvent {
    /// A recipient replied.
    MessageReply,
    /// A message reached a state that the dialect reports to clients.
    DeliveryStatus,
    /// A carrier accepted a message.
    MessageSend,
    /// A recipient sent START.
    NumberOptIn,
}

/// A client's other settings for a webhook. We return them, but they have no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_errors: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skip_error_codes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_on_error: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_throughput_per_minute: Option<u32>,
}

/// A client's own secret for signing callbacks: 1 to 255 bytes. `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClientSecretError {
    #[error("is empty")]
    Empty,
    #[error("has more than 255 bytes")]
    TooLong,
}

impl ClientSecret {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl FromStr for ClientSecret {
    type Err = ClientSecretError;

    fn from_str(text: &str) -> Result<Self, ClientSecretError> {
        match text.len() {
            0 => Err(ClientSecretError::Empty),
            1..=255 => Ok(Self(text.to_owned())),
            _ => Err(ClientSecretError::TooLong),
        }
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_has_1_to_255_bytes_and_debug_hides_it() {
        let secret = "é".parse::<ClientSecret>().unwrap();
        assert_eq!((secret.bytes(), format!("{secret:?}").as_str()), ("é".as_bytes(), "ClientSecret(…)"));
        assert!("s".repeat(255).parse::<ClientSecret>().is_ok());
        assert_eq!("".parse::<ClientSecret>(), Err(ClientSecretError::Empty));
        assert_eq!("s".repeat(256).parse::<ClientSecret>(), Err(ClientSecretError::TooLong));
    }
}
