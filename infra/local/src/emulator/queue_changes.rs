//! Tells the receivers of a queue that a message may be visible.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

/// By queue name.
#[derive(Default)]
pub(super) struct QueueChanges(Mutex<HashMap<String, watch::Sender<()>>>);

impl QueueChanges {
    fn of<T>(&self, queue_name: &str, with: impl FnOnce(&watch::Sender<()>) -> T) -> T {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        with(queues.entry(queue_name.to_owned()).or_insert_with(|| watch::Sender::new(())))
    }

    pub(super) fn subscribe(&self, queue_name: &str) -> watch::Receiver<()> {
        self.of(queue_name, watch::Sender::subscribe)
    }

    pub(super) fn notify(&self, queue_name: &str) {
        self.of(queue_name, |changed| changed.send_replace(()));
    }

    pub(super) fn notify_all(&self) {
        let queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        queues.values().for_each(|changed| changed.send_replace(()));
    }
}
