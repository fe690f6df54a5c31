//! The CM.com dialect's tables. The samples of CM.com's pages are in `tests/fixtures/cm`; `tests/flows` posts
//! them.

mod channel_rules;
mod content;
mod event;
mod interactive;
mod query;
mod request;
mod response;
mod validity;
mod xml;

use super::{
    ParsedMessage, ReadContext,
    error::{MessageError, Part},
};
use crate::domain::{Draft, SegmentLimit, SenderChoice, Timestamp};

/// A message as the rows compare it: its draft in a line, or the error's code and text.
type Seen = Result<String, (u16, String)>;

fn context() -> ReadContext {
    ReadContext { limit: SegmentLimit::default(), now: Timestamp::UNIX_EPOCH }
}

fn seen(parsed: &[ParsedMessage], part: Part) -> Vec<Seen> {
    let one = |parsed: &ParsedMessage| match &parsed.draft {
        Ok(draft) => Ok(line(draft)),
        Err(error) => Err((error.code(), error.words(part))),
    };
    parsed.iter().map(one).collect()
}

/// Writes a draft's index, recipient, sender, text, encoding and channels, and its labels if it has any.
fn line(draft: &Draft) -> String {
    let SenderChoice::Custom(from) = &draft.from else { panic!("this dialect has no shared senders") };
    let (text, encoding) = (draft.text.as_str(), draft.text.encoding());
    let line = format!("{} {} {} {text:?}", draft.index, draft.to.digits(), from.as_str());
    let reference = draft.reference.as_ref().map(|reference| format!(" {}", reference.as_str()));
    let groupings = draft.groupings.as_array();
    let groupings = groupings.iter().any(|one| !one.is_empty()).then(|| format!(" {groupings:?}"));
    let labels = [reference, groupings].map(Option::unwrap_or_default).concat();
    format!("{line} {encoding:?} {:?}{labels}", draft.channels)
}

/// Returns the errors' texts, but not of those that repeat a number, as CM.com's do.
fn quiet(parsed: &[ParsedMessage], part: Part) -> Vec<String> {
    let errors = parsed.iter().filter_map(|parsed| parsed.draft.as_ref().err());
    errors.filter(|error| !matches!(error, MessageError::NotANumber(_))).map(|error| error.words(part)).collect()
}
