//! Prepare: check validity, suspension, sender and opt-out, plan the route, and take a send slot, before a message goes to
//! a carrier.

use jiff::Timestamp;

use super::{
    opt_out::{OPTED_OUT, is_blocked},
    plan_route::{RouteCandidate, Routing, plan_route},
    sender::{NOT_OWNED, TAKEN_OVER, is_owned, use_lock},
    suspension::held_until,
};
use crate::{
    domain::{ExecutionId, Message, Progress, ReceiptStatus},
    flow::{Gateway, turn::SlotSource},
    store::{Directory, OutcomeUpdate, Recipients, StoreError},
};

pub(super) enum Prepared {
    Ready(Vec<RouteCandidate>),
    /// Wait on the line of its sender, which has a rate limit.
    OnLine,
    /// Stay on the line, because the dealer has no more send slots.
    NoSlot,
    /// Wait until then, because the account is suspended.
    Held(Timestamp),
    /// Do not submit, but record this.
    Resolved(Box<OutcomeUpdate>),
}

pub(super) async fn prepare(
    gateway: &Gateway,
    directory: &Directory,
    message: &Message,
    execution_id: ExecutionId,
    slot: SlotSource,
) -> Result<Prepared, StoreError> {
    let now = gateway.clock.now();
    let resolved = |progress, reason: &str| {
        let update = OutcomeUpdate::new(execution_id, progress, now);
        OutcomeUpdate { reason: Some(reason.to_owned()), ..update }
    };
    if message.has_unknown_attempt() && message.delivery.receipts.get(ReceiptStatus::Sent).is_some() {
        // The receipt came while the message waited to be resent.
        let carrier = message.carriers_of_unknown_attempts().next().flatten();
        let submitted = resolved(Progress::Submitted, "a receipt says that it was sent already");
        return Ok(Prepared::Resolved(OutcomeUpdate { carrier, ..submitted }.into()));
    }
    if message.request.expires_at.is_some_and(|at| at <= now) {
        return Ok(Prepared::Resolved(resolved(Progress::Expired, "its validity ended before it was sent").into()));
    }
    if let Some(until) = held_until(directory, message, now).await? {
        return Ok(Prepared::Held(until));
    }
    // The recipient asked for an automatic reply, so its conversation exists.
    let recipient =
        if message.passes_opt_outs() { None } else { Some(gateway.store.recipient(&message.request.to).await?) };
    if let Some(recipient) = &recipient
        && is_blocked(directory, message, recipient).await?
    {
        return Ok(Prepared::Resolved(resolved(Progress::Blocked, OPTED_OUT).into()));
    }
    if !is_owned(directory, message).await? {
        return Ok(Prepared::Resolved(resolved(Progress::Rejected, NOT_OWNED).into()));
    }
    let routing = Routing::of(directory, message).await?;
    let candidates = plan_route(message, &routing);
    if candidates.is_empty() {
        if message.delivery.failed_attempts.is_empty()
            && let Some((carrier, error)) = routing.too_short_for_text(message)
        {
            let rejected = resolved(Progress::Rejected, &error.to_string());
            return Ok(Prepared::Resolved(OutcomeUpdate { carrier: Some(carrier), ..rejected }.into()));
        }
        return Ok(Prepared::Ready(candidates));
    }
    if matches!(slot, SlotSource::Line) && directory.rates().await?.of(&message.request.from.id).is_some() {
        return Ok(Prepared::OnLine);
    }
    if let Some(recipient) = &recipient
        && !use_lock(gateway, message, recipient).await?
    {
        return Ok(Prepared::Resolved(resolved(Progress::Rejected, TAKEN_OVER).into()));
    }
    // Last, so only a message on its way to a carrier takes a slot.
    if let SlotSource::Turn(turn) = slot
        && !turn.take_slot().await
    {
        return Ok(Prepared::NoSlot);
    }
    Ok(Prepared::Ready(candidates))
}
