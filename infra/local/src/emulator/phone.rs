//! Phone numbers, written as digits with or without `+` or `00` before. Logs never show them.

use std::fmt;

use serde::Serialize;

/// A phone number in international form, without `+` or `00`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
pub(super) struct Phone(String);

#[derive(Debug, thiserror::Error)]
#[error("must be an international phone number: 7 to 15 digits, with or without + or 00 before")]
pub(super) struct NotAPhone;

#[derive(Debug, thiserror::Error)]
#[error("must be a number in E.164 format: 7 to 15 digits, with or without +")]
pub(super) struct NotE164;

impl Phone {
    pub(super) fn parse(written: &str) -> Result<Self, NotAPhone> {
        let digits = written.strip_prefix('+').or_else(|| written.strip_prefix("00")).unwrap_or(written);
        let valid =
            (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
        valid.then(|| Self(digits.to_owned())).ok_or(NotAPhone)
    }

    /// Parses digits with or without `+`, but without `00`.
    pub(super) fn parse_e164(written: &str) -> Result<Self, NotE164> {
        let is_international = !written.starts_with("00");
        is_international.then(|| Self::parse(written).ok()).flatten().ok_or(NotE164)
    }

    pub(super) fn digits(&self) -> &str {
        &self.0
    }
}

/// Returns a sender as a phone shows it: a number without `+` or `00`, a name unchanged.
pub(super) fn shown_sender(written: &str) -> &str {
    let bare = written.strip_prefix('+').or_else(|| written.strip_prefix("00")).unwrap_or(written);
    if Phone::parse(written).is_ok() { bare } else { written }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phone")
    }
}
