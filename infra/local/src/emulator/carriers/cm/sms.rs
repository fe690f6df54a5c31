//! SMS encoding, GSM alphabet (3GPP TS 23.038) or UCS-2, and the split into parts.

/// Characters that take one septet.
const BASIC: &str = concat!(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?",
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
);
/// Characters that take two septets.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Gsm,
    Ucs2,
}

impl Encoding {
    /// Returns CM.com's choice for a body of type `auto`.
    pub(super) fn for_text(text: &str) -> Self {
        if text.chars().all(|c| septets(c).is_some()) { Self::Gsm } else { Self::Ucs2 }
    }

    /// Returns the text with `?` for characters outside the encoding.
    pub(super) fn carried(self, text: &str) -> String {
        match self {
            Self::Gsm => text.chars().map(|c| if septets(c).is_some() { c } else { '?' }).collect(),
            Self::Ucs2 => text.to_owned(),
        }
    }

    /// Returns the capacity of a single message and of a part, in septets or UTF-16 units.
    fn room(self) -> (usize, usize) {
        match self {
            Self::Gsm => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }

    fn units(self, c: char) -> usize {
        match self {
            Self::Gsm => septets(c).unwrap_or(1),
            Self::Ucs2 => c.len_utf16(),
        }
    }
}

fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) {
        Some(1)
    } else if EXTENDED.contains(c) {
        Some(2)
    } else {
        None
    }
}

/// Counts the parts. A part never ends within a character.
pub(super) fn parts(text: &str, encoding: Encoding) -> usize {
    let (alone, shared) = encoding.room();
    if text.chars().map(|c| encoding.units(c)).sum::<usize>() <= alone {
        return 1;
    }
    let (parts, _) = text.chars().fold((1, 0), |(parts, used), c| {
        let units = encoding.units(c);
        if used + units > shared { (parts + 1, units) } else { (parts, used + units) }
    });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts_of(text: &str) -> usize {
        parts(text, Encoding::for_text(text))
    }

    #[test]
    fn parts_follow_the_standard() {
        for (text, expected) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("a".repeat(306), 2),
            ("a".repeat(307), 3),
            ("€".repeat(80), 1),
            // 76 fit into a part's 153 septets; one septet stays unused.
            ("€".repeat(153), 3),
            ("я".repeat(70), 1),
            ("я".repeat(71), 2),
            ("я".repeat(135), 3),
            ("😀".repeat(35), 1),
            // A pair of surrogates stays whole: 33 pairs fit into a part.
            ("😀".repeat(67), 3),
        ] {
            assert_eq!(parts_of(&text), expected, "{} of {:?}", text.chars().count(), text.chars().next());
        }
    }

    #[test]
    fn characters_outside_gsm_become_question_marks() {
        assert_eq!(BASIC.chars().count() + 1, 128, "the table and the escape");
        assert_eq!(Encoding::Gsm.carried("5 € и 😀"), "5 € ? ?");
        assert_eq!(Encoding::Ucs2.carried("и"), "и");
    }
}
