//! `local.toml`: accounts, keys, senders, pool, carriers and routes.

use std::collections::BTreeMap;

use serde::Deserialize;
use shared::domain::{
    AccountId, CallingCode, CarrierName, CarrierSecret, CarrierSettings, CredentialPart, KeywordAnswer, OnUnknown,
    Rate, Routes, SenderId, SettingError, Vendor, WebhookSecret,
};
use url::Url;

#[derive(Deserialize)]
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

#[derive(Deserialize)]
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
    /// Sender for requests without one, in Mobile Text Alerts' format.
    pub default_sender: Option<SenderId>,
    /// Country for national numbers, in Mobile Text Alerts' format.
    pub country_code: Option<CallingCode>,
}

impl AccountConfig {
    /// Creates an account without keys, senders and URLs.
    #[must_use]
    pub fn new(id: AccountId) -> Self {
        Self {
            name: id.to_string(),
            id,
            keys: Vec::new(),
            revoked_keys: Vec::new(),
            senders: Vec::new(),
            reply_url: None,
            status_url: None,
            notice_url: None,
            secrets: Vec::new(),
            on_unknown: OnUnknown::default(),
            stop_text: None,
            start_text: None,
            help_text: None,
            default_sender: None,
            country_code: None,
        }
    }
}

/// A carrier: a connection of a vendor. The emulator simulates the vendor unless `endpoint` is elsewhere.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CarrierConfig {
    pub vendor: Vendor,
    /// Defaults to the simulated vendor's.
    pub endpoint: Option<Url>,
    pub webhook_token: String,
    /// Our credentials at the vendor: a key, or login and password.
    pub key: Option<String>,
    pub login: Option<String>,
    pub password: Option<String>,
    /// The secret with which the vendor signs its webhooks.
    pub signing_secret: Option<String>,
    pub timeout_ms: u64,
    /// Whether the gateway looks up unanswered submits.
    #[serde(default)]
    pub lookup: bool,
    /// Whether receipts are matched by the vendor's own IDs.
    #[serde(default)]
    pub receipts_by_id: bool,
    /// The country of national numbers in webhooks.
    pub country_code: Option<CallingCode>,
    /// Base URL at which the vendor reaches our webhooks, if it is told so with each message. Defaults to ours.
    pub webhook_url: Option<Url>,
    /// The vendor's own IDs of our sender IDs.
    #[serde(default)]
    pub sender_ids: BTreeMap<SenderId, String>,
}

impl CarrierConfig {
    /// Returns the settings and the secret, with the simulated vendor at `simulated`, and the gateway at `gateway`.
    ///
    /// # Errors
    /// The field that is missing, or that the vendor does not have.
    pub fn connect(&self, simulated: Url, gateway: &Url) -> Result<(CarrierSettings, CarrierSecret), SettingError> {
        let profile = self.vendor.profile();
        let default_webhooks = profile.takes_webhook_url.then_some(gateway);
        let settings = CarrierSettings {
            vendor: self.vendor,
            endpoint: self.endpoint.clone().unwrap_or(simulated),
            timeout_ms: self.timeout_ms,
            lookup: self.lookup,
            receipts_by_id: self.receipts_by_id,
            country_code: self.country_code,
            webhook_url: self.webhook_url.as_ref().or(default_webhooks).cloned(),
            sender_ids: self.sender_ids.clone().into(),
        };
        let parts = [
            (CredentialPart::Key, &self.key),
            (CredentialPart::Login, &self.login),
            (CredentialPart::Password, &self.password),
        ];
        let secret = CarrierSecret {
            webhook_tokens: vec![self.webhook_token.clone()],
            credentials: parts.into_iter().filter_map(|(part, text)| Some((part, text.clone()?))).collect(),
            signing_secrets: self.signing_secret.iter().cloned().collect(),
        };
        profile.check_settings(&settings)?;
        profile.check_credentials(&secret.credentials)?;
        if !secret.signing_secrets.is_empty() {
            profile.check_signing_secret()?;
        }
        Ok((settings, secret))
    }
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
    fn default_routes_choose_vendors_by_channel_and_prefix() {
        let config = Config::parse(Config::DEFAULT).unwrap();
        let (account, sender) = (&config.accounts[0].id, &config.accounts[0].senders[0]);
        let carriers = |channel: Channel, to: &str| {
            let route = config.routes.for_message(None, account, sender, channel, &to.parse::<PhoneNumber>().unwrap());
            route.unwrap().carriers.iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        for channel in Channel::iter() {
            let expected = if channel == Channel::Sms { "loopback" } else { "cm" };
            assert_eq!(carriers(channel, "447700900001"), [expected], "{channel:?}");
        }
        assert_eq!(carriers(Channel::Sms, "447999200001"), ["cm"]);
        assert_eq!(carriers(Channel::Sms, "447999290001"), ["cm-uk", "cm"]);
        assert_eq!(carriers(Channel::Sms, "447999490001"), ["messangi-mx", "messangi"]);
        assert_eq!(carriers(Channel::Sms, "447999100001"), ["cymba"]);
        assert_eq!(carriers(Channel::Sms, "447999300001"), ["mta"]);
        assert_eq!(carriers(Channel::Sms, "447999400001"), ["messangi"]);
    }

    #[test]
    fn every_vendor_has_a_carrier_and_a_simulation() {
        let config = Config::parse(Config::DEFAULT).unwrap();
        for vendor in Vendor::iter() {
            assert!(
                config.carriers.values().any(|carrier| carrier.vendor == vendor),
                "infra/local/local.toml has no carrier of {vendor}"
            );
            let is_of = |name: &CarrierName| config.carriers[name].vendor == vendor;
            assert!(
                config.routes.0.iter().any(|route| route.carriers.first().is_some_and(is_of)),
                "infra/local/local.toml has no route to {vendor}"
            );
            assert!(
                vendor.into_str().parse::<crate::emulator::wire::Vendor>().is_ok(),
                "infra/local/src/emulator/carriers/vendor.rs has no line for {vendor}"
            );
        }
    }

    #[test]
    fn unknown_field_is_named() {
        let error = Config::parse(&Config::DEFAULT.replace("reply_url", "replyurl")).err().unwrap().to_string();
        assert!(error.contains("replyurl"), "{error}");
    }
}
