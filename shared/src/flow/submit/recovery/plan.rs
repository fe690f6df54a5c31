//! Plan: choose the next action, without a read or write.

use jiff::{SignedDuration, Timestamp};

use super::options::RecoveryOptions;
use crate::domain::{Message, Progress, State};

/// A retry's job may be this early, because workers' clocks differ.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextAction {
    /// Finished, or a job or wake time exists for the next action.
    Nothing,
    /// Another worker holds the message and may die, or the job is early.
    RetryJob,
    /// The lease expired.
    MarkUnknown,
    /// A receipt says that a carrier has the message.
    MarkSubmitted,
    FailOver,
    /// Ask the carriers. If they cannot say, do the fallback.
    Lookup(Fallback),
    /// Move the wake time.
    Reschedule(Timestamp),
    /// Clear a useless wake time.
    ClearWake(Timestamp),
}

/// The action if the outcome stays unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    FailOver,
    GiveUp,
    Resend,
    Wait,
}

fn is_soon(at: Timestamp, now: Timestamp) -> bool {
    at > now && at.duration_since(now) <= CLOCKS_DIFFER
}

/// Returns the action that is due. `has_next`: a candidate is left on a later channel.
pub(super) fn next_action(
    message: &Message,
    has_next: bool,
    recovery_options: RecoveryOptions,
    now: Timestamp,
) -> NextAction {
    let is_final = message.delivery.receipts.is_final();
    let is_overdue = message.delivery.receipt_by.is_some_and(|by| by <= now);
    let nothing = message.delivery.wake_at.map_or(NextAction::Nothing, NextAction::ClearWake);
    match message.delivery.progress {
        Progress::Scheduled => NextAction::RetryJob,
        Progress::Queued if !is_final && message.delivery.retry_at.is_some_and(|at| is_soon(at, now)) => {
            NextAction::RetryJob
        }
        Progress::Queued if !is_final => NextAction::Nothing,
        Progress::Submitting if message.delivery.lease_until.is_some_and(|until| until > now) => NextAction::RetryJob,
        Progress::Submitting => NextAction::MarkUnknown,
        Progress::Unknown if is_final => NextAction::MarkSubmitted,
        Progress::Unknown if message.state() == State::Unknown => unknown(message, has_next, recovery_options, now),
        Progress::Unknown | Progress::Submitted if is_overdue && has_next && !is_final => NextAction::FailOver,
        Progress::Unknown => NextAction::MarkSubmitted,
        Progress::Submitted if !is_final && !is_overdue && message.delivery.receipt_by.is_some() => NextAction::Nothing,
        Progress::Queued
        | Progress::Submitted
        | Progress::Cancelled
        | Progress::Blocked
        | Progress::Rejected
        | Progress::Failed
        | Progress::Expired => nothing,
    }
}

/// Returns the action for an unknown outcome without a receipt.
fn unknown(message: &Message, has_next: bool, recovery_options: RecoveryOptions, now: Timestamp) -> NextAction {
    let is_overdue = message.delivery.receipt_by.is_some_and(|by| by <= now);
    if is_overdue {
        return NextAction::Lookup(if has_next { Fallback::FailOver } else { Fallback::GiveUp });
    }
    if recovery_options.is_check_due(message, now) {
        return NextAction::Lookup(if recovery_options.resend { Fallback::Resend } else { Fallback::Wait });
    }
    let until = recovery_options.next_wake(message, now);
    let wakes_too_soon = message.delivery.wake_at.zip(until).filter(|(wake_at, until)| wake_at < until);
    wakes_too_soon.map_or(NextAction::Nothing, |(_, until)| NextAction::Reschedule(until))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Attempt, AttemptOutcome, Channel, ExecutionId, Receipt, ReceiptDetails, ReceiptStatus, Receipts, StateChange,
    };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    /// Returns a receipt at time 1.
    fn received(status: ReceiptStatus) -> Receipt {
        Receipt {
            status,
            at: at(1),
            code: None,
            description: None,
            details: ReceiptDetails::default(),
            channel_index: 0,
            execution_id: ExecutionId::new(2),
        }
    }

    /// Returns the action at time 100, without and with a next channel.
    fn is_due(
        progress: Progress,
        receipt: Option<ReceiptStatus>,
        change: impl FnOnce(&mut Message),
    ) -> [NextAction; 2] {
        let receipts = Receipts::new(receipt.map(received).into_iter().collect());
        let mut message = Message::example();
        message.delivery.progress = progress;
        message.delivery.execution_id = Some(ExecutionId::new(1));
        message.delivery.receipts = receipts;
        change(&mut message);
        [false, true].map(|has_next| next_action(&message, has_next, RecoveryOptions::default(), at(100)))
    }

    #[test]
    fn next_action_follows_from_the_record() {
        use NextAction::{ClearWake, FailOver, Lookup, MarkSubmitted, MarkUnknown, Nothing, RetryJob};
        use Progress::{Failed, Queued, Scheduled, Submitted, Submitting, Unknown};
        use ReceiptStatus::{Delivered, Sent, Undelivered};
        let both = |next_action| [next_action, next_action];
        let as_is = |_: &mut Message| {};
        let held_until = |until| move |message: &mut Message| message.delivery.lease_until = Some(at(until));
        let receipt_by = |by| {
            move |message: &mut Message| {
                message.delivery.receipt_by = Some(at(by));
                message.delivery.wake_at = Some(at(by + 300));
            }
        };
        assert_eq!(is_due(Scheduled, None, as_is), both(RetryJob));
        // The retry is due by another worker's clock.
        assert_eq!(is_due(Queued, None, |message| message.delivery.retry_at = Some(at(110))), both(RetryJob));
        assert_eq!(is_due(Queued, None, |message| message.delivery.retry_at = Some(at(111))), both(Nothing));
        assert_eq!(is_due(Queued, Some(Delivered), as_is), both(Nothing));
        assert_eq!(is_due(Submitting, None, held_until(101)), both(RetryJob));
        assert_eq!(is_due(Submitting, None, held_until(100)), both(MarkUnknown));
        assert_eq!(is_due(Unknown, None, receipt_by(101)), both(Nothing));
        assert_eq!(is_due(Unknown, None, receipt_by(100)), [Lookup(Fallback::GiveUp), Lookup(Fallback::FailOver)]);
        assert_eq!(is_due(Unknown, Some(Sent), receipt_by(101)), both(MarkSubmitted));
        assert_eq!(is_due(Unknown, Some(Sent), receipt_by(100)), [MarkSubmitted, FailOver]);
        assert_eq!(is_due(Unknown, Some(Undelivered), receipt_by(100)), both(MarkSubmitted));
        assert_eq!(is_due(Submitted, None, receipt_by(101)), both(Nothing));
        assert_eq!(is_due(Submitted, None, receipt_by(100)), [ClearWake(at(400)), FailOver]);
        assert_eq!(is_due(Submitted, Some(Sent), receipt_by(100)), [ClearWake(at(400)), FailOver]);
        assert_eq!(is_due(Submitted, Some(Delivered), receipt_by(100)), both(ClearWake(at(400))));
        assert_eq!(is_due(Submitted, None, as_is), both(Nothing));
        assert_eq!(is_due(Failed, None, receipt_by(100)), both(ClearWake(at(400))));
    }

    /// Returns a message unknown since 0, with its deadline at 90,000, after `again` resends.
    fn unknown(again: usize, wake_at: i64) -> Message {
        let (outcome, details) = (AttemptOutcome::Unknown, ReceiptDetails::default());
        let attempt = Attempt { channel: Channel::Sms, carrier: None, at: at(0), outcome, reason: None, details };
        Message::example().with(|message| {
            message.delivery.progress = Progress::Unknown;
            message.delivery.history = vec![StateChange { state: State::Unknown, at: at(0), reason: None }];
            message.delivery.failed_attempts = vec![attempt; again];
            message.delivery.receipt_by = Some(at(90_000));
            message.delivery.wake_at = Some(at(wake_at));
        })
    }

    #[test]
    fn unknown_outcome_is_checked_at_growing_gaps_until_deadline() {
        use NextAction::{Lookup, Nothing, Reschedule};
        let look = |recovery_options: RecoveryOptions, again, now| {
            next_action(&unknown(again, 90_000), false, recovery_options, at(now))
        };
        let resend = RecoveryOptions { resend: true, lookup: false };
        let [both, ask] = [true, false].map(|resend| RecoveryOptions { resend, lookup: true });
        for wanted in [resend, both] {
            for (again, after) in [(0, 120), (1, 600), (2, 3_600)] {
                assert_eq!(look(wanted, again, after - 1), Nothing);
                assert_eq!(look(wanted, again, after), Lookup(Fallback::Resend), "{again}");
            }
            // No resend is left.
            assert_eq!(look(wanted, 3, 80_000), Nothing);
        }
        assert_eq!(look(ask, 0, 119), Nothing);
        assert_eq!(look(ask, 0, 120), Lookup(Fallback::Wait));
        assert_eq!(look(RecoveryOptions::default(), 0, 80_000), Nothing);
        for recovery_options in [resend, both, ask, RecoveryOptions::default()] {
            assert_eq!(look(recovery_options, 0, 90_000), Lookup(Fallback::GiveUp));
        }
        // The wake time is early: recovery is no longer wanted, or a carrier could not say.
        let woken =
            |recovery_options, wake_at, now| next_action(&unknown(0, wake_at), false, recovery_options, at(now));
        assert_eq!(woken(RecoveryOptions::default(), 420, 120), Reschedule(at(90_000)));
        assert_eq!(woken(resend, 120, 60), Nothing);
        assert_eq!(woken(resend, 100, 60), Reschedule(at(120)));
        let sent = received(ReceiptStatus::Sent);
        let submitted = unknown(0, 120).with(|message| message.delivery.receipts = Receipts::new(vec![sent]));
        assert_eq!(next_action(&submitted, false, both, at(120)), NextAction::MarkSubmitted);
    }

    #[test]
    fn next_wake_is_the_next_check_or_the_deadline() {
        let ask = RecoveryOptions { resend: false, lookup: true };
        let next_wake = |now| ask.next_wake(&unknown(0, 120), at(now)).unwrap();
        assert_eq!([0, 120, 600, 3_600].map(|now| next_wake(now).as_second()), [120, 600, 3_600, 90_000]);
        assert_eq!(RecoveryOptions::default().next_wake(&unknown(0, 120), at(0)), Some(at(90_000)));
    }
}
