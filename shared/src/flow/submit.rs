//! Step 3: a message is handed to a carrier, once.
//!
//! One conditional write claims it for the length of a lease and brings it
//! along. Whoever finds it claimed waits; whoever finds the lease over knows
//! that a worker died with it, perhaps after the carrier took it: then the
//! outcome is *unknown*, and it is not sent again over that channel. A worker
//! that fails before it asked the carrier, or after the carrier refused, gives
//! the message back.
//!
//! A client may allow several channels. One that refuses the message, that
//! fails it by a receipt, or that brings no receipt in its time gives way to the
//! next; a receipt that says *delivered* ends that, whenever it comes.

mod due;
mod hand_over;
mod ways;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use self::{
    due::{Due, due},
    hand_over::HandOver,
    ways::{Way, receipt_within, ways},
};
use super::{
    Gateway, Unavailable, pace,
    receipt::{Bearing, bearing, record, words_of},
    settle::{Settled, settle, settlement},
};
use crate::{
    carriers::{CarrierName, CarrierReceipt, Submitter},
    domain::{Ended, Message, MessageId, Progress, Stamp, Tried},
    queue::{FailedSubmit, Job, LONGEST_DELAY, Queue},
    runtime::{About, Metric},
    store::{
        Change, Directory, DirectoryStore, Freshness, GivingWay, Lease, Messages, Recipients, SecretStore, Settlement,
        StoreError,
    },
};

/// How long a worker holds a message. Longer than any carrier's time-out, and
/// shorter than the time after which the queue delivers the job again.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// How long the receipt of an unknown outcome is waited for where no channel is left.
const UNKNOWN_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How long a busy carrier is asked again.
const BUSY_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How many tries at a busy carrier are kept in the history; later ones only count.
const TRIES_KEPT: u32 = 10;
/// How long a receipt waits for the answer to its submit.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);

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
    submitter: &Submitter<impl SecretStore>,
    id: MessageId,
) -> Result<Done, Unavailable> {
    loop {
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
                send(gateway, directory, submitter, message, lease).await?;
                return Ok(Done::Finished);
            }
            Change::Refused(found) => match look_at_unclaimed(gateway, directory, &found, stamp, now).await? {
                Looked::Done(done) => return Ok(done),
                Looked::GaveWay => {}
            },
            Change::Missing => {
                warn!(message.id = %id, "a job names a message that is gone");
                return Ok(Done::Finished);
            }
        }
    }
}

/// A receipt says that a submit failed which was not the message's last way: sends
/// the message over its next channel, or records the failure if none is left.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn failed(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    submitter: &Submitter<impl SecretStore>,
    failed: &FailedSubmit,
) -> Result<Done, Unavailable> {
    let id = failed.message;
    let Some(message) = gateway.store.message(id, Freshness::Latest).await? else {
        warn!(message.id = %id, "a job names a message that is gone");
        return Ok(Done::Finished);
    };
    let now = gateway.clock.now();
    let is_held = message.progress == Progress::Submitting && message.lease_until.is_some_and(|until| until > now);
    if is_held {
        // The receipt was faster than the answer. Whoever waits for that is soon done.
        gateway.queue.enqueue(&[(Job::Failed(failed.clone()), ANSWER_WITHIN)]).await?;
        return Ok(Done::Finished);
    }
    let receipt = CarrierReceipt::from(failed);
    match bearing(&message, failed.carrier, failed.place, failed.status) {
        // A run of this same job may have been cut off after the channel gave way.
        _ if message.progress == Progress::Queued => {}
        // Or it died with the message on a later way. Then no other job may be left.
        Bearing::Nothing | Bearing::GivenUp if message.progress == Progress::Submitting => {}
        Bearing::Nothing | Bearing::GivenUp => {
            info!(message.id = %id, carrier = failed.carrier.as_str(), "a receipt of a channel that was given up");
            return Ok(Done::Finished);
        }
        Bearing::Counts if receipt_within(&message, &directory.routes().await?).is_none() => {
            record(gateway, failed.carrier, &message, failed.place, &receipt, now).await?;
            return Ok(Done::Finished);
        }
        Bearing::Counts => {
            let tried = Tried {
                channel: message.channel(),
                carrier: Some(failed.carrier),
                at: now,
                ended: Ended::Failed,
                reason: Some(words_of(&receipt)),
            };
            if !give_way(gateway, &message, tried, now).await? {
                return Ok(Done::Finished);
            }
        }
    }
    submit(gateway, directory, submitter, id).await
}

/// Says whether the message can now be sent over another channel.
async fn give_way(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    tried: Tried,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let (ended, carrier) = (tried.ended, tried.carrier);
    let giving = GivingWay { place: message.place, stamp: gateway.random.stamp(), at, tried };
    let made = matches!(gateway.store.give_way(message.id, &giving).await?, Change::Made(_));
    if made {
        gateway.metrics.count(Metric::GaveWay, About::new(Some(&message.account), carrier), 1);
        info!(message.id = %message.id, carrier = carrier.map(CarrierName::as_str), ended = ended.as_str(), "gives way");
    }
    Ok(made)
}

/// Sends a message that this run has claimed, and records what came of it.
async fn send(
    gateway: &Gateway<impl Messages + Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    submitter: &Submitter<impl SecretStore>,
    mut message: Box<Message>,
    lease: Lease,
) -> Result<(), Unavailable> {
    let stamp = lease.stamp;
    let ways = match prepare(gateway, directory, &message, stamp).await {
        Ok(Prepared::Ready(ways)) => ways,
        Ok(Prepared::Not(verdict)) => return conclude(gateway, &message, verdict).await,
        Ok(Prepared::Later(turn)) => return put_off(gateway, &message, stamp, turn).await,
        Err(error) => {
            warn!(message.id = %message.id, %error, "could not be prepared");
            let verdict = put_back(&message, stamp, gateway.clock.now(), "the gateway could not prepare it");
            return conclude(gateway, &message, verdict).await;
        }
    };
    let mut run = HandOver { gateway, directory, submitter, stamp, lease_until: lease.until, tried: Vec::new() };
    let verdict = match run.along(&mut message, &ways).await {
        Ok(verdict) => verdict,
        Err(error) => {
            // Nothing was taken yet, or it would have been concluded.
            give_back_unseen(gateway, message.id, stamp).await;
            return Err(error);
        }
    };
    match verdict {
        Some(verdict) => conclude(gateway, &message, verdict).await,
        None => leave(gateway, &message, stamp).await,
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
    Ready(Vec<Way>),
    /// Its sender's rate does not let it go yet.
    Later(Timestamp),
    Not(Verdict),
}

/// Looks at the validity, and up the opt-out and the routes, and takes a turn if
/// the message has none.
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
    let ways = ways(message, &directory.routes().await?);
    if ways.is_empty() {
        return Ok(Prepared::Ready(ways));
    }
    let turn = pace::turn(gateway, directory, message, now).await?;
    Ok(turn.map_or(Prepared::Ready(ways), Prepared::Later))
}

/// Back to the queue until the message has its turn.
async fn put_off(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
    turn: Timestamp,
) -> Result<(), Unavailable> {
    let put_off = pace::put_off(gateway, message, stamp, turn).await;
    if put_off.is_err() {
        give_back_unseen(gateway, message.id, stamp).await;
    }
    put_off
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

/// Records the outcome. What is to be tried again gets its job before that, so
/// that whatever job finds the record knows that there is one.
async fn conclude(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    verdict: Verdict,
) -> Result<(), Unavailable> {
    let Verdict { mut settlement, retry_after } = verdict;
    let progress = settlement.progress;
    if progress == Progress::Queued {
        let delay = retry_delay(gateway, message, &settlement, retry_after);
        if let Err(error) = gateway.queue.enqueue(&[(Job::Submit { message: message.id }, delay)]).await {
            give_back_unseen(gateway, message.id, settlement.held_by).await;
            return Err(error.into());
        }
        settlement.retry_at = settlement.at.saturating_add(delay).ok();
    }
    let settled = match settle(gateway, message, &settlement).await {
        // Nothing was taken, so it may be found out again.
        Err(error) if matches!(progress, Progress::Blocked | Progress::Rejected | Progress::Expired) => {
            give_back_unseen(gateway, message.id, settlement.held_by).await;
            return Err(error);
        }
        settled => settled?,
    };
    match (progress, settled) {
        // The network has spoken before the carrier did: it has taken the message.
        (
            Progress::Submitted | Progress::Unknown | Progress::Queued | Progress::Expired | Progress::Failed,
            Settled::Otherwise(found),
        ) if found.receipts.is_final() => {
            let taken = Settlement {
                progress: Progress::Submitted,
                reason: None,
                receipt_by: None,
                retry_at: None,
                place: None,
                forget: None,
                ..settlement
            };
            settle(gateway, message, &taken).await?;
        }
        _ => {}
    }
    Ok(())
}

/// How long a busy carrier is left alone: as long as it says, and ever longer.
fn retry_delay<S, Q>(
    gateway: &Gateway<S, Q>,
    message: &Message,
    settlement: &Settlement,
    retry_after: Option<Duration>,
) -> Duration {
    let gap = gateway.random.jittered(busy_gap(message.attempts));
    let delay = gap.max(retry_after.unwrap_or_default()).min(LONGEST_DELAY);
    message.expires_at.map_or(delay, |at| delay.min(left_until(at, settlement.at)))
}

/// A run that may not go on with its message: as a rule a receipt came while the
/// run was on its way to another carrier, and says what became of it.
async fn leave(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
) -> Result<(), Unavailable> {
    let Some(found) = gateway.store.message(message.id, Freshness::Latest).await? else { return Ok(()) };
    if found.receipts.is_final() {
        settle(gateway, &found, &settlement(stamp, Progress::Submitted, gateway.clock.now())).await?;
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

/// A channel that has had its time.
fn silent(message: &Message, at: Timestamp) -> Tried {
    Tried { channel: message.channel(), carrier: message.carrier, at, ended: Ended::Silent, reason: None }
}

/// Until when the receipt of what was handed over is waited for: until the next
/// channel has its turn, or, where none is left, an unknown outcome is given up.
fn receipt_by(at: Timestamp, progress: Progress, next_after: Option<Duration>) -> Option<Timestamp> {
    match next_after {
        Some(within) => at.saturating_add(within).ok(),
        None if progress == Progress::Unknown => at.saturating_add(UNKNOWN_FOR).ok(),
        None => None,
    }
}

/// What became of a message that could not be claimed.
enum Looked {
    Done(Done),
    /// It can be claimed now, to be sent over its next channel.
    GaveWay,
}

/// A job for a message that could not be claimed: does what is due.
async fn look_at_unclaimed(
    gateway: &Gateway<impl Messages, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    message: &Message,
    stamp: Stamp,
    now: Timestamp,
) -> Result<Looked, Unavailable> {
    let next_after = if message.has_channel_after(message.place) {
        receipt_within(message, &directory.routes().await?)
    } else {
        None
    };
    let held_by = message.stamp.unwrap_or(stamp);
    match due(message, next_after.is_some(), now) {
        Due::Again => return Ok(Looked::Done(Done::Again)),
        Due::Turn => pace::enqueue(gateway, message, now).await?,
        Due::Lost => {
            let lost = Settlement {
                reason: Some("the worker that was sending it stopped".to_owned()),
                receipt_by: receipt_by(now, Progress::Unknown, next_after),
                ..settlement(held_by, Progress::Unknown, now)
            };
            conclude(gateway, message, lost.into()).await?;
        }
        Due::Taken => {
            let receipt_by = message.receipt_by.filter(|_| next_after.is_some() && !message.receipts.is_final());
            let taken = Settlement { receipt_by, ..settlement(held_by, Progress::Submitted, now) };
            settle(gateway, message, &taken).await?;
        }
        Due::GiveWay if give_way(gateway, message, silent(message, now), now).await? => return Ok(Looked::GaveWay),
        // Someone else was quicker.
        Due::Nothing | Due::GiveWay => {}
        Due::GiveUp => {
            let reason = Some("the outcome stayed unknown".to_owned());
            let given_up = Settlement { stamp, reason, ..settlement(held_by, Progress::Failed, now) };
            settle(gateway, message, &given_up).await?;
        }
        Due::SleepOn(wake_at) => gateway.store.sleep_on(message.id, wake_at).await?,
    }
    Ok(Looked::Done(Done::Finished))
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
