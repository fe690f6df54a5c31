//! Messages for `POST /message`.

use serde_json::{Value, json};

use crate::system::OWN_SENDER;

/// Returns a message from a shared sender.
pub fn shared(to: &str, body: &str) -> Value {
    json!({"from": {"type": "shared"}, "to": to, "body": body})
}

/// Returns a message from [`OWN_SENDER`].
pub fn owned(to: &str, body: &str) -> Value {
    custom(OWN_SENDER, to, body)
}

/// Returns a message from a sender ID.
pub fn custom(sender: &str, to: &str, body: &str) -> Value {
    json!({"from": {"type": "custom", "value": sender}, "to": to, "body": body})
}

/// Adds or replaces a field.
pub fn with(mut message: Value, field: &str, value: impl Into<Value>) -> Value {
    message[field] = value.into();
    message
}
