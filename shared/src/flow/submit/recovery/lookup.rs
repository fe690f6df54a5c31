//! Lookup: ask for the outcome of a submit without an answer.
//!
//! 1. Ask each carrier that may have the message.
//! 2. If a carrier has the message, record *submitted*.
//! 3. If all deny the message, resend, because that makes no duplicate. After the deadline, fail over or, on
//!    the last channel, give up instead, because no message goes out a day late.
//! 4. If the carriers cannot say, or support no lookups, do the fallback.

use futures_util::future::join_all;
use jiff::Timestamp;
use tracing::info;

use super::{
    execute::{Recovery, RecoveryContext},
    options::{PossibleHolders, possible_holders},
    plan::Fallback,
};
use crate::flow::submit::{
    fail_over::{fail_over, timed_out_attempt},
    opt_out::is_blocked,
    plan_route::{Routing, plan_route},
    {deadlines::receipt_by, record_outcome::record_outcome},
};
use crate::{
    carriers::Submitter,
    domain::{
        Attempt, AttemptOutcome, CarrierName, ExecutionId, LookupOutcome, Message, Progress, ReceiptDetails, State,
        SubmitReference,
    },
    flow::{Gateway, Unavailable, outcome::write_outcome, receipts::record_carrier_id},
    runtime::Metric,
    store::{Change, Directory, Messages, OutcomeUpdate, Recipients, Resend, ScheduledWork, StoreError},
};

/// Why a denied message fails or fails over.
const DENIED: &str = "the carrier says that it did not receive the message";

pub(super) async fn lookup(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    message: &Message,
    context: RecoveryContext,
    fallback: Fallback,
) -> Result<Recovery, Unavailable> {
    let (found, carrier) = if context.options.lookup {
        ask(gateway, directory, submitter, message).await?
    } else {
        (LookupOutcome::Unknown, None)
    };
    // The lookup took time.
    let now = gateway.clock.now();
    let is_denied = match found {
        LookupOutcome::Found { carrier_id } => {
            let found_update = OutcomeUpdate { carrier, carrier_id, ..found_update(context, now) };
            record_outcome(gateway, message, found_update.into()).await?;
            return Ok(Recovery::DONE);
        }
        LookupOutcome::NotFound => true,
        LookupOutcome::Unknown => false,
    };
    let again = match fallback {
        Fallback::FailOver => {
            let reason = is_denied.then(|| DENIED.to_owned());
            fail_over(
                gateway,
                message,
                message.delivery.execution_id,
                Attempt { reason, ..timed_out_attempt(message, now) },
                now,
            )
            .await?;
            return Ok(Recovery::Requeued);
        }
        Fallback::GiveUp => {
            give_up(gateway, message, context.claimed_by, is_denied, now).await?;
            return Ok(Recovery::DONE);
        }
        _ if is_denied => Some(AttemptOutcome::NotAccepted),
        Fallback::Resend => may_resend(gateway, directory, message, now).await?.then_some(AttemptOutcome::Unknown),
        Fallback::Wait => None,
    };
    if let Some(outcome) = again {
        resend(gateway, message, context.claimed_by, outcome, now).await?;
        return Ok(Recovery::Requeued);
    }
    reschedule_check(gateway, message, context.options.next_wake(message, now)).await?;
    Ok(Recovery::DONE)
}

/// Returns the answer, and the carrier that has the message. `NotFound` needs a denial from every possible
/// holder. If that is any carrier, those that are not set up do not count: `admin` removes no carrier while a
/// message may be with it.
async fn ask(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    message: &Message,
) -> Result<(LookupOutcome, Option<CarrierName>), StoreError> {
    let reference = SubmitReference { message: message.id, channel_index: message.delivery.channel_index };
    let who = possible_holders(message, message.delivery.carrier);
    let mut carriers = Vec::new();
    let mut is_sure = true;
    for name in who.carriers(directory).await? {
        match directory.carrier(name).await? {
            Some(carrier) => carriers.push(carrier),
            None => is_sure &= matches!(who, PossibleHolders::Any),
        }
    }
    // Together, because each may take seconds and this execution's time is limited.
    let answers =
        join_all(carriers.iter().map(|carrier| submitter.look_up(carrier, &message.account, reference))).await;
    let mut denials = 0;
    for (carrier, said) in carriers.iter().zip(answers) {
        info!(message.id = %message.id, carrier = carrier.name.as_str(), found = said.into_str(), "looked up");
        match said {
            LookupOutcome::Found { ref carrier_id } => {
                record_carrier_id(gateway, carrier, reference, carrier_id.as_deref()).await;
                return Ok((said, Some(carrier.name)));
            }
            LookupOutcome::NotFound => denials += 1,
            LookupOutcome::Unknown => is_sure = false,
        }
    }
    let said = if is_sure && denials > 0 { LookupOutcome::NotFound } else { LookupOutcome::Unknown };
    Ok((said, None))
}

/// Returns the update for a found message. Its receipt deadline starts now.
fn found_update(context: RecoveryContext, now: Timestamp) -> OutcomeUpdate {
    OutcomeUpdate {
        reason: Some("the carrier says that it accepted the message".to_owned()),
        receipt_by: receipt_by(now, Progress::Submitted, context.next_after),
        ..OutcomeUpdate::new(context.claimed_by, Progress::Submitted, now)
    }
}

async fn give_up(
    gateway: &Gateway,
    message: &Message,
    claimed_by: ExecutionId,
    is_denied: bool,
    now: Timestamp,
) -> Result<(), Unavailable> {
    let reason = if is_denied { DENIED } else { "the outcome stayed unknown" };
    let (execution_id, reason) = (ExecutionId::random(&gateway.random), Some(reason.to_owned()));
    let given_up = OutcomeUpdate { execution_id, reason, ..OutcomeUpdate::new(claimed_by, Progress::Failed, now) };
    write_outcome(gateway, message, &given_up).await.map(drop)
}

/// Returns whether a resend makes sense: the message is valid and not blocked, and a route candidate is left.
async fn may_resend(
    gateway: &Gateway,
    directory: &Directory,
    message: &Message,
    now: Timestamp,
) -> Result<bool, StoreError> {
    if message.request.expires_at.is_some_and(|at| at <= now)
        || plan_route(message, &Routing::of(directory, message).await?).is_empty()
    {
        return Ok(false);
    }
    let recipient = gateway.store.recipient(&message.request.to).await?;
    Ok(!is_blocked(directory, message, &recipient).await?)
}

/// Requeues the message, unless another execution did so or the outcome became known.
async fn resend(
    gateway: &Gateway,
    message: &Message,
    expected_execution_id: ExecutionId,
    outcome: AttemptOutcome,
    at: Timestamp,
) -> Result<(), StoreError> {
    let unknown = message.delivery.history.iter().rev().find(|state_change| state_change.state == State::Unknown);
    let reason = unknown.and_then(|state_change| state_change.reason.clone());
    let (channel, carrier, details) = (message.channel(), message.delivery.carrier, ReceiptDetails::default());
    let attempt = Attempt { channel, carrier, at, outcome, reason, details };
    let again = Resend { expected_execution_id, execution_id: ExecutionId::random(&gateway.random), at, attempt };
    if let Change::Applied(_) = gateway.store.resend(message.id, &again).await? {
        if outcome == AttemptOutcome::Unknown {
            gateway.count(Metric::Resent, Some(&message.account), message.delivery.carrier, 1);
        }
        let carrier = message.delivery.carrier.as_ref().map(CarrierName::as_str);
        info!(message.id = %message.id, carrier, outcome = outcome.into_str(), "requeued for a resend");
    }
    Ok(())
}

/// Moves the message's wake time, if there is one, to `until`.
pub(super) async fn reschedule_check(
    gateway: &Gateway,
    message: &Message,
    until: Option<Timestamp>,
) -> Result<(), StoreError> {
    let Some((wake_at, until)) = message.delivery.wake_at.zip(until) else { return Ok(()) };
    gateway.store.reschedule(ScheduledWork::Message(message.id), wake_at, until).await
}
