//! Sender IDs: the sender shown on a handset, and its owner.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

use crate::{domain::AccountId, hash};

/// A sender ID: a number (long number or short code, 3 to 16 digits) or a name of 1 to 11 characters.
///
/// Recipients can answer a number but not a name. We drop blanks around it, and a number's leading `+` or
/// `00`, so each sender has one spelling. Names keep their case: on a handset `ACME` and `Acme` are two
/// senders.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SenderId(String);

/// The longest text that we parse, in bytes. We reject a longer text unread, because a request's `defaults`
/// may repeat it in a thousand messages.
const LONGEST_WRITTEN: usize = 64;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum SenderError {
    #[error("is empty")]
    Empty,
    #[error("as a number needs 3 to 16 digits, but has {0}")]
    NumberLength(usize),
    /// `+0044…`, for example: a prefix for international numbers, and no country code behind it.
    #[error("as a number needs its country code behind '+' or '00'")]
    NoCountryCode,
    #[error("as a name may have at most 11 characters, but has {0}")]
    NameLength(usize),
    #[error("is longer than any sender ID")]
    TooLong,
    #[error("may hold only ASCII letters, digits, spaces and any of . - _ & + ! '")]
    Character,
}

impl SenderId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether recipients can answer.
    #[must_use]
    pub fn can_receive(&self) -> bool {
        self.0.bytes().all(|b| b.is_ascii_digit())
    }

    /// Returns the sender's ID for dialects with numeric IDs, which have at most 53 bits. A number is its own ID, so
    /// the ID alone leads back to it. If the sender is a name, begins with 0 or has more than 15 digits, its ID is
    /// derived from a hash, and larger.
    #[must_use]
    pub fn number(&self) -> u64 {
        let digits = self.can_receive() && self.0.len() <= LONGEST_NUMBER && !self.0.starts_with('0');
        let number = self.0.parse().ok().filter(|_| digits);
        number.unwrap_or_else(|| FIRST_HASHED | hash::sha256_u64(&self.0) >> 12)
    }

    /// Returns the sender whose [`SenderId::number`] is this number, if the sender is the number itself. For `None`,
    /// look for the number in a list of senders.
    #[must_use]
    pub fn of_number(number: u64) -> Option<Self> {
        let sender = number.to_string().parse::<Self>().ok()?;
        (sender.number() == number).then_some(sender)
    }
}

/// The most digits in a sender that is its own number.
const LONGEST_NUMBER: usize = 15;
/// The smallest number derived from a hash. Such a number has 16 digits and 53 bits.
const FIRST_HASHED: u64 = 1 << 52;

impl FromStr for SenderId {
    type Err = SenderError;

    fn from_str(text: &str) -> Result<Self, SenderError> {
        if text.len() > LONGEST_WRITTEN {
            return Err(SenderError::TooLong);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(SenderError::Empty);
        }
        let plain = text.strip_prefix('+').unwrap_or(text);
        if !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_digit()) {
            let international = text.strip_prefix('+').or_else(|| text.strip_prefix("00"));
            if international.is_some_and(|digits| digits.starts_with('0')) {
                return Err(SenderError::NoCountryCode);
            }
            let digits = international.unwrap_or(text);
            return if (3..=16).contains(&digits.len()) {
                Ok(Self(digits.to_owned()))
            } else {
                Err(SenderError::NumberLength(digits.len()))
            };
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || " .-_&+!'".contains(c);
        if !text.chars().all(allowed) {
            return Err(SenderError::Character);
        }
        if text.len() > 11 {
            return Err(SenderError::NameLength(text.len()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for SenderId {
    type Error = SenderError;

    fn try_from(text: String) -> Result<Self, SenderError> {
        text.parse()
    }
}

impl From<SenderId> for String {
    fn from(sender: SenderId) -> Self {
        sender.0
    }
}

impl fmt::Display for SenderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A client's choice of sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum SenderKind {
    /// Owned by the account.
    Custom,
    /// Chosen by us from the pool, and kept for the conversation.
    Shared,
}

/// A message's sender, and the client's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentFrom {
    pub kind: SenderKind,
    pub id: SenderId,
}

/// The owner of a sender ID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderOwner {
    Account(AccountId),
    /// Shared by all accounts. A lock in the recipient's item says which account has the conversation over
    /// this sender ID.
    Pool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_can_be_answered_and_name_cannot() {
        for (text, answers) in [("441234567890", true), ("12345", true), ("sender-id-1", false), ("CM.com", false)] {
            assert_eq!(text.parse::<SenderId>().unwrap().can_receive(), answers, "{text}");
        }
        for text in ["+441234567890", "00441234567890", " 441234567890", "\t+441234567890 "] {
            assert_eq!(text.parse::<SenderId>().unwrap().as_str(), "441234567890", "{text:?}");
        }
        assert_eq!(" CM Test ".parse::<SenderId>().unwrap().as_str(), "CM Test");
    }

    #[test]
    fn sender_has_a_number_of_up_to_53_bits() {
        let sender = |text: &str| text.parse::<SenderId>().unwrap();
        for text in ["441234567890", "123", "999999999999999"] {
            assert_eq!(sender(text).number().to_string(), text);
            assert_eq!(SenderId::of_number(sender(text).number()), Some(sender(text)));
        }
        let hashed = ["0123", "123", "CM.com", "cm.com", "1234567890123456"].map(|text| sender(text).number());
        let distinct: std::collections::HashSet<_> = hashed.iter().collect();
        assert_eq!(distinct.len(), hashed.len());
        for text in ["0123", "CM.com", "1234567890123456"] {
            let number = sender(text).number();
            assert!((1 << 52..1 << 53).contains(&number), "{text} {number}");
            assert_eq!(SenderId::of_number(number), None, "{text}");
        }
        assert_eq!(sender("CM.com").number(), 5_905_875_311_497_694, "clients keep it");
        for number in [0, 12, u64::MAX] {
            assert_eq!(SenderId::of_number(number), None, "{number}");
        }
    }

    #[test]
    fn each_invalid_sender_has_its_own_error() {
        use SenderError as E;
        for (text, error) in [
            ("", E::Empty),
            ("   ", E::Empty),
            ("12", E::NumberLength(2)),
            ("00", E::NumberLength(0)),
            ("+00441234567890", E::NoCountryCode),
            ("0000441234567890", E::NoCountryCode),
            ("+01234567890", E::NoCountryCode),
            ("12345678901234567", E::NumberLength(17)),
            ("TwelveLetter", E::NameLength(12)),
            (&"0".repeat(65), E::TooLong),
            (&" ".repeat(65), E::TooLong),
            ("Café", E::Character),
            ("a#b", E::Character),
            ("a\nb", E::Character),
        ] {
            assert_eq!(text.parse::<SenderId>(), Err(error), "{text:?}");
        }
    }
}
