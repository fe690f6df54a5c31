//! The dialect's tables: requests as we read them, callbacks for states and replies, and records with their answers.
//! Samples from the vendor's pages are in `tests/fixtures/mta`.

mod account;
mod content;
mod deliveries;
mod error;
mod event;
mod rejection;
mod request;
mod scheduled;
mod webhooks;

use std::borrow::Cow;

use serde_json::Value;

use super::request::{RequestedSender, read};
use crate::{
    domain::{Draft, FieldError, FieldErrorCode, Reference, SegmentLimit, SenderChoice},
    formats::query,
};

/// A field with its index, and the error's code.
type Named = (String, FieldErrorCode);

fn named(error: &FieldError) -> Named {
    let index = error.index.map(|index| format!("[{index}]")).unwrap_or_default();
    (format!("{}{index}", error.field), error.code)
}

fn all_named(errors: &[FieldError]) -> Vec<Named> {
    errors.iter().map(named).collect()
}

fn json(answer: &str) -> Value {
    serde_json::from_str(answer).unwrap()
}

/// Reads a parameter as `edge` does, except that a repeated parameter is no error.
fn parameter<'a>(query: &'a str, name: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    let found = query::parameters(query).find(|parameter| parameter.name == name);
    let value = found.map(|parameter| parameter.value).transpose();
    value.map_err(|error| FieldError::new(name, FieldErrorCode::Malformed, error.to_string()))
}

/// The sender and a line for each draft, or each error's field, index and code.
type Read = Result<Vec<String>, Vec<Named>>;

fn read_in(country: Option<&str>, body: &[u8]) -> Read {
    let country = country.map(|code| code.parse().unwrap());
    let request = read(body, SegmentLimit::default(), country).map_err(|errors| all_named(&errors))?;
    let sender = match request.sender {
        RequestedSender::Longcode(number) => format!("from {number}"),
        RequestedSender::Thread => "from the thread's sender".to_owned(),
        RequestedSender::Default => "from the usual sender".to_owned(),
    };
    let drafts = request.drafts(&SenderChoice::Shared);
    Ok([sender].into_iter().chain(drafts.iter().map(line)).collect())
}

fn read_one(body: &[u8]) -> Read {
    read_in(None, body)
}

fn errors<const N: usize>(errors: [(&str, FieldErrorCode); N]) -> Read {
    Err(errors.map(|(field, code)| (field.to_owned(), code)).into())
}

/// Returns a draft's line: index, recipient, text, and any other fields.
fn line(draft: &Draft) -> String {
    let tags: Vec<_> = draft.tags.iter().map(|(key, value)| format!(" {key}={value}")).collect();
    let channels: Vec<_> = draft.channels.iter().map(|channel| format!(" {}", channel.into_str())).collect();
    let optional = [
        draft.reference.as_ref().map(|reference| format!(" external={}", Reference::as_str(reference))),
        draft.send_at.map(|at| format!(" at={at}")),
        draft.content.as_ref().map(|content| format!(" {}", content.to_json())),
    ];
    let optional = optional.map(Option::unwrap_or_default).concat();
    assert!(draft.wants_status && draft.callbacks.is_empty());
    format!(
        "{} {} {:?}{}{}{optional}",
        draft.index,
        draft.to.digits(),
        draft.text.as_str(),
        channels.concat(),
        tags.concat()
    )
}
