//! Carrier use: count what still needs a carrier, before an operator removes it.

use crate::{
    domain::{CarrierName, Message, Progress, SignedDuration, State, Timestamp},
    store::{DynamoStore, StoreError, UnmatchedStore},
};

/// How long a submitted message waits for its final receipt after its last change. Without a limit, a carrier
/// that never reports could not be removed.
pub const RECEIPT_PERIOD: SignedDuration = SignedDuration::from_hours(3 * 24);

/// Counts of work that still needs a carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CarrierUse {
    /// Unfinished messages, which the carrier may still report on.
    pub messages: usize,
    /// Unmatched receipts and replies from the carrier.
    pub unmatched: usize,
}

/// Counts the work that still needs the carrier. Reads the whole table twice.
///
/// # Errors
/// If a page cannot be read.
pub async fn count(store: &DynamoStore, carrier: CarrierName, now: Timestamp) -> Result<CarrierUse, StoreError> {
    let mut counted = CarrierUse::default();
    let mut after = None;
    loop {
        let (found, next) = store.open_messages(carrier, after).await?;
        counted.messages += found.iter().filter(|message| is_unfinished(message, carrier, now)).count();
        after = next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let (found, next) = store.list_unmatched(after).await?;
        counted.unmatched += found.iter().filter(|one| one.id.carrier == carrier && one.kept_until() > now).count();
        after = next;
        if after.is_none() {
            return Ok(counted);
        }
    }
}

/// Returns whether the carrier has the message, or may have it from an earlier attempt, and may still change it.
fn is_unfinished(message: &Message, carrier: CarrierName, now: Timestamp) -> bool {
    let earlier = message.delivery.failed_attempts.iter().filter(|attempt| attempt.outcome.was_submitted());
    let mut takers = earlier.map(|attempt| attempt.carrier).chain([message.delivery.carrier]);
    let changed_at = message.full_history().last().map_or(message.created_at, |change| change.at);
    // A worker died, or nobody knows what it did, and the carrier that it called is not recorded. It may be any.
    let is_lost = match message.delivery.progress {
        Progress::Unknown => true,
        Progress::Submitting => message.delivery.lease_until.is_none_or(|until| until <= now),
        _ => false,
    };
    takers.any(|taker| taker == Some(carrier) || (taker.is_none() && is_lost))
        && match message.state() {
            State::Queued | State::Submitting | State::Unknown => true,
            State::Submitted => now.duration_since(changed_at) < RECEIPT_PERIOD,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Attempt, AttemptOutcome, Channel, ExecutionId, Receipt, ReceiptDetails, ReceiptStatus, Receipts, StateChange,
    };

    fn by(carrier: &str, progress: Progress) -> Message {
        Message::example().with(|message| {
            message.delivery.progress = progress;
            message.delivery.carrier = Some(carrier.parse().unwrap());
        })
    }

    fn attempted(carrier: &str, outcome: AttemptOutcome) -> Message {
        by("cm-uk", Progress::Queued).with(|message| {
            let (carrier, at) = (Some(carrier.parse().unwrap()), message.created_at);
            message.delivery.failed_attempts = vec![Attempt {
                channel: Channel::Sms,
                carrier,
                at,
                outcome,
                reason: None,
                details: ReceiptDetails::default(),
            }];
        })
    }

    fn unfinished(message: &Message, hours: i64) -> bool {
        let now = message.created_at + SignedDuration::from_hours(hours);
        is_unfinished(message, "cm-nl".parse().unwrap(), now)
    }

    #[test]
    fn message_is_unfinished_while_its_carrier_may_change_it() {
        for progress in [Progress::Queued, Progress::Submitting, Progress::Unknown] {
            assert!(unfinished(&by("cm-nl", progress), 24 * 365), "{progress:?}");
            assert!(!unfinished(&by("cm-uk", progress), 0), "{progress:?}");
        }
        for progress in [Progress::Scheduled, Progress::Rejected, Progress::Failed, Progress::Expired] {
            assert!(!unfinished(&by("cm-nl", progress), 0), "{progress:?}");
        }
        let submitted = by("cm-nl", Progress::Submitted);
        assert!(unfinished(&submitted, 71) && !unfinished(&submitted, 72));
        let later = submitted.created_at + SignedDuration::from_hours(10);
        let changed = submitted.clone().with(|message| {
            message.delivery.history.push(StateChange { state: State::Submitted, at: later, reason: None });
        });
        assert!(unfinished(&changed, 81) && !unfinished(&changed, 82));
        let with_receipt = |status| {
            submitted.clone().with(|message| {
                let execution_id = ExecutionId::new(1);
                let receipt = Receipt {
                    status,
                    at: later,
                    code: None,
                    description: None,
                    details: ReceiptDetails::default(),
                    channel_index: 0,
                    execution_id,
                };
                message.delivery.receipts = Receipts::new(vec![receipt]);
            })
        };
        let sent = with_receipt(ReceiptStatus::Sent);
        assert!(unfinished(&sent, 81) && !unfinished(&sent, 82));
        assert!(!unfinished(&with_receipt(ReceiptStatus::Delivered), 0));
    }

    #[test]
    fn earlier_carrier_counts_if_it_may_have_the_message() {
        for outcome in [AttemptOutcome::Unknown, AttemptOutcome::ReceiptTimeout, AttemptOutcome::Failed] {
            assert!(unfinished(&attempted("cm-nl", outcome), 0), "{outcome:?}");
            assert!(!unfinished(&attempted("cm-de", outcome), 0), "{outcome:?}");
        }
        assert!(!unfinished(&attempted("cm-nl", AttemptOutcome::Busy), 0));
    }

    #[test]
    fn unrecorded_carrier_may_be_any_once_its_worker_is_gone() {
        let without = |progress, lease_until| {
            by("cm-nl", progress).with(|message| {
                message.delivery.carrier = None;
                message.delivery.lease_until = lease_until;
            })
        };
        let created_at = Message::example().created_at;
        let lease = |minutes| Some(created_at + SignedDuration::from_mins(minutes));
        assert!(unfinished(&without(Progress::Unknown, None), 0));
        assert!(unfinished(&without(Progress::Submitting, lease(0)), 0));
        assert!(!unfinished(&without(Progress::Submitting, lease(1)), 0), "its worker is alive");
        assert!(!unfinished(&without(Progress::Queued, None), 0));
    }
}
