//! Cancel all: withdraw the waiting messages that an account posted in some period, perhaps with a leaked key.
//!
//! Reads the account's log from the newest message back. A cancelled message stays cancelled, so a run that was cut off
//! can be repeated, or can go on from the position that it reached.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::{
    domain::{AccountId, ApiKeyId, Message, Progress},
    flow::{
        Gateway, Unavailable,
        cancel::{Cancelled, withdraw},
    },
    store::{Messages, Position, Record},
};

/// Log entries per page.
const READ_AT_ONCE: u16 = 100;
/// Messages cancelled concurrently.
const CONCURRENCY: usize = 16;

/// Selects an account's messages by time of acceptance and API key.
#[derive(Clone, Debug)]
pub struct CancelFilter {
    pub since: Timestamp,
    /// Exclusive.
    pub until: Timestamp,
    /// `None`: any key.
    pub key: Option<ApiKeyId>,
}

/// How far a run came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CancelledCount {
    /// Messages cancelled by this run, or that it would cancel.
    pub cancelled: usize,
    /// Messages that are with a carrier, or may be.
    pub too_late: usize,
    /// All messages accepted from this time on are done. `None` until the first page is done.
    pub reached: Option<Timestamp>,
}

/// Cancels the messages, or only counts them. `done` is up to date even after an error.
///
/// # Errors
/// If the store or queue did not answer.
pub async fn cancel_all(
    gateway: &Gateway,
    account: &AccountId,
    filter: &CancelFilter,
    only_count: bool,
    done: &mut CancelledCount,
) -> Result<(), Unavailable> {
    let mut after = Some(Position::before(filter.until));
    while let Some(from) = after {
        let page = gateway.store.log(account, filter.since, filter.until, Some(&from), READ_AT_ONCE).await?;
        let oldest = page.entries.last().and_then(|entry| entry.position.time());
        let messages = page.entries.into_iter().filter_map(|entry| match entry.record {
            Record::Out(message) => Some(message),
            Record::In(_) => None,
        });
        let waiting: Vec<_> = messages.filter(|message| filter.admits(message)).collect();
        if only_count {
            done.cancelled += waiting.len();
        } else {
            let cancelled = stream::iter(waiting)
                .map(async |message| withdraw(gateway, account, &message).await)
                .buffer_unordered(CONCURRENCY)
                .try_collect::<Vec<_>>()
                .await?;
            let count = cancelled.iter().filter(|one| matches!(one, Cancelled::Done(_))).count();
            done.cancelled += count;
            done.too_late += cancelled.len() - count;
        }
        done.reached = oldest.or(done.reached);
        let is_beyond = |next: &Position| next.time().is_some_and(|at| at < filter.since);
        after = page.next.filter(|next| !is_beyond(next));
    }
    Ok(())
}

impl CancelFilter {
    /// Returns whether the message waits and is meant. The log is partitioned by month, so a page may hold messages from
    /// before `since`.
    fn admits(&self, message: &Message) -> bool {
        let is_meant = self.key.is_none() || message.request.key == self.key;
        let is_waiting = matches!(message.delivery.progress, Progress::Scheduled | Progress::Queued);
        message.created_at >= self.since && is_meant && is_waiting
    }
}
