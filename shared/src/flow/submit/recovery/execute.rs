//! Execute: do the next action of a message that could not be claimed.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    lookup::{lookup, reschedule_check},
    options::{RecoveryOptions, first_check, recovery_options},
    plan::{NextAction, next_action},
};
use crate::{
    carriers::Submitter,
    domain::{ExecutionId, Message, Progress},
    flow::{
        Gateway, JobOutcome, Unavailable,
        outcome::write_outcome,
        submit::{
            deadlines::receipt_by,
            fail_over::{fail_over, timed_out_attempt},
            plan_route::{Routing, receipt_timeout},
            record_outcome::record_outcome,
        },
    },
    store::{Directory, Messages, OutcomeUpdate, StoreError},
};

pub(in crate::flow::submit) enum Recovery {
    Finished(JobOutcome),
    /// Requeued for a failover or resend, by us or by an execution that may have died. The caller tries to
    /// claim the message again.
    Requeued,
}

impl Recovery {
    pub(in crate::flow::submit) const DONE: Self = Self::Finished(JobOutcome::Done);
}

/// The recovery that is possible for a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecoveryContext {
    /// The execution on record when we read the message. Our writes fail if another execution has written
    /// since.
    pub(super) claimed_by: ExecutionId,
    /// The current channel's receipt timeout, or `None` if no later channel is left.
    pub(super) next_after: Option<Duration>,
    /// Both options are off unless the outcome is unknown.
    pub(super) options: RecoveryOptions,
}

impl RecoveryContext {
    async fn of(message: &Message, execution_id: ExecutionId, directory: &Directory) -> Result<Self, StoreError> {
        let claimed_by = message.delivery.execution_id.unwrap_or(execution_id);
        let next_after = if message.has_channel_after(message.delivery.channel_index) {
            receipt_timeout(message, &Routing::of(directory, message).await?)
        } else {
            None
        };
        let options = match message.delivery.progress {
            Progress::Unknown => {
                recovery_options(directory, message, message.delivery.carrier, next_after.is_some()).await?
            }
            _ => RecoveryOptions::default(),
        };
        Ok(Self { claimed_by, next_after, options })
    }
}

/// Does the work that is due for a message that could not be claimed.
pub(in crate::flow::submit) async fn recover(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    message: &Message,
    execution_id: ExecutionId,
    now: Timestamp,
) -> Result<Recovery, Unavailable> {
    let context = RecoveryContext::of(message, execution_id, directory).await?;
    let (claimed_by, has_next) = (context.claimed_by, context.next_after.is_some());
    match next_action(message, has_next, context.options, now) {
        NextAction::RetryJob => return Ok(Recovery::Finished(JobOutcome::Retry)),
        NextAction::MarkUnknown => {
            let lost = OutcomeUpdate {
                reason: Some("the worker stopped while it was sending the message".to_owned()),
                receipt_by: receipt_by(now, Progress::Unknown, context.next_after),
                check_at: first_check(directory, message, message.delivery.carrier, has_next, now).await,
                ..OutcomeUpdate::new(claimed_by, Progress::Unknown, now)
            };
            record_outcome(gateway, message, lost.into()).await?;
        }
        NextAction::MarkSubmitted => {
            let receipt_by = message.delivery.receipt_by.filter(|_| has_next && !message.delivery.receipts.is_final());
            let submitted = OutcomeUpdate { receipt_by, ..OutcomeUpdate::new(claimed_by, Progress::Submitted, now) };
            write_outcome(gateway, message, &submitted).await?;
        }
        NextAction::FailOver => {
            fail_over(gateway, message, message.delivery.execution_id, timed_out_attempt(message, now), now).await?;
            return Ok(Recovery::Requeued);
        }
        NextAction::Lookup(fallback) => {
            return lookup(gateway, directory, submitter, message, context, fallback).await;
        }
        NextAction::Reschedule(until) => reschedule_check(gateway, message, Some(until)).await?,
        NextAction::Nothing => {}
        NextAction::ClearWake(wake_at) => gateway.store.clear_wake(message.id, wake_at).await?,
    }
    Ok(Recovery::DONE)
}
