//! `local.toml`: accounts, keys, senders, pool, carriers and routes.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::domain::{AccountId, CarrierName, KeywordAnswer, OnUnknown, Rate, Routes, SenderId, WebhookSecret};
use url::Url;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Shared sender IDs.
    pub pool: Vec<SenderId>,
    pub accounts: Vec<AccountConfig>,
    /// Rate limits, in messages a second.
    #[serde(default)]
    pub rates: BTreeMap<SenderId, Rate>,
    pub carriers: BTreeMap<CarrierName, CarrierConfig>,
    pub routes: Routes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountConfig {
    pub id: AccountId,
    pub name: String,
    #[serde(default)]
    pub keys: Vec<String>,
    #[serde(default)]
    pub revoked_keys: Vec<String>,
    #[serde(default)]
    pub senders: Vec<SenderId>,
    /// Where to post replies. This and the next two are absolute URLs, or paths of the emulator.
    pub reply_url: Option<String>,
    /// Where to post status reports of messages sent in CM.com's format.
    pub status_url: Option<String>,
    /// Where to post notices about the account itself.
    pub notice_url: Option<String>,
    #[serde(default)]
    pub secrets: Vec<WebhookSecret>,
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// Answer to STOP: empty sends no answer, and `None` sends the default text. The same holds for START and
    /// HELP below.
    pub stop_text: Option<KeywordAnswer>,
    pub start_text: Option<KeywordAnswer>,
    pub help_text: Option<KeywordAnswer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierConfig {
    /// Defaults to the emulator's simulated carrier.
    pub endpoint: Option<Url>,
    pub webhook_token: String,
    /// Our key at the carrier.
    pub key: Option<String>,
    pub timeout_ms: u64,
    /// Whether the gateway looks up unanswered submits.
    #[serde(default)]
    pub lookup: bool,
    /// Whether receipts are matched by the carrier's own IDs.
    #[serde(default)]
    pub receipts_by_id: bool,
}

impl Config {
    /// The built-in `local.toml`.
    pub const DEFAULT: &'static str = include_str!("../local.toml");

    /// Parses a configuration file.
    ///
    /// # Errors
    /// If the text is not valid; the error names line and field.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use shared::domain::{Channel, PhoneNumber};

    #[test]
    fn default_configuration_is_valid() {
        let config = Config::parse(Config::DEFAULT).unwrap();
        assert!(config.pool.len() >= 5);
        assert_eq!(config.accounts[0].keys, ["demo-key"]);
    }

    #[test]
    fn default_routes_send_sms_by_loopback_and_other_channels_by_cm() {
        let config = Config::parse(Config::DEFAULT).unwrap();
        let (account, sender) = (&config.accounts[0].id, &config.accounts[0].senders[0]);
        let to = "447700900001".parse::<PhoneNumber>().unwrap();
        for channel in Channel::iter() {
            let route = config.routes.for_message(account, sender, channel, &to).unwrap();
            let expected = if channel == Channel::Sms { CarrierName::Loopback } else { CarrierName::Cm };
            assert_eq!(route.carriers, [expected], "{channel:?}");
        }
    }

    #[test]
    fn unknown_field_is_named() {
        let error = Config::parse(&Config::DEFAULT.replace("reply_url", "replyurl")).unwrap_err().to_string();
        assert!(error.contains("replyurl"), "{error}");
    }
}
