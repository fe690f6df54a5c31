//! The automatic answer to a keyword: the account's own text, or a default that names the account.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::domain::{Account, Keyword, SegmentLimit, Text, TextError};

/// An account's own answer. If it is empty, the account wants no answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeywordAnswer(String);

impl KeywordAnswer {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeywordAnswer {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        if !text.is_empty() {
            Text::parse(text, SegmentLimit::default())?;
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for KeywordAnswer {
    type Error = TextError;

    fn try_from(text: String) -> Result<Self, TextError> {
        text.parse()
    }
}

impl From<KeywordAnswer> for String {
    fn from(answer: KeywordAnswer) -> Self {
        answer.0
    }
}

impl Account {
    /// Returns the answer to `keyword`, or `None` if the account wants none.
    ///
    /// # Errors
    /// [`TextError`] if the account's name makes the default text invalid.
    pub fn answer_to(&self, keyword: Keyword) -> Result<Option<Text>, TextError> {
        let own = match keyword {
            Keyword::Stop => &self.stop_text,
            Keyword::Start => &self.start_text,
            Keyword::Help => &self.help_text,
        };
        let text = own.as_ref().map_or_else(|| usual(keyword, &self.name), |own| own.0.clone());
        if text.is_empty() { Ok(None) } else { Text::parse(&text, SegmentLimit::default()).map(Some) }
    }
}

fn usual(keyword: Keyword, name: &str) -> String {
    let words = match keyword {
        Keyword::Stop => "you will get no more messages from this number. Reply START to get them again.",
        Keyword::Start => "you will get messages from this number again. Reply STOP to get no more.",
        Keyword::Help => "reply STOP to get no more messages from this number, START to get them again.",
    };
    format!("{name}: {words}")
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    fn account() -> Account {
        Account::new("acme".parse().unwrap(), "Acme Ltd".to_owned())
    }

    #[test]
    fn default_answer_names_the_account_in_one_segment() {
        for keyword in Keyword::iter() {
            let text = account().answer_to(keyword).unwrap().unwrap();
            assert!(text.as_str().starts_with("Acme Ltd: "), "{}", text.as_str());
            assert_eq!(text.segments(), 1, "{}", text.as_str());
        }
    }

    #[test]
    fn account_overrides_or_disables_an_answer() {
        let own = |text: &str| Some(text.parse::<KeywordAnswer>().unwrap());
        let account = Account { stop_text: own("Tschüss"), help_text: own(""), ..account() };
        assert_eq!(account.answer_to(Keyword::Stop).unwrap().unwrap().as_str(), "Tschüss");
        assert!(account.answer_to(Keyword::Start).unwrap().is_some());
        assert_eq!(account.answer_to(Keyword::Help), Ok(None));
        for text in [" ", "\u{7}", &"a".repeat(2_000)] {
            assert!(text.parse::<KeywordAnswer>().is_err(), "{text:?}");
        }
    }
}
