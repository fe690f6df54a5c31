//! Answers to clients. The JSON gateway reports on each message. XML and GET answer a success with an empty
//! body, and an error with a line that names it.
//!
//! Decision where the page is silent: a message shown only as rich content, without text, counts as one part.

use http::StatusCode;
use serde::Serialize;

use super::{
    error::{self, MessageError, Part, RequestError},
    message::ParsedMessage,
    query,
};
use crate::{
    domain::{Message, Reference, RejectedMessage},
    formats::{json, text_cost::TextCost},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    details: String,
    error_code: u16,
    messages: Vec<MessageAnswer<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageAnswer<'a> {
    to: Option<&'a str>,
    status: &'static str,
    reference: Option<&'a str>,
    parts: u16,
    message_details: Option<String>,
    message_error_code: u16,
    /// Ours, in a dry run.
    #[serde(flatten)]
    cost: Option<TextCost>,
}

/// Returns the JSON gateway's answer, message by message. `accepted` has a result for each valid draft, in
/// order. In a dry run, each valid message also has `segments`, `encoding` and `unicode`.
#[must_use]
pub fn write(
    parsed: &[ParsedMessage],
    accepted: &[Result<Message, RejectedMessage>],
    dry_run: bool,
) -> (StatusCode, String) {
    let mut accepted = accepted.iter();
    let mut messages = Vec::with_capacity(parsed.len());
    for parsed in parsed {
        messages.push(match &parsed.draft {
            Err(error) => message_answer(parsed, Err(error), dry_run),
            Ok(_) => match accepted.next() {
                Some(Ok(message)) => message_answer(parsed, Ok(message), dry_run),
                Some(Err(refused)) => message_answer(parsed, Err(&MessageError::from(refused)), dry_run),
                None => message_answer(parsed, Err(&MessageError::Rejected("not processed".to_owned())), dry_run),
            },
        });
    }
    let created = messages.iter().filter(|message_answer| message_answer.message_error_code == error::OK).count();
    let status = if created == 0 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let error_code = if created == messages.len() { error::OK } else { error::SOME };
    (status, json::write(&Answer { details: format!("Created {created} message(s)"), error_code, messages }))
}

fn message_answer<'a>(
    parsed: &'a ParsedMessage,
    outcome: Result<&Message, &MessageError>,
    dry_run: bool,
) -> MessageAnswer<'a> {
    MessageAnswer {
        to: parsed.to.as_deref(),
        status: if outcome.is_ok() { "Accepted" } else { "Rejected" },
        reference: parsed.reference.as_ref().map(Reference::as_str),
        parts: outcome.map_or(0, |message| message.request.text.segments().max(1)),
        message_details: outcome.err().map(|error| error.words(Part::Object)),
        message_error_code: outcome.err().map_or(error::OK, MessageError::code),
        cost: outcome.ok().filter(|_| dry_run).map(|message| (&message.request.text).into()),
    }
}

/// Returns the JSON gateway's answer to a request rejected as a whole.
#[must_use]
pub fn reject(error: &RequestError) -> (StatusCode, String) {
    let status = match error {
        RequestError::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        RequestError::Suspended => StatusCode::FORBIDDEN,
        RequestError::OutOfRoom(_) => StatusCode::TOO_MANY_REQUESTS,
        RequestError::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RequestError::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        _ => StatusCode::BAD_REQUEST,
    };
    let answer = Answer { details: error.words(Part::Object), error_code: error.code(), messages: Vec::new() };
    (status, json::write(&answer))
}

/// Returns the status of an error line: 200, as CM.com answers. A compressed body is an error of HTTP, and gets
/// HTTP's answer. A client gets 429 if it is to retry later.
#[must_use]
pub fn line_status(error: &RequestError) -> StatusCode {
    match error {
        RequestError::ContentEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        RequestError::InvalidQuery => StatusCode::BAD_REQUEST,
        RequestError::OutOfRoom(_) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::OK,
    }
}

/// Why XML or GET reject a request.
pub enum Reason<'a> {
    Request(&'a RequestError),
    Message(&'a MessageError),
}

/// Returns the XML gateway's error line.
#[must_use]
pub fn xml_error(reason: &Reason<'_>) -> String {
    error(match reason {
        Reason::Request(RequestError::Unknown) => "Unknown error".to_owned(),
        Reason::Request(error) => error.words(Part::Node),
        Reason::Message(error) => error.words(Part::Node),
    })
}

/// Returns the GET gateway's error line.
#[must_use]
pub fn query_error(reason: &Reason<'_>) -> String {
    let words = match reason {
        Reason::Request(error) => query::request_error_text(error),
        Reason::Message(error) => query::message_error_text(error),
    };
    words.map_or_else(|| xml_error(reason), error)
}

fn error(words: String) -> String {
    format!("Error: ERROR {words}")
}
