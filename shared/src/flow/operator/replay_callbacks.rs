//! Replay callbacks: notify a client again, for example after an outage of its endpoint.
//!
//! 1. Read the account's log for the period.
//! 2. Take each reply, and each message's newest notified state.
//! 3. Enqueue the callback of each with the execution ID on record. The event ID is the original one, so a
//!    client can recognise a duplicate.

use std::time::Duration;

use jiff::Timestamp;
use strum::IntoEnumIterator;

use crate::flow::{Gateway, Unavailable, callbacks::executions_of};
use crate::{
    domain::{
        Account, CallbackTarget, CallbackUrl, Dialect, Endpoint, EndpointId, ExecutionId, Message, MessageRequest,
        State, WebhookEvent, Webhooks,
    },
    queue::{CallbackJob, Queue, Subject},
    store::{DIRECTORY_TTL, Messages, Position, Record},
};

/// Log entries per page.
const READ_AT_ONCE: u16 = 100;
/// Outlasts every worker's cache of accounts and endpoints, which the operator may just have changed.
const DELAY: Duration = Duration::from_secs(DIRECTORY_TTL.as_secs().unsigned_abs() + 1);

/// Selects an account's messages by time of acceptance, and replies by their own time, which may be long before their
/// arrival.
#[derive(Clone, Debug)]
pub struct ReplayFilter {
    pub since: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    /// Only events for this endpoint. The query is ignored.
    pub url: Option<CallbackUrl>,
}

/// The number of replayed events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub messages: usize,
    pub replies: usize,
    /// Of both, how many go to disabled endpoints only and will be withheld.
    pub withheld: usize,
}

/// Enqueues the callbacks, or only counts them.
///
/// # Errors
/// If the store or queue did not answer. A second run delivers some events twice, under the same event IDs.
pub async fn replay(
    gateway: &Gateway,
    (account, webhooks): (&Account, &Webhooks),
    filter: &ReplayFilter,
    is_disabled: impl Fn(EndpointId) -> bool,
    only_count: bool,
) -> Result<Replayed, Unavailable> {
    let mut replayed = Replayed::default();
    let mut after = Some(Position::before(filter.until));
    while let Some(from) = after {
        let page = gateway.store.log(&account.id, filter.since, filter.until, Some(&from), READ_AT_ONCE).await?;
        let mut jobs = Vec::new();
        for entry in &page.entries {
            // The log is partitioned by month, so a page may hold entries from before `since`.
            if entry.position.time().is_some_and(|at| at < filter.since) {
                continue;
            }
            let callbacks = callbacks_to_replay((account, webhooks), filter, &entry.record, gateway.clock.now());
            let counted = usize::from(!callbacks.is_empty());
            match entry.record {
                Record::Out(_) => replayed.messages += counted,
                Record::In(_) => replayed.replies += counted,
            }
            let withheld = !callbacks.is_empty() && callbacks.iter().all(|(_, endpoint)| is_disabled(*endpoint));
            replayed.withheld += usize::from(withheld);
            jobs.extend(callbacks.into_iter().map(|(job, _)| (job, DELAY)));
        }
        if !only_count && !jobs.is_empty() {
            gateway.queue.enqueue_callbacks(&jobs).await?;
        }
        let is_beyond = |next: &Position| next.time().is_some_and(|at| at < filter.since);
        after = page.next.filter(|next| !is_beyond(next));
    }
    Ok(replayed)
}

/// Returns a job for each of the record's callback URLs that the filter admits, with the URL's endpoint.
fn callbacks_to_replay(
    (account, webhooks): (&Account, &Webhooks),
    filter: &ReplayFilter,
    record: &Record,
    now: Timestamp,
) -> Vec<(CallbackJob, EndpointId)> {
    let endpoint_of = |url: &CallbackUrl| Endpoint::of(&account.id, url).id();
    let (dialect, kind, urls, notified) = match record {
        Record::Out(message) => {
            let MessageRequest { dialect, callbacks, .. } = &message.request;
            let urls = if has_webhooks(*dialect) { account.status_url.as_slice() } else { callbacks.as_slice() };
            (*dialect, WebhookEvent::DeliveryStatus, urls, latest_notified(message))
        }
        Record::In(reply) => {
            let notified = Some((Subject::Reply { reply: reply.id }, reply.execution_id));
            (reply.dialect, WebhookEvent::MessageReply, account.reply_url.as_slice(), notified)
        }
    };
    let Some((subject, execution_id)) = notified else { return Vec::new() };
    let wanted = filter.url.as_ref().map(endpoint_of);
    let job = CallbackJob::new(subject, &account.id, execution_id, now);
    let of_kind = webhooks.iter().filter(|(_, webhook)| has_webhooks(dialect) && webhook.event == kind);
    let mut jobs: Vec<_> = of_kind
        .map(|(id, webhook)| (CallbackJob { webhook: Some(*id), ..job.clone() }, endpoint_of(&webhook.url)))
        .collect();
    if jobs.is_empty() {
        jobs.extend(job.for_each(urls).map(|(job, url)| (job, endpoint_of(url))));
    }
    jobs.retain(|(_, endpoint)| wanted.is_none_or(|wanted| wanted == *endpoint));
    jobs
}

fn has_webhooks(dialect: Dialect) -> bool {
    dialect.callback_target() == CallbackTarget::Webhooks
}

fn latest_notified(message: &Message) -> Option<(Subject, ExecutionId)> {
    // No client posted an automatic reply.
    let notified = State::iter().rev().filter(|state| message.request.dialect.notifies(*state));
    let notified = notified.filter(|_| message.request.keyword.is_none());
    let mut executions = notified.filter_map(|state| Some((state, *executions_of(message, state).first()?)));
    executions.next().map(|(state, execution_id)| (Subject::State { message: message.id, state }, execution_id))
}
