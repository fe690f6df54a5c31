//! Step 3: a message is handed to a carrier, once.
//!
//! One conditional write claims it for the length of a lease and brings it
//! along. Whoever finds it claimed waits; whoever finds the lease over knows
//! that a worker died with it, perhaps after the carrier took it: then the
//! outcome is *unknown*, and it is not sent again. A worker that fails before it
//! asked the carrier, or after the carrier refused, gives the message back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

use super::{
    Gateway, Unavailable, pace,
    settle::{Settled, settle, settlement},
};
use crate::{
    carriers::{CarrierName, CarrierSettings, Outcome, Submission, Submitter},
    domain::{Channel, Message, MessageId, Progress, Stamp, State},
    queue::{Job, LONGEST_DELAY, Queue},
    store::{Change, Directory, DirectoryStore, Lease, Messages, Recipients, Settlement, StoreError},
};

/// How long a worker holds a message. Longer than any carrier's time-out, and
/// shorter than the time after which the queue delivers the job again.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How long the receipt of an unknown outcome is waited for.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long a busy carrier is asked again.
const BUSY_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How many tries at a busy carrier are kept in the history; later ones only count.
const TRIES_KEPT: u32 = 10;

/// The one carrier that there is to hand messages to.
const CARRIER: CarrierName = CarrierName::Loopback;

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It needs no further run.
    Finished,
    /// It is not the time: another worker holds the message and may die, or it
    /// is not due. The queue is to deliver the job again.
    Again,
}

/// Does what is due for this message.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn submit(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    submitter: &Submitter,
    id: MessageId,
) -> Result<Done, Unavailable> {
    let now = gateway.clock.now();
    let stamp = gateway.random.stamp();
    let lease = Lease { stamp, from: now, until: now.saturating_add(LEASE).unwrap_or(now) };
    let claimed = match gateway.store.claim(id, lease).await {
        Ok(claimed) => claimed,
        Err(error) => {
            give_back_unseen(gateway, id, stamp).await;
            return Err(error.into());
        }
    };
    match claimed {
        Change::Made(message) => {
            debug!(message.id = %id, attempts = message.attempts, "claimed");
            let verdict = match prepare(gateway, directory, &message, stamp).await {
                Ok(Prepared::Ready(settings)) => hand_over(gateway, submitter, &settings, &message, stamp).await,
                Ok(Prepared::Not(verdict)) => verdict,
                Ok(Prepared::Later(turn)) => return put_off(gateway, &message, stamp, turn).await,
                Err(error) => {
                    warn!(message.id = %id, %error, "could not be prepared");
                    put_back(&message, stamp, gateway.clock.now(), "the gateway could not prepare it")
                }
            };
            conclude(gateway, &message, verdict).await?;
            Ok(Done::Finished)
        }
        Change::Refused(found) => look_at_unclaimed(gateway, &found, stamp, now).await,
        Change::Missing => {
            warn!(message.id = %id, "a job names a message that is gone");
            Ok(Done::Finished)
        }
    }
}

/// A claim whose answers were all lost may have been made: the message goes
/// back if it can, and would else be taken for handed over.
async fn give_back_unseen(gateway: &Gateway<impl Messages, impl Queue>, id: MessageId, stamp: Stamp) {
    let back = settlement(stamp, Progress::Queued, gateway.clock.now());
    if let Err(error) = gateway.store.settle(id, &back).await {
        warn!(message.id = %id, %error, "a claim may be left behind");
    }
}

/// What is to be recorded, and how long a busy carrier wants to be left alone.
struct Verdict {
    settlement: Settlement,
    retry_after: Option<Duration>,
}

impl From<Settlement> for Verdict {
    fn from(settlement: Settlement) -> Self {
        Self { settlement, retry_after: None }
    }
}

/// What a message needs before it can be handed over, or why it cannot be.
enum Prepared {
    Ready(CarrierSettings),
    /// Its sender's rate does not let it go yet.
    Later(Timestamp),
    Not(Verdict),
}

/// Looks at the validity, and up the opt-out and the carrier, and takes a turn
/// if the message has none.
async fn prepare(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    message: &Message,
    stamp: Stamp,
) -> Result<Prepared, StoreError> {
    let now = gateway.clock.now();
    if message.expires_at.is_some_and(|at| at <= now) {
        let reason = Some("its validity was over before it was sent".to_owned());
        let expired = Settlement { reason, ..settlement(stamp, Progress::Expired, now) };
        return Ok(Prepared::Not(expired.into()));
    }
    if gateway.store.recipient(&message.to).await?.opt_outs.contains(&message.from.id) {
        let reason = Some("the recipient has opted out of this sender".to_owned());
        let blocked = Settlement { reason, ..settlement(stamp, Progress::Blocked, now) };
        return Ok(Prepared::Not(blocked.into()));
    }
    let Some(settings) = directory.carrier(CARRIER).await? else {
        return Ok(Prepared::Not(put_back(message, stamp, now, "the directory has no such carrier")));
    };
    let turn = pace::turn(gateway, directory, message, now).await?;
    Ok(turn.map_or(Prepared::Ready(settings), Prepared::Later))
}

async fn put_off(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
    turn: Timestamp,
) -> Result<Done, Unavailable> {
    if let Err(error) = pace::put_off(gateway, message, stamp, turn).await {
        give_back_unseen(gateway, message.id, stamp).await;
        return Err(error);
    }
    Ok(Done::Finished)
}

/// Hands the message over, and says what to record.
async fn hand_over<S, Q>(
    gateway: &Gateway<S, Q>,
    submitter: &Submitter,
    settings: &CarrierSettings,
    message: &Message,
    stamp: Stamp,
) -> Verdict {
    let submission = Submission {
        reference: message.id.into(),
        to: &message.to,
        from: &message.from.id,
        text: &message.text,
        channel: message.channels.first().copied().unwrap_or(Channel::Sms),
        content: None,
        expires_at: message.expires_at,
        groupings: &message.groupings,
    };
    let outcome = submitter.submit(CARRIER, settings, &submission).await;
    let at = gateway.clock.now();
    let settled = |progress, reason| Settlement { reason, carrier: Some(CARRIER), ..settlement(stamp, progress, at) };
    match outcome {
        Outcome::Accepted { carrier_id } => Settlement { carrier_id, ..settled(Progress::Submitted, None) }.into(),
        Outcome::Rejected { reason } => settled(Progress::Rejected, Some(reason)).into(),
        Outcome::Busy { reason, retry_after } => {
            let back = put_back(message, stamp, at, &reason);
            Verdict { settlement: Settlement { carrier: Some(CARRIER), ..back.settlement }, retry_after }
        }
        Outcome::Unknown { reason } => {
            let unknown_until = at.saturating_add(UNKNOWN_FOR).ok();
            Settlement { unknown_until, ..settled(Progress::Unknown, Some(reason)) }.into()
        }
    }
}

/// Back to the queue, or expired if its validity is over; without one, if it has
/// been tried for a day.
fn put_back(message: &Message, stamp: Stamp, at: Timestamp, reason: &str) -> Verdict {
    let (given_up, how_long) = match message.expires_at {
        Some(expires_at) => (at >= expires_at, "while it was valid"),
        None => (at.duration_since(message.tried_since().unwrap_or(at)) > BUSY_FOR, "for a day"),
    };
    if given_up {
        let reason = Some(format!("it could not be handed over {how_long}: {reason}"));
        return Settlement { reason, ..settlement(stamp, Progress::Expired, at) }.into();
    }
    // The claim's own moment goes, too, so that a long wait does not make the item grow.
    let forget = (message.attempts > TRIES_KEPT).then(|| message.history.len() - 1);
    Settlement { reason: Some(reason.to_owned()), forget, ..settlement(stamp, Progress::Queued, at) }.into()
}

/// Records the outcome, and enqueues again what is to be tried again.
async fn conclude(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    verdict: Verdict,
) -> Result<(), Unavailable> {
    let Verdict { settlement, retry_after } = verdict;
    let progress = settlement.progress;
    let settled = match settle(gateway, message, &settlement).await {
        // Nothing was taken, so it may be found out again.
        Err(error) if matches!(progress, Progress::Blocked | Progress::Rejected | Progress::Expired) => {
            give_back_unseen(gateway, message.id, settlement.held_by).await;
            return Err(error);
        }
        settled => settled?,
    };
    match (progress, settled) {
        (Progress::Queued, Settled::Done(message)) => {
            let gap = gateway.random.jittered(busy_gap(message.attempts));
            let delay = gap.max(retry_after.unwrap_or_default()).min(LONGEST_DELAY);
            let delay = message.expires_at.map_or(delay, |at| delay.min(left_until(at, settlement.at)));
            gateway.queue.enqueue(&[(Job::Submit { message: message.id }, delay)]).await?;
        }
        // The network has spoken before the carrier did: it has taken the message.
        (Progress::Unknown | Progress::Queued | Progress::Expired, Settled::Otherwise(found))
            if found.receipts.is_final() =>
        {
            let taken = Settlement {
                progress: Progress::Submitted,
                reason: None,
                unknown_until: None,
                forget: None,
                ..settlement
            };
            settle(gateway, message, &taken).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Nothing once it has passed.
fn left_until(at: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}

/// The gap before the next try at a busy carrier, of 1, 2, 4 … 512 seconds.
fn busy_gap(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(9))
}

/// A job for a message that could not be claimed: it waits its turn, it is done
/// with, or someone
/// holds it, or someone died holding it, or its outcome has been unknown for
/// too long.
async fn look_at_unclaimed(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
    now: Timestamp,
) -> Result<Done, Unavailable> {
    if message.progress == Progress::Queued && message.not_before.is_some_and(|turn| turn > now) {
        pace::enqueue(gateway, message, now).await?;
        return Ok(Done::Finished);
    }
    let Some(held_by) = message.stamp else {
        return Ok(if message.progress == Progress::Scheduled { Done::Again } else { Done::Finished });
    };
    match message.progress {
        Progress::Submitting if message.lease_until.is_some_and(|until| until > now) => return Ok(Done::Again),
        Progress::Submitting => {
            let lost = Settlement {
                reason: Some("the worker that was sending it stopped".to_owned()),
                unknown_until: now.saturating_add(UNKNOWN_FOR).ok(),
                ..settlement(held_by, Progress::Unknown, now)
            };
            conclude(gateway, message, lost.into()).await?;
        }
        Progress::Unknown if message.state() != State::Unknown => {
            settle(gateway, message, &settlement(held_by, Progress::Submitted, now)).await?;
        }
        Progress::Unknown if message.unknown_until.is_some_and(|until| until <= now) => {
            let reason = Some("the outcome stayed unknown".to_owned());
            let given_up = Settlement { stamp, reason, ..settlement(held_by, Progress::Failed, now) };
            settle(gateway, message, &given_up).await?;
        }
        _ => {}
    }
    Ok(Done::Finished)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_at_a_busy_carrier_grow_and_stay_below_the_longest_delay() {
        let gaps: Vec<_> = [1, 2, 3, 9, 10, 11, 100].map(|attempts| busy_gap(attempts).as_secs()).into();
        assert_eq!(gaps, [1, 2, 4, 256, 512, 512, 512]);
        assert!(gaps.iter().all(|gap| Duration::from_secs(*gap) < LONGEST_DELAY));
    }
}
