//! Vendors: the services of which a carrier is a connection.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoStaticStr};

use crate::domain::{CarrierSettings, Channel, Text};

/// A vendor with a connector. `vendors/NAME/carrier` has its code, `carriers/mod.rs` hands calls to it.
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
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Vendor {
    /// The simulated network of the local stack (`infra/local`).
    Loopback,
    Cm,
    Cymba,
    Messangi,
    Mta,
}

/// A vendor's requirements and abilities: the settings and credentials that its carriers may have.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each says whether the vendor has an ability")]
pub struct VendorProfile {
    /// The vendor's name for people.
    pub title: &'static str,
    /// Base URL in the vendor's documentation, or `None` if it names none.
    pub endpoint: Option<&'static str>,
    /// The sets of credentials that the vendor accepts, each complete in itself. An empty set means that the
    /// vendor also accepts submits without credentials.
    pub credentials: &'static [&'static [CredentialPart]],
    /// The channels that the vendor has; `None` for all.
    pub channels: Option<&'static [Channel]>,
    /// The most characters in a text, if the vendor refuses longer texts.
    pub longest_text: Option<usize>,
    /// Whether we can ask for a submit's outcome, by our reference.
    pub lookup: bool,
    /// Whether receipts can bear the ID from the answer to the submit.
    pub receipts_by_id: bool,
    /// Whether the vendor can sign its webhooks.
    pub signs_webhooks: bool,
    /// The vendor's name for its own ID of a sender, if submits may bear such an ID.
    pub sender_id: Option<&'static str>,
    /// Whether the vendor's sender IDs are whole numbers.
    pub numeric_sender_ids: bool,
    /// Whether webhooks may hold national numbers.
    pub national_numbers: bool,
    /// Whether a submit names the address of its receipts. Then a carrier needs our base URL.
    pub takes_webhook_url: bool,
    /// The vendor's event names for receipts and for replies, if it has an API for webhooks.
    pub webhook_events: Option<[&'static str; 2]>,
}

/// A setting that a vendor does not have or does not accept. `Display` names the field first.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{field}' {reason}")]
pub struct SettingError {
    pub field: &'static str,
    pub reason: String,
}

/// The text is longer than the vendor accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the text has more than {most} characters")]
pub struct TextLimitError {
    pub most: usize,
}

impl VendorProfile {
    #[must_use]
    pub fn has_channel(&self, channel: Channel) -> bool {
        self.channels.is_none_or(|channels| channels.contains(&channel))
    }

    /// Checks a text that is to be shown without rich content.
    ///
    /// # Errors
    /// The text is too long: the vendor would refuse the message.
    pub fn check_text(&self, text: &Text) -> Result<(), TextLimitError> {
        match self.longest_text {
            Some(most) if text.as_str().chars().nth(most).is_some() => Err(TextLimitError { most }),
            _ => Ok(()),
        }
    }

    /// Checks that the vendor has all of the settings, and that none is missing.
    ///
    /// # Errors
    /// The first foreign or missing setting, by the name of its field.
    pub fn check_settings(&self, settings: &CarrierSettings) -> Result<(), SettingError> {
        let foreign = [
            ("lookup", settings.lookup && !self.lookup, "has no API to look up a submit"),
            (
                "receipts_by_id",
                settings.receipts_by_id && !self.receipts_by_id,
                "always returns our reference in receipts",
            ),
            (
                "country_code",
                settings.country_code.is_some() && !self.national_numbers,
                "always writes numbers with their country code",
            ),
            ("sender_ids", !settings.sender_ids.is_empty() && self.sender_id.is_none(), "has no IDs for senders"),
            (
                "webhook_url",
                settings.webhook_url.is_some() && !self.takes_webhook_url,
                "is told the addresses of webhooks once, not with each message",
            ),
        ];
        if let Some((field, _, reason)) = foreign.into_iter().find(|(_, is_foreign, _)| *is_foreign) {
            return Err(self.error(field, reason));
        }
        if let Some(name) = self.sender_id.filter(|_| self.numeric_sender_ids)
            && !settings.sender_ids.iter().all(|(_, id)| is_whole_number(id))
        {
            let reason = format!("has an ID that is not a whole number: {} calls it {name}", self.title);
            return Err(SettingError { field: "sender_ids", reason });
        }
        if self.takes_webhook_url && settings.webhook_url.is_none() {
            let reason = format!("is not set: {} is told the address of receipts with each message", self.title);
            return Err(SettingError { field: "webhook_url", reason });
        }
        Ok(())
    }

    /// Checks that the credentials are one of the vendor's sets, with no part missing and none left over.
    ///
    /// # Errors
    /// The missing or foreign part.
    pub fn check_credentials(&self, credentials: &Credentials) -> Result<(), SettingError> {
        if self.credentials.iter().any(|set| credentials.is(set)) {
            return Ok(());
        }
        let known = |part: CredentialPart| self.credentials.iter().any(|set| set.contains(&part));
        if let Some(foreign) = credentials.parts().find(|part| !known(*part)) {
            return Err(self.error(foreign.into_str(), "has no such credential"));
        }
        // A set that was begun comes first.
        let missing = |set: &&[CredentialPart]| set.iter().copied().find(|part| credentials.get(*part).is_none());
        let begun = self.credentials.iter().filter(|set| set.iter().any(|part| credentials.get(*part).is_some()));
        match begun.chain(self.credentials).find_map(missing) {
            Some(part) => Err(SettingError { field: part.into_str(), reason: "is not set".to_owned() }),
            None => Err(self.error("credentials", "accepts no such combination")),
        }
    }

    /// # Errors
    /// If the vendor does not sign its webhooks.
    pub fn check_signing_secret(&self) -> Result<(), SettingError> {
        if self.signs_webhooks { Ok(()) } else { Err(self.error("signing_secret", "does not sign its webhooks")) }
    }

    /// Lists the accepted sets for people, such as `login and password, or key`.
    #[must_use]
    pub fn accepted_credentials(&self) -> String {
        let names =
            |set: &&[CredentialPart]| set.iter().map(CredentialPart::into_str).collect::<Vec<_>>().join(" and ");
        self.credentials.iter().filter(|set| !set.is_empty()).map(names).collect::<Vec<_>>().join(", or ")
    }

    /// Returns whether a submit needs credentials.
    #[must_use]
    pub fn needs_credentials(&self) -> bool {
        !self.credentials.iter().any(|set| set.is_empty())
    }

    fn error(&self, field: &'static str, reason: &str) -> SettingError {
        SettingError { field, reason: format!("is not supported: {} {reason}", self.title) }
    }
}

/// Returns whether the text is a whole number in JSON's notation.
fn is_whole_number(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|number| number.to_string() == text)
}

/// A part of the credentials for submits.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    Display,
    EnumIter,
    EnumString,
    IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum CredentialPart {
    /// An API key, or another secret that suffices alone, such as CM.com's product token.
    Key,
    /// A user name, account or client ID, which is no secret without its password.
    Login,
    Password,
}

/// A carrier's credentials for submits. There is no `Debug`, because they are secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credentials(BTreeMap<CredentialPart, String>);

impl Credentials {
    #[must_use]
    pub fn get(&self, part: CredentialPart) -> Option<&str> {
        self.0.get(&part).map(String::as_str)
    }

    /// Returns the API key, empty if there is none. [`VendorProfile::check_credentials`] makes sure of a needed
    /// one before a submit.
    #[must_use]
    pub fn key(&self) -> &str {
        self.get(CredentialPart::Key).unwrap_or_default()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn parts(&self) -> impl Iterator<Item = CredentialPart> {
        self.0.keys().copied()
    }

    fn is(&self, set: &[CredentialPart]) -> bool {
        self.0.len() == set.len() && set.iter().all(|part| self.0.contains_key(part))
    }
}

impl FromIterator<(CredentialPart, String)> for Credentials {
    fn from_iter<I: IntoIterator<Item = (CredentialPart, String)>>(parts: I) -> Self {
        Self(parts.into_iter().collect())
    }
}
