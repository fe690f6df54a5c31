//! The text of a message: not blank, without control characters below U+0020 (except tab, line feed, form
//! feed and carriage return), and within the allowed number of segments, counted as the network bills them.
//!
//! We reject a bad text but never repair it: no trimming, transliterating or truncating. A message with
//! rich content may have no text: [`Text::none`]. `gsm` holds the alphabet, `segments` splits the text.
//!
//! Sources: 3GPP TS 23.038 (alphabets) and TS 23.040 (concatenation).

mod gsm;
mod segments;

use std::fmt;

use strum::{EnumIter, EnumString, IntoStaticStr};
use thiserror::Error;

/// A message's text, valid by construction. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    body: String,
    encoding: Encoding,
    segments: u16,
}

impl Text {
    /// Returns `body` unchanged, in GSM 7-bit if that alphabet has every character, and in UCS-2 otherwise.
    ///
    /// # Errors
    /// [`TextError`]. A retry does not help.
    pub fn parse(body: &str, limit: SegmentLimit) -> Result<Self, TextError> {
        check_bytes(body, limit)?;
        check_characters(body)?;
        let (encoding, count) = segments::measure(body);
        Self::within(body, encoding, count, limit)
    }

    /// Returns `body` unchanged, always in UCS-2.
    ///
    /// # Errors
    /// The same as [`Text::parse`].
    pub fn parse_ucs2(body: &str, limit: SegmentLimit) -> Result<Self, TextError> {
        check_bytes(body, limit)?;
        check_characters(body)?;
        Self::within(body, Encoding::Ucs2, segments::count(body, Encoding::Ucs2), limit)
    }

    /// Returns the empty text of a message that has only rich content. It takes no segments.
    pub fn none() -> Self {
        Self::stored(String::new(), Encoding::Gsm7, 0)
    }

    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    fn within(body: &str, encoding: Encoding, count: usize, limit: SegmentLimit) -> Result<Self, TextError> {
        let segments = u16::try_from(count)
            .ok()
            .filter(|&segments| segments <= limit.0)
            .ok_or(TextError::TooLong { segments: count, limit: limit.0 })?;
        Ok(Self::stored(body.to_owned(), encoding, segments))
    }

    /// Returns a text read back from the store.
    ///
    /// We check neither the body nor whether `encoding` and `segments` fit, so lowering the limit does not
    /// invalidate accepted texts.
    pub fn stored(body: String, encoding: Encoding, segments: u16) -> Self {
        Self { body, encoding, segments }
    }

    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Returns the number of segments: at least 1, or 0 for [`Text::none`].
    pub fn segments(&self) -> u16 {
        self.segments
    }

    pub fn as_str(&self) -> &str {
        &self.body
    }

    /// Returns the distinct characters that GSM 7-bit lacks, at most `most`, in order of first appearance. The
    /// list is empty if the text is in GSM 7-bit, or in UCS-2 only because the client asked for it.
    pub fn characters_beyond_gsm(&self, most: usize) -> Vec<char> {
        let mut found = Vec::new();
        if self.encoding == Encoding::Ucs2 {
            for character in self.body.chars().filter(|&c| gsm::septets(c).is_none()) {
                if found.len() == most {
                    break;
                }
                if !found.contains(&character) {
                    found.push(character);
                }
            }
        }
        found
    }

    pub fn into_string(self) -> String {
        self.body
    }

    /// Splits the text into its [segments](Text::segments), between characters. Joined, they are the text
    /// again.
    pub fn split(&self) -> Vec<&str> {
        if self.is_empty() { Vec::new() } else { segments::split(&self.body, self.encoding) }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Text")
            .field("encoding", &self.encoding)
            .field("characters", &self.body.chars().count())
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}

/// Why we reject a text. No variant repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TextError {
    /// The text has no characters, or only white space.
    #[error("the text is empty")]
    Empty,
    #[error("the text takes {segments} segments; at most {limit} are allowed")]
    TooLong { segments: usize, limit: u16 },
    /// The text has more bytes than the allowed segments can hold, so we did not count its segments.
    #[error("the text has {bytes} bytes, and {limit} segments hold at most {}", SegmentLimit(*limit).most_bytes())]
    TooManyBytes { bytes: usize, limit: u16 },
    /// A character below U+0020, other than tab, line feed, form feed and carriage return.
    #[error("the text contains the control character U+{:04X}", u32::from(*.0))]
    ControlCharacter(char),
}

/// The most segments a text may take. A limit above 255 is useless, because the concatenation header counts
/// no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentLimit(pub u16);

impl SegmentLimit {
    /// Returns the most UTF-8 bytes of a text within the limit.
    ///
    /// A single segment has 160 septets or 70 code units. A GSM character has at most 2 bytes per septet, any
    /// character at most 3 bytes per code unit, so a segment holds at most 320 bytes.
    pub fn most_bytes(self) -> usize {
        320 * usize::from(self.0)
    }
}

impl Default for SegmentLimit {
    fn default() -> Self {
        Self(10)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Encoding {
    /// GSM 7-bit default alphabet with its extension table.
    Gsm7,
    /// Big-endian 16-bit code units; UTF-16 beyond the basic plane, because handsets read it as such.
    Ucs2,
}

/// Rejects a very long text unread, because a request's `defaults` may repeat it in a thousand messages.
fn check_bytes(body: &str, limit: SegmentLimit) -> Result<(), TextError> {
    let bytes = body.len();
    if bytes > limit.most_bytes() { Err(TextError::TooManyBytes { bytes, limit: limit.0 }) } else { Ok(()) }
}

fn check_characters(body: &str) -> Result<(), TextError> {
    if body.trim().is_empty() {
        return Err(TextError::Empty);
    }
    match body.chars().find(|&c| is_refused_control(c)) {
        Some(character) => Err(TextError::ControlCharacter(character)),
        None => Ok(()),
    }
}

fn is_refused_control(character: char) -> bool {
    character < ' ' && !matches!(character, '\t' | '\n' | '\u{0C}' | '\r')
}

#[cfg(test)]
mod tests {
    use super::{Encoding, SegmentLimit, Text, TextError};

    fn parse(body: &str) -> Result<Text, TextError> {
        Text::parse(body, SegmentLimit::default())
    }

    #[test]
    fn text_is_kept_unchanged() {
        let text = parse(" Hello,\r\n[world] \u{0C}").unwrap();
        assert_eq!(text.encoding(), Encoding::Gsm7);
        assert_eq!(text.segments(), 1);
        assert_eq!(text.split(), [text.as_str()]);
        assert_eq!(text.into_string(), " Hello,\r\n[world] \u{0C}");
    }

    #[test]
    fn tab_needs_ucs2() {
        assert_eq!(parse("a\tb").unwrap().encoding(), Encoding::Ucs2);
    }

    #[test]
    fn ucs2_can_be_requested() {
        let text = Text::parse_ucs2(&"a".repeat(71), SegmentLimit(2)).unwrap();
        assert_eq!((text.encoding(), text.segments(), text.split().len()), (Encoding::Ucs2, 2, 2));
        assert_eq!(Text::parse_ucs2(" ", SegmentLimit(1)), Err(TextError::Empty));
        let too_long = TextError::TooLong { segments: 2, limit: 1 };
        assert_eq!(Text::parse_ucs2(&"a".repeat(71), SegmentLimit(1)), Err(too_long));
    }

    #[test]
    fn characters_beyond_gsm_are_listed_once_in_order() {
        let listed =
            |text: &str, most| parse(text).unwrap().characters_beyond_gsm(most).into_iter().collect::<String>();
        assert_eq!(listed("Grüße {€}", 20), "");
        assert_eq!(listed("çéç`😀Ж😀", 20), "ç`😀Ж");
        assert_eq!(listed("çéç`😀Ж😀", 2), "ç`");
        assert_eq!(listed("e\u{301}", 20), "\u{301}");
        assert!(Text::parse_ucs2("plain", SegmentLimit(1)).unwrap().characters_beyond_gsm(20).is_empty());
        assert!(Text::none().characters_beyond_gsm(20).is_empty());
    }

    #[test]
    fn blank_text_is_rejected() {
        for blank in ["", " ", "\r\n\t\u{0C}", "\u{A0}\u{3000}"] {
            assert_eq!(parse(blank), Err(TextError::Empty));
        }
    }

    #[test]
    fn control_character_is_rejected_by_code_point() {
        for control in ('\0'..' ').filter(|c| !"\t\n\u{0C}\r".contains(*c)) {
            let refused = parse(&format!("a{control}b"));
            assert_eq!(refused, Err(TextError::ControlCharacter(control)));
        }
        let message = TextError::ControlCharacter('\u{1B}').to_string();
        assert_eq!(message, "the text contains the control character U+001B");
    }

    #[test]
    fn segment_limit_is_inclusive_and_ten_by_default() {
        assert_eq!(parse(&"a".repeat(1530)).unwrap().segments(), 10);
        let too_long = TextError::TooLong { segments: 11, limit: 10 };
        assert_eq!(parse(&"a".repeat(1531)), Err(too_long));
    }

    #[test]
    fn text_of_more_segments_than_u16_is_too_long() {
        let refused = Text::parse(&"a".repeat(153 * 65_536), SegmentLimit(u16::MAX));
        let too_long = TextError::TooLong { segments: 65_536, limit: u16::MAX };
        assert_eq!(refused, Err(too_long));
    }

    #[test]
    fn stored_text_equals_the_parsed_text() {
        let parsed = parse("Grüße, François").unwrap();
        let encoding = parsed.encoding().into_str().parse::<Encoding>().unwrap();
        let stored = Text::stored(parsed.as_str().to_owned(), encoding, parsed.segments());
        assert_eq!(stored, parsed);
    }

    #[test]
    fn absent_text_has_no_segments_and_can_be_stored() {
        let none = Text::none();
        assert!(none.is_empty() && !parse("a").unwrap().is_empty());
        assert_eq!((none.as_str(), none.segments(), none.split().len()), ("", 0, 0));
        assert_eq!(Text::stored(none.as_str().to_owned(), none.encoding(), none.segments()), none);
    }

    #[test]
    fn encoding_parses_by_name() {
        assert_eq!("gsm7".parse(), Ok(Encoding::Gsm7));
        assert_eq!("ucs2".parse(), Ok(Encoding::Ucs2));
        assert!("GSM7".parse::<Encoding>().is_err());
    }

    #[test]
    fn debug_prints_no_content() {
        assert_eq!(
            format!("{:?}", parse("secret").unwrap()),
            "Text { encoding: Gsm7, characters: 6, segments: 1, .. }"
        );
    }
}
