//! `schedule-tick`: once a minute, by EventBridge Scheduler, wakes what is due.

use jiff::{SignedDuration, Timestamp};
use shared::{
    flow::{Gateway, Unavailable, schedule},
    gateway::{Part, connect_gateway},
    runtime::{ConfigError, Environment},
};

/// How long before its deadline a tick takes on nothing new.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

pub struct ScheduleTick {
    gateway: Gateway,
}

impl ScheduleTick {
    /// # Errors
    /// When a variable is missing or malformed.
    pub fn new(environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self { gateway: connect_gateway(environment, &[Part::Jobs])? })
    }

    /// One tick, that ends before `deadline` (milliseconds since the epoch, as
    /// Lambda gives it). What it did not get to, the next one does.
    ///
    /// # Errors
    /// When the store or queue did not answer. Nothing is lost by it.
    pub async fn handle(&self, deadline: u64) -> Result<(), Unavailable> {
        let deadline = i64::try_from(deadline).ok().and_then(|millis| Timestamp::from_millisecond(millis).ok());
        let until = deadline.and_then(|deadline| deadline.checked_sub(RESERVE).ok()).unwrap_or(Timestamp::MAX);
        let ticked = schedule::tick(&self.gateway, until).await;
        self.gateway.publish_metrics();
        ticked.map(|_| ())
    }
}
