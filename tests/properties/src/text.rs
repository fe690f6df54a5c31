//! Counting segments and splitting texts, compared with an independent implementation: it encodes the
//! text into the units sent over the air and fills segments with them (3GPP TS 23.038, TS 23.040
//! section 9.2.3.24.1).

use shared::domain::{Encoding, KeywordAnswer, SegmentLimit, Text, TextError};

use crate::{
    mutate::Choices,
    words::{assert_bounded, assert_names_no_number},
};

/// The GSM default alphabet by code; 0x1B is the escape.
const DEFAULT: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table, whose characters need an escape.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";
const ESCAPE: u16 = 0x1b;

/// Characters with special rules for splitting, counting or rejection.
const BOUNDARY_CHARACTERS: [char; 20] = [
    'a',
    ' ',
    '€',
    '[',
    '\\',
    '\u{c}',
    '\n',
    '\r',
    '\t',
    'ç',
    'é',
    '`',
    '\u{301}',
    'Ω',
    '😀',
    '\u{10ffff}',
    '\u{ffff}',
    '\u{1b}',
    '\u{0}',
    '\u{feff}',
];

/// Checks the bytes as a text, and a long text chosen by them.
pub fn text(bytes: &[u8]) {
    counts(&String::from_utf8_lossy(bytes));
    counts(&chosen(Choices::of(bytes)));
}

/// Returns runs of special characters with lengths near a segment's limit.
fn chosen(mut choices: Choices<'_>) -> String {
    let mut text = String::new();
    while !choices.is_over() && text.len() < 20_000 {
        let character = *choices.pick(&BOUNDARY_CHARACTERS);
        let times = [1, 2, 1 + choices.below(256), 60 + choices.below(16), 150 + choices.below(16)];
        text.extend(std::iter::repeat_n(character, *choices.pick(&times)));
    }
    text
}

fn counts(body: &str) {
    for limit in [SegmentLimit::default(), SegmentLimit(1), SegmentLimit(u16::MAX)] {
        check(body, limit, Text::parse(body, limit), !is_gsm(body));
        check(body, limit, Text::parse_ucs2(body, limit), true);
    }
    let answer = body.parse::<KeywordAnswer>();
    assert_eq!(answer.is_ok(), body.is_empty() || Text::parse(body, SegmentLimit::default()).is_ok());
    assert!(answer.is_ok_and(|answer| answer.as_str() == body) || !body.is_empty());
}

fn check(body: &str, limit: SegmentLimit, read: Result<Text, TextError>, ucs2: bool) {
    let refused = |c: char| c < ' ' && !"\t\n\u{c}\r".contains(c);
    match read {
        Ok(text) => {
            assert!(!body.trim().is_empty() && !body.contains(refused));
            assert!(text.as_str() == body && (1..=limit.0).contains(&text.segments()));
            assert_whole(&text, ucs2);
            assert!(Text::stored(body.to_owned(), text.encoding(), text.segments()) == text);
        }
        Err(error) => {
            match error {
                TextError::Empty => assert!(body.trim().is_empty()),
                TextError::ControlCharacter(character) => assert!(refused(character) && body.contains(character)),
                TextError::TooLong { segments, limit } => {
                    assert!(segments > usize::from(limit) && segments == split(body, ucs2).len());
                }
                TextError::TooManyBytes { bytes, limit } => {
                    assert!(bytes == body.len() && split(body, ucs2).len() > usize::from(limit));
                }
            }
            assert_bounded(&error.to_string());
            assert_names_no_number(&error.to_string());
        }
    }
}

/// Checks the encoding, and compares the segments with those of `split`.
pub fn assert_whole(text: &Text, ucs2: bool) {
    assert_eq!(text.encoding() == Encoding::Ucs2, ucs2);
    let (segments, expected) = (text.split(), split(text.as_str(), ucs2));
    assert_eq!(segments.len(), usize::from(text.segments()));
    assert_eq!(segments.concat(), text.as_str());
    assert_eq!(segments, expected.iter().map(String::as_str).collect::<Vec<_>>());
}

fn is_gsm(body: &str) -> bool {
    body.chars().all(|c| c != '\u{1b}' && (DEFAULT.contains(c) || EXTENSION.contains(c)))
}

/// Splits a text by the units sent over the air.
fn split(body: &str, ucs2: bool) -> Vec<String> {
    let units = if ucs2 { body.encode_utf16().collect() } else { septets(body) };
    let (alone, part) = if ucs2 { (70, 67) } else { (160, 153) };
    if units.len() <= alone {
        return vec![body.to_owned()];
    }
    let mut segments = Vec::new();
    let mut rest = units.as_slice();
    while !rest.is_empty() {
        let mut end = part.min(rest.len());
        let opens_pair = if ucs2 { (0xd800..0xdc00).contains(&rest[end - 1]) } else { rest[end - 1] == ESCAPE };
        if opens_pair {
            end -= 1;
        }
        let (segment, after) = rest.split_at(end);
        segments.push(if ucs2 { String::from_utf16_lossy(segment) } else { characters(segment) });
        rest = after;
    }
    segments
}

fn septets(body: &str) -> Vec<u16> {
    let code = |among: &str, c: char| among.chars().position(|known| known == c);
    let code = |among: &str, c: char| code(among, c).and_then(|code| u16::try_from(code).ok());
    let septets = body.chars().flat_map(|c| match code(DEFAULT, c) {
        Some(code) => vec![code],
        None => vec![ESCAPE, code(EXTENSION, c).unwrap_or_default()],
    });
    septets.collect()
}

fn characters(septets: &[u16]) -> String {
    let character = |among: &str, code: u16| among.chars().nth(usize::from(code)).unwrap_or('\u{fffd}');
    let mut septets = septets.iter();
    let mut text = String::new();
    while let Some(&code) = septets.next() {
        text.push(match (code, septets.as_slice()) {
            (ESCAPE, [_, ..]) => character(EXTENSION, *septets.next().unwrap_or(&0)),
            _ => character(DEFAULT, code),
        });
    }
    text
}
