//! What is on record is told again: for an operator, after a client was gone for a
//! while. Of each message it is the newest state that its client is told of, and it
//! goes under the id of the execution that recorded it, so that the event's id is that of
//! the first time. A client that has had it knows it by that.

use std::time::Duration;

use jiff::Timestamp;
use strum::IntoEnumIterator;

use crate::flow::{Gateway, Unavailable, callbacks::executions_of};
use crate::{
    domain::{Account, CallbackUrl, Endpoint, EndpointId, ExecutionId, Message, State},
    queue::{CallbackJob, Queue, Subject},
    store::{DIRECTORY_TTL, Messages, Position, Record},
};

/// How much of the log is read at once.
const READ_AT_ONCE: u16 = 100;
/// What an operator changed just before, as an endpoint's being off or the account's
/// URLs, is known to every worker by then.
const DELAY: Duration = Duration::from_secs(DIRECTORY_TTL.as_secs().unsigned_abs() + 1);

/// Selects messages and replies of an account, by when they were accepted or came in.
#[derive(Clone, Debug)]
pub struct ReplayFilter {
    pub since: Timestamp,
    /// Without the moment itself.
    pub until: Timestamp,
    /// Only what is told at this endpoint; its query does not count.
    pub url: Option<CallbackUrl>,
}

/// How much there is to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    pub messages: usize,
    pub replies: usize,
    /// How many of both are told at endpoints that are off, and so are not told.
    pub withheld: usize,
}

/// Enqueues the callbacks, or with `only_count` says what there is.
///
/// # Errors
/// When the store or queue did not answer. Running it again tells some twice, under
/// the same ids.
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
            // The log is cut by months, and the page may reach beyond.
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

/// What is told of it and where, if anything is and it goes there.
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
