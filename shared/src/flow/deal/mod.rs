//! Deal: give the send slots of a sender with a rate limit to the messages on its lines.
//!
//! 1. Lease the sender's slots, so that it has a single dealer (`SendSlotStore`).
//! 2. Pick messages: by lane, then by account in turn, then by position on the line (`picker`, `rotation`).
//! 3. Submit each as any message, but with a turn, in which it takes a slot just before its submit (`turn`). So a
//!    message takes no slot unless it goes to a carrier.
//! 4. After some seconds, or when the lines are empty, give the lease back, with the time of the next slot. If messages
//!    are left, enqueue a job for the next dealer. Submits in flight go on meanwhile.
//!
//! - **Crash.** A message leaves its line with its outcome. If a dealer dies, the next one finds its messages on the
//!   lines, and treats a claimed one as after any dead worker. It starts when the lease has ended, so both together
//!   keep the rate.
//! - **Duplicate.** A second job finds the lease taken, and has no effect. But a second delivery of the same job must not
//!   delete it, because the dealer of the first may die.
//! - **Race.** If a message joins while the dealer gives the lease back, either this fails, or the message finds no
//!   dealer, and a job is enqueued.
//!
//! The index of lines shows a message some milliseconds after it was stored. So the sender's record counts the messages
//! of each line, and the dealer reads again while messages are missing.

mod dealer;
mod picker;
mod rotation;

use std::sync::Mutex;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tracing::debug;

use self::{dealer::Dealer, picker::Picker};
use super::{
    Gateway, JobOutcome, Unavailable,
    submit::CLAIM_LEASE,
    turn::{DealtSlots, Pace},
};
use crate::{
    carriers::Submitter,
    domain::ExecutionId,
    queue::Deal,
    store::{Directory, Lease, SendSlotStore},
};

/// How long a dealer picks messages. Then enough of the function's time is left for a carrier's longest timeout.
const DEALS_FOR: SignedDuration = SignedDuration::from_secs(12);
/// The lease is longer, because a dealer waits for messages with a turn before it gives the lease back.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// A slot may be a second long, and must end before the lease.
const LONGEST_SLOT: SignedDuration = SignedDuration::from_secs(1);

/// Gives out a sender's slots until the sender's lines are empty, or for some seconds.
///
/// # Errors
/// If the store or queue did not answer. The messages stay on their lines.
pub async fn deal(
    gateway: &Gateway,
    directory: &Directory,
    submitter: &Submitter,
    deal: &Deal,
) -> Result<JobOutcome, Unavailable> {
    let rate = directory.rates().await?.of(&deal.sender);
    let begun = gateway.clock.now();
    let after = |wait| begun.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let lease = Lease { execution_id: ExecutionId::random(&gateway.random), from: begun, until: after(LEASE) };
    let found = gateway.store.send_slots(&deal.sender, true).await?;
    if found.has_dealer(begun) || !gateway.store.lease_send_slots(&deal.sender, deal.id, &found, lease).await? {
        debug!("the sender has a dealer");
        let dealing = gateway.store.send_slots(&deal.sender, true).await?.job;
        return Ok(if dealing == Some(deal.id) { JobOutcome::Retry } else { JobOutcome::Done });
    }
    let free_at = match found.dealer {
        // It died, and may have used its slots until the end of its lease.
        Some((_, until)) => until,
        // Time without a dealer is not made up for.
        None => found.free_at.map_or(begun, |free_at| free_at.max(begun)),
    };
    let until = after(LEASE - LONGEST_SLOT);
    let dealer = Dealer {
        gateway,
        directory,
        submitter,
        sender: &deal.sender,
        id: lease.execution_id,
        stops_at: after(DEALS_FOR),
        claims_until: after(CLAIM_LEASE),
        slots: DealtSlots::new(gateway.clock.clone(), Pace::new(rate, free_at), until),
        most_turns: rate.map_or(100, |rate| usize::from(rate.per_second() / 4).clamp(1, 100)),
        looked: deal.looked,
        progress: Mutex::default(),
    };
    let (picked, to_submit) = mpsc::unbounded_channel();
    let picking = async {
        let mut picker = Picker::new(&dealer, found);
        let stop = picker.pick_all(&picked).await;
        drop(picked);
        dealer.give_back(&stop, picker.joins()).await?;
        dealer.follow_up(stop?).await
    };
    let (followed_up, ()) = join(picking, dealer.submit_all(to_submit)).await;
    dealer.settle(followed_up?).await?;
    Ok(JobOutcome::Done)
}
