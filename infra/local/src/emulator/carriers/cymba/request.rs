//! Parses a request: its query, and its messages.

use std::sync::Arc;

use axum::http::HeaderMap;
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::error::Error;
use super::message::Message;
use super::{Connection, Credentials};
use crate::emulator::problem::{Fields, Problem};

pub(super) struct Query {
    key: Option<String>,
    dry_run: Option<String>,
}

impl Query {
    pub(super) fn parse(query: Option<&str>) -> Self {
        let (mut key, mut dry_run) = (None, None);
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "key" => key = Some(value.into_owned()),
                // The page calls it `isDryrun`, and writes `dryRun` in its example.
                "isDryrun" | "dryRun" => dry_run = Some(value.into_owned()),
                _ => {}
            }
        }
        Self { key, dry_run }
    }

    /// Returns the API key, or else that of the `Authorization` header, which the page does not mention.
    pub(super) fn key(&self, headers: &HeaderMap) -> Option<Credentials> {
        match &self.key {
            Some(key) => Some(Credentials::Key(key.clone())),
            None => {
                Credentials::of_authorization(headers).ok().flatten().filter(|it| matches!(it, Credentials::Key(_)))
            }
        }
    }

    pub(super) fn is_dry_run(&self) -> Result<bool, Error> {
        match self.dry_run.as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Problem::invalid("isDryrun", "must be true or false").into()),
        }
    }
}

/// Returns the messages, each laid over the defaults, as submits of a connection.
pub(super) fn messages(body: &[u8], connection: Option<&Arc<Connection>>) -> Result<Vec<Message>, Error> {
    let request = Fields::parse(body)?;
    let defaults = request.object("defaults")?.unwrap_or_default();
    let messages = request.list::<Map<String, Value>>("messages")?;
    if messages.is_empty() {
        return Err(Problem::invalid("messages", "must have a message").into());
    }
    let read = |(index, message)| {
        let fields = Fields::from(message).over(&defaults);
        Message::read(fields, connection).map_err(|problem| Error::in_message(index, &problem))
    };
    messages.into_iter().enumerate().map(read).collect()
}
