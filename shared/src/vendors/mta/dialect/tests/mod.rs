//! The dialect's tables: a request and what we read of it, a state or reply and its callback. Samples of the vendor's
//! pages are in `tests/fixtures/mta`.

mod content;
mod error;
mod event;
mod rejection;
mod request;

use super::request::{RequestedSender, read};
use crate::domain::{Draft, FieldErrorCode, Reference, SegmentLimit, SenderChoice};

/// The request's sender and each draft in a line, or the field, index and code of each error.
type Read = Result<Vec<String>, Vec<(String, FieldErrorCode)>>;

fn read_in(country: Option<&str>, body: &[u8]) -> Read {
    let country = country.map(|code| code.parse().unwrap());
    let request = read(body, SegmentLimit::default(), country).map_err(|errors| {
        let place = |index: Option<usize>| index.map(|index| format!("[{index}]")).unwrap_or_default();
        errors
            .into_iter()
            .map(|error| (format!("{}{}", error.field, place(error.index)), error.code))
            .collect::<Vec<_>>()
    })?;
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

/// Writes a draft's index, recipient and text, and what else it has.
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
