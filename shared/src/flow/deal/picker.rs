//! The picker reads the lines, and picks messages for as long as slots are free.

use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::UnboundedSender;
use tracing::warn;

use super::{
    dealer::{Dealer, POLL, Pick, Stop},
    rotation::Rotation,
};
use crate::{
    domain::Line,
    flow::Unavailable,
    runtime::ClockMoves,
    store::{LeaseEnd, LineEntry, SendSlotStore, SendSlots, StoreError},
};

/// How often we look for new messages, and whether we still have the lease.
const REFRESH: SignedDuration = SignedDuration::from_millis(500);
/// How long we wait for submits in flight, to count them when we give the lease back, and for the index to show
/// messages.
const PATIENCE: SignedDuration = SignedDuration::from_secs(3);
/// Submits in flight.
const MOST_RUNNING: usize = 250;
/// How many dealers look for missing messages, before we take the count as wrong.
const LOOKS: u8 = 2;
/// Messages per read of a line.
const PAGE: u16 = 50;
/// Lines read concurrently.
const CONCURRENCY: usize = 16;

pub(super) struct Picker<'a> {
    dealer: &'a Dealer<'a>,
    rotation: Rotation,
    joins: u64,
    moves: ClockMoves,
    refreshed_at: Timestamp,
    picked_at: Timestamp,
}

impl<'a> Picker<'a> {
    pub(super) fn new(dealer: &'a Dealer<'a>, found: SendSlots) -> Self {
        let now = dealer.gateway.clock.now();
        let mut rotation = Rotation::new();
        rotation.update(&found.waiting, true);
        let moves = dealer.gateway.clock.moves();
        Self { dealer, rotation, joins: found.joins, moves, refreshed_at: now, picked_at: now }
    }

    pub(super) fn joins(&self) -> u64 {
        self.joins
    }

    /// Picks messages until there is a reason to stop.
    pub(super) async fn pick_all(&mut self, picked: &UnboundedSender<Pick>) -> Result<Stop, Unavailable> {
        loop {
            let now = self.dealer.gateway.clock.now();
            if now >= self.dealer.stops_at {
                return Ok(Stop::TimeOver);
            }
            if now.duration_since(self.refreshed_at) >= REFRESH && !self.refresh().await? {
                return Ok(Stop::Lost);
            }
            if !self.has_room() {
                if !self.wait().await {
                    return Ok(Stop::ClockMoves);
                }
                continue;
            }
            self.read_stale().await?;
            if let Some((line, entry)) = self.rotation.pick() {
                self.picked_at = now;
                self.dealer.progress().running += 1;
                // Fails only if the submits have panicked, and with them this task.
                let _ = picked.send(Pick { line, message: entry.message, turn: self.dealer.slots.turn() });
            } else if let Some(stop) = self.without_messages(now).await? {
                return Ok(stop);
            } else if !self.wait().await {
                return Ok(Stop::ClockMoves);
            }
        }
    }

    fn has_room(&self) -> bool {
        self.dealer.slots.turns() < self.dealer.most_turns && self.dealer.progress().running < MOST_RUNNING
    }

    /// Waits for a change, but not for long. Returns false if the clock is about to move.
    async fn wait(&mut self) -> bool {
        tokio::select! {
            () = self.moves.announced() => false,
            () = self.dealer.slots.changed.notified() => true,
            () = tokio::time::sleep(POLL) => true,
        }
    }

    /// Reads the sender's record. Returns false if another dealer has the lease.
    async fn refresh(&mut self) -> Result<bool, StoreError> {
        let found = self.dealer.gateway.store.send_slots(self.dealer.sender, true).await?;
        if found.dealer.is_none_or(|(dealer, _)| dealer != self.dealer.id) {
            return Ok(false);
        }
        self.rotation.update(&found.waiting, found.joins != self.joins);
        self.joins = found.joins;
        self.refreshed_at = self.dealer.gateway.clock.now();
        Ok(true)
    }

    async fn read_stale(&mut self) -> Result<(), StoreError> {
        for lines in self.rotation.stale().chunks(CONCURRENCY) {
            let read = try_join_all(lines.iter().map(|line| self.read(line))).await?;
            for (line, (entries, has_more)) in lines.iter().zip(read) {
                self.rotation.fill(line, entries, has_more);
            }
        }
        Ok(())
    }

    /// Reads the first messages of a line, without the picked ones. Returns whether more may follow.
    async fn read(&self, line: &Line) -> Result<(Vec<LineEntry>, bool), StoreError> {
        let mut after = None;
        loop {
            let page = self.dealer.gateway.store.line_page(line, after, PAGE).await?;
            let (last, has_more) = (page.last().copied(), page.len() == usize::from(PAGE));
            let entries: Vec<_> = page.into_iter().filter(|entry| !self.rotation.has_picked(entry)).collect();
            if !entries.is_empty() || !has_more {
                return Ok((entries, has_more));
            }
            after = last;
        }
    }

    /// Decides whether to stop, because no message was found on the lines.
    async fn without_messages(&mut self, now: Timestamp) -> Result<Option<Stop>, Unavailable> {
        let quiet = now.duration_since(self.picked_at);
        let (running, blocked) = {
            let progress = self.dealer.progress();
            (progress.running, progress.blocked)
        };
        // A turn may still take a slot.
        if self.dealer.slots.turns() > 0 {
            return Ok(None);
        }
        let missing = self.rotation.missing();
        let stop = if blocked > 0 {
            Stop::Blocked
        } else if missing > 0 && (running > 0 || self.dealer.looked < LOOKS) {
            Stop::Missing
        } else {
            Stop::Empty
        };
        if (missing > 0 || running > 0) && quiet < PATIENCE {
            return Ok(None);
        }
        // A message in flight may stay on its line.
        let empty = if stop == Stop::Empty && running == 0 { self.rotation.all() } else { Vec::new() };
        if missing > 0 && !empty.is_empty() {
            warn!(missing, "corrected the number of messages that wait for send slots");
        }
        self.give_back(stop, empty).await
    }

    /// Gives the lease back, unless messages have joined meanwhile.
    async fn give_back(&mut self, stop: Stop, empty: Vec<Line>) -> Result<Option<Stop>, Unavailable> {
        let end = self.dealer.end(self.dealer.slots.free_at(), self.joins, empty);
        let ended = self.dealer.gateway.store.end_if_none_joined(self.dealer.sender, &end).await;
        match ended {
            Ok(LeaseEnd::GivenBack) => return Ok(Some(stop)),
            Ok(LeaseEnd::Lost) => return Ok(Some(Stop::Lost)),
            Ok(LeaseEnd::Joined) | Err(_) => self.dealer.not_recorded(end.left),
        }
        ended?;
        Ok(if self.refresh().await? { None } else { Some(Stop::Lost) })
    }
}
