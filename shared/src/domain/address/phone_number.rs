//! Phone numbers in E.164.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A recipient's number: 7 to 15 digits, country code first.
///
/// We check E.164 syntax only; the carrier knows whether the number exists. A leading `+` or `00` is
/// dropped, so each number has one spelling. So are blanks around it: spreadsheets leave some, and an
/// unescaped `+` in a query arrives as one. `Debug` hides all but the last two digits, and there is no
/// `Display`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

/// The longest text that we parse, in bytes. We reject a longer text unread, because a request's `defaults`
/// may repeat it in a thousand messages.
const LONGEST_WRITTEN: usize = 64;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NumberError {
    #[error("is empty")]
    Empty,
    #[error("may hold only digits after an optional '+' or '00'")]
    NotDigits,
    #[error("needs its country code: an international number does not begin with 0")]
    National,
    #[error("needs 7 to 15 digits, but has {0}")]
    Length(usize),
    #[error("is longer than any phone number")]
    TooLong,
}

impl PhoneNumber {
    #[must_use]
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl FromStr for PhoneNumber {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text.len() > LONGEST_WRITTEN {
            return Err(NumberError::TooLong);
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(NumberError::Empty);
        }
        let digits = text.strip_prefix('+').or_else(|| text.strip_prefix("00")).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NumberError::NotDigits);
        }
        if digits.starts_with('0') {
            return Err(NumberError::National);
        }
        if !(7..=15).contains(&digits.len()) {
            return Err(NumberError::Length(digits.len()));
        }
        Ok(Self(digits.to_owned()))
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = NumberError;

    fn try_from(text: String) -> Result<Self, NumberError> {
        text.parse()
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}

impl fmt::Debug for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhoneNumber(…{})", &self.0[self.0.len() - 2..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_of_a_number_parse_alike() {
        for text in ["441111111111", "+441111111111", "00441111111111", " 441111111111", "\u{a0}+441111111111 \r\n"] {
            assert_eq!(text.parse::<PhoneNumber>().unwrap().digits(), "441111111111");
        }
    }

    #[test]
    fn each_invalid_number_has_its_own_error() {
        use NumberError as E;
        for (text, error) in [
            ("", E::Empty),
            (" ", E::Empty),
            ("+", E::NotDigits),
            ("44 7700 900000", E::NotDigits),
            ("+44(0)7700900000", E::NotDigits),
            ("٤٤١١١١١١١١١١", E::NotDigits),
            ("07700900000", E::National),
            ("+00441111111111", E::National),
            ("+ 441111111111", E::NotDigits),
            ("441111", E::Length(6)),
            ("4411111111111111", E::Length(16)),
            (&"4".repeat(65), E::TooLong),
        ] {
            assert_eq!(text.parse::<PhoneNumber>(), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parsed_number_ends_the_text_and_parses_again(text in "\\PC{0,20}") {
            if let Ok(number) = text.parse::<PhoneNumber>() {
                prop_assert!(text.trim().ends_with(number.digits()));
                prop_assert_eq!(number.digits().parse::<PhoneNumber>(), Ok(number));
            }
        }
    }
}
