//! The dialect's tables: a request and what we read of it, a state or reply and its callback, a message and its answer.
//! The samples of Messangi's page are in `tests/fixtures/messangi`.

mod batch;
mod error;
mod event;
mod request;
mod response;

use super::request::{read, read_batch};
use crate::domain::{Draft, FieldError, FieldErrorCode, Reference, SegmentLimit, SenderChoice};

/// A draft in a line, or the field and the code of each error.
type Read<T> = Result<T, Vec<(String, FieldErrorCode)>>;

fn read_one(body: &[u8]) -> Read<String> {
    read(body, SegmentLimit::default()).map(|draft| line(&draft)).map_err(named)
}

/// Returns the drafts, each in a line, and the invalid numbers.
fn read_many(body: &[u8]) -> Read<(Vec<String>, Vec<String>)> {
    let batch = read_batch(body, SegmentLimit::default()).map_err(named)?;
    assert_eq!(batch.posted(), batch.drafts.len() + batch.invalid_numbers.len());
    Ok((batch.drafts.iter().map(line).collect(), batch.invalid_numbers))
}

fn named(errors: Vec<FieldError>) -> Vec<(String, FieldErrorCode)> {
    errors.into_iter().map(|error| (error.field, error.code)).collect()
}

fn errors<T, const N: usize>(errors: [(&str, FieldErrorCode); N]) -> Read<T> {
    Err(errors.map(|(field, code)| (field.to_owned(), code)).into())
}

/// Writes a draft's index, recipient, sender and text, and what else it has.
fn line(draft: &Draft) -> String {
    let SenderChoice::Custom(sender) = &draft.from else { return "shared".to_owned() };
    let label = |name: &str, label: Option<&Reference>| label.map(|label| format!(" {name}={}", label.as_str()));
    let optional = [
        draft.wants_status.then(|| " status".to_owned()),
        draft.route.as_ref().map(|route| format!(" over={route}")),
        label("email", draft.recipient.email.as_ref()),
        label("external", draft.reference.as_ref()),
        label("client", draft.recipient.id.as_ref()),
    ];
    let callbacks: Vec<_> = draft.callbacks.iter().map(|url| format!(" {}", url.as_str())).collect();
    let callbacks = callbacks.concat();
    let optional = optional.map(Option::unwrap_or_default).concat();
    format!("{} {} {sender} {:?}{optional}{callbacks}", draft.index, draft.to.digits(), draft.text.as_str())
}
