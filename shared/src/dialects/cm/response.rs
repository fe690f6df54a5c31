//! How a client is answered: the JSON gateway with what became of each message,
//! the other two with nothing, or with a line that says what was wrong.
//!
//! Decision where the page is silent: a message without a text, which its channels
//! show as rich content, counts as one part.

use http::StatusCode;
use serde::Serialize;

use super::{
    fault::{self, Flaw, Part, RequestFault},
    message::Asked,
    query,
};
use crate::{
    dialects::json,
    domain::{Message, Reference},
    flow::accept::Refused,
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    details: String,
    error_code: u16,
    messages: Vec<Told<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    to: Option<&'a str>,
    status: &'static str,
    reference: Option<&'a str>,
    parts: u16,
    message_details: Option<String>,
    message_error_code: u16,
}

/// The answer to a request that was looked at message by message. `accepted` is
/// what became of those that were well formed, in their order.
#[must_use]
pub fn write(asked: &[Asked], accepted: &[Result<Message, Refused>]) -> (StatusCode, String) {
    let mut accepted = accepted.iter();
    let messages: Vec<_> = asked
        .iter()
        .map(|asked| match &asked.draft {
            Err(flaw) => told(asked, Err(flaw)),
            Ok(_) => match accepted.next() {
                Some(Ok(message)) => told(asked, Ok(message)),
                Some(Err(refused)) => told(asked, Err(&Flaw::from(refused))),
                None => told(asked, Err(&Flaw::Rejected("not looked at".to_owned()))),
            },
        })
        .collect();
    let created = messages.iter().filter(|told| told.message_error_code == fault::OK).count();
    let status = if created == 0 { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    let error_code = if created == messages.len() { fault::OK } else { fault::SOME };
    (status, json::write(&Answer { details: format!("Created {created} message(s)"), error_code, messages }))
}

fn told<'a>(asked: &'a Asked, outcome: Result<&Message, &Flaw>) -> Told<'a> {
    Told {
        to: asked.to.as_deref(),
        status: if outcome.is_ok() { "Accepted" } else { "Rejected" },
        reference: asked.reference.as_ref().map(Reference::as_str),
        parts: outcome.map_or(0, |message| message.text.segments().max(1)),
        message_details: outcome.err().map(|flaw| flaw.words(Part::Object)),
        message_error_code: outcome.err().map_or(fault::OK, Flaw::code),
    }
}

/// The answer of the JSON gateway to a request that was refused as a whole.
#[must_use]
pub fn refuse(fault: &RequestFault) -> (StatusCode, String) {
    let status = match fault {
        RequestFault::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
        RequestFault::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    let answer = Answer { details: fault.words(Part::Object), error_code: fault.code(), messages: Vec::new() };
    (status, json::write(&answer))
}

/// Why the XML or the GET gateway refuses a request.
pub enum Reason<'a> {
    Request(&'a RequestFault),
    Message(&'a Flaw),
}

/// The line by which the XML gateway refuses a request.
#[must_use]
pub fn xml_error(reason: &Reason<'_>) -> String {
    error(match reason {
        Reason::Request(RequestFault::Unknown) => "Unknown error".to_owned(),
        Reason::Request(fault) => fault.words(Part::Node),
        Reason::Message(flaw) => flaw.words(Part::Node),
    })
}

/// The line by which the GET gateway refuses a request.
#[must_use]
pub fn query_error(reason: &Reason<'_>) -> String {
    let words = match reason {
        Reason::Request(fault) => query::fault_words(fault),
        Reason::Message(flaw) => query::flaw_words(flaw),
    };
    words.map_or_else(|| xml_error(reason), error)
}

fn error(words: String) -> String {
    format!("Error: ERROR {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_request_has_the_tables_code_and_words() {
        for (fault, status, expected) in [
            (RequestFault::Unknown, 500, r#"{"details":"Unknown Error","errorCode":999,"messages":[]}"#),
            (
                RequestFault::NoAccount,
                400,
                r#"{"details":"No account found for the given authentication","errorCode":101,"messages":[]}"#,
            ),
            (
                RequestFault::InvalidToken(None),
                400,
                r#"{"details":"Invalid product token.","errorCode":103,"messages":[]}"#,
            ),
            (RequestFault::InvalidJson, 400, r#"{"details":"Invalid JSON","errorCode":202,"messages":[]}"#),
            (
                RequestFault::NoMessages,
                400,
                r#"{"details":"A MESSAGES object requires at least one MSG object","errorCode":203,"messages":[]}"#,
            ),
            (
                RequestFault::WrongType { object: "MSG", must_be: "an array" },
                400,
                r#"{"details":"MSG object is an invalid type, must be an array","errorCode":203,"messages":[]}"#,
            ),
        ] {
            assert_eq!(refuse(&fault), (StatusCode::from_u16(status).unwrap(), expected.to_owned()));
        }
    }

    #[test]
    fn a_line_says_what_was_wrong() {
        let request = |fault| (xml_error(&Reason::Request(&fault)), query_error(&Reason::Request(&fault)));
        let account = "Error: ERROR No account found for the given authentication".to_owned();
        assert_eq!(request(RequestFault::NoAccount), (account.clone(), account));
        assert_eq!(request(RequestFault::Unknown).0, "Error: ERROR Unknown error");
        let (xml, query) = request(RequestFault::InvalidToken(Some("x y".to_owned())));
        assert_eq!(xml, "Error: ERROR Invalid product token.");
        assert_eq!(query, "Error: ERROR Parameter 'producttoken' contains an invalid value: 'x y'");
    }
}
