//! Shortens other systems' texts and removes control characters, phone numbers and quoted values, before we store,
//! show or log them.

/// The length to which [`unquoted`] cuts an error, in characters.
const LONGEST_UNQUOTED: usize = 200;
/// A run of at least this many digits looks like a phone number.
const FEWEST_DIGITS: usize = 6;

/// Returns a serde error without the value that it quotes, cut to 200 characters.
///
/// `…` replaces everything from the first quotation mark to the last, and anything that looks like a phone
/// number. (`serde_dynamo` quotes only numbers, in its own style.) We return an error about a missing field
/// whole, because it quotes a field's name, not a value.
pub(crate) fn unquoted(words: &str) -> String {
    const QUOTES: [char; 2] = ['`', '"'];
    if words.starts_with("missing field") {
        return words.to_owned();
    }
    let unquoted = match (words.find(QUOTES), words.rfind(QUOTES)) {
        (Some(first), Some(last)) => format!("{}…{}", &words[..first], &words[last + 1..]),
        _ => words.to_owned(),
    };
    cut(&without_numbers(&unquoted), LONGEST_UNQUOTED)
}

/// Returns a carrier's words for our records: without control characters and phone numbers, and at most `most`
/// characters long.
pub(crate) fn clean(words: &str, most: usize) -> String {
    // A control character would split a number in two.
    cut(&without_numbers(&without_controls(words)), most)
}

/// Drops control characters: C0, DEL and C1, with which words could do something to a terminal. White space among
/// them becomes a blank, because it separates words.
pub(crate) fn without_controls(words: &str) -> String {
    let kept = |c: char| match (c.is_control(), c.is_whitespace()) {
        (false, _) => Some(c),
        (true, is_blank) => is_blank.then_some(' '),
    };
    words.chars().filter_map(kept).collect()
}

/// Replaces anything that looks like a phone number with `…`, however its digits are grouped.
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

/// The length of a part of a secret that gives it away, in bytes.
const TELLING: usize = 8;
/// A shorter secret is not looked for, because ordinary words contain it.
const SHORTEST_SECRET: usize = 4;

/// Returns whether words contain a secret, or a part of 8 bytes of it, in any case.
pub(crate) fn quotes(words: &str, secret: &str) -> bool {
    let length = secret.len().min(TELLING);
    let is_part = |part: &[u8]| secret.as_bytes().windows(length).any(|of| of.eq_ignore_ascii_case(part));
    length >= SHORTEST_SECRET && words.as_bytes().windows(length).any(is_part)
}

/// Returns the first `most` characters.
pub(crate) fn cut(words: &str, most: usize) -> String {
    words.chars().take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    struct Read {
        #[serde(rename = "kind")]
        _kind: Kind,
        #[serde(rename = "count")]
        _count: u8,
    }

    #[test]
    fn unquoted_error_shows_its_kind_and_no_value() {
        for (json, kept) in [
            (r#"{"kind":"447911\"23456","count":1}"#, "unknown variant …"),
            (r#"{"kind":"447911`,\"23456`","count":1}"#, "unknown variant …"),
            (r#"{"kind":"one","count":"447911\"23456"}"#, "invalid type: string …, expected u8"),
            (r#"{"kind":"one","count":447911}"#, "invalid value: integer …, expected u8"),
            (r#"{"kind":"one"}"#, "missing field `count`"),
            (r#"{"kind":447911"#, "expected value"),
        ] {
            let words = serde_json::from_str::<Read>(json).unwrap_err().to_string();
            let unquoted = unquoted(&words);
            assert_eq!(unquoted.split(" at line 1").next(), Some(kept), "{words}");
        }
        assert_eq!(unquoted("is \"open"), "is …open");
        assert_eq!(unquoted(&"x".repeat(1000)).len(), 200);
        for (number, kept) in [("44791123456.1", "…"), ("44791123456\"1", "……1")] {
            let item = serde_dynamo::AttributeValue::N(number.to_owned());
            let words = serde_dynamo::from_attribute_value::<_, u64>(item).unwrap_err().to_string();
            let expected = format!("Failed to parse '{kept}' as an integer: invalid digit found in string");
            assert_eq!(unquoted(&words), expected);
        }
    }

    #[test]
    fn phone_numbers_are_removed() {
        for (words, kept) in [
            ("Rejected: Gsm '0044791112345a' is not a number.", "Rejected: Gsm '…a' is not a number."),
            ("to +44 (0)7911 123-456 failed", "to … failed"),
            ("Ｎｏ ４４７９１１１２３４５６", "Ｎｏ …"),
            ("at most 11 characters, or 16 digits", "at most 11 characters, or 16 digits"),
            ("", ""),
        ] {
            assert_eq!(without_numbers(words), kept);
        }
        assert_eq!(cut(&"é".repeat(200), 100), "é".repeat(100));
    }

    #[test]
    fn control_characters_are_dropped() {
        for (words, kept) in [
            ("a\u{0}b\u{1b}]0;pwned\u{7}c", "ab]0;pwnedc"),
            ("\u{1b}[31mred\u{7f}\u{80}\u{9b}0m\u{9f}", "[31mred0m"),
            ("two\r\nlines,\ta tab\u{b}\u{c}\u{85}.", "two  lines, a tab   ."),
            ("Grüße \u{a0}\u{ad}\u{202e}\u{200d}👍", "Grüße \u{a0}\u{ad}\u{202e}\u{200d}👍"),
        ] {
            assert_eq!(without_controls(words), kept, "{words:?}");
        }
        for c in ('\u{0}'..='\u{1f}').chain('\u{7f}'..='\u{9f}') {
            assert!(["", " "].contains(&without_controls(&c.to_string()).as_str()), "{c:?}");
        }
    }

    #[test]
    fn number_around_a_control_character_is_removed() {
        assert_eq!(clean("to 44791\u{0}1123456: no\u{1b}[1m", 100), "to … no[1m");
        assert_eq!(clean(&"\u{7}é".repeat(200), 100), "é".repeat(100));
    }

    #[test]
    fn quoted_secret_is_found_whole_or_in_part() {
        for (words, is_quoted) in [
            ("key aaaabbbbccccdddd1112 is unknown", true),
            ("key …BBBBCCCC… is unknown", true),
            ("key aaaabbb is unknown", false),
            ("", false),
        ] {
            assert_eq!(quotes(words, "aaaabbbbccccdddd1112"), is_quoted, "{words}");
        }
        assert_eq!(["pass", "a", ""].map(|secret| quotes("wrong pass a", secret)), [true, false, false]);
    }

    proptest! {
        #[test]
        fn no_run_of_digits_remains(words in "\\PC{0,20}", number in "[0-9]{6,15}", more in "\\PC{0,20}") {
            let kept = without_numbers(&format!("{words}{number}{more}"));
            prop_assert!(!kept.contains(&number), "{kept}");
        }
    }
}
