//! Turns: a dealer's messages take its send slots one after the other, each just before its submit.
//!
//! An expired message, or one to a recipient who has opted out, needs no slot, and leaves its turn to the next.
//!
//! A slot begins when the last one ends. A message may take a slot a little late, so a short delay of ours costs no
//! slot, but it never takes one early. So over any *w* seconds a carrier gets at most rate × (*w* + 1) messages, even if
//! the way to the carrier takes some of them up to a quarter of a second longer.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, oneshot};

use crate::{domain::Rate, runtime::Clock};

/// How late a message may take a slot, and how late it may take one if slots are long.
const MAX_LATENESS: SignedDuration = SignedDuration::from_millis(500);
const SLOT_WITH_LATENESS: SignedDuration = SignedDuration::from_millis(750);
/// Added to slots of a second, between which there is no room for delays on the way to the carrier.
const MARGIN: SignedDuration = SignedDuration::from_millis(10);

/// How a claimed message of a sender with a rate limit gets a send slot.
pub(super) enum SlotSource {
    /// From a dealer, later: the message goes to its line.
    Line,
    /// From the dealer, now.
    Turn(Turn),
}

/// A message's place among a dealer's messages.
pub(super) struct Turn {
    slots: Arc<DealtSlots>,
    /// Answered, with an error, when the turn before ends.
    before: oneshot::Receiver<Infallible>,
    _next: oneshot::Sender<Infallible>,
}

impl Turn {
    /// Waits for the turns before this one, and for a slot. Returns false if the dealer has ended.
    pub(super) async fn take_slot(mut self) -> bool {
        // Ends when the sender is dropped.
        let _ = (&mut self.before).await;
        self.slots.take().await
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.slots.lock().turns -= 1;
        self.slots.changed.notify_one();
    }
}

/// The slots of a sender under its dealer's lease.
pub(super) struct DealtSlots {
    clock: Clock,
    state: Mutex<State>,
    /// A turn has ended.
    pub(super) changed: Notify,
}

struct State {
    pace: Pace,
    /// Slots after this are not the dealer's.
    until: Timestamp,
    turns: usize,
    last_turn: Option<oneshot::Receiver<Infallible>>,
}

impl DealtSlots {
    pub(super) fn new(clock: Clock, pace: Pace, until: Timestamp) -> Arc<Self> {
        let state = Mutex::new(State { pace, until, turns: 0, last_turn: None });
        Arc::new(Self { clock, state, changed: Notify::new() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the next turn.
    pub(super) fn turn(self: &Arc<Self>) -> Turn {
        let mut state = self.lock();
        let (next, after) = oneshot::channel();
        // The first turn waits for none: its sender is dropped here.
        let before = state.last_turn.replace(after).unwrap_or_else(|| oneshot::channel().1);
        state.turns += 1;
        Turn { slots: Arc::clone(self), before, _next: next }
    }

    /// Returns how many messages wait for a slot.
    pub(super) fn turns(&self) -> usize {
        self.lock().turns
    }

    /// Returns when the next slot begins.
    pub(super) fn free_at(&self) -> Timestamp {
        self.lock().pace.free_at
    }

    /// Gives out no more slots. Returns when the next slot begins.
    pub(super) fn close(&self) -> Timestamp {
        let mut state = self.lock();
        state.until = Timestamp::MIN;
        state.pace.free_at
    }

    async fn take(&self) -> bool {
        loop {
            let now = self.clock.now();
            let taken = {
                let mut state = self.lock();
                if now >= state.until {
                    return false;
                }
                state.pace.take(now)
            };
            match taken {
                Ok(()) => return true,
                // Rounded up, because the clock and timers count in milliseconds.
                Err(wait) => tokio::time::sleep(wait + Duration::from_millis(1)).await,
            }
        }
    }
}

/// When slots begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Without a rate, slots take no time: the operator has removed the limit.
    slot: SignedDuration,
    /// When the next slot begins.
    free_at: Timestamp,
    /// When the last slot was taken.
    taken_at: Timestamp,
}

impl Pace {
    pub(super) fn new(rate: Option<Rate>, free_at: Timestamp) -> Self {
        let slot = rate.map_or(SignedDuration::ZERO, |rate| rate.time_for(1));
        let slot = if slot > SLOT_WITH_LATENESS { slot + MARGIN } else { slot };
        Self { slot, free_at, taken_at: Timestamp::MIN }
    }

    /// Takes the next slot, or returns how long to wait for it.
    fn take(&mut self, now: Timestamp) -> Result<(), Duration> {
        let lateness = MAX_LATENESS.min(SLOT_WITH_LATENESS - self.slot).max(SignedDuration::ZERO);
        let slot = self.free_at.max(now.saturating_sub(lateness).unwrap_or(Timestamp::MIN));
        // After a delay we catch up at twice the rate, because messages sent at once lose their order.
        let due = slot.max(self.taken_at.saturating_add(self.slot / 2).unwrap_or(slot));
        if due > now {
            return Err(Duration::try_from(due.duration_since(now)).unwrap_or_default());
        }
        self.free_at = slot.saturating_add(self.slot).unwrap_or(Timestamp::MAX);
        self.taken_at = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// Takes slots at a rate for two minutes, although the dealer stands still for each pause, in milliseconds, between
    /// two slots. Returns when they were taken, in milliseconds.
    fn taken(per_second: u16, pauses: &[i64]) -> Vec<i64> {
        let mut pace = Pace::new(Rate::new(per_second).ok(), at(0));
        let (mut now, mut taken, mut pauses) = (0, Vec::new(), pauses.iter().cycle());
        while now < 120_000 {
            match pace.take(at(now)) {
                Ok(()) => {
                    taken.push(now);
                    now += pauses.next().unwrap();
                }
                Err(wait) => now += i64::try_from(wait.as_millis()).unwrap().max(1),
            }
        }
        taken
    }

    #[test]
    fn undelayed_dealer_uses_every_slot() {
        for (per_second, slots) in [(1, 119), (3, 360), (10, 1_200), (1_000, 120_000)] {
            let taken = taken(per_second, &[0]).len();
            assert!((slots - 1..=slots).contains(&taken), "{taken} at {per_second}");
        }
        // Short delays cost no slot.
        assert!(taken(10, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 300]).len() >= 1_199);
        assert!(Pace::new(None, at(0)).take(at(0)).is_ok());
    }

    proptest! {
        #[test]
        fn rate_is_kept_over_any_time(per_second in 1..=1_000_u16, pauses in prop::collection::vec(0..3_000_i64, 1..20)) {
            let taken = taken(per_second, &pauses);
            let rate = i64::from(per_second);
            for (index, first) in taken.iter().enumerate() {
                for span in [1, 10, 100, 1_000] {
                    let Some(last) = taken.get(index + span) else { continue };
                    // The first may take a quarter of a second longer on its way, but not if slots are long.
                    let delay = if per_second == 1 { 10 } else { 250 };
                    // In thousandths, and times are rounded to milliseconds.
                    let count = i64::try_from(span).unwrap() + 1;
                    let most = rate * (last - first - delay + 1_000 + 1);
                    prop_assert!(count * 1_000 <= most, "{} from {}", count, index);
                }
            }
        }
    }
}
