//! A dealer: submits the picked messages, and gives its lease back.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::{
    carriers::Submitter,
    domain::{ExecutionId, Line, MessageId, SenderId},
    flow::{
        Gateway, JobOutcome, Unavailable,
        submit::submit_in_turn,
        turn::{DealtSlots, Turn},
    },
    queue::{Deal, Queue},
    runtime::error_chain,
    store::{DealEnd, Directory, SendSlotStore},
};

/// How long a dealer waits for messages with a turn, before it gives the lease back.
const LAST_TURNS: SignedDuration = SignedDuration::from_secs(2);
/// When the next dealer looks again for missing messages.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// When the next dealer tries again to submit blocked messages.
const TRY_AGAIN: Duration = Duration::from_secs(15);
/// How often a waiting dealer looks again.
pub(super) const POLL: Duration = Duration::from_millis(100);

/// Why a dealer stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    TimeOver,
    /// The clock is about to move, which happens only in tests and on a laptop.
    ClockMoves,
    /// Another dealer has the lease.
    Lost,
    /// No message is left to pick. From here on, the lease was given back.
    Empty,
    /// All messages left are blocked.
    Blocked,
    /// The index does not show all counted messages.
    Missing,
}

impl Stop {
    pub(super) fn has_lease(self) -> bool {
        matches!(self, Self::TimeOver | Self::ClockMoves)
    }
}

pub(super) struct Dealer<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) directory: &'a Directory,
    pub(super) submitter: &'a Submitter,
    pub(super) sender: &'a SenderId,
    pub(super) id: ExecutionId,
    /// When to stop picking.
    pub(super) stops_at: Timestamp,
    /// When the function's timeout ends, and with it every claim.
    pub(super) claims_until: Timestamp,
    pub(super) slots: Arc<DealtSlots>,
    /// How many picked messages may wait for a slot.
    pub(super) most_turns: usize,
    /// How many dealers before this one have looked for missing messages.
    pub(super) looked: u8,
    pub(super) progress: Mutex<Progress>,
}

/// The picked messages.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) running: usize,
    /// Messages claimed by another worker, or not submitted because of an error.
    pub(super) blocked: usize,
    /// Messages no longer on their line, but still counted in the sender's record.
    pub(super) left: HashMap<Line, i64>,
}

/// A message to submit.
pub(super) struct Pick {
    pub(super) line: Line,
    pub(super) message: MessageId,
    pub(super) turn: Turn,
}

impl Dealer<'_> {
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Submits the messages as they are picked, until all are submitted.
    pub(super) async fn submit_all(&self, mut picks: mpsc::UnboundedReceiver<Pick>) {
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
    pub(super) async fn give_back(&self, stop: &Result<Stop, Unavailable>, joins: u64) -> Result<(), Unavailable> {
        let now = self.gateway.clock.now();
        let last_turns_by = match stop {
            Ok(Stop::TimeOver) => now.saturating_add(LAST_TURNS).unwrap_or(now),
            Ok(_) | Err(_) => now,
        };
        while self.slots.turns() > 0 && self.gateway.clock.now() < last_turns_by {
            let _ = tokio::time::timeout(POLL, self.slots.changed.notified()).await;
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

    /// Returns the end of this lease. The messages in `left` then count as recorded.
    pub(super) fn end(&self, free_at: Timestamp, joins: u64, empty: Vec<Line>) -> DealEnd {
        let left = std::mem::take(&mut self.progress().left);
        DealEnd { dealer: self.id, free_at, left, empty, joins }
    }

    /// Takes back messages, because the record could not be written.
    pub(super) fn not_recorded(&self, left: HashMap<Line, i64>) {
        let mut progress = self.progress();
        for (line, count) in left {
            *progress.left.entry(line).or_default() += count;
        }
    }

    /// Enqueues the job of the next dealer, if one is needed. Returns whether it is.
    pub(super) async fn follow_up(&self, stop: Stop) -> Result<bool, Unavailable> {
        let (looked, delay) = match stop {
            Stop::Empty | Stop::Lost => return Ok(false),
            Stop::TimeOver | Stop::ClockMoves => (0, Duration::ZERO),
            Stop::Blocked => (0, TRY_AGAIN),
            Stop::Missing => (self.looked.saturating_add(1), LOOK_AGAIN),
        };
        let deal = Deal { sender: self.sender.clone(), id: ExecutionId::random(&self.gateway.random), looked };
        self.gateway.queue.enqueue_deals(&[(deal, delay)]).await?;
        Ok(true)
    }

    /// Counts the messages submitted after the lease was given back. Enqueues another job if some are blocked.
    pub(super) async fn settle(&self, is_followed_up: bool) -> Result<(), Unavailable> {
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
