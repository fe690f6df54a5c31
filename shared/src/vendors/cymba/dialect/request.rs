//! `POST /message`: `{"defaults": Message, "messages": [Message, …]}`.
//!
//! Each message is merged over the defaults, field by field and inside `from` too, and only the result is
//! validated. The page misspells the key once as `defualts`; we read both, and `defaults` wins. A `null`
//! removes a default. An empty `callback`, `id` or `send_at` counts as absent, so a default stays.

use std::collections::HashMap;

use serde_json::{Map, Value};
use uuid::Uuid;

pub use crate::formats::field::Warning;
use crate::{
    domain::{Channel, Draft, FieldError, FieldErrorCode, SegmentLimit, SenderChoice},
    formats::{
        field::{self, empty_fields, keep, required_text, unknown_fields},
        json,
    },
};

/// Limit on a request's messages.
pub const MOST_MESSAGES: usize = 1000;
/// Limit on an answer's warnings about the body.
pub(super) const MOST_WARNINGS: usize = 100;
/// Limit on an answer's warnings about query parameters.
const MOST_PARAMETERS: usize = 10;
/// The channels of this dialect.
pub const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Rcs];

const REQUEST_FIELDS: [&str; 3] = ["messages", "defaults", "defualts"];
const MESSAGE_FIELDS: [&str; 7] = ["to", "from", "body", "callback", "channels", "id", "send_at"];
/// Optional fields, which may be empty.
const MAY_BE_EMPTY: [&str; 3] = ["callback", "id", "send_at"];
const FROM_FIELDS: [&str; 2] = ["type", "value"];

type Object = Map<String, Value>;

/// A parsed and validated request.
pub struct ReadRequest {
    pub drafts: Vec<Draft>,
    pub warnings: Vec<Warning>,
}

/// Parses and validates a request.
///
/// # Errors
/// All errors in all messages, or the first error in the rest of the request.
pub fn read(body: &[u8], limit: SegmentLimit) -> Result<ReadRequest, Vec<FieldError>> {
    let value = json::read(body).map_err(|error| vec![error])?;
    let Value::Object(request) = value else {
        return Err(vec![FieldError::new("(body)", FieldErrorCode::WrongType, "must be a JSON object")]);
    };
    let mut warnings = unknown_fields(&request, &REQUEST_FIELDS, None, "");
    let defaults = read_defaults(&request, &mut warnings)?;
    let messages = field::messages(request.get("messages"), "messages", MOST_MESSAGES).map_err(|error| vec![error])?;

    let mut errors = Vec::new();
    let mut drafts = Vec::with_capacity(messages.len());
    let mut first_with_id = HashMap::new();
    for (index, message) in messages.iter().enumerate() {
        let Value::Object(message) = message else {
            let error = FieldError::new("messages", FieldErrorCode::WrongType, "each message must be a JSON object");
            errors.push(error.at(index));
            continue;
        };
        let layers = Layers([message].into_iter().chain(defaults.iter().copied()).collect());
        if let Ok(Some(id)) = read_id(&layers) {
            let first = *first_with_id.entry(id).or_insert(index);
            if first != index {
                let words = format!("is also the ID of message {first}");
                errors.push(FieldError::new("id", FieldErrorCode::Duplicate, words).at(index));
            }
        }
        match read_message(&layers, limit) {
            Ok(draft) => {
                let draft = Draft { index, ..draft };
                warnings.extend(ignored_fields(message, Some(index), ""));
                warnings.extend(ignored_sender(message, &draft, index));
                drafts.push(draft);
            }
            Err(found) => errors.extend(found.into_iter().map(|error| error.at(index))),
        }
    }
    warnings.truncate(MOST_WARNINGS);
    if errors.is_empty() { Ok(ReadRequest { drafts, warnings }) } else { Err(errors) }
}

/// Returns a warning for each unknown query parameter. We name at most ten, and never a value: the part of a name
/// behind an escaped `=` is left out too.
pub fn unknown_parameters(names: impl Iterator<Item = impl AsRef<str>>) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = Vec::new();
    for name in names {
        let field = field::shortened(name.as_ref().split('=').next().unwrap_or_default());
        if warnings.len() < MOST_PARAMETERS && warnings.iter().all(|warning| warning.field != field) {
            let message = "is an unknown query parameter and was ignored".to_owned();
            warnings.push(Warning { index: None, field, message });
        }
    }
    warnings
}

/// Returns the defaults, the correct spelling first.
fn read_defaults<'a>(request: &'a Object, warnings: &mut Vec<Warning>) -> Result<Vec<&'a Object>, Vec<FieldError>> {
    let mut defaults = Vec::new();
    for key in ["defaults", "defualts"] {
        match request.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(given)) => {
                warnings.extend(ignored_fields(given, None, &format!("{key}.")));
                defaults.push(given);
            }
            Some(_) => return Err(vec![FieldError::new(key, FieldErrorCode::WrongType, "must be an object")]),
        }
    }
    Ok(defaults)
}

/// A stack of objects, topmost first. A lookup through the layers replaces the page's merge, without a copy
/// per message.
struct Layers<'a>(Vec<&'a Object>);

impl<'a> Layers<'a> {
    /// Returns the topmost value under `key`. A `null` hides the layers below.
    fn get(&self, key: &str) -> Option<&'a Value> {
        self.0.iter().find_map(|layer| layer.get(key)).filter(|value| !value.is_null())
    }

    /// Returns the topmost value under `key` that is not an empty string.
    fn get_filled(&self, key: &str) -> Option<&'a Value> {
        let mut values = self.0.iter().filter_map(|layer| layer.get(key));
        values.find(|value| !field::is_empty_text(value)).filter(|value| !value.is_null())
    }

    /// Returns the objects under `key`, down to the first layer with another type.
    fn inner(&self, key: &str) -> Self {
        let values = self.0.iter().filter_map(|layer| layer.get(key));
        Self(values.map_while(Value::as_object).collect())
    }
}

fn ignored_fields(message: &Object, index: Option<usize>, prefix: &str) -> Vec<Warning> {
    let mut warnings = unknown_fields(message, &MESSAGE_FIELDS, index, prefix);
    warnings.extend(empty_fields(message, &MAY_BE_EMPTY, index, prefix));
    if let Some(Value::Object(from)) = message.get("from") {
        warnings.extend(unknown_fields(from, &FROM_FIELDS, index, &format!("{prefix}from.")));
    }
    warnings
}

/// Warns if the message itself names a sender, but its type is `shared`. We ignore a default sender silently,
/// because it is meant for other messages.
fn ignored_sender(message: &Object, draft: &Draft, index: usize) -> Option<Warning> {
    let named = message.get("from").is_some_and(|from| from["value"].is_string());
    let ignored = draft.from == SenderChoice::Shared && named;
    let words = "was ignored: a shared sender cannot be chosen";
    ignored.then(|| Warning { index: Some(index), field: "from.value".to_owned(), message: words.to_owned() })
}

/// Parses a merged message, and collects all errors.
fn read_message(message: &Layers<'_>, limit: SegmentLimit) -> Result<Draft, Vec<FieldError>> {
    let mut errors = Vec::new();
    let to = keep(field::number(message.get("to"), "to"), &mut errors);
    let from = keep(read_from(message), &mut errors);
    let text = keep(field::message_text(message.get("body"), "body", limit), &mut errors);
    let callback = keep(field::callback(message.get_filled("callback"), "callback"), &mut errors);
    let channels = keep(read_channels(message), &mut errors);
    let client_id = keep(read_id(message), &mut errors);
    let send_at = keep(field::time(message.get_filled("send_at"), "send_at"), &mut errors);
    match (to, from, text, callback, channels, client_id, send_at) {
        (Some(to), Some(from), Some(text), Some(callback), Some(channels), Some(client_id), Some(send_at)) => {
            Ok(Draft {
                callbacks: callback.into_iter().collect(),
                channels,
                client_id,
                send_at,
                ..Draft::new(to, from, text)
            })
        }
        _ => Err(errors),
    }
}

fn read_from(message: &Layers<'_>) -> Result<SenderChoice, FieldError> {
    let from = match message.get("from") {
        None => {
            return Err(FieldError::new(
                "from",
                FieldErrorCode::Missing,
                "a sender is required: {\"type\", \"value\"}",
            ));
        }
        Some(Value::Object(_)) => message.inner("from"),
        Some(_) => {
            return Err(FieldError::new("from", FieldErrorCode::WrongType, "must be an object {\"type\", \"value\"}"));
        }
    };
    match required_text(from.get("type"), "from.type")? {
        // Ignore a value, perhaps from the defaults: a shared sender cannot be chosen.
        "shared" => Ok(SenderChoice::Shared),
        "custom" => Ok(SenderChoice::Custom(field::sender(from.get("value"), "from.value")?)),
        _ => Err(FieldError::new("from.type", FieldErrorCode::UnknownValue, "must be \"custom\" or \"shared\"")),
    }
}

fn read_channels(message: &Layers<'_>) -> Result<Vec<Channel>, FieldError> {
    let error = |code, words| Err(FieldError::new("channels", code, words));
    let listed = match message.get("channels") {
        None => return Ok(Vec::new()),
        Some(Value::Array(listed)) if listed.is_empty() => return error(FieldErrorCode::Empty, "is empty"),
        Some(Value::Array(listed)) => listed,
        Some(_) => return error(FieldErrorCode::WrongType, "must be a list of channel names"),
    };
    let mut channels = Vec::new();
    for name in listed {
        let known = |name: &str| name.parse().ok().filter(|channel| CHANNELS.contains(channel));
        match name.as_str().map(known) {
            None => return error(FieldErrorCode::WrongType, "must be a list of channel names"),
            Some(None) => return error(FieldErrorCode::UnknownValue, "may list only \"sms\" and \"rcs\""),
            Some(Some(channel)) if channels.contains(&channel) => {
                return error(FieldErrorCode::Duplicate, "names a channel twice");
            }
            Some(Some(channel)) => channels.push(channel),
        }
    }
    Ok(channels)
}

fn read_id(message: &Layers<'_>) -> Result<Option<Uuid>, FieldError> {
    field::uuid(message.get_filled("id"), "id")
}
