//! Pages of a log or conversation, and where the next one begins.

use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::{Message, Reply};

/// One line of a log or conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub record: Record,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Out(Box<Message>),
    In(Reply),
}

/// A time, a letter and a UUID.
const LONGEST_POSITION: usize = 13 + 3 + 36;

/// Where an entry stands: by time, then by id. Opaque to clients, who give it
/// back to go on from there to the older ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(String);

/// A text that is no position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not where a page begins")]
pub struct PositionError;

impl Position {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Just after everything that came before `at`.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self(format!("{:013}", at.as_millisecond()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The time that it stands at.
    #[must_use]
    pub fn time(&self) -> Option<Timestamp> {
        let millis = self.0.get(..13)?.parse().ok()?;
        Timestamp::from_millisecond(millis).ok()
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let fits =
            text.len() <= LONGEST_POSITION && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"#-".contains(&b));
        if !fits {
            return Err(PositionError);
        }
        let position = Self(text.to_owned());
        if position.time().is_some() { Ok(position) } else { Err(PositionError) }
    }
}

/// Some entries, the newest first, and where the next page begins.
#[derive(Debug, Default)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<Position>,
}

/// How far a reading of the whole table has come.
#[derive(Clone, Debug)]
pub struct Bookmark(pub(crate) String);
