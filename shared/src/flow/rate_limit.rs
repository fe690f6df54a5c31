//! Rate limit: a message from a sender with a rate gets a send slot, the sender's next free time.
//!
//! 1. On acceptance, a request reserves the slots of its messages with one write per sender. Each job or wake
//!    time matches its slot, so waiting costs no work.
//! 2. A scheduled or retried message reserves its slot when it is claimed.
//! 3. A message more than a minute late for its slot reserves another, so a standstill does not end in a
//!    flood.
//!
//! Unused slots stay idle. Queue delays are whole seconds, rounded up, so over any *w* seconds a sender sends
//! at most rate × (*w* + 1) messages. After a standstill of `dispatch`, up to a minute's worth comes on top.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use tracing::debug;

use super::{Gateway, Unavailable, outcome::write_outcome};
use crate::{
    domain::{ExecutionId, Message, Progress, Rate, Rates, SenderId},
    queue::{LONGEST_DELAY, Queue, QueuedJob},
    store::{CLAIM_TOLERANCE, Change, Directory, Messages, OutcomeUpdate, StoreError},
};

/// How late a message may still use its slot.
const MAX_LATENESS: SignedDuration = SignedDuration::from_mins(1);
/// A slot this near is used at once, because queues count in seconds.
const IMMEDIATE: SignedDuration = SignedDuration::from_secs(1);
/// Senders whose slots are reserved concurrently.
const CONCURRENCY: usize = 16;

/// Assigns send slots to the queued messages, in their order. Scheduled messages get theirs later.
pub(super) async fn assign_send_slots(
    gateway: &Gateway,
    rates: &Rates,
    messages: impl Iterator<Item = &mut Message>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut waiting: HashMap<SenderId, (Rate, Vec<&mut Message>)> = HashMap::new();
    for message in messages.filter(|message| message.delivery.progress == Progress::Queued) {
        if let Some(rate) = rates.of(&message.request.from.id) {
            waiting.entry(message.request.from.id.clone()).or_insert_with(|| (rate, Vec::new())).1.push(message);
        }
    }
    let wanted: Vec<_> =
        waiting.iter().map(|(sender, (rate, messages))| (sender.clone(), rate.time_for(messages.len()))).collect();
    let reserve = |(sender, time): (SenderId, SignedDuration)| async move {
        let first = gateway.store.reserve_send_slots(&sender, time, now).await?;
        Ok::<_, StoreError>((sender, first))
    };
    let reserved: Vec<_> = stream::iter(wanted).map(reserve).buffer_unordered(CONCURRENCY).try_collect().await?;
    for (sender, first) in reserved {
        let Some((rate, messages)) = waiting.remove(&sender) else { continue };
        for (index, message) in messages.into_iter().enumerate() {
            let slot = first.saturating_add(rate.time_for(index)).unwrap_or(Timestamp::MAX);
            message.delivery.not_before = (slot > now).then(|| stored_slot(message, slot));
            message.delivery.wake_at = message.delivery.not_before.filter(|slot| needs_wake(*slot, now));
        }
    }
    Ok(())
}

/// Returns the send slot to wait for, or `None` if a claimed message can go now.
pub(super) async fn next_send_slot(
    gateway: &Gateway,
    directory: &Directory,
    message: &Message,
    now: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    if assigned_slot(message).is_some_and(|slot| now.duration_since(slot) <= MAX_LATENESS) {
        return Ok(None);
    }
    let Some(rate) = directory.rates().await?.of(&message.request.from.id) else { return Ok(None) };
    let slot = gateway.store.reserve_send_slots(&message.request.from.id, rate.time_for(1), now).await?;
    // A job's delay is no shorter, and in a long queue the message might otherwise be postponed for ever.
    let soon = now.saturating_add(IMMEDIATE).unwrap_or(now);
    Ok((slot > soon).then(|| stored_slot(message, slot)))
}

/// Returns the message's unused slot. For a message that could go at once, this is its acceptance.
fn assigned_slot(message: &Message) -> Option<Timestamp> {
    let at_once = message.delivery.attempts <= 1 && !message.was_scheduled();
    message.delivery.not_before.or(at_once.then_some(message.created_at))
}

/// Releases a claimed message until its send slot.
pub(super) async fn postpone_to_slot(
    gateway: &Gateway,
    message: &Message,
    claimed_by: ExecutionId,
    slot: Timestamp,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    match gateway.store.release_until(message, claimed_by, slot, needs_wake(slot, now)).await? {
        Change::Applied(message) => {
            debug!(message.id = %message.id, delay_s = slot.duration_since(now).as_secs(), "postponed to its send slot");
            enqueue_at_slot(gateway, &message, now).await
        }
        // A final receipt of an earlier attempt came meanwhile.
        Change::Conflict(found) if found.delivery.receipts.is_final() => {
            write_outcome(gateway, &found, &OutcomeUpdate::new(claimed_by, Progress::Submitted, now)).await.map(drop)
        }
        Change::Conflict(_) | Change::NotFound => Ok(()),
    }
}

/// Enqueues a job for the send slot, unless the schedule will do so.
pub(super) async fn enqueue_at_slot(gateway: &Gateway, message: &Message, now: Timestamp) -> Result<(), Unavailable> {
    if let Some(delay) = job_delay(message.delivery.not_before, message.delivery.wake_at, now) {
        gateway.queue.enqueue(&[QueuedJob::submit(message, delay)]).await?;
    }
    Ok(())
}

/// Returns the delay of a message's job, or `None` if the schedule will enqueue the job.
pub(super) fn job_delay(not_before: Option<Timestamp>, wake_at: Option<Timestamp>, now: Timestamp) -> Option<Duration> {
    let left = not_before.map(|slot| Duration::try_from(slot.duration_since(now)).unwrap_or_default());
    let left = left.unwrap_or_default();
    // A distant slot without a wake time gets an early job, which is delayed again. A near slot with a wake
    // time may get two jobs, of which one has no effect.
    (left <= LONGEST_DELAY || wake_at.is_none()).then(|| left.min(LONGEST_DELAY))
}

/// Returns whether the slot is too far ahead for a job.
fn needs_wake(slot: Timestamp, now: Timestamp) -> bool {
    slot.duration_since(now) > SignedDuration::try_from(LONGEST_DELAY).unwrap_or(SignedDuration::MAX)
}

/// Rounds a slot up to milliseconds, and caps the result at the message's expiry plus the claim's tolerance.
fn stored_slot(message: &Message, slot: Timestamp) -> Timestamp {
    let millis = slot.as_microsecond().saturating_add(999).div_euclid(1_000);
    let slot = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
    let over = message.request.expires_at.map(|at| at.saturating_add(CLAIM_TOLERANCE).unwrap_or(Timestamp::MAX));
    over.map_or(slot, |over| slot.min(over))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn slot_beyond_the_longest_delay_becomes_scheduled_work() {
        let (now, far) = (at(1_000), at(1_000 + 900_001));
        assert!(needs_wake(far, now) && !needs_wake(at(1_000 + 900_000), now));
        assert_eq!(job_delay(None, None, now), Some(Duration::ZERO));
        assert_eq!(job_delay(Some(at(999)), None, now), Some(Duration::ZERO));
        assert_eq!(job_delay(Some(at(1_250)), None, now), Some(Duration::from_millis(250)));
        assert_eq!(job_delay(Some(far), Some(far), now), None);
        // The tick has rescheduled the work, and its job came too early.
        assert_eq!(job_delay(Some(at(3_000)), Some(at(303_000)), now), Some(Duration::from_secs(2)));
        // Without a wake time, the schedule would never enqueue it.
        assert_eq!(job_delay(Some(far), None, now), Some(LONGEST_DELAY));
    }
}
