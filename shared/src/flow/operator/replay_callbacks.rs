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
    domain::{Account, CallbackUrl, Endpoint, EndpointId, ExecutionId, Message, State},
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
    /// Of both, how many go to disabled endpoints and will be withheld.
    pub withheld: usize,
}

/// Enqueues the callbacks, or only counts them.
///
/// # Errors
/// If the store or queue did not answer. A second run delivers some events twice, under the same event IDs.
pub async fn replay(
    gateway: &Gateway,
    account: &Account,
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
            let Some((subject, execution_id, endpoint)) = callback_to_replay(account, filter, &entry.record) else {
                continue;
            };
            match subject {
                Subject::Reply { .. } => replayed.replies += 1,
                _ => replayed.messages += 1,
            }
            replayed.withheld += usize::from(is_disabled(endpoint));
            jobs.push((CallbackJob::new(subject, execution_id, gateway.clock.now()), DELAY));
        }
        if !only_count && !jobs.is_empty() {
            gateway.queue.enqueue_callbacks(&jobs).await?;
        }
        let is_beyond = |next: &Position| next.time().is_some_and(|at| at < filter.since);
        after = page.next.filter(|next| !is_beyond(next));
    }
    Ok(replayed)
}

fn callback_to_replay(
    account: &Account,
    filter: &ReplayFilter,
    record: &Record,
) -> Option<(Subject, ExecutionId, EndpointId)> {
    let endpoint_of = |url: &CallbackUrl| Endpoint::of(&account.id, url).id();
    let (url, notified) = match record {
        Record::Out(message) => (message.request.callback.as_ref()?, latest_notified(message)),
        Record::In(reply) => {
            (account.reply_url.as_ref()?, Some((Subject::Reply { reply: reply.id }, reply.execution_id)))
        }
    };
    let endpoint = endpoint_of(url);
    if filter.url.as_ref().is_some_and(|wanted| endpoint_of(wanted) != endpoint) {
        return None;
    }
    let (subject, execution_id) = notified?;
    Some((subject, execution_id, endpoint))
}

fn latest_notified(message: &Message) -> Option<(Subject, ExecutionId)> {
    let notified = State::iter().rev().filter(|state| message.request.dialect.notifies(*state));
    let mut executions = notified.filter_map(|state| Some((state, *executions_of(message, state).first()?)));
    executions.next().map(|(state, execution_id)| (Subject::State { message: message.id, state }, execution_id))
}
