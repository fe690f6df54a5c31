//! Scheduled requests: `/v3/scheduled`.
//!
//! The pages have the paths and the names of a record's fields. Our choices: a field is `null` if the gateway has no
//! value for it; `message` includes header and footer; times are in UTC with milliseconds; a record also has the
//! request's `externalId` and `tags`, and its number of recipients.

use serde::Serialize;

use super::{
    event,
    paging::{Paging, answer, rows},
};
use crate::{
    domain::{Batch, CancelledBatch, Message, Reference, RequestNumber, Tags},
    formats::number,
};

/// Returns the number in a path, or `None` if no request has it.
#[must_use]
pub fn parse_id(text: &str) -> Option<RequestNumber> {
    let number = text.parse().ok().and_then(RequestNumber::new)?;
    (number.get().to_string() == text).then_some(number)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    id: u64,
    account_id: Option<u64>,
    number_ids: Option<&'a [u64]>,
    subscriber_ids: Option<&'a [u64]>,
    group_ids: Option<&'a [u64]>,
    all_subscribers: u8,
    message: Option<&'a str>,
    url: Option<&'a str>,
    scheduled_date: Option<String>,
    timestamp: String,
    repeat_message: Option<u8>,
    repeat_days: Option<&'a [u8]>,
    header: Option<&'a str>,
    footer: Option<&'a str>,
    thread_id: Option<u64>,
    #[serde(rename = "isMMS")]
    is_mms: bool,
    longcode_id: u64,
    longcode: String,
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<&'a Tags>,
    recipient_count: u16,
}

fn record<'a>(batch: &'a Batch, first: Option<&'a Message>) -> Record<'a> {
    let request = first.map(|message| &message.request);
    Record {
        id: batch.id.number(),
        account_id: None,
        number_ids: None,
        subscriber_ids: None,
        group_ids: None,
        all_subscribers: 0,
        message: request.map(|request| request.text.as_str()),
        url: None,
        scheduled_date: batch.send_at.map(event::time),
        timestamp: event::time(batch.created_at),
        repeat_message: None,
        repeat_days: None,
        header: None,
        footer: None,
        thread_id: request.filter(|_| batch.message_count == 1).and_then(|request| event::thread_of(&request.to)),
        is_mms: request.is_some_and(|request| request.content.is_some()),
        longcode_id: batch.from.number(),
        longcode: number::sender("+", &batch.from),
        external_id: request.and_then(|request| request.reference.as_ref()).map(Reference::as_str),
        tags: request.map(|request| &request.tags).filter(|tags| !tags.is_empty()),
        recipient_count: batch.message_count,
    }
}

/// A scheduled request and its first message, which may be missing.
pub type Scheduled = (Batch, Option<Message>);

/// Returns the answer to `GET /v3/scheduled`.
#[must_use]
pub fn list(page: &[Scheduled], paging: Paging, total: usize) -> String {
    let records = page.iter().map(|(batch, first)| record(batch, first.as_ref())).collect();
    rows("Scheduled messages retrieved successfully.", records, paging, total, false)
}

/// Returns the answer to `GET /v3/scheduled/{id}`.
#[must_use]
pub fn shown((batch, first): &Scheduled) -> String {
    answer("Scheduled message retrieved successfully.", record(batch, first.as_ref()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    id: u64,
    cancelled: usize,
    too_late: usize,
}

/// Returns the answer to `POST /v3/scheduled/{id}`, which cancels.
#[must_use]
pub fn cancelled(id: RequestNumber, CancelledBatch { cancelled, too_late, .. }: CancelledBatch) -> String {
    answer("Scheduled message cancelled successfully.", Cancellation { id: id.get(), cancelled, too_late })
}
