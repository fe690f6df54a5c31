//! Deliveries: `GET /v3/deliveries`, the account's messages, each with its newest status.
//!
//! The pages have the parameters and the envelope, but not a row's fields. Where they are silent, the choices are ours:
//!
//! - A row has the fields of the event `delivery-status`, and the message's text.
//! - `date` is when the request was accepted. The list is sorted by `date`, newest first.
//! - A filter may be named `filters[status]` or `status`.
//! - A date alone is the whole day in UTC.
//! - `status` also takes our own words, see [`event::STATUSES`].
//! - `type` is `mms` for a message with rich content, such as an image, and otherwise `sms`. No message is `tts`.
//! - `query` is a `messageId`, a number, or an `externalId`.

use serde::Serialize;

use super::{
    event,
    fields::check_short,
    paging::{Lookup, Paging, filled, rows},
};
use crate::{
    domain::{FieldError, FieldErrorCode as Code, Message, Reference, Tags, Timestamp, parse_time},
    formats::{field::keep, number},
};

/// The longest text in a row, in characters, so that a page fits into an answer.
const LONGEST_TEXT: usize = 5_000;
/// The longest search text, in bytes.
const LONGEST_QUERY: usize = 4 * Reference::LONGEST;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A request for a page with deliveries.
#[derive(Debug, PartialEq, Eq)]
pub struct Query {
    pub paging: Paging,
    pub oldest_first: bool,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// A `messageId`, a number, or an `externalId`.
    pub text: Option<String>,
    status: Option<&'static str>,
    r#type: Option<Type>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Type {
    Sms,
    Mms,
    Tts,
}

impl Query {
    /// Reads the query parameters.
    ///
    /// # Errors
    /// All errors in all parameters.
    pub fn read(parameter: &Lookup<'_>) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let query = Self {
            paging: Paging::read_into(parameter, &mut errors),
            oldest_first: keep(read_order(parameter), &mut errors).unwrap_or_default(),
            since: keep(filter(parameter, "startDate", read_start), &mut errors).flatten(),
            until: keep(filter(parameter, "endDate", read_end), &mut errors).flatten(),
            text: keep(read_text(parameter), &mut errors).flatten(),
            status: keep(filter(parameter, "status", read_status), &mut errors).flatten(),
            r#type: keep(filter(parameter, "type", read_type), &mut errors).flatten(),
        };
        if query.since.zip(query.until).is_some_and(|(since, until)| since > until) {
            errors.push(FieldError::new("filters[endDate]", Code::Conflict, "is before the start date"));
        }
        if errors.is_empty() { Ok(query) } else { Err(errors) }
    }

    /// Returns whether a filter needs the messages, and not just their times.
    #[must_use]
    pub fn needs_content(&self) -> bool {
        self.status.is_some() || self.r#type.is_some()
    }

    /// Returns whether the message has the wanted status and type.
    #[must_use]
    pub fn admits(&self, message: &Message) -> bool {
        self.status.is_none_or(|status| event::status(message, message.state()) == status)
            && self.r#type.is_none_or(|wanted| type_of(message) == wanted)
    }
}

fn type_of(message: &Message) -> Type {
    if message.request.content.is_some() { Type::Mms } else { Type::Sms }
}

type ReadError = (Code, String);

/// Reads a filter by either of its names.
fn filter<T>(
    parameter: &Lookup<'_>,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, ReadError>,
) -> Result<Option<T>, FieldError> {
    let long_name = format!("filters[{name}]");
    let (named, value) = match (filled(parameter, &long_name)?, filled(parameter, name)?) {
        (Some(_), Some(_)) => {
            let words = format!("is there as '{name}' and as '{long_name}'");
            return Err(FieldError::new(name, Code::Duplicate, words));
        }
        (Some(value), None) => (long_name.as_str(), value),
        (None, Some(value)) => (name, value),
        (None, None) => return Ok(None),
    };
    read(&value).map(Some).map_err(|(code, words)| FieldError::new(named, code, words))
}

fn read_start(text: &str) -> Result<Timestamp, ReadError> {
    parse_time(text).map_err(|_| (Code::Malformed, "is not an ISO 8601 date, or date and time".to_owned()))
}

/// Returns the given time, or the date's last moment.
fn read_end(text: &str) -> Result<Timestamp, ReadError> {
    let time = read_start(text)?;
    let is_date = !text.contains([':', 'T', 't', ' ']);
    let last = time.as_millisecond() + if is_date { DAY_MS - 1 } else { 0 };
    Ok(Timestamp::from_millisecond(last).unwrap_or(Timestamp::MAX))
}

fn read_status(text: &str) -> Result<&'static str, ReadError> {
    let known = event::STATUSES.into_iter().find(|status| *status == text);
    known.ok_or_else(|| (Code::UnknownValue, format!("must be one of {}", event::STATUSES.join(", "))))
}

fn read_type(text: &str) -> Result<Type, ReadError> {
    match text {
        "sms" => Ok(Type::Sms),
        "mms" => Ok(Type::Mms),
        "tts" => Ok(Type::Tts),
        _ => Err((Code::UnknownValue, "must be sms, mms or tts".to_owned())),
    }
}

/// Returns whether the order is oldest first.
fn read_order(parameter: &Lookup<'_>) -> Result<bool, FieldError> {
    if filled(parameter, "sortBy")?.is_some_and(|by| by != "date") {
        return Err(FieldError::new("sortBy", Code::UnknownValue, "must be date"));
    }
    match filled(parameter, "sortDirection")?.as_deref() {
        None | Some("DESC") => Ok(false),
        Some("ASC") => Ok(true),
        Some(_) => Err(FieldError::new("sortDirection", Code::UnknownValue, "must be ASC or DESC")),
    }
}

fn read_text(parameter: &Lookup<'_>) -> Result<Option<String>, FieldError> {
    let text = filled(parameter, "query")?;
    text.map(|text| check_short(&text, "query", LONGEST_QUERY).map(str::to_owned)).transpose()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Row<'a> {
    message_id: u64,
    external_id: Option<&'a str>,
    tags: &'a Tags,
    number: String,
    date: String,
    status: &'static str,
    /// When the message reached the status.
    status_date: String,
    r#type: Type,
    message: &'a str,
    /// The text's number of segments as an SMS.
    segments: u16,
    sender_name: String,
    longcode_id: u64,
    thread_id: Option<u64>,
    scheduled_date: Option<String>,
}

/// Returns the answer to `GET /v3/deliveries`. With `omits_older`, older messages were not searched.
#[must_use]
pub fn list(messages: &[Message], paging: Paging, total: usize, omits_older: bool) -> String {
    rows("Deliveries retrieved successfully.", messages.iter().map(row).collect(), paging, total, omits_older)
}

fn row(message: &Message) -> Row<'_> {
    let (request, state) = (&message.request, message.state());
    let history = message.full_history();
    let reached = history.iter().rev().find(|state_change| state_change.state == state);
    let text = request.text.as_str();
    let end = text.char_indices().nth(LONGEST_TEXT).map_or(text.len(), |(end, _)| end);
    Row {
        message_id: message.batch.number(),
        external_id: request.reference.as_ref().map(Reference::as_str),
        tags: &request.tags,
        number: number::number("+", &request.to),
        date: event::time(message.created_at),
        status: event::status(message, state),
        status_date: event::time(reached.map_or(message.created_at, |state_change| state_change.at)),
        r#type: type_of(message),
        message: &text[..end],
        segments: request.text.segments(),
        sender_name: number::sender("+", &request.from.id),
        longcode_id: request.from.id.number(),
        thread_id: event::thread_of(&request.to),
        scheduled_date: request.send_at.map(event::time),
    }
}
