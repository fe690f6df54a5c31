//! Keywords: replies such as STOP that are commands. A keyword must be the whole reply, in any case and
//! with any punctuation around it.
//!
//! We compare words in Unicode's form NFKC. Some phones send `Ê` as `E` and an accent, which is the same text,
//! and Japanese keyboards write STOP in full-width letters. NFKC merges more than NFC, which leaves full-width
//! letters alone, but a missed opt-out is worse than one too many, and a keyword has to be the whole reply.
//!
//! The built-in words always count, because carriers and regulators hold senders to them. An operator can
//! add others. The English words come from the CTIA's messaging principles and the vendors' lists.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr, sync::Arc};

use icu_normalizer::{ComposingNormalizerBorrowed, properties::CanonicalCombiningClassMapBorrowed};
use serde::{Deserialize, Serialize};
use strum::{EnumIter, EnumString, IntoStaticStr};

/// A reply's command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, EnumIter, EnumString, IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase", const_into_str)]
pub enum Keyword {
    /// Opt out of this sender.
    Stop,
    /// Opt in again.
    Start,
    /// Ask who the sender is and how to opt out.
    Help,
}

use Keyword::{Help, Start, Stop};

/// Fewer words clear an opt-out than set it, because opting in must be explicit.
const BUILT_IN: [(Keyword, &[&str]); 21] = [
    // English
    (
        Stop,
        &[
            "STOP",
            "STOPALL",
            "STOP ALL",
            "UNSUBSCRIBE",
            "CANCEL",
            "END",
            "QUIT",
            "REVOKE",
            "OPTOUT",
            "OPT OUT",
            "OPT-OUT",
        ],
    ),
    (Start, &["START", "UNSTOP", "YES", "SUBSCRIBE", "OPTIN", "OPT IN", "OPT-IN"]),
    (Help, &["HELP", "INFO"]),
    // German
    (Stop, &["STOPP", "ABMELDEN", "ABBESTELLEN", "AUSTRAGEN", "BEENDEN"]),
    (Start, &["ANMELDEN"]),
    (Help, &["HILFE"]),
    // French
    (Stop, &["ARRET", "ARRÊT", "ARRETER", "ARRÊTER", "DESABONNER", "DÉSABONNER", "DESINSCRIRE", "DÉSINSCRIRE"]),
    (Start, &["ABONNER", "REPRENDRE"]),
    (Help, &["AIDE"]),
    // Spanish
    (Stop, &["BAJA", "ALTO", "PARAR", "DETENER", "DAR DE BAJA", "DARME DE BAJA"]),
    (Start, &["ALTA", "INICIAR"]),
    (Help, &["AYUDA"]),
    // Portuguese; PARAR and INICIAR are above
    (Stop, &["PARE", "SAIR", "DESCADASTRAR"]),
    (Start, &["RETOMAR"]),
    (Help, &["AJUDA"]),
    // Italian
    (Stop, &["FERMA", "FERMARE", "CANCELLAMI", "DISISCRIVIMI"]),
    (Start, &["ISCRIVIMI", "RIPRENDI"]),
    (Help, &["AIUTO"]),
    // Dutch
    (Stop, &["AFMELDEN", "STOPPEN", "UITSCHRIJVEN"]),
    (Start, &["AANMELDEN", "INSCHRIJVEN"]),
    (Help, &["HULP"]),
];

/// The longest keyword, in characters.
const LONGEST: usize = 40;
/// Longest character before normalization, in bytes: a letter with three marks.
const WIDEST: usize = 16;

/// A word in the form we compare: NFKC, upper case, single spaces, a letter or digit at each end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a keyword is 1 to 40 characters that begin and end with a letter or a digit")]
pub struct WordError;

impl Word {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    #[must_use]
    pub fn built_in(&self) -> Option<Keyword> {
        BUILT_IN.iter().find(|(_, words)| words.contains(&self.as_str())).map(|(keyword, _)| *keyword)
    }
}

impl FromStr for Word {
    type Err = WordError;

    fn from_str(text: &str) -> Result<Self, WordError> {
        let text = without_surroundings(text);
        // Stop before scanning a very long text.
        if text.len() > LONGEST * WIDEST {
            return Err(WordError);
        }
        let text = normalize(text);
        let word = text.split_whitespace().collect::<Vec<_>>().join(" ").to_uppercase();
        let word = normalize(&word);
        // A mark without a composed letter remains, and upper case may split a letter into a letter and a mark. A
        // mark is not alphanumeric.
        let word = bare(&word);
        if (1..=LONGEST).contains(&word.chars().count()) { Ok(Self(word.to_owned())) } else { Err(WordError) }
    }
}

fn normalize(text: &str) -> Cow<'_, str> {
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Returns the text without anything around it that cannot become part of a letter.
fn without_surroundings(text: &str) -> &str {
    let classes = CanonicalCombiningClassMapBorrowed::new();
    text.trim_matches(|c: char| !c.is_alphanumeric() && classes.get_u8(c) == 0)
}

fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

pub fn built_in_words() -> impl Iterator<Item = (&'static str, Keyword)> {
    BUILT_IN.into_iter().flat_map(|(keyword, words)| words.iter().map(move |word| (*word, keyword)))
}

/// Words added by an operator. Clones share the map.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keywords(Arc<BTreeMap<Word, Keyword>>);

impl Keywords {
    /// Returns the keyword if `text` is a keyword alone. A built-in meaning overrides an operator's.
    #[must_use]
    pub fn meaning_of(&self, text: &str) -> Option<Keyword> {
        let word = text.parse::<Word>().ok()?;
        word.built_in().or_else(|| self.added_as(&word))
    }

    #[must_use]
    pub fn added_as(&self, word: &Word) -> Option<Keyword> {
        self.0.get(word).copied()
    }

    pub fn added(&self) -> impl Iterator<Item = (&Word, Keyword)> {
        self.0.iter().map(|(word, keyword)| (word, *keyword))
    }
}

impl FromIterator<(Word, Keyword)> for Keywords {
    fn from_iter<I: IntoIterator<Item = (Word, Keyword)>>(words: I) -> Self {
        Self(Arc::new(words.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use icu_normalizer::DecomposingNormalizerBorrowed;
    use proptest::prelude::*;

    use super::*;

    fn word(text: &str) -> Word {
        text.parse().unwrap()
    }

    #[test]
    fn keyword_must_be_the_whole_text() {
        let keywords = Keywords::default();
        for text in ["STOP", "stop", " Stop. ", "\"Stop all\"", "stop\n all", "unsubscribe!", "¡Baja!", "«Arrêt»"] {
            assert_eq!(keywords.meaning_of(text), Some(Stop), "{text}");
        }
        assert_eq!(keywords.meaning_of("Start"), Some(Start));
        assert_eq!(keywords.meaning_of("¿Ayuda?"), Some(Help));
        for text in ["", "please stop", "Stop it", "helpful", "...", "s t o p", &"stop ".repeat(1_000)] {
            assert_eq!(keywords.meaning_of(text), None, "{text}");
        }
    }

    #[test]
    fn every_language_has_a_word_for_each_keyword() {
        for [stop, start, help] in [
            ["stop", "start", "help"],
            ["Stopp", "Anmelden", "Hilfe"],
            ["arrêt", "reprendre", "aide"],
            ["baja", "alta", "ayuda"],
            ["sair", "retomar", "ajuda"],
            ["ferma", "riprendi", "aiuto"],
            ["afmelden", "aanmelden", "hulp"],
        ] {
            let meanings = [stop, start, help].map(|text| Keywords::default().meaning_of(text));
            assert_eq!(meanings, [Some(Stop), Some(Start), Some(Help)], "{stop}");
        }
    }

    #[test]
    fn built_in_words_are_unique_and_normalized() {
        let mut seen = std::collections::HashSet::new();
        for (text, keyword) in built_in_words() {
            assert_eq!(word(text).as_str(), text);
            assert!(seen.insert(text), "{text} is listed twice");
            assert_eq!(word(text).built_in(), Some(keyword), "{text}");
        }
    }

    #[test]
    fn added_word_counts_but_cannot_override_built_in() {
        let added = [(word("basta"), Stop), (word("Стоп"), Stop), (word("stop"), Help)];
        let keywords: Keywords = added.into_iter().collect();
        assert_eq!(keywords.meaning_of("BASTA!"), Some(Stop));
        assert_eq!(keywords.meaning_of("стоп"), Some(Stop));
        assert_eq!(keywords.meaning_of("stop"), Some(Stop));
        assert_eq!(keywords.meaning_of("genug"), None);
    }

    #[test]
    fn keyword_counts_in_every_form_of_its_letters() {
        let decompose = |text: &str| DecomposingNormalizerBorrowed::new_nfd().normalize(text).into_owned();
        for (text, keyword) in built_in_words() {
            for written in [decompose(text), decompose(&text.to_lowercase())] {
                assert_eq!(Keywords::default().meaning_of(&written), Some(keyword), "{written:?}");
            }
        }
        let keywords: Keywords = [(word("ba\u{301}sta e\u{301}"), Stop), (word("더는 no"), Stop)].into_iter().collect();
        for text in ["BÁSTA É", "básta é", "ba\u{301}sta e\u{301}!", "\u{ff22}\u{c1}STA É", &decompose("더는 no")]
        {
            assert_eq!(keywords.meaning_of(text), Some(Stop), "{text}");
        }
        for text in ["ＳＴＯＰ", "ｓｔｏｐ！", "「ＳＴＯＰ」", "𝐒𝐭𝐨𝐩", "STOP\u{2764}\u{fe0f}"]
        {
            assert_eq!(Keywords::default().meaning_of(text), Some(Stop), "{text}");
        }
        for text in ["a\u{308}stop", "st\u{f6}p", "\u{301}"] {
            assert_eq!(Keywords::default().meaning_of(text), None, "{text}");
        }
    }

    #[test]
    fn word_of_any_lower_case_letter_parses_again() {
        let is_lower = |letter: &char| letter.to_uppercase().next() != Some(*letter);
        for letter in ('\0'..=char::MAX).filter(is_lower) {
            for text in [letter.to_string(), format!("a{letter}\u{345}\u{301}b")] {
                if let Ok(word) = text.parse::<Word>() {
                    assert_eq!(word.as_str().parse::<Word>(), Ok(word), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn equivalent_texts_are_one_word(text in "\\PC{0,45}") {
            let decomposed = DecomposingNormalizerBorrowed::new_nfd().normalize(&text);
            prop_assert_eq!(text.parse::<Word>(), decomposed.parse::<Word>());
        }

        #[test]
        fn parsed_word_parses_again(text in "\\PC{0,45}") {
            if let Ok(word) = text.parse::<Word>() {
                prop_assert_eq!(word.as_str().parse::<Word>(), Ok(word));
            }
        }
    }

    #[test]
    fn empty_or_long_word_is_rejected() {
        for text in ["", " ", "?!", &"a".repeat(41), &"ß".repeat(21)] {
            assert_eq!(text.parse::<Word>(), Err(WordError), "{text}");
        }
        assert_eq!(word("«no   más»").as_str(), "NO MÁS");
        assert_eq!(word("αΐ"), word(word("αΐ").as_str()));
    }
}
