//! Originators of replies.

use std::{fmt, ops::RangeInclusive, str::FromStr};

use crate::domain::PhoneNumber;

/// The sender of a reply: a phone number or, if it has none, a short code, a name, or the channel's own ID for a user.
///
/// Only a phone number has conversations and opt-outs. We refuse a text in the form of a phone number if it is none,
/// because a STOP from an unreadable number would be lost. An ID may be long, as Apple's are. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Originator {
    Number(PhoneNumber),
    /// As the carrier wrote it.
    Other(String),
}

/// How many digits a phone number has.
const NUMBER_DIGITS: RangeInclusive<usize> = 7..=15;
/// In bytes.
const LONGEST: usize = 256;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OriginatorError {
    #[error("is empty")]
    Empty,
    #[error("is longer than {LONGEST} bytes")]
    TooLong,
    #[error("holds a control character")]
    ControlCharacter,
    /// With the reason why the text is no number.
    #[error("{0}")]
    Number(String),
}

impl Originator {
    /// Returns the phone number, or the text itself if it is none.
    ///
    /// # Errors
    /// If the text looks like a phone number but is none, or if it is no ID.
    pub fn of(number: Result<PhoneNumber, impl fmt::Display>, text: &str) -> Result<Self, OriginatorError> {
        match number {
            Ok(number) => return Ok(Self::Number(number)),
            Err(error) if looks_like_number(text) => return Err(OriginatorError::Number(error.to_string())),
            Err(_) => {}
        }
        let text = text.trim();
        if text.is_empty() {
            return Err(OriginatorError::Empty);
        }
        if text.len() > LONGEST {
            return Err(OriginatorError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(OriginatorError::ControlCharacter);
        }
        Ok(Self::Other(text.to_owned()))
    }

    /// Returns the digits of a number, or an ID as the carrier wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Number(number) => number.digits(),
            Self::Other(text) => text,
        }
    }

    #[must_use]
    pub fn number(&self) -> Option<&PhoneNumber> {
        match self {
            Self::Number(number) => Some(number),
            Self::Other(_) => None,
        }
    }
}

fn looks_like_number(text: &str) -> bool {
    let digits = text.strip_prefix("00").unwrap_or(text).chars().filter(char::is_ascii_digit).count();
    NUMBER_DIGITS.contains(&digits) && text.chars().all(|c| c.is_ascii_digit() || " +-().".contains(c))
}

impl From<PhoneNumber> for Originator {
    fn from(number: PhoneNumber) -> Self {
        Self::Number(number)
    }
}

impl FromStr for Originator {
    type Err = OriginatorError;

    fn from_str(text: &str) -> Result<Self, OriginatorError> {
        Self::of(text.parse::<PhoneNumber>(), text)
    }
}

impl fmt::Debug for Originator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => fmt::Debug::fmt(number, f),
            Self::Other(_) => f.write_str("Originator(…)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_phone_number_is_kept_as_written() {
        let read = |text: &str| text.parse::<Originator>().unwrap();
        assert_eq!(read("00447700900001"), Originator::Number("447700900001".parse().unwrap()));
        for text in ["72404", "Example", "1234567890123456", "urn:mbid:AQAAY9s+/=", "Caf\u{e9}", "tel 4477009"] {
            let originator = read(text);
            assert_eq!((originator.as_str(), originator.number()), (text, None));
            assert!(!format!("{originator:?}").contains(text));
        }
        assert_eq!(read(" Example ").as_str(), "Example");
    }

    #[test]
    fn each_invalid_originator_has_its_own_error() {
        use OriginatorError as E;
        for (text, error) in
            [("", E::Empty), (" ", E::Empty), (&"x".repeat(257), E::TooLong), ("a\nb", E::ControlCharacter)]
        {
            assert_eq!(text.parse::<Originator>(), Err(error), "{text}");
        }
        for text in ["0612345678", "+44 7700 900001", "0044(0)7700900001"] {
            assert!(matches!(text.parse::<Originator>(), Err(E::Number(_))), "{text}");
        }
        let foreign = Originator::of(Err("is of an unknown country"), "447700900001");
        assert_eq!(foreign, Err(E::Number("is of an unknown country".to_owned())));
    }
}
