//! Matches the message ID in a receipt with the ID from the carrier's answer to the submit.
//!
//! SMPP leaves an ID's format to the carrier, and carriers spell the same ID in two ways: hexadecimal at
//! submit and decimal in the receipt, or vice versa; in another case; padded with zeros or blanks. So we
//! store IDs in one canonical spelling, and look up every spelling that a receipt's ID may stand for. If
//! several messages match, the receipt matches none: `1234` may be the ID itself, or `4d2` in decimal.
//!
//! We can only compare IDs on record. Suppose a carrier counts its IDs and reports them in another base. If a
//! message's ID is not on record, its receipt may match an earlier message whose ID has the same digits. Only
//! the carrier's documentation can prevent that.

/// Longest ID, in bytes. SMPP allows 64.
const MOST: usize = 64;

/// Returns the canonical spelling: trimmed, in lower case, without leading zeros. Returns `None` if the ID is
/// empty, too long, or contains whitespace or control characters.
#[must_use]
pub fn canonical(id: &str) -> Option<String> {
    let id = id.trim();
    if id.is_empty() || id.len() > MOST || id.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let id = id.to_ascii_lowercase();
    let digits = id.trim_start_matches('0');
    // All zeros become a single zero.
    Some(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() })
}

/// Returns the canonical spellings that a receipt's ID may stand for: its own, then its value in hexadecimal
/// if it reads as decimal, and in decimal if it reads as hexadecimal.
#[must_use]
pub fn spellings(id: &str) -> Vec<String> {
    let Some(own) = canonical(id) else { return Vec::new() };
    let of_decimal = number(&own, 10).map(|number| format!("{number:x}"));
    let of_hexadecimal = number(&own, 16).map(|number| number.to_string());
    let mut all = vec![own];
    for other in [of_decimal, of_hexadecimal].into_iter().flatten() {
        if !all.contains(&other) {
            all.push(other);
        }
    }
    all
}

/// Returns the ID's value. Carriers do not count beyond 128 bits.
fn number(canonical: &str, base: u32) -> Option<u128> {
    // `from_str_radix` accepts a sign.
    let is_plain = canonical.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_plain { u128::from_str_radix(canonical, base).ok() } else { None }
}

/// A receipt whose ID matches several messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("carrier ID matches several messages")]
pub struct AmbiguousIdError;

/// Returns the message for a receipt's ID. `found` has the IDs stored under its [`spellings`], each with its
/// message. If all equal the receipt's ID but for case, zeros and blanks, an exact match wins.
///
/// # Errors
/// If several messages match.
pub fn unique_match<T: PartialEq>(
    reported: &str,
    found: impl IntoIterator<Item = (String, T)>,
) -> Result<Option<T>, AmbiguousIdError> {
    let own = canonical(reported);
    let found: Vec<_> = found.into_iter().collect();
    let is_of_one_base = found.iter().all(|(id, _)| canonical(id) == own);
    let is_exact = |id: &str| is_of_one_base && id == reported.trim();
    let has_exact = found.iter().any(|(id, _)| is_exact(id));
    let mut found = found.into_iter().filter(|(id, _)| !has_exact || is_exact(id)).map(|(_, about)| about);
    let Some(first) = found.next() else { return Ok(None) };
    if found.all(|other| other == first) { Ok(Some(first)) } else { Err(AmbiguousIdError) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn find<'a>(reported: &str, given: &[&'a str]) -> Result<Option<&'a str>, AmbiguousIdError> {
        let spellings = spellings(reported);
        let found = given.iter().filter(|id| canonical(id).is_some_and(|id| spellings.contains(&id)));
        unique_match(reported, found.map(|id| ((*id).to_owned(), *id)))
    }

    #[test]
    fn id_matches_in_any_base_and_case_and_with_zeros() {
        for (given, reported) in [
            ("a1f", "A1F"),
            ("A1F", " 0000a1f\r\n"),
            ("4d2", "1234"),
            ("000004D2", "0000001234"),
            ("1234", "4D2"),
            ("0000001234", "000004d2"),
            ("b2c3-7", "B2C3-7"),
            ("0", "0000"),
            ("0197A3A0000070008000000000000001", "0197a3a0000070008000000000000001"),
        ] {
            assert_eq!(find(reported, &["77", given, "zz"]), Ok(Some(given)), "{reported}");
        }
        assert_eq!(find("1235", &["1234", "4d2", "zz"]), Ok(None));
        assert_eq!(find("-4d2", &["1234"]), Ok(None), "a sign is not a digit");
        assert_eq!(find("", &["1234", ""]), Ok(None));
    }

    #[test]
    fn id_that_matches_two_messages_is_ambiguous() {
        assert_eq!(find("1234", &["1234", "4d2"]), Err(AmbiguousIdError));
        assert_eq!(find("1234", &["4660", "4d2"]), Err(AmbiguousIdError));
        assert_eq!(find("00A1f", &["a1f", "A1F"]), Err(AmbiguousIdError));
        let twice = ["1234", "4d2"].map(|id| (id.to_owned(), "m"));
        assert_eq!(unique_match("1234", twice), Ok(Some("m")), "found twice under two spellings");
    }

    #[test]
    fn exact_spelling_wins_among_similar_ids() {
        assert_eq!(find("A1F", &["a1f", "A1F", "0a1f"]), Ok(Some("A1F")));
        assert_eq!(find(" 0a1f ", &["a1f", "A1F", "0a1f"]), Ok(Some("0a1f")));
        // Even an exact match is ambiguous if an ID in the other base matches.
        assert_eq!(find("1234", &["1234", "01234", "4d2"]), Err(AmbiguousIdError));
    }

    #[test]
    fn invalid_id_has_no_spelling() {
        for text in ["", "  ", "0 7", "a\u{0}b", &"1".repeat(65)] {
            assert_eq!((canonical(text), spellings(text)), (None, Vec::new()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn number_is_found_in_either_base_case_and_padding(number: u128, zeros in 0..20_usize, upper: bool, of_hex: bool) {
            let (hex, decimal) = (format!("{}{number:x}", "0".repeat(zeros)), format!("{}{number}", "0".repeat(zeros)));
            let (given, reported) = if of_hex { (hex, decimal) } else { (decimal, hex) };
            let reported = if upper { reported.to_uppercase() } else { reported };
            prop_assert!(spellings(&reported).contains(&canonical(&given).unwrap()));
        }

        #[test]
        fn arbitrary_text_lists_its_own_spelling_first(text in "\\PC{0,70}|[0-9a-fA-F ]{0,70}") {
            prop_assert_eq!(spellings(&text).first().cloned(), canonical(&text));
            prop_assert!(spellings(&text).len() <= 3);
            if let Some(own) = canonical(&text) {
                prop_assert_eq!(canonical(&own), Some(own));
            }
        }
    }
}
