//! A job for a message that could not be claimed does what is due for it.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    Done,
    due::{Due, due},
    fail_over,
    look_up::{look_up, rest},
    plan_route::receipt_within,
    record_outcome::{receipt_by, record_outcome},
    unknown::{Remedies, first_look, remedies},
};
use crate::{
    carriers::Submitter,
    domain::{Attempt, AttemptOutcome, ExecutionId, Message, Progress},
    flow::{
        Gateway, Unavailable,
        outcome::{outcome_update, write_outcome},
        rate_limit,
    },
    queue::Queue,
    store::{Directory, DirectoryStore, Messages, OutcomeUpdate, Recipients, SecretStore, SentIds, StoreError},
};

/// A channel that has had its time.
pub(super) fn receipt_timeout(message: &Message, at: Timestamp) -> Attempt {
    Attempt {
        channel: message.channel(),
        carrier: message.carrier,
        at,
        outcome: AttemptOutcome::ReceiptTimeout,
        reason: None,
    }
}

/// What became of it.
pub(super) enum Looked {
    Done(Done),
    /// It went back to the queue, to be sent over its next channel or again over the same:
    /// by this run, or by a quicker one, which may have died with it. It is to be claimed.
    BackInQueue,
}

impl Looked {
    pub(super) const FINISHED: Self = Self::Done(Done::Finished);
}

/// What can still be done about a message that was handed over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// The run that handed it over.
    pub(super) claimed_by: ExecutionId,
    /// How long the receipt of its channel is waited for; none if no other is left.
    pub(super) next_after: Option<Duration>,
    /// Only of an unknown outcome.
    pub(super) remedies: Remedies,
}

impl Outlook {
    async fn of(
        message: &Message,
        execution_id: ExecutionId,
        directory: &Directory<impl DirectoryStore>,
    ) -> Result<Self, StoreError> {
        let claimed_by = message.execution_id.unwrap_or(execution_id);
        let next_after = if message.has_channel_after(message.channel_index) {
            receipt_within(message, &directory.routes().await?)
        } else {
            None
        };
        let remedies = match message.progress {
            Progress::Unknown => remedies(directory, message, message.carrier, next_after.is_some()).await?,
            _ => Remedies::default(),
        };
        Ok(Self { claimed_by, next_after, remedies })
    }
}

/// Does what is due for a message that was found like this.
pub(super) async fn look_at_unclaimed(
    gateway: &Gateway<impl Messages + Recipients + SentIds, impl Queue>,
    directory: &Directory<impl DirectoryStore>,
    submitter: &Submitter<impl SecretStore>,
    message: &Message,
    execution_id: ExecutionId,
    now: Timestamp,
) -> Result<Looked, Unavailable> {
    let outlook = Outlook::of(message, execution_id, directory).await?;
    let (claimed_by, has_next) = (outlook.claimed_by, outlook.next_after.is_some());
    match due(message, has_next, outlook.remedies, now) {
        Due::Again => return Ok(Looked::Done(Done::Again)),
        Due::EnqueueAtSlot => rate_limit::enqueue_at_slot(gateway, message, now).await?,
        Due::Lost => {
            let lost = OutcomeUpdate {
                reason: Some("the worker that was sending it stopped".to_owned()),
                receipt_by: receipt_by(now, Progress::Unknown, outlook.next_after),
                look_at: first_look(directory, message, message.carrier, has_next, now).await,
                ..outcome_update(claimed_by, Progress::Unknown, now)
            };
            record_outcome(gateway, message, lost.into()).await?;
        }
        Due::Taken => {
            let receipt_by = message.receipt_by.filter(|_| has_next && !message.receipts.is_final());
            let taken = OutcomeUpdate { receipt_by, ..outcome_update(claimed_by, Progress::Submitted, now) };
            write_outcome(gateway, message, &taken).await?;
        }
        Due::FailOver => {
            fail_over(gateway, message, message.execution_id, receipt_timeout(message, now), now).await?;
            return Ok(Looked::BackInQueue);
        }
        Due::Ask(unanswered) => {
            return look_up(gateway, directory, submitter, message, outlook, unanswered).await;
        }
        Due::Rest(until) => rest(gateway, message, Some(until)).await?,
        Due::Nothing => {}
        Due::ClearWake(wake_at) => gateway.store.clear_wake(message.id, wake_at).await?,
    }
    Ok(Looked::FINISHED)
}
