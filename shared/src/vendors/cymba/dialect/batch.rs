//! `/batch`, by the pages "Add Batch" and "Batches": one text to many recipients.
//!
//! The pages differ in two names, and we read both: `id` and `uuid`, `send_at` and `at`. Choices of ours, where they
//! are silent:
//! - A recipient listed twice is an error, because a batch has one text.
//! - `fallback_channels` without `channel` follow SMS.
//! - A text of several parts without `allowMulti` is an error.
//! - Pending are batches whose send time lies ahead. A message of `POST /message` is a batch of its own, which can be
//!   read and cancelled by its `batchUuid`, but is not listed.
//! - A message without a result yet has `delivered` and `failed` false, and no `info`.
//! - The answer to a cancellation.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    event::{Info, info},
    request::{CHANNELS, MOST_MESSAGES, MOST_WARNINGS, Warning},
};
use crate::{
    domain::{
        Batch, BatchId, CancelledBatch, Channel, Draft, FieldError, FieldErrorCode, Message, MessageId, PhoneNumber,
        SegmentLimit, SenderChoice, SenderId, State, Text, Timestamp,
    },
    formats::{
        field::{self, empty_fields, keep, unknown_fields},
        json, number,
        text_cost::TextCost,
    },
};

const FIELDS: [&str; 10] =
    ["from", "message", "destinations", "callback", "channel", FALLBACK, "id", "uuid", "send_at", "at"];
const FALLBACK: &str = "fallback_channels";
const IDS: [&str; 2] = ["id", "uuid"];
const TIMES: [&str; 2] = ["send_at", "at"];
/// Optional fields, which may be empty.
const MAY_BE_EMPTY: [&str; 6] = ["callback", "channel", "id", "uuid", "send_at", "at"];

type Object = Map<String, Value>;

/// A parsed and validated batch.
pub struct ReadBatch {
    /// The client's own ID of the batch.
    pub id: Option<Uuid>,
    /// A draft for each recipient.
    pub drafts: Vec<Draft>,
    pub warnings: Vec<Warning>,
    pub names: FieldNames,
}

/// The request's names of the fields that have two.
#[derive(Clone, Copy)]
pub struct FieldNames {
    id: &'static str,
    send_at: &'static str,
}

impl FieldNames {
    fn of(batch: &Object) -> Self {
        let given = |[name, other]: [&'static str; 2]| match (filled(batch, name), filled(batch, other)) {
            (None | Some(Value::Null), Some(_)) => other,
            _ => name,
        };
        Self { id: given(IDS), send_at: given(TIMES) }
    }

    /// Returns the errors of a later step with this request's names of the fields. An error of every message is there
    /// once, because the messages share these fields.
    #[must_use]
    pub fn rename(self, errors: Vec<FieldError>) -> Vec<FieldError> {
        let mut renamed: Vec<FieldError> = Vec::new();
        for FieldError { field, code, message, .. } in errors {
            let field = match field.as_str() {
                "from.value" => "from",
                "id" => self.id,
                "send_at" => self.send_at,
                other => other,
            };
            let error = FieldError::new(field, code, message);
            if !renamed.contains(&error) {
                renamed.push(error);
            }
        }
        renamed
    }
}

/// Parses and validates the body of `POST /batch`. `allow_multi` permits a text of several parts.
///
/// # Errors
/// All errors.
pub fn read(body: &[u8], limit: SegmentLimit, allow_multi: bool) -> Result<ReadBatch, Vec<FieldError>> {
    let Value::Object(batch) = json::read(body).map_err(|error| vec![error])? else {
        return Err(vec![FieldError::new("(body)", FieldErrorCode::WrongType, "must be a JSON object")]);
    };
    let mut errors = Vec::new();
    let destinations = read_destinations(batch.get("destinations"), &mut errors);
    let from = keep(field::sender(batch.get("from"), "from"), &mut errors);
    let text = keep(read_text(&batch, limit, allow_multi), &mut errors);
    let callback = keep(field::callback(filled(&batch, "callback"), "callback"), &mut errors);
    let channels = read_channels(&batch, &mut errors);
    let id = keep(either(&batch, IDS, field::uuid), &mut errors);
    let send_at = keep(either(&batch, TIMES, field::time), &mut errors);
    let (Some(from), Some(text), Some(callback), Some(id), Some(send_at), true) =
        (from, text, callback, id, send_at, errors.is_empty())
    else {
        return Err(errors);
    };
    let draft = |(index, to): (usize, PhoneNumber)| Draft {
        index,
        callbacks: callback.iter().cloned().collect(),
        channels: channels.clone(),
        send_at,
        ..Draft::new(to, SenderChoice::Custom(from.clone()), text.clone())
    };
    let drafts = destinations.into_iter().enumerate().map(draft).collect();
    let mut warnings = unknown_fields(&batch, &FIELDS, None, "");
    warnings.extend(empty_fields(&batch, &MAY_BE_EMPTY, None, ""));
    warnings.truncate(MOST_WARNINGS);
    Ok(ReadBatch { id, drafts, warnings, names: FieldNames::of(&batch) })
}

fn read_destinations(value: Option<&Value>, errors: &mut Vec<FieldError>) -> Vec<PhoneNumber> {
    const FIELD: &str = "destinations";
    let listed = match field::messages(value, FIELD, MOST_MESSAGES) {
        Ok(listed) => listed,
        Err(error) => {
            errors.push(error);
            return Vec::new();
        }
    };
    let (mut numbers, mut first) = (Vec::with_capacity(listed.len()), HashMap::new());
    for (index, value) in listed.iter().enumerate() {
        match field::number(Some(value), FIELD) {
            Ok(number) => {
                let earlier = *first.entry(number.clone()).or_insert(index);
                if earlier != index {
                    let words = format!("repeats destination {earlier}");
                    errors.push(FieldError::new(FIELD, FieldErrorCode::Duplicate, words).at(index));
                }
                numbers.push(number);
            }
            Err(error) => errors.push(error.at(index)),
        }
    }
    numbers
}

fn read_text(batch: &Object, limit: SegmentLimit, allow_multi: bool) -> Result<Text, FieldError> {
    let text = field::message_text(batch.get("message"), "message", limit)?;
    if allow_multi || text.segments() <= 1 {
        return Ok(text);
    }
    let words = format!("has {} parts; a text of several parts needs ?allowMulti=true", text.segments());
    Err(FieldError::new("message", FieldErrorCode::TooLong, words))
}

/// Returns the channels in order. Empty means that the request chose none.
fn read_channels(batch: &Object, errors: &mut Vec<FieldError>) -> Vec<Channel> {
    let first = keep(read_channel(batch), errors);
    let fallback = keep(read_fallback(batch.get(FALLBACK)), errors);
    let (Some(first), Some(fallback)) = (first, fallback) else { return Vec::new() };
    if fallback.is_empty() {
        return first.into_iter().collect();
    }
    let channels = [vec![first.unwrap_or(Channel::Sms)], fallback].concat();
    if channels.iter().enumerate().any(|(index, channel)| channels[..index].contains(channel)) {
        let words = "names a channel twice, or that of 'channel', which is sms if absent";
        errors.push(FieldError::new(FALLBACK, FieldErrorCode::Duplicate, words));
    }
    channels
}

fn read_channel(batch: &Object) -> Result<Option<Channel>, FieldError> {
    let name = field::optional_text(filled(batch, "channel"), "channel")?;
    name.map(|name| channel(name, "channel")).transpose()
}

fn read_fallback(value: Option<&Value>) -> Result<Vec<Channel>, FieldError> {
    let wrong_type = || FieldError::new(FALLBACK, FieldErrorCode::WrongType, "must be a list of channel names");
    let listed = match value {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(listed)) => listed,
        Some(_) => return Err(wrong_type()),
    };
    listed.iter().map(|name| channel(name.as_str().ok_or_else(wrong_type)?, FALLBACK)).collect()
}

fn channel(name: &str, field: &str) -> Result<Channel, FieldError> {
    let known = name.parse().ok().filter(|channel| CHANNELS.contains(channel));
    known.ok_or_else(|| FieldError::new(field, FieldErrorCode::UnknownValue, "may name only \"sms\" and \"rcs\""))
}

/// Returns the value, unless it is an empty string.
fn filled<'a>(batch: &'a Object, key: &str) -> Option<&'a Value> {
    batch.get(key).filter(|value| !field::is_empty_text(value))
}

/// Reads a field that has two names.
fn either<T: PartialEq>(
    batch: &Object,
    [name, other]: [&str; 2],
    read: impl Fn(Option<&Value>, &str) -> Result<Option<T>, FieldError>,
) -> Result<Option<T>, FieldError> {
    match (read(filled(batch, name), name)?, read(filled(batch, other), other)?) {
        (Some(one), Some(two)) if one != two => {
            Err(FieldError::new(other, FieldErrorCode::Conflict, format!("differs from `{name}`")))
        }
        (one, two) => Ok(one.or(two)),
    }
}

#[derive(Serialize)]
struct Accepted<'a> {
    identifier: BatchId,
    #[serde(flatten)]
    cost: TextCost,
    #[serde(skip_serializing_if = "<[Warning]>::is_empty")]
    warnings: &'a [Warning],
}

/// Returns the answer to `POST /batch`. Ours are the cost of a message, as in the answer to `POST /message`, and the
/// warnings.
#[must_use]
pub fn accepted(messages: &[Message], warnings: &[Warning]) -> Option<String> {
    let first = messages.first()?;
    Some(json::write(&Accepted { identifier: first.batch, cost: (&first.request.text).into(), warnings }))
}

#[derive(Serialize)]
struct Pending<'a> {
    batches: Vec<PendingBatch<'a>>,
}

#[derive(Serialize)]
struct PendingBatch<'a> {
    identifier: BatchId,
    at: Option<String>,
    from: &'a SenderId,
    messagecount: u16,
    /// Parts of each message.
    unitcount: u16,
}

/// Returns the answer to `GET /batch`.
#[must_use]
pub fn pending(batches: &[Batch]) -> String {
    let pending = batches.iter().map(|batch| PendingBatch {
        identifier: batch.id,
        at: batch.send_at.map(time),
        from: &batch.from,
        messagecount: batch.message_count,
        unitcount: batch.segments,
    });
    json::write(&Pending { batches: pending.collect() })
}

#[derive(Serialize)]
struct Report<'a> {
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Vec<Detail<'a>>>,
}

#[derive(Serialize)]
struct Counts {
    total: usize,
    delivered: usize,
    failed: usize,
}

#[derive(Serialize)]
struct Detail<'a> {
    destination: String,
    delivered: bool,
    failed: bool,
    batchuuid: BatchId,
    messageuuid: MessageId,
    info: Option<Info<'a>>,
}

/// Returns the answer to `GET /batch/{id}`.
#[must_use]
pub fn report(messages: &[Message], with_details: bool) -> String {
    let details: Vec<_> = messages.iter().map(detail).collect();
    let count = |has: fn(&Detail<'_>) -> bool| details.iter().filter(|detail| has(detail)).count();
    let counts =
        Counts { total: messages.len(), delivered: count(|one| one.delivered), failed: count(|one| one.failed) };
    json::write(&Report { counts, details: with_details.then_some(details) })
}

fn detail(message: &Message) -> Detail<'_> {
    let state = message.state();
    // A message that was read was delivered, and its receipt said so.
    let state = if state == State::Read { State::Delivered } else { state };
    Detail {
        destination: number::number("+", &message.request.to),
        delivered: state == State::Delivered,
        failed: state.is_final() && state != State::Delivered,
        batchuuid: message.batch,
        messageuuid: message.id,
        info: info(message, state),
    }
}

#[derive(Serialize)]
struct Cancellation {
    identifier: BatchId,
    cancelled: usize,
    too_late: usize,
}

/// Returns the answer to `DELETE /batch/{id}`.
#[must_use]
pub fn cancelled(id: BatchId, CancelledBatch { cancelled, too_late, .. }: CancelledBatch) -> String {
    json::write(&Cancellation { identifier: id, cancelled, too_late })
}

fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}
