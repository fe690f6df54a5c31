//! Views of answers and callbacks, with names for common fields.
//!
//! Each view dereferences to its whole JSON [`Value`], for the other fields.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Anything that has a message's ID.
pub trait MessageRef {
    fn message_id(&self) -> &str;
}

/// A message in the answer to `POST /message`.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The gateway's ID, not the client's own.
    pub id: String,
    pub batch: String,
    /// The sender ID, named by the client or chosen from the pool.
    pub sender: String,
    json: Value,
}

/// A message or reply, as `GET /messages` and `GET /messages/{id}` show it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView(Value);

/// A callback to a sink. As JSON: `{"headers": {…}, "body": "…", "json": …}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Callback(Value);

impl Accepted {
    pub fn new(json: Value) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&json["messageUuid"]),
            batch: text(&json["batchUuid"]),
            sender: text(&json["from"]["value"]),
            json,
        }
    }
}

impl MessageView {
    pub fn new(json: Value) -> Self {
        Self(json)
    }

    pub fn into_json(self) -> Value {
        self.0
    }

    pub fn id(&self) -> &str {
        self.text("id")
    }

    pub fn state(&self) -> &str {
        self.text("state")
    }

    /// Returns the number of claims. One claim may try several carriers.
    pub fn attempts(&self) -> u64 {
        self["attempts"].as_u64().expect("a number of attempts")
    }

    /// Returns the newest submit's channel; empty before the first.
    pub fn channel(&self) -> &str {
        self.text("channel")
    }

    /// Returns the newest submit's carrier; empty before the first.
    pub fn carrier(&self) -> &str {
        self.text("carrier")
    }

    /// Returns the carrier's ID; empty until a carrier accepts the message.
    pub fn carrier_id(&self) -> &str {
        self.text("carrier_id")
    }

    /// Returns `"channel carrier outcome"` for each failed attempt, oldest first, with `-` for an unknown
    /// carrier.
    pub fn failed_attempts(&self) -> Vec<String> {
        let words = |attempt: &Value| {
            ["channel", "carrier", "outcome"].map(|field| attempt[field].as_str().unwrap_or("-").to_owned()).join(" ")
        };
        self.list("failed_attempts").iter().map(words).collect()
    }

    /// Returns the failed attempts' outcomes, oldest first.
    pub fn attempt_outcomes(&self) -> Vec<&str> {
        self.list("failed_attempts").iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
    }

    /// Returns the state changes, oldest first: `{"state": …, "at": …}`, perhaps with a `"reason"`.
    pub fn history(&self) -> &[Value] {
        self.list("history")
    }

    /// Returns the states in the history, oldest first.
    pub fn states(&self) -> Vec<&str> {
        self.history().iter().map(|change| change["state"].as_str().unwrap()).collect()
    }

    /// Counts a state in the history.
    pub fn times_in(&self, state: &str) -> usize {
        self.states().into_iter().filter(|known| *known == state).count()
    }

    /// Returns the reasons in the history, oldest first.
    pub fn reasons(&self) -> Vec<&str> {
        self.history().iter().filter_map(|change| change["reason"].as_str()).collect()
    }

    /// Returns the newest state change's reason, or an empty text.
    pub fn last_reason(&self) -> &str {
        self.history().last().and_then(|change| change["reason"].as_str()).unwrap_or_default()
    }

    fn text(&self, field: &str) -> &str {
        self[field].as_str().unwrap_or_default()
    }

    fn list(&self, field: &str) -> &[Value] {
        self[field].as_array().map(Vec::as_slice).unwrap_or_default()
    }
}

impl Callback {
    /// Parses a sink's request, `{"headers": {…}, "body": "…"}`.
    pub fn new(mut request: Value) -> Self {
        request["json"] = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        Self(request)
    }

    /// Returns the whole request, as JSON.
    pub fn into_request(self) -> Value {
        self.0
    }

    /// Returns the parsed body.
    pub fn into_json(mut self) -> Value {
        self.0["json"].take()
    }

    /// Returns a header, which must be present. `name` is in lower case.
    pub fn header(&self, name: &str) -> &str {
        self["headers"][name].as_str().unwrap_or_else(|| panic!("no {name} in {self}"))
    }

    pub fn has_header(&self, name: &str) -> bool {
        self["headers"].get(name).is_some()
    }

    /// Returns the `webhook-id`, which retries repeat.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// Returns the `webhook-timestamp`, in seconds.
    pub fn sent_at(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    /// Returns the exact body.
    pub fn body(&self) -> &str {
        self["body"].as_str().unwrap()
    }

    /// Returns the parsed body.
    pub fn json(&self) -> &Value {
        &self["json"]
    }

    /// Returns `receiptInfo.code` from a Messaging Plus receipt.
    pub fn receipt_code(&self) -> &str {
        self.json()["receiptInfo"]["code"].as_str().unwrap_or_else(|| panic!("no receipt: {self}"))
    }

    /// Returns `messages.msg` from a CM.com status report.
    pub fn cm_report(&self) -> &Value {
        &self.json()["messages"]["msg"]
    }

    /// Returns `status.code` from a CM.com status report.
    pub fn cm_code(&self) -> &str {
        self.cm_report()["status"]["code"].as_str().unwrap_or_else(|| panic!("no report: {self}"))
    }
}

impl MessageRef for Accepted {
    fn message_id(&self) -> &str {
        &self.id
    }
}

impl MessageRef for MessageView {
    fn message_id(&self) -> &str {
        self.id()
    }
}

impl MessageRef for str {
    fn message_id(&self) -> &str {
        self
    }
}

impl MessageRef for String {
    fn message_id(&self) -> &str {
        self
    }
}

impl MessageRef for Value {
    fn message_id(&self) -> &str {
        self.as_str().unwrap_or_else(|| panic!("no ID: {self}"))
    }
}

impl<T: MessageRef + ?Sized> MessageRef for &T {
    fn message_id(&self) -> &str {
        (**self).message_id()
    }
}

macro_rules! json_view {
    ($($view:ident $field:tt),*) => {$(
        impl Deref for $view {
            type Target = Value;

            fn deref(&self) -> &Value {
                &self.$field
            }
        }

        impl fmt::Display for $view {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.$field.fmt(f)
            }
        }

        impl Serialize for $view {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.$field.serialize(serializer)
            }
        }
    )*};
}

json_view!(Accepted json, MessageView 0, Callback 0);
