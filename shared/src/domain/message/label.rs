//! A client's labels on a message: reference, recipient and groupings.

use std::{fmt, str::FromStr};

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
}
