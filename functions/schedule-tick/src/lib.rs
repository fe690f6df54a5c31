//! `schedule-tick`: enqueues due scheduled work. EventBridge Scheduler invokes it once a minute.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use shared::{
    flow::{Gateway, Unavailable, schedule},
    gateway::{Part, connect_gateway},
    runtime::{ConfigError, Environment},
};

/// A tick starts no new work this long before its deadline.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

pub struct ScheduleTick {
    gateway: Arc<Gateway>,
}

impl ScheduleTick {
    /// # Errors
    /// A variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { gateway: Arc::new(connect_gateway(environment, &[Part::Jobs])?) })
    }

    /// Runs a tick, which stops before `deadline` (Lambda's, in milliseconds since the epoch).
    /// The next tick takes the remaining work.
    ///
    /// # Errors
    /// The store or queue did not answer. No work is lost; the next tick retries.
    pub async fn handle(&self, deadline: u64) -> Result<(), Unavailable> {
        let deadline = i64::try_from(deadline).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let until = deadline.and_then(|deadline| deadline.checked_sub(RESERVE).ok()).unwrap_or(Timestamp::MAX);
        let ticked = schedule::tick(&self.gateway, until).await;
        self.gateway.publish_metrics();
        ticked.map(|_| ())
    }
}
