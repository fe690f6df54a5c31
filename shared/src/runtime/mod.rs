//! A function's dependencies on its process: settings, clock, randomness, telemetry, HTTP and AWS clients.
//! Tests and the local stack can replace each, because the rest of the crate never reads the process.

pub mod aws;
mod clock;
mod config;
mod http;
mod metrics;
mod random;
mod retry_after;
pub mod telemetry;

pub use clock::{Clock, ClockMoves};
pub use config::{ConfigError, Settings, Variables};
pub(crate) use http::found_no_connection;
pub use http::{HttpStack, IdleTimeouts, TlsError};
pub use metrics::{Metric, MetricDimensions, Metrics};
pub use random::Random;
pub(crate) use retry_after::retry_after;
pub use telemetry::error_chain;

/// The dependencies that a function is built from.
#[derive(Clone)]
pub struct Environment {
    pub variables: Variables,
    pub clock: Clock,
    pub random: Random,
    pub http: HttpStack,
    pub metrics: Metrics,
}

impl Environment {
    /// Returns the environment of this process.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn of_process() -> Result<Self, TlsError> {
        let variables = Variables::of_process();
        Ok(Self {
            metrics: Metrics::of(&variables),
            variables,
            clock: Clock::system(),
            random: Random::of_system(),
            http: HttpStack::new()?,
        })
    }
}
