//! Rules for error texts, in answers and logs.

/// Maximum length of an error text, in bytes.
const LONGEST: usize = 600;
/// Minimum number of digits in a phone number. The lines, columns and limits in an error text have fewer.
const NUMBER: usize = 7;

/// Checks that an error does not grow with its input.
pub fn assert_bounded(words: &str) {
    assert!(words.len() <= LONGEST, "{} bytes", words.len());
}

/// Checks that no run of digits could be a phone number.
pub fn assert_names_no_number(words: &str) {
    let longest = words.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(longest.is_none_or(|longest| longest < NUMBER), "the text holds a number");
}
