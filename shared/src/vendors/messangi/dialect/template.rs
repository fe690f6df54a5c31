//! Texts with placeholders: `Hi {0}, your balance is ${1}`.

use std::collections::BTreeSet;

/// A text, split at its placeholders. Braces around anything but digits are plain text.
pub(super) struct Template<'a> {
    parts: Vec<Part<'a>>,
    /// The position of each placeholder, once.
    pub(super) positions: BTreeSet<usize>,
}

enum Part<'a> {
    Literal(&'a str),
    Placeholder(usize),
}

impl<'a> Template<'a> {
    pub(super) fn parse(text: &'a str) -> Self {
        let (mut parts, mut positions) = (Vec::new(), BTreeSet::new());
        let mut literal_from = 0;
        for (open, _) in text.match_indices('{') {
            let inside = &text[open + 1..];
            let digits = inside.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 || inside.as_bytes().get(digits) != Some(&b'}') {
                continue;
            }
            // No list has a parameter at a position that is too large for a number.
            let position = inside[..digits].parse().unwrap_or(usize::MAX);
            parts.push(Part::Literal(&text[literal_from..open]));
            parts.push(Part::Placeholder(position));
            positions.insert(position);
            literal_from = open + digits + 2;
        }
        parts.push(Part::Literal(&text[literal_from..]));
        Self { parts, positions }
    }

    pub(super) fn placeholders(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part, Part::Placeholder(_))).count()
    }

    /// Returns the text without its placeholders.
    pub(super) fn literals(&self) -> String {
        let literals = self.parts.iter().map(|part| match part {
            Part::Literal(text) => text,
            Part::Placeholder(_) => "",
        });
        literals.collect()
    }

    /// Replaces each placeholder by the parameter at its position, and searches no parameter for placeholders.
    /// Returns `None` if the text has more than `most` bytes. A placeholder without a parameter becomes empty.
    pub(super) fn fill(&self, parameters: &[impl AsRef<str>], most: usize) -> Option<String> {
        let mut filled = String::new();
        for part in &self.parts {
            let text = match part {
                Part::Literal(text) => text,
                Part::Placeholder(position) => parameters.get(*position).map_or("", AsRef::as_ref),
            };
            if filled.len() + text.len() > most {
                return None;
            }
            filled.push_str(text);
        }
        Some(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_placeholder_becomes_its_parameter() {
        for (text, parameters, filled) in [
            ("Hi {0}, your balance is ${1}", &["Elizabeth", "10.65"][..], "Hi Elizabeth, your balance is $10.65"),
            ("{1}{0}{1}", &["a", "b"], "bab"),
            ("{0}", &["{1}"], "{1}"),
            ("{{0}}", &["a"], "{a}"),
            ("{00}", &["a"], "a"),
            ("{}{a}{ 0}{0", &[], "{}{a}{ 0}{0"),
            ("é{0}é", &["ж"], "éжé"),
            ("{18446744073709551616}", &[], ""),
        ] {
            assert_eq!(Template::parse(text).fill(parameters, 100).as_deref(), Some(filled), "{text}");
        }
    }

    #[test]
    fn text_is_filled_up_to_the_limit() {
        let template = Template::parse("{0}{0}");
        assert_eq!(template.fill(&["ab"], 4).as_deref(), Some("abab"));
        assert_eq!(template.fill(&["ab"], 3), None);
        assert_eq!((template.placeholders(), template.positions.len(), template.literals()), (2, 1, String::new()));
    }
}
