//! What is said of a fault, to a client or to the log.

/// The most bytes that any one fault is said in.
const LONGEST: usize = 600;
/// As many digits as no phone number has fewer of, and no line, column or limit more.
const NUMBER: usize = 7;

/// Whoever posts much is not told much.
pub fn assert_bounded(words: &str) {
    assert!(words.len() <= LONGEST, "{} bytes are said", words.len());
}

/// No run of digits that could be a phone number.
pub fn assert_names_no_number(words: &str) {
    let longest = words.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    assert!(longest.is_none_or(|longest| longest < NUMBER), "a number is named");
}
