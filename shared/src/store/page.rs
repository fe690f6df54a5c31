//! Pages of a log or conversation, and the position of the next page.

use std::str::FromStr;

use jiff::Timestamp;

use crate::domain::{Message, MessageId, Reply};

/// A message or reply in a log or conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub position: Position,
    pub record: Record,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    Out(Box<Message>),
    In(Box<Reply>),
}

/// 13 digits for milliseconds, a letter between two `#`, and a UUID.
const LONGEST_POSITION: usize = 13 + 3 + 36;

/// An entry's position, by time and then ID. Clients pass the position back as an opaque cursor, to read
/// older entries.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(String);

/// The text is not a position.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not the position of a page")]
pub struct PositionError;

impl Position {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns a position that sorts after all entries before `at`, and before all others.
    #[must_use]
    pub fn before(at: Timestamp) -> Self {
        Self(format!("{:013}", at.as_millisecond()))
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

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

/// Some entries, the newest first, and the next page's position.
#[derive(Debug, Default)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<Position>,
}

/// A span of time in milliseconds, including both ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub oldest: Timestamp,
    pub newest: Timestamp,
}

/// The IDs of an account's messages, newest first.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MessageList {
    pub ids: Vec<MessageId>,
    /// Whether the list leaves out, or may leave out, older messages.
    pub omits_older: bool,
}

/// A table scan's position.
#[derive(Clone, Debug)]
pub struct Bookmark(pub(crate) String);
