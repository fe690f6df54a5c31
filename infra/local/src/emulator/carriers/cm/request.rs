//! Parses a request: authentication and messages. An invalid message does not affect the rest; an invalid
//! request is rejected as a whole.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::Value;

use super::error::{MessageError, RequestError};
use super::json::Object;
use super::{Connection, ParsedMessage, message};

const TOKEN_HEADER: &str = "x-cm-producttoken";

/// Each recipient counts as a message, and so does a `msg` without recipients.
const MOST_MESSAGES: usize = 1000;

pub(super) struct Request {
    /// The product token.
    pub(super) token: String,
    /// The value of `messages`.
    messages: Option<Value>,
}

impl Request {
    /// Reads the token, in the header, or in the body if there is no header.
    pub(super) fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Self, RequestError> {
        let request: Value = serde_json::from_slice(body).map_err(|_| RequestError::not_json())?;
        let messages = Object::of(&request).ok_or_else(RequestError::not_json)?.get("messages").cloned();
        if messages.as_ref().is_some_and(|messages| !messages.is_object()) {
            return Err(RequestError::not_json());
        }
        let header_token = headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        let authentication = messages.as_ref().and_then(Object::of).and_then(|it| it.object("authentication"));
        let body_token = || authentication?.get("producttoken")?.as_str();
        let token = header_token.or_else(body_token).map(str::trim).filter(|token| !token.is_empty());
        let token = token.ok_or_else(RequestError::no_token)?.to_owned();
        Ok(Self { token, messages })
    }

    /// Returns the messages, as submits of a connection.
    pub(super) fn messages(&self, connection: Option<&Arc<Connection>>) -> Result<Vec<ParsedMessage>, RequestError> {
        let messages = self.messages.as_ref().and_then(Object::of);
        let written = messages.and_then(|messages| messages.get("msg")).ok_or_else(RequestError::no_messages)?;
        let written = written.as_array().ok_or_else(RequestError::messages_not_an_array)?;
        if written.is_empty() {
            return Err(RequestError::no_messages());
        }
        if written.iter().map(recipients).sum::<usize>() > MOST_MESSAGES {
            return Err(RequestError::too_many_messages());
        }
        Ok(written.iter().flat_map(|message| read_message(message, connection)).collect())
    }
}

fn recipients(message: &Value) -> usize {
    let to = Object::of(message).and_then(|message| message.get("to"));
    to.and_then(Value::as_array).map_or(1, |to| to.len().max(1))
}

fn read_message(written: &Value, connection: Option<&Arc<Connection>>) -> Vec<ParsedMessage> {
    let invalid = |reference: Option<String>, error| vec![ParsedMessage { to: None, reference, message: Err(error) }];
    let Some(fields) = Object::of(written) else { return invalid(None, MessageError::field("msg")) };
    let reference = fields.get("reference").and_then(Value::as_str).map(str::to_owned);
    let to = match fields.get("to").map(Value::as_array) {
        None => return invalid(reference, MessageError::no_to()),
        Some(None) => return invalid(reference, MessageError::to_not_an_array()),
        Some(Some(to)) if to.is_empty() => return invalid(reference, MessageError::no_to()),
        Some(Some(to)) => to,
    };
    let common = message::Common::read(fields);
    let parsed = to.iter().map(|to| {
        let number = Object::of(to).and_then(|to| to.get("number"));
        ParsedMessage {
            to: number.map(|number| number.as_str().map_or_else(|| number.to_string(), str::to_owned)),
            reference: reference.clone(),
            message: message::read(&common, number, connection),
        }
    });
    parsed.collect()
}
