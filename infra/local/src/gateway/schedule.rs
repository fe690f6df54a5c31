//! Schedules: invoke a function at start, at an interval, and after each move of the clock.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::{functions::Functions, time::Time};

pub(super) async fn run(
    binary: String,
    every: Duration,
    timeout: Duration,
    functions: Arc<Functions>,
    time: Arc<Time>,
    stopping: CancellationToken,
) {
    let mut moves = time.subscribe_to_moves();
    let mut interval = tokio::time::interval(every);
    loop {
        let done = tokio::select! {
            () = stopping.cancelled() => return,
            _ = interval.tick() => None,
            Some(done) = moves.recv() => Some(done),
        };
        let deadline = time.now().as_millisecond().unsigned_abs().saturating_add(millis(timeout));
        let in_flight = time.in_flight().await;
        if let Err(error) = functions.tick(&binary, deadline).await {
            warn!(function = binary, error = format!("{error:#}"), "tick failed; the next one continues");
        }
        drop(in_flight);
        if let Some(done) = done {
            // The request that moved the clock may have been cancelled.
            let _ = done.send(());
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
