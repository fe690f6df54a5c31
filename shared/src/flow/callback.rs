//! Step 6: a client is told what is on record.
//!
//! The job names what happened and the run that announced it. The record
//! decides: it bears that run's stamp (tell), another's (someone else tells),
//! or not yet one (the run is about to write it, or died before it did; its
//! news will be brought again under another stamp). A try that fails is made
//! again with growing gaps for seven days, by sending the job again, so that
//! nothing stays in flight; then it rests in the dead-letter queue.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{debug, info, warn};

use super::{Gateway, Unavailable};
use crate::{
    callbacks::{Answer, Caller, Delivery, retry_gap},
    dialects::Dialect,
    domain::{AccountId, CallbackUrl, Message, ReceiptStatus, Reply, Stamp, State},
    queue::{CallbackJob, LONGEST_DELAY, Queue, Subject},
    runtime::{About, Metric},
    store::{Directory, DirectoryStore, Freshness, Messages},
};

/// The pauses between looks for a record that was announced just now.
const LOOKS: [Duration; 3] = [Duration::from_millis(20), Duration::from_millis(80), Duration::from_millis(200)];
/// How long a record is waited for that was announced.
const RECORD_WITHIN: SignedDuration = SignedDuration::from_mins(5);
/// How long a client is tried.
const TRY_FOR: SignedDuration = SignedDuration::from_hours(24 * 7);

/// Tells a client, or puts it off.
///
/// # Errors
/// When the store or queue did not answer. Run it again.
pub async fn callback(
    gateway: &Gateway<impl Messages, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    caller: &Caller,
    job: CallbackJob,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    if let Some(not_before) = job.not_before.filter(|at| *at > now) {
        put_off(gateway, job, not_before, now).await?;
        return Ok(());
    }
    let told = match look_for_record(gateway, job).await? {
        OnRecord::Ours(told) => told,
        OnRecord::Another => {
            debug!(event.id = %job.subject.event_id(), subject = %job.subject, "told by another run");
            return Ok(());
        }
        OnRecord::NotYet => return look_again_later(gateway, job, now).await,
    };
    if told.is_overtaken() {
        debug!(event.id = %job.subject.event_id(), subject = %job.subject, "overtaken");
        return Ok(());
    }
    let Some(account) = directory.account(told.account()).await? else {
        warn!(event.id = %job.subject.event_id(), subject = %job.subject, account.id = %told.account(), "the account is gone");
        return Ok(());
    };
    let Some(url) = told.url(account.reply_url.as_ref()) else { return Ok(()) };
    let delivery = Delivery {
        url,
        event: job.subject.event_id(),
        dialect: told.dialect(),
        secrets: &account.secrets,
        at: now,
        body: told.body(),
    };
    let answer = caller.deliver(&delivery).await;
    conclude(gateway, job, told.account(), answer, now).await
}

/// What a client is told of, as it is on record.
enum Told {
    State(Box<Message>, State),
    Reply(Reply),
}

impl Told {
    fn account(&self) -> &AccountId {
        match self {
            Self::State(message, _) => &message.account,
            Self::Reply(reply) => &reply.account,
        }
    }

    fn url<'a>(&'a self, reply_url: Option<&'a CallbackUrl>) -> Option<&'a CallbackUrl> {
        match self {
            Self::State(message, _) => message.callback.as_ref(),
            Self::Reply(_) => reply_url,
        }
    }

    fn dialect(&self) -> Dialect {
        match self {
            Self::State(message, _) => message.dialect,
            Self::Reply(reply) => reply.dialect,
        }
    }

    /// Whether it is about a state on the way of a message that has come to its
    /// end: the end is told, and this would come after it.
    fn is_overtaken(&self) -> bool {
        match self {
            Self::State(message, state) => !state.is_final() && message.state().is_final(),
            Self::Reply(_) => false,
        }
    }

    fn body(&self) -> String {
        match self {
            Self::State(message, state) => message.dialect.state_event(message, *state),
            Self::Reply(reply) => self.dialect().reply_event(reply),
        }
    }
}

enum OnRecord {
    Ours(Told),
    Another,
    NotYet,
}

/// A job is often faster than the record that follows it by milliseconds.
async fn look_for_record(
    gateway: &Gateway<impl Messages, impl Queue>,
    job: CallbackJob,
) -> Result<OnRecord, Unavailable> {
    for pause in LOOKS {
        match on_record(gateway, job).await? {
            OnRecord::NotYet => tokio::time::sleep(pause).await,
            found => return Ok(found),
        }
    }
    on_record(gateway, job).await
}

async fn on_record(gateway: &Gateway<impl Messages, impl Queue>, job: CallbackJob) -> Result<OnRecord, Unavailable> {
    let (stamps, told) = match job.subject {
        Subject::State { message, state } => match gateway.store.message(message, Freshness::Recent).await? {
            Some(message) => (stamps_of(&message, state), Told::State(Box::new(message), state)),
            None => return Ok(OnRecord::NotYet),
        },
        Subject::Reply { reply } => match gateway.store.reply(reply).await? {
            Some(reply) => (vec![reply.stamp], Told::Reply(reply)),
            None => return Ok(OnRecord::NotYet),
        },
    };
    Ok(match stamps.as_slice() {
        [] => OnRecord::NotYet,
        stamps if stamps.contains(&job.stamp) => OnRecord::Ours(told),
        _ => OnRecord::Another,
    })
}

/// The runs that brought the message to this state: one by a receipt, and one
/// by what it did itself. Where there are both, each is told, as one event.
fn stamps_of(message: &Message, state: State) -> Vec<Stamp> {
    let by_receipt = ReceiptStatus::ALL
        .into_iter()
        .filter(|status| status.state() == state)
        .filter_map(|status| message.receipts.get(status))
        .map(|receipt| receipt.stamp);
    let by_progress = message.stamp.filter(|_| message.progress.state() == state);
    by_receipt.chain(by_progress).collect()
}

async fn look_again_later(
    gateway: &Gateway<impl Messages, impl Queue>,
    job: CallbackJob,
    now: Timestamp,
) -> Result<(), Unavailable> {
    if now.duration_since(job.announced_at) > RECORD_WITHIN {
        info!(event.id = %job.subject.event_id(), subject = %job.subject, "what was announced was not recorded by that run");
        return Ok(());
    }
    gateway.queue.enqueue_callbacks(&[(job, Duration::from_secs(1))]).await?;
    Ok(())
}

async fn conclude(
    gateway: &Gateway<impl Messages, impl Queue>,
    job: CallbackJob,
    account: &AccountId,
    answer: Answer,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let event = job.subject.event_id();
    let about = || About::new(Some(account), None);
    let (reason, retry_after) = match answer {
        Answer::Taken { status } => {
            gateway.metrics.count(Metric::Told, about(), 1);
            let passed = gateway.clock.now().duration_since(job.announced_at);
            gateway.metrics.time(Metric::CallbackDelay, about(), passed);
            info!(event.id = %event, subject = %job.subject, status, attempts = job.attempts + 1, "told the client");
            return Ok(());
        }
        Answer::Gone => {
            gateway.metrics.count(Metric::CallbacksGivenUp, about(), 1);
            warn!(event.id = %event, subject = %job.subject, "the endpoint is gone for good (410)");
            return Ok(());
        }
        Answer::Failed { reason, retry_after } => (reason, retry_after),
    };
    gateway.metrics.count(Metric::CallbackFailures, about(), 1);
    let attempts = job.attempts + 1;
    let tried_since = job.tried_since.unwrap_or(now);
    let gap = gateway.random.jittered(retry_gap(attempts)).max(retry_after.unwrap_or_default());
    let again = now.saturating_add(SignedDuration::try_from(gap).unwrap_or(TRY_FOR)).unwrap_or(Timestamp::MAX);
    if again.duration_since(tried_since) > TRY_FOR {
        warn!(event.id = %event, subject = %job.subject, attempts, reason, "gave the client up");
        gateway.queue.bury(job).await?;
        gateway.metrics.count(Metric::CallbacksGivenUp, about(), 1);
        return Ok(());
    }
    info!(event.id = %event, subject = %job.subject, attempts, reason, again_s = gap.as_secs(), "the client was not told");
    let job = CallbackJob { attempts, tried_since: Some(tried_since), ..job };
    put_off(gateway, job, again, now).await
}

/// SQS keeps a job for a quarter of an hour at most, so a longer wait takes several.
async fn put_off(
    gateway: &Gateway<impl Messages, impl Queue>,
    job: CallbackJob,
    not_before: Timestamp,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let wait = Duration::try_from(not_before.duration_since(now)).unwrap_or_default();
    let job = CallbackJob { not_before: Some(not_before), ..job };
    gateway.queue.enqueue_callbacks(&[(job, wait.min(LONGEST_DELAY))]).await?;
    Ok(())
}
