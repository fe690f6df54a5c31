//! Clients of each dialect: how they write a request, and how they recognise its answer and its callbacks. Every
//! test that goes over all dialects uses these, so a new dialect needs a file here and an arm in [`client`].

mod cm;
mod messangi;
mod mplus;
mod mta;

use jiff::Timestamp;
use reqwest::Method;
use serde_json::Value;
use shared::domain::{Channel, Dialect, SenderKind};
use strum::IntoEnumIterator;
use uuid::Uuid;

/// A dialect, as its clients know it.
#[derive(Debug)]
pub struct DialectClient {
    /// The formats of requests, the main one first.
    pub formats: &'static [ClientFormat],
    /// Returns whether a callback says that the message was delivered.
    pub is_delivery: fn(callback: &Value, sent: &SentMessage<'_>) -> bool,
    /// Returns whether a callback says that the message will not arrive.
    pub is_failure: fn(callback: &Value, sent: &SentMessage<'_>) -> bool,
    /// Returns whether a callback is a reply to the message.
    pub is_reply: fn(callback: &Value, sent: &SentMessage<'_>, text: &str) -> bool,
    /// Returns the URLs of the files in a reply.
    pub files: fn(callback: &Value) -> Vec<&str>,
}

/// A format of requests.
#[derive(Debug)]
pub struct ClientFormat {
    pub dialect: Dialect,
    /// For test names.
    pub name: &'static str,
    /// The most messages of a request in tests.
    pub most_messages: usize,
    pub abilities: &'static [Ability],
    /// Whether a request is one batch: its messages have the first one's text, sender and ID, and the answer names
    /// only the batch.
    pub is_batch: bool,
    pub request: fn(key: &str, messages: &[ClientMessage<'_>]) -> ClientRequest,
    /// Returns whether an answer with status 200 accepts the whole request.
    pub accepts: fn(body: &str) -> bool,
}

impl PartialEq for ClientFormat {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl ClientFormat {
    #[must_use]
    pub fn has(&self, ability: Ability) -> bool {
        self.abilities.contains(&ability)
    }
}

/// A feature of a message that a format can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ability {
    /// An ID that makes the message idempotent, which the answer repeats.
    MessageId,
    SharedSender,
    SendAt,
    Channels,
}

/// A message of a request. A format ignores what it has no [`Ability`] for.
#[derive(Debug)]
pub struct ClientMessage<'a> {
    pub id: Option<Uuid>,
    pub from: SenderKind,
    /// The owned sender ID.
    pub sender: &'a str,
    /// The recipient's digits.
    pub to: &'a str,
    pub text: &'a str,
    pub send_at: Option<Timestamp>,
    pub channels: &'a [Channel],
    pub callback: &'a str,
    /// The client's own reference. Empty if none.
    pub reference: &'a str,
}

impl<'a> ClientMessage<'a> {
    /// Returns a message from an owned sender.
    #[must_use]
    pub fn new(sender: &'a str, to: &'a str, text: &'a str, callback: &'a str) -> Self {
        let (id, from, send_at) = (None, SenderKind::Custom, None);
        Self { id, from, sender, to, text, send_at, channels: &[], callback, reference: "" }
    }
}

/// A message that was sent, and our ID for it.
#[derive(Clone, Copy, Debug)]
pub struct SentMessage<'a> {
    pub message: &'a ClientMessage<'a>,
    pub id: &'a str,
}

#[derive(Clone, Debug)]
pub struct ClientRequest {
    pub method: Method,
    /// The path with its query.
    pub path: String,
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl ClientRequest {
    /// Returns a request without body, with the key in each header that a dialect has for it.
    #[must_use]
    pub fn new(key: &str, method: Method, path: &str) -> Self {
        let headers = vec![("authorization", format!("Bearer {key}")), ("x-cm-producttoken", key.to_owned())];
        Self { method, path: path.to_owned(), headers, body: String::new() }
    }

    pub fn post(key: &str, path: &str, body: impl ToString) -> Self {
        Self { body: body.to_string(), ..Self::new(key, Method::POST, path) }
    }

    #[must_use]
    pub fn with_idempotency_key(self, key: &str) -> Self {
        self.with_header("idempotency-key", key)
    }

    #[must_use]
    pub fn with_header(mut self, header: &'static str, value: &str) -> Self {
        self.headers.push((header, value.to_owned()));
        self
    }
}

/// Returns a dialect's client.
#[must_use]
pub fn client(dialect: Dialect) -> &'static DialectClient {
    match dialect {
        Dialect::Mplus => &mplus::CLIENT,
        Dialect::Cm => &cm::CLIENT,
        Dialect::Messangi => &messangi::CLIENT,
        Dialect::Mta => &mta::CLIENT,
    }
}

/// Returns a dialect's main format.
#[must_use]
pub fn main_format(dialect: Dialect) -> &'static ClientFormat {
    &client(dialect).formats[0]
}

/// Returns every format of every dialect.
pub fn formats() -> impl Iterator<Item = &'static ClientFormat> {
    Dialect::iter().flat_map(|dialect| client(dialect).formats)
}
