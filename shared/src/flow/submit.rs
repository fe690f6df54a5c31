//! Step 3: a message is handed to a carrier, once.
//!
//! One conditional write claims it for the length of a lease and brings it
//! along. Whoever finds it claimed waits; whoever finds the lease over knows
//! that a worker died with it, perhaps after the carrier took it: then the
//! outcome is *unknown*, and it is not sent again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

use super::{
    Gateway, Unavailable,
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

/// The one carrier that there is to hand messages to.
const CARRIER: CarrierName = CarrierName::Loopback;

/// What became of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// It needs no further run.
    Finished,
    /// Another worker holds the message: run it again later, in case it dies.
    Held,
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
    match gateway.store.claim(id, lease).await? {
        Change::Made(message) => {
            debug!(message.id = %id, attempts = message.attempts, "claimed");
            let prepared = match prepare(gateway, directory, &message, stamp).await {
                Ok(prepared) => prepared,
                Err(error) => return give_back(gateway, &message, stamp, error).await,
            };
            let verdict = match prepared {
                Prepared::Ready(settings) => hand_over(gateway, submitter, &settings, &message, stamp).await,
                Prepared::Not(settlement) => settlement.into(),
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
    Not(Settlement),
}

/// Looks up the opt-out and the carrier.
async fn prepare(
    gateway: &Gateway<impl Recipients, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    message: &Message,
    stamp: Stamp,
) -> Result<Prepared, StoreError> {
    let not = |progress, reason: String| {
        let settlement = settlement(stamp, progress, gateway.clock.now());
        Prepared::Not(Settlement { reason: Some(reason), ..settlement })
    };
    if gateway.store.recipient(&message.to).await?.opt_outs.contains(&message.from.id) {
        return Ok(not(Progress::Blocked, "the recipient has opted out of this sender".to_owned()));
    }
    Ok(match directory.carrier(CARRIER).await? {
        Some(settings) => Prepared::Ready(settings),
        None => not(Progress::Queued, format!("the directory has no carrier '{CARRIER}'")),
    })
}

/// Nothing was handed over yet, so the message can go back as it came.
async fn give_back(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
    error: StoreError,
) -> Result<Done, Unavailable> {
    let reason = Some("the gateway could not prepare it".to_owned());
    let back = Settlement { reason, ..settlement(stamp, Progress::Queued, gateway.clock.now()) };
    settle(gateway, message, &back).await?;
    Err(error.into())
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
        reference: message.id,
        to: &message.to,
        from: &message.from.id,
        text: &message.text,
        channel: message.channels.first().copied().unwrap_or(Channel::Sms),
    };
    let outcome = submitter.submit(CARRIER, settings, &submission).await;
    let at = gateway.clock.now();
    let settled = |progress, reason| Settlement { reason, carrier: Some(CARRIER), ..settlement(stamp, progress, at) };
    match outcome {
        Outcome::Accepted { carrier_id } => Settlement { carrier_id, ..settled(Progress::Submitted, None) }.into(),
        Outcome::Rejected { reason } => settled(Progress::Rejected, Some(reason)).into(),
        Outcome::Busy { reason, .. } if at.duration_since(due_since(message)) > BUSY_FOR => {
            settled(Progress::Expired, Some(format!("the carrier stayed busy: {reason}"))).into()
        }
        Outcome::Busy { reason, retry_after } => {
            Verdict { settlement: settled(Progress::Queued, Some(reason)), retry_after }
        }
        Outcome::Unknown { reason } => {
            let unknown_until = at.saturating_add(UNKNOWN_FOR).ok();
            Settlement { unknown_until, ..settled(Progress::Unknown, Some(reason)) }.into()
        }
    }
}

/// When it should have gone out first.
fn due_since(message: &Message) -> Timestamp {
    message.send_at.unwrap_or(message.created_at).max(message.created_at)
}

/// Records the outcome, and puts back what is to be tried again.
async fn conclude(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    verdict: Verdict,
) -> Result<(), Unavailable> {
    let Verdict { settlement, retry_after } = verdict;
    let settled = settle(gateway, message, &settlement).await?;
    match (settlement.progress, settled) {
        (Progress::Queued, Settled::Done(message)) => {
            let gap = gateway.random.jittered(busy_gap(message.attempts));
            let delay = gap.max(retry_after.unwrap_or_default()).min(LONGEST_DELAY);
            gateway.queue.enqueue(&[(Job::Submit { message: message.id }, delay)]).await?;
        }
        // The network has spoken before the carrier did: it has taken the message.
        (Progress::Unknown | Progress::Queued, Settled::Otherwise(found)) if found.receipts.is_final() => {
            let taken = Settlement { progress: Progress::Submitted, reason: None, unknown_until: None, ..settlement };
            settle(gateway, message, &taken).await?;
        }
        _ => {}
    }
    Ok(())
}

/// The gap before the next try at a busy carrier, of 1, 2, 4 … 512 seconds.
fn busy_gap(attempts: u32) -> Duration {
    Duration::from_secs(1 << attempts.saturating_sub(1).min(9))
}

/// A job for a message that could not be claimed: it is done with, or someone
/// holds it, or someone died holding it, or its outcome has been unknown for
/// too long.
async fn look_at_unclaimed(
    gateway: &Gateway<impl Messages, impl Queue>,
    message: &Message,
    stamp: Stamp,
    now: Timestamp,
) -> Result<Done, Unavailable> {
    let Some(held_by) = message.stamp else {
        // Not claimed by anyone, so it is not due yet: the tick will bring it again.
        return Ok(if message.progress == Progress::Scheduled { Done::Held } else { Done::Finished });
    };
    match message.progress {
        Progress::Submitting if message.lease_until.is_some_and(|until| until > now) => Ok(Done::Held),
        Progress::Submitting => {
            let lost = Settlement {
                reason: Some("the worker that was sending it stopped".to_owned()),
                carrier: message.carrier,
                unknown_until: now.saturating_add(UNKNOWN_FOR).ok(),
                ..settlement(held_by, Progress::Unknown, now)
            };
            conclude(gateway, message, lost.into()).await?;
            Ok(Done::Finished)
        }
        Progress::Unknown if message.state() != State::Unknown => {
            settle(gateway, message, &settlement(held_by, Progress::Submitted, now)).await?;
            Ok(Done::Finished)
        }
        Progress::Unknown if message.unknown_until.is_some_and(|until| until <= now) => {
            let reason = Some("the outcome stayed unknown".to_owned());
            let given_up = Settlement { stamp, reason, ..settlement(held_by, Progress::Failed, now) };
            settle(gateway, message, &given_up).await?;
            Ok(Done::Finished)
        }
        _ => Ok(Done::Finished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gaps_at_a_busy_carrier_grow_and_stay_below_the_longest_delay() {
        let gaps: Vec<_> = [1, 2, 3, 9, 10, 11, 100].map(|attempts| busy_gap(attempts).as_secs()).into();
        assert_eq!(gaps, [1, 2, 4, 256, 512, 512, 512]);
    }
}
