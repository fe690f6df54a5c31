//! Deal: give the send slots of a sender with a rate limit to the messages on its lines.
//!
//! 1. Lease the sender's slots, so that it has a single dealer (`SendSlotStore`).
//! 2. Pick messages: by lane, then by account in turn, then by position on the line (`picker`, `rotation`).
//! 3. Submit each as any message, but with a turn, in which it takes a slot just before its submit (`turn`). So a
//!    message that is not submitted takes no slot.
//! 4. After some seconds, or when the lines are empty, give the lease back, with the time of the next slot. If messages
//!    are left, enqueue a job for the next dealer. Submits in flight go on meanwhile.
//!
//! - **Crash.** A message leaves its line with its outcome. If a dealer dies, the next one finds its messages on the
//!   lines, and handles those that it had claimed as after any dead worker. It starts when the lease has ended, so both
//!   together keep the rate.
//! - **Duplicate.** A second job finds the lease taken, and has no effect.
//! - **Race.** A message that joins while the dealer gives the lease back either makes that fail, or finds no dealer and
//!   enqueues a job.
//!
//! The index of lines shows a message some milliseconds after it was stored. So the sender's record counts the messages
//! of each line, and the dealer reads again while messages are missing.

mod picker;
mod rotation;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, future::join, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tracing::{debug, error, warn};

use self::picker::{Picker, Stop};
use super::{
    Gateway, JobOutcome, Unavailable,
    submit::{CLAIM_LEASE, submit_in_turn},
    turn::{DealtSlots, Pace, Turn},
};
use crate::{
    carriers::Submitter,
    domain::{ExecutionId, Line, MessageId, SenderId},
    queue::{Deal, Queue},
    runtime::error_chain,
    store::{DealEnd, Directory, Lease, SendSlotStore},
};

/// How long a dealer picks messages. Then enough of the function's time is left for a carrier's longest timeout.
const DEALS_FOR: SignedDuration = SignedDuration::from_secs(12);
/// The lease is longer, because a dealer that gives it back waits for messages that have a turn.
const LEASE: SignedDuration = SignedDuration::from_secs(20);
/// A slot may be a second long, and must end before the lease.
const LONGEST_SLOT: SignedDuration = SignedDuration::from_secs(1);
/// How long a dealer that gives the lease back waits for messages that have a turn.
const LAST_TURNS: SignedDuration = SignedDuration::from_secs(2);
/// When the next dealer looks again for messages that the index does not show.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// When the next dealer tries messages again that other workers have claimed, or that could not be submitted.
const TRY_AGAIN: Duration = Duration::from_secs(15);

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
    let begun = gateway.clock.now();
    let after = |wait| begun.saturating_add(wait).unwrap_or(Timestamp::MAX);
    let lease = Lease { execution_id: ExecutionId::random(&gateway.random), from: begun, until: after(LEASE) };
    let Some(found) = gateway.store.lease_send_slots(&deal.sender, lease).await? else {
        debug!("the sender has a dealer");
        return Ok(JobOutcome::Done);
    };
    let rate = directory.rates().await?.of(&deal.sender);
    let free_at = match found.dealer {
        // It died, and may have used its slots until the end of its lease.
        Some((other, until)) if other != lease.execution_id => until,
        // Time without a dealer is not made up for.
        _ => found.free_at.map_or(begun, |free_at| free_at.max(begun)),
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

struct Dealer<'a> {
    gateway: &'a Gateway,
    directory: &'a Directory,
    submitter: &'a Submitter,
    sender: &'a SenderId,
    id: ExecutionId,
    /// When to stop picking.
    stops_at: Timestamp,
    /// When the function's timeout ends, and with it every claim.
    claims_until: Timestamp,
    slots: Arc<DealtSlots>,
    /// How many picked messages may wait for a slot.
    most_turns: usize,
    /// How many dealers before this one have looked for missing messages.
    looked: u8,
    progress: Mutex<Progress>,
}

/// The picked messages.
#[derive(Default)]
struct Progress {
    running: usize,
    /// Messages that another worker has claimed, or that could not be submitted.
    blocked: usize,
    /// Messages that left their line, and are still counted in the sender's record.
    left: HashMap<Line, i64>,
}

/// A message to submit.
struct Pick {
    line: Line,
    message: MessageId,
    turn: Turn,
}

impl Dealer<'_> {
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits the messages as they are picked, until all are submitted.
    async fn submit_all(&self, mut picks: mpsc::UnboundedReceiver<Pick>) {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(pick) = picks.recv() => running.push(self.submit(pick)),
                Some(()) = running.next() => {}
                else => return,
            }
        }
    }

    async fn submit(&self, Pick { line, message, turn }: Pick) {
        let submit = submit_in_turn(self.gateway, self.directory, self.submitter, message, turn, self.claims_until);
        // In a box, because the future is large.
        let outcome = Box::pin(submit).await;
        let mut progress = self.progress();
        progress.running -= 1;
        match outcome {
            Ok(JobOutcome::Done) => *progress.left.entry(line).or_default() += 1,
            Ok(JobOutcome::Retry) => progress.blocked += 1,
            Err(error) => {
                error!(message.id = %message, error = error_chain(&error), "could not submit message");
                progress.blocked += 1;
            }
        }
        self.slots.changed.notify_one();
    }

    /// Gives the lease back, unless the picker has, or another dealer has it.
    async fn give_back(&self, stop: &Result<Stop, Unavailable>, joins: u64) -> Result<(), Unavailable> {
        let now = self.gateway.clock.now();
        let last_turns_by = match stop {
            Ok(Stop::TimeOver) => now.saturating_add(LAST_TURNS).unwrap_or(now),
            Ok(_) | Err(_) => now,
        };
        while self.slots.turns() > 0 && self.gateway.clock.now() < last_turns_by {
            let _ = tokio::time::timeout(picker::POLL, self.slots.changed.notified()).await;
        }
        let free_at = self.slots.close();
        if stop.as_ref().is_ok_and(|stop| !stop.has_lease()) {
            return Ok(());
        }
        let end = self.end(free_at, joins, Vec::new());
        let ended = self.gateway.store.end_lease(self.sender, &end).await;
        match (ended, stop) {
            (Ok(_), _) => Ok(()),
            (Err(error), Ok(_)) => Err(error.into()),
            // The first error counts.
            (Err(error), Err(_)) => {
                warn!(error = error_chain(&error), "could not give back the lease of send slots");
                Ok(())
            }
        }
    }

    /// Returns the end of this lease. The messages that have left their lines count as recorded.
    fn end(&self, free_at: Timestamp, joins: u64, empty: Vec<Line>) -> DealEnd {
        let left = std::mem::take(&mut self.progress().left);
        DealEnd { dealer: self.id, free_at, left, empty, joins }
    }

    /// Takes back messages that could not be recorded.
    fn not_recorded(&self, left: HashMap<Line, i64>) {
        let mut progress = self.progress();
        for (line, count) in left {
            *progress.left.entry(line).or_default() += count;
        }
    }

    /// Enqueues the job of the next dealer, if one is needed. Returns whether it is.
    async fn follow_up(&self, stop: Stop) -> Result<bool, Unavailable> {
        let (looked, delay) = match stop {
            Stop::Empty | Stop::Lost => return Ok(false),
            Stop::TimeOver | Stop::ClockMoves => (0, Duration::ZERO),
            Stop::Blocked => (0, TRY_AGAIN),
            Stop::Missing => (self.looked.saturating_add(1), LOOK_AGAIN),
        };
        self.gateway.queue.enqueue_deals(&[(Deal { sender: self.sender.clone(), looked }, delay)]).await?;
        Ok(true)
    }

    /// Counts the messages that left their lines after the lease was given back, and enqueues another job if some did
    /// not.
    async fn settle(&self, is_followed_up: bool) -> Result<(), Unavailable> {
        let Progress { blocked, left, .. } = std::mem::take(&mut *self.progress());
        if !left.is_empty() {
            self.gateway.store.left_lines(self.sender, &left).await?;
        }
        if blocked > 0 && !is_followed_up {
            self.follow_up(Stop::Blocked).await?;
        }
        Ok(())
    }
}
