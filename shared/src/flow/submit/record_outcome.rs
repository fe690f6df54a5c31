//! Record outcome: enqueue the retry, if any, and store the result.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{claim::release, recovery::still_unknown};
use crate::{
    domain::{ExecutionId, Message, Progress},
    flow::{
        Gateway, Unavailable,
        outcome::{OutcomeWrite, write_outcome},
    },
    queue::{LONGEST_DELAY, Queue, QueuedJob},
    store::OutcomeUpdate,
};

/// How long we retry a message without a validity on one channel.
const BUSY_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How many attempts the history keeps. Later attempts are only counted.
const TRIES_KEPT: u32 = 10;

/// An update to record, and the delay that a busy carrier asked for.
pub(super) struct Resolution {
    pub(super) update: OutcomeUpdate,
    pub(super) retry_after: Option<Duration>,
}

impl From<OutcomeUpdate> for Resolution {
    fn from(update: OutcomeUpdate) -> Self {
        Self { update, retry_after: None }
    }
}

/// Returns an update that requeues the message, or expires it if its validity has passed. A message without a
/// validity expires after a day of attempts on its channel.
pub(super) fn retry_later(message: &Message, execution_id: ExecutionId, at: Timestamp, reason: &str) -> Resolution {
    let (given_up, how_long) = match message.request.expires_at {
        Some(expires_at) => (at >= expires_at, "while it was valid"),
        None => (at.duration_since(message.attempted_since().unwrap_or(at)) > BUSY_FOR, "for a day"),
    };
    if given_up {
        let reason = Some(format!("it could not be submitted {how_long}: {reason}"));
        return OutcomeUpdate { reason, ..OutcomeUpdate::new(execution_id, Progress::Expired, at) }.into();
    }
    // After `TRIES_KEPT` attempts we remove the history entry that the claim added, and add none. So a record
    // does not grow while its message waits long for a busy carrier.
    let remove_history_entry = (message.delivery.attempts > TRIES_KEPT).then(|| message.delivery.history.len() - 1);
    OutcomeUpdate {
        reason: Some(reason.to_owned()),
        remove_history_entry,
        ..OutcomeUpdate::new(execution_id, Progress::Queued, at)
    }
    .into()
}

/// Records the outcome.
///
/// We enqueue a retry first, so a job that finds `retry_at` in the record knows that the retry has a job.
pub(super) async fn record_outcome(
    gateway: &Gateway,
    message: &Message,
    resolution: Resolution,
) -> Result<(), Unavailable> {
    let Resolution { update, retry_after } = resolution;
    let mut update = still_unknown(message, update);
    let progress = update.progress;
    if progress == Progress::Queued {
        let delay = retry_delay(gateway, message, &update, retry_after);
        if let Err(error) = gateway.queue.enqueue(&[QueuedJob::submit(message, delay)]).await {
            release(gateway, message.id, update.claimed_by).await;
            return Err(error.into());
        }
        update.retry_at = update.at.saturating_add(delay).ok();
    }
    let written = match write_outcome(gateway, message, &update).await {
        // No carrier has the message, so we release it for another attempt.
        Err(error)
            if matches!(progress, Progress::Queued | Progress::Blocked | Progress::Rejected | Progress::Expired) =>
        {
            release(gateway, message.id, update.claimed_by).await;
            return Err(error);
        }
        written => written?,
    };
    match (progress, written) {
        // A final receipt came first, so the carrier has the message.
        (
            Progress::Submitted | Progress::Unknown | Progress::Queued | Progress::Expired | Progress::Failed,
            OutcomeWrite::Conflict(found),
        ) if found.delivery.receipts.is_final() => {
            let submitted = OutcomeUpdate {
                progress: Progress::Submitted,
                reason: None,
                receipt_by: None,
                check_at: None,
                retry_at: None,
                channel_index: None,
                remove_history_entry: None,
                ..update
            };
            write_outcome(gateway, &found, &submitted).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Returns the delay of a retry: the growing gap or the delay that the carrier asked for, whichever is longer,
/// but no more than [`LONGEST_DELAY`] and the message's remaining validity.
fn retry_delay(
    gateway: &Gateway,
    message: &Message,
    update: &OutcomeUpdate,
    retry_after: Option<Duration>,
) -> Duration {
    let gap = gateway.random.jittered(busy_gap(message.delivery.attempts));
    let delay = gap.max(retry_after.unwrap_or_default()).min(LONGEST_DELAY);
    message.request.expires_at.map_or(delay, |at| delay.min(left_until(at, update.at)))
}

fn left_until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

/// Returns the gap before the next attempt: 1, 2, 4 … 512 seconds.
fn busy_gap(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_gaps_grow_and_stay_below_the_longest_delay() {
        let gaps: Vec<_> = [1, 2, 3, 9, 10, 11, 100].map(|attempts| busy_gap(attempts).as_secs()).into();
        assert_eq!(gaps, [1, 2, 4, 256, 512, 512, 512]);
        assert!(gaps.iter().all(|gap| Duration::from_secs(*gap) < LONGEST_DELAY));
    }
}
