//! The webhooks that accounts registered with `POST /v3/webhooks`.

use std::collections::HashMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use url::Url;

use super::ConnectionName;
use super::error::Error;
use crate::emulator::carriers::callback_address;
use crate::emulator::clock;
use crate::emulator::problem::{Fields, Problem};
use crate::emulator::webhooks::Webhook;

const EVENTS: [&str; 4] = ["message-reply", "delivery-status", "message-send", "number-opt-in"];
const PAGE_SIZE: usize = 25;
/// The vendor retries at most twice.
const MOST_RETRIES: u32 = 2;

#[derive(Default)]
pub(super) struct Registrations {
    newest_id: u64,
    all: HashMap<ConnectionName, Vec<Registration>>,
}

pub(super) struct Registration {
    event: String,
    pub(super) url: Url,
    pub(super) secret: String,
    retries: bool,
    /// The webhook as answers show it, without its secret.
    shown: Value,
}

impl Registration {
    pub(super) fn most_retries(&self) -> u32 {
        if self.retries { MOST_RETRIES } else { 0 }
    }
}

impl Registrations {
    /// Registers a webhook and returns the answer. The address must be on this machine.
    pub(super) fn register(&mut self, account: &ConnectionName, body: &[u8], now: Timestamp) -> Result<Value, Error> {
        let fields = Fields::parse(body)?;
        let event = fields.filled_text("event")?;
        if !EVENTS.contains(&event) {
            return Err(Problem::invalid("event", format!("must be one of {}", EVENTS.join(", "))).into());
        }
        let url = callback_address::parse(fields.filled_text("url")?);
        let url = url.map_err(|error| Problem::invalid("url", error.to_string()))?;
        let secret = fields.filled_text("secret")?.to_owned();
        let retries = fields.optional("retryOnError", Fields::flag)?.unwrap_or_default();
        let id = self.newest_id + 1;
        let shown = json!({
            "id": id,
            "event": event,
            "url": url,
            "alertEmail": fields.optional("alertEmail", Fields::text)?,
            "sendAlertEmail": fields.optional("sendAlertEmail", Fields::flag)?.unwrap_or_default(),
            "skipErrors": fields.optional("skipErrors", Fields::flag)?.unwrap_or_default(),
            "skipErrorCodes": fields.list::<String>("skipErrorCodes")?,
            "retryOnError": retries,
            "maxThroughputPerMinute": fields.optional("maxThroughputPerMinute", Fields::whole_number)?,
            "createdAt": clock::text(now),
        });
        self.newest_id = id;
        let registration = Registration { event: event.to_owned(), url, secret, retries, shown: shown.clone() };
        self.all.entry(account.clone()).or_default().push(registration);
        Ok(json!({ "message": format!("Webhook {id} created successfully."), "data": shown }))
    }

    /// Returns the first page of an account's webhooks.
    pub(super) fn list(&self, account: &ConnectionName) -> Value {
        let all = self.all.get(account).map(Vec::as_slice).unwrap_or_default();
        let rows: Vec<_> = all.iter().take(PAGE_SIZE).map(|registration| &registration.shown).collect();
        json!({ "data": { "rows": rows, "page": 0, "pageSize": PAGE_SIZE, "total": all.len() } })
    }

    /// Returns the account's newest webhook for receipts or replies.
    pub(super) fn newest(&self, account: &ConnectionName, webhook: Webhook) -> Option<&Registration> {
        let event = match webhook {
            Webhook::Receipts => "delivery-status",
            Webhook::Replies => "message-reply",
        };
        self.all.get(account)?.iter().rev().find(|registration| registration.event == event)
    }
}
