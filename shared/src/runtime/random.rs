//! Chance: ids, keys and secrets, the choice of a shared sender, the
//! jitter of retries.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

/// A source of chance. Clones share it; seeded by a test, it repeats itself.
#[derive(Clone)]
pub struct Random {
    rng: Arc<Mutex<StdRng>>,
}

impl Random {
    /// Seeded by the operating system.
    #[must_use]
    pub fn of_system() -> Self {
        Self::with(rand::make_rng())
    }

    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self::with(StdRng::seed_from_u64(seed))
    }

    fn with(rng: StdRng) -> Self {
        Self { rng: Arc::new(Mutex::new(rng)) }
    }

    fn draw<T>(&self, draw: impl FnOnce(&mut StdRng) -> T) -> T {
        draw(&mut self.rng.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A fresh UUID that sorts by time (version 7).
    #[must_use]
    pub fn uuid(&self, now: Timestamp) -> Uuid {
        let mut bytes = [0; 10];
        self.draw(|rng| rng.fill_bytes(&mut bytes));
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }

    #[must_use]
    pub fn u64(&self) -> u64 {
        self.draw(Rng::next_u64)
    }

    /// For a key or a secret.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.draw(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// An index below `length`, which must not be 0.
    #[must_use]
    pub fn index(&self, length: usize) -> usize {
        self.draw(|rng| rng.random_range(0..length))
    }

    /// Between nothing and the duration.
    #[must_use]
    pub fn up_to(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.draw(|rng| rng.random_range(0.0..=1.0)))
    }

    /// The duration, shortened or lengthened by up to a fifth.
    #[must_use]
    pub fn jittered(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.draw(|rng| rng.random_range(0.8..=1.2)))
    }
}
