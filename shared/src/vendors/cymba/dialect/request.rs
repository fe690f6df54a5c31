//! `POST /message`: `{"defaults": Message, "messages": [Message, …]}`.
//!
//! Each message is merged over the defaults, field by field and inside `from` too, and only the result is
//! validated. The page misspells the key once as `defualts`; we read both, and `defaults` wins. A `null`
//! removes a default.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{
    domain::{
        CallbackUrl, Channel, Draft, FieldError, FieldErrorCode, NumberError, PhoneNumber, SegmentLimit, SenderChoice,
        SenderError, SenderId, Text, TextError, parse_time,
    },
    formats::json,
};

/// Limit on a request's messages.
pub const MOST_MESSAGES: usize = 1000;
/// Limit on an answer's warnings.
const MOST_WARNINGS: usize = 100;
/// Limit on an unknown field name in a warning, in characters, so that the answer fits.
const MOST_REPEATED: usize = 40;
/// The channels of this dialect.
pub const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Rcs];

const REQUEST_FIELDS: [&str; 3] = ["messages", "defaults", "defualts"];
const MESSAGE_FIELDS: [&str; 7] = ["to", "from", "body", "callback", "channels", "id", "send_at"];
const FROM_FIELDS: [&str; 2] = ["type", "value"];

type Object = Map<String, Value>;

/// A parsed and validated request.
pub struct ReadRequest {
    pub drafts: Vec<Draft>,
    pub warnings: Vec<Warning>,
}

/// A part of the request that we ignored, although the client may have meant it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    pub field: String,
    pub message: String,
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
    let messages = read_messages(&request)?;

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
                warnings.extend(unknown_message_fields(message, Some(index), ""));
                warnings.extend(ignored_sender(message, &draft, index));
                drafts.push(draft);
            }
            Err(found) => errors.extend(found.into_iter().map(|error| error.at(index))),
        }
    }
    warnings.truncate(MOST_WARNINGS);
    if errors.is_empty() { Ok(ReadRequest { drafts, warnings }) } else { Err(errors) }
}

/// Returns the defaults, the correct spelling first.
fn read_defaults<'a>(request: &'a Object, warnings: &mut Vec<Warning>) -> Result<Vec<&'a Object>, Vec<FieldError>> {
    let mut defaults = Vec::new();
    for key in ["defaults", "defualts"] {
        match request.get(key) {
            None | Some(Value::Null) => {}
            Some(Value::Object(given)) => {
                warnings.extend(unknown_message_fields(given, None, &format!("{key}.")));
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

    /// Returns the objects under `key`, down to the first layer with another type.
    fn inner(&self, key: &str) -> Self {
        let values = self.0.iter().filter_map(|layer| layer.get(key));
        Self(values.map_while(Value::as_object).collect())
    }
}

fn read_messages(request: &Object) -> Result<&Vec<Value>, Vec<FieldError>> {
    let error = |code, words: &str| Err(vec![FieldError::new("messages", code, words)]);
    match request.get("messages") {
        None | Some(Value::Null) => error(FieldErrorCode::Missing, "a list of messages is required"),
        Some(Value::Array(messages)) if messages.is_empty() => error(FieldErrorCode::Empty, "is empty"),
        Some(Value::Array(messages)) if messages.len() > MOST_MESSAGES => {
            let words = format!("holds {} messages; at most {MOST_MESSAGES} are allowed", messages.len());
            error(FieldErrorCode::TooMany, &words)
        }
        Some(Value::Array(messages)) => Ok(messages),
        Some(_) => error(FieldErrorCode::WrongType, "must be a list"),
    }
}

fn unknown_message_fields(message: &Object, index: Option<usize>, prefix: &str) -> Vec<Warning> {
    let mut warnings = unknown_fields(message, &MESSAGE_FIELDS, index, prefix);
    if let Some(Value::Object(from)) = message.get("from") {
        warnings.extend(unknown_fields(from, &FROM_FIELDS, index, &format!("{prefix}from.")));
    }
    warnings
}

fn unknown_fields(object: &Object, known: &[&str], index: Option<usize>, prefix: &str) -> Vec<Warning> {
    let unknown = object.keys().filter(|key| !known.contains(&key.as_str()));
    let named = |key: &String| {
        let beginning: String = key.chars().take(MOST_REPEATED).collect();
        format!("{prefix}{beginning}")
    };
    unknown.map(|key| Warning { index, field: named(key), message: "is unknown and was ignored".to_owned() }).collect()
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
    let to = keep(read_to(message), &mut errors);
    let from = keep(read_from(message), &mut errors);
    let text = keep(read_body(message, limit), &mut errors);
    let callback = keep(read_callback(message), &mut errors);
    let channels = keep(read_channels(message), &mut errors);
    let client_id = keep(read_id(message), &mut errors);
    let send_at = keep(read_send_at(message), &mut errors);
    match (to, from, text, callback, channels, client_id, send_at) {
        (Some(to), Some(from), Some(text), Some(callback), Some(channels), Some(client_id), Some(send_at)) => {
            Ok(Draft { callback, channels, client_id, send_at, ..Draft::new(to, from, text) })
        }
        _ => Err(errors),
    }
}

fn keep<T>(read: Result<T, FieldError>, errors: &mut Vec<FieldError>) -> Option<T> {
    read.map_err(|error| errors.push(error)).ok()
}

fn read_to(message: &Layers<'_>) -> Result<PhoneNumber, FieldError> {
    let to = required_text(message, "to", "to")?;
    to.parse::<PhoneNumber>().map_err(|error| {
        let code = if error == NumberError::Empty { FieldErrorCode::Empty } else { FieldErrorCode::Malformed };
        FieldError::new("to", code, error.to_string())
    })
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
    match required_text(&from, "type", "from.type")? {
        // Ignore a value, perhaps from the defaults: a shared sender cannot be chosen.
        "shared" => Ok(SenderChoice::Shared),
        "custom" => {
            let value = required_text(&from, "value", "from.value")?;
            let sender = value.parse::<SenderId>().map_err(|error| {
                let code = if error == SenderError::Empty { FieldErrorCode::Empty } else { FieldErrorCode::Malformed };
                FieldError::new("from.value", code, error.to_string())
            })?;
            Ok(SenderChoice::Custom(sender))
        }
        _ => Err(FieldError::new("from.type", FieldErrorCode::UnknownValue, "must be \"custom\" or \"shared\"")),
    }
}

fn read_body(message: &Layers<'_>, limit: SegmentLimit) -> Result<Text, FieldError> {
    let body = required_text(message, "body", "body")?;
    Text::parse(body, limit).map_err(|error| {
        let code = match error {
            TextError::Empty => FieldErrorCode::Empty,
            TextError::TooLong { .. } | TextError::TooManyBytes { .. } => FieldErrorCode::TooLong,
            TextError::ControlCharacter(_) => FieldErrorCode::Malformed,
        };
        FieldError::new("body", code, error.to_string())
    })
}

fn read_callback(message: &Layers<'_>) -> Result<Option<CallbackUrl>, FieldError> {
    let Some(callback) = optional_text(message, "callback")? else { return Ok(None) };
    let url = callback.parse::<CallbackUrl>();
    url.map(Some).map_err(|error| FieldError::new("callback", FieldErrorCode::Malformed, error.to_string()))
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
    let Some(id) = optional_text(message, "id")? else { return Ok(None) };
    let uuid = Uuid::try_parse(id);
    uuid.map(Some).map_err(|_| FieldError::new("id", FieldErrorCode::Malformed, "is not a UUID"))
}

fn read_send_at(message: &Layers<'_>) -> Result<Option<jiff::Timestamp>, FieldError> {
    let Some(send_at) = optional_text(message, "send_at")? else { return Ok(None) };
    let time = parse_time(send_at);
    time.map(Some).map_err(|error| FieldError::new("send_at", FieldErrorCode::Malformed, error.to_string()))
}

fn required_text<'a>(object: &Layers<'a>, key: &str, field: &str) -> Result<&'a str, FieldError> {
    match object.get(key) {
        None => Err(FieldError::new(field, FieldErrorCode::Missing, "is required")),
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(FieldError::new(field, FieldErrorCode::WrongType, "must be a string")),
    }
}

fn optional_text<'a>(object: &Layers<'a>, key: &str) -> Result<Option<&'a str>, FieldError> {
    match object.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(FieldError::new(key, FieldErrorCode::WrongType, "must be a string")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn errors(body: &str) -> Vec<(Option<usize>, String, FieldErrorCode)> {
        match read(body.as_bytes(), SegmentLimit::default()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.into_iter().map(|f| (f.index, f.field, f.code)).collect(),
        }
    }

    #[test]
    fn every_error_of_every_message_is_listed() {
        let body = r#"{"defaults":{"from":{"type":"custom"}},"messages":[
            {"to":"44","body":"","callback":"x","channels":["fax"],"id":"7","send_at":"soon"},
            {"from":{"type":"shared"},"to":"441111111111","body":"fine"},
            7,
            {"from":{"type":"own"},"body":1}]}"#;
        let expected = [
            (0, "to", FieldErrorCode::Malformed),
            (0, "from.value", FieldErrorCode::Missing),
            (0, "body", FieldErrorCode::Empty),
            (0, "callback", FieldErrorCode::Malformed),
            (0, "channels", FieldErrorCode::UnknownValue),
            (0, "id", FieldErrorCode::Malformed),
            (0, "send_at", FieldErrorCode::Malformed),
            (2, "messages", FieldErrorCode::WrongType),
            (3, "to", FieldErrorCode::Missing),
            (3, "from.type", FieldErrorCode::UnknownValue),
            (3, "body", FieldErrorCode::WrongType),
        ];
        let expected: Vec<_> = expected.map(|(i, field, code)| (Some(i), field.to_owned(), code)).into();
        assert_eq!(errors(body), expected);
    }

    #[test]
    fn defaults_apply_to_each_message_in_either_spelling() {
        let body = r#"{"defualts":{"from":{"type":"custom","value":"wrong"},"callback":"https://a.example/"},
            "defaults":{"from":{"value":"right"}},
            "messages":[{"to":"441111111111","body":"a"},
                        {"to":"441111111111","body":"b","from":{"type":"shared"},"callback":null}]}"#;
        let request = read(body.as_bytes(), SegmentLimit::default()).ok().unwrap();
        assert_eq!(request.drafts[0].from, SenderChoice::Custom("right".parse().unwrap()));
        assert!(request.drafts[0].callback.is_some());
        assert_eq!(request.drafts[1].from, SenderChoice::Shared);
        assert!(request.drafts[1].callback.is_none());
    }

    #[test]
    fn unknown_fields_are_named_with_their_path() {
        let body = r#"{"note":1,"defaults":{"ref":1},
            "messages":[{"to":"441111111111","body":"a","from":{"type":"shared","kind":1,"value":"x"},"sendAt":"x"}]}"#;
        let request = read(body.as_bytes(), SegmentLimit::default()).ok().unwrap();
        let named: Vec<_> = request.warnings.iter().map(|w| (w.index, w.field.as_str())).collect();
        assert_eq!(
            named,
            [
                (None, "note"),
                (None, "defaults.ref"),
                (Some(0), "sendAt"),
                (Some(0), "from.kind"),
                (Some(0), "from.value")
            ]
        );
    }

    #[test]
    fn long_name_of_unknown_field_is_cut() {
        let key = "é".repeat(100_000);
        let body =
            format!(r#"{{"{key}":1,"messages":[{{"to":"441111111111","body":"a","from":{{"type":"shared"}}}}]}}"#);
        let request = read(body.as_bytes(), SegmentLimit::default()).ok().unwrap();
        assert_eq!(request.warnings[0].field, "é".repeat(40));
    }

    proptest! {
        #[test]
        fn arbitrary_body_does_not_panic(body in "\\PC{0,200}") {
            let _ = read(body.as_bytes(), SegmentLimit::default());
        }

        #[test]
        fn arbitrary_message_does_not_panic(key in "to|from|body|callback|channels|id|send_at", value in "\"\\PC{0,20}\"|[0-9]{1,5}|null|\\[\\]|\\{\\}|true") {
            let body = format!(r#"{{"messages":[{{"{key}":{value}}}],"defaults":{{"{key}":{value}}}}}"#);
            let _ = read(body.as_bytes(), SegmentLimit::default());
        }
    }
}
