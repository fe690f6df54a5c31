//! Answers and callbacks of the gateway, with names for their common fields.
//!
//! Each dereferences to the whole JSON [`Value`], for the fields that have no name here.

use std::{fmt, ops::Deref};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// The ID of a message, wherever a test has it.
pub trait MessageRef {
    fn message_id(&self) -> &str;
}

/// A message as `POST /message` answered it.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// The gateway's ID, not the client's own.
    pub id: String,
    pub batch: String,
    /// The sender ID: the account's own, or the one that the pool gave.
    pub sender: String,
    json: Value,
}

/// A message as `GET /messages/{id}` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageView(Value);

/// A callback, as a sink got it. As JSON it is `{"headers": {…}, "body": "…", "json": …}`.
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

    /// How often it was submitted.
    pub fn attempts(&self) -> u64 {
        self["attempts"].as_u64().expect("a number of attempts")
    }

    /// The channel of the newest submit; empty before the first.
    pub fn channel(&self) -> &str {
        self.text("channel")
    }

    /// The carrier of the newest submit; empty before the first.
    pub fn carrier(&self) -> &str {
        self.text("carrier")
    }

    /// The carrier's own ID; empty until it has accepted the message.
    pub fn carrier_id(&self) -> &str {
        self.text("carrier_id")
    }

    /// `"channel carrier outcome"` of each failed attempt, oldest first; `-` for an unknown carrier.
    pub fn failed_attempts(&self) -> Vec<String> {
        let words = |attempt: &Value| {
            ["channel", "carrier", "outcome"].map(|field| attempt[field].as_str().unwrap_or("-").to_owned()).join(" ")
        };
        self.list("failed_attempts").iter().map(words).collect()
    }

    /// The outcome of each failed attempt, oldest first.
    pub fn attempt_outcomes(&self) -> Vec<&str> {
        self.list("failed_attempts").iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect()
    }

    /// The state changes, oldest first: `{"state": …, "at": …}`, and a `"reason"` if there is one.
    pub fn history(&self) -> &[Value] {
        self.list("history")
    }

    /// The states of the history, oldest first.
    pub fn states(&self) -> Vec<&str> {
        self.history().iter().map(|change| change["state"].as_str().unwrap()).collect()
    }

    /// How often a state is in the history.
    pub fn times_in(&self, state: &str) -> usize {
        self.states().into_iter().filter(|known| *known == state).count()
    }

    /// The reasons in the history, oldest first, without the changes that have none.
    pub fn reasons(&self) -> Vec<&str> {
        self.history().iter().filter_map(|change| change["reason"].as_str()).collect()
    }

    /// The reason of the newest state change; empty if it has none.
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
    /// From a request of a sink, `{"headers": {…}, "body": "…"}`.
    pub fn new(mut request: Value) -> Self {
        request["json"] = serde_json::from_str(request["body"].as_str().unwrap()).unwrap();
        Self(request)
    }

    pub fn into_json(self) -> Value {
        self.0
    }

    /// A header that the callback must have, by its name in lower case.
    pub fn header(&self, name: &str) -> &str {
        self["headers"][name].as_str().unwrap_or_else(|| panic!("no {name} in {self}"))
    }

    pub fn has_header(&self, name: &str) -> bool {
        self["headers"].get(name).is_some()
    }

    /// The `webhook-id`, which retries repeat.
    pub fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// The `webhook-timestamp`, in seconds.
    pub fn sent_at(&self) -> i64 {
        self.header("webhook-timestamp").parse().unwrap()
    }

    /// The body, byte for byte.
    pub fn body(&self) -> &str {
        self["body"].as_str().unwrap()
    }

    /// The body, parsed.
    pub fn json(&self) -> &Value {
        &self["json"]
    }

    /// The `receiptInfo.code` of a delivery receipt of Messaging Plus.
    pub fn receipt_code(&self) -> &str {
        self.json()["receiptInfo"]["code"].as_str().unwrap_or_else(|| panic!("no receipt: {self}"))
    }

    /// The `messages.msg` of a status report of CM.com.
    pub fn cm_report(&self) -> &Value {
        &self.json()["messages"]["msg"]
    }

    /// The `status.code` of a status report of CM.com.
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

/// The JSON of a view, for those that are nothing but JSON.
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
