//! Messages as clients of `POST /message` write them.

use serde_json::{Value, json};

use crate::system::OWN_SENDER;

/// A message from the pool.
pub fn shared(to: &str, body: &str) -> Value {
    json!({"from": {"type": "shared"}, "to": to, "body": body})
}

/// A message from [`OWN_SENDER`].
pub fn owned(to: &str, body: &str) -> Value {
    custom(OWN_SENDER, to, body)
}

/// A message from that sender ID.
pub fn custom(sender: &str, to: &str, body: &str) -> Value {
    json!({"from": {"type": "custom", "value": sender}, "to": to, "body": body})
}

/// The message with another field.
pub fn with(mut message: Value, field: &str, value: impl Into<Value>) -> Value {
    message[field] = value.into();
    message
}
