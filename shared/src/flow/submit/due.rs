//! What is due for a message that could not be claimed, by its record alone.

use jiff::Timestamp;

use crate::domain::{Message, Progress, State};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it is done with, or a job or wake will come when something is.
    Nothing,
    /// To look again later: another worker holds it and may die, or it is
    /// scheduled and its job came too early.
    Again,
    /// To give it a job for when its turn comes.
    Turn,
    /// To say that its outcome is unknown: whoever held it has died.
    Lost,
    /// To record that a carrier has it, as the network says so.
    Taken,
    /// To hand it on to its next channel.
    GiveWay,
    /// To give it up: its outcome stayed unknown.
    GiveUp,
    /// To take away a wake time that nothing is waited for with.
    SleepOn(Timestamp),
}

/// `has_next` says whether a way leads over a channel behind the one that it is at.
pub(super) fn due(message: &Message, has_next: bool, now: Timestamp) -> Due {
    let is_final = message.receipts.is_final();
    let is_overdue = message.receipt_by.is_some_and(|by| by <= now);
    let nothing = message.wake_at.map_or(Due::Nothing, Due::SleepOn);
    match message.progress {
        Progress::Scheduled => Due::Again,
        Progress::Queued if !is_final && message.not_before.is_some_and(|turn| turn > now) => Due::Turn,
        Progress::Queued if !is_final => Due::Nothing,
        Progress::Submitting if message.lease_until.is_some_and(|until| until > now) => Due::Again,
        Progress::Submitting => Due::Lost,
        Progress::Unknown if is_final => Due::Taken,
        Progress::Unknown | Progress::Submitted if is_overdue && has_next && !is_final => Due::GiveWay,
        Progress::Unknown if message.state() != State::Unknown => Due::Taken,
        Progress::Unknown if is_overdue => Due::GiveUp,
        Progress::Unknown => Due::Nothing,
        Progress::Submitted if !is_final && !is_overdue && message.receipt_by.is_some() => Due::Nothing,
        Progress::Queued
        | Progress::Submitted
        | Progress::Cancelled
        | Progress::Blocked
        | Progress::Rejected
        | Progress::Failed
        | Progress::Expired => nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Receipt, ReceiptStatus, Receipts, Stamp};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// At a time of 100, without a next channel and with one.
    fn is_due(progress: Progress, receipt: Option<ReceiptStatus>, change: impl FnOnce(&mut Message)) -> [Due; 2] {
        let receipt = receipt.map(|status| {
            let (code, description, stamp) = (None, None, Stamp::new(2));
            Receipt { status, at: at(1), code, description, place: 0, stamp }
        });
        let receipts = Receipts::new(receipt.into_iter().collect());
        let mut message = Message { progress, stamp: Some(Stamp::new(1)), receipts, ..Message::example() };
        change(&mut message);
        [false, true].map(|has_next| due(&message, has_next, at(100)))
    }

    #[test]
    fn what_is_due_follows_from_the_record() {
        use Due::{Again, GiveUp, GiveWay, Lost, Nothing, SleepOn, Taken, Turn};
        use Progress::{Failed, Queued, Scheduled, Submitted, Submitting, Unknown};
        use ReceiptStatus::{Delivered, Sent, Undelivered};
        let both = |due| [due, due];
        let as_is = |_: &mut Message| {};
        let held_until = |until| move |message: &mut Message| message.lease_until = Some(at(until));
        let turn_at = |turn| move |message: &mut Message| message.not_before = Some(at(turn));
        let receipt_by = |by| {
            move |message: &mut Message| {
                message.receipt_by = Some(at(by));
                message.wake_at = Some(at(by + 300));
            }
        };
        assert_eq!(is_due(Scheduled, None, as_is), both(Again));
        assert_eq!(is_due(Queued, None, turn_at(101)), both(Turn));
        assert_eq!(is_due(Queued, None, |message| message.retry_at = Some(at(101))), both(Nothing));
        assert_eq!(is_due(Queued, Some(Delivered), turn_at(101)), both(Nothing));
        assert_eq!(is_due(Submitting, None, held_until(101)), both(Again));
        assert_eq!(is_due(Submitting, None, held_until(100)), both(Lost));
        assert_eq!(is_due(Unknown, None, receipt_by(101)), both(Nothing));
        assert_eq!(is_due(Unknown, None, receipt_by(100)), [GiveUp, GiveWay]);
        assert_eq!(is_due(Unknown, Some(Sent), receipt_by(101)), both(Taken));
        assert_eq!(is_due(Unknown, Some(Sent), receipt_by(100)), [Taken, GiveWay]);
        assert_eq!(is_due(Unknown, Some(Undelivered), receipt_by(100)), both(Taken));
        assert_eq!(is_due(Submitted, None, receipt_by(101)), both(Nothing));
        assert_eq!(is_due(Submitted, None, receipt_by(100)), [SleepOn(at(400)), GiveWay]);
        assert_eq!(is_due(Submitted, Some(Sent), receipt_by(100)), [SleepOn(at(400)), GiveWay]);
        assert_eq!(is_due(Submitted, Some(Delivered), receipt_by(100)), both(SleepOn(at(400))));
        assert_eq!(is_due(Submitted, None, as_is), both(Nothing));
        assert_eq!(is_due(Failed, None, receipt_by(100)), both(SleepOn(at(400))));
    }
}
