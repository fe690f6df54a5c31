//! `local.toml`: accounts, keys, senders, the pool and carriers of one machine.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::domain::{AccountId, CarrierName, KeywordAnswer, OnUnknown, Rate, Routes, SenderId, WebhookSecret};
use url::Url;

/// The file, read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Shared sender IDs.
    pub pool: Vec<SenderId>,
    pub accounts: Vec<AccountConfig>,
    /// How many messages a second a sender carries.
    #[serde(default)]
    pub rates: BTreeMap<SenderId, Rate>,
    pub carriers: BTreeMap<CarrierName, CarrierConfig>,
    /// Which messages go through which carriers.
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
    /// An absolute URL, or a path of the emulator.
    pub reply_url: Option<String>,
    /// Likewise; for status reports to clients that name no callback with a message.
    pub status_url: Option<String>,
    /// Likewise; for what the gateway has to say about the account itself.
    pub notice_url: Option<String>,
    #[serde(default)]
    pub secrets: Vec<WebhookSecret>,
    /// What is done about a submit without an answer.
    #[serde(default)]
    pub on_unknown: OnUnknown,
    /// What is answered to STOP; nothing if it is empty, the usual words if there is none.
    pub stop_text: Option<KeywordAnswer>,
    /// Likewise to START.
    pub start_text: Option<KeywordAnswer>,
    /// Likewise to HELP.
    pub help_text: Option<KeywordAnswer>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierConfig {
    /// The simulated carrier of the emulator, unless given.
    pub endpoint: Option<Url>,
    pub webhook_token: String,
    /// What the gateway shows the carrier.
    pub key: Option<String>,
    pub timeout_ms: u64,
    /// Whether it is asked what became of a submit that it did not answer.
    #[serde(default)]
    pub lookup: bool,
    /// Whether its receipts are found by its own ids.
    #[serde(default)]
    pub receipts_by_id: bool,
}

impl Config {
    /// The configuration that comes with the program.
    pub const DEFAULT: &'static str = include_str!("../local.toml");

    /// # Errors
    /// When the text is not TOML of this form; the error names line and field.
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
    fn the_configuration_that_comes_with_the_program_is_read() {
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
    fn a_misspelt_field_is_named() {
        let error = Config::parse(&Config::DEFAULT.replace("reply_url", "replyurl")).unwrap_err().to_string();
        assert!(error.contains("replyurl"), "{error}");
    }
}
