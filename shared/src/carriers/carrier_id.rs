//! A carrier's own id for a message, as it comes back in receipts.
//!
//! SMPP says that an id is what the carrier likes, and carriers write one id in two
//! ways: hexadecimal when they take a message and decimal in its receipt, or the
//! other way round; in another case; padded with zeros or blanks. So an id is kept
//! in one canonical spelling, and a receipt's is looked for in each spelling that
//! it may stand for. If that finds more than one message, it has found none:
//! `1234` may be that, or what was `4d2`.
//!
//! That holds for ids that are on record. Of a carrier that gives ids in one base and
//! reports them in the other, and counts, the id of an earlier message may be what a later
//! one's stands for in the wrong base; if the later one's is not on record, the earlier
//! one is found. Nothing but the carrier's own word on how it writes them helps there.

/// The most characters of an id. SMPP allows 64.
const MOST: usize = 64;

/// How an id is kept: without blanks and leading zeros, and in lower case. None
/// for one that is empty, longer than ids are, or in parts.
#[must_use]
pub fn canonical(id: &str) -> Option<String> {
    let id = id.trim();
    if id.is_empty() || id.len() > MOST || id.contains(|c: char| c.is_control() || c.is_whitespace()) {
        return None;
    }
    let id = id.to_ascii_lowercase();
    let digits = id.trim_start_matches('0');
    // Of an id of zeros, one is left.
    Some(if digits.is_empty() { "0".to_owned() } else { digits.to_owned() })
}

/// The canonical spellings of what a receipt's id may stand for: its own first,
/// then, if it can be read as a number, that number in the other base.
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

/// A longer one than 128 bits is no number that a carrier counts with.
fn number(canonical: &str, base: u32) -> Option<u128> {
    // The standard library takes a sign.
    let is_plain = canonical.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_plain { u128::from_str_radix(canonical, base).ok() } else { None }
}

/// Why a receipt is found no message for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a carrier's id may be that of several messages")]
pub struct AmbiguousIdError;

/// The one message that a receipt's id is about, of those whose ids lie under its
/// spellings, each id with what it was given to. Of ids that differ only in case, zeros
/// and blanks, the one that is written the same counts; of ids in two bases, none does.
///
/// # Errors
/// When there are several.
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

    /// What a receipt's id finds of the ids that carriers gave at submit.
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
        assert_eq!(find("-4d2", &["1234"]), Ok(None), "a sign is no digit");
        assert_eq!(find("", &["1234", ""]), Ok(None));
    }

    #[test]
    fn an_id_that_may_be_that_of_two_messages_is_that_of_none() {
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
        // Written the same, and yet perhaps the other in another base.
        assert_eq!(find("1234", &["1234", "01234", "4d2"]), Err(AmbiguousIdError));
    }

    #[test]
    fn what_is_no_id_has_no_spelling() {
        for text in ["", "  ", "0 7", "a\u{0}b", &"1".repeat(65)] {
            assert_eq!((canonical(text), spellings(text)), (None, Vec::new()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_found_however_it_is_written(number: u128, zeros in 0..20_usize, upper: bool, of_hex: bool) {
            let (hex, decimal) = (format!("{}{number:x}", "0".repeat(zeros)), format!("{}{number}", "0".repeat(zeros)));
            let (given, reported) = if of_hex { (hex, decimal) } else { (decimal, hex) };
            let reported = if upper { reported.to_uppercase() } else { reported };
            prop_assert!(spellings(&reported).contains(&canonical(&given).unwrap()));
        }

        #[test]
        fn no_text_makes_it_panic_and_its_own_spelling_is_the_first(text in "\\PC{0,70}|[0-9a-fA-F ]{0,70}") {
            prop_assert_eq!(spellings(&text).first().cloned(), canonical(&text));
            prop_assert!(spellings(&text).len() <= 3);
            if let Some(own) = canonical(&text) {
                prop_assert_eq!(canonical(&own), Some(own));
            }
        }
    }
}
