//! Lines: a message of a sender with a rate limit waits on a line, until a dealer gives it a send slot (`deal`).
//!
//! - Acceptance stores a message on its line. It needs neither a job nor, without a validity, a wake time.
//! - A scheduled or retried message has a job, whose worker puts the message on its line.
//! - After the store, the message *joins*: one write counts it, and shows whether the sender has a dealer. If not, we
//!   enqueue a job for one.
//! - A message leaves its line with its outcome, so a dead dealer loses none.
//!
//! The counts bound the lines, and tell dealers which lines there are. After a crash they may be wrong. They are right
//! again once the sender's lines are empty.

use std::{collections::HashMap, time::Duration};

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

use super::{Gateway, Unavailable, outcome::write_outcome};
use crate::{
    domain::{AccountId, ExecutionId, Line, Message, OutOfRoom, Progress, Rates, SenderId},
    queue::{Deal, Queue},
    runtime::error_chain,
    store::{CLAIM_TOLERANCE, Change, Messages, OutcomeUpdate, SendSlotStore, SendSlots, StoreError},
};

/// Concurrent writes per call, one for each sender.
const CONCURRENCY: usize = 16;

/// Puts the queued messages of senders with a rate limit on their lines, in their order, before they are stored.
pub(super) fn assign_lines<'a>(rates: &Rates, messages: impl Iterator<Item = &'a mut Message>) {
    let queued = messages.filter(|message| message.delivery.progress == Progress::Queued);
    for (index, message) in (0..).zip(queued.filter(|message| rates.of(&message.request.from.id).is_some())) {
        // A microsecond apart, to keep their order.
        let micros = message.due_since().as_microsecond().saturating_add(index);
        message.delivery.line_at = Timestamp::from_microsecond(micros).ok();
        message.delivery.wake_at = end_of_validity(message);
    }
}

/// Returns an error if the account would have more messages waiting for a sender than the sender sends in a day. The
/// limit is soft: concurrent requests may exceed it.
pub(super) async fn check_room(
    gateway: &Gateway,
    account: &AccountId,
    rates: &Rates,
    messages: impl Iterator<Item = &Message>,
) -> Result<Option<OutOfRoom>, StoreError> {
    let mut joining: HashMap<&SenderId, u64> = HashMap::new();
    for message in messages.filter(|message| message.delivery.line_at.is_some()) {
        *joining.entry(&message.request.from.id).or_default() += 1;
    }
    for (sender, count) in joining {
        let Some(rate) = rates.of(sender) else { continue };
        let slots = gateway.store.send_slots(sender, false).await?;
        let own = slots.waiting.iter().filter(|(line, _)| line.account == *account);
        let waiting = own.map(|(_, waiting)| u64::try_from(*waiting).unwrap_or_default()).fold(0, u64::saturating_add);
        if let Some(error) = OutOfRoom::check(rate, waiting, count) {
            return Ok(Some(error));
        }
    }
    Ok(None)
}

/// Joins stored messages: counts them, and makes sure of a dealer for each sender. A message is not counted if it may
/// have joined before.
pub(super) async fn join(
    gateway: &Gateway,
    messages: impl Iterator<Item = (Line, IsCounted)>,
) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let slots = join_lines(gateway, messages, now).await?;
    let without_dealer = slots.into_iter().filter(|(_, slots)| !slots.has_dealer(now));
    enqueue_deals(gateway, without_dealer.map(|(sender, _)| (sender, Duration::ZERO))).await
}

/// Makes sure of a dealer for each line, although jobs may be lost, and a dealer may have died with its lease.
pub(super) async fn wake_dealers(gateway: &Gateway, lines: impl Iterator<Item = Line>) -> Result<(), Unavailable> {
    let now = gateway.clock.now();
    let slots = join_lines(gateway, lines.map(|line| (line, IsCounted(false))), now).await?;
    let left = |slots: &SendSlots| slots.dealer.map_or(SignedDuration::ZERO, |(_, until)| until.duration_since(now));
    let deals =
        slots.iter().map(|(sender, slots)| (sender.clone(), Duration::try_from(left(slots)).unwrap_or_default()));
    enqueue_deals(gateway, deals).await
}

/// Counts joining messages, and returns their senders' records.
async fn join_lines(
    gateway: &Gateway,
    messages: impl Iterator<Item = (Line, IsCounted)>,
    now: Timestamp,
) -> Result<Vec<(SenderId, SendSlots)>, StoreError> {
    let mut joining: HashMap<SenderId, HashMap<Line, i64>> = HashMap::new();
    for (line, IsCounted(is_counted)) in messages {
        *joining.entry(line.sender.clone()).or_default().entry(line).or_default() += i64::from(is_counted);
    }
    let mut found = Vec::new();
    for senders in Vec::from_iter(joining).chunks(CONCURRENCY) {
        let joined = senders.iter().map(|(sender, lines)| gateway.store.join_lines(sender, lines, now));
        let slots = try_join_all(joined).await?;
        found.extend(senders.iter().map(|(sender, _)| sender.clone()).zip(slots));
    }
    Ok(found)
}

async fn enqueue_deals(
    gateway: &Gateway,
    senders: impl Iterator<Item = (SenderId, Duration)>,
) -> Result<(), Unavailable> {
    let deal = |sender| Deal { sender, id: ExecutionId::random(&gateway.random), looked: 0 };
    let deals: Vec<_> = senders.map(|(sender, delay)| (deal(sender), delay)).collect();
    if !deals.is_empty() {
        gateway.queue.enqueue_deals(&deals).await?;
    }
    Ok(())
}

/// Whether a joining message is counted.
pub(super) struct IsCounted(pub(super) bool);

/// Puts a claimed message on its line, and joins it.
pub(super) async fn wait_on_line(
    gateway: &Gateway,
    message: &Message,
    claimed_by: ExecutionId,
) -> Result<(), Unavailable> {
    if !put_on_line(gateway, message, claimed_by).await? {
        return Ok(());
    }
    let was_on_line = message.delivery.line_at.is_some();
    join(gateway, std::iter::once((Line::of(message), IsCounted(!was_on_line)))).await
}

/// Puts a claimed message on its line. Returns false if it got a final receipt meanwhile.
pub(super) async fn put_on_line(
    gateway: &Gateway,
    message: &Message,
    claimed_by: ExecutionId,
) -> Result<bool, Unavailable> {
    match gateway.store.put_on_line(message, claimed_by, end_of_validity(message)).await? {
        Change::Applied(_) => {
            debug!(message.id = %message.id, "waits for a send slot");
            return Ok(true);
        }
        // A final receipt of an earlier attempt came meanwhile.
        Change::Conflict(found) if found.delivery.receipts.is_final() => {
            let submitted = OutcomeUpdate::new(claimed_by, Progress::Submitted, gateway.clock.now());
            write_outcome(gateway, &found, &submitted).await?;
        }
        Change::Conflict(_) | Change::NotFound => {}
    }
    Ok(false)
}

/// Counts a message out, if it was on a line and left it without a dealer.
pub(super) async fn left(gateway: &Gateway, line: Option<Line>) {
    let Some(line) = line else { return };
    if let Err(error) = gateway.store.leave_line(&line).await {
        warn!(account.id = %line.account, error = error_chain(&error), "could not count a message that left its line");
    }
}

/// Returns when a waiting message expires. Its client is then notified in time.
fn end_of_validity(message: &Message) -> Option<Timestamp> {
    message.request.expires_at.map(|at| at.saturating_add(CLAIM_TOLERANCE).unwrap_or(Timestamp::MAX))
}
