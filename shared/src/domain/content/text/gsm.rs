//! The GSM 7-bit default alphabet and its extension table.
//!
//! We do not use national language shift tables, because carriers differ in support. We do not replace a
//! character by its Latin look-alike (Greek capital alpha by `A`), so recipients see what the client sent.
//!
//! Source: 3GPP TS 23.038 section 6.2.1, by the mapping at
//! <https://www.unicode.org/Public/MAPPINGS/ETSI/GSM0338.TXT>, where code 0x09 is the capital `Ç`.

/// Returns 1 for the default alphabet, 2 (escape and code) for the extension table, `None` for other
/// characters.
#[rustfmt::skip] // Each line holds one kind of character; rustfmt would give each character a line.
pub(super) const fn septets(character: char) -> Option<usize> {
    match character {
        // Among printable ASCII, only the backtick is in neither table.
        ' '..='Z' | 'a'..='z' | '_' | '\n' | '\r'
        | '£' | '¥' | '§' | '¤' | '¡' | '¿'
        | 'à' | 'ä' | 'å' | 'æ' | 'è' | 'é' | 'ì' | 'ñ' | 'ò' | 'ö' | 'ø' | 'ù' | 'ü' | 'ß'
        | 'Ä' | 'Å' | 'Æ' | 'Ç' | 'É' | 'Ñ' | 'Ö' | 'Ø' | 'Ü'
        | 'Γ' | 'Δ' | 'Θ' | 'Λ' | 'Ξ' | 'Π' | 'Σ' | 'Φ' | 'Ψ' | 'Ω' => Some(1),
        '^' | '{' | '}' | '\\' | '[' | ']' | '~' | '|' | '€' | '\u{0C}' => Some(2),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::septets;

    /// The default alphabet in code order, without the escape at 0x1B.
    pub(in super::super) const DEFAULT: &str = concat!(
        "@£$¥èéùìòÇ\nØø\rÅå",
        "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ",
        " !\"#¤%&'()*+,-./",
        "0123456789:;<=>?",
        "¡ABCDEFGHIJKLMNO",
        "PQRSTUVWXYZÄÖÑÜ§",
        "¿abcdefghijklmno",
        "pqrstuvwxyzäöñüà",
    );

    pub(in super::super) const EXTENSION: &str = "\u{0C}^{}\\[~]|€";

    #[test]
    fn each_character_takes_the_septets_of_its_table() {
        assert_eq!(DEFAULT.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
        for character in '\0'..=char::MAX {
            let expected = match character {
                c if DEFAULT.contains(c) => Some(1),
                c if EXTENSION.contains(c) => Some(2),
                _ => None,
            };
            assert_eq!(septets(character), expected, "{character:?}");
        }
    }

    #[test]
    fn only_capital_c_with_cedilla_is_gsm() {
        assert_eq!(septets('Ç'), Some(1));
        assert_eq!(septets('ç'), None);
    }

    #[test]
    fn only_greek_capitals_without_latin_twin_are_gsm() {
        assert!("ΓΔΘΛΞΠΣΦΨΩ".chars().all(|c| septets(c) == Some(1)));
        assert!("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧω".chars().all(|c| septets(c).is_none()));
    }

    #[test]
    fn backtick_tab_escape_and_no_break_space_are_not_gsm() {
        assert!("`\t\u{1B}\u{A0}".chars().all(|c| septets(c).is_none()));
    }
}
