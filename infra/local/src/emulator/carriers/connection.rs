//! A connection: a customer's account at a vendor, under the customer's own name for it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::Value;
use strum::VariantArray as _;
use tokio::sync::Semaphore;
use tracing::info;
use url::Url;

use super::{Credentials, Vendor};
use crate::emulator::network::Busy;
use crate::emulator::phone;
use crate::emulator::problem::{Fields, Problem};
use crate::emulator::webhooks::Webhook;

const LONGEST_NAME: usize = 32;
const LONGEST_COUNTRY_CODE: usize = 3;
/// Concurrent requests from a vendor to a connection's webhooks.
const WEBHOOK_REQUESTS: usize = 128;

const FIELDS: [&str; 7] =
    ["vendor", "receipts", "replies", "credentials", "signing_secret", "country_code", "sender_ids"];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::emulator) struct ConnectionName(Arc<str>);

impl ConnectionName {
    /// Accepts 1 to 32 of a-z, 0-9 and single inner hyphens.
    pub(super) fn parse(written: &str) -> Result<Self, Problem> {
        let is_word =
            |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        if written.len() <= LONGEST_NAME && written.split('-').all(is_word) {
            Ok(Self(written.into()))
        } else {
            Err(Problem::invalid("name", "must be 1 to 32 of a-z, 0-9 and single hyphens between them"))
        }
    }

    pub(in crate::emulator) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A connection as registered last.
pub(in crate::emulator) struct Connection {
    pub(in crate::emulator) name: ConnectionName,
    pub(in crate::emulator) vendor: Vendor,
    receipts: Url,
    replies: Url,
    pub(super) credentials: Option<Credentials>,
    pub(super) signing_secret: Option<String>,
    /// The calling code of the connection's country, in digits.
    pub(super) country_code: Option<String>,
    /// Senders as a phone shows them, by the vendor's ID.
    senders: BTreeMap<String, String>,
    /// Kept when the name is registered again.
    pub(super) state: Arc<ConnectionState>,
    /// Number of the registration, from 0.
    pub(super) registration: u64,
}

pub(super) struct ConnectionState {
    is_down: AtomicBool,
    accepted: AtomicU64,
    webhook_requests: Semaphore,
}

impl Default for ConnectionState {
    fn default() -> Self {
        Self {
            is_down: AtomicBool::default(),
            accepted: AtomicU64::default(),
            webhook_requests: Semaphore::new(WEBHOOK_REQUESTS),
        }
    }
}

impl Connection {
    pub(super) fn parse(name: &str, body: &[u8]) -> Result<Self, Problem> {
        let name = ConnectionName::parse(name)?;
        let fields = Fields::parse(body)?;
        fields.only(&FIELDS)?;
        Ok(Self {
            name,
            vendor: vendor(&fields)?,
            receipts: address(&fields, "receipts")?,
            replies: address(&fields, "replies")?,
            credentials: credentials(&fields)?,
            signing_secret: fields.optional("signing_secret", Fields::filled_text)?.map(str::to_owned),
            country_code: fields.optional("country_code", country_code)?,
            senders: senders(&fields)?,
            state: Arc::default(),
            registration: 0,
        })
    }

    pub(in crate::emulator) fn address(&self, webhook: Webhook) -> &Url {
        match webhook {
            Webhook::Receipts => &self.receipts,
            Webhook::Replies => &self.replies,
        }
    }

    pub(in crate::emulator) fn webhook_requests(&self) -> &Semaphore {
        &self.state.webhook_requests
    }

    /// Returns the response to every request while a person keeps the connection down.
    pub(super) fn outage(&self) -> Option<Busy> {
        if !self.is_down() {
            return None;
        }
        let busy = Busy::Unavailable;
        let (carrier, vendor) = (self.name.as_str(), self.vendor.into_str());
        info!(carrier, vendor, http.status = busy.status().as_u16(), "carrier is down");
        Some(busy)
    }

    pub(super) fn is_down(&self) -> bool {
        self.state.is_down.load(Ordering::Relaxed)
    }

    pub(super) fn set_down(&self, is_down: bool) {
        self.state.is_down.store(is_down, Ordering::Relaxed);
    }

    pub(in crate::emulator) fn count_accepted(&self) {
        self.state.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn accepted(&self) -> u64 {
        self.state.accepted.load(Ordering::Relaxed)
    }

    /// Returns the sender of a vendor's ID.
    pub(super) fn sender(&self, id: &str) -> Option<&str> {
        self.senders.get(id).map(String::as_str)
    }

    /// Returns whether the sender has a vendor's ID.
    pub(super) fn has_id_for(&self, sender: &str) -> bool {
        self.senders.values().any(|known| known == sender)
    }
}

fn vendor(fields: &Fields) -> Result<Vendor, Problem> {
    fields.filled_text("vendor")?.parse().map_err(|_| {
        let known: Vec<_> = Vendor::VARIANTS.iter().map(Vendor::into_str).collect();
        Problem::invalid("vendor", format!("is not a vendor; vendors: {}", known.join(", ")))
    })
}

fn credentials(fields: &Fields) -> Result<Option<Credentials>, Problem> {
    let parse = |fields| Credentials::parse(&fields).map_err(|problem| problem.within("credentials"));
    fields.object("credentials")?.map(parse).transpose()
}

fn address(fields: &Fields, field: &'static str) -> Result<Url, Problem> {
    Url::parse(fields.text(field)?)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Problem::invalid(field, "must be an http or https URL"))
}

fn country_code(fields: &Fields, field: &'static str) -> Result<String, Problem> {
    let code = fields.text(field)?;
    let is_code = (1..=LONGEST_COUNTRY_CODE).contains(&code.len())
        && code.bytes().all(|b| b.is_ascii_digit())
        && !code.starts_with('0');
    if is_code { Ok(code.to_owned()) } else { Err(Problem::invalid(field, "must be a calling code: 1 to 3 digits")) }
}

fn senders(fields: &Fields) -> Result<BTreeMap<String, String>, Problem> {
    let mut senders = BTreeMap::new();
    let Some(table) = fields.object("sender_ids")? else { return Ok(senders) };
    for (sender, id) in table.entries() {
        let Some(id) = Value::as_str(id).filter(|id| !id.is_empty() && !sender.is_empty()) else {
            return Err(Problem::invalid("sender_ids", "must have a sender and its ID, a string, in each entry"));
        };
        if senders.insert(id.to_owned(), phone::shown_sender(sender).to_owned()).is_some() {
            return Err(Problem::invalid("sender_ids", "must not have an ID twice"));
        }
    }
    Ok(senders)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_has_words_and_single_hyphens() {
        let longest = "a".repeat(LONGEST_NAME);
        for valid in ["cm", "cm-nl", "a-1-b", "0", &longest] {
            assert_eq!(ConnectionName::parse(valid).unwrap().as_str(), valid);
        }
        for invalid in ["", "-cm", "cm-", "cm--nl", "CM", "cm_nl", "cm nl", "ü", &format!("{longest}a")] {
            assert!(ConnectionName::parse(invalid).is_err(), "{invalid}");
        }
    }
}
