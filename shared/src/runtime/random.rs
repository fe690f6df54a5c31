//! Randomness for IDs, keys, secrets, the choice of a shared sender, and retry jitter.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

/// A random number generator, which a test can seed. Clones share its state.
#[derive(Clone)]
pub struct Random {
    rng: Arc<Mutex<StdRng>>,
}

impl Random {
    /// Returns a generator seeded by the operating system.
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

    /// Returns a new UUID version 7, which sorts by time.
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

    /// Returns 256 bits for a key or secret.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        self.draw(|rng| rng.fill_bytes(&mut bytes));
        bytes
    }

    /// Returns an index below `length`, which must not be 0.
    #[must_use]
    pub fn index(&self, length: usize) -> usize {
        self.draw(|rng| rng.random_range(0..length))
    }

    /// Returns a duration between 0 and `duration`.
    #[must_use]
    pub fn up_to(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.draw(|rng| rng.random_range(0.0..=1.0)))
    }

    /// Returns the duration ± up to 20 %.
    #[must_use]
    pub fn jittered(&self, duration: Duration) -> Duration {
        duration.mul_f64(self.draw(|rng| rng.random_range(0.8..=1.2)))
    }
}
