//! Numbers as vendors write them: digits behind a prefix, `+` or `00`.

use crate::domain::{Originator, PhoneNumber, SenderId};

pub(crate) fn number(prefix: &str, number: &PhoneNumber) -> String {
    format!("{prefix}{}", number.digits())
}

/// Writes an originator's number behind the prefix. A short code or name has none.
pub(crate) fn originator(prefix: &str, originator: &Originator) -> String {
    match originator {
        Originator::Number(known) => number(prefix, known),
        Originator::Other(text) => text.clone(),
    }
}

/// Writes a sender's number behind the prefix. Short codes and names have none.
pub(crate) fn sender(prefix: &str, sender: &SenderId) -> String {
    let parsed = sender.as_str().parse::<PhoneNumber>();
    parsed.map_or_else(|_| sender.as_str().to_owned(), |parsed| number(prefix, &parsed))
}
