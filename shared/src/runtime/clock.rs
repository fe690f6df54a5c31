//! The clock, which tests and the local stack can move forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::watch;

/// The system clock plus an offset in milliseconds, which is 0 in the cloud. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
    moves: Arc<watch::Sender<()>>,
}

/// The moves of a clock.
#[derive(Debug)]
pub struct ClockMoves(watch::Receiver<()>);

impl Clock {
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Returns the time, truncated to milliseconds as it is stored.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now().as_millisecond().saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Sets how far this clock is ahead of the system clock.
    pub fn set_ahead(&self, ahead: Duration) {
        let ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }

    /// Asks waiting invocations to end, because the clock is about to move.
    pub fn announce_move(&self) {
        self.moves.send_replace(());
    }

    /// Watches for moves from now on.
    #[must_use]
    pub fn moves(&self) -> ClockMoves {
        ClockMoves(self.moves.subscribe())
    }
}

impl ClockMoves {
    /// Waits until a move is announced.
    pub async fn announced(&mut self) {
        // Fails if the clock is gone, which moves no more.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
