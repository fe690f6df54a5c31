//! A cache whose entries expire, for the directory and the secrets.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::StoreError;

/// Limits the memory that a flood of unknown keys or senders can take.
const MAX_ENTRIES: usize = 10_000;

pub(super) struct TtlCache<K, V> {
    ttl: SignedDuration,
    entries: Mutex<HashMap<K, (Timestamp, V)>>,
}

impl<K: Clone + Eq + Hash, V: Clone> TtlCache<K, V> {
    pub(super) fn new(ttl: SignedDuration) -> Self {
        Self { ttl, entries: Mutex::default() }
    }

    /// Returns the cached value, or reads anew after expiry.
    pub(super) async fn get<F>(&self, now: Timestamp, key: &K, read: impl FnOnce() -> F) -> Result<V, StoreError>
    where
        F: Future<Output = Result<V, StoreError>>,
    {
        self.get_if_newer_than(self.ttl, now, key, read).await
    }

    /// Returns the cached value if newer than `age`, or reads anew.
    pub(super) async fn get_if_newer_than<F>(
        &self,
        age: SignedDuration,
        now: Timestamp,
        key: &K,
        read: impl FnOnce() -> F,
    ) -> Result<V, StoreError>
    where
        F: Future<Output = Result<V, StoreError>>,
    {
        if let Some((read_at, value)) = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(key)
            && now.duration_since(*read_at) < age
        {
            return Ok(value.clone());
        }
        let value = read().await?;
        self.put(now, key, value.clone());
        Ok(value)
    }

    /// Caches the value, and returns the one that it replaces.
    pub(super) fn put(&self, now: Timestamp, key: &K, value: V) -> Option<V> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(key.clone(), (now, value)).map(|(_, earlier)| earlier)
    }
}
