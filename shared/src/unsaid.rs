//! What a parser says of a fault, without what it found. Faults are logged, and what
//! stands where something else was due may be a text, a number or a secret.

use std::fmt::Display;

use crate::carriers::without_numbers;

/// The most characters that are kept.
const LONGEST: usize = 200;

/// What was expected, where the parser says that (as serde does behind what it
/// found), or else its words, which then name fields of ours.
pub(crate) fn without_values(fault: &impl Display) -> String {
    let words = fault.to_string();
    let words = match words.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => without_numbers(&words),
    };
    words.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{carriers::CarrierName, domain::Stamp};

    #[test]
    fn what_was_found_is_not_said() {
        let of = |json: &str| without_values(&serde_json::from_str::<Vec<u8>>(json).unwrap_err());
        assert_eq!(of(r#""447700900001, expected nothing""#), "expected a sequence at line 1 column 32");
        assert_eq!(of("[447700900001]"), "expected u8 at line 1 column 13");
        let name = serde_json::from_str::<CarrierName>(r#""447700900001""#).unwrap_err();
        assert_eq!(without_values(&name), "expected `loopback` or `cm` at line 1 column 14");
        let stamp = serde_json::from_str::<Stamp>(r#""447700900001""#).unwrap_err();
        assert_eq!(without_values(&stamp), "a stamp is 16 hex digits");
        let number =
            serde_dynamo::from_attribute_value::<_, u64>(serde_dynamo::AttributeValue::N("44770090000.1".into()));
        let number = without_values(&number.unwrap_err());
        assert_eq!(number, "Failed to parse '…' as an integer: invalid digit found in string");
        assert_eq!(without_values(&"x".repeat(1000)).len(), 200);
    }
}
