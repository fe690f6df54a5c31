//! Splits a text into segments.
//!
//! A short message carries 140 octets: 160 septets or 70 UTF-16 code units. In a longer text, each segment
//! gives 6 octets to the concatenation header (8-bit reference), which leaves 153 septets or 67 code units.
//! Segments are filled from the front. If a two-septet character or surrogate pair does not fit whole, it
//! opens the next segment, so a text may need more segments than its length alone suggests. We may split a
//! combining sequence, because the handset joins the segments before display.
//!
//! Source: 3GPP TS 23.040 section 9.2.3.24.1.

use super::{Encoding, gsm};

/// Returns the encoding and segment count of `body`, in one pass.
pub(super) fn measure(body: &str) -> (Encoding, usize) {
    let mut gsm7 = Tally::new(Encoding::Gsm7);
    let mut ucs2 = Tally::new(Encoding::Ucs2);
    let mut all_gsm = true;
    for character in body.chars() {
        match gsm::septets(character) {
            Some(septets) => {
                gsm7.add(septets);
            }
            None => all_gsm = false,
        }
        ucs2.add(character.len_utf16());
    }
    if all_gsm { (Encoding::Gsm7, gsm7.segments()) } else { (Encoding::Ucs2, ucs2.segments()) }
}

pub(super) fn count(body: &str, encoding: Encoding) -> usize {
    let mut tally = Tally::new(encoding);
    for character in body.chars() {
        tally.add(units(encoding, character));
    }
    tally.segments()
}

/// Splits `body` into as many segments as [`count`] returns.
pub(super) fn split(body: &str, encoding: Encoding) -> Vec<&str> {
    let mut tally = Tally::new(encoding);
    let mut segments = Vec::new();
    let mut start = 0;
    for (at, character) in body.char_indices() {
        if tally.add(units(encoding, character)) {
            segments.push(&body[start..at]);
            start = at;
        }
    }
    if tally.fits_alone() {
        return vec![body];
    }
    segments.push(&body[start..]);
    segments
}

fn units(encoding: Encoding, character: char) -> usize {
    match encoding {
        // Only a corrupt record has characters outside the alphabet. Carriers send one replacement for
        // each.
        Encoding::Gsm7 => gsm::septets(character).unwrap_or(1),
        Encoding::Ucs2 => character.len_utf16(),
    }
}

/// Counts segments, in septets or UTF-16 code units. We fill parts from the start, because only the end of
/// the text shows whether it needs more than a single segment.
struct Tally {
    /// Room in the segment of a text that needs only one.
    alone: usize,
    /// Room in each segment if there are several.
    part: usize,
    total: usize,
    parts: usize,
    /// Units in the last part.
    used: usize,
}

impl Tally {
    fn new(encoding: Encoding) -> Self {
        let (alone, part) = match encoding {
            Encoding::Gsm7 => (160, 153),
            Encoding::Ucs2 => (70, 67),
        };
        Self { alone, part, total: 0, parts: 1, used: 0 }
    }

    /// Returns whether the character opened a new part.
    fn add(&mut self, units: usize) -> bool {
        self.total += units;
        self.used += units;
        let opens = self.used > self.part;
        if opens {
            self.parts += 1;
            self.used = units;
        }
        opens
    }

    fn fits_alone(&self) -> bool {
        self.total <= self.alone
    }

    fn segments(&self) -> usize {
        if self.fits_alone() { 1 } else { self.parts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{
        SegmentLimit,
        gsm::tests::{DEFAULT, EXTENSION},
    };
    use super::{Encoding, measure, split};

    /// Returns the encoding of `body` and the number of characters in each segment, after checking the
    /// segments.
    fn cut(body: &str) -> (Encoding, Vec<usize>) {
        let (encoding, count) = measure(body);
        let segments = split(body, encoding);
        assert_eq!(segments.len(), count);
        assert_eq!(segments.concat(), body);
        let lengths = segments.iter().map(|s| s.chars().count()).collect();
        (encoding, lengths)
    }

    fn gsm7(body: &str) -> Vec<usize> {
        let (encoding, lengths) = cut(body);
        assert_eq!(encoding, Encoding::Gsm7);
        lengths
    }

    fn ucs2(body: &str) -> Vec<usize> {
        let (encoding, lengths) = cut(body);
        assert_eq!(encoding, Encoding::Ucs2);
        lengths
    }

    #[test]
    fn gsm_segment_holds_160_septets_alone_and_153_in_parts() {
        assert_eq!(gsm7("a"), [1]);
        assert_eq!(gsm7(&"a".repeat(160)), [160]);
        assert_eq!(gsm7(&"a".repeat(161)), [153, 8]);
        assert_eq!(gsm7(&"a".repeat(306)), [153, 153]);
        assert_eq!(gsm7(&"a".repeat(307)), [153, 153, 1]);
    }

    #[test]
    fn ucs2_segment_holds_70_units_alone_and_67_in_parts() {
        assert_eq!(ucs2("ж"), [1]);
        assert_eq!(ucs2(&"ж".repeat(70)), [70]);
        assert_eq!(ucs2(&"ж".repeat(71)), [67, 4]);
        assert_eq!(ucs2(&"ж".repeat(134)), [67, 67]);
        assert_eq!(ucs2(&"ж".repeat(135)), [67, 67, 1]);
    }

    #[test]
    fn foreign_character_makes_the_whole_text_ucs2() {
        assert_eq!(ucs2(&format!("{}`", "a".repeat(70))), [67, 4]);
        assert_eq!(ucs2("François"), [8]);
        assert_eq!(gsm7("FRANÇOIS"), [8]);
        assert_eq!(gsm7("ΓΔΘ"), [3]);
    }

    #[test]
    fn extended_character_counts_two_septets() {
        assert_eq!(gsm7(&"€".repeat(80)), [80]);
        assert_eq!(gsm7(&"€".repeat(81)), [76, 5]);
    }

    #[test]
    fn extended_character_does_not_straddle_segments() {
        let a = |n| "a".repeat(n);
        assert_eq!(gsm7(&format!("{}€", a(152))), [153]);
        assert_eq!(gsm7(&format!("{}€{}", a(151), a(8))), [152, 8]);
        assert_eq!(gsm7(&format!("{}€{}", a(152), a(7))), [152, 8]);
        assert_eq!(gsm7(&format!("{}€{}", a(152), a(152))), [152, 152, 1]);
    }

    #[test]
    fn surrogate_pair_does_not_straddle_segments() {
        let zhe = |n| "ж".repeat(n);
        assert_eq!(ucs2(&format!("{}😀", zhe(66))), [67]);
        assert_eq!(ucs2(&format!("{}😀{}", zhe(65), zhe(4))), [66, 4]);
        assert_eq!(ucs2(&format!("{}😀{}", zhe(66), zhe(3))), [66, 4]);
        assert_eq!(ucs2(&format!("{}😀{}", zhe(67), zhe(2))), [67, 3]);
        assert_eq!(ucs2(&"😀".repeat(35)), [35]);
        assert_eq!(ucs2(&"😀".repeat(67)), [33, 33, 1]);
    }

    const ESCAPE: u16 = 0x1B;

    /// Returns UTF-16, or septets in which only the escape has its real code.
    fn encode(encoding: Encoding, text: &str) -> Vec<u16> {
        let septets = |c| match EXTENSION.find(c) {
            Some(_) => vec![ESCAPE, 0],
            None => vec![0],
        };
        match encoding {
            Encoding::Gsm7 => text.chars().flat_map(septets).collect(),
            Encoding::Ucs2 => text.encode_utf16().collect(),
        }
    }

    fn gsm_character() -> impl Strategy<Value = char> {
        prop_oneof![
            4 => prop::sample::select(DEFAULT.chars().collect::<Vec<_>>()),
            1 => prop::sample::select(EXTENSION.chars().collect::<Vec<_>>()),
        ]
    }

    fn text_of(character: impl Strategy<Value = char>) -> impl Strategy<Value = String> {
        prop::collection::vec(character, 1..700).prop_map(String::from_iter)
    }

    fn any_text() -> impl Strategy<Value = String> {
        prop_oneof![
            text_of(gsm_character()),
            text_of(prop_oneof![gsm_character(), prop::char::range('😀', '🙏'), any::<char>(),]),
        ]
    }

    proptest! {
        #[test]
        fn segments_join_to_the_text_and_match_the_count(text in any_text()) {
            let (encoding, count) = measure(&text);
            let segments = split(&text, encoding);
            prop_assert_eq!(segments.len(), count);
            prop_assert_eq!(segments.concat(), text);
        }

        #[test]
        fn text_fits_the_bytes_of_its_segments(text in any_text()) {
            let segments = u16::try_from(measure(&text).1).unwrap();
            prop_assert!(text.len() <= SegmentLimit(segments).most_bytes());
        }

        #[test]
        fn text_is_gsm_if_and_only_if_all_characters_are(text in any_text()) {
            let all_gsm = text.chars().all(|c| DEFAULT.contains(c) || EXTENSION.contains(c));
            let expected = if all_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 };
            prop_assert_eq!(measure(&text).0, expected);
        }

        #[test]
        fn gsm_characters_make_a_gsm_text(text in text_of(gsm_character())) {
            prop_assert_eq!(measure(&text).0, Encoding::Gsm7);
        }

        #[test]
        fn each_segment_is_full_and_within_its_limit(text in any_text()) {
            let (encoding, _) = measure(&text);
            let (alone, part) = match encoding {
                Encoding::Gsm7 => (160, 153),
                Encoding::Ucs2 => (70, 67),
            };
            let segments = split(&text, encoding);
            if encode(encoding, &text).len() <= alone {
                prop_assert_eq!(segments, [text.as_str()]);
                return Ok(());
            }
            for segment in &segments {
                prop_assert!((1..=part).contains(&encode(encoding, segment).len()));
            }
            for pair in segments.windows(2) {
                let next: String = pair[1].chars().take(1).collect();
                prop_assert!(encode(encoding, &(pair[0].to_owned() + &next)).len() > part);
            }
        }

        #[test]
        fn no_segment_splits_a_pair(text in any_text()) {
            let (encoding, _) = measure(&text);
            for segment in split(&text, encoding) {
                let sent = encode(encoding, segment);
                let (first, last) = (sent[0], sent[sent.len() - 1]);
                prop_assert!(!(0xDC00..=0xDFFF).contains(&first));
                prop_assert!(!(0xD800..=0xDBFF).contains(&last));
                prop_assert!(encoding == Encoding::Ucs2 || last != ESCAPE);
            }
        }
    }
}
