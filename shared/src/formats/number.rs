//! Numbers as vendors write them: digits behind a prefix, `+` or `00`.

use crate::domain::{PhoneNumber, SenderId};

pub(crate) fn number(prefix: &str, number: &PhoneNumber) -> String {
    format!("{prefix}{}", number.digits())
}

/// Writes a sender's number behind the prefix. Short codes and names have none.
pub(crate) fn sender(prefix: &str, sender: &SenderId) -> String {
    let parsed = sender.as_str().parse::<PhoneNumber>();
    parsed.map_or_else(|_| sender.as_str().to_owned(), |parsed| number(prefix, &parsed))
}
