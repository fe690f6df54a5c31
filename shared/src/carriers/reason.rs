//! Why a carrier refused a message, in its own words. They are kept and
//! shown, so they are short and name no phone number.

/// The most characters that are kept.
const LONGEST: usize = 100;
/// No phone number has fewer digits.
const FEWEST_DIGITS: usize = 6;

/// The beginning of it.
pub(super) fn cut(words: &str) -> String {
    words.chars().take(LONGEST).collect()
}

/// The same without what looks like a phone number, however its digits are grouped.
pub(crate) fn without_numbers(words: &str) -> String {
    let mut kept = String::with_capacity(words.len());
    let mut rest = words;
    while !rest.is_empty() {
        let start = rest.find(is_part).unwrap_or(rest.len());
        let (before, from) = rest.split_at(start);
        let (number, after) = from.split_at(from.find(|c| !is_part(c)).unwrap_or(from.len()));
        kept.push_str(before);
        if number.chars().filter(|c| c.is_numeric()).count() < FEWEST_DIGITS {
            kept.push_str(number);
        } else {
            let inner = number.trim();
            kept.push_str(&number.replacen(inner, "…", 1));
        }
        rest = after;
    }
    kept
}

fn is_part(c: char) -> bool {
    c.is_numeric() || c.is_whitespace() || "+-‐‑‒–—().,:;/_".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_reason_names_no_phone_number() {
        for (words, kept) in [
            ("Rejected: Gsm '0044791112345a' is not a number.", "Rejected: Gsm '…a' is not a number."),
            ("to +44 (0)7911 123-456 failed", "to … failed"),
            ("Ｎｏ ４４７９１１１２３４５６", "Ｎｏ …"),
            ("at most 11 characters, or 16 digits", "at most 11 characters, or 16 digits"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(words), kept);
        }
        assert_eq!(cut(&"é".repeat(200)), "é".repeat(100));
    }

    proptest! {
        #[test]
        fn no_run_of_digits_is_left(words in "\\PC{0,20}", number in "[0-9]{6,15}", more in "\\PC{0,20}") {
            let kept = without_numbers(&format!("{words}{number}{more}"));
            prop_assert!(!kept.contains(&number), "{kept}");
        }
    }
}
