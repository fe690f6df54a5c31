//! A client's labels on a message: reference, recipient, groupings and tags.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A client's reference, 1 to 100 characters. Several messages may share it. `Debug` prints none of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LabelError {
    #[error("is empty")]
    Empty,
    #[error("has more than {0} characters")]
    TooLong(usize),
    #[error("holds a control character")]
    ControlCharacter,
}

impl Reference {
    /// A dialect may allow fewer.
    pub const LONGEST: usize = 100;

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reference {
    type Err = LabelError;

    fn from_str(text: &str) -> Result<Self, LabelError> {
        if text.is_empty() {
            return Err(LabelError::Empty);
        }
        check(text, Self::LONGEST)?;
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Reference {
    type Error = LabelError;

    fn try_from(text: String) -> Result<Self, LabelError> {
        text.parse()
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reference(…)")
    }
}

/// A client's own names for the recipient. `Debug` prints none of them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct RecipientLabels {
    /// The recipient's ID in the client's systems.
    pub id: Option<Reference>,
    pub email: Option<Reference>,
}

impl fmt::Debug for RecipientLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecipientLabels(…)")
    }
}

/// A message's three statistics groups, at most 100 characters each. An empty string means no group.
/// `Debug` prints none of them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[String; 3]", into = "[String; 3]")]
pub struct Groupings([String; 3]);

impl Groupings {
    pub const LONGEST: usize = 100;

    /// # Errors
    /// If a group is too long or contains a control character.
    pub fn parse(groups: [String; 3]) -> Result<Self, LabelError> {
        for group in &groups {
            check(group, Self::LONGEST)?;
        }
        Ok(Self(groups))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    #[must_use]
    pub fn as_array(&self) -> &[String; 3] {
        &self.0
    }
}

impl TryFrom<[String; 3]> for Groupings {
    type Error = LabelError;

    fn try_from(groups: [String; 3]) -> Result<Self, LabelError> {
        Self::parse(groups)
    }
}

impl From<Groupings> for [String; 3] {
    fn from(groupings: Groupings) -> Self {
        groupings.0
    }
}

impl fmt::Debug for Groupings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Groupings(…)")
    }
}

/// A client's own data about a message, returned in callbacks and lists: up to 20 pairs of strings. A key has 1 to 100
/// characters, and a value at most 255. `Debug` prints neither.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>", into = "BTreeMap<String, String>")]
pub struct Tags(BTreeMap<String, String>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TagsError {
    #[error("has more than {} entries", Tags::MOST)]
    TooMany,
    #[error("has a key that {0}")]
    Key(LabelError),
    #[error("has a value that {0}")]
    Value(LabelError),
}

impl Tags {
    pub const MOST: usize = 20;
    pub const LONGEST_KEY: usize = 100;
    pub const LONGEST_VALUE: usize = 255;

    /// # Errors
    /// There are too many pairs, or a key or value is too long or contains a control character.
    pub fn parse(tags: BTreeMap<String, String>) -> Result<Self, TagsError> {
        if tags.len() > Self::MOST {
            return Err(TagsError::TooMany);
        }
        for (key, value) in &tags {
            if key.is_empty() {
                return Err(TagsError::Key(LabelError::Empty));
            }
            check(key, Self::LONGEST_KEY).map_err(TagsError::Key)?;
            check(value, Self::LONGEST_VALUE).map_err(TagsError::Value)?;
        }
        Ok(Self(tags))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl TryFrom<BTreeMap<String, String>> for Tags {
    type Error = TagsError;

    fn try_from(tags: BTreeMap<String, String>) -> Result<Self, TagsError> {
        Self::parse(tags)
    }
}

impl From<Tags> for BTreeMap<String, String> {
    fn from(tags: Tags) -> Self {
        tags.0
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tags(…)")
    }
}

fn check(text: &str, longest: usize) -> Result<(), LabelError> {
    if text.chars().count() > longest {
        return Err(LabelError::TooLong(longest));
    }
    if text.contains(char::is_control) { Err(LabelError::ControlCharacter) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reference_has_1_to_100_characters() {
        assert_eq!("your_reference".parse::<Reference>().unwrap().as_str(), "your_reference");
        assert!("é".repeat(100).parse::<Reference>().is_ok());
        assert_eq!("x".repeat(101).parse::<Reference>(), Err(LabelError::TooLong(100)));
        assert_eq!("".parse::<Reference>(), Err(LabelError::Empty));
        assert_eq!("a\nb".parse::<Reference>(), Err(LabelError::ControlCharacter));
    }

    #[test]
    fn grouping_has_at_most_100_characters() {
        let groups = |third: &str| Groupings::parse(["Campaign ABC".to_owned(), String::new(), third.to_owned()]);
        assert!(groups(&"é".repeat(100)).is_ok());
        assert_eq!(groups(&"é".repeat(101)), Err(LabelError::TooLong(100)));
        assert!(Groupings::default().is_empty() && !groups("").unwrap().is_empty());
        let written = serde_json::to_string(&groups("x").unwrap()).unwrap();
        assert_eq!(serde_json::from_str::<Groupings>(&written).unwrap(), groups("x").unwrap());
    }

    #[test]
    fn tags_are_bounded_and_parse_again() {
        let tags = |pairs: &[(&str, &str)]| {
            Tags::parse(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        };
        let (key, value) = ("é".repeat(100), "é".repeat(255));
        let longest = tags(&[(&key, &value), ("b", "")]).unwrap();
        let written = serde_json::to_string(&longest).unwrap();
        assert_eq!(serde_json::from_str::<Tags>(&written).unwrap(), longest);
        assert_eq!((Tags::default().is_empty(), format!("{longest:?}").as_str()), (true, "Tags(…)"));
        let (long_key, long_value) = (format!("{key}x"), format!("{value}x"));
        assert_eq!(tags(&[("", "a")]), Err(TagsError::Key(LabelError::Empty)));
        assert_eq!(tags(&[(&long_key, "a")]), Err(TagsError::Key(LabelError::TooLong(100))));
        assert_eq!(tags(&[("a", &long_value)]), Err(TagsError::Value(LabelError::TooLong(255))));
        assert_eq!(tags(&[("a", "b\n")]), Err(TagsError::Value(LabelError::ControlCharacter)));
        let many = |count: usize| Tags::parse((0..count).map(|index| (index.to_string(), String::new())).collect());
        assert_eq!((many(20).is_ok(), many(21)), (true, Err(TagsError::TooMany)));
    }
}
