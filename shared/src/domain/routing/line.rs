//! Lines. A message of a sender with a rate limit waits on a line until it gets a send slot.

use crate::domain::{AccountId, Lane, Message, Rate, SenderId};

/// The line on which an account's messages in one lane wait for send slots of a sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Line {
    pub sender: SenderId,
    pub lane: Lane,
    pub account: AccountId,
}

impl Line {
    /// Returns the line for this message, whether it waits there or not.
    #[must_use]
    pub fn of(message: &Message) -> Self {
        Self { sender: message.request.from.id.clone(), lane: message.request.lane, account: message.account.clone() }
    }

    /// Returns the line on which this message is.
    #[must_use]
    pub fn joined_by(message: &Message) -> Option<Self> {
        message.delivery.line_at.map(|_| Self::of(message))
    }
}

/// An account would have more messages waiting for a sender than the sender sends in a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} messages are waiting for a sender with a rate limit, and {most} may wait")]
pub struct OutOfRoom {
    pub most: u64,
    pub waiting: u64,
}

impl OutOfRoom {
    /// Returns an error if `more` messages have no room behind the waiting ones.
    #[must_use]
    pub fn check(rate: Rate, waiting: u64, more: u64) -> Option<Self> {
        let per_second = u64::from(rate.per_second());
        let most = per_second * 24 * 3_600;
        (waiting.saturating_add(more) > most).then_some(Self { most, waiting })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_what_the_sender_sends_in_a_day() {
        let rate = Rate::new(10).unwrap();
        assert_eq!(OutOfRoom::check(rate, 863_000, 1_000), None);
        let error = OutOfRoom::check(rate, 863_500, 1_000).unwrap();
        assert_eq!((error.most, error.waiting), (864_000, 863_500));
    }
}
