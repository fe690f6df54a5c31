//! The time, which a test or the local stack may move forward.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;

/// The system's clock, ahead by a number of milliseconds: in the cloud by none.
/// Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    ahead_ms: Arc<AtomicI64>,
}

impl Clock {
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Now, to the millisecond, as it is stored.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now().as_millisecond().saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        Timestamp::from_millisecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Sets how far it is ahead of the system's clock.
    pub fn set_ahead(&self, ahead: Duration) {
        let ms = i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX);
        self.ahead_ms.store(ms, Ordering::Relaxed);
    }
}
