//! Answers that are remembered for a while.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// The most answers that are remembered, so that a flood of unknown keys or
/// senders does not fill the memory.
const MOST: usize = 10_000;

pub(super) struct Remembered<K, V> {
    kept: SignedDuration,
    answers: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Clone + Eq + Hash, V: Clone> Remembered<K, V> {
    pub(super) fn for_up_to(kept: SignedDuration) -> Self {
        Self { kept, answers: Mutex::default() }
    }

    /// The answer of the last read, or of a new one.
    pub(super) async fn get<F>(&self, now: Timestamp, key: &K, read: impl FnOnce() -> F) -> Result<V, StoreError>
    where
        F: Future<Output = Result<V, StoreError>>,
    {
        self.get_newer_than(self.kept, now, key, read).await
    }

    /// The answer of the last read if that is not `age` ago, or of a new one.
    pub(super) async fn get_newer_than<F>(
        &self,
        age: SignedDuration,
        now: Timestamp,
        key: &K,
        read: impl FnOnce() -> F,
    ) -> Result<V, StoreError>
    where
        F: Future<Output = Result<V, StoreError>>,
    {
        if let Some((read_at, value)) = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(key)
            && now.duration_since(*read_at) < age
        {
            return Ok(value.clone());
        }
        let value = read().await?;
        self.put(now, key, value.clone());
        Ok(value)
    }

    /// Remembers what a write came to.
    pub(super) fn put(&self, now: Timestamp, key: &K, value: V) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(key.clone(), (now, value));
    }
}
