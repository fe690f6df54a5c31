//! Submit references: our name for a submit, returned by the carrier in receipts.
//!
//! The strictest carrier allows 32 letters and digits, and some change their case. So the first channel
//! uses the message's ID in 32 hex digits. Two channels may go through one carrier, so each later channel
//! uses the ID in base 36, an `x`, and the channel index.

use std::{fmt, str::FromStr};

use uuid::Uuid;

use crate::domain::MessageId;

const BASE: u32 = 36;
/// Enough for 128 bits.
const ID_DIGITS: usize = 25;

/// A message and the channel of the submit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SubmitReference {
    pub message: MessageId,
    pub channel_index: u8,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not one of our references")]
pub struct SubmitReferenceError;

impl FromStr for SubmitReference {
    type Err = SubmitReferenceError;

    /// Parses the output of [`Display`](fmt::Display) in either case, and any usual spelling of a message's
    /// ID.
    fn from_str(text: &str) -> Result<Self, SubmitReferenceError> {
        if let Ok(message) = text.parse::<MessageId>() {
            return Ok(message.into());
        }
        later_channel(text).ok_or(SubmitReferenceError)
    }
}

fn later_channel(text: &str) -> Option<SubmitReference> {
    let (id, channel_index) = text.split_at_checked(ID_DIGITS)?;
    let channel_index = channel_index.strip_prefix(['x', 'X'])?;
    if !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    let id = u128::from_str_radix(id, BASE).ok()?;
    Some(SubmitReference { message: MessageId::new(Uuid::from_u128(id)), channel_index: channel_index.parse().ok()? })
}

impl From<MessageId> for SubmitReference {
    fn from(message: MessageId) -> Self {
        Self { message, channel_index: 0 }
    }
}

impl fmt::Display for SubmitReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.channel_index == 0 {
            return write!(f, "{}", self.message.uuid().simple());
        }
        let mut rest = self.message.uuid().as_u128();
        let mut digits = ['0'; ID_DIGITS];
        for digit in digits.iter_mut().rev() {
            let value = u32::try_from(rest % u128::from(BASE)).unwrap_or_default();
            *digit = char::from_digit(value, BASE).unwrap_or_default();
            rest /= u128::from(BASE);
        }
        write!(f, "{}x{}", digits.iter().collect::<String>(), self.channel_index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn reference_parses_again_in_either_case(id in any::<u128>(), channel_index in any::<u8>()) {
            let reference = SubmitReference { message: MessageId::new(Uuid::from_u128(id)), channel_index };
            let written = reference.to_string();
            prop_assert!(written.len() <= 32 && written.bytes().all(|b| b.is_ascii_alphanumeric()), "{written}");
            prop_assert_eq!(written.parse(), Ok(reference));
            prop_assert_eq!(written.to_uppercase().parse(), Ok(reference));
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}") {
            let _ = text.parse::<SubmitReference>();
        }
    }

    #[test]
    fn first_channel_uses_the_plain_id() {
        let id = "0197a3a0-0000-7000-8000-000000000001";
        let reference = SubmitReference::from(id.parse::<MessageId>().unwrap());
        assert_eq!(reference.to_string(), "0197a3a0000070008000000000000001");
        assert_eq!(id.parse(), Ok(reference));
        for text in ["", "42", &"z".repeat(25), &format!("{}x1", "z".repeat(25)), &format!("{}x300", "0".repeat(25))] {
            assert_eq!(text.parse::<SubmitReference>().ok(), None, "{text}");
        }
    }
}
